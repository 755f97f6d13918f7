"""Which memory arrays lie in: views are known by the owner of their memory, wherever that comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassnet.core.places import Place, Places, offset_of, place_of
from glassnet.runners import Recorder
from glassnet.runners.standins import stand_in

WHOLE = np.zeros((6, 8), np.float32)
BYTES = bytes(range(64))

SAME: dict[str, tuple[Callable[[], np.ndarray], int, int]] = {
    "itself": (lambda: WHOLE, 0, 192),
    "reshaped": (lambda: WHOLE.reshape(3, 16), 0, 192),
    "a view of a view": (lambda: WHOLE.reshape(-1)[8:][8:16], 64, 96),
    "rows": (lambda: WHOLE[2:4], 64, 128),
    "columns": (lambda: WHOLE[1:3, 2:4], 40, 80),
    "backwards": (lambda: WHOLE[::-1], 0, 192),
    "in another dtype": (lambda: WHOLE[4:].view(np.int64), 128, 192),
    "in an ndarray over it": (lambda: np.ndarray((4,), np.float32, WHOLE, 12), 12, 28),
    "by strides": (lambda: np.lib.stride_tricks.as_strided(WHOLE[1:], (4,), (32,)), 32, 132),
    "through a memoryview": (lambda: np.frombuffer(memoryview(WHOLE), np.float32)[1:], 4, 192),
    "not to be written": (lambda: np.broadcast_to(WHOLE[0], (5, 8)), 0, 32),
    "a stand-in": (lambda: stand_in(WHOLE, Recorder(0))[3:], 96, 192),
}


@pytest.mark.parametrize("name", SAME)
def test_views_lie_in_their_owner(name: str) -> None:
    make, start, stop = SAME[name]
    found = place_of(make())
    assert (found.start, found.stop) == (start, stop)
    assert found == Place(place_of(WHOLE).buffer, start, stop, None)
    assert offset_of(make()) == (160 if name == "backwards" else start)


def test_places_of_different_owners_have_nothing_in_common() -> None:
    other = np.zeros_like(WHOLE)
    assert not place_of(other).overlaps(place_of(WHOLE))
    assert not place_of(WHOLE).contains(place_of(other))
    assert not Places([WHOLE]).touch(place_of(other))


def test_what_overlaps_and_what_contains() -> None:
    whole, upper, lower, middle = map(place_of, (WHOLE, WHOLE[:3], WHOLE[3:], WHOLE[2:4]))
    assert whole.contains(middle)
    assert not middle.contains(whole)
    assert not upper.overlaps(lower)
    assert middle.overlaps(upper)
    assert middle.overlaps(lower)
    nothing = place_of(WHOLE[3:3])
    assert not whole.contains(nothing)
    assert not lower.overlaps(nothing)
    assert Places([WHOLE[:1], WHOLE[3:]]).touch(middle)
    assert not Places([WHOLE[:1], WHOLE[4:]]).touch(middle)


def test_memory_that_is_not_numpys_is_told_by_its_addresses(tmp_path: Path) -> None:
    one, other = np.frombuffer(BYTES, np.uint8)[8:24], np.frombuffer(memoryview(BYTES)[16:], np.uint8)
    assert place_of(one).overlaps(place_of(other))
    assert not place_of(one[:8]).overlaps(place_of(other))
    np.zeros(1000).tofile(tmp_path / "numbers")
    mapped = np.memmap(tmp_path / "numbers", np.float64, "r")
    assert place_of(mapped).contains(place_of(np.asarray(mapped)[10:20]))
    assert not place_of(mapped[:500]).overlaps(place_of(mapped[500:]))
