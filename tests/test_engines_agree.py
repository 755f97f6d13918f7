"""Random networks by both engines, in float64: what differs is rounding that the network makes much of."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from glassnet.compile import native

sys.path.append(str(Path(__file__).parents[1] / "tools"))

import compare_engines

pytestmark = [
    pytest.mark.skipif(native() is None, reason="needs the compiled module"),
    pytest.mark.filterwarnings("ignore"),
]


def test_random_networks() -> None:
    assert [found for found in (compare_engines.differences(0, n) for n in range(12)) if found and found[0]] == []


@pytest.mark.parametrize("number", [20079, 208])
def test_tiny_gradients_that_an_optimizer_scales_up(number: int) -> None:
    """1 − tanh² and σ − 1 of saturated units are rounding errors; AdaGrad and RMSProp make steps of them.

    20079 has ε = 1e-10 below gradients of 1e-11, 208 ε = 1e-8 below gradients of 1e-15.
    """
    found = compare_engines.differences(0, number)
    assert found is None or not found[0], found


def test_a_faulty_engine_is_told_from_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = compare_engines.trained

    def faulty(seed: int, number: int, engine: str) -> dict[str, np.ndarray]:
        found = usual(seed, number, engine)
        if engine == "compiled":
            found["predictions"] = found["predictions"] * (1 + 1e-8) + 1e-8
        return found

    monkeypatch.setattr(compare_engines, "trained", faulty)
    found = compare_engines.differences(0, 3)
    assert found is not None
    assert found[0]
    assert "predictions" in found[1]
