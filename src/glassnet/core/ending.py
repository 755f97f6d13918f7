"""The end of a program that daemon threads, for which nobody waits, live to see."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 10.0
"""How long the program waits at its end for calls that have begun."""


class _Calls:
    """The calls of daemon threads that are in progress, and whether the program is at its end."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.inside: set[int] = set()  # threads
        self.is_over = False


_calls = _Calls()


@contextmanager
def to_the_end() -> Iterator[None]:
    """What a thread does inside is over before the program ends, or does not begin.

    For calls into Rust or C++ that leave the interpreter and come back to it, and for what holds the lock of a stream:
    up to Python 3.13 a daemon thread that comes back while the interpreter ends is unwound where it stands, which such
    frames cannot bear, and the process is aborted. The compiled engine looks after itself (``interpreter.hpp``).

    Daemon threads alone are counted. One that comes too late waits here until the process has ended.
    """
    thread, calls = threading.current_thread(), _calls
    number = threading.get_ident()
    if not thread.daemon or thread is threading.main_thread() or number in calls.inside:
        yield
        return
    with calls.changed:
        while calls.is_over:
            calls.changed.wait()
        calls.inside.add(number)
    try:
        yield
    finally:
        with calls.changed:
            calls.inside.discard(number)
            calls.changed.notify_all()


def _end() -> None:
    calls = _calls
    with calls.changed:
        calls.is_over = True
        calls.changed.wait_for(lambda: not calls.inside, PATIENCE_SECONDS)


def _forget() -> None:
    """In the child of a fork there is one thread, and the lock may be that of another."""
    global _calls
    _calls = _Calls()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
