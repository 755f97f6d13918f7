"""Datasets, their rows, their classes, and the split."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.data import Dataset, split


def labelled(counts: list[int]) -> Dataset:
    """A dataset whose x tells the row's number, with so many rows of each class, shuffled."""
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    return Dataset(np.arange(len(y), dtype=np.float32).reshape(-1, 1), y, name="shuffled")


def test_rows_take_x_and_y_together_and_keep_the_rest() -> None:
    data = Dataset(
        np.float32([[0, 1], [2, 3], [4, 5]]), np.array([0, 1, 0]), ("a", "b"), ("no", "yes"), name="pairs", scale=16.0
    )
    chosen = data.rows([2, 1])
    assert chosen.x.tolist() == [[4, 5], [2, 3]]
    assert chosen.y is not None
    assert chosen.y.tolist() == [0, 1]
    kept = (chosen.feature_names, chosen.class_names, chosen.name, chosen.scale)
    assert kept == (("a", "b"), ("no", "yes"), "pairs", 16.0)


@pytest.mark.parametrize(
    ("indices", "expected"),
    [(slice(1, None), [1, 2]), ([], []), (np.array([True, False, True]), [0, 2]), (np.array([], dtype=int), [])],
)
def test_rows_by_slice_mask_and_empty_list(indices: object, expected: list[float]) -> None:
    data = Dataset(np.float32([[0], [1], [2]]), None)
    chosen = data.rows(indices)  # type: ignore[arg-type]
    assert chosen.x.ravel().tolist() == expected
    assert len(chosen) == len(expected)
    assert chosen.y is None


def test_a_dataset_does_not_change_and_is_equal_to_itself_alone() -> None:
    data, twin = labelled([3, 3]), labelled([3, 3])
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"  # type: ignore[misc]
    assert data == data
    assert data != twin


def test_a_row_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IndexError, match="5"):
        Dataset(np.zeros((3, 1), np.float32), None).rows([5])


def test_only_integer_labels_are_classification() -> None:
    x = np.zeros((2, 1), np.float32)
    assert Dataset(x, np.array([0, 1])).is_classification
    assert not Dataset(x, np.array([[0.0], [1.0]])).is_classification
    assert not Dataset(x, None).is_classification


@pytest.mark.parametrize(
    ("arguments", "error", "fragments"),
    [
        ({"x": np.zeros((2, 1), int)}, ShapeError, ["int64", "float32", "astype"]),
        ({"x": np.zeros(2, np.float32)}, ShapeError, ["(2,)", "reshape"]),
        ({"y": np.array([0, 1, 1])}, ShapeError, ["flowers: y", "3 rows", "expected 2"]),
        ({"y": np.array([[0], [1]])}, ShapeError, ["int64", "(2, 1)", "ravel"]),
        ({"y": np.array([0.0, 1.0])}, ShapeError, ["float64", "(2,)", "reshape(-1, 1)"]),
        ({"y": np.array([-1, 1])}, DataError, ["-1 to 1", "from 0"]),
        ({"y": np.array([1, 2]), "class_names": ("a", "b")}, DataError, ["1 to 2", "0 to 1"]),
        ({"feature_names": ("a", "b")}, DataError, ["2 names", "(2, 1)"]),
    ],
)
def test_what_does_not_fit_together_is_refused(
    arguments: dict[str, object], error: type[Exception], fragments: list[str]
) -> None:
    complete = {"x": np.zeros((2, 1), np.float32), "y": np.array([0, 1]), "name": "flowers"} | arguments
    with pytest.raises(error) as caught:
        Dataset(**complete)  # type: ignore[arg-type]
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_with_classes_renumbers_labels_by_their_names() -> None:
    data = Dataset(np.zeros((3, 1), np.float32), np.array([0, 1, 0]), class_names=("b", "c"))
    renumbered = data.with_classes(("c", "a", "b"))
    assert renumbered.y is not None
    assert renumbered.y.tolist() == [2, 0, 2]
    assert renumbered.class_names == ("c", "a", "b")


def test_with_classes_takes_labels_without_names_for_their_own_names() -> None:
    data = Dataset(np.zeros((2, 1), np.float32), np.array([2, 0], dtype=np.uint8))
    renumbered = data.with_classes(("2", "1", "0"))
    assert renumbered.y is not None
    assert renumbered.y.tolist() == [0, 2]


def test_with_classes_names_the_rows_nobody_trained() -> None:
    data = Dataset(np.zeros((2, 1), np.float32), np.array([0, 1]), class_names=("cat", "dog"), name="pets")
    with pytest.raises(DataError, match="pets: classes: received rows of the class 'dog', expected only 'cat', 'cow'"):
        data.with_classes(["cat", "cow"])
    with pytest.raises(DataError, match="rows of the classes 'cat', 'dog', expected only 'cow'"):
        data.with_classes(["cow"])
    # A name without rows does no harm.
    cats = data.rows([0]).with_classes(["cow", "cat"])
    assert cats.y is not None
    assert cats.y.tolist() == [1]


def test_with_numbers_turns_the_names_of_classes_into_targets() -> None:
    data = Dataset(np.zeros((3, 1), np.float32), np.array([1, 0, 1]), class_names=("-2", "10"))
    numbers = data.with_numbers()
    assert numbers.y is not None
    assert numbers.y.tolist() == [[10.0], [-2.0], [10.0]]
    assert numbers.y.dtype == np.float64
    assert numbers.class_names is None


def test_with_numbers_and_with_classes_refuse_other_targets() -> None:
    x = np.zeros((1, 1), np.float32)
    with pytest.raises(DataError, match=r"the names 'cat', expected numbers"):
        Dataset(x, np.array([0]), class_names=("cat",)).with_numbers()
    with pytest.raises(DataError, match="received no targets"):
        Dataset(x, None).with_classes(["cat"])
    with pytest.raises(DataError, match=r"numbers of shape \(1, 1\)"):
        Dataset(x, np.array([[0.5]])).with_classes(["cat"])


def test_split_uses_each_row_once_and_keeps_their_order() -> None:
    data = labelled([30, 20, 7])
    train, test = split(data, test_share=0.3)
    both = np.concatenate([train.x, test.x]).ravel()
    assert sorted(both.tolist()) == list(range(57))
    assert len(test) == 17
    for part in (train, test):
        assert (np.diff(part.x.ravel()) > 0).all()
        assert part.y is not None
        assert data.y is not None
        assert part.y.tolist() == data.y[part.x.ravel().astype(int)].tolist()


@pytest.mark.parametrize("share", [0.05, 0.25, 0.29, 0.5, 0.9])
@pytest.mark.parametrize("counts", [[100, 100], [97, 53, 11, 2], [2, 2, 2, 2], [1000, 3, 2]])
def test_each_class_keeps_its_share_and_is_on_both_sides(share: float, counts: list[int]) -> None:
    train, test = split(labelled(counts), test_share=share, seed=5)
    for label, count in enumerate(counts):
        in_test = int((test.y == label).sum())
        assert in_test + int((train.y == label).sum()) == count
        assert 1 <= in_test <= count - 1
        assert abs(in_test - share * count) <= 1


def test_whole_shares_are_met_exactly() -> None:
    # 100 · 0.29 is below 29 in floating point; the 29th row must not get lost, nor a 30th be won.
    _, test = split(labelled([100, 100, 100]), test_share=0.29)
    assert np.bincount(test.y).tolist() == [29, 29, 29]  # type: ignore[arg-type]


def test_the_largest_remainder_gets_the_odd_row() -> None:
    # A quarter of 9 and of 14 rows is 2.25 and 3.5; of the 6 test rows the last one belongs to the second class.
    _, test = split(labelled([9, 14]), test_share=0.25)
    assert np.bincount(test.y).tolist() == [2, 4]  # type: ignore[arg-type]


def test_a_class_of_one_row_is_trained_while_others_can_be_tested() -> None:
    for seed in range(10):
        train, _ = split(labelled([1, 20, 1]), test_share=0.25, seed=seed)
        assert set(train.y.tolist()) == {0, 1, 2}  # type: ignore[union-attr]
    _, test = split(labelled([1, 1, 1, 1]), test_share=0.5)
    assert len(test) == 2


def test_the_seed_decides_the_split() -> None:
    data = labelled([40, 40])
    first, again, other = (split(data, seed=seed)[1].x.ravel().tolist() for seed in (0, 0, 1))
    assert first == again == split(data)[1].x.ravel().tolist()
    assert first != other


@pytest.mark.parametrize("y", [None, np.linspace(0, 1, 40).reshape(-1, 1)])
def test_split_without_classes_is_random(y: np.ndarray | None) -> None:
    data = Dataset(np.arange(40, dtype=np.float32).reshape(-1, 1), y)
    train, test = split(data, test_share=0.25)
    assert len(test) == 10
    assert test.x.ravel().tolist() not in (list(range(10)), list(range(30, 40)))
    assert sorted([*train.x.ravel(), *test.x.ravel()]) == list(range(40))


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, float("nan")])
def test_a_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(ConfigurationError, match=r"split: received test_share=.*write test_share=0\.25"):
        split(labelled([10, 10]), test_share=share)


@pytest.mark.parametrize(
    ("rows", "share", "message"),
    [
        (2, 0.1, "2 rows and test_share=0.1, which leave no row for the test part.*or a larger share"),
        (3, 0.9, "no row for the training part.*or a smaller share"),
        (1, 0.5, r"1 rows and .*To fix it: use more rows\.$"),
    ],
)
def test_an_empty_side_is_refused(rows: int, share: float, message: str) -> None:
    data = Dataset(np.zeros((rows, 1), np.float32), np.zeros((rows, 1), np.float32))
    with pytest.raises(DataError, match=message):
        split(data, test_share=share)


def test_one_row_with_a_label_cannot_be_split() -> None:
    with pytest.raises(DataError, match="1 rows"):
        split(labelled([1]), test_share=0.9)
