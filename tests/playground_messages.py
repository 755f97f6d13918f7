"""What the tests of the playground share: tables, the page's side of a message, what one reads on the page."""

from __future__ import annotations

import json
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import numpy as np

FLOWERS = "length,width,species\n" + "\n".join(
    f"{(i * 37) % 50 / 10},{(i * 17) % 30 / 10},{'abc'[((i * 37) % 50 > 25) + ((i * 17) % 30 > 15)]}" for i in range(90)
)
PRICES = "rooms,area,price\n" + "\n".join(f"{i % 6},{i * 1.37},{i % 6 * 10 + i * 2.5}" for i in range(80))


CARS = "Länge;Ort;gebaut;neu;Stunden;Preis\n" + "\n".join(
    f"{i % 9 + 1},{i * 37 % 100:02};{['Köln', 'München', 'Ulm'][i % 3]};{i % 28 + 1}.{i % 12 + 1}.2021;"
    f"{'true' if i * 7 % 5 > 2 else 'false'};{'NA' if i % 11 == 3 else i % 24};{1000 + 100 * (i % 3) + 10 * (i % 9)},5"
    for i in range(120)
)
"""With semicolons, decimal commas, words, dates, truth and gaps."""


def in_base64(content: str | bytes) -> str:
    return b64encode(content.encode() if isinstance(content, str) else content).decode()


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


RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
COMMAND = [sys.executable, "-m", "glassnet", "playground", "--no-browser"]


def wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def updates(page: Any) -> int:
    return int(page.locator("body").get_attribute("data-updates"))


def number(text: str) -> float:
    return float(text.strip().replace("·10", "e").translate(RAISED))


def share(text: str) -> float:
    return float(text.replace("%", ""))


def train_until(page: Any, done: Callable[[], bool], pace: str = "100000") -> None:
    page.select_option("#pace", page.locator(f"#pace option[value='{pace}']").get_attribute("value"))
    page.locator("#play").click()
    wait(done)
    page.locator("#play").click()
    wait(lambda: page.locator("#play").get_attribute("aria-pressed") == "false")
