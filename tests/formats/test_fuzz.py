"""Model files that were changed: each is refused with glassnet's own error, or gives a model that works.

GLASSNET_FUZZ_EXAMPLES sets how many are tried by each test; ``make fuzz`` tries 25,000.
"""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_files import edited, without_checksums

import glassnet as gn
from glassnet.core.errors import GlassnetError

EXAMPLES = int(os.environ.get("GLASSNET_FUZZ_EXAMPLES", "250"))
MOST_BYTES = 1 << 24
"""What reading a file of a few kilobytes may take."""
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Contents(tuple[bytes, ...]):
    """Not to be printed whole."""

    def __repr__(self) -> str:
        return f"{len(self)} files"


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """Files of four models that have most of what a file can hold, with and without checksums."""
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    dense = gn.Model(
        gn.Sequential(gn.Dense(4), gn.LayerNorm(), gn.Residual(gn.Dense(4), "tanh"), gn.Dropout(0.1), gn.Dense(3)),
        gn.losses.CrossEntropy(class_weight=[1.0, 2.0, 1.0]),
        [gn.ClipByNorm(1.0), gn.L2(1e-4), gn.Adam(gn.schedules.CosineDecay(0.01, steps=100))],
        ["accuracy"],
    )
    x = rng.normal(size=(12, 3))
    dense.preprocessing = gn.Standardize.from_data(x)
    dense.feature_names, dense.class_names = ("a", "b", "c"), ("x", "y", "z")
    watching = [gn.EarlyStopping("loss"), gn.ReduceOnPlateau("loss")]  # which the file remembers
    dense.fit(x, rng.integers(0, 3, 12), epochs=3, callbacks=watching, verbose=False)
    images = gn.Model(
        gn.Sequential(
            gn.Conv2D(4, 3, padding="same"), gn.BatchNorm(), "relu", gn.MaxPool2D(2),
            gn.Concat(gn.Conv2D(2, 1), gn.AveragePool2D(1)), gn.GlobalAveragePool(), gn.Dense(1),
        ),
        "mean_squared_error",
        gn.SGD(0.01, momentum=0.9),
    )  # fmt: skip
    images.fit(rng.normal(size=(6, 1, 6, 6)), rng.normal(size=(6, 1)), epochs=1, verbose=False)
    data = {"a": [1.0, None, 3.0], "b": ["x", "y", "x"], "c": [True, False, True], "d": [3, 4, 9], "y": [0.5, 1.5, 2.5]}
    table = gn.Table.from_data(data, "y", quantiles=["d"])
    tabular = gn.Model(gn.Sequential(gn.Dense(2), gn.Dense(1)), table.loss, "adam")
    tabular.preprocessing = table
    tabular.fit(data, table.targets(data), verbose=False)
    table = gn.Table.from_data(data | {"y": ["p", "q", "p"], "z": [0, 1, 2]}, ["y", "z"], embeddings=["b"])
    looked_up = gn.Model(gn.Sequential(*table.input_layers(), gn.Dense(table.outputs)), table.loss, "adam")
    looked_up.preprocessing = table
    looked_up.fit(data, [[0, 1], [1, 2], [0, 0]], verbose=False)
    paths = [folder / f"{name}.safetensors" for name in ("dense", "images", "tabular", "looked up")]
    for model, path in zip((dense, images, tabular, looked_up), paths, strict=True):
        model.save(path)
    bare = [edited(path, lambda _: None, path.with_suffix(".bare")) for path in paths]
    return Contents(path.read_bytes() for path in paths + bare)


def parts_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def whole_of(header: dict[str, Any], arrays: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + arrays


def try_to_load(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model = gn.load(path)
            shape = model.network.input_shape or ()
            if isinstance(model.preprocessing, gn.Table):
                model.predict({"a": [1.0, None], "b": ["z", None], "c": [None, True], "d": [5, 6]})
            elif np.prod(shape, dtype=float) < 1e5:
                model.predict(np.zeros((2, *shape)))
    except GlassnetError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_BYTES


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.sampled_from([2**31, 2**53, 2**63, 10**30, -(2**63), 1e308, -1e308, 1e-320, float("inf"), float("nan")]),
    st.floats(allow_nan=True),
    st.sampled_from(
        ["", "relu", "layers.Dense", "losses.Hinge", "network.Sequential", "optimizers.Adam", "os.system",
         "builtins.eval", "../../../etc/passwd", "C:\\\\x", "__class__", "glassnet.cli.main", "layers.NumpyLayer",
         "float16", "a" * 5000, "\u0000", "💥"]
    ),
    st.lists(st.integers(-2, 5), max_size=4),
    st.just({"class": "layers.Dense", "settings": {"units": 2**40}}),
    st.just({"class": "initializers.Constant", "settings": {"value": 1e400}}),
    st.just({"class": "network.Sequential", "settings": {"layers": []}}),
    st.just({}),
)  # fmt: skip


def places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key) inside."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        found.append((value, key))
        places(inner, found)
    return found


@given(data=st.data())
@QUICK
def test_an_edited_description(data: st.DataObject, contents: Contents, tmp_path: Path) -> None:
    header, arrays = parts_of(contents[data.draw(st.integers(0, len(contents) - 1))])
    text = header["__metadata__"]
    key = next(iter(text))
    description = without_checksums(json.loads(text[key]))
    for _ in range(data.draw(st.integers(1, 3))):
        spots = places(description, [])
        container, place = spots[data.draw(st.integers(0, len(spots) - 1))]
        kind = data.draw(st.sampled_from(["replace", "delete", "copy"]))
        if kind == "delete":
            del container[place]
        elif kind == "copy":
            other, from_place = spots[data.draw(st.integers(0, len(spots) - 1))]
            container[place] = json.loads(json.dumps(other[from_place]))
        else:
            container[place] = deepcopy(data.draw(HOSTILE))
        if not places(description, []):
            break
    text[key] = json.dumps(description)
    try_to_load(tmp_path / "model.safetensors", whole_of(header, arrays))


@given(data=st.data())
@QUICK
def test_edited_arrays_and_bytes(data: st.DataObject, contents: Contents, tmp_path: Path) -> None:
    content = contents[data.draw(st.integers(0, len(contents) - 1))]
    kind = data.draw(st.sampled_from(["header", "bytes", "cut", "weights", "rename"]))
    if kind in ("header", "rename"):
        header, arrays = parts_of(content)
        names = [name for name in header if name != "__metadata__"]
        name = data.draw(st.sampled_from(names))
        if kind == "rename":
            new = data.draw(st.sampled_from(["../x", "/etc/passwd", "0.weight", "optimizer/m", "", "a" * 300, *names]))
            header[new] = header.pop(name)
        else:
            place = data.draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
            header[name][place] = data.draw(
                st.one_of(HOSTILE, st.sampled_from(["F64", "F16", "BF16", "I64", "BOOL"]), st.just([2**40, 2**20]))
            )
        changed = whole_of(header, arrays)
    elif kind == "bytes":
        mutable = bytearray(content)
        for _ in range(data.draw(st.integers(1, 8))):
            mutable[data.draw(st.integers(0, len(mutable) - 1))] = data.draw(st.integers(0, 255))
        changed = bytes(mutable)
    elif kind == "cut":
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
        changed = content[:start] + content[stop:]
    else:
        header, arrays = parts_of(content)
        place = data.draw(st.integers(0, len(arrays) // 4 - 1)) * 4
        value = data.draw(st.sampled_from([float("nan"), float("inf"), -float("inf"), 3e38, 1e-45]))
        changed = whole_of(header, arrays[:place] + struct.pack("<f", value) + arrays[place + 4 :])
    try_to_load(tmp_path / "model.safetensors", changed)
