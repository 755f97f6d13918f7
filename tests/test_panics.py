"""What libraries in Rust tell of their panics does not reach the standard error; all else that is written does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.panics import is_panic, without_panics

PANIC = b"""
thread 'worker-1' (2917) panicked at crates/some/src/file.rs:329:9:
assertion `left == right` failed
  left: 0
 right: 60
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:1:2
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""
PLAIN = b"thread 'main' panicked at a.rs:1:1:\nout of range\nnote: run with `RUST_BACKTRACE=1` environment variable\n"


def test_panics_are_taken_out_and_everything_else_follows(capfd: pytest.CaptureFixture[str]) -> None:
    with without_panics():
        for text in (b"first\n", PANIC, b"second\n", PLAIN, b"thread 'x' is well\n", PLAIN + PLAIN, b"last"):
            os.write(2, text)
        assert capfd.readouterr().err == ""
    os.write(2, b" and more\n")
    assert capfd.readouterr().err == "first\nsecond\nthread 'x' is well\nlast and more\n"


def test_calls_may_lie_in_each_other_and_beside_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    inside, go = threading.Barrier(2), threading.Event()

    def other() -> None:
        with without_panics():
            inside.wait()
            go.wait()
            os.write(2, PANIC + b"of the thread\n")

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    with without_panics(), without_panics():
        os.write(2, b"of the caller\n")
    go.set()
    thread.join()
    assert capfd.readouterr().err == "of the caller\nof the thread\n"
    before = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else 0
    for _ in range(20):
        with without_panics():
            pass
    assert before == (len(os.listdir("/dev/fd")) if before else 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_has_the_standard_error_of_its_parent(capfd: pytest.CaptureFixture[str]) -> None:
    inside, go = threading.Event(), threading.Event()

    def other() -> None:
        with without_panics():
            inside.set()
            go.wait()

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        os.write(2, b"of the child\n")
        with without_panics():
            os.write(2, PANIC)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert capfd.readouterr().err == "of the child\n"
    go.set()
    thread.join()


CLOSED = """
import os
from glassnet.core.panics import is_panic, without_panics
os.close(2)
with without_panics():
    pass
try:
    os.fstat(2)
except OSError:
    print("closed")
"""


def test_a_closed_standard_error_stays_closed() -> None:
    done = subprocess.run([sys.executable, "-c", CLOSED], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "closed\n"


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes of the pages or of the file's description are others, or a few are not there."""
    own, count = bytearray(data), len(data)
    description = count - 8 - int.from_bytes(data[-8:-4], "little")
    first, last = [(4, description), (4, description), (description, count), (0, count)][rng.integers(4)]
    for _ in range(rng.choice([1, 1, 2, 5])):
        own[rng.integers(first, last)] = rng.choice([0, 255, rng.integers(256)])
    if rng.random() < 0.1:
        place = rng.integers(count)
        del own[place : place + rng.integers(1, 40)]
    return bytes(own)


def test_damaged_parquet_files_are_refused_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    polars: Any = pytest.importorskip("polars")
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(60)]
    frame = polars.DataFrame(
        {
            "truth": [n % 2 == 0 for n in range(60)],
            "gaps": [None if n % 5 == 0 else n for n in range(60)],
            "day": days,
            "moment": [datetime.combine(day, datetime.min.time()) for day in days],
            "word": [f"word {n % 7}" for n in range(60)],
        }
    )
    path, rng = tmp_path / "a.parquet", np.random.default_rng(0)
    refused = panics = 0
    for number in range(500):
        if number % 100 == 0:
            packing = ("uncompressed", "zstd", "snappy", "gzip", "brotli")[number // 100]
            frame.write_parquet(path, compression=packing)
            sound = path.read_bytes()
        path.write_bytes(damaged(sound, rng))
        try:
            gn.data.read_table(path)
        except gn.GlassnetError as error:
            refused += 1
            panics += error.__cause__ is not None and is_panic(error.__cause__)
    assert (refused > 200, panics > 0) == (True, True), (refused, panics)
    assert capfd.readouterr().err == ""
    path.write_bytes(sound)
    assert gn.data.read_table(path).height == 60
