"""Augmentation: what each option does to small images, draws that depend on keys alone, and the transpose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from glassnet.core.randomness import random_words
from glassnet.kernels import augment
from glassnet.kernels.augment import augment_backward, augment_forward

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
OFF: dict[str, Any] = {"flip": False, "shift": 0, "rotation": 0.0, "brightness": 0.0, "contrast": 0.0, "cutout": 0}
KEYS = {"seed": 1, "step": 2, "stream": 3}
EVERYTHING = {"flip": True, "shift": 1, "rotation": 40.0, "brightness": 0.2, "contrast": 0.3, "cutout": 2}
HALF = 2**31
"""The word in the middle: nothing is mirrored, turned, or changed in contrast or brightness."""


def forward(x: np.ndarray, **options: Any) -> np.ndarray:
    """y, from a buffer whose contents must not matter."""
    y = np.full_like(x, np.nan)
    assert augment_forward(x, y, **(KEYS | OFF | options)) is None
    return y


def backward(dy: np.ndarray, **options: Any) -> np.ndarray:
    dx = np.full_like(dy, np.nan)
    assert augment_backward(dy, np.empty_like(dy), dx, **(KEYS | OFF | options)) is None
    return dx


def images(rows: int = 40, channels: int = 2, height: int = 4, width: int = 5) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, channels, height, width))


def words_of(rows: int) -> np.ndarray:
    """The eight words of each row (N, 8)."""
    return random_words(8 * rows, **KEYS).reshape(rows, 8).astype(np.int64)


def draw(monkeypatch: pytest.MonkeyPatch, **words: int) -> None:
    """Gives every image the same words; those not named are the middle ones."""
    names = ("mirror", "down", "right", "angle", "contrast", "brightness", "row", "column")
    one = np.array([words.get(name, HALF) for name in names], np.uint32)
    monkeypatch.setattr(augment, "random_words", lambda count, **keys: np.tile(one, count // 8))


@DTYPES
def test_without_options_nothing_changes(dtype: type) -> None:
    x = images().astype(dtype)
    np.testing.assert_array_equal(forward(x), x)
    np.testing.assert_array_equal(backward(x), x)


@DTYPES
def test_half_of_the_images_are_mirrored(dtype: type) -> None:
    x = images(400).astype(dtype)
    mirrored = words_of(400)[:, 0] < HALF
    assert abs(mirrored.mean() - 0.5) < 5 * math.sqrt(0.25 / 400)
    y = forward(x, flip=True)
    np.testing.assert_array_equal(y[mirrored], x[mirrored][..., ::-1])
    np.testing.assert_array_equal(y[~mirrored], x[~mirrored])
    np.testing.assert_array_equal(backward(y, flip=True), x)


def test_a_shift_of_two_pixels_down_and_one_to_the_left(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, down=2**32 - 1, right=math.ceil(2**32 / 5))  # the last and the second of −2, −1, 0, 1, 2
    x = np.arange(1.0, 13).reshape(1, 1, 4, 3)
    expected = [[0, 0, 0], [0, 0, 0], [2, 3, 0], [5, 6, 0]]
    np.testing.assert_array_equal(forward(x, shift=2)[0, 0], expected)
    expected = [[0, 7, 8], [0, 10, 11], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(backward(x, shift=2)[0, 0], expected)


def test_all_offsets_come_about_as_often() -> None:
    x = np.zeros((2000, 1, 5, 7))
    x[:, 0, 2, 3] = 1
    rows, columns = np.nonzero(forward(x, shift=2).sum(axis=1))[1:]
    assert len(rows) == 2000
    for offsets in (rows - 2, columns - 3):
        values, counts = np.unique(offsets, return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert np.abs(counts - 400).max() < 5 * math.sqrt(2000 * 0.2 * 0.8)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 5 / math.sqrt(2000)


@DTYPES
@pytest.mark.parametrize("quarters", [-1, 1])
@pytest.mark.parametrize("side", [4, 5])
def test_a_quarter_turn(dtype: type, quarters: int, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, angle=HALF + quarters * HALF // 2)  # half of ±180 degrees
    x = images(3, 2, side, side).astype(dtype)
    expected = np.rot90(x, quarters, axes=(2, 3))
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(forward(x, rotation=180.0), expected, atol=tolerance)
    np.testing.assert_allclose(backward(expected, rotation=180.0), x, atol=tolerance)


def test_an_eighth_of_a_turn_is_sampled_bilinearly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The corner comes from √2 to the right of the centre, 2 − √2 of which is the pixel there."""
    draw(monkeypatch, angle=HALF + HALF // 2)
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 2], x[0, 0, 1, 1] = 1, 10
    y = forward(x, rotation=90.0)[0, 0]
    assert y[0, 2] == pytest.approx(2 - math.sqrt(2))
    assert y[1, 1] == pytest.approx(10)
    part = math.sqrt(0.5)  # of the way along both axes, from the centre to a corner, for each pixel beside the centre
    assert y[0, 1] == pytest.approx(part * (1 - part) + 10 * (1 - part) ** 2)


def test_turning_by_nothing_is_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, mirror=0, down=0, right=2**32 - 1)
    x = images()
    moved = forward(x, flip=True, shift=1)
    np.testing.assert_array_equal(forward(x, flip=True, shift=1, rotation=20.0), moved)
    np.testing.assert_array_equal(moved[:, :, :-1, 1:], x[:, :, 1:, ::-1][..., :-1])
    assert not moved[:, :, -1].any()
    assert not moved[..., 0].any()


def test_turning_comes_before_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, angle=HALF + HALF // 2, right=2**32 - 1)
    x = images(2, 1, 5, 5)
    expected = np.zeros_like(x)
    expected[..., 1:] = np.rot90(x, 1, axes=(2, 3))[..., :-1]
    np.testing.assert_allclose(forward(x, rotation=180.0, shift=1), expected, atol=1e-12)


@DTYPES
def test_contrast_scales_about_the_mean_of_each_channel(dtype: type) -> None:
    x = (images() + 5).astype(dtype)
    y = forward(x, contrast=0.5)
    factors = 1 + (words_of(len(x))[:, 4] / HALF - 1) * 0.5
    assert factors.min() < 0.7
    assert factors.max() > 1.3
    mean = x.mean(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(y, mean + factors[:, None, None, None] * (x - mean), rtol=1e-5)


@DTYPES
def test_brightness_adds_one_number_to_an_image(dtype: type) -> None:
    x = images().astype(dtype)
    added = forward(x, brightness=0.5) - x
    expected = (words_of(len(x))[:, 5] / HALF - 1) * 0.5
    assert expected.min() < -0.3
    assert expected.max() > 0.3
    np.testing.assert_allclose(added, np.broadcast_to(expected[:, None, None, None], x.shape), atol=1e-6)
    np.testing.assert_array_equal(backward(x, brightness=0.5), x)


@pytest.mark.parametrize(
    ("side", "row", "column", "rows", "columns"),
    [
        (2, 2, 3, (1, 2), (2, 3)),  # an even square begins above and to the left of its centre
        (3, 2, 3, (1, 2, 3), (2, 3, 4)),
        (3, 0, 4, (0, 1), (3, 4)),
        (4, 3, 0, (1, 2, 3), (0, 1)),
        (1, 0, 0, (0,), (0,)),
    ],
)
def test_a_square_is_cut_out(
    side: int, row: int, column: int, rows: Any, columns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(monkeypatch, row=math.ceil(row * 2**32 / 4), column=math.ceil(column * 2**32 / 5))
    x = np.ones((2, 3, 4, 5))
    expected = x.copy()
    expected[(slice(None), slice(None), *np.ix_(rows, columns))] = 0
    np.testing.assert_array_equal(forward(x, cutout=side), expected)
    np.testing.assert_array_equal(backward(x, cutout=side), expected)


def test_every_pixel_is_cut_out_as_often_when_the_square_is_one_pixel() -> None:
    share = 1 - forward(np.ones((4000, 1, 4, 5)), cutout=1).mean(axis=0)
    assert np.abs(share - 1 / 20).max() < 5 * math.sqrt(1 / 20 * 19 / 20 / 4000)


def test_contrast_brightness_and_cut_follow_the_geometry_in_that_order() -> None:
    x = images() + 3
    options = {"shift": 2, "rotation": 25.0, "flip": True}
    expected = forward(x, **options)
    for option in ({"contrast": 0.4}, {"brightness": 0.7}, {"cutout": 2}):
        expected, options = forward(expected, **option), options | option
    np.testing.assert_allclose(forward(x, **options), expected, rtol=1e-12)
    assert (expected == 0).any(axis=(1, 2, 3)).all()


@DTYPES
@pytest.mark.parametrize("rotation", [0.0, 50.0, 359.0])
def test_backward_is_the_transpose(dtype: type, rotation: float) -> None:
    """⟨dy, A x⟩ = ⟨Aᵀ dy, x⟩: without brightness the forward pass is linear."""
    options = EVERYTHING | {"brightness": 0.0, "rotation": rotation}
    x, dy = images().astype(dtype), images(40)[::-1].astype(dtype)
    left = np.sum(dy * forward(x, **options), axis=(1, 2, 3))
    right = np.sum(backward(dy, **options) * x, axis=(1, 2, 3))
    np.testing.assert_allclose(left, right, atol=1e-12 if dtype is np.float64 else 1e-4)


def test_inputs_are_only_read() -> None:
    x = images()
    x.flags.writeable = False
    forward(x, **EVERYTHING)
    backward(x, **EVERYTHING)


def test_the_draw_depends_on_seed_step_stream_and_place_alone() -> None:
    x = np.broadcast_to(images(1), (30, 2, 4, 5))
    first = forward(x, **EVERYTHING)
    np.testing.assert_array_equal(forward(x, **EVERYTHING), first)
    assert len(np.unique(first.round(9), axis=0)) == 30
    for other in ({"seed": 2}, {"step": 3}, {"stream": 4}, {"step": 2 + 2**32}, {"seed": 1 + 2**32}):
        assert not np.isclose(forward(x, **(EVERYTHING | other)), first).all(axis=(1, 2, 3)).any(), other


def test_fewer_rows_are_the_first_rows() -> None:
    x = images()
    for rows in (0, 1, 7):
        np.testing.assert_array_equal(forward(x[:rows], **EVERYTHING), forward(x, **EVERYTHING)[:rows])


def test_an_option_leaves_the_draws_of_the_others_alone() -> None:
    x = images()
    added = forward(x, flip=True, brightness=0.5) - forward(x, flip=True)
    np.testing.assert_allclose(added, forward(x, brightness=0.5) - x, atol=1e-12)
