"""Reading ahead: what comes next is made on another thread while the present one is in use."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.05
"""How long anybody waits before looking whether it is still wanted."""
PATIENCE_SECONDS = 2.0
"""How long the end waits for a read in progress."""


class Ahead(Generic[T]):
    """Values one after another, the next of which is being made meanwhile, by one thread.

    Errors of the making travel to whoever asks for the value, at its turn. In the child of a fork, which has no such
    thread, the making begins anew at the value that is due.

    Args:
        make: the values from a number on; it is called with 0 first.
        is_wanted: asked while a value is waited for; False ends the waiting.
        most: values that wait at a time.

    Example:
        >>> with Ahead(lambda start: iter(range(start, 3))) as values:
        ...     [values.next() for _ in range(4)]
        [0, 1, 2, None]
    """

    def __init__(
        self, make: Callable[[int], Iterator[T]], is_wanted: Callable[[], bool] = lambda: True, *, most: int = 1
    ) -> None:
        self._make, self._is_wanted, self._most = make, is_wanted, most
        self._taken = 0
        self._thread: Thread | None = None

    def __enter__(self) -> Ahead[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def next(self) -> T | None:
        """The next value; None at their end, or where none is wanted any more."""
        if self._thread is None or self._process != os.getpid():
            self._begin()
        while self._is_wanted():
            try:
                value, error = self._queue.get(timeout=PAUSE_SECONDS)
            except Empty:
                continue
            if error is not None:
                raise error
            self._taken += 1
            return value
        return None

    def close(self) -> None:
        """Ends the making; a read in progress is waited for, but not for ever."""
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            self._is_over.set()
            thread.join(PATIENCE_SECONDS)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._queue: Queue[tuple[T | None, BaseException | None]] = Queue(self._most)
        self._is_over = Event()
        arguments = self._make, self._taken, self._queue, self._is_over
        self._thread = Thread(target=copy_context().run, args=(_fill, *arguments), name="glassnet-read", daemon=True)
        self._thread.start()


def _fill(
    make: Callable[[int], Iterator[T]],
    start: int,
    queue: Queue[tuple[T | None, BaseException | None]],
    is_over: Event,
) -> None:
    """What the thread does; it refers to nothing that would keep whoever reads alive."""

    def put(value: T | None, error: BaseException | None) -> None:
        while not is_over.is_set():
            try:
                return queue.put((value, error), timeout=PAUSE_SECONDS)
            except Full:
                continue
        return None

    values: Iterator[T] | None = None
    try:
        values = make(start)
        for value in values:
            put(value, None)
            del value
            if is_over.is_set():
                break
        else:
            put(None, None)
    except BaseException as error:  # noqa: BLE001 - raised where the value is asked for
        put(None, error)
    finally:
        if isinstance(values, Generator):
            values.close()
