"""Long work for somebody who may go away: it ends when nobody waits for it any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_WAITED_FOR: ContextVar[Callable[[], bool] | None] = ContextVar("is waited for", default=None)


class NobodyWaits(BaseException):
    """The one that the work was for is gone: no error, and nothing that takes errors for damaged files may take it."""


@contextmanager
def waited_for(is_waited_for: Callable[[], bool]) -> Iterator[None]:
    """What is done inside ends with ``NobodyWaits`` at the next ``go_on`` after the function says no.

    Example:
        >>> with waited_for(lambda: True):
        ...     go_on()
    """
    token = _IS_WAITED_FOR.set(is_waited_for)
    try:
        yield
    finally:
        _IS_WAITED_FOR.reset(token)


def go_on() -> None:
    """Asked before each part of long work: whether it is to be done.

    Raises:
        NobodyWaits: it is not.
    """
    is_waited_for = _IS_WAITED_FOR.get()
    if is_waited_for is not None and not is_waited_for():
        raise NobodyWaits
