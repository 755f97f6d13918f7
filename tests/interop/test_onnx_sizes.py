"""Sizes that an ONNX file asks for are in some relation to what it holds, before anything is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402 - after the question whether it is there

FLOAT = onnx.TensorProto.FLOAT
WHOLE = 8_000_000


def _file(path: Path, nodes: list[Any], rank: int, **constants: Any) -> Path:
    given = helper.make_tensor_value_info("x", FLOAT, ["N", 1, 4, 4][:rank] if rank == 4 else ["N", 4])
    found = helper.make_tensor_value_info("y", FLOAT, ["N", "a", "b", "c"][:rank])
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", [given], [found], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def _cases() -> dict[str, tuple[list[Any], int, dict[str, Any]]]:
    node = helper.make_node
    pads = np.array([0, 0, 0, 0, 0, 0, 0, WHOLE])
    return {
        "pad": ([node("Pad", ["x", "pads"], ["y"])], 4, {"pads": pads}),
        "pad of calculated sizes": (
            [node("Mul", ["pads", "times"], ["more"]), node("Pad", ["x", "more"], ["y"])],
            4,
            {"pads": pads // 1000, "times": np.array([1000])},
        ),
        "convolution": (
            [node("Conv", ["x", "w"], ["y"], pads=[0, WHOLE, 0, WHOLE])],
            4,
            {"w": np.ones((1, 1, 2, 2), np.float32)},
        ),
        "transposed convolution": (
            [node("ConvTranspose", ["x", "w"], ["y"], strides=[3000, 3000])],
            4,
            {"w": np.ones((1, 1, 2, 2), np.float32)},
        ),
        "resize": (
            [node("Resize", ["x", "", "scales"], ["y"], mode="nearest")],
            4,
            {"scales": np.array([1, 1, 1000, 1000], np.float32)},
        ),
        "constant": (
            [node("ConstantOfShape", ["shape"], ["c"]), node("MatMul", ["x", "c"], ["y"])],
            2,
            {"shape": np.array([4, WHOLE])},
        ),
        "range": (
            [
                node("Range", ["from", "to", "by"], ["c"]),
                node("Unsqueeze", ["c", "axes"], ["d"]),
                node("Mul", ["x", "d"], ["e"]),
                node("ReduceSum", ["e", "axes"], ["y"]),
            ],
            2,
            {
                "from": np.float32(0),
                "to": np.float32(WHOLE),
                "by": np.float32(1),
                "axes": np.array([0]),
            },
        ),
    }


@pytest.mark.parametrize("kind", _cases())
def test_a_small_file_asks_for_no_large_values(kind: str, tmp_path: Path) -> None:
    nodes, rank, constants = _cases()[kind]
    path = _file(tmp_path / "small.onnx", nodes, rank, **constants)
    with pytest.raises(gn.ConfigurationError, match=r"elements out of an input of|the operator") as caught:
        gn.from_onnx(path)
    if kind != "range":  # which is refused for what is done with it
        assert "1,048,576 elements a row" in str(caught.value)


def test_many_large_values_are_refused_before_one_is_made(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", [f"v{n}" if n else "x"], [f"v{n + 1}" if n < 59 else "y"]) for n in range(60)]
    given = helper.make_tensor_value_info("x", FLOAT, ["N", 1 << 23])
    graph = helper.make_graph(nodes, "chain", [given], [helper.make_tensor_value_info("y", FLOAT, ["N", 1 << 23])])
    path = tmp_path / "chain.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())
    with pytest.raises(gn.ConfigurationError, match="elements together"):
        gn.from_onnx(path)


def test_padding_in_relation_to_the_input_is_read(tmp_path: Path) -> None:
    nodes = [helper.make_node("Pad", ["x", "pads"], ["y"])]
    path = _file(tmp_path / "pad.onnx", nodes, 4, pads=np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    assert gn.from_onnx(path).output_shape == (1, 6, 6)
