"""The file of a study: Optuna's journal, a line of JSON for each thing that happened, each with its checksum.

Optuna's own dashboard reads it. It is made of JSON alone, from which nothing can be run; no pickle is ever read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zlib import crc32

from glassnet.core.errors import FileFormatError, require_extra
from glassnet.core.files import as_told, require_writable
from glassnet.core.kinds import STUDY
from glassnet.core.locks import PathLock
from glassnet.core.paths import readable_path

require_extra("optuna", extra="tune", expected="Optuna, whose journal it is", where="tune: storage")
from optuna.storages.journal import BaseJournalBackend  # noqa: E402 - only where it is installed

_LINE = re.compile(rb'\{"glassnet study":"([0-9a-f]{8})",(.*)', re.DOTALL)
_BEGINNING = STUDY.beginning or b""


class Journal(BaseJournalBackend):
    """The lines of a study's file, for ``optuna.storages.JournalStorage``.

    A line that was cut off, as by SIGKILL in the middle of writing it, is taken away: what it told of is done again.
    While the file is open no other search can write to it.

    Args:
        path: the file; it need not exist.

    Raises:
        ConfigurationError: the path cannot be written, holds something else, or another search is writing to it.
        FileFormatError: a line is not as it was written.
        WriteError: the disk is full or failing.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = readable_path(path, where="tune: storage")
        self.lock = PathLock(self._path, where="tune: storage")
        self.lock.take()
        try:
            self._open(path)
        except BaseException:
            self.lock.give_back()
            raise

    def _open(self, path: str | Path) -> None:
        if self._path.is_file():
            content = self._path.read_bytes()
            if content and _BEGINNING.startswith(content):  # cut off in the first letters
                os.truncate(self._path, 0)
        require_writable(path, STUDY, where="tune: storage")
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        self._logs = [self._read(line, number) for number, line in enumerate(whole.splitlines(), 1)]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))

    @property
    def is_new(self) -> bool:
        """Whether nothing has happened yet."""
        return not self._logs

    def _read(self, line: bytes, number: int) -> dict[str, Any]:
        found = _LINE.fullmatch(line)
        if found is None or int(found[1], 16) != crc32(found[2]):
            raise self.damaged(f"a line {number} whose checksum is {'not there' if found is None else 'another'}")
        try:
            log = json.loads(b"{" + found[2])
        except (ValueError, RecursionError) as error:
            raise self.damaged(f"a line {number} that is no JSON") from error
        assert isinstance(log, dict)
        return log

    def damaged(self, received: str) -> FileFormatError:
        """The error for a file that is not as it was written."""
        return FileFormatError(
            where=f"tune: {self._path}",
            received=received,
            expected="the file of a study as gn.tune wrote it",
            fix="copy it again, or choose another path, where the study begins anew",
        )

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """What happened from that number on."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes what happened, which is on the disk afterwards."""
        self.lock.require_held()
        parts = [json.dumps(log, separators=(",", ":")).encode()[1:] for log in logs]
        lines = b"".join(b'%s%08x",%s\n' % (_BEGINNING, crc32(part), part) for part in parts)
        size = os.path.getsize(self._path) if self._path.exists() else 0
        try:
            with open(self._path, "ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if self._path.exists():
                os.truncate(self._path, size)
            raise as_told(error, f"write {self._path}") from error
        self._logs += [json.loads(b"{" + part) for part in parts]
