"""Memory of another process is taken only where it is what that process said."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import pytest

from glassnet.distributed.memory import HEAD, NAME, _of_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no memory without a name")
WORD, LENGTH = "a" * HEAD, HEAD + 400


def test_memory_that_is_not_the_one_is_not_taken(tmp_path: Path) -> None:
    files = [os.memfd_create(NAME), os.memfd_create("another"), os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)]
    for file in files:
        os.write(file, WORD.encode().ljust(LENGTH, b"\0"))
    held = _of_process(os.getpid(), files[0], WORD, LENGTH)
    assert held is not None
    held[HEAD] = 7
    with mmap.mmap(files[0], LENGTH) as same:
        assert same[HEAD] == 7
    assert _of_process(os.getpid(), files[0], "b" * HEAD, LENGTH) is None
    assert _of_process(os.getpid(), files[0], WORD, LENGTH + 1) is None
    assert [_of_process(os.getpid(), file, WORD, LENGTH) for file in files[1:]] == [None, None]
    for file in files:
        os.close(file)
    assert _of_process(os.getpid(), files[0], WORD, LENGTH) is None
