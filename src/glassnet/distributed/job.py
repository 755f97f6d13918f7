"""What a program that ``mpiexec`` has started several times asks of MPI besides a training."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NoReturn

from glassnet.distributed.pulse import beating
from glassnet.distributed.world import START_SECONDS, world


def rank_of_job() -> int:
    """The rank of this process; 0 where it was started by itself.

    Raises:
        MissingExtraError: ``mpi4py`` is not installed, or finds no MPI library.
        ConfigurationError: an MPI library that no two threads may call.
    """
    return world().rank


def number_of_ranks() -> int:
    """How many ranks the job has."""
    return world().size


def as_job(farewell: str) -> AbstractContextManager[None]:
    """Lets ranks look after each other while it is entered, before and after a training, too.

    All of them come to it as soon as MPI has begun: one that does not was lost in between.

    Args:
        farewell: what is said besides where one of them ends the job for another that is lost.
    """
    return beating(world(), farewell, START_SECONDS)


def abort(status: int) -> NoReturn:
    """Ends all ranks at once.

    Args:
        status: with which ``mpiexec`` ends.
    """
    world().mpi.COMM_WORLD.Abort(status)
    raise SystemExit(status)
