"""Forks while other threads import, or multiply matrices by NumPy.

A module that a thread is importing is locked, and in the child of a fork it stays so for ever, since that thread is not
there to go on. Here modules are loaded when they are first used: the first ``fit`` of one thread would make every child
hang that another thread forks meanwhile. So a fork waits until no other thread imports, and none begins before it.

OpenBLAS, which NumPy's products are made by, has a lock like that for its memory, which it does not look after. So a
fork waits, too, until no other thread is within a call of NumPy that glassnet makes: since it has Python's own lock
then, none begins another before it.
"""

from __future__ import annotations

import _imp
import importlib
import os
import sys
import time
from _thread import get_ident  # threading would take as long as all the rest
from contextlib import suppress
from types import FrameType
from typing import Any

PATIENCE_SECONDS = 10.0
"""How long at most: a thread may wait within an import, and for this very thread."""
SHORT_PATIENCE_SECONDS = 1.0
"""How long for calls of NumPy, of which few take longer; it is seldom that one is at its lock."""
PAUSE_SECONDS = 0.001
CALCULATING = tuple(
    f"glassnet.{room}"
    for room in ("kernels", "initializers", "preprocessing", "derivatives", "diagnosis", "metrics", "optimizers", "own")
)
"""Rooms whose functions call NumPy, in which it may multiply matrices."""
CALLERS = ("glassnet.runners", "glassnet.layers", "glassnet.losses", "glassnet.network")
"""Rooms that call the user's own parts, which may call NumPy likewise."""


def look_after_forks() -> None:
    """Lets forks of this process be as said above, from now on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_wait_for_imports, after_in_parent=_go_on, after_in_child=_go_on)


def _wait_for_imports() -> None:
    begun = time.monotonic()
    # Who holds this lock keeps all others from locking a module.
    _imp.acquire_lock()
    while time.monotonic() - begun < (
        PATIENCE_SECONDS if _others_import() else SHORT_PATIENCE_SECONDS if _others_calculate() else 0.0
    ):
        _imp.release_lock()
        time.sleep(PAUSE_SECONDS)
        _imp.acquire_lock()


def _go_on() -> None:
    with suppress(RuntimeError):  # should a child hold no lock of its parent's
        _imp.release_lock()


def _others_import() -> bool:
    """Whether a module is locked by another thread, as far as this Python tells."""
    locks: dict[str, Any] = getattr(importlib._bootstrap, "_module_locks", {})
    found = [lock() for lock in list(locks.values())]
    return any(getattr(lock, "owner", None) not in (None, get_ident()) for lock in found)


def _others_calculate() -> bool:
    """Whether another thread is where it may be within a call of NumPy."""
    own = get_ident()
    return any(_calculates(frame) for thread, frame in sys._current_frames().items() if thread != own)


def _calculates(frame: FrameType | None) -> bool:
    while frame is not None and _module_of(frame).startswith("numpy"):
        frame = frame.f_back
    if frame is None:
        return False
    name = _module_of(frame)
    if name.startswith("glassnet"):
        return name.startswith(CALCULATING)
    return frame.f_back is not None and _module_of(frame.f_back).startswith(CALLERS)


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
