"""A training on the command line that ``mpiexec`` has started several times: who says and writes what, and how it ends.

Rank 0 prints and writes; the others calculate. MPI ends a rank only when all of them end, so that an error on one of
them has to end the job, and one that ends it for another that is lost says how to go on. A rank that is killed can say
nothing, and ``mpiexec`` then kills the others at once: a small process beside rank 0, which survives it, does.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import IO, Any

from glassnet.cli.ending import ASKED
from glassnet.core.catalogues import translated
from glassnet.core.errors import GlassnetError
from glassnet.core.files import write_atomically
from glassnet.core.kinds import DONE
from glassnet.core.output import logger
from glassnet.distributed import abort, as_job, number_of_ranks, rank_of_job
from glassnet.model import Model
from glassnet.version import __version__

GRACE_SECONDS = 2.0
"""After so long an error that rank 0 has not told is its rank's alone."""
WAITING = """\
import sys
if sys.stdin.read() != "over":
    sys.stderr.write(sys.argv[1])
"""


def done_of(output: Path) -> Path:
    """The file that says that a training is done: ``m.done.json`` beside ``m.safetensors``."""
    return output.with_name(f"{output.stem}.done.json")


class Job:
    """The part of this process in a training; by itself, without ``--distributed``, it has all parts.

    Args:
        options: of ``glassnet train``.

    Attributes:
        is_first: whether it prints and writes.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.is_first, self._size = True, 1
        self._beside: subprocess.Popen[bytes] | None = None
        self._quiet: IO[str] | None = None
        self._before: Any = None
        self._pulse: AbstractContextManager[None] | None = None

    def __enter__(self) -> Job:
        if not self._options.distributed:
            return self
        self.is_first, self._size = rank_of_job() == 0, number_of_ranks()
        self._pulse = as_job(self.how_to_go_on())
        self._pulse.__enter__()
        if not self.is_first:
            for number in ASKED:  # rank 0 decides for all when to end
                signal.signal(number, signal.SIG_IGN)
            self._before, self._quiet = sys.stdout, open(os.devnull, "w", encoding="utf-8")
            sys.stdout = self._quiet
            logger().setLevel(logging.CRITICAL)
        elif self._size > 1:
            command = [sys.executable, "-I", "-S", "-c", WAITING, self._left_behind()]
            streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
            self._beside = subprocess.Popen(command, start_new_session=True, **streams)  # noqa: S603
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._quiet is not None:
            sys.stdout = self._before
            self._quiet.close()
            logger().setLevel(logging.NOTSET)
        if error is not None and self._size > 1 and not isinstance(error, BrokenPipeError):
            self._end(error)
        self._is_over()
        if self._pulse is not None:
            self._pulse.__exit__(kind, error, at)

    def begin(self, output: Path) -> None:
        """Nothing is done yet: an older file that says so goes away."""
        if self._options.distributed and self.is_first:
            with suppress(FileNotFoundError):
                done_of(output).unlink()

    def is_done(self, model: Model, output: Path) -> None:
        """Writes the file that says so, once the model is whole on the disk.

        Raises:
            WriteError: the disk does not take it.
        """
        fit = model.latest_fit
        if not self._options.distributed or fit is None or not fit.is_finished:
            return
        said = {
            "glassnet done": __version__,
            "model": output.name,
            "sha256": sha256(output.read_bytes()).hexdigest(),
            "training": str(fit),
            "updates": fit.updates,
            "ranks": self._size,
        }
        write_atomically(done_of(output), (json.dumps(said, indent=1) + "\n").encode(), DONE)

    def how_to_go_on(self) -> str:
        """The command that goes on with the training."""
        typed = [word for word in self._options.typed if word != "--resume"]
        launcher = ["mpiexec", "-n", str(self._size)] if self._size > 1 else []
        return f"to go on: {shlex.join([*launcher, 'glassnet', *typed, '--resume'])}"

    def _left_behind(self) -> str:
        return translated(
            "glassnet: the job has ended before the training was done: a rank was killed, or was lost. What was saved "
            f"is whole; {self.how_to_go_on()}\n"
        )

    def _end(self, error: BaseException) -> None:
        """Says what has happened, unless rank 0 says the same, and ends all ranks."""
        if not self.is_first:
            sleep(GRACE_SECONDS)
        status = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 2
        if isinstance(error, KeyboardInterrupt):
            status = 128 + signal.SIGINT
        if isinstance(error, GlassnetError | OSError):
            rank = "" if self.is_first else f"rank {rank_of_job()}: "
            print(f"glassnet: {translated(rank)}{error}", file=sys.stderr, flush=True)
        elif not isinstance(error, KeyboardInterrupt | SystemExit):
            sys.excepthook(type(error), error, error.__traceback__)
        self._is_over()
        sys.stderr.flush()
        abort(status)

    def _is_over(self) -> None:
        """Whatever there was to say has been said."""
        if self._beside is not None:
            with suppress(OSError):
                self._beside.communicate(b"over")
            self._beside = None
