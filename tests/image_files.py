"""Small image files in the published formats, for the tests of their readers."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def cifar10_records(labels: list[int], seed: int = 0) -> bytes:
    """So many records with random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, pixels, strict=True))


def cifar100_records(labels: list[tuple[int, int]], seed: int = 0) -> bytes:
    """So many records with random pixels, their coarse and fine labels in front."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return b"".join(bytes(own) + row.tobytes() for own, row in zip(labels, pixels, strict=True))


def cifar100_files() -> dict[str, bytes]:
    """The files of CIFAR-100's binary version, with five images to train with and three to test with."""
    return {
        "train.bin": cifar100_records([(0, 95), (3, 9), (19, 85), (11, 19), (0, 4)], seed=1),
        "test.bin": cifar100_records([(0, 1), (3, 99), (19, 0)], seed=2),
        "fine_label_names.txt": "".join(f"fine_{number}\n" for number in range(100)).encode(),
        "coarse_label_names.txt": "".join(f"coarse {number}\r\n" for number in range(20)).encode(),
    }


def write_archive(file: Path, members: Mapping[str, bytes]) -> Path:
    """A tar.gz with these members."""
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def idx(magic: int, shape: tuple[int, ...], content: bytes) -> bytes:
    """An IDX file: magic number, lengths, bytes."""
    return b"".join(number.to_bytes(4, "big") for number in (magic, *shape)) + content


def idx_files(train: int = 5, test: int = 3, size: tuple[int, int] = (28, 28)) -> dict[str, bytes]:
    """MNIST's four files with so many images; pixel values and labels count up."""
    files = {}
    for part, rows in (("train", train), ("t10k", test)):
        pixels = np.arange(rows * size[0] * size[1]).astype(np.uint8).tobytes()
        files[f"{part}-images-idx3-ubyte"] = idx(0x803, (rows, *size), pixels)
        files[f"{part}-labels-idx1-ubyte"] = idx(0x801, (rows,), bytes(row % 10 for row in range(rows)))
    return files


def emnist_files(split: str, labels: list[int], size: tuple[int, int] = (28, 28)) -> dict[str, bytes]:
    """EMNIST's four files: images with these labels in both parts, whose pixels count up."""
    files = {}
    for part in ("train", "test"):
        pixels = np.arange(len(labels) * size[0] * size[1]).astype(np.uint8).tobytes()
        files[f"emnist-{split}-{part}-images-idx3-ubyte"] = idx(0x803, (len(labels), *size), pixels)
        files[f"emnist-{split}-{part}-labels-idx1-ubyte"] = idx(0x801, (len(labels),), bytes(labels))
    return files


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files to a folder; those whose name ends in .gz are compressed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder
