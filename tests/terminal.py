"""A terminal for programs that look whether they have one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def in_a_terminal(
    command: Sequence[str], *, more: Mapping[str, str] | None = None, folder: Path | None = None
) -> tuple[int, bytes]:
    """Runs a command with a terminal as its standard output and error.

    Args:
        command: the program and its arguments.
        more: environment variables beside those of the test.
        folder: where it runs.

    Returns:
        Its exit status, and what it showed.
    """
    import pty

    main, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", **(more or {})}
    process = subprocess.Popen(command, stdout=child, stderr=child, env=environment, cwd=folder)
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    return process.wait(), shown
