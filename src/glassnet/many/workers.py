"""Work on many models, one in each thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from threading import Thread
from typing import TypeVar

from glassnet.compile.threads import at_most, thread_count, threads_limited
from glassnet.core.settings import whole
from glassnet.training.interrupt import Interrupt
from glassnet.training.progress import ProgressBar

R = TypeVar("R")
LOOK_SECONDS = 0.05
"""How often the thread that waits looks for Ctrl-C."""


def side_by_side(
    work: Callable[[int], R], count: int, *, workers: int | None, where: str, verbose: bool = False
) -> list[R | Exception | None]:
    """Carries out ``work(0)``, ``work(1)`` and so on, in as many threads as there are workers: see ``in_batches``."""

    def tried(numbers: Sequence[int]) -> list[R | Exception | None]:
        try:
            return [work(*numbers)]
        except Exception as error:  # noqa: BLE001 - it stands in its place
            return [error]

    return in_batches(tried, count, several=lambda: 1, workers=workers, where=where, verbose=verbose)


def in_batches(
    work: Callable[[Sequence[int]], Sequence[R | Exception | None]],
    count: int,
    *,
    several: Callable[[], int],
    workers: int | None,
    where: str,
    verbose: bool = False,
    at_the_end: Callable[[], None] = lambda: None,
    together: int = 1,
) -> list[R | Exception | None]:
    """Carries out works of which a thread takes several at a time.

    The threads of a work are limited, so that all together have as many as there are processors.

    Args:
        work: is called with the numbers of some works, in any thread; gives a value, an exception or None for each.
        count: of works.
        several: how many works a thread takes next; fewer towards the end, so that all threads end together.
        workers: at most so many threads; None for the environment's GLASSNET_NUM_THREADS, else the processors.
        where: for messages.
        verbose: whether to show a progress bar.
        at_the_end: is called by each thread after its last work.
        together: so many works take little longer than one, once a thread takes as many.

    Returns:
        In order, what came of each: its value, its exception, or None where Ctrl-C came before it began.

    Raises:
        ConfigurationError: ``workers`` is no whole number above 0.
        KeyboardInterrupt: Ctrl-C came a second time; the works in progress have ended.
    """
    processors = at_most(thread_count(None))
    most = processors if workers is None else whole(workers, "workers", where)
    most = max(1, min(most, count))
    results: list[R | Exception | None] = [None] * count
    waiting, done = iter(range(count)), list[int]()  # of the first no two threads get the same
    fatal: list[BaseException] = []
    with Interrupt() as interrupt, ProgressBar((1, max(1, count)), 1, enabled=verbose, of="model") as bar:

        def run() -> None:
            with interrupt.shared(), threads_limited(max(1, processors // most)):
                try:
                    while not interrupt.requested:
                        wanted, share = several(), (count - len(done)) // (2 * most)
                        asked = max(min(wanted, together), min(wanted, share) // together * together)
                        numbers = list(islice(waiting, asked))
                        if not numbers:
                            break
                        for number, result in zip(numbers, work(numbers), strict=True):
                            results[number] = result
                        done.extend(numbers)
                    at_the_end()
                except BaseException as error:  # noqa: BLE001 - such as SystemExit, which ends all
                    fatal.append(error)
                    interrupt.requested = True

        threads = [Thread(target=run, name=f"glassnet-{where}-{number}", daemon=True) for number in range(most)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(LOOK_SECONDS)
                    bar.step(max(1, len(done)), int(bool(done)))
        finally:
            interrupt.requested = True  # for threads that have not ended, after a second Ctrl-C
            for thread in threads:
                thread.join()
    if fatal:
        raise fatal[0]
    return results
