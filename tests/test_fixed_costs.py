"""What a call costs whatever it is given: counted in calls of Python functions, which no other work on a machine moves.

Each takes about a microsecond. A bound is a tenth above what was counted; whoever passes it looks for what is done
twice, or is done for networks that do not need it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native

pytestmark = pytest.mark.skipif(native() is None, reason="the compiled engine is missing")


@pytest.fixture(scope="module")
def rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 64)).astype(np.float32), rng.integers(0, 10, 100)


def made() -> gn.Model:
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
    return gn.Model(net, "cross_entropy", gn.Adam(1e-3), seed=0)


def calls_of(function: Callable[[], Any]) -> int:
    """How many calls of Python functions it makes."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def test_the_first_fit_of_a_network_like_one_before(rows: tuple[Any, Any]) -> None:
    def fit(model: gn.Model) -> int:
        return calls_of(lambda: model.fit(*rows, verbose=False))

    for _ in range(2):
        fit(made())
    assert fit(made()) < 1700


def test_a_further_fit(rows: tuple[Any, Any]) -> None:
    model = made()
    for _ in range(2):
        model.fit(*rows, verbose=False)
    assert calls_of(lambda: model.fit(*rows, verbose=False)) < 700
