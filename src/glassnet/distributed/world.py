"""MPI: which ranks there are, and how they tell each other short things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from glassnet.compile.threads import share_processors
from glassnet.core.errors import ConfigurationError, DistributedError, MissingExtraError, require_extra, shown

if TYPE_CHECKING:
    from mpi4py.MPI import Comm, Intracomm

WHERE = "distributed training"
SILENCE = "GLASSNET_RANK_SILENCE"
"""The environment's variable for how many seconds a rank may be silent."""
SILENCE_SECONDS = 10.0
START_SECONDS = 60.0
"""So long MPI may take to begin on all ranks."""
OF_LAUNCHERS = "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"
GUARD = """\
import os, select, signal, sys
if not select.select([sys.stdin], [], [], float(sys.argv[2]))[0]:
    sys.stderr.write(f"glassnet: MPI has not begun in {sys.argv[2]} s: a rank is missing, or was stopped. It ends.\\n")
    os.kill(int(sys.argv[1]), signal.SIGKILL)
"""
FIX = 'install an MPI library that fits, such as by pip install "glassnet[mpi]", and start it with its own mpiexec'


class World:
    """The ranks of this job.

    Attributes:
        rank: of this process.
        size: how many there are.
        is_one_machine: whether MPI says that they all have the same memory.
        comm: for the training.
        beats: for signs of life.
        silence: after how many seconds without one a rank counts as lost.

    Raises:
        MissingExtraError: ``mpi4py`` is not installed, or finds no MPI library.
        ConfigurationError: an MPI library that no two threads may call.
    """

    def __init__(self) -> None:
        require_extra("mpi4py", extra="mpi", expected="mpi4py, by which ranks speak", where=WHERE)
        self.silence = _silence()
        with _guarded():
            self._begin()

    def _begin(self) -> None:
        """Begins MPI, which waits for all ranks."""
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise MissingExtraError(
                where=WHERE, received=str(error).splitlines()[0][:200], expected="an MPI library", fix=FIX
            ) from error
        if MPI.Query_thread() < MPI.THREAD_MULTIPLE:
            raise ConfigurationError(
                where=WHERE,
                received="an MPI library that was begun for a single thread",
                expected="MPI_THREAD_MULTIPLE, for the signs of life that ranks give",
                fix="leave mpi4py.rc.thread_level as it is, or use another MPI library, such as that of glassnet[mpi]",
            )
        self.mpi: Any = MPI
        self.comm: Intracomm = MPI.COMM_WORLD.Dup()
        self.beats: Intracomm = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self.comm.rank, self.comm.size
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        share_processors(texts_of(node, json.dumps(own)).count(json.dumps(own)))
        self.is_one_machine = node.size == self.size
        node.Free()

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which writes what there is to write."""
        return self.rank == 0

    def told(self, own: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What each rank says, by rank: numbers, texts and lists of them by name."""
        return [json.loads(text) for text in texts_of(self.comm, json.dumps(own))]

    def agreed(self, own: Mapping[str, Any], error: BaseException | None = None) -> list[dict[str, Any]]:
        """The same, unless a rank has met an error: then all of them stop.

        Args:
            own: what this rank says.
            error: what it has met, if anything; it is raised again here.

        Raises:
            DistributedError: another rank has met one.
        """
        said = self.told({**own, "error": None if error is None else _told(error)})
        if error is not None:
            raise error
        for rank, one in enumerate(said):
            if one["error"] is not None:
                raise DistributedError(
                    where=f"{WHERE}: rank {rank}",
                    received=one["error"],
                    expected="no error on any rank",
                    fix="mend that; the newest checkpoint, where there is one, can be gone on from",
                )
        return said


_world: World | None = None


def world() -> World:
    """The ranks of this job, as found once."""
    global _world
    if _world is None:
        _world = World()
    return _world


@contextmanager
def _guarded() -> Iterator[None]:
    """Ends this process where MPI does not begin in time: it waits for all ranks, and no thread of Python gets a turn.

    A small process beside this one does that, in jobs that a launcher has started.
    """
    if os.name == "nt" or not any(name in os.environ for name in OF_LAUNCHERS):
        yield
        return
    command = [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), str(START_SECONDS)]
    beside = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        beside.communicate()


def texts_of(comm: Comm, own: str) -> list[str]:
    """A text of each rank."""
    import numpy as np

    data = np.frombuffer(own.encode("ascii"), np.uint8)
    sizes = np.empty(comm.size, np.int64)
    comm.Allgather(np.array([len(data)]), sizes)
    found = np.empty(int(sizes.sum()), np.uint8)
    comm.Allgatherv(data, [found, sizes.tolist()])
    ends = np.cumsum(sizes)[:-1].tolist()
    return [part.tobytes().decode("ascii") for part in np.split(found, ends)]


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__


def _silence() -> float:
    given = os.environ.get(SILENCE, "").strip()
    if not given:
        return SILENCE_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise ConfigurationError(
            where=f"environment variable {SILENCE}",
            received=shown(given),
            expected="a number of seconds, from 1 to 86,400",
            fix=f"unset it, or set {SILENCE}=10",
        )
    return seconds
