"""What a trace's page says of a gradient and its central difference: agrees, rounding, or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.tracing.exact import Exact

VERDICTS = """() => {
  const found = [];
  for (const call of glassnet.content.calls) for (const [target, rows] of Object.entries(call.differences)) {
    for (const [place, central, exact, left] of rows) {
      if (central === null || left !== undefined) continue;
      const own = glassnet.element(call.arrays[target], place), bound = glassnet.roundingBound(call, target, place);
      const kind = glassnet.verdictOf(own, central, exact, bound);
      found.push({ step: call.step, target, place, own, central, exact, bound, kind });
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def window() -> Iterator[Opened]:
    with chromium() as browser:
        yield Opened(browser, viewport={"width": 1280, "height": 800})


class Slanted(gn.NumpyLayer):
    """x³, whose backward pass is wrong by a share."""

    def __init__(self, share: float = 0.0) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Array) -> tuple[Array, Any]:
        return x**3, x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return 3 * cache**2 * dy * (1 + self.share), {}


def trace(dtype: str, *layers: gn.Layer) -> gn.Trace:
    rng = np.random.default_rng(0)
    net = gn.Sequential(gn.Dense(5), gn.Tanh(), *layers, gn.Dense(3))
    model = gn.Model(net, "cross_entropy", gn.SGD(0.1), dtype=dtype)
    return gn.trace(model, rng.normal(size=(4, 6)), [0, 1, 2, 0])


def verdicts(window: Opened, folder: Path, found: gn.Trace) -> list[dict[str, Any]]:
    rows = window.show(found.to_html(), folder).evaluate(VERDICTS)
    assert len(rows) > 50
    assert window.errors == []
    return list(rows)


def test_a_right_gradient_in_float64_agrees(window: Opened, tmp_path: Path) -> None:
    found = verdicts(window, tmp_path, trace("float64"))
    assert {row["kind"] for row in found} == {"agrees"}
    assert {row["bound"] for row in found} == {None}  # what float32 would make of it is not asked


def test_the_rounding_of_float32_explains_what_it_makes(window: Opened, tmp_path: Path) -> None:
    found = verdicts(window, tmp_path, trace("float32"))
    kinds = [row["kind"] for row in found]
    assert set(kinds) == {"agrees", "rounding"}
    for row in found:
        off = abs(row["own"] - row["exact"])
        assert off <= row["bound"], row  # the bound holds
        assert row["bound"] < 1e-4  # and says something
        if row["kind"] == "rounding":
            assert abs(row["central"] - row["exact"]) < abs(row["central"] - row["own"])
    row = found[kinds.index("rounding")]
    window.page.evaluate("([n, t, p]) => glassnet.choose(n, t, p)", [row["step"] - 1, row["target"], row["place"]])
    said = window.page.locator(".difference").inner_text()
    assert "the rounding of float32 explains the difference" in said
    assert "where rounding may make up to" in said


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_backward_pass_is_called_wrong(dtype: str, window: Opened, tmp_path: Path) -> None:
    found = verdicts(window, tmp_path, trace(dtype, Slanted(share=1e-4)))
    first = [row for row in found if row["target"] == "dweight" and abs(row["central"]) > 1e-3]
    behind, before = first[: len(first) // 4], first[-len(first) // 4 :]
    assert {row["kind"] for row in behind} <= {"agrees", "rounding"}
    assert {row["kind"] for row in before} == {"wrong"}
    row = before[0]
    window.page.evaluate("([n, t, p]) => glassnet.choose(n, t, p)", [row["step"] - 1, row["target"], row["place"]])
    said = window.page.locator(".difference").inner_text()
    assert "wrong: they are apart by" in said
    assert "does not fit its forward pass" in said


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_layer_is_called_right_once_it_is(dtype: str, window: Opened, tmp_path: Path) -> None:
    found = verdicts(window, tmp_path, trace(dtype, Slanted()))
    assert {row["kind"] for row in found} <= {"agrees", "rounding"}
    assert dtype == "float32" or {row["bound"] for row in found} == {None}


def test_more_than_rounding_makes_is_told_apart(window: Opened, tmp_path: Path) -> None:
    page = window.show(trace("float32").to_html(), tmp_path)
    verdict = "([own, central, exact, bound]) => glassnet.verdictOf(own, central, exact, bound)"
    for numbers, kind in [
        ((1.0, 1.0, 1.0, 1e-7), "agrees"),
        ((1.001, 1.0, 1.0, 1e-2), "rounding"),
        ((1.001, 1.0, 1.0, 1e-7), "coarse"),  # float32 went another way
        ((1.001, 1.0, 1.0, None), "rounding"),
        ((1.001, 1.0, 1.001, 1e-7), "wrong"),
        ((1.001, 1.0, None, None), "wrong"),
    ]:
        assert page.evaluate(verdict, list(numbers)) == kind


def test_the_same_pass_in_float64_is_that_of_a_model_in_float64() -> None:
    single = trace("float32", gn.Dropout(0.3))
    exact, compared = Exact(single), 0
    for call in single.backward:
        for name, array in call.outputs.items():
            same = exact.of(call, name)
            assert same.dtype == np.float64 or array.dtype.kind != "f"
            np.testing.assert_allclose(same, array, rtol=1e-4, atol=1e-6)
            compared += array.size
    assert compared > 50


def test_a_failed_check_says_how_little_rounding_explains() -> None:
    report = gn.check_gradients(Slanted(share=1e-3), np.random.default_rng(0).normal(size=(3, 4)))
    assert not report
    assert "wrong, since rounding explains no more than" in str(report)
