"""Doors to the rooms above: what a room may call without knowing where it stands.

The package, which sees all rooms, hangs them: see ``glassnet/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DOORS: dict[str, Callable[..., Any]] = {}


def hang(**doors: Callable[..., Any]) -> None:
    """Makes functions of upper rooms known by their names."""
    _DOORS.update(doors)


def door(name: str) -> Callable[..., Any]:
    """The function of an upper room that was hung under that name."""
    return _DOORS[name]
