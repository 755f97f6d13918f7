"""Weights in files beside an ONNX model: read from its folder, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

WEIGHT = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def tensor(**said: Any) -> Any:
    """The weight, which is said to stand elsewhere."""
    found = TensorProto(name="w", dims=WEIGHT.shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in said.items():
        found.external_data.add(key=key, value=str(value))
    return found


def write(path: Path, weight: Any, *, as_node: bool = False) -> Path:
    """A product with the weight, an initializer or the output of a node."""
    constant = [helper.make_node("Constant", [], ["w"], value=weight)] if as_node else []
    graph = helper.make_graph(
        [*constant, helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", 1, ["N", 3])], [helper.make_tensor_value_info("y", 1, ["N", 4])],
        [] if as_node else [weight],
    )  # fmt: skip
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=8).SerializeToString()
    )
    return path


def product(path: Path) -> np.ndarray:
    return gn.from_onnx(path).forward(gn.NumpyRunner(), X, training=False)[0]


@pytest.mark.parametrize("as_node", [False, True])
@pytest.mark.parametrize("place", ["model.onnx.data", "weights/one.bin"])
def test_weights_in_the_folder_or_below_it(place: str, as_node: bool, tmp_path: Path) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"before  " + WEIGHT.tobytes() + b"behind")
    path = write(tmp_path / "model.onnx", tensor(location=place, offset=8, length=WEIGHT.nbytes), as_node=as_node)
    np.testing.assert_allclose(product(path), X @ WEIGHT, rtol=1e-5, atol=1e-6)
    file.write_bytes(WEIGHT.tobytes())
    path = write(tmp_path / "model.onnx", tensor(location=place), as_node=as_node)  # length and offset may be left out
    np.testing.assert_allclose(product(path), X @ WEIGHT, rtol=1e-5, atol=1e-6)


def test_the_folder_is_the_model_s_and_not_the_present_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "w.bin").write_bytes(WEIGHT.tobytes())
    (tmp_path / "w.bin").write_bytes((2 * WEIGHT).tobytes())
    write(tmp_path / "there" / "model.onnx", tensor(location="w.bin"))
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(product(Path("there/model.onnx")), X @ WEIGHT, rtol=1e-5, atol=1e-6)


HOSTILE = {
    "above": ({"location": "../secret.bin"}, "not in the model's folder"),
    "above by a way round": ({"location": "inside/../../secret.bin"}, "not in the model's folder"),
    "below and up again": ({"location": "inside/../w.bin"}, "not in the model's folder"),
    "absolute": ({"location": "SECRET"}, "not in the model's folder"),
    "of another system": ({"location": "C:\\secret.bin"}, "not in the model's folder"),
    "of another system, up": ({"location": "..\\secret.bin"}, "not in the model's folder"),
    "the folder itself": ({"location": "."}, "not in the model's folder"),
    "a folder": ({"location": "inside"}, "no file"),
    "no name": ({}, "not in the model's folder"),
    "a zero byte": ({"location": "w.bin\0"}, "not in the model's folder"),
    "a link out": ({"location": "link.bin"}, "not in the model's folder"),
    "a folder that is a link out": ({"location": "away/secret.bin"}, "not in the model's folder"),
    "too long": ({"location": "w.bin", "length": 4800}, "4800 bytes for 48"),
    "too short": ({"location": "w.bin", "length": 4}, "4 bytes for 48"),
    "behind the end": ({"location": "w.bin", "offset": 8}, r"bytes 8 to 56 of 'w.bin', which has 48"),
    "far behind the end": ({"location": "w.bin", "offset": 10**15}, "which has 48"),
    "an offset below 0": ({"location": "w.bin", "offset": -8}, "the offset '-8'"),
    "an offset in words": ({"location": "w.bin", "offset": "0x10"}, "the offset '0x10'"),
    "a length below 0": ({"location": "w.bin", "length": -1}, "the length '-1'"),
    "a length of many digits": ({"location": "w.bin", "length": "9" * 5000}, "the length"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_weights_from_elsewhere_are_refused(case: str, tmp_path: Path) -> None:
    said, words = HOSTILE[case]
    folder = tmp_path / "model"
    (folder / "inside").mkdir(parents=True)
    secret = tmp_path / "secret.bin"
    for file in (secret, folder / "w.bin"):
        file.write_bytes(WEIGHT.tobytes())
    os.symlink(secret, folder / "link.bin")
    os.symlink(tmp_path, folder / "away")
    said = {key: str(secret) if value == "SECRET" else value for key, value in said.items()}
    for as_node in (False, True):
        path = write(folder / "model.onnx", tensor(**said), as_node=as_node)
        with pytest.raises(gn.FileFormatError, match=words):
            gn.from_onnx(path)


def _sparse() -> Any:
    values = tensor(location="w.bin")
    values.dims[:] = [WEIGHT.size]
    indices = numpy_helper.from_array(np.arange(WEIGHT.size), "i")
    return onnx.SparseTensorProto(values=values, indices=indices, dims=WEIGHT.shape)


def _model(nodes: list[Any], functions: tuple[Any, ...] = (), **others: Any) -> Any:
    inputs, outputs = (helper.make_tensor_value_info(n, 1, ["N", k]) for n, k in (("x", 3), ("y", 4)))
    graph = helper.make_graph(nodes, "g", [inputs], [outputs], **others)
    versions = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10, functions=functions)


def _everywhere() -> dict[str, Any]:
    """Models with the weight in each place that ONNX has for tensors."""
    weight, product = tensor(location="w.bin"), helper.make_node("MatMul", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=weight)
    call = helper.make_node("F", ["x"], ["y"], domain="own")
    empty = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("w", 1, WEIGHT.shape)])
    choice = helper.make_node("If", ["is"], ["w"], then_branch=empty, else_branch=empty)
    truth = helper.make_node("Constant", [], ["is"], value=numpy_helper.from_array(np.array(True), "is"))
    function = helper.make_function("own", "F", ["x"], ["y"], [constant, product], [helper.make_opsetid("", 21)])
    asked = onnx.NodeProto(op_type="Constant", output=["w"])
    asked.attribute.add(name="value", type=onnx.AttributeProto.TENSOR, ref_attr_name="k")
    usual = helper.make_function(
        "own", "F", ["x"], ["y"], [asked, product], [helper.make_opsetid("", 21)],
        attribute_protos=[helper.make_attribute("k", weight)],
    )  # fmt: skip
    given = helper.make_node("F", ["x"], ["y"], domain="own", k=weight)
    beside = _model([helper.make_node("Identity", ["x"], ["y"])])
    beside.training_info.add().initialization.node.append(constant)
    return {
        "an initializer": _model([product], initializer=[weight]),
        "a constant": _model([constant, product]),
        "a sparse initializer": _model([product], sparse_initializer=[_sparse()]),
        "a sparse constant": _model([helper.make_node("Constant", [], ["w"], sparse_value=_sparse()), product]),
        "a graph inside": _model([truth, choice, product]),
        "a function": _model([call], (function,)),
        "what a function takes for granted": _model([call], (usual,)),
        "what a function is given": _model([given], (usual,)),
        "what is for training alone": beside,
    }


@pytest.mark.parametrize("case", _everywhere())
def test_no_tensor_anywhere_opens_a_file_of_the_working_folder(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("model", "here"):
        (tmp_path / folder).mkdir()
    (tmp_path / "here" / "w.bin").write_bytes(WEIGHT.tobytes())
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "model" / "m.onnx").write_bytes(_everywhere()[case].SerializeToString())
    with pytest.raises(gn.MissingFileError, match="no file 'w.bin' with the weights"):
        gn.from_onnx(tmp_path / "model" / "m.onnx")
    (tmp_path / "model" / "w.bin").write_bytes((2 * WEIGHT).tobytes())
    try:
        found = product(tmp_path / "model" / "m.onnx")
    except gn.ConfigurationError:  # what no layer has
        return
    if case != "what is for training alone":
        np.testing.assert_allclose(found, X @ (2 * WEIGHT), rtol=1e-5, atol=1e-5)


def test_a_sparse_weight_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    (tmp_path / "m.onnx").write_bytes(_everywhere()["a sparse initializer"].SerializeToString())
    with pytest.raises(gn.ConfigurationError, match="the sparse weight 'w'"):
        gn.from_onnx(tmp_path / "m.onnx")


NORM = np.ones((4, 3), np.float32)
"""γ, β, mean and variance."""


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(wrong: float, tmp_path: Path) -> None:
    weight = WEIGHT.copy()
    weight[1, 2] = wrong
    with pytest.raises(gn.DataError, match=r"weight of Dense\(4.*gives 'y', not all finite"):
        gn.from_onnx(write(tmp_path / "m.onnx", numpy_helper.from_array(weight, "w")))
    rows = np.zeros((9, 4), np.float32)
    rows[7] = wrong  # which no row that is tried may look up
    node = helper.make_node("Gather", ["w", "i"], ["y"])
    cast = helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64)
    flat = helper.make_node("Flatten", ["y"], ["z"])
    outputs = [helper.make_tensor_value_info("z", 1, ["N", 8])]
    graph = helper.make_graph([cast, node, flat], "g", [helper.make_tensor_value_info("x", 1, ["N", 2])], outputs)
    graph.initializer.append(numpy_helper.from_array(rows, "w"))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(gn.DataError, match=r"weight of Embedding\(9, 4\).*not all finite"):
        gn.from_onnx(tmp_path / "m.onnx")


def test_a_variance_below_0_is_named(tmp_path: Path) -> None:
    norm = NORM.copy()
    norm[3, 1] = -1
    names = ["g", "b", "m", "v"]
    node = helper.make_node("BatchNormalization", ["x", *names], ["y"])
    inputs, outputs = (helper.make_tensor_value_info(n, 1, ["N", 3, 2, 2]) for n in "xy")
    graph = helper.make_graph([node], "g", [inputs], [outputs], list(map(numpy_helper.from_array, norm, names)))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(gn.DataError, match=r"running_variance of BatchNorm\(.*some below 0"):
        gn.from_onnx(tmp_path / "m.onnx")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.bin")
    with pytest.raises(gn.FileFormatError, match="no file"):
        gn.from_onnx(write(tmp_path / "model.onnx", tensor(location="w.bin")))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", tensor(location="model.onnx.data"))
    with pytest.raises(gn.MissingFileError, match=r"no file 'model.onnx.data' with the weights, such as 'w'.*copy it"):
        gn.from_onnx(path)


def test_shapes_that_are_no_shapes(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    for dims, words in (((-3, -4), "no array"), ((2**20, 2**20), "bytes|GB"), ((3, 5), "which has 48")):
        weight = tensor(location="w.bin")
        weight.dims[:] = dims
        with pytest.raises(gn.FileFormatError, match=words):
            gn.from_onnx(write(tmp_path / "model.onnx", weight))
    weight = tensor(location="w.bin")
    weight.data_type = TensorProto.STRING
    with pytest.raises(gn.FileFormatError, match="no array of numbers"):
        gn.from_onnx(write(tmp_path / "model.onnx", weight))


def test_a_model_that_was_saved_with_onnx_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "model.onnx", numpy_helper.from_array(WEIGHT, "w"))
    proto = onnx.load(str(path))
    onnx.save(proto, str(path), save_as_external_data=True, location="all.bin", size_threshold=0)
    assert (tmp_path / "all.bin").stat().st_size >= WEIGHT.nbytes
    np.testing.assert_allclose(product(path), X @ WEIGHT, rtol=1e-5, atol=1e-6)
