"""Panics of libraries in Rust, which speak to the standard error before they become exceptions."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

STANDARD_ERROR = 2
PANIC = re.compile(
    rb"(?:\A\n|(?<=\n)\n)?thread '[^\n]*' (?:\(\d+\) )?panicked at [^\n]*\n"
    rb"[^\n]*\n?(?:(?:[ \t]|stack backtrace:|note: )[^\n]*\n?)*"
)
"""What one writes: its place, its words, and what may be told of the calls that led there."""
QUIET_SECONDS, MOST_SECONDS = 0.05, 1.0
"""How long nothing must have come from other threads that panicked too, and how long that is waited for at most."""


def is_panic(error: BaseException) -> bool:
    """Whether a library in Rust gave up there; such an error is no ``Exception``."""
    return type(error).__module__ == "pyo3_runtime"


class _StandardError:
    """Where the file descriptor of the standard error leads, and how many calls want it to lead to a file of ours."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls = 0
        self.real = -1
        self.file: BinaryIO | None = None

    def divert(self) -> None:
        with self.lock:
            self.calls += 1
            if self.calls > 1:
                return
            with suppress(OSError):  # it is closed, or there is no room for a file: what comes goes where it goes
                self.real = os.dup(STANDARD_ERROR)
                self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by ``restore``
                os.dup2(self.file.fileno(), STANDARD_ERROR)

    def restore(self) -> None:
        with self.lock:
            self.calls -= 1
            if self.calls == 0:
                self.lead_back()
            self.calls = max(0, self.calls)  # in the child of a fork that happened inside

    def lead_back(self) -> None:
        if self.real >= 0:
            os.dup2(self.real, STANDARD_ERROR)
            os.close(self.real)
        if self.file is not None:
            self.file.seek(0)
            rest = PANIC.sub(b"", self.file.read())
            self.file.close()
            while rest:
                try:
                    rest = rest[os.write(STANDARD_ERROR, rest) :]
                except OSError:  # nobody reads it
                    break
        self.real, self.file = -1, None

    def settle(self) -> None:
        """Waits until threads that panicked at the same time have told all of it."""
        end, size = time.monotonic() + MOST_SECONDS, -1
        while self.file is not None and time.monotonic() < end:
            before, size = size, os.fstat(self.file.fileno()).st_size
            if size == before:
                return
            time.sleep(QUIET_SECONDS)


_standard_error = _StandardError()


@contextmanager
def without_panics() -> Iterator[None]:
    """Nothing that a panic inside tells of itself arrives at the standard error; whatever else is written follows.

    A library in Rust panics where it trusted in something, such as the bytes of a file, and was wrong. That becomes an
    exception, but its place in the library's sources has been written to the standard error by then, by code that
    cannot be reached from here. So for as long as this lasts the file descriptor leads to a file of ours. It belongs to
    the whole process: this is for calls that take a moment, and for nothing that goes on in other threads.

    Where such a call ends the process, as for want of memory, its last words are lost; a program that another thread
    starts meanwhile keeps the file as its standard error.

    Example:
        >>> with without_panics():
        ...     _ = os.write(2, b"")
    """
    _standard_error.divert()
    try:
        yield
    except BaseException as error:
        if is_panic(error):
            _standard_error.settle()
        raise
    finally:
        _standard_error.restore()


def _in_child() -> None:
    """The calls of other threads are not there; what they have written so far is for the parent to tell."""
    if _standard_error.real >= 0:
        os.dup2(_standard_error.real, STANDARD_ERROR)
    _standard_error.calls, _standard_error.real, _standard_error.file = 0, -1, None
    _standard_error.lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_standard_error.lock.acquire,
        after_in_parent=_standard_error.lock.release,
        after_in_child=_in_child,
    )
