"""Memory that all ranks of one machine write to and read from: what they exchange there goes through no messages."""

from __future__ import annotations

import mmap
import os
import secrets
from contextlib import suppress

import numpy as np

from glassnet.core.memory import LINE
from glassnet.distributed.world import World

NAME = "glassnet-ranks"
HEAD = 64
"""Bytes before the numbers: a word by which ranks see that all of them have the same memory."""


class CommonMemory:
    """Vectors of every rank that all the others read, and one that all of them write together.

    Args:
        held: the memory.
        ranks: how many there are.
        vectors: of each rank.
        size: of a vector.
        dtype: of its numbers.

    Attributes:
        vectors: of all ranks (R, vectors, P).
        whole: what they write together (P,).
    """

    def __init__(self, held: mmap.mmap, ranks: int, vectors: int, size: int, dtype: np.dtype[np.generic]) -> None:
        found = np.frombuffer(held, dtype, (ranks * vectors + 1) * _room(size), HEAD).reshape(-1, _room(size))[:, :size]
        self.vectors = found[:-1].reshape(ranks, vectors, size)
        self.whole = found[-1]


def common_memory(world: World, vectors: int, size: int, dtype: np.dtype[np.generic]) -> CommonMemory | None:
    """Memory of so many vectors for each rank, and one more; None where ranks have none in common, or not so much.

    All ranks have to call it, and all are given the same answer. It has no name in any folder, and is gone with the
    last of the processes, however they end.
    """
    if not world.is_one_machine or not hasattr(os, "memfd_create"):
        return None
    length = HEAD + (world.size * vectors + 1) * _room(size) * dtype.itemsize
    own, told = -1, {"process": 0, "file": -1, "word": ""}
    held: mmap.mmap | None = None
    if world.is_first:
        with suppress(OSError):
            own = os.memfd_create(NAME, os.MFD_CLOEXEC)
            os.posix_fallocate(own, 0, length)  # or writing to it might end the process
            word = secrets.token_hex(HEAD // 2)
            held = mmap.mmap(own, length)
            held[:HEAD] = word.encode()
            told = {"process": os.getpid(), "file": own, "word": word}
    first = world.told(told)[0]
    if not world.is_first and first["word"]:
        held = _of_process(first["process"], first["file"], first["word"], length)
    everywhere = all(one["has"] for one in world.told({"has": held is not None}))
    if own >= 0:
        os.close(own)
    return CommonMemory(held, world.size, vectors, size, dtype) if everywhere and held is not None else None


def _room(size: int) -> int:
    """How many numbers a vector takes, so that the next one begins at another cache line."""
    return -(-size // LINE) * LINE


def _of_process(process: int, file: int, word: str, length: int) -> mmap.mmap | None:
    """The memory that another process has begun; None where this one cannot see it, or sees another."""
    path = f"/proc/{process}/fd/{file}"
    try:
        if not os.readlink(path).startswith(f"/memfd:{NAME} "):
            return None
        found = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(found).st_size != length:
            return None
        held = mmap.mmap(found, length)
    except (OSError, ValueError):
        return None
    finally:
        os.close(found)
    return held if held[:HEAD] == word.encode() else None
