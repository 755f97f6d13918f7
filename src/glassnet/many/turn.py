"""What several threads do in Python, done by one after another rather than by all of them in small slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Turn:
    """A turn that threads have for what they do between long works that need no interpreter.

    The interpreter lets threads that wait for it alternate every few milliseconds, so that those which begin together
    end together, and meanwhile all but one have nothing to do. One after another, the first is at its work while the
    next one prepares its own.

    Example:
        >>> turn = Turn()
        >>> with turn:
        ...     models = ["a", "b"]  # in Python
        ...     with turn.passed_on():
        ...         pass  # long work, native
    """

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Lets others have it meanwhile; in a turn."""
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
