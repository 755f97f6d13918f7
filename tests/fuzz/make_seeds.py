"""Writes the seeds: small right files for each door, from which fuzzing begins.

    python tests/fuzz/make_seeds.py

Seeds are committed; what a fuzzer found is added to them by hand under a name that says what it is.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn

SEEDS = Path(__file__).with_name("seeds")
RNG = np.random.default_rng(0)
MESSAGES: list[dict[str, Any]] = [
    {"kind": "configure", "setting": {"dataset": "xor", "hidden": [4, 4], "optimizer": "adam", "learning_rate": 0.01}},
    {"kind": "configure", "setting": {"dataset": "spiral", "rows": 50, "noise": 0.1, "loss": "hinge", "seed": 3}},
    {"kind": "pace", "epochs_per_second": 30},
    {"kind": "trace", "language": "zh"},
    {"kind": "table", "content": "YSx5CjEsMgozLDQK", "name": "a.csv"},
    {"kind": "play"},
]
BODIES: list[Any] = [
    {"width": 1, "height": 2.5},
    {"rows": [{"width": 1, "height": 2}, {"width": "3", "height": None}]},
    {"rows": [[1, 2], [3, 4]]},
    [[1e308, -0.0]],
]
TABLES = {
    "words.csv": "age;town;since;y\n31;Ulm;31.12.2021;1,5\n47;Bern;01.02.2022;2\n;Ulm;15.07.2022;3\n",
    "quoted.csv": 'a,"b ""c""",y\n1,"two\nlines",yes\n2,猫,no\n3,NA,yes\n',
    "numbers.csv": "a,b,y\n1,2.5,0\n-3e5,4,1\n.5,0,1\n",
    "tabs.csv": "a\tb\ty\n1\t08:15\tx\n2\t23:59\ty\n",
    "utf16.csv": "\ufeffa,y\n1,2\n3,4\n",
}


def write(door: str, name: str, content: bytes) -> None:
    path = SEEDS / door / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def saved(save: Any, name: str) -> bytes:
    path = SEEDS / name
    save(path)
    content = path.read_bytes()
    path.unlink()
    return content


def models() -> None:
    dense = gn.Model(gn.Sequential(gn.Dense(3), "tanh", gn.LayerNorm(), gn.Dense(2)), "cross_entropy", gn.Adam(0.01))
    dense.preprocessing = gn.Standardize.from_data(RNG.normal(size=(9, 2)))
    dense.class_names = ("a", "b")
    dense.fit(RNG.normal(size=(9, 2)), np.arange(9) % 2, epochs=1, verbose=False)
    layers = gn.Conv2D(2, 3), gn.BatchNorm(), "relu", gn.MaxPool2D(2), gn.Residual(gn.Conv2D(2, 1)), gn.Flatten()
    images = gn.Model(gn.Sequential(*layers, gn.Dense(1)), "mean_squared_error", gn.SGD(0.01, momentum=0.9))
    images.fit(RNG.normal(size=(4, 1, 6, 6)), RNG.normal(size=(4, 1)), epochs=1, verbose=False)
    for name, model in (("dense", dense), ("images", images)):
        write("model_file", f"{name}.safetensors", saved(model.save, "model.safetensors"))
        write("onnx_file", f"{name}.onnx", saved(lambda path, own=model: gn.interop.export_onnx(own, path), "m.onnx"))
    from safetensors.numpy import save

    state = {"0.weight": np.ones((4, 3)), "0.bias": np.ones(4), "2.weight": np.ones((2, 4)), "2.bias": np.ones(2)}
    write("state_file", "torch.safetensors", save({name: own.astype(np.float32) for name, own in state.items()}))


def tables() -> None:
    for name, text in TABLES.items():
        content = text.encode("utf-16" if name == "utf16.csv" else "utf-8")
        write("table_file", name, content)
        write("packed_table", f"{name}.gz", gzip.compress(content, mtime=0))
    write("number_file", "numbers.csv", TABLES["numbers.csv"].encode())
    import polars
    from openpyxl import Workbook

    frame, out = polars.DataFrame({"a": [1.5, 2.5], "b": ["x", None], "c": [True, False]}), io.BytesIO()
    frame.write_parquet(out)
    write("parquet_file", "frame.parquet", out.getvalue())
    book = Workbook()
    for row in (["a", "b", "y"], [1, "x", 2.5], [2, "y", None]):
        book.active.append(row)
    book.save(str(SEEDS / "book.xlsx"))
    write("sheet_file", "book.xlsx", (SEEDS / "book.xlsx").read_bytes())
    (SEEDS / "book.xlsx").unlink()


def arrays() -> None:
    x, y = RNG.normal(size=(6, 3)).astype(np.float32), np.arange(6) % 2
    for name, save in (("plain", np.savez), ("packed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, x=x, y=y)
        write("npz_file", f"{name}.npz", out.getvalue())
    write("idx_file", "two", b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 3)) + bytes(range(18)))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin", "batches.meta.txt"]
        for name in names:
            content = b"\n".join([b"word"] * 10) if name.endswith(".txt") else bytes([1]) + bytes(3072)
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    write("cifar_archive", "small.tar.gz", out.getvalue())
    from PIL import Image

    for name, mode in (("grey.png", "L"), ("colour.jpg", "RGB"), ("palette.gif", "P"), ("colour.webp", "RGB")):
        out = io.BytesIO()
        Image.new(mode, (4, 4)).save(out, name.partition(".")[2].replace("jpg", "jpeg"))
        write("picture_file", name, out.getvalue())


def messages() -> None:
    for number, message in enumerate(MESSAGES):
        write("playground_message", f"{number}-{message['kind']}.json", json.dumps(message).encode())
    for number, body in enumerate(BODIES):
        write("served_body", f"{number}.json", json.dumps(body).encode())


def studies() -> None:
    """What a search writes, line by line without the checksums, which the door puts there."""
    x, y = RNG.normal(size=(30, 2)), np.arange(30) % 2

    def build(trial: Any) -> gn.Model:
        rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
        trial.suggest_categorical("kind", ["a", None, True])
        if trial.number == 1:
            raise ValueError("no second one")
        return gn.Model(
            gn.Sequential(gn.Dense(trial.suggest_int("units", 2, 4)), gn.Dense(2)), "cross_entropy", gn.SGD(rate)
        )

    def kept(path: Path) -> None:
        gn.tune(build, x, y, trials=4, epochs=4, wave=1, storage=path, verbose=False)

    lines = [b"{" + line.split(b",", 1)[1] for line in saved(kept, "a.study").splitlines()]
    settings = json.loads(lines[1])
    settings["user_attr"]["glassnet"] = {"epochs": 4}
    write("study_file", "four.jsonl", b"\n".join([lines[0], json.dumps(settings).encode(), *lines[2:]]))


if __name__ == "__main__":
    SEEDS.mkdir(exist_ok=True)
    for make in (models, tables, arrays, messages, studies):
        make()
    print(f"{sum(path.is_file() for path in SEEDS.rglob('*'))} seeds in {SEEDS}")
