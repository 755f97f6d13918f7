"""Doors through which bytes of others come: each is a function of bytes that may refuse them, and do nothing worse.

A door refuses with a ``GlassnetError``. Any other exception, a warning of somebody else's, or more time or memory than
a small input may cost, is a fault.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np

import glassnet as gn
from glassnet.core.errors import GlassnetError
from glassnet.data.sheets import read_xlsx
from glassnet.playground.frames import pack
from glassnet.playground.messages import read_message
from glassnet.playground.session import Session
from glassnet.playground.settings import Setting
from glassnet.tuning.ledger import Ledger

SEEDS = Path(__file__).with_name("seeds")
MOST_ROWS = 1 << 16
Door = Callable[[bytes], None]
DOORS: dict[str, Door] = {}
"""By name; a door's seeds are the files in the folder of that name."""


def door(function: Door) -> Door:
    """Enters a function under its name, with what all of them have in common."""

    def guarded(content: bytes) -> None:
        with warnings.catch_warnings(), suppress(GlassnetError):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", gn.DataWarning)
            function(content)

    DOORS[function.__name__] = guarded
    return guarded


def in_a_file(read: Callable[[Path], Any], content: bytes, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        read(path)


def answers(model: gn.Model, shape: tuple[int, ...]) -> None:
    """What was read works: rows of zeros have an answer."""
    if np.prod(shape, initial=1.0) <= MOST_ROWS:
        with np.errstate(all="ignore"):
            model.network(np.zeros((2, *shape), model.network.dtype))


@door
def model_file(content: bytes) -> None:
    def read(path: Path) -> None:
        model = gn.load(path)
        if model.network.input_shape:
            answers(model, model.network.input_shape)

    in_a_file(read, content, "model.safetensors")


@door
def state_file(content: bytes) -> None:
    network = gn.Sequential(gn.Dense(4), "tanh", gn.Dense(2))
    network.build((3,))
    in_a_file(lambda path: gn.load_state(network, path), content, "state.safetensors")


@door
def onnx_file(content: bytes) -> None:
    in_a_file(gn.from_onnx, content, "model.onnx")


@door
def table_file(content: bytes) -> None:
    def read(path: Path) -> None:
        frame = gn.data.read_table(path, "y")
        gn.Table.from_data(frame, "y").apply(frame)

    in_a_file(read, content, "table.csv")


@door
def number_file(content: bytes) -> None:
    in_a_file(gn.data.read_csv, content, "numbers.csv")


@door
def packed_table(content: bytes) -> None:
    in_a_file(gn.data.read_table, content, "table.csv.gz")


@door
def parquet_file(content: bytes) -> None:
    in_a_file(gn.data.read_table, content, "table.parquet")


@door
def sheet_file(content: bytes) -> None:
    in_a_file(read_xlsx, content, "table.xlsx")


@door
def npz_file(content: bytes) -> None:
    in_a_file(gn.data.read_npz, content, "arrays.npz")


@door
def idx_file(content: bytes) -> None:
    def read(path: Path) -> None:
        for part in ("train", "t10k"):
            (path.parent / f"{part}-images-idx3-ubyte").write_bytes(content)
            (path.parent / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x02\0\x01")
        gn.data.read_idx(path.parent)

    in_a_file(read, content, "train-images-idx3-ubyte")


@door
def cifar_archive(content: bytes) -> None:
    in_a_file(gn.data.read_cifar10, content, "cifar-10-binary.tar.gz")


@door
def picture_file(content: bytes) -> None:
    def read(path: Path) -> None:
        (path.parent / "two.png").write_bytes((SEEDS / "picture_file" / "grey.png").read_bytes())
        other = path.parents[1] / "b" / "one.png"
        other.parent.mkdir()
        other.write_bytes((SEEDS / "picture_file" / "grey.png").read_bytes())
        gn.data.read_image_folder(path.parents[1])

    in_a_file(read, content, "a/one.png")


@cache
def _session() -> Session:
    return Session(Setting(dataset="xor", rows=20))


@door
def playground_message(content: bytes) -> None:
    with suppress(UnicodeDecodeError):
        message = read_message(content.decode())
        if message.kind == "configure":
            setting = Setting.from_dict(message.values["setting"])
            if setting.rows * sum(setting.hidden, 1) <= MOST_ROWS:
                Session(setting).train(1)
        pack({"kind": message.kind})


@cache
def _client() -> Any:
    from starlette.testclient import TestClient

    from glassnet.serving import Limits, Service
    from glassnet.serving.app import build_app

    model = gn.Model(gn.Sequential(gn.Dense(4), "tanh", gn.Dense(3)), "cross_entropy", "adam", seed=1)
    rng = np.random.default_rng(0)
    model.feature_names, model.class_names = ("width", "height"), ("a", "b", "c")
    model.fit(rng.normal(size=(30, 2)), np.arange(30) % 3, epochs=1, verbose=False)
    host = "127.0.0.1:8000"
    return TestClient(build_app(Service(model, "model", Limits()), [host]), base_url=f"http://{host}")


@door
def served_body(content: bytes) -> None:
    answer = _client().post("/predict", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 413, 415, 422), (answer.status_code, answer.text)
    assert "Traceback" not in answer.text


@door
def study_file(content: bytes) -> None:
    """The lines of a search's file, each with the checksum that belongs to it."""
    parts = [line[1:] for line in content.splitlines()]
    sealed = b"".join(b'{"glassnet study":"%08x",%s\n' % (crc32(part), part) for part in parts)
    in_a_file(lambda path: Ledger(path, {"epochs": 4}, rises=False).close(), sealed, "a.study")
