"""The digits that come with the library, and that importing the room is cheap."""

from __future__ import annotations

import runpy
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import digits

ROOT = Path(__file__).resolve().parents[2]


def test_digits_are_the_published_ones() -> None:
    data = digits()
    assert data.x.shape == (1797, 64)
    assert data.x.dtype == np.float32
    assert (data.x.min(), data.x.max()) == (0, 16)
    assert data.y is not None
    # The number of test images of each digit in the collection's own description, optdigits.names.
    assert np.bincount(data.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # The first line of optdigits.tes begins 0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0 and ends with the label 0.
    assert data.x[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert data.y[0] == 0
    assert (data.name, data.scale, data.class_names) == ("digits", 16.0, tuple("0123456789"))


def test_the_bundled_file_is_small_and_names_its_source() -> None:
    folder = files("glassnet.data")
    assert len(folder.joinpath("digits.npz").read_bytes()) < 100_000
    licence = folder.joinpath("DIGITS-LICENCE.md").read_text(encoding="utf-8")
    for fact in ("Alpaydin", "Kaynak", "10.24432/C50P49", "https://creativecommons.org/licenses/by/4.0/"):
        assert fact in licence


def test_the_tool_makes_the_bundled_arrays_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    output = tmp_path / "digits.npz"
    monkeypatch.setattr(sys, "argv", ["make_digits.py", str(output)])
    runpy.run_path(str(ROOT / "tools" / "make_digits.py"), run_name="__main__")
    bundled = digits()
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["x"].dtype == arrays["y"].dtype == np.uint8
        assert np.array_equal(arrays["x"], bundled.x)
        assert np.array_equal(arrays["y"], bundled.y)


def test_importing_the_room_loads_no_reader_of_files() -> None:
    program = "import sys, glassnet.data; print([m for m in ('csv', 'gzip', 'tarfile', 'difflib') if m in {own}])"
    alone = program.format(own="sys.modules").replace("glassnet.data", "glassnet.core.errors, numpy")
    loaded = [
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
        for text in (program.format(own="sys.modules"), alone)
    ]
    assert loaded[0] == loaded[1]
