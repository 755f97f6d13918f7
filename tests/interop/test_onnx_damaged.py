"""ONNX models with a part lost, doubled, or of another kind or size: read, or refused in our own words.

That of damaged bytes is in ``tests/fuzz``; most of them are no messages of ONNX's any more. These all are.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import glassnet as gn

onnx = pytest.importorskip("onnx")

CHANGES = int(os.environ.get("GLASSNET_FUZZ_EXAMPLES", "75"))
NUMBERS = {
    "int32": [0, 1, -1, 2, 7, 17, 2**31 - 1, -(2**31)],
    "int64": [0, 1, -1, 2, 3, 5, 300, 2**31, 2**63 - 1, -(2**63)],
    "uint64": [0, 2**64 - 1],
    "float": [0.0, -1.0, 0.5, 1e38, 1e-38, float("nan"), float("inf")],
    "double": [0.0, float("nan"), 1e308],
    "enum": list(range(20)),
    "string": ["", "x", "y", "\n", "é", "axis", "Add", "Relu", "Conv", "If", "NotThere", "a" * 300],
}


def messages(message: Any) -> list[Any]:
    """A message and all inside."""
    found = [message]
    for kind, value in message.ListFields():
        if kind.message_type is not None:
            for inside in [value] if hasattr(value, "DESCRIPTOR") else value:
                found += messages(inside)
    return found


def value_for(kind: Any, random: Random) -> Any:
    if kind.type == kind.TYPE_BYTES:
        return random.choice([b"", b"\xff\xfe", random.randbytes(random.choice([1, 4, 16, 100]))])
    cpp = {kind.CPPTYPE_INT32: "int32", kind.CPPTYPE_INT64: "int64", kind.CPPTYPE_UINT64: "uint64",
           kind.CPPTYPE_FLOAT: "float", kind.CPPTYPE_DOUBLE: "double", kind.CPPTYPE_ENUM: "enum"}  # fmt: skip
    return random.choice(NUMBERS[cpp.get(kind.cpp_type, "string")])


def change(proto: Any, random: Random) -> None:
    """Changes one field somewhere."""
    every = messages(proto)
    message = random.choice(every)
    there = [kind for kind, _ in message.ListFields()]
    kind = random.choice(list(message.DESCRIPTOR.fields) if not there or random.random() < 0.3 else there)
    own, like = getattr(message, kind.name), random.choice(every).SerializeToString()
    is_list = hasattr(own, "append")
    way = random.random()
    if way < 0.2:
        message.ClearField(kind.name)
    elif kind.message_type is not None:
        same = [m for m in every if m.DESCRIPTOR is kind.message_type]
        like = random.choice(same).SerializeToString() if same else b""
        if is_list and own and way < 0.5:
            del own[random.randrange(len(own))]
        else:
            (own.add() if is_list else own).ParseFromString(like)
    elif is_list:
        if own and way < 0.7:
            own[random.randrange(len(own))] = value_for(kind, random)
        else:
            own.append(value_for(kind, random))
    else:
        try:
            setattr(message, kind.name, value_for(kind, random))
        except ValueError:  # no number of that enumeration
            message.ClearField(kind.name)


NETS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "rows": ([gn.Dense(3), gn.LayerNorm(), gn.Residual(gn.Dense(3), gn.GELU()), gn.Softmax()], (2,)),
    "images": ([gn.Conv2D(2, 3), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2), gn.Flatten(), gn.Dense(3)], (1, 4, 4)),
}


@pytest.mark.parametrize("name", NETS)
def test_models_with_a_changed_part_are_read_or_refused(name: str, tmp_path: Path) -> None:
    layers, shape = NETS[name]
    net, path, random = gn.Sequential(*(layer.copy() for layer in layers)), tmp_path / "m.onnx", Random(len(name))
    net.build(shape)
    gn.Model(net, "mean_squared_error", "sgd").export_onnx(path)
    whole, refused = path.read_bytes(), 0
    for number in range(CHANGES):
        proto = onnx.ModelProto.FromString(whole)
        for _ in range(random.choice([1, 1, 2, 4])):
            change(proto, random)
        path.write_bytes(proto.SerializeToString())
        try:
            with warnings.catch_warnings(action="error"):
                assert np.isfinite(gn.from_onnx(path).parameters).all()
        except gn.GlassnetError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"change {number}: {type(error).__name__} {error}\n{str(proto)[:1500]}") from error
    assert 0 < refused < CHANGES
