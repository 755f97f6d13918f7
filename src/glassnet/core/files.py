"""Files that appear whole or not at all, and take the place of nothing but their like."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from glassnet.core.errors import ConfigurationError, GlassnetError, WriteError, shown
from glassnet.core.kinds import Kind

_MAY_REPLACE_ALL: ContextVar[bool] = ContextVar("may_replace_all", default=False)
_OTHERS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_OF_THE_DISK = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.ESTALE,
    errno.ENODEV,
    errno.ENXIO,
}
"""What goes wrong with a disk, in whichever call it shows; other errors while a file is written come from elsewhere."""
_LONGEST_NAME, _NEW = 255, re.compile(r"\.[0-9a-f]{8}\.new")
_TRIED = 4096
"""Bytes that are written to try a folder: a full disk still makes empty files."""
_ABANDONED = 60
"""Seconds after which a temporary file that nobody holds was left by a process that is no more."""
_ACCESS_LIST = "system.posix_acl_access"


class _Target(NamedTuple):
    """The file that a path leads to, by way of all links; its status, or None where there is none yet."""

    file: Path
    status: os.stat_result | None


def require_writable(path: str | Path, kind: Kind, *, where: str) -> Path:
    """Tries before any work whether a file of that kind can be written there, by writing one beside it.

    Args:
        path: the file. A symbolic link stands for what it leads to.
        kind: what is to be written. A file that holds something else is not replaced, unless ``replacing_all``.
        where: for messages.

    Returns:
        The path.

    Raises:
        ConfigurationError: the path leads to a folder, a device, a pipe or a socket, to a file of another kind or one
            that may not be written, or into a folder that is missing or takes no files.
        WriteError: the disk is full or failing.
    """
    with _telling(path, where):
        target = _followed(path, kind, where)
        if target.status is not None:
            os.close(os.open(target.file, os.O_WRONLY | os.O_NONBLOCK))
        temporary, held = _new_file_beside(target)
        try:
            os.write(held, bytes(_TRIED))
        finally:
            os.close(held)
            temporary.unlink()
        _clear_abandoned(target.file)
    return Path(path)


@contextmanager
def replacing(path: str | Path, kind: Kind) -> Iterator[Path]:
    """Lends the path of a temporary file beside the target, which afterwards goes to the disk and takes its name.

    Whatever goes wrong in between, the target is what it was before, and no other file is left. A symbolic link is
    followed and stays one. A file that is replaced hands on its mode, owner and group; a new one gets the mode that the
    process gives to new files.

    Raises:
        ConfigurationError: the path cannot be written, or holds a file of another kind: see ``require_writable``.
        WriteError: the disk is full or failing.
    """
    where = f"write {path}"
    with _telling(path, where):
        target = _followed(path, kind, where)
        temporary, held = _new_file_beside(target)
    try:
        yield temporary
        with _telling(path, where):
            _to_disk(temporary, target)
            _followed(path, kind, where)  # nobody has put anything else there meanwhile
            temporary.replace(target.file)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        told = as_told(error, where) if isinstance(error, OSError) else error
        if isinstance(told, OSError):
            told.add_note(f"nothing was written: {path} is as it was before")
        if told is error:
            raise
        raise told from error
    finally:
        os.close(held)
    _sync_folder(target.file.parent)


def write_atomically(path: str | Path, content: bytes, kind: Kind) -> None:
    """Writes a file as ``replacing`` does.

    Raises:
        ConfigurationError: the path cannot be written, or holds a file of another kind: see ``require_writable``.
        WriteError: the disk is full or failing.
    """
    with replacing(path, kind) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing_all(allowed: bool) -> Iterator[None]:
    """While it is entered, regular files of every kind may be replaced, if that is allowed."""
    token = _MAY_REPLACE_ALL.set(allowed)
    try:
        yield
    finally:
        _MAY_REPLACE_ALL.reset(token)


def _followed(path: str | Path, kind: Kind, where: str) -> _Target:
    """Where a path leads to, which must be a new file, an empty one or one of that kind."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ConfigurationError(
            where=where,
            received=f"{shown(path)} as a path",
            expected="a text or a pathlib.Path",
            fix="pass the name of a file",
        )
    path = Path(path)
    file = Path(os.path.realpath(path))
    try:
        status = path.stat()
    except FileNotFoundError:
        return _Target(file, None)
    other = next((name for is_other, name in _OTHERS.items() if is_other(status.st_mode)), None)
    # What is open under a number in /dev/fd, and has no name, can be looked at and not replaced.
    if other is not None or not file.exists() or not os.path.samestat(os.stat(file), status):
        raise ConfigurationError(
            where=where,
            received=f"{str(path)!r}, {other or 'no file that has a name'}",
            expected="the path of a regular file, or of none yet",
            fix="choose the path of a file, in a folder that can be written",
        )
    if status.st_size and not _MAY_REPLACE_ALL.get() and not kind.is_kind_of(file):
        raise ConfigurationError(
            where=where,
            received=f"{str(path)!r}, a file that is not {kind.name}",
            expected=f"a new path, or {kind.name}, which may be replaced",
            fix="choose another path, or move the file away; on the command line --force replaces it",
        )
    _require_replaceable(path, file, status, where)
    return _Target(file, status)


def _require_replaceable(path: str | Path, file: Path, status: os.stat_result, where: str) -> None:
    """Refuses files whose place cannot be taken, though their folder takes new ones."""
    folder, user = file.parent.stat(), os.geteuid()
    is_sticky = bool(folder.st_mode & stat.S_ISVTX) and user not in (0, status.st_uid, folder.st_uid)
    if is_sticky or _is_mounted(file):
        reason = "a file of somebody else's in a folder where each removes but their own"
        raise ConfigurationError(
            where=where,
            received=f"{str(path)!r}, {reason if is_sticky else 'a file that is mounted there'}",
            expected="a file whose place another can take",
            fix="choose another path" + ("" if is_sticky else "; mount a folder in place of the file"),
        )


def _is_mounted(file: Path) -> bool:
    """Whether a single file is mounted there, as containers do: its place is then taken for good."""
    name = re.sub(rb"[ \t\n\\]", lambda found: b"\\%03o" % found.group()[0], os.fsencode(file))
    with suppress(OSError), open("/proc/self/mountinfo", "rb") as mounts:
        return any(line.split()[4] == name for line in mounts)
    return False


def _new_file_beside(target: _Target) -> tuple[Path, int]:
    """An empty file of a new name in the target's folder, and a descriptor by which it is held and known to be in use.

    What is private does not become public in it.
    """
    mode = 0o666 if target.status is None else 0o600
    name = os.fsdecode(os.fsencode(target.file.name)[: _LONGEST_NAME - len(".01234567.new.")])
    while True:
        temporary = target.file.with_name(f".{name}.{os.urandom(4).hex()}.new")
        with suppress(FileExistsError):
            held = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return temporary, held


def _clear_abandoned(file: Path) -> None:
    """Removes what a process that was killed in the middle of writing this file has left beside it."""
    with suppress(OSError), os.scandir(file.parent) as entries:
        for entry in entries:
            start = f".{file.name}"
            if not entry.name.startswith(start) or not _NEW.fullmatch(entry.name, len(start)):
                continue
            with suppress(OSError):
                descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if time.time() - os.fstat(descriptor).st_mtime > _ABANDONED:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(entry.path)
                finally:
                    os.close(descriptor)


def _to_disk(temporary: Path, target: _Target) -> None:
    """Gives a file the rights of the one that it replaces, and waits until the disk has all of it."""
    descriptor = os.open(temporary, os.O_RDWR)
    try:
        if target.status is not None:
            _hand_on_rights(descriptor, target.file, target.status)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hand_on_rights(descriptor: int, file: Path, status: os.stat_result) -> None:
    """Gives an open file the owner, the group, the mode and the access list of another, as far as that is allowed."""
    mode = stat.S_IMODE(status.st_mode)
    for owner in (status.st_uid, -1):
        with suppress(PermissionError):
            os.chown(descriptor, owner, status.st_gid)
            break
    if os.fstat(descriptor).st_gid != status.st_gid:
        mode &= ~stat.S_IRWXG  # what one group may do, another may not
    with suppress(PermissionError):  # a file system without modes
        os.chmod(descriptor, mode)
    with suppress(OSError, AttributeError):  # no list, or none to be had
        os.setxattr(descriptor, _ACCESS_LIST, os.getxattr(file, _ACCESS_LIST))


def _sync_folder(folder: Path) -> None:
    """Waits until the disk has the folder's new entry; not every file system can be asked to."""
    with suppress(PermissionError):  # a folder that may be written need not be readable
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
                raise _failed(f"write to {folder}", error) from error
        finally:
            os.close(descriptor)


@contextmanager
def _telling(path: str | Path, where: str) -> Iterator[None]:
    """Turns what the system says of a path into an error that says what to do."""
    try:
        yield
    except GlassnetError:
        raise
    except (OSError, ValueError) as error:
        raise _unwritable(path, where, error) from error


def as_told(error: OSError, where: str) -> OSError:
    """An error of the system's as glassnet says it, where a disk is to blame; any other as it is."""
    if isinstance(error, GlassnetError) or error.errno not in _OF_THE_DISK:
        return error
    return _failed(where, error)


def _failed(where: str, error: OSError) -> WriteError:
    """The error for a disk that does not take a file."""
    return WriteError(
        where=where,
        received=f"{os.strerror(error.errno or errno.EIO)!r} from the disk",
        expected="a disk that takes the whole file",
        fix="make room on it, or choose a path on another",
        number=error.errno or errno.EIO,
    )


def _unwritable(path: str | Path, where: str, error: OSError | ValueError) -> GlassnetError:
    """The error for a path that cannot be written, by what the system said of it."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _OF_THE_DISK - {errno.EROFS, errno.ENODEV, errno.ENXIO} and isinstance(error, OSError):
        return _failed(where, error)
    folder = Path(os.path.realpath(path)).parent if number is not None else None
    fix = "choose another path"
    if folder is not None and not os.path.exists(folder):
        reason, fix = "in a folder that does not exist", f"{fix}, or make the folder: mkdir -p {folder}"
    elif folder is not None and not os.path.isdir(folder):
        reason = f"in {str(folder)!r}, which is no folder"
    elif isinstance(error, OSError):
        reason = {
            errno.EACCES: "where this user may not write",
            errno.EPERM: "where this user may not write",
            errno.EROFS: "in a folder that cannot be written",
            errno.ENAMETOOLONG: "a name that is too long for the disk",
            errno.ELOOP: "a symbolic link that leads to itself",
            errno.ETXTBSY: "a program that is running",
        }.get(number or 0, f"where the system says {error.strerror or error!s:.100}")
    else:
        reason = f"no name that a file can have ({error!s:.100})"
    return ConfigurationError(
        where=where,
        received=f"{str(path)!r:.300}, {reason}",
        expected="the path of a file in a folder that can be written",
        fix=fix,
    )
