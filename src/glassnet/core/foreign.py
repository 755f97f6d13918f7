"""Readers of others, which may raise anything on a damaged file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from glassnet.core.errors import FileFormatError, GlassnetError
from glassnet.core.panics import is_panic


@contextmanager
def reading_by_others(where: str, *, received: str, expected: str, fix: str) -> Iterator[None]:
    """Says in our own words that a reader of others does not get on with a file, whatever it raises.

    Args:
        where: as in ``GlassnetError``, like the others.
        received: with ``{error}`` where the reader's own words belong.
        expected: what the reader takes.
        fix: one thing to do.

    Raises:
        FileFormatError: the reader raised something that is not glassnet's own. A panic of a library in Rust, which is
            no ``Exception``, counts as well.

    Example:
        >>> with reading_by_others("a.zip", received="no archive ({error})", expected="one", fix="pack it again"):
        ...     {}["directory"]
        Traceback (most recent call last):
        ...
        glassnet.core.errors.FileFormatError: a.zip: received no archive (KeyError: 'directory'), expected one. To fix
        it: pack it again.
    """
    try:
        yield
    except GlassnetError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise FileFormatError(
            where=where, received=received.replace("{error}", f"{words:.200}"), expected=expected, fix=fix
        ) from error
