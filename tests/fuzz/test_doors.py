"""Every door with its seeds, whole and damaged: the short form of ``make fuzz``.

GLASSNET_FUZZ_EXAMPLES sets how many damaged ones each door gets.
"""

from __future__ import annotations

import os
from time import perf_counter

import numpy as np
import pytest
from fuzz.targets import DOORS, SEEDS

EXAMPLES = int(os.environ.get("GLASSNET_FUZZ_EXAMPLES", "60"))
MOST_SECONDS = 20.0
"""A damaged file of a few kilobytes takes milliseconds; one that takes this long hangs."""
ODD = (
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"nan",
    b"1e999",
    b"-1",
    b"\n",
    b'"',
    b"{",
    b"\x7f\xf0",
)


def seeds_of(door: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((SEEDS / door).iterdir())]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes are changed, left out, doubled or put in."""
    found = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place, length = int(rng.integers(len(found) + 1)), int(rng.integers(1, 17))
        kind = rng.integers(6)
        if kind == 0 and place < len(found):
            found[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del found[place : place + length]
        elif kind == 2:
            found[place:place] = found[place : place + length]
        elif kind == 3:
            found[place : place + length] = ODD[rng.integers(len(ODD))]
        elif kind == 4:
            del found[place:]
        elif place < len(found):
            found[place] = int(rng.integers(256))
    return bytes(found)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_takes_or_refuses(door: str) -> None:
    seeds, rng = seeds_of(door), np.random.default_rng(sum(door.encode()))
    for content in [b"", *seeds]:
        DOORS[door](content)
    for number in range(EXAMPLES):
        content = damaged(seeds[number % len(seeds)], rng)
        begun = perf_counter()
        try:
            DOORS[door](content)
        except BaseException as error:
            error.add_note(f"{door}: {content[:2000]!r}")
            raise
        assert perf_counter() - begun < MOST_SECONDS, content[:2000]
