"""The lowest versions of everything that glassnet may be installed with, a line each, for pip.

    python tools/lowest.py [extra ...]

They come from pyproject.toml: the needed packages, those of the extras (``all`` by default), and of ``dev`` the ones
that run the tests, as they stand there.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
FOR_TESTS = ("hypothesis", "httpx2", "onnxruntime", "pandas", "pyarrow", "pytest", "pytest-xdist")


def lowest(requirement: str) -> str:
    """``numpy>=1.26,<3`` becomes ``numpy==1.26``; what has no lower bound stays as it is."""
    name = re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]
    bound = re.search(r">=\s*([\w.]+)", requirement)
    return f"{name}=={bound[1]}" if bound else requirement


def main() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    wanted, left = list(project["dependencies"]), list(sys.argv[1:] or ["all"])
    while left:
        for requirement in extras[left.pop()]:
            own = re.fullmatch(r"glassnet\[(.*)\]", requirement)
            left += own[1].split(",") if own else []
            wanted += [] if own else [requirement]
    tests = [r for r in extras["dev"] if re.split(r"[<>=]", r)[0] in FOR_TESTS]
    # Starlette's older test client needs httpx. What only the tests need is no bound of ours.
    print("\n".join([*map(lowest, dict.fromkeys(wanted)), *tests, "httpx"]))


if __name__ == "__main__":
    main()
