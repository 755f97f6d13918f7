"""Signs of life: each rank gives them to the next one, which ends the job where they stay away.

A rank that waits for another in the middle of an exchange cannot look after it: MPI would let it wait for ever. A
thread beside the training does. In the ring of ranks each is watched by one other, so that any number of ranks costs
each of them two short messages a turn.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.output import logger
from glassnet.distributed.world import WHERE, World

TURN_SECONDS = 0.25
GRACE_SECONDS = 2.0
"""After so long a rank that still waits for one with an error ends the job: most errors are met by all alike."""
LATE_SECONDS, LOST_SECONDS = 30.0, 600.0
"""After so long it is said which rank has not come; after so long it counts as lost."""
HEARD_SECONDS, UNREAD_SECONDS = 0.5, 10.0
"""So long a launcher gets to hand on what was said, before it ends all that it has started; and to read it at most."""
LONGEST_TURN = 4 * TURN_SECONDS
"""A turn that took longer counts as one of so long: this process was stopped, too, or had no processor."""
TEXT_BYTES = 600
ALIVE, FAILED, LEFT = 0, 1, 2
MOST_TAG = 30_000
_fits = 0
_is_at_work, _is_beating = threading.Lock(), threading.Lock()


class Pulse:
    """Gives and watches signs of life while it is entered.

    An error that leaves it is told to the rank that watches this one.

    Args:
        world: the ranks.
        farewell: what is said besides where the job is ended, such as how to go on.
        within: seconds until a rank that has not come counts as lost.
    """

    def __init__(self, world: World, farewell: str = "", within: float = LOST_SECONDS) -> None:
        global _fits
        _fits += 1
        self._world, self._tag, self._farewell = world, _fits % MOST_TAG, farewell
        self._within = max(within, world.silence)
        self._over = threading.Event()
        self._sent: list[tuple[Any, Any]] = []
        self._thread = threading.Thread(target=self._watch, name="glassnet-pulse", daemon=True)
        self._guard = threading.Thread(target=self._watch_the_watch, name="glassnet-guard", daemon=True)
        self._turns = 0

    def __enter__(self) -> Pulse:
        if self._world.size > 1:
            self._send(ALIVE)  # at once: one that is stopped in its first steps has come all the same
            self._thread.start()
            self._guard.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if self._world.size == 1:
            return
        self._over.set()
        self._thread.join()
        self._guard.join()
        if error is None:
            self._send(LEFT)
        else:
            self._send(FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _send(self, kind: int, text: str = "") -> None:
        world = self._world
        data = np.zeros(1 + TEXT_BYTES, np.uint8)
        told = text.encode()[:TEXT_BYTES]
        data[0], data[1 : 1 + len(told)] = kind, np.frombuffer(told, np.uint8)
        self._sent = [pair for pair in self._sent if not pair[0].Test()]
        self._sent.append((world.beats.Isend(data, (world.rank + 1) % world.size, self._tag), data))

    def _watch(self) -> None:
        world = self._world
        watched = (world.rank - 1) % world.size
        heard: float | None = None
        failed, failed_at, is_late, has_left = "", 0.0, False, False
        buffer, now, turned = np.empty(1 + TEXT_BYTES, np.uint8), 0.0, monotonic()
        while not self._over.wait(TURN_SECONDS):
            self._turns += 1
            before, turned = turned, monotonic()
            now += min(turned - before, LONGEST_TURN)
            self._send(ALIVE)
            while world.beats.Iprobe(watched, self._tag):
                world.beats.Recv(buffer, watched, self._tag)
                heard, has_left = now, bool(buffer[0] == LEFT)
                if buffer[0] == FAILED:
                    failed = failed or bytes(buffer[1:]).rstrip(b"\0").decode(errors="replace")
                    failed_at = failed_at or heard
            if failed:
                if now - failed_at > GRACE_SECONDS:
                    self._end(f"rank {watched} has ended with an error: {failed}")
            elif heard is not None and not has_left and now - heard > world.silence:
                self._end(
                    f"rank {watched} has given no sign of life for {now - heard:.0f} seconds: it was stopped, or its "
                    "machine or the network to it is gone"
                )
            elif heard is None and now > self._within:
                self._end(f"rank {watched} has not come to the training in {now:.0f} seconds")
            elif heard is None and not is_late and now > LATE_SECONDS:
                is_late = True
                logger().warning(f"rank {world.rank} waits for rank {watched}, which has not begun the training yet")

    def _watch_the_watch(self) -> None:
        """Ends this process where a message hangs in MPI, as where a rank was stopped in the midst of one.

        It counts its own turns, not the time, so that a job that was stopped as a whole can go on.
        """
        seen, since, most = -1, 0, 2 + round((self._world.silence + GRACE_SECONDS) / TURN_SECONDS)
        while self._thread.is_alive() and not self._over.wait(TURN_SECONDS):
            since = 0 if seen != self._turns else since + 1
            seen = self._turns
            if since > most:
                self._say("a message to another rank does not get through: that rank was stopped in the midst of one")
                os._exit(1)  # whereupon the launcher ends the others

    def _end(self, why: str) -> None:
        """Ends all ranks: those that wait within an exchange can be reached in no other way."""
        self._say(why)
        self._world.mpi.COMM_WORLD.Abort(1)

    def _say(self, why: str) -> None:
        """Prints it, and waits until the launcher has had time to hand it on."""
        print(
            f"glassnet: {why}. The job ends here; what was saved is whole, and the newest checkpoint can be resumed."
            + f" {self._farewell}".rstrip(),
            file=sys.stderr,
            flush=True,
        )
        until = monotonic() + UNREAD_SECONDS
        while _unread() and monotonic() < until:
            sleep(TURN_SECONDS / 10)
        sleep(HEARD_SECONDS)


def _unread() -> int:
    """Bytes of the errors' pipe that nobody has read yet; 0 where that cannot be told."""
    try:
        from fcntl import ioctl
        from termios import FIONREAD

        return int(np.frombuffer(ioctl(2, FIONREAD, bytes(4)), np.int32)[0])
    except (ImportError, OSError):
        return 0


@contextmanager
def beating(world: World, farewell: str = "", within: float = LOST_SECONDS) -> Iterator[None]:
    """Lets this rank give signs of life, where it does not yet; see ``Pulse``."""
    if _is_beating.locked():
        yield
        return
    with _is_beating, Pulse(world, farewell, within):
        yield


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Lets no other training of several ranks begin in this process.

    Raises:
        ConfigurationError: one is at work.
    """
    if not _is_at_work.acquire(blocking=False):
        raise ConfigurationError(
            where=WHERE,
            received="a second training of several ranks in the same process",
            expected="one at a time: each takes all ranks",
            fix="call fit(distributed=True) for one after another",
        )
    try:
        yield
    finally:
        _is_at_work.release()
