"""Memory that does not grow: the short form of ``make soak``."""

from __future__ import annotations

import subprocess
import sys

import pytest
from soak import growth


@pytest.mark.parametrize("part", ["steps", "predictions"])
def test_memory_does_not_grow(part: str) -> None:
    command = [sys.executable, growth.__file__, "--share", "0.005", part]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
