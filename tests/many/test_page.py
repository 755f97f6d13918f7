"""The pages' code runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["many-models.md", "many-models.zh-CN.md"])
def test_the_pages_code_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    known: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, name, "exec"), known)
    assert "['History', 'DivergenceError', 'History']" in capsys.readouterr().out
    assert all(error["loss"] > 0 for error in known["errors"])
