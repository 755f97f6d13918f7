"""Why a formula is as it is, on the page of a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium

import glassnet as gn

X = np.array([[0.5, -1.0], [1.5, 0.25]])
SAID = {
    ("cross_entropy_backward", "doutputs"): ("the softmax, p_k", "正是 softmax，即 p_k"),
    ("dense_backward", "dweight"): ("the xᵀ in dW", "dW = xᵀ dy 里的 xᵀ"),
    ("sigmoid_backward", "dx"): ("never above ¼", "永远不超过 ¼"),
    ("adam_update", "parameters_"): ("too small by this factor", "小了这么一个因子"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize(("language", "head"), [("en", "Why?"), ("zh", "为什么？")])
def test_the_reasons_of_a_number_stand_below_it(browser: Any, tmp_path: Path, language: str, head: str) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(3), gn.Sigmoid(), gn.Dense(2)), "cross_entropy", "adam")
    source = gn.trace(model, X, [0, 1]).to_html(language=language)
    opened = Opened(browser, viewport={"width": 390, "height": 800})
    page = opened.show(source, tmp_path)
    page.set_default_timeout(15_000)
    page.evaluate("glassnet.drawAll()")
    for (kernel, name), said in SAID.items():
        page.locator(f'article:has(code:text-is("{kernel}")) figure[data-name="{name}"] td').first.click()
        why = page.locator("#panel details.why")
        assert why.locator("summary").inner_text() == head
        why.locator("summary").press("Enter")
        assert said[language == "zh"] in why.inner_text()
        sides = why.locator("math").all_text_contents()
        assert sides
        assert all("=" in one for one in sides)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.errors == []
    opened.context.close()
