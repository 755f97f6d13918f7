"""Damaged files: every bit that flips in a file is noticed, and files of before checksums are read as ever.

GLASSNET_FLIPPED_BITS sets how many are tried in the arrays, and how many before them.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from model_files import description_of, edited
from models import classifier
from safetensors.numpy import load_file, save_file

import glassnet as gn
from glassnet.formats import read_memories

Blobs = tuple[np.ndarray, np.ndarray]
FLIPS = int(os.environ.get("GLASSNET_FLIPPED_BITS", "250"))


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with memories, names, and numbers that JSON can write in two ways, such as 1e-08 and 1E-08."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), np.arange(30) % 3
    model = classifier(loss=gn.losses.CrossEntropy(label_smoothing=0.1), optimizer=gn.Adam(1e-5))
    model.class_names, model.target_name = ("a", "é", "c"), "kind"
    model.preprocessing = gn.Standardize.from_data(x)
    model.fit(x, y, epochs=2, callbacks=[gn.EarlyStopping("loss")], verbose=False)
    path = tmp_path_factory.mktemp("checksums") / "m.safetensors"
    model.save(path)
    return path.read_bytes()


def test_every_flipped_bit_is_noticed(content: bytes, tmp_path: Path) -> None:
    (length,) = struct.unpack("<Q", content[:8])
    path, rng = tmp_path / "m.safetensors", np.random.default_rng(1)
    path.write_bytes(content)
    gn.load(path)
    header, arrays = 8 * (8 + length), 8 * (len(content) - 8 - length)
    for bit in [*rng.permutation(header)[:FLIPS], *(header + rng.permutation(arrays)[:FLIPS])]:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(gn.FileFormatError):
            gn.load(path)


def test_a_letter_that_means_the_same_is_noticed(content: bytes, tmp_path: Path) -> None:
    assert b"1e-05" in content
    path = tmp_path / "m.safetensors"
    path.write_bytes(content.replace(b"1e-05", b"1E-05", 1))
    for read in (gn.load, read_memories):
        with pytest.raises(gn.FileFormatError, match="a description whose checksum is another.*copy or download"):
            read(path)


def test_a_damaged_array_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    arrays = load_file(path)
    arrays["3.bias"][0] += 1
    with path.open("rb") as file:
        metadata = json.loads(file.read(8 + struct.unpack("<Q", content[:8])[0])[8:])["__metadata__"]
    save_file(arrays, path, metadata)
    with pytest.raises(gn.FileFormatError, match=r"an array '3\.bias' whose checksum is another"):
        gn.load(path)
    for missing, word in (("optimizer/m", "missing"), (None, "too much")):
        others = {name: array for name, array in load_file(path).items() if name != missing}
        save_file(others if missing else others | {"more": np.ones(1, np.float32)}, path, metadata)
        with pytest.raises(gn.FileFormatError, match=f"the array '{missing or 'more'}' {word}"):
            gn.load(path)
        path.write_bytes(content)


def test_a_checksum_cannot_be_left_out(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    description = {name: value for name, value in description_of(path).items() if name != "checksums"}
    save_file(load_file(path), path, {"glassnet": json.dumps(description)})
    with pytest.raises(gn.FileFormatError, match="a description whose checksum is not there"):
        gn.load(path)


def test_files_of_the_first_version_have_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    model = gn.load(path)
    older = gn.load(edited(path, lambda description: None))
    assert "checksums" not in description_of(path)
    np.testing.assert_array_equal(older.network.parameters, model.network.parameters)
    assert older.optimizer.steps == model.optimizer.steps
