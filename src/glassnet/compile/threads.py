"""How many threads compiled programs use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import whole

VARIABLE = "GLASSNET_NUM_THREADS"
USUAL_VARIABLE = "OMP_NUM_THREADS"
"""Which joblib, Dask, Ray and Spark set in their workers to each one's share of the machine."""
MOST_THREADS = 1024
"""More than any machine gains by."""
_sharing = 1  # processes that the processors for this one are divided among


def share_processors(processes: int) -> None:
    """Lets this process count on its share alone of the processors that it may run on.

    Args:
        processes: how many divide them.
    """
    global _sharing
    _sharing = processes


_LIMIT: ContextVar[int] = ContextVar("most threads", default=MOST_THREADS)


@contextmanager
def threads_limited(most: int) -> Iterator[None]:
    """Lets programs that this thread runs have no more threads than that, whatever they are told."""
    before = _LIMIT.set(most)
    try:
        yield
    finally:
        _LIMIT.reset(before)


def at_most(threads: int) -> int:
    """So many threads; where many models are at work side by side no more than each may have."""
    return min(threads, _LIMIT.get())


def thread_count(threads: int | None) -> int:
    """``threads``; where that is None the environment's GLASSNET_NUM_THREADS, else the processors for this process.

    Of the processors as many at most as OMP_NUM_THREADS says, which is read as OpenMP does: of ``4,2`` the first.

    Raises:
        ConfigurationError: one of the first two is no whole number from 1 to 1,024.
    """
    if threads is not None:
        return whole(threads, "threads", "Model", high=MOST_THREADS)
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if not given.isascii() or not given.isdigit() or len(given) > 4 or not 1 <= int(given) <= MOST_THREADS:
            raise ConfigurationError(
                where=f"environment variable {VARIABLE}",
                received=shown(given),
                expected=f"a whole number of threads, at least 1, at most {MOST_THREADS:,}",
                fix=f"unset it, or set {VARIABLE}=1",
            )
        return int(given)
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processors = max(1, found // _sharing)
    usual = os.environ.get(USUAL_VARIABLE, "").partition(",")[0].strip()
    is_number = usual.isascii() and usual.isdigit() and len(usual) < 10
    return min(int(usual), processors) if is_number and int(usual) else processors
