"""The code in docs/own-parts.md runs, in both languages, and what it defines trains and is saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("name", ["own-parts.md", "own-parts.zh-CN.md"])
def test_the_examples_run(name: str, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for block in blocks(name):
        exec(block, found)
    x = np.random.default_rng(0).normal(size=(60, 3))
    net = gn.Sequential(gn.Dense(8), found["MyDropout"](0.2), gn.Dense(2))
    model = gn.Model(net, found["log_cosh"], found["Momentum"](found["rate"]), metrics=[found["largest_error"]])
    history = model.fit(x, x[:, :2], epochs=20, verbose=False)
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    model.save(tmp_path / "m.safetensors")
    custom = [found[name] for name in ("MyDropout", "Momentum", "log_cosh", "rate", "largest_error")]
    loaded = gn.load(tmp_path / "m.safetensors", custom=custom)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_both_languages_have_the_same_code() -> None:
    english, chinese = (
        [re.sub(r" *#.*", "", block) for block in blocks(name)] for name in ("own-parts.md", "own-parts.zh-CN.md")
    )
    assert english == chinese
