"""Rows on two sides: groups stay together, later rows are held out, folds hold each row once."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.sides import Sides


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("count", [2, 3, 10, 80])
def test_groups_stay_on_one_side(count: int, share: float) -> None:
    rng = np.random.default_rng(count)
    groups = np.concatenate([np.arange(count), rng.integers(0, count, 97)])
    labels = rng.integers(0, 3, len(groups))
    for own in (None, labels):
        held = Sides(len(groups), own, groups).hold_out(share, "test")
        assert held.any()
        assert not held.all()
        assert not set(groups[held]) & set(groups[~held])
        if count == 80:
            assert held.mean() == pytest.approx(share, abs=0.03)
        np.testing.assert_array_equal(held, Sides(len(groups), own, groups).hold_out(share, "test"))


def test_of_several_orders_of_groups_that_is_taken_which_leaves_classes_their_shares() -> None:
    groups = np.repeat(np.arange(20), 10)
    labels = (groups >= 16).astype(int)  # a fifth, in four groups
    shares = [labels[Sides(200, labels, groups, seed=seed).hold_out(0.25, "test")].mean() for seed in range(10)]
    assert shares == pytest.approx([0.2] * 10)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
def test_the_latest_rows_are_held_out_and_ties_stay_together(share: float) -> None:
    moments = np.datetime64("2024-01-01") + np.random.default_rng(0).integers(0, 9, 100)
    held = Sides(100, moments=moments).hold_out(share, "test")
    assert moments[~held].max() < moments[held].min()
    assert abs(held.mean() - share) < 0.15


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds(folds: int) -> None:
    rng = np.random.default_rng(folds)
    labels, groups, moments = rng.permutation([0] * 40 + [1] * 10), rng.integers(0, 9, 50), rng.integers(0, 9, 50)
    found = Sides(50, labels).folds(folds)
    assert sorted(np.concatenate([test for _, test in found])) == list(range(50))
    for training, test in found:
        assert not set(training) & set(test)
        assert abs(labels[test].sum() - 10 / folds) < 1
    for training, test in Sides(50, groups=groups).folds(folds):
        assert not set(groups[training]) & set(groups[test])
        assert len(training) + len(test) == 50
    chained = Sides(50, moments=moments).folds(folds)
    assert len(chained) == folds
    for training, test in chained:
        assert moments[training].max() < moments[test].min()
        assert len(test)
    assert len(chained[-1][0]) + len(chained[-1][1]) == 50


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (Sides(5, groups=np.zeros(5, int)), "5 rows of one group, expected at least 2 groups"),
        (Sides(5, moments=np.ones(5)), "5 rows of one moment, expected at least 2 different moments"),
        (Sides(1), "1 row, expected at least 2 rows"),
    ],
)
def test_what_cannot_be_held_out(sides: Sides, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sides.hold_out(0.3, "the test")
    with pytest.raises(DataError, match="folds"):
        sides.folds(6)


def test_groups_and_moments_together() -> None:
    with pytest.raises(ConfigurationError, match="one of them"):
        Sides(2, groups=np.array([0, 1]), moments=np.array([0, 1]))


def test_some_of_the_rows() -> None:
    sides = Sides(4, np.array([0, 1, 0, 1]), np.array([3, 3, 5, 5])).of(np.array([False, True, True, True]))
    assert sides.rows == 3
    assert sides.labels is not None
    assert sides.groups is not None
    assert (sides.labels.tolist(), sides.groups.tolist()) == ([1, 0, 1], [3, 5, 5])
