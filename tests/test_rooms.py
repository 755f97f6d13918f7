"""The house: no file needs, by whatever way, a file that needs it, and no import hides behind a string."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import glassnet as gn

SOURCES = Path(gn.__file__).parent
BY_NAME = {"core/lazy.py", "compile/binding.py", "kernels/__init__.py", "layers/__init__.py"}
"""Files that import by a name made while running: what the stub lists, the native module for this processor, and the
families of kernels and layers, which are files of the room itself."""


def circles(nodes: Iterable[str], needs: Callable[[str], Iterable[str]]) -> list[list[str]]:
    """Groups of nodes each of which leads to all others (R. Tarjan, SIAM Journal on Computing 1 (1972), 146-160)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_nodes: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        open_nodes.append(node)
        for other in needs(node):
            if other not in number:
                visit(other)
            if other in open_nodes:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            place = open_nodes.index(node)
            found.append(sorted(open_nodes[place:]))
            del open_nodes[place:]

    for node in nodes:
        if node not in number:
            visit(node)
    return [group for group in found if len(group) > 1 or group[0] in needs(group[0])]


def test_circles_are_found() -> None:
    needs = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": ["e"], "e": [], "f": ["f"]}
    assert circles(needs, needs.__getitem__) == [["a", "b", "c"], ["f"]]


def test_no_files_need_each_other() -> None:
    """Imports inside functions count, and so do those for type checkers alone."""
    grimp = pytest.importorskip("grimp")  # which import-linter brings
    graph = grimp.build_graph("glassnet", cache_dir=None)
    assert len(graph.modules) > 300
    assert circles(sorted(graph.modules), graph.find_modules_directly_imported_by) == []


def test_no_import_hides_behind_a_string() -> None:
    """Upper rooms are reached through ``core.doors``, which the package hangs by imports that can be seen."""
    found = set()
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if name in ("import_module", "__import__"):
                assert isinstance(node, ast.Call)
                target = node.args[0]
                if not (isinstance(target, ast.Constant) and not str(target.value).startswith("glassnet")):
                    found.add(file.relative_to(SOURCES).as_posix())
    assert found == BY_NAME
