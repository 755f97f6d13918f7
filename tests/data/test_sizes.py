"""Files that stand for far more than they are: refused before memory is taken, with a limit that can be raised."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.data import sizes
from glassnet.data.sizes import within_memory

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


def _idx(folder: Path, rows: int = 4000) -> Path:
    for part in ("train", "t10k"):
        images = struct.pack(">4I", 0x803, rows, 8, 8) + bytes(64 * rows)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">2I", 0x801, rows) + bytes(rows))
        )
    return folder


def _cifar(folder: Path, beside: int = 0) -> Path:
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, size in (("readme.txt", beside), ("data_batch_1.bin", 3073 * 100), ("test_batch.bin", 3073 * 100)):
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(size)))
    return path


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=np.zeros((100_000, 2), np.uint8), y=np.arange(100_000) % 2)
    return folder / "a.npz"


def _csv(folder: Path) -> Path:
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0,1\n1,0\n" * 20_000))
    return folder / "a.csv.gz"


def _parquet(folder: Path) -> Path:
    polars = pytest.importorskip("polars")
    polars.DataFrame({"a": [1, 2] * 20_000, "b": ["x" * 20] * 40_000}).write_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def _xlsx(folder: Path, rows: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    plain = io.BytesIO()
    openpyxl.Workbook().save(plain)
    rows = rows or HEAD + "".join(f'<row r="{i}"><c r="A{i}"><v>{i}</v></c></row>' for i in range(2, 5000))
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(folder / "a.xlsx", "w", method) as archive:
        for part in source.infolist():
            is_sheet = part.filename == "xl/worksheets/sheet1.xml"
            archive.writestr(part.filename, SHEET.format(rows) if is_sheet else source.read(part))
    return folder / "a.xlsx"


def _pictures(folder: Path) -> Path:
    image = pytest.importorskip("PIL.Image")
    for name in ("one", "two"):
        (folder / name).mkdir()
        for number in range(3):
            image.new("L", (300, 300)).save(folder / name / f"{number}.png")
    return folder


Reader = Callable[..., Any]
READERS: dict[str, tuple[Callable[[Path], Path], Reader, int]] = {
    "idx": (_idx, gn.data.read_idx, 64 * 4000),
    "cifar": (_cifar, gn.data.read_cifar10, 2 * 3073 * 100),
    "npz": (_npz, gn.data.read_npz, 10 * 100_000),
    "csv.gz": (_csv, gn.data.read_table, 160_000),
    "csv.gz numbers": (_csv, gn.data.read_csv, 160_000),
    "parquet": (_parquet, gn.data.read_table, 40_000 * (8 + 8 + 20)),
    "xlsx": (_xlsx, gn.data.read_table, 100_000),
    "pictures": (_pictures, gn.data.read_image_folder, 6 * 300 * 300),
    "source": (_npz, gn.data.open_source, 10 * 100_000),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_file_that_becomes_more_than_the_limit_is_refused_and_the_limit_can_be_raised(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, read, size = READERS[kind]
    path = write(tmp_path)
    assert read(path) is not None
    with pytest.raises(
        gn.FileFormatError, match=r"on disk, expected at most [\d,]+ bytes \(max_bytes\).*max_bytes=\d+"
    ):
        read(path, max_bytes=size // 2)
    monkeypatch.setattr(sizes, "ROOM", size // 2)
    monkeypatch.setattr(sizes, "RATIO", 1)
    with pytest.raises(gn.FileFormatError, match=r"raise the limit: max_bytes="):
        read(path)
    assert read(path, max_bytes=4 * size) is not None
    with pytest.raises(gn.ConfigurationError, match="max_bytes=0"):
        read(path, max_bytes=0)


def test_a_real_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(1 << 24), 9)
    head = struct.pack(">4I", 0x803, 40 << 14, 32, 32)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head) + zeros * 40)  # 640 MiB of 0.6
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n") + zeros * 40)
    script = r"""
import re, resource, sys
from pathlib import Path
import glassnet as gn
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for read, path in ((gn.data.read_idx, sys.argv[1]), (gn.data.read_csv, sys.argv[1] + "/a.csv.gz")):
    try:
        read(path)
    except gn.FileFormatError as error:
        assert "max_bytes" in str(error) or "NUL" in str(error), error
    else:
        raise SystemExit("read")
# What getrusage says begins with the memory of the process that this one was forked from.
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1000


def _npy(shape: str, descr: str) -> bytes:
    head = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head


@pytest.mark.parametrize("descr", ["<f8", "<U0", "|S0", "|V0", "<U100000000"])
def test_an_array_that_says_it_is_larger_than_its_file_is_damaged(tmp_path: Path, descr: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", _npy("(1, 2)", "<f8") + bytes(16))
        archive.writestr("y.npy", _npy("(1000000000000,)", descr))
    with pytest.raises(gn.FileFormatError, match=r"damaged archive \(y.npy holds"):
        gn.data.read_npz(tmp_path / "a.npz")


def test_members_that_are_unpacked_as_a_whole_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", _npy("(1, 2)", "<f8") + bytes(16))
    for path in (tmp_path / "a.npz", _xlsx(tmp_path, method=zipfile.ZIP_LZMA)):
        with pytest.raises(gn.FileFormatError, match="compressed by a method of its own"):
            gn.data.open_source(path)


def test_what_lies_beside_in_an_archive_counts_and_so_do_holes(tmp_path: Path) -> None:
    with pytest.raises(gn.FileFormatError, match="more than 1,000,000 bytes"):
        gn.data.read_cifar10(_cifar(tmp_path, beside=2_000_000), max_bytes=1_000_000)
    head = tarfile.TarInfo("data_batch_1.bin")
    head.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(head.tobuf(tarfile.GNU_FORMAT))
    size = tarfile.itn(3073 * 10**9, 12, tarfile.GNU_FORMAT)
    block[386:398], block[398:410], block[483:495] = size, tarfile.itn(0, 12, tarfile.GNU_FORMAT), size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(gzip.compress(bytes(block) + bytes(1024)))
    with pytest.raises(gn.FileFormatError, match="3,073,000,000,000 bytes"):
        gn.data.read_cifar10(path)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (HEAD + '<row r="999999999999"><c r="A999999999999"><v>1</v></c></row>', "beyond number 1,048,576"),
        (HEAD + "".join(f'<row r="{i}"><c r="ZZZ{i}"><v>1</v></c></row>' for i in range(2, 100)), "cells of the sheet"),
        (
            HEAD.replace("</row>", '<c r="ZZZ1"><v>1</v></c></row>')
            + "".join(f'<row r="{i}"><c r="A{i}"><v>1</v></c></row>' for i in range(2, 100)),
            "columns of",
        ),
    ],
    ids=["row", "wide", "tall"],
)
def test_cells_that_a_sheet_only_stands_for_count(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(gn.FileFormatError, match=words):
        gn.data.read_table(_xlsx(tmp_path, rows), max_bytes=10_000_000)


def test_a_sheet_that_says_it_is_as_large_as_can_be_is_read_by_its_cells(tmp_path: Path) -> None:
    path = _xlsx(tmp_path, f'{HEAD}<row r="2"><c r="A2"><v>7</v></c></row>')
    content = SHEET.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    assert gn.data.read_table(path)["a"].values.tolist() == [7]
    with zipfile.ZipFile(path) as source:
        parts = {part.filename: source.read(part) for part in source.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            rows = f'{HEAD}<row r="2"><c r="A2"><v>7</v></c></row>'
            archive.writestr(name, content.format(rows) if name.endswith("sheet1.xml") else part)
    assert gn.data.read_table(path)["a"].values.tolist() == [7]


def test_a_picture_is_refused_by_what_its_head_says(tmp_path: Path) -> None:
    folder = _pictures(tmp_path)
    with pytest.raises(gn.DataError, match="300 × 300 pixels of 90,000 bytes"):
        gn.data.read_image_folder(folder, max_bytes=80_000)
    (folder / "one" / "0.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n")
    with pytest.raises(gn.DataError, match="in the format EPS"):
        gn.data.read_image_folder(folder)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "npz", "parquet", "xlsx"])
def test_a_device_is_no_file_to_read(tmp_path: Path, ending: str) -> None:
    link = tmp_path / f"endless.{ending}"
    link.symlink_to("/dev/zero")
    with pytest.raises(gn.FileFormatError, match="a device, a pipe or the like"):
        gn.data.open_source(link)


def test_data_that_memory_does_not_hold_are_told_in_our_words() -> None:
    @within_memory
    def read(path: str) -> Any:
        return np.empty(1 << 60, np.uint8)

    with pytest.raises(gn.DataError, match=r"large\.npz: received more data than memory holds"):
        read("large.npz")


def test_one_long_name_of_a_class_does_not_make_all_rows_as_long(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + f"1,{'long' * 250_000}\n" + "2,short\n" * 20_000)  # 80 GB as an array of texts
    data = gn.data.read_csv(path, "y")
    assert data.class_names is not None
    assert [len(name) for name in data.class_names] == [1_000_000, 5]
    assert data.y is not None
    assert data.y[:2].tolist() == [0, 1]
