"""What the tests of the playground share: tables, and the page's side of a message."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

FLOWERS = "length,width,species\n" + "\n".join(
    f"{(i * 37) % 50 / 10},{(i * 17) % 30 / 10},{'abc'[((i * 37) % 50 > 25) + ((i * 17) % 30 > 15)]}" for i in range(90)
)
PRICES = "rooms,area,price\n" + "\n".join(f"{i % 6},{i * 1.37},{i % 6 * 10 + i * 2.5}" for i in range(80))


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the page does with a message, written again."""
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    start, arrays = 4 + length, {}
    for entry in header["arrays"]:
        dtype = np.dtype({"f4": "<f4", "u1": "u1"}[entry["kind"]])
        count = int(np.prod(entry["shape"]))
        arrays[entry["name"]] = np.frombuffer(message, dtype, count, start).reshape(entry["shape"])
        start += -(-count * dtype.itemsize // 4) * 4
    assert start == len(message)
    return header, arrays
