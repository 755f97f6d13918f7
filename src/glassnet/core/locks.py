"""One process at a time writes a file again and again: a lock that the kernel gives back, however its owner ends."""

from __future__ import annotations

import atexit
import errno
import json
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from glassnet.core.errors import ConfigurationError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_TAKEN = errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK
_NO_LOCKS = errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL
_HELD: WeakSet[PathLock] = WeakSet()


class PathLock:
    """Keeps other processes, and other threads of this one, from writing a file while it is held.

    The lock is on a hidden file beside the target, which goes when the lock is given back. The kernel gives it back
    when its owner ends, also by SIGKILL or a crash: what lies there then is known to be left over, whoever has its
    owner's number now. All names of a file, through symbolic links or from other folders, mean one lock.

    Args:
        path: the file that is to be written; it need not exist.
        where: for messages.

    Attributes:
        file: that the lock is on; the same for all names of the target.
        warning: why nothing is locked, where the file system cannot; else None.
    """

    def __init__(self, path: str | Path, *, where: str) -> None:
        self._descriptor: int | None = None
        self._target, self._where = Path(path), where
        real = Path(os.path.realpath(path))
        self.file = real.with_name(f".{real.name}.lock")
        self.warning: str | None = None

    def __enter__(self) -> PathLock:
        self.take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.give_back()

    def __del__(self) -> None:
        self.give_back()

    def take(self) -> None:
        """Takes the lock, or refuses at once.

        Raises:
            ConfigurationError: somebody holds it, who is named; or the lock's file cannot be made.
        """
        while self._descriptor is None and self.warning is None:
            try:
                descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except OSError as error:
                raise self._cannot(error) from error
            try:
                _lock(descriptor)
            except OSError as error:
                holder = os.pread(descriptor, 1000, 0) if hasattr(os, "pread") else b""
                os.close(descriptor)
                if error.errno in _NO_LOCKS:
                    self.file.unlink(missing_ok=True)
                    self.warning = (
                        f"{self._target} lies on a file system without locks ({error.strerror}): nothing keeps another "
                        "process from writing it meanwhile"
                    )
                    return
                if error.errno not in _TAKEN:
                    raise self._cannot(error) from error
                raise self._held_by(holder) from None
            # Whoever held it may have removed the file between the two calls: then this lock is on no name any more.
            if not _is_named(descriptor, self.file):
                os.close(descriptor)
                continue
            if not _is_of_a_lock(descriptor):
                os.close(descriptor)
                raise self._in_the_way()
            self._descriptor = descriptor
            _HELD.add(self)
            with suppress(OSError):  # on a full disk nobody is told who holds it
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps({"pid": os.getpid(), "host": platform.node()}).encode())

    def give_back(self) -> None:
        """Removes the lock's file, and lets others in."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        _HELD.discard(self)
        if sys.platform != "win32":  # in this order: who comes in between makes a new file
            with suppress(OSError):
                self.file.unlink()
        with suppress(OSError):
            _unlock(descriptor)
        os.close(descriptor)
        if sys.platform == "win32":
            with suppress(OSError):
                self.file.unlink()

    def require_held(self) -> None:
        """Refuses to go on in a child of the process that has the lock.

        Raises:
            ConfigurationError: the lock was taken before a fork.
        """
        if self._descriptor is None and self.warning is None:
            raise ConfigurationError(
                where=self._where,
                received=f"{str(self._target)!r} in a child process, whose parent writes it",
                expected="one process that writes a file",
                fix="begin the training after the fork, with another path in each process",
            )

    def _held_by(self, text: bytes) -> ConfigurationError:
        who = "another process"
        with suppress(ValueError, KeyError, TypeError):
            found = json.loads(text)
            pid, host = int(found["pid"]), str(found["host"])
            who = f"process {pid}" if host == platform.node() else f"process {pid} on {host:.80}"
            if pid == os.getpid() and host == platform.node():
                who = f"this very process ({pid}), in another training"
        return ConfigurationError(
            where=self._where,
            received=f"{str(self._target)!r}, which {who} is writing",
            expected="one training at a time that writes a file",
            fix="choose another path, or wait for the end of the other",
        )

    def _in_the_way(self) -> ConfigurationError:
        return ConfigurationError(
            where=self._where,
            received=f"{str(self.file)!r}, a file that is no lock of glassnet's",
            expected="that name free, for the lock that keeps other processes away meanwhile",
            fix="move the file away, or choose another path",
        )

    def _cannot(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            where=self._where,
            received=f"{str(self._target)!r}, beside which no lock can be made ({error.strerror}: {self.file.name})",
            expected="a folder in which files can be made",
            fix="choose another path",
        )


def _is_of_a_lock(descriptor: int) -> bool:
    """Whether the open file is new, or was left by a process that held a lock."""
    start = b'{"pid": '
    found = os.read(descriptor, len(start))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found in (b"", start)


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


@atexit.register
def _give_all_back() -> None:
    """For threads that the program's end finds at work."""
    for lock in list(_HELD):
        lock.give_back()


def _forget_in_child() -> None:
    """A child has its parent's descriptors: with them it would hold the lock on after the parent's end."""
    for lock in list(_HELD):
        if lock._descriptor is not None:
            os.close(lock._descriptor)
            lock._descriptor = None
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
