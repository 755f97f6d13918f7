"""What writes kernels as ONNX operators: each kernel of a prediction, whatever a layer shows it of its arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import parts
import pytest
from gradients import layer_cases
from interop.networks import attempt, model_of, models, rows_for

import glassnet as gn
from glassnet.compile.forward import record_forward
from glassnet.kernels import KERNELS, activation, combine, dense, dropout, embedding, kernel, merge

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from glassnet.interop.onnx.emitters import EMITTERS  # noqa: E402

NOT_WRITTEN = {"python_forward"}
"""Kernels of predictions that no file can hold: code of the user's own."""
NOT_IN_FLOAT64 = {
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Elu",
    "Erf",
    "HardSigmoid",
    "GRU",
    "LSTM",
    "LeakyRelu",
    "RNN",
    "Softplus",
}
"""Operators that onnxruntime has for float32 alone."""
Array = np.ndarray[Any, Any]


def kernels_of(net: gn.Network) -> set[str]:
    return {call.kernel.name for call in record_forward(net, 2, fused=False).calls}


def test_every_kernel_of_a_prediction_is_written() -> None:
    called: set[str] = set()
    for _, build, shape in layer_cases():
        net = build()
        net.build(shape)
        called |= kernels_of(net)
    several = gn.Graph(inputs={"a": 2, "b": 3}, nodes={"both": ("concatenate", "a", "b")}, outputs="both")
    several.build()
    called |= kernels_of(several)
    written = {function.__name__ for function in EMITTERS}
    assert called - written == NOT_WRITTEN
    assert written <= called  # none that no layer calls
    assert all(KERNELS[function.__name__].function is function for function in EMITTERS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_in_both_dtypes(dtype: str, tmp_path: Path) -> None:
    compared, limit = 0, {"float32": 1e-4, "float64": 1e-9}[dtype]
    for name, model in models(dtype):
        report, refusal = attempt(lambda model=model: model.export_onnx(tmp_path / "model.onnx"))  # type: ignore[misc]
        if report is None:
            of_activations = {layer.in_onnx for layer in gn.layers.ACTIVATIONS.values() if hasattr(layer, "in_onnx")}
            lacks = any(f" {operator}(" in refusal for operator in of_activations.union(NOT_IN_FLOAT64) - {""})
            assert dtype == "float64", (name, refusal)
            inside = name.startswith(("LayerNorm", "GroupNorm", "GELU", "LSTM", "GRU"))  # float32 in there
            assert lacks or inside, (name, refusal)
            continue
        compared += 1
        assert report.largest_difference is not None
        (found,) = run(tmp_path / "model.onnx", {"x": rows_for(model, 3)})
        expected = model.predict(rows_for(model, 3))
        np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * np.abs(expected).max(), err_msg=name)
    assert compared > 50


def run(path: Path, inputs: dict[str, Array], *outputs: str) -> list[Array]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(list(outputs or ["outputs"]), inputs)


def test_inputs_and_outputs_by_their_names(tmp_path: Path) -> None:
    def make() -> gn.Graph:
        return gn.Graph(
            inputs={"image": (1, 4, 4), "word": 2, "amount": 3},
            nodes={
                "seen": ([gn.Conv2D(2, 2), "relu", gn.Flatten(), gn.Dense(5)], "image"),
                "meant": ([gn.Embedding(7, 3), gn.Flatten(), gn.Dense(5)], "word"),
                "all": ("concatenate", "seen", "meant", "amount"),
                "far": ("squared_distance", "seen", "meant"),
                "apart": (gn.Dense(4), "all"),
            },
            outputs=["far", "apart"],
        )

    rng = np.random.default_rng(0)
    x = {
        "image": rng.normal(size=(6, 1, 4, 4)).astype(np.float32),
        "word": rng.integers(0, 7, (6, 2)).astype(np.float32),
        "amount": rng.normal(size=(6, 3)).astype(np.float32),
    }
    y = {"far": np.zeros((6, 1)), "apart": np.zeros((6, 4))}
    model = gn.Model(make(), {"far": "mean_squared_error", "apart": "mean_squared_error"}, "adam")
    model.fit(x, y, verbose=False)
    report = model.export_onnx(tmp_path / "model.onnx")
    assert report.inputs == ("image", "word", "amount")
    assert "inputs image, word, amount" in str(report)
    assert report.operators["Gather"] == 1  # the words' vectors: nothing is packed and taken apart again
    expected = model.predict(x)
    far, apart = run(tmp_path / "model.onnx", x, "far", "apart")
    np.testing.assert_allclose(far, expected["far"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(apart, expected["apart"], rtol=1e-4, atol=1e-5)


def test_several_inputs_standardised_together(tmp_path: Path) -> None:
    net = gn.Graph(
        inputs={"image": (1, 2, 2), "amount": 3},
        nodes={"flat": (gn.Flatten(), "image"), "y": ("concatenate", "flat", "amount"), "end": (gn.Dense(2), "y")},
        outputs="end",
    )
    rng = np.random.default_rng(0)
    x = {"image": rng.normal(5, 3, (8, 1, 2, 2)).astype("f4"), "amount": rng.normal(-2, 9, (8, 3)).astype("f4")}
    model = gn.Model(net, "mean_squared_error", "sgd")
    model.preprocessing = gn.Standardize.from_data(net.pack(x))
    model.fit(x, np.zeros((8, 2)), verbose=False)
    model.export_onnx(tmp_path / "model.onnx")
    (found,) = run(tmp_path / "model.onnx", x)
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-4, atol=1e-5)


def test_an_input_that_is_called_as_an_output_is_refused(tmp_path: Path) -> None:
    net = gn.Graph(inputs={"outputs": 2, "b": 2}, nodes={"y": ("add", "outputs", "b")}, outputs="y")
    net.build()
    with pytest.raises(gn.ConfigurationError, match="an input called 'outputs'"):
        gn.Model(net, "mean_squared_error", "sgd").export_onnx(tmp_path / "model.onnx")


def test_a_graph_between_other_layers(tmp_path: Path) -> None:
    inner = gn.Graph(
        inputs="x",
        nodes={"a": (gn.Conv2D(2, 3, padding="same"), "x"), "b": ("tanh", "x"), "y": (gn.Concatenate(), "a", "b")},
        outputs="y",
    )
    model = model_of(gn.Sequential(gn.Conv2D(2, 1), inner, gn.BatchNorm(), gn.GlobalMaxPool()), (1, 5, 6))
    report = model.export_onnx(tmp_path / "model.onnx")
    assert list(report.operators) == ["Conv", "Tanh", "Concat", "BatchNormalization", "ReduceMax", "Identity"]


def test_what_layers_share_stands_in_the_file_once(tmp_path: Path) -> None:
    code = gn.Dense(4)
    net = gn.Graph(
        inputs={"left": 3, "right": 3},
        nodes={"a": (code, "left"), "b": (code, "right"), "apart": ("absolute_difference", "a", "b")},
        outputs="apart",
    )
    net.build()
    model = gn.Model(net, "mean_squared_error", "sgd")
    model.export_onnx(tmp_path / "model.onnx")
    names = [tensor.name for tensor in onnx.load(str(tmp_path / "model.onnx")).graph.initializer]
    assert names == ["a.weight", "a.bias"]


class Own(gn.Layer):
    """Kernels called by a function of (run, layer, x), which returns y."""

    def __init__(self, call: Callable[..., Array], units: int) -> None:
        self.call, self.units = call, units

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        self.weight = self.add_parameter("weight", (6, self.units), "normal")
        return (self.units,)

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, None]:
        return self.call(run, self, x), None

    def backward(self, run: gn.Runner, dy: Array, cache: None) -> Array:
        raise NotImplementedError


def _slices(run: gn.Runner, layer: Own, x: Array) -> Array:
    """Views that are a part of each row, every other number, the numbers of a row turned, and rows of rows."""
    y, z, w = (run.empty((len(x), 3), x.dtype) for _ in range(3))
    run(layer, merge.multiply_forward, a=x[:, 1:4], b=x[:, ::2], y=y)
    turned = x.reshape(len(x), 2, 3).swapaxes(1, 2)
    run(layer, activation.tanh_forward, x=turned[:, :, 1], y=z)
    run(layer, combine.residual_forward, shortcut=y, branch=z, y=w)
    return w


def _turned(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty((len(x), 3, 2), x.dtype)
    run(layer, activation.relu_forward, x=x.reshape(len(x), 2, 3).swapaxes(1, 2), y=y)
    return y.reshape(len(x), 6)


def _rows_of_rows(run: gn.Runner, layer: Own, x: Array) -> Array:
    """A dense layer on the first two of every three numbers."""
    y, z = run.empty((len(x) * 2, 3), x.dtype), run.empty((len(x), 6), x.dtype)
    run(layer, dense.dense_forward, x=x.reshape(-1, 3)[:, :2], weight=layer.weight.value[:2, :3], bias=None, y=y)
    run(layer, activation.sigmoid_forward, x=y.reshape(len(x), 6), y=z)
    return z


def _constants(run: gn.Runner, layer: Own, x: Array) -> Array:
    """A weight that a kernel calculates from the parameter: known when the file is written."""
    weight, y = run.empty(layer.weight.shape, x.dtype), run.empty((len(x), layer.units), x.dtype)
    run(layer, activation.softplus_forward, x=layer.weight.value, y=weight)
    run(layer, dense.dense_forward, x=x, weight=weight, bias=None, y=y)
    return y


def _in_place(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, activation.tanh_forward, x=x, y=y)
    run(layer, combine.accumulate, dpart=x, dx=y)
    run(layer, combine.accumulate, dpart=x, dx=y)
    return y


@pytest.mark.parametrize(
    ("call", "units"), [(_slices, 3), (_turned, 6), (_rows_of_rows, 6), (_constants, 4), (_in_place, 6)]
)
def test_layers_of_ones_own_that_call_kernels(call: Callable[..., Array], units: int, tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Dense(6), Own(call, units), gn.Dense(2)), (3,))
    model.export_onnx(tmp_path / "model.onnx")
    rows = rows_for(model, 5)
    expected, _ = model.network.forward(gn.NumpyRunner(), rows, training=False)
    np.testing.assert_allclose(run(tmp_path / "model.onnx", {"x": rows})[0], expected, rtol=1e-4, atol=1e-5)


def test_own_layers_with_their_own_classes(tmp_path: Path) -> None:
    for layer in (parts.MyReLU(), parts.WeightNormed(5), parts.Tower(5)):
        report = model_of(gn.Sequential(gn.Dense(6), layer, gn.Dense(2)), (3,)).export_onnx(tmp_path / "model.onnx")
        assert report.largest_difference is not None


@kernel("y = x + 1", writes="y")
def plus_one(x: Array, y: Array) -> None:
    np.add(x, 1, out=y)


OWN_KERNEL = KERNELS.pop("plus_one")  # it is in the register for the tests below alone


@pytest.fixture(autouse=True)
def _own_kernel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KERNELS, "plus_one", OWN_KERNEL)


def _own_kernel(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, plus_one, x=x, y=y)
    return y


def _draws(run: gn.Runner, layer: Own, x: Array) -> Array:
    y, mask = run.empty(x.shape, x.dtype), run.empty(x.shape, bool)
    run(layer, dropout.dropout_forward, x=x, y=y, mask=mask, rate=0.5, **run.draw(layer))
    return y


def _changes_with_steps(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, activation.leaky_relu_forward, x=x, y=y, slope=run.per_step(lambda step: 0.1 * step, 1))
    return y


def _counts_rows(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, activation.leaky_relu_forward, x=x, y=y, slope=1 / len(x))
    return y


def _more_for_more_rows(run: gn.Runner, layer: Own, x: Array) -> Array:
    for _ in range(len(x)):
        y = run.empty(x.shape, x.dtype)
        run(layer, activation.tanh_forward, x=x, y=y)
        x = y
    return x


def _mixes_rows(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, activation.tanh_forward, x=x[::-1], y=y)
    return y


def _zeros_for_rows(run: gn.Runner, layer: Own, x: Array) -> Array:
    zeros, y = run.empty(x.shape, x.dtype), run.empty(x.shape, x.dtype)
    run(layer, embedding.zero_gradient, dx=zeros)
    run(layer, combine.residual_forward, shortcut=x, branch=zeros, y=y)
    return y


def _writes_parts(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, activation.tanh_forward, x=x[:, :3], y=y[:, :3])
    run(layer, activation.relu_forward, x=x[:, 3:], y=y[:, 3:])
    return y


def _reads_what_is_not_there(run: gn.Runner, layer: Own, x: Array) -> Array:
    y, z = run.empty(x.shape, x.dtype), run.empty(x.shape, x.dtype)
    run(layer, combine.concat_forward, part=x[:, :2], y=y, start=0)
    run(layer, combine.residual_forward, shortcut=x, branch=y, y=z)
    return z


def _broadcasts(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty(x.shape, x.dtype)
    run(layer, combine.residual_forward, shortcut=x, branch=x[:, :1], y=y)
    return y


def _calculated_weight(run: gn.Runner, layer: Own, x: Array) -> Array:
    y = run.empty((len(x), 6), x.dtype)
    run(layer, dense.dense_forward, x=x, weight=layer.weight.value, bias=x, y=y)
    return y


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (_own_kernel, "the kernel plus_one: y = x \\+ 1"),
        (_draws, "the kernel dropout_forward: y = x · mask"),
        (_changes_with_steps, "the kernel leaky_relu_forward: it draws at random, or depends on the training step"),
        (_counts_rows, "the kernel leaky_relu_forward: what is called depends on the number of rows"),
        (_more_for_more_rows, "the kernel tanh_forward: what is called depends on the number of rows"),
        (_mixes_rows, "the kernel tanh_forward: it mixes the numbers of different rows"),
        (_zeros_for_rows, "the kernel residual_forward: what is called depends on the number of rows"),
        (_writes_parts, "the kernel tanh_forward: it writes a part of an array"),
        (_reads_what_is_not_there, "the kernel residual_forward: it reads what is not written in full"),
        (_broadcasts, "the kernel residual_forward: it spreads numbers over others"),
        (_calculated_weight, "the kernel dense_forward: its bias is calculated from the inputs"),
    ],
)
def test_what_no_operator_does_is_named(call: Callable[..., Array], words: str, tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Dense(6), Own(call, 6)), (3,))
    with pytest.raises(gn.ConfigurationError, match=f"layer 1 .*{words}"):
        model.export_onnx(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("layer", [parts.Swish(), parts.AsArray(), parts.KeepsState(), parts.Square()])
def test_what_python_calculates_is_refused(layer: Any, tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Dense(6), layer, gn.Dense(2)), (3,))
    with pytest.raises(gn.ConfigurationError, match="what is written in Python cannot be put into a file"):
        model.export_onnx(tmp_path / "model.onnx")


def test_parameters_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Dense(2)), (3,))
    model.network.parameters[1] = np.nan
    with pytest.raises(gn.ConfigurationError, match=r"layer 0.*its weight holds what is no finite number"):
        model.export_onnx(tmp_path / "model.onnx")
