"""Damaged .parquet files, of which polars would take memory that there is not, and end the process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.data.parquet_pages import require_sound_pages

polars = pytest.importorskip("polars")
arrow = pytest.importorskip("pyarrow")
ROWS = 60


def frame() -> Any:
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.normal(size=ROWS),
        "b": [f"x{n % 5}" for n in range(ROWS)],
        "c": np.arange(ROWS),
        "d": [None if n % 7 == 0 else float(n) for n in range(ROWS)],
        "e": [n % 2 == 0 for n in range(ROWS)],
    }
    return polars.DataFrame(columns)


def by_arrow(path: Path, table: Any, **options: Any) -> None:
    from pyarrow import parquet

    parquet.write_table(table.to_arrow(), path, **options)


WRITERS: dict[str, Callable[[Path, Any], None]] = {
    "polars": lambda path, table: table.write_parquet(path),
    "gzip, groups of rows": lambda path, table: table.write_parquet(path, compression="gzip", row_group_size=20),
    "no dictionaries": lambda path, table: by_arrow(path, table, use_dictionary=False, compression="none"),
    "second version": lambda path, table: by_arrow(path, table, data_page_version="2.0", data_page_size=100),
    "an index": lambda path, table: by_arrow(path, table, write_page_index=True, row_group_size=7),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("rows", [ROWS, 1, 0])
def test_sound_files_are_read(writer: str, rows: int, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    WRITERS[writer](path, frame().head(rows))
    require_sound_pages(path)
    if rows:
        assert set(gn.data.read_table(path)) == set("abcde")
    nested = polars.DataFrame({"l": [[1, 2], [], None], "s": [{"u": 1, "v": "w"}] * 3})
    nested.write_parquet(path)
    require_sound_pages(path)


def claiming(path: Path, count: int) -> None:
    """Writes a file of a column whose page claims another number of values."""
    frame().select("d").write_parquet(path / "a.parquet", compression="uncompressed", statistics=False)
    data = (path / "a.parquet").read_bytes()
    header = data.index(bytes([ROWS << 1]))  # of the page: the first number that is that of the rows
    assert header < 60
    (path / f"{count}.parquet").write_bytes(data[:header] + bytes([count]) + data[header + 1 :])


@pytest.mark.parametrize("count", [119, 121, 7, 127])
def test_pages_that_claim_more_values_than_there_are_are_refused(count: int, tmp_path: Path) -> None:
    """An odd number is a negative one in this encoding, and stands for very many."""
    claiming(tmp_path, count)
    with pytest.raises(gn.FileFormatError, match="damaged"):
        gn.data.read_table(tmp_path / f"{count}.parquet")


ALL = """
import sys
import glassnet as gn
data = open(sys.argv[1], "rb").read()
path = sys.argv[2]
for place in range(4, 40):
    for value in (0xFF, 0x81):
        open(path, "wb").write(data[:place] + bytes([value]) + data[place + 1:])
        try:
            gn.data.read_table(path)
        except gn.GlassnetError:
            pass
print("whole")
"""


def test_no_damaged_byte_of_a_header_ends_the_process(tmp_path: Path) -> None:
    frame().select("d").write_parquet(tmp_path / "a.parquet", compression="uncompressed")
    options = [str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    done = subprocess.run([sys.executable, "-c", ALL, *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr[-2000:]


def test_what_is_no_parquet_file_is_left_to_its_reader(tmp_path: Path) -> None:
    for data in (b"", b"PAR1", b"PAR1" + bytes(20), b"a,b\n1,2\n" * 9, b"PAR1" + bytes(8) + b"\xff\xff\xff\xffPAR1"):
        (tmp_path / "a.parquet").write_bytes(data)
        with pytest.raises(gn.FileFormatError):
            gn.data.read_table(tmp_path / "a.parquet")
