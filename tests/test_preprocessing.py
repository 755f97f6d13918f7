"""Standardisation by hand, of constant columns, very small and very large ones, and what it refuses."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet import preprocessing
from glassnet.core.errors import ConfigurationError, DataError, DataWarning, GlassnetError, ShapeError
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


SECONDS = np.arange(61.0)


@pytest.mark.parametrize(
    ("x", "reference"),
    [
        (1.7e9 + SECONDS, SECONDS),
        (9e8 + SECONDS, SECONDS),
        (1.7e15 + SECONDS, SECONDS),  # microseconds
        (1_700_000_000_000_000_000 + np.arange(61), SECONDS),  # nanoseconds: float64 has only every 256th
        (2**63 + np.arange(61, dtype=np.uint64), SECONDS),
        (-(2**62) - np.arange(61), -SECONDS),
        (np.int64(2**53) + np.arange(61), SECONDS),
        (np.longdouble(1.7e9) + SECONDS, SECONDS),
        ((1.7e9 + SECONDS).astype(">f8"), SECONDS),
        (1_700_000_000 + np.arange(61, dtype=np.int32), SECONDS),
        (np.arange(61, dtype=np.float16), SECONDS),
        (1.7e9 + 1e-3 * SECONDS, 1e-3 * SECONDS),
        (1e-170 * SECONDS, SECONDS),
        (1e-300 * SECONDS, SECONDS),
        (1e200 * SECONDS, SECONDS),
    ],
    ids=[
        "seconds", "ids", "microseconds", "nanoseconds", "uint64", "negative", "beyond 2^53", "longdouble",
        "big-endian", "int32", "float16", "milliseconds", "tiny squares", "tinier", "huge squares",
    ],
)  # fmt: skip
def test_a_large_mean_takes_no_digits(x: np.ndarray, reference: np.ndarray) -> None:
    """Standardised, the numbers are what the differences from the first one are."""
    column = x.reshape(-1, 1)
    standardize = Standardize.from_data(column)
    expected = (reference - reference.mean()) / reference.std()
    found = standardize.apply(column)[:, 0]
    assert found.dtype == (np.float32 if x.dtype == np.float16 else np.float64)
    # The numbers are as exact as their dtype has them, and the mean is a float64.
    exact = 1e-6 if x.dtype == np.float16 else 1e-3 if x[1] - x[0] == pytest.approx(1e-3, rel=0.01) else 1e-9
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=exact)
    assert abs(found.mean()) < max(exact, np.spacing(abs(float(x[0]))) / standardize.scale[0])
    float32 = standardize.apply(column, np.float32)
    assert float32.dtype == np.float32
    np.testing.assert_array_equal(float32[:, 0], found.astype(np.float32))


def test_nanoseconds_as_float64_and_as_whole_numbers():
    """A float64 has every 256th: what is there is standardised, and nothing is taken for a constant."""
    x = (1.7e18 + 256.0 * np.arange(50)).reshape(-1, 1)
    reference = Standardize.from_data(np.arange(50.0).reshape(-1, 1)).apply(np.arange(50.0).reshape(-1, 1))
    found = Standardize.from_data(x).apply(x)
    np.testing.assert_allclose(found - found[0], reference - reference[0], rtol=1e-12)
    np.testing.assert_array_equal(Standardize.from_data(x).apply(x.astype(np.int64)), found)


def test_rounding_is_no_difference():
    """0.1 + 0.2 and 0.3 are the same measurement; 2⁵³ and 2⁵³ + 2 are two numbers."""
    x = np.array([[0.1 + 0.2, 2.0**53], [0.3, 2.0**53 + 2], [0.3, 2.0**53]])
    standardize = Standardize.from_data(x)
    assert standardize.scale[0] == 1.0
    assert standardize.scale[1] == pytest.approx(np.sqrt(8) / 3)
    np.testing.assert_allclose(standardize.apply(x)[:, 0], 0, atol=1e-15)


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 - 1, -(2**63)])
def test_a_constant_column_of_large_whole_numbers(value):
    assert Standardize.from_data(np.full((5, 1), value)).scale.tolist() == [1.0]


def test_whole_numbers_far_from_the_mean():
    """Where the difference is beyond 2⁶³ float64 has it as exactly as anything."""
    x = np.array([[0], [2**64 - 1]], np.uint64)
    np.testing.assert_allclose(Standardize(mean=2.0**63, scale=2.0**63).apply(x), [[-1], [1]])
    np.testing.assert_allclose(Standardize(mean=-1e30, scale=1e30).apply(x), [[1], [1]])
    low = np.array([[-(2**63)], [2**63 - 1]])
    np.testing.assert_allclose(Standardize(mean=2.0**62, scale=2.0**62).apply(low), [[-3], [1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
def test_blocks_of_rows_are_what_all_rows_are(kind, dtype, monkeypatch):
    x = np.random.default_rng(0).integers(0, 256, (77, 3, 5, 4)).astype(kind)
    for standardize in (Standardize.by_channel(x), Standardize.from_data(x), Standardize(scale=255)):
        expected = ((x.astype(np.float64) - standardize.mean) / standardize.scale).astype(dtype)
        for block in (1, 100, 10_000_000):
            monkeypatch.setattr(preprocessing, "BLOCK", block)
            found = standardize.apply(x, dtype)
            assert found.flags.c_contiguous
            np.testing.assert_array_equal(found, expected)
            again = standardize.invert(found, np.float64)
            np.testing.assert_allclose(again, x, atol=1e-4 if dtype == np.float32 else 1e-10)
            np.testing.assert_array_equal(Standardize.by_channel(x).mean.shape, (3, 1, 1))


def test_statistics_of_blocks(monkeypatch):
    x = np.random.default_rng(0).normal(50, 7, (301, 4))
    for block in (1, 100, 10_000):
        monkeypatch.setattr(preprocessing, "BLOCK", block)
        standardize = Standardize.from_data(x)
        np.testing.assert_allclose(standardize.mean, x.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(standardize.scale, x.std(axis=0), rtol=1e-13)


def test_rows_of_another_shape_are_refused():
    standardize = Standardize(mean=[1.0, 2.0, 3.0])
    for x in (np.zeros((4, 2)), np.zeros((4, 1)), np.zeros(3), np.float64(1)):
        with pytest.raises(ShapeError, match=r"a mean of shape \(3,\)"):
            standardize.apply(x)
        with pytest.raises(ShapeError, match=r"Standardize.invert"):
            standardize.invert(x)
    assert Standardize(mean=[[1.0, 2.0]]).apply(np.zeros((3, 2))).tolist() == [[-1, -2]] * 3
    assert Standardize(mean=3).apply(np.float64(5)) == 2


@pytest.mark.parametrize("function", [Standardize.from_data, Standardize(0, 2).apply, Standardize(0, 2).invert])
def test_hidden_values_are_missing_values(function):
    with pytest.raises(DataError, match="Standardize.*a masked value at row 1, column 0"):
        function(np.ma.array([[1.0], [999999.0]], mask=[[0], [1]]))
    function(np.ma.array([[1.0], [3.0]]))


def test_what_float32_is_too_short_for():
    assert not Standardize(mean=[50, 2000], scale=[20, 5]).needs_float64
    assert Standardize(mean=[0, 1.7e9], scale=[1, 20]).needs_float64
    assert Standardize(mean=-1.7e9, scale=20).needs_float64
    assert Standardize(scale=1e-40).needs_float64
    assert Standardize(mean=1e35, scale=1e35).needs_float64


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_images_take_no_memory_beside_their_result(kind):
    x = np.random.default_rng(0).integers(0, 256, (1000, 3, 16, 16)).astype(kind)
    result = 4 * x.size

    def peak(function):
        tracemalloc.start()
        function()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    standardize = Standardize.by_channel(x)
    assert peak(lambda: standardize.apply(x, np.float32)) < 1.0 * result + 3e6
    assert peak(lambda: Standardize.by_channel(x)) < x.size + 3e6  # a truth value each: are all finite?
    assert peak(lambda: Standardize.from_data(x)) < x.size + 3e6


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


@pytest.mark.parametrize("wild", [[1e300], [-1e9], [1e12, 2e12], [1e15, -1e15, 3e14]])
@pytest.mark.parametrize("learn", [Standardize.from_data, gn.TargetScaling.from_data])
def test_wild_numbers_that_make_the_others_equal_are_named(
    learn: Callable[..., Standardize], wild: list[float]
) -> None:
    values = np.random.default_rng(0).normal(size=(3000, 2))
    values[100 : 100 + len(wild), 1] = wild
    row = 100 + int(np.abs(wild).argmax())
    with pytest.warns(DataWarning, match=rf"in row {row} of column 1 lies so far from the others that half of them"):
        learn(values)


def test_wild_numbers_in_images_and_in_rows_of_different_length_are_named() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(200, 2, 4, 4))
    images[5, 1, 2, 3] = 1e12
    with pytest.warns(DataWarning, match=r"1e\+12 in row 5 of column 11 lies so far"):
        Standardize.by_channel(images)
    rows = [rng.normal(size=(length, 2)) for length in (3, 400, 50)]
    rows[1][7, 0] = -1e12
    with pytest.warns(DataWarning, match=r"-1e\+12 in column 0 lies so far"):
        Standardize.from_data(rows)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).lognormal(0, 3, 5000),
        np.random.default_rng(0).standard_cauchy(5000),
        np.where(np.arange(5000) == 7, 1e6, 0),
        np.arange(3.0) * 1e15,
        np.array([1.0]),
        1.7e9 + np.arange(100.0),
    ],
)
def test_numbers_that_are_merely_far_apart_are_taken_silently(values: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Standardize.from_data(values[:, None])
        gn.TargetScaling.from_data(np.round(values))
