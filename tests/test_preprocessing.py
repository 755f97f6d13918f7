"""Standardisation by hand, of constant columns, very small and very large ones, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import ConfigurationError, DataError, GlassnetError
from glassnet.preprocessing import Standardize


def test_mean_and_deviation_by_hand():
    # column 0: mean 3, deviations −2, 0, 2, so σ = √(8/3); column 1: mean −1, σ = √(2/3)
    x = np.array([[1.0, -2.0], [3.0, -1.0], [5.0, 0.0]])
    standardize = Standardize.from_data(x)
    np.testing.assert_allclose(standardize.mean, [3.0, -1.0], rtol=1e-15)
    np.testing.assert_allclose(standardize.scale, [np.sqrt(8 / 3), np.sqrt(2 / 3)], rtol=1e-15)
    np.testing.assert_allclose(standardize.apply(x), np.sqrt(1.5) * np.array([[-1, -1], [0, 0], [1, 1]]), rtol=1e-15)


def test_given_numbers():
    x = np.array([[0.0, 255.0], [51.0, 102.0]])
    np.testing.assert_allclose(Standardize(scale=255).apply(x), [[0, 1], [0.2, 0.4]])
    np.testing.assert_allclose(Standardize(mean=[51, 0], scale=[51, 102]).apply(x), [[-1, 2.5], [0, 1]])
    np.testing.assert_array_equal(Standardize().apply(x), x)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(2, 30), st.integers(1, 5), st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_standardised_rows_have_mean_0_and_deviation_1(rows, columns, mean, scale):
    x = mean + scale * np.random.default_rng(rows).normal(size=(rows, columns))
    result = Standardize.from_data(x).apply(x)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(result.std(axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -1e8 + 0.1, 1e-20, 255.0])
def test_a_constant_column_becomes_zero(value):
    x = np.column_stack([np.full(7, value), np.arange(7)])
    standardize = Standardize.from_data(x)
    assert standardize.scale[0] == 1.0
    np.testing.assert_allclose(standardize.apply(x)[:, 0], 0, atol=1e-7)


@pytest.mark.parametrize("unit", [1e-30, 1e-13, 1e-6, 1.0, 1e9, 1e30])
def test_the_unit_of_a_column_does_not_matter(unit):
    """A capacity in farads is as good a feature as one in picofarads."""
    x = unit * np.array([[1.0], [2.0], [4.0]])
    expected = Standardize.from_data(x / unit).apply(x / unit)
    np.testing.assert_allclose(Standardize.from_data(x).apply(x), expected, rtol=1e-9)


def test_float32_stays_float32():
    x = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
    standardize = Standardize.from_data(x)
    assert standardize.mean.dtype == standardize.scale.dtype == np.float64
    result = standardize.apply(x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[-1, -1], [1, 1]], rtol=1e-6)
    assert standardize.invert(result).dtype == np.float32


def test_statistics_of_float32_are_taken_in_float64():
    x = np.full((100_000, 1), 16_777_216.0, np.float32)
    x[::2] += 2
    standardize = Standardize.from_data(x)
    assert standardize.mean == pytest.approx(16_777_217, abs=1e-6)
    assert standardize.scale == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_whole_numbers_are_not_cut_to_whole_numbers(dtype):
    x = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    standardize = Standardize.from_data(x)
    expected = standardize.apply(x.astype(np.float64))
    np.testing.assert_allclose(standardize.apply(x), expected, rtol=1e-6)
    assert np.abs(expected).max() > 1.4
    np.testing.assert_allclose(Standardize(0.5, 0.25).invert(x), x * 0.25 + 0.5)


def test_rows_of_any_shape():
    x = np.random.default_rng(0).normal(3, 2, size=(20, 2, 3))
    standardize = Standardize.from_data(x)
    assert standardize.mean.shape == (2, 3)
    result = standardize.apply(x)
    np.testing.assert_allclose(result.mean(axis=0), np.zeros((2, 3)), atol=1e-12)
    np.testing.assert_allclose(standardize.apply(x[:1]), result[:1])


def test_channels_of_images_by_hand():
    x = np.zeros((2, 2, 1, 2), np.float32)
    x[:, 0] = [[[0, 2]], [[4, 6]]]  # mean 3, deviations −3, −1, 1, 3, so σ = √5
    x[:, 1] = 7
    standardize = Standardize.by_channel(x)
    assert standardize.mean.shape == standardize.scale.shape == (2, 1, 1)
    np.testing.assert_allclose(standardize.mean.ravel(), [3, 7], rtol=1e-15)
    np.testing.assert_allclose(standardize.scale.ravel(), [np.sqrt(5), 1], rtol=1e-15)
    np.testing.assert_allclose(standardize.apply(x)[:, 0].ravel(), np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 256, 257, 600])
def test_channels_are_summed_block_by_block(rows):
    x = np.random.default_rng(rows).normal(50, 7, (rows, 3, 4, 5)).astype(np.float32)
    standardize = Standardize.by_channel(x)
    np.testing.assert_allclose(standardize.mean.ravel(), x.mean(axis=(0, 2, 3), dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(standardize.scale.ravel(), x.std(axis=(0, 2, 3), dtype=np.float64), rtol=1e-12)
    whole = Standardize.by_channel(x.astype(np.uint8))
    np.testing.assert_allclose(whole.mean.ravel(), x.astype(np.uint8).mean(axis=(0, 2, 3)), rtol=1e-12)


def test_channels_need_images():
    with pytest.raises(GlassnetError, match=r"by_channel: received an array of shape \(3, 4, 5\).*x\[:, None\]"):
        Standardize.by_channel(np.ones((3, 4, 5)))
    with pytest.raises(DataError, match="nan at row 1, column 0, 0, 0"):
        Standardize.by_channel(np.array([1.0, np.nan]).reshape(2, 1, 1, 1))


def test_invert_undoes_apply():
    x = np.random.default_rng(0).normal(3, 2, size=(20, 4))
    standardize = Standardize.from_data(x)
    np.testing.assert_allclose(standardize.invert(standardize.apply(x)), x, rtol=1e-12)
    np.testing.assert_allclose(Standardize(mean=10, scale=4).invert(np.array([[0.5]])), [[12.0]])


def test_the_callers_rows_are_left_alone():
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    before = x.copy()
    standardize = Standardize.from_data(x)
    standardize.apply(x)
    standardize.invert(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("mean", "scale"), [(np.nan, 1.0), (0.0, 0.0), (0.0, [1.0, 0.0]), (0.0, np.inf), ([0.0, np.inf], 1.0)], ids=str
)
def test_unusable_numbers_are_refused(mean, scale):
    with pytest.raises(ConfigurationError) as caught:
        Standardize(mean, scale)
    assert caught.value.where == "Standardize"
    assert "not finite, or a scale of 0" in caught.value.received
    assert "scale ≠ 0" in caught.value.expected
    assert "from_data" in caught.value.fix


def test_text_is_refused_by_name():
    with pytest.raises(GlassnetError, match="'big'"):
        Standardize(scale="big")


def test_missing_values_in_the_data_are_named():
    with pytest.raises(DataError, match="nan at row 1, column 0"):
        Standardize.from_data(np.array([[1.0, 2.0], [np.nan, 3.0]]))
