"""What docs/serving.md shows is what happens, in both languages."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from serving_client import flowers

DOCS = Path(__file__).parents[2] / "docs"
NAMES = "serving.md", "serving.zh-CN.md"


def commands(name: str) -> list[tuple[str, str]]:
    """Each command with what it prints."""
    text = (DOCS / name).read_text(encoding="utf-8")
    lines = [
        line for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()
    ]
    return [(one.removeprefix("$ "), other) for one, other in zip(lines[::2], lines[1::2], strict=True)]


def agrees(found: Any, shown: Any) -> bool:
    """Numbers are shown with four digits."""
    if isinstance(shown, dict):
        return list(found) == list(shown) and all(agrees(found[name], shown[name]) for name in shown)
    if isinstance(shown, list):
        return len(found) == len(shown) and all(map(agrees, found, shown))
    if isinstance(shown, float):
        return bool(found == pytest.approx(shown, abs=2e-3))
    return bool(found == shown)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_true(name: str, tmp_path: Path) -> None:
    flowers().save(tmp_path / "flowers.safetensors")
    (serve, line), *others = commands(name)
    words = [*shlex.split(serve)[:-1], "0"]
    assert words[:2] == ["glassnet", "serve"]
    server = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert server.stdout is not None
        printed = server.stdout.readline().strip()
        assert re.sub(r"\d+$", "8000", printed) == line
        port = printed.rpartition(":")[2]
        assert len(others) == 4
        for command, shown in others:
            asked = command.replace("localhost:8000", f"localhost:{port}")
            found = subprocess.run(["curl", "-s", *shlex.split(asked)[1:]], capture_output=True, timeout=30)
            assert agrees(json.loads(found.stdout.decode("utf-8")), json.loads(shown)), found.stdout
    finally:
        server.terminate()
        server.communicate(timeout=20)


def test_both_languages_ask_the_same() -> None:
    english, chinese = ([re.sub(r"-H '.*?' ", "", one) for one, _ in commands(name)] for name in NAMES)
    assert english == chinese


def test_the_bounds_are_those_of_the_command() -> None:
    from glassnet.cli.main import build_parser

    options = build_parser().parse_args(["serve", "m"])
    for name in NAMES:
        text = (DOCS / name).read_text(encoding="utf-8")
        for option in ("max_rows", "max_bytes", "timeout", "max_waiting", "workers"):
            value = getattr(options, option)
            number = f"{value:,.0f}" if value > 9999 else f"{value:.0f}"
            assert re.search(rf"`--{option.replace('_', '-')}`[^`]*\b{number}\b", text), option
