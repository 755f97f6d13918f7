"""What the commands say beside their answers: a line each on the standard error."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glassnet.core.catalogues import translated
from glassnet.core.output import logger


class _Formatter(logging.Formatter):
    """Says notes in the language that was chosen."""

    def format(self, record: logging.LogRecord) -> str:
        record.msg, record.args = translated(record.getMessage()), None
        return super().format(record)


@contextmanager
def notes_to_stderr() -> Iterator[None]:
    """Writes the logger ``glassnet`` and warnings as ``glassnet: ...``, which is how errors begin, too."""
    log, handler = logger(), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("glassnet: %(message)s"))
    log.addHandler(handler)
    showed = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *others: Any, **more: Any) -> None:
        if issubclass(category, UserWarning):
            log.warning(str(message))
        else:
            showed(message, category, *others, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        log.removeHandler(handler)
        if warnings.showwarning is show:
            warnings.showwarning = showed
