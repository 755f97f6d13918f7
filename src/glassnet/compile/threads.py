"""How many threads compiled programs use."""

from __future__ import annotations

import os

from glassnet.core.errors import ConfigurationError

VARIABLE = "GLASSNET_NUM_THREADS"


def thread_count(threads: int | None) -> int:
    """``threads``; where that is None the environment's GLASSNET_NUM_THREADS, else the processors for this process.

    Raises:
        ConfigurationError: the environment variable is no positive integer.
    """
    if threads is not None:
        return threads
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if not given.isascii() or not given.isdigit() or int(given) < 1:
            raise ConfigurationError(
                where=f"environment variable {VARIABLE}",
                received=repr(given),
                expected="a whole number of threads, at least 1",
                fix=f"unset it, or set {VARIABLE}=1",
            )
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
