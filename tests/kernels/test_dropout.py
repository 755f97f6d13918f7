"""Dropout: the share that stays, the scaling, and masks that depend on seed, step and stream alone."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from glassnet.core.randomness import random_words
from glassnet.kernels.dropout import dropout_backward, dropout_forward

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drop(x: np.ndarray, rate: float, seed: int = 0, step: int = 0, stream: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """y and mask, from buffers whose contents must not matter."""
    y, mask = np.full_like(x, np.nan), np.ones(x.shape, bool)
    assert dropout_forward(x, y, mask, rate=rate, seed=seed, step=step, stream=stream) is None
    return y, mask


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_the_share_that_stays(rate: float):
    """Within five deviations of a binomial, √(n p q)."""
    n = 200_000
    _, mask = drop(np.ones((n // 100, 100)), rate, seed=1)
    assert abs(mask.sum() - n * (1 - rate)) < 5 * math.sqrt(n * rate * (1 - rate))


def test_every_row_and_column_is_thinned_alike():
    _, mask = drop(np.ones((500, 400)), 0.3, seed=2)
    five_deviations = 5 * math.sqrt(0.3 * 0.7)
    assert np.abs(mask.mean(axis=0) - 0.7).max() < five_deviations / math.sqrt(500)
    assert np.abs(mask.mean(axis=1) - 0.7).max() < five_deviations / math.sqrt(400)


@DTYPES
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.75])
def test_what_stays_is_scaled_and_the_rest_zero(dtype: type, rate: float):
    x = np.random.default_rng(0).normal(size=(7, 11)).astype(dtype)
    dy = np.random.default_rng(1).normal(size=(7, 11)).astype(dtype)
    before = x.copy(), dy.copy()
    y, mask = drop(x, rate)
    dx = np.full_like(dy, np.nan)
    assert dropout_backward(dy, mask, dx, rate=rate) is None
    assert y.dtype == dx.dtype == dtype
    assert 0 < mask.sum() < mask.size
    for result, source in ((y, x), (dx, dy)):
        np.testing.assert_allclose(result[mask], source[mask] / (1 - rate), rtol=1e-6)
        np.testing.assert_array_equal(result[~mask], 0)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])


def test_the_expected_value_stays():
    x = np.full((1000, 200), 3.0)
    y, _ = drop(x, 0.4, seed=5)
    deviation = 3 * math.sqrt(0.4 / 0.6 / x.size)
    assert abs(y.mean() - 3) < 5 * deviation


@DTYPES
def test_a_rate_of_zero_keeps_everything(dtype: type):
    x = np.random.default_rng(0).normal(size=(50, 20)).astype(dtype)
    y, mask = drop(x, 0.0)
    assert mask.all()
    np.testing.assert_array_equal(y, x)
    dx = np.full_like(x, np.nan)
    dropout_backward(x, mask, dx, rate=0.0)
    np.testing.assert_array_equal(dx, x)


def test_an_element_is_kept_when_its_word_is_large_enough():
    _, mask = drop(np.ones((3, 5)), 0.25, seed=7, step=8, stream=9)
    words = random_words(15, seed=7, step=8, stream=9).reshape(3, 5)
    np.testing.assert_array_equal(mask, words >= 2**30)  # ¼ · 2³²


def test_a_word_exactly_at_the_threshold_is_kept():
    word = int(random_words(1, seed=3, step=0, stream=0)[0])
    assert drop(np.ones((1, 1)), word / 2**32, seed=3)[1].all()
    assert not drop(np.ones((1, 1)), (word + 1) / 2**32, seed=3)[1].any()


def test_rates_next_to_one():
    y, mask = drop(np.ones((100, 10)), 1 - 1e-12)
    assert mask.sum() <= 1
    assert np.isfinite(y).all()


def test_the_mask_depends_on_seed_step_and_stream_alone():
    x = np.ones((20, 30))
    _, first = drop(x, 0.5, seed=1, step=2, stream=3)
    np.testing.assert_array_equal(drop(x, 0.5, seed=1, step=2, stream=3)[1], first)
    np.testing.assert_array_equal(drop(-x.astype(np.float32), 0.5, seed=1, step=2, stream=3)[1], first)
    for other in (
        {"seed": 2, "step": 2, "stream": 3},
        {"seed": 1, "step": 3, "stream": 3},
        {"seed": 1, "step": 2, "stream": 4},
        {"seed": 1, "step": 2 + 2**32, "stream": 3},
        {"seed": 1 + 2**32, "step": 2, "stream": 3},
    ):
        agreement = np.mean(drop(x, 0.5, **other)[1] == first)
        assert abs(agreement - 0.5) < 5 * math.sqrt(0.25 / x.size), other


def test_a_larger_rate_drops_all_that_a_smaller_one_does():
    x = np.ones((40, 40))
    masks = [drop(x, rate, seed=4)[1] for rate in (0.1, 0.4, 0.8)]
    for more, less in pairwise(masks):
        assert (less <= more).all()
        assert less.sum() < more.sum()


def test_fewer_rows_have_the_first_rows_of_the_mask():
    """Counted in C order, so a shorter last batch draws the beginning of the same mask."""
    _, many = drop(np.ones((9, 7)), 0.5, seed=1)
    for rows in (0, 1, 5):
        np.testing.assert_array_equal(drop(np.ones((rows, 7)), 0.5, seed=1)[1], many[:rows])
    np.testing.assert_array_equal(drop(np.ones((3, 3, 7)), 0.5, seed=1)[1].reshape(9, 7), many)
