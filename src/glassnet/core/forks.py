"""Forks while other threads import.

A module that a thread is importing is locked, and in the child of a fork it stays so for ever, since that thread is not
there to go on. Here modules are loaded when they are first used: the first ``fit`` of one thread would make every child
hang that another thread forks meanwhile. So a fork waits until no other thread imports, and none begins before it.
"""

from __future__ import annotations

import _imp
import importlib
import os
import time
from _thread import get_ident  # threading would take as long as all the rest
from contextlib import suppress
from typing import Any

PATIENCE_SECONDS = 10.0
"""How long at most: a thread may wait within an import, and for this very thread."""
PAUSE_SECONDS = 0.001


def look_after_forks() -> None:
    """Lets forks of this process be as said above, from now on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_wait_for_imports, after_in_parent=_go_on, after_in_child=_go_on)


def _wait_for_imports() -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    # Who holds this lock keeps all others from locking a module.
    _imp.acquire_lock()
    while _others_import() and time.monotonic() < until:
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
