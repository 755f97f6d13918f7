"""ONNX files: what is written runs in onnxruntime as the model does, and what is read predicts what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradients import CASES
from interop.networks import attempt, cases, model_of, models, rows_for

import glassnet as gn
from glassnet.interop import export_onnx, from_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

MERGES = ("Add", "Subtract", "Multiply", "Concatenate", "AbsoluteDifference", "Dot", "SquaredDistance")
ALL_NAMES = [name for name, *_ in cases()]
NAMES = [name for name in ALL_NAMES if name.partition("-")[0] not in ("Graph", *MERGES)]


@pytest.fixture(scope="module")
def built() -> dict[str, gn.Model]:
    return dict(models())


def run(path: Path, rows: np.ndarray, *outputs: str) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(list(outputs), {"x": rows})


@pytest.mark.parametrize("name", ALL_NAMES)
def test_every_layer(name: str, built: dict[str, gn.Model], tmp_path: Path) -> None:
    model, path = built[name], tmp_path / "model.onnx"
    report = export_onnx(model, path)
    assert report.largest_difference is not None
    for count in (1, 5):
        rows = rows_for(model, count)
        expected = model.predict(rows)
        found = run(path, rows, "outputs")[0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


NOT_READ: dict[str, str] = {}
"""Layers that are written and not read back, with words of the refusal."""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_can_be_read(name: str, built: dict[str, gn.Model], tmp_path: Path) -> None:
    model, path = built[name], tmp_path / "model.onnx"
    export_onnx(model, path)
    net, refusal = attempt(lambda: from_onnx(path))
    words = NOT_READ.get(name.split("-")[0])
    if net is None or words is not None:
        assert words is not None, refusal
        assert words in refusal
        return
    again = gn.Model(net, model.loss, "adam")
    rows = rows_for(model)
    expected = model.predict(rows)
    np.testing.assert_allclose(again.predict(rows), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert np.isfinite(again.fit(rows, expected + 0.1, epochs=2, verbose=False)["loss"][-1])
    assert kinds_of(net) == kinds_of(model.network)
    tables = [
        own for _, own in model.network.walk() if isinstance(own, gn.PositionalEncoding) and own.kind == "learned"
    ]
    unreached = sum(own.weight.size - int(np.prod(own.input_shape)) for own in tables)  # positions behind the last step
    assert net.parameters.size == model.network.parameters.size - unreached


@pytest.mark.parametrize("name", sorted({*ALL_NAMES} - {*NAMES}))
def test_merges_are_read_as_what_they_are_or_refused(name: str, built: dict[str, gn.Model], tmp_path: Path) -> None:
    model, path = built[name], tmp_path / "model.onnx"
    export_onnx(model, path)
    net, refusal = attempt(lambda: from_onnx(path))
    joins = ("Add", "Subtract", "Concatenate", "Graph")
    assert (net is not None) == name.startswith(joins), refusal
    if net is None:
        assert "with 2 values that are calculated" in refusal or "the operator" in refusal
        return
    rows = rows_for(model)
    expected = model.predict(rows)
    np.testing.assert_allclose(net(rows), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def kinds_of(net: gn.Network) -> list[str]:
    """The classes of the layers that have something to do in prediction, in order."""
    silent = ("Dropout", "Augment", "Identity", "Sequential", "Reshape", "Flatten")
    kinds = [type(layer).__name__ for _, layer in net.walk()]
    return [kind for kind in kinds if kind not in silent]


def test_layers_on_sequences_keep_their_settings(tmp_path: Path) -> None:
    net = gn.Sequential(
        gn.Conv1D(6, 3, padding="causal", dilation=2), gn.BatchNorm(), "relu", gn.MaxPool1D(2, padding="same"),
        gn.Conv1D(4, 4, stride=2, padding="same", groups=2, use_bias=False), "tanh",
        gn.Residual(gn.Conv1D(4, 3, padding=1)), gn.AveragePool1D(3, stride=1), gn.GlobalMaxPool(), gn.Dense(2),
    )  # fmt: skip
    model = model_of(net, (19, 3))
    export_onnx(model, tmp_path / "model.onnx")
    again = from_onnx(tmp_path / "model.onnx")
    shown = [repr(layer) for layer in again.layers]
    assert shown[0] == "Conv1D(6, 3, padding='causal', dilation=2)"
    assert shown[3] == "MaxPool1D(stride=2, padding='same')"
    assert "stride=2, padding=1, groups=2, use_bias=False" in shown[4]  # one on each side is the same
    for (name, own), (_, other) in zip(again.named_parameters(), net.named_parameters(), strict=True):
        np.testing.assert_array_equal(own, other, err_msg=name)
    rows = rows_for(model)
    np.testing.assert_allclose(
        again.forward(gn.NumpyRunner(), rows, training=False)[0], model.predict(rows), rtol=1e-4, atol=1e-5
    )


def test_sequences_of_other_programs(tmp_path: Path) -> None:
    """Several operators between two transpositions; other transpositions are refused."""
    node, path, rng = onnx.helper.make_node, tmp_path / "model.onnx", np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3)).astype(np.float32), "b": rng.normal(size=4).astype(np.float32)}
    swap = {"perm": [0, 2, 1]}
    nodes = [
        node("Transpose", ["x"], ["a"], **swap),
        node("Conv", ["a", "w", "b"], ["c"], auto_pad="SAME_UPPER"),
        node("LeakyRelu", ["c"], ["d"], alpha=0.2),
        node("MaxPool", ["d"], ["e"], kernel_shape=[2], strides=[2]),
        node("Transpose", ["e"], ["y"], **swap),
    ]
    onnx.save(proto_of(nodes, weights, ["N", 9, 3]), str(path))
    net = from_onnx(path)
    assert [type(layer).__name__ for layer in net.layers] == ["Conv1D", "LeakyReLU", "MaxPool1D"]
    rows = rng.normal(size=(5, 9, 3)).astype(np.float32)
    found = net.forward(gn.NumpyRunner(), rows, training=False)[0]
    np.testing.assert_allclose(found, run(path, rows, "y")[0], rtol=1e-5, atol=1e-6)
    for bad, constants, words in (
        ([node("Transpose", ["x"], ["y"], perm=[1, 0, 2])], {}, r"perm=\[1, 0, 2\], which moves the rows"),
        ([node("Transpose", ["x"], ["y"])], {}, r"perm=\[2, 1, 0\], which moves the rows"),
        ([*nodes[:1], node("Conv", ["a", "w"], ["c"], pads=[0, 1]), node("Transpose", ["c"], ["y"], **swap)],
         {"w": weights["w"]}, "differ between the two ends"),
    ):  # fmt: skip
        onnx.save(proto_of(bad, constants, ["N", 9, 3]), str(path))
        with pytest.raises(gn.ConfigurationError, match=words):
            from_onnx(path)


def test_a_classifier_with_its_preprocessing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 20, size=(90, 4)), rng.integers(0, 3, 90)
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(3)), "cross_entropy", "adam")
    model.preprocessing = gn.Standardize.from_data(x)
    model.feature_names, model.class_names = ("a, the first", "b", "c", "d"), ("x", "y,z", 'z"東京')
    model.fit(x, y, epochs=3, verbose=False)
    report = model.export_onnx(tmp_path / "model.onnx")
    assert "Softmax 1" in str(report)
    rows = x.astype(np.float32)
    outputs, probabilities = run(tmp_path / "model.onnx", rows, "outputs", "probabilities")
    np.testing.assert_allclose(outputs, model.predict(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(probabilities, model.predict_proba(x), rtol=1e-4, atol=1e-5)
    properties = {p.key: p.value for p in onnx.load(str(tmp_path / "model.onnx")).metadata_props}
    assert {name: json.loads(value) for name, value in properties.items()} == {
        "feature_names": ["a, the first", "b", "c", "d"], "class_names": ["x", "y,z", 'z"東京'],
    }  # fmt: skip


def test_a_regression_in_its_own_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 4)), rng.normal(300, 40, size=(90, 1))
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(1)), "mean_squared_error", "adam", dtype="float64")
    model.target_scaling = gn.Standardize.from_data(y)
    model.fit(x, y, epochs=3, verbose=False)
    report = model.export_onnx(tmp_path / "model.onnx")
    assert report.largest_difference is not None
    assert report.largest_difference < 1e-9
    np.testing.assert_allclose(run(tmp_path / "model.onnx", x, "outputs")[0], model.predict(x), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("which", ["x", "y", "both"])
def test_numbers_with_a_large_mean_keep_their_digits(dtype: str, which: str, tmp_path: Path) -> None:
    """float32 has one number for all these seconds: the file takes and gives float64 there, and nowhere else."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 60, (90, 3)), rng.normal(0, 20, (90, 2))
    x[:, 1] += 1.7e9 * (which != "y")
    y[:, 0] -= 1.7e9 * (which != "x")
    net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2))
    model = gn.Model(net, "mean_squared_error", gn.Adam(0.01), dtype=dtype)
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=20, verbose=False)
    report = model.export_onnx(tmp_path / "model.onnx")
    assert report.largest_difference is not None
    assert report.largest_difference < 1e-3
    file = tmp_path / "model.onnx"
    takes, gives = (np.float64 if dtype == "float64" or which in (own, "both") else np.float32 for own in ("x", "y"))
    (outputs,) = run(file, x.astype(takes), "outputs")
    assert outputs.dtype == gives
    expected = model.target_scaling.apply(model.predict(x))
    np.testing.assert_allclose(model.target_scaling.apply(outputs.astype(np.float64)), expected, atol=1e-4)
    assert ("Cast" in report.operators) == (dtype == "float32")


def test_a_scale_that_float32_has_not(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2)) * 1e-42
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
    model.preprocessing = gn.Standardize.from_data(x)
    model.fit(x, np.ones((40, 1)), verbose=False)
    model.export_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(run(tmp_path / "model.onnx", x, "outputs")[0], model.predict(x), rtol=1e-5)


def test_a_wrong_file_of_targets_with_a_large_mean_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is in units of the targets' deviation: beside 1.7e9 nothing else would be seen."""
    from glassnet.interop.onnx import proto

    y = 1.7e9 + np.random.default_rng(0).normal(0, 20, (40, 1))
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
    model.target_scaling = gn.Standardize.from_data(y)
    model.fit(y - 1.7e9, y, verbose=False)
    monkeypatch.setattr(proto, "is_long", lambda scaling: False)
    with pytest.raises(gn.ConfigurationError, match="standardised; nothing was written"):
        model.export_onnx(tmp_path / "model.onnx")


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    build, shape = CASES["PythonLayer"][0]
    with pytest.raises(gn.ConfigurationError, match=r"layer 1.*Affine"):
        export_onnx(model_of(build(), shape), tmp_path / "model.onnx")
    model = gn.Model(gn.Dense(2), "sum_squared_error", "sgd")
    with pytest.raises(gn.NotBuiltError):
        model.export_onnx(tmp_path / "model.onnx")
    with pytest.raises(gn.ConfigurationError, match="opset=9"):
        model_of(gn.Sequential(gn.Dense(2)), (3,)).export_onnx(tmp_path / "model.onnx", opset=9)
    with pytest.raises(gn.ConfigurationError, match="mkdir"):
        model_of(gn.Sequential(gn.Dense(2)), (3,)).export_onnx(tmp_path / "missing" / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def proto_of(nodes: list[Any], constants: dict[str, Any], shape: list[Any], outputs: str = "y") -> Any:
    helper, numpy_helper, float32 = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", float32, shape)],
        [helper.make_tensor_value_info(outputs, float32, [f"axis{i}" for i in range(len(shape))])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


RMS_FORMS = {
    "product and quotient": [
        ("Mul", ["x", "x"], "a"), ("ReduceMean", ["a", "axes"], "m"), ("Add", ["m", "epsilon"], "e"),
        ("Sqrt", ["e"], "r"), ("Div", ["x", "r"], "n"), ("Mul", ["n", "gamma"], "y"),
    ],
    "power and reciprocal": [
        ("Pow", ["x", "two"], "a"), ("ReduceMean", ["a", "axes"], "m"), ("Add", ["epsilon", "m"], "e"),
        ("Sqrt", ["e"], "s"), ("Reciprocal", ["s"], "r"), ("Mul", ["x", "r"], "n"), ("Mul", ["gamma", "n"], "y"),
    ],
    "negative power": [
        ("Mul", ["x", "x"], "a"), ("ReduceMean", ["a", "axes"], "m"), ("Add", ["m", "epsilon"], "e"),
        ("Pow", ["e", "half"], "r"), ("Mul", ["r", "x"], "n"), ("Mul", ["n", "gamma"], "y"),
    ],
    "one operator": [("RMSNormalization", ["x", "gamma"], "y")],
}  # fmt: skip
"""How other programs write a norm by the root mean square."""


@pytest.mark.parametrize("rows", [(9,), (4, 9)])
@pytest.mark.parametrize("form", RMS_FORMS)
def test_root_mean_square_norms_of_other_programs(form: str, rows: tuple[int, ...], tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "model.onnx"
    constants = {
        **{"gamma": rng.normal(size=9), "epsilon": 1e-3, "two": 2.0, "half": -0.5},
        **{"axes": np.array([-1])},
    }
    constants = {name: np.asarray(own, np.int64 if name == "axes" else np.float32) for name, own in constants.items()}
    extra = {"epsilon": 1e-3} if form == "one operator" else {}
    nodes = [onnx.helper.make_node(kind, inputs, [output], **extra) for kind, inputs, output in RMS_FORMS[form]]
    proto = proto_of(nodes, constants, ["N", *rows])
    proto.opset_import[0].version = 23
    onnx.save(proto, str(path))
    net = from_onnx(path)
    (norm,) = (layer for layer in net.layers if isinstance(layer, gn.RMSNorm))
    assert (norm.epsilon, kinds_of(net)) == (pytest.approx(1e-3, rel=1e-7), ["RMSNorm"])
    x = rng.normal(size=(3, *rows)).astype(np.float32)
    expected = constants["gamma"] * x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("broken", ["axes", "two"])
def test_what_is_no_root_mean_square_norm_is_refused(broken: str, tmp_path: Path) -> None:
    """Along another axis, or of another power."""
    constants = {"gamma": np.ones(9), "epsilon": 1e-3, "two": 4.0 if broken == "two" else 2.0}
    constants = {name: np.asarray(own, np.float32) for name, own in constants.items()}
    constants["axes"] = np.array([1 if broken == "axes" else -1])
    nodes = [onnx.helper.make_node(kind, own, [output]) for kind, own, output in RMS_FORMS["power and reciprocal"]]
    onnx.save(proto_of(nodes, constants, ["N", 4, 9]), str(tmp_path / "model.onnx"))
    with pytest.raises(gn.ConfigurationError, match="onnx: received"):
        from_onnx(tmp_path / "model.onnx")


def test_forms_of_other_programs(tmp_path: Path) -> None:
    node, rng = onnx.helper.make_node, np.random.default_rng(0)
    weights = {
        "w1": rng.normal(size=(4, 6)),
        "b1": rng.normal(size=6),
        "w2": rng.normal(size=(3, 6)),
        "b2": rng.normal(size=3),
    }
    constants = {name: value.astype(np.float32) for name, value in weights.items()}
    nodes = [
        node("MatMul", ["x", "w1"], ["a"]),
        node("Add", ["b1", "a"], ["b"]),
        node("Sigmoid", ["b"], ["gate"]),
        node("Mul", ["b", "gate"], ["c"]),
        node("Dropout", ["c"], ["d"]),
        node("Gemm", ["d", "w2", "b2"], ["e"], transB=1),
        node("Identity", ["e"], ["y"]),
    ]
    path = tmp_path / "model.onnx"
    onnx.save(proto_of(nodes, constants, ["N", 4]), str(path))
    net = from_onnx(path)
    assert [type(layer).__name__ for layer in net.layers] == ["Dense", "SiLU", "Dropout", "Dense"]
    rows = rng.normal(size=(7, 4)).astype(np.float32)
    expected = run(path, rows, "y")[0]
    found = net.forward(gn.NumpyRunner(), rows, training=False)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_lookups_of_other_programs(tmp_path: Path) -> None:
    """As PyTorch writes them, without a cast; other ways of gathering and casting are refused."""
    node, path = onnx.helper.make_node, tmp_path / "model.onnx"
    weight = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    chosen = np.array([2, 0])
    nodes = [
        node("Gather", ["x", "chosen"], ["a"], axis=1),
        node("Cast", ["a"], ["b"], to=onnx.TensorProto.INT64),
        node("Gather", ["weight", "b"], ["c"]),
        node("Flatten", ["c"], ["y"]),
    ]
    onnx.save(proto_of(nodes, {"weight": weight, "chosen": chosen}, ["N", 4]), str(path))
    net = from_onnx(path)
    assert repr(net) == "Sequential(Columns([2, 0]), Embedding(6, 3), Flatten())"
    rows = np.random.default_rng(1).integers(0, 6, (5, 4)).astype(np.float32)
    found = net.forward(gn.NumpyRunner(), rows, training=False)[0]
    np.testing.assert_array_equal(found, run(path, rows, "y")[0])
    for wrong, words in (
        ([node("Gather", ["x", "chosen"], ["y"], axis=0)], "axis=0, columns"),
        ([node("Gather", ["weight", "x"], ["y"], axis=1)], "axis=1 of a constant"),
        ([node("Cast", ["x"], ["a"], to=onnx.TensorProto.INT64), node("Relu", ["a"], ["y"])], "to=7"),
    ):
        onnx.save(proto_of(wrong, {"weight": weight, "chosen": chosen}, ["N", 4]), str(path))
        with pytest.raises(gn.ConfigurationError, match=words):
            from_onnx(path)


def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    node, path = onnx.helper.make_node, tmp_path / "model.onnx"
    nodes = [node("Erf", ["x"], ["a"]), node("CumSum", ["a", "w"], ["y"])]
    onnx.save(proto_of(nodes, {"w": np.array(1)}, [5, 1, 4]), str(path))
    with pytest.raises(gn.ConfigurationError, match="the operator CumSum, the operator Erf"):
        from_onnx(path)
    onnx.save(proto_of([node("Relu", ["x"], ["y"])], {}, ["N", "width"]), str(path))
    with pytest.raises(gn.ConfigurationError, match="fixed sizes"):
        from_onnx(path)
    onnx.save(
        proto_of([node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], ceil_mode=1)], {}, ["N", 1, 5, 5]), str(path)
    )
    with pytest.raises(gn.ConfigurationError, match="ceil_mode"):
        from_onnx(path)
    nodes = [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], pads=[0, 0, 1, 1])]
    onnx.save(proto_of(nodes, {}, ["N", 1, 5, 5]), str(path))
    with pytest.raises(gn.ConfigurationError, match="differ between the two sides"):
        from_onnx(path)
    path.write_bytes(b"not a model")
    with pytest.raises(gn.FileFormatError, match="ONNX refuses"):
        from_onnx(path)
    with pytest.raises(gn.MissingFileError):
        from_onnx(tmp_path / "missing.onnx")
    with pytest.raises(gn.MissingFileError, match="a folder"):
        from_onnx(tmp_path)


def test_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[onnx\]"):
        model_of(gn.Sequential(gn.Dense(2)), (3,)).export_onnx(tmp_path / "model.onnx")
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[onnx\]"):
        from_onnx(tmp_path / "model.onnx")


def test_names_that_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    model = gn.Model(gn.Dense(2), "cross_entropy", "sgd")
    model.fit(np.ones((4, 3)), np.arange(4) % 2, verbose=False)
    model.class_names = ("a\udc80", "b")
    with pytest.raises(gn.ConfigurationError, match="udc80.*half a character"):
        model.export_onnx(tmp_path / "m.onnx")
    for name in ("\udc80", "a\ud83d"):
        with pytest.raises(gn.ConfigurationError, match="a text"):
            gn.Dense(2, name=name)
    assert not list(tmp_path.iterdir())
