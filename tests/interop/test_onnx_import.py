"""ONNX files of other programs: what is read is what it was, and what cannot be is refused by operator and node.

The files in ``golden`` and what their makers predict were written by ``golden/make_onnx.py``, with the versions of
PyTorch, scikit-learn and skl2onnx that ``expected.npz`` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.interop.onnx import operators as onnx_operators
from glassnet.interop.onnx.node import Found

onnx = pytest.importorskip("onnx")

from interop.onnx_cases import READ, REFUSED, SQUARE  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

GOLDEN = Path(__file__).with_name("golden")
EXPECTED = np.load(GOLDEN / "expected.npz")
NAMES = sorted(path.stem for path in GOLDEN.glob("*.onnx"))
rng = np.random.default_rng(0)
node = helper.make_node


def predicted(net: gn.Network, x: np.ndarray, engine: str = "auto") -> np.ndarray:
    return gn.Model(net, "sum_squared_error", "sgd", engine=engine, dtype=net.dtype).predict(x)


def saved(
    path: Path, nodes: Sequence[Any], shape: Sequence[Any], *, opset: int = 21, output: str = "y", kind: int = 1,
    outputs: Sequence[str] = (), domains: Sequence[str] = (), **constants: Any,
) -> Any:  # fmt: skip
    """Writes a graph on x of that shape, its constants in float32 unless they are whole numbers."""
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    arrays = {n: a.astype(np.float32) if a.dtype.kind == "f" and kind == 1 else a for n, a in arrays.items()}
    graph = helper.make_graph(
        list(nodes), "g", [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info(name, kind, None) for name in (outputs or [output])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    proto = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    for value in proto.graph.output:
        if not value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.shape.dim.add()
    onnx.save(proto, str(path))
    return proto


def agrees(path: Path, nodes: Sequence[Any], shape: Sequence[Any], rows: int = 3, **how: Any) -> gn.Network:
    """Reads the graph, and compares it with the reference evaluator, compiled and by NumPy."""
    proto = saved(path, nodes, shape, **how)
    net = gn.from_onnx(path)
    x = (2 * rng.normal(size=(rows, *shape[1:]))).astype(helper.tensor_dtype_to_np_dtype(how.get("kind", 1)))
    expected = ReferenceEvaluator(proto).run(None, {"x": x})[0]
    for engine in ("numpy", "auto"):
        found = predicted(net, x, engine)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    return net


@pytest.mark.parametrize("name", NAMES)
def test_files_as_people_have_them(name: str) -> None:
    net = gn.from_onnx(GOLDEN / f"{name}.onnx")
    x, y = EXPECTED[f"{name}.x"], EXPECTED[f"{name}.y"]
    for engine in ("numpy", "auto"):
        np.testing.assert_allclose(predicted(net, x, engine), y, rtol=1e-4, atol=2e-5 * np.abs(y).max())
    if name != "torch_words":
        assert predicted(net, np.concatenate([x, x])).shape == (2 * len(x), *y.shape[1:])  # whatever the file's batch


def test_layers_are_the_ones_that_were_meant() -> None:
    read = {name: repr(gn.from_onnx(GOLDEN / f"{name}.onnx")) for name in NAMES}
    assert read["torch_mlp"] == "Sequential(Dense(8), ReLU6(), Dense(3), Softmax())"
    assert "SiLU(), ELU(0.5), LeakyReLU(0.2), Clip(-0.5, 0.9), Softplus(), LayerNorm()" in read["torch_activations"]
    assert "GroupNorm(2), ZeroPad2D(1), AveragePool2D(stride=2), GlobalAveragePool(), Dense(2)" in read["torch_images"]
    assert read["torch_sequences"].startswith("Sequential(Permute(2, 1), Conv1D(4, 3, padding=1), ReLU(), MaxPool1D(")
    both = "Bidirectional(GRU(4, return_sequences=True))"
    assert read["torch_recurrences"] == f"Sequential({both}, {both}, Bidirectional(LSTM(3)), Dense(2))"
    assert read["torch_encoder"].count("Residual(LayerNorm(), SelfAttention(2, causal=True))") == 2
    assert read["sklearn_three"] == "Sequential(Dense(5), ReLU(), Dense(3), Softmax())"


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_layer_has_is_refused_by_operator_and_node(case: str, tmp_path: Path) -> None:
    nodes, shape, how, words = REFUSED[case]
    saved(tmp_path / "model.onnx", nodes, shape, **how)
    with pytest.raises(gn.ConfigurationError, match=words):
        gn.from_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("case", READ)
def test_what_is_read_agrees_with_the_evaluator(case: str, tmp_path: Path) -> None:
    nodes, shape, how, words = READ[case]
    net = agrees(tmp_path / "model.onnx", nodes, shape, **how)
    assert words in repr(net)


def test_gelu_with_another_constant_is_refused(tmp_path: Path) -> None:
    nodes, shape, how, _ = READ["gelu by tanh"]
    saved(tmp_path / "model.onnx", nodes, shape, **(how | {"k": np.array(0.0447)}))
    with pytest.raises(gn.ConfigurationError, match="Mul"):
        gn.from_onnx(tmp_path / "model.onnx")


def test_softmax_of_old_files_covers_all_axes_from_one_on(tmp_path: Path) -> None:
    """By hand and by onnxruntime; the reference evaluator knows the newer one alone."""
    pytest.importorskip("onnxruntime")
    saved(tmp_path / "model.onnx", [node("Softmax", ["x"], ["y"])], ["N", 2, 3], opset=11)
    net = gn.from_onnx(tmp_path / "model.onnx")
    x = rng.normal(size=(4, 2, 3)).astype(np.float32)
    exponentials = np.exp(x)
    expected = exponentials / exponentials.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(predicted(net, x), expected, rtol=1e-5)


def test_batch_norm_of_old_files(tmp_path: Path) -> None:
    """Before operators of version 14 it has no mode: one output means prediction."""
    pytest.importorskip("onnxruntime")
    values = {name: rng.uniform(0.5, 2, 3) for name in "abcd"}
    saved(tmp_path / "model.onnx", [node("BatchNormalization", ["x", *"abcd"], ["y"])], ["N", 3], opset=9, **values)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    a, b, c, d = values.values()
    found = predicted(gn.from_onnx(tmp_path / "model.onnx"), x)
    np.testing.assert_allclose(found, a * (x - c) / np.sqrt(d + 1e-5) + b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("LeakyRelu", lambda node: [Found(gn.ReLU())]),
        ("Conv", lambda node: [*onnx_operators.WINDOWS["Conv"](node), Found(gn.Clip(-100, 0.5))]),
        ("Softmax", lambda node: [Found(gn.Sigmoid())]),
        ("Gemm", lambda node: [Found(gn.Dense(2), {"weight": np.ones((12, 2)), "bias": np.zeros(2)})]),
    ],
)
def test_a_wrong_reading_is_noticed_and_named(
    kind: str, wrong: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where what comes behind hides it: the first operator that differs is named, not the last."""

    def reader(proto: Any) -> list[Found]:
        proto.finish = lambda: None
        return list(wrong(proto))

    nodes = [
        node("Conv", ["x", "k"], ["a"], name="first"), node("LeakyRelu", ["a"], ["b"], alpha=0.3, name="second"),
        node("Flatten", ["b"], ["c"]), node("Gemm", ["c", "w", "v"], ["d"], name="third"),
        node("Softmax", ["d"], ["y"], name="fourth"),
    ]  # fmt: skip
    constants = {"k": rng.normal(size=(3, 1, 2, 2)), "w": rng.normal(size=(12, 2)), "v": rng.normal(size=2)}
    saved(tmp_path / "model.onnx", nodes, ["N", 1, 3, 3], **constants)
    gn.from_onnx(tmp_path / "model.onnx")
    name = next(own.name for own in nodes if own.op_type == kind)
    monkeypatch.setitem(onnx_operators.OPERATORS, kind, reader)
    with pytest.raises(gn.ConfigurationError, match=rf"{kind} '{name}', read as .*differ from the file's by"):
        gn.from_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("attribute", [{"alpha": 0.3, "beta": 1.0}, {"slope": 1.0}])
def test_an_attribute_that_nobody_knows_is_refused(attribute: dict[str, float], tmp_path: Path) -> None:
    nodes = [node("LeakyRelu", ["x"], ["y"], name="p", **attribute)]
    saved(tmp_path / "model.onnx", nodes, ["N", 3])
    with pytest.raises(gn.GlassnetError, match="attribute"):
        gn.from_onnx(tmp_path / "model.onnx")


def test_outputs_are_chosen_or_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    nodes = [node("Relu", ["x"], ["a"]), node("Tanh", ["x"], ["b"])]
    saved(path, nodes, ["N", 3], outputs=["a", "b"])
    with pytest.raises(gn.ConfigurationError, match=r"2 outputs: 'a', 'b'.*output='a'"):
        gn.from_onnx(path)
    assert repr(gn.from_onnx(path, output="b")) == "Sequential(Tanh())"
    with pytest.raises(gn.ConfigurationError, match="output='c'"):
        gn.from_onnx(path, output="c")
    saved(path, [nodes[0], node("Softmax", ["a"], ["b"])], ["N", 3], outputs=["a", "b"])  # made of the first
    assert repr(gn.from_onnx(path)) == "Sequential(ReLU())"


def test_inputs_that_nothing_needs_are_left_aside(tmp_path: Path) -> None:
    proto = saved(tmp_path / "model.onnx", [node("Relu", ["x"], ["y"]), node("Add", ["x", "z"], ["unused"])], ["N", 3])
    proto.graph.input.append(helper.make_tensor_value_info("z", 1, ["N", 3]))
    onnx.save(proto, str(tmp_path / "model.onnx"))
    assert repr(gn.from_onnx(tmp_path / "model.onnx")) == "Sequential(ReLU())"
    proto.graph.node[0].input[0] = "unused"
    onnx.save(helper.make_model(helper.make_graph(
        [proto.graph.node[1], proto.graph.node[0]], "g", proto.graph.input, proto.graph.output,
    ), opset_imports=proto.opset_import, ir_version=8), str(tmp_path / "model.onnx"))  # fmt: skip
    with pytest.raises(gn.ConfigurationError, match=r"2 inputs \('x', 'z'\)"):
        gn.from_onnx(tmp_path / "model.onnx")


def test_functions_of_the_file_are_put_in(tmp_path: Path) -> None:
    proto = saved(tmp_path / "model.onnx", [node("Twice", ["x"], ["y"], domain="mine")], ["N", 3], domains=["mine"])
    body = [node("Relu", ["a"], ["b"]), node("Add", ["b", "b"], ["c"])]
    proto.functions.append(helper.make_function("mine", "Twice", ["a"], ["c"], body, [helper.make_opsetid("", 21)]))
    onnx.save(proto, str(tmp_path / "model.onnx"))
    assert repr(gn.from_onnx(tmp_path / "model.onnx")) == "Sequential(ReLU(), Residual(Identity()))"


def test_numbers_that_only_float64_has(tmp_path: Path) -> None:
    """Seconds since 1970, standardised in float64 before a network in float32: it is read in float64."""
    path = tmp_path / "model.onnx"
    nodes = [node("Sub", ["x", "m"], ["a"]), node("Div", ["a", "s"], ["b"]), node("Cast", ["b"], ["c"], to=1),
             node("Gemm", ["c", "w"], ["d"]), node("Tanh", ["d"], ["y"])]  # fmt: skip
    constants = {"m": np.full((1, 4), 1.7e9), "s": np.full((1, 4), 20.0), "w": SQUARE.astype(np.float32)}
    proto = saved(path, nodes, ["N", 4], kind=11, **constants)
    proto.graph.output[0].type.tensor_type.elem_type = 1
    onnx.save(proto, str(path))
    net = gn.from_onnx(path)
    assert net.dtype == np.float64
    x = 1.7e9 + rng.normal(0, 20, size=(5, 4))
    np.testing.assert_allclose(predicted(net, x), ReferenceEvaluator(proto).run(None, {"x": x})[0], atol=1e-5)


def test_outputs_that_are_rounding_errors_are_refused(tmp_path: Path) -> None:
    nodes = [node("Add", ["x", "c"], ["a"]), node("Tanh", ["a"], ["b"]), node("Sub", ["b", "one"], ["y"], name="p")]
    saved(tmp_path / "model.onnx", nodes, ["N", 4], c=np.full(4, 7.5), one=np.ones(4))
    with pytest.raises(gn.ConfigurationError, match="'p', read as Scale.*are rounding errors of float32"):
        gn.from_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("kind", "settings", "layer"),
    [
        ("Selu", {}, gn.SELU),
        ("Selu", {"alpha": 1.6732631921768188, "gamma": 1.0507010221481323}, gn.SELU),
        ("Selu", {"alpha": 1.5}, None),
        ("Selu", {"gamma": 1.0}, None),
        ("Mish", {}, gn.Mish),
        ("HardSwish", {}, gn.HardSwish),
        ("ThresholdedRelu", {"alpha": 1.0}, None),
    ],
)
def test_settings_that_onnx_takes_for_granted_are_read_and_others_refused(
    kind: str, settings: dict[str, float], layer: type[gn.Layer] | None, tmp_path: Path
) -> None:
    ends = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 3]) for name in "xy")
    x, y = ends
    graph = onnx.helper.make_graph([onnx.helper.make_node(kind, ["x"], ["y"], **settings)], "one", [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=9)
    onnx.save(model, tmp_path / "one.onnx")
    if layer is None:
        with pytest.raises(gn.ConfigurationError, match=f"{kind}.*(alpha|gamma)=|operator {kind}"):
            gn.from_onnx(tmp_path / "one.onnx")
    else:
        assert [type(found) for found in gn.from_onnx(tmp_path / "one.onnx").layers] == [layer]
