"""What a shell needs to complete the commands, options and choices of ``glassnet``."""

from __future__ import annotations

import argparse

from glassnet.core.errors import require_extra

SHELLS = ("bash", "zsh", "fish")


def completion(options: argparse.Namespace) -> int:
    """Prints a script for the shell."""
    where = f"completion {options.shell}"
    require_extra("shtab", extra="completion", expected="shtab, which writes the script", where=where)
    import shtab

    print(shtab.complete(options.parser(), shell=options.shell))
    return 0
