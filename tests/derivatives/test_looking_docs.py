"""The code in docs/looking-inside.md runs, is the same in both languages, and says what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("looking-inside.md", "looking-inside.zh-CN.md")


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = {}
    for block in blocks(name):
        exec(block, found)
    assert {path: array.shape[1] for path, array in found["hidden"].items()} == {
        **{"0": 32, "1": 32, "2": 32, "2.residual": 32, "2.residual.0": 32, "2.residual.1": 32},
        "3": 10,
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("loss ")
    assert any("parameter 3.weight" in line and "(32, 10)" in line for line in lines)
    sums = found["shares"].sum(axis=1)
    model, x = found["model"], found["x"]
    np.testing.assert_allclose(sums, (model.predict(x[:5]) - model.predict(0 * x[:5]))[:, 3], rtol=1e-3, atol=1e-4)
    assert found["tangent"].shape == (5, 10)
    assert found["cotangent"].shape == (5, 64)
    assert found["curved"].shape == found["w"].shape
    assert list(found["by_name"]) == list(found["found"].parameters)


def test_both_languages_have_the_same_code() -> None:
    english, chinese = ([re.sub(r" *#.*", "", block) for block in blocks(name)] for name in NAMES)
    assert english == chinese
