"""Parts of the user's own: the same by NumPy and compiled, trained, saved, loaded and gone on with; or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import parts
import pytest
from model_files import edited

import glassnet as gn
from glassnet.compile import native

Make = Callable[[], dict[str, Any]]

needs_native = pytest.mark.skipif(native() is None, reason="needs the compiled module")


def data(rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with a rule in them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    return x, np.column_stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])])


def with_layer(*layers: Any) -> Make:
    return lambda: {"network": gn.Sequential(gn.Dense(6), *(make() for make in layers), gn.Dense(2))}


def case(**settings: Any) -> Make:
    return lambda: {name: value() if callable(value) and name != "loss" else value for name, value in settings.items()}


CASES: dict[str, Make] = {
    # layers
    "Swish": with_layer(parts.Swish),
    "Affine": with_layer(parts.Affine),
    "WeightNormed": with_layer(lambda: parts.WeightNormed(5)),
    "MyReLU": with_layer(parts.MyReLU),
    "AsArray": with_layer(parts.AsArray),
    "Block": with_layer(lambda: parts.Block(5)),
    "Tower": with_layer(lambda: parts.Tower(5)),
    "KeepsState": with_layer(parts.KeepsState),
    "Square": with_layer(parts.Square),
    "MyDropout": with_layer(lambda: parts.MyDropout(0.4)),
    "RunningMean": with_layer(parts.RunningMean),
    "MyDrawingLayer": with_layer(parts.MyDrawingLayer),
    "several": with_layer(parts.Swish, parts.MyReLU, parts.Affine, lambda: parts.MyDropout(0.2), parts.AsArray),
    "in a residual": with_layer(lambda: gn.Residual(parts.Swish(), gn.Dense(6), parts.MyReLU())),
    "in a concat": with_layer(lambda: gn.Concat(parts.Swish(), [gn.Dense(2), parts.Affine()])),
    # losses
    "LogCosh": lambda: {"loss": parts.LogCosh(0.8)},
    "RowLoss": lambda: {"loss": parts.RowLoss()},
    "CalledLoss": lambda: {"loss": parts.CalledLoss()},
    "squares": lambda: {"loss": parts.squares},
    "squares_of_rows": lambda: {"loss": parts.squares_of_rows},
    # optimizers and their steps
    "MyMomentum": lambda: {"optimizer": parts.MyMomentum()},
    "MyAdam": lambda: {"optimizer": parts.MyAdam()},
    "StepOnly": lambda: {"optimizer": parts.StepOnly()},
    "LazyMemory": lambda: {"optimizer": parts.LazyMemory()},
    "a step in a chain": lambda: {"optimizer": gn.Chain(parts.Clip(), gn.L2(1e-3), gn.Adam(0.01))},
    "a rule in a chain": lambda: {"optimizer": gn.Chain(gn.L2(1e-3), parts.MyMomentum(0.02), gn.MaxNorm(2.0))},
    # schedules
    "falling": lambda: {"optimizer": gn.Adam(parts.falling)},
    "Steps": lambda: {"optimizer": gn.SGD(parts.Steps(0.05), momentum=0.9)},
    "own rule, own schedule": lambda: {"optimizer": parts.MyAdam(parts.falling)},
    # metrics and initializers
    "metrics": lambda: {"metrics": [parts.largest_error, parts.MeanError()]},
    "small": lambda: {"network": gn.Sequential(gn.Dense(6, weight_init=parts.small), "relu", gn.Dense(2))},
    # all at once
    "everything": lambda: {
        "network": gn.Sequential(
            gn.Dense(6), parts.Swish(), parts.MyDropout(0.1), gn.Dense(2, weight_init=parts.small)
        ),
        "loss": parts.LogCosh(),
        "optimizer": gn.Chain(parts.Clip(), parts.MyMomentum(parts.falling)),
        "metrics": [parts.largest_error],
    },
}  # fmt: skip
FUNCTIONS = [parts.squares, parts.squares_of_rows, parts.falling, parts.largest_error, parts.small]


def model_of(make: Make, engine: str, dtype: str = "float32") -> gn.Model:
    settings = {
        "network": gn.Sequential(gn.Dense(6), "tanh", gn.Dense(2)),
        "loss": "mean_squared_error",
        "optimizer": "adam",
        "metrics": [],
    } | make()
    return gn.Model(**settings, seed=3, engine=engine, dtype=dtype)


def numbers(model: gn.Model, history: gn.History) -> dict[str, np.ndarray]:
    x, y = data()
    found = {name: np.array(values) for name, values in history.metrics.items()}
    evaluation = model.evaluate(x, y)
    return found | {
        "parameters": model.network.parameters.copy(),
        "predictions": model.predict(x),
        "one row": model.predict(x[:1]),
        "evaluation": np.array(list(evaluation.values())),
        **{f"state {name}": np.array(array) for name, array in model.optimizer.state.items()},
    }


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray], dtype: str = "float64") -> None:
    assert one.keys() == other.keys()
    tolerance = {"float32": 2e-3, "float64": 1e-7}[dtype]
    for name, expected in one.items():
        size = np.abs(expected).max(initial=1e-6)
        np.testing.assert_allclose(other[name], expected, rtol=tolerance, atol=tolerance * size, err_msg=name)


@needs_native
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_engines_give_the_same(name: str, dtype: str) -> None:
    x, y = data()
    found = []
    for engine in ("numpy", "compiled"):
        model = model_of(CASES[name], engine, dtype)
        first = model.predict(np.zeros((2, 3))) if model.network.is_built else None  # before, too
        assert first is None
        history = model.fit(x, y, epochs=3, batch_size=16, validation_data=(x[:20], y[:20]), verbose=False)
        found.append(numbers(model, history))
    assert_equal(*found, dtype)
    if name not in ("MyDropout", "several"):
        assert found[0]["loss"][-1] < found[0]["loss"][0]


@needs_native
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("CalledLoss", "squares")])
def test_sample_weights_count_in_both_engines(name: str) -> None:
    x, y = data()
    weights = np.random.default_rng(1).uniform(0.2, 2, len(x))
    found = []
    for engine in ("numpy", "compiled"):
        model = model_of(CASES[name], engine, "float64")
        model.metrics = ()
        found.append(numbers(model, model.fit(x, y, epochs=2, sample_weight=weights, verbose=False)))
    assert_equal(*found)
    unweighted = model_of(CASES[name], "numpy", "float64")
    unweighted.metrics = ()
    unweighted.fit(x, y, epochs=2, verbose=False)
    assert not np.allclose(unweighted.network.parameters, found[0]["parameters"], rtol=1e-9, atol=0)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("loss", [parts.squares, parts.CalledLoss()], ids=["function", "class"])
def test_weights_that_could_not_act_are_refused(loss: Any, engine: str) -> None:
    x, y = data()
    model = model_of(lambda: {"loss": loss}, engine)
    with pytest.raises(gn.ConfigurationError, match="sample weights.*one number for the batch"):
        model.fit(x, y, sample_weight=np.linspace(0.1, 1, len(x)), verbose=False)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("name", [name for name in CASES if name != "LazyMemory"])
def test_saved_loaded_and_gone_on_with(name: str, engine: str, tmp_path: Path) -> None:
    """The file predicts the same; a training that goes on from it is the unbroken one, own dropout included."""
    x, y = data()
    whole, half = (model_of(CASES[name], engine, "float64") for _ in range(2))
    whole.fit(x, y, epochs=4, verbose=False)
    half.fit(x, y, epochs=2, verbose=False)
    half.save(tmp_path / "m.safetensors")
    loaded = gn.load(tmp_path / "m.safetensors", custom=FUNCTIONS)
    loaded.engine = engine
    np.testing.assert_array_equal(loaded.predict(x), half.predict(x))
    assert loaded.evaluate(x, y) == half.evaluate(x, y)
    loaded.fit(x, y, epochs=2, verbose=False)
    np.testing.assert_array_equal(loaded.network.parameters, whole.network.parameters)


@pytest.mark.parametrize("name", CASES)
def test_checked_and_traced(name: str) -> None:
    x, y = data(5)
    model = model_of(CASES[name], "auto", "float64")
    report = gn.check_gradients(model.network, x, y, loss=model.loss)
    assert report, str(report)
    shown = gn.trace(model, x, y)
    text = str(shown)
    for path, layer in model.network.walk():
        if type(layer).__module__ == "parts" and not list(layer.children()):
            assert any(call.path == path for call in shown.forward), path
            assert any(call.path == path for call in shown.backward), path
            assert repr(layer) in text
    assert shown.loss_forward
    assert any(call.path == "loss" for call in shown.backward)
    assert shown.update
    assert "<html" in shown.to_html()


@needs_native
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("metrics", "small", "falling", "Steps")])
def test_the_plan_says_what_runs_in_python_and_why(name: str) -> None:
    model = model_of(CASES[name], "compiled")
    x, y = data()
    model.fit(x, y, verbose=False)
    plan = model.plan()
    if name in ("MyReLU", "Tower"):
        assert not plan.in_python
        assert not plan.python_parts
        return
    assert plan.in_python
    assert plan.python_parts
    text = " ".join(str(plan).split())
    for line in plan.python_parts:
        assert f"In Python: {' '.join(line.split())}" in text
    assert len(plan.in_python) < len(plan.lines) - 5  # the rest stays compiled


@needs_native
def test_reasons_name_what_was_done() -> None:
    x, y = data()
    reasons = {}
    for name in ("Swish", "AsArray", "KeepsState", "LogCosh", "MyMomentum", "Square", "squares"):
        model = model_of(CASES[name], "compiled")
        model.fit(x, y, verbose=False)
        (reasons[name],) = model.plan().python_parts
    assert reasons["Swish"].startswith("layer 1 (Swish()) calls numpy.")
    assert reasons["AsArray"].startswith("layer 1 (AsArray()) ")
    assert "keeps arrays on itself" in reasons["KeepsState"]
    assert reasons["LogCosh"].startswith("loss LogCosh(0.8) calls numpy.")
    assert reasons["MyMomentum"].startswith("optimizer MyMomentum() ")
    assert reasons["Square"] == "layer 1 (Square()) is written in plain NumPy"
    assert reasons["squares"] == "loss FunctionLoss(squares) is written in plain NumPy"


def test_labels_are_what_a_users_loss_may_take() -> None:
    def softmax_loss(outputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(p))
        losses = -np.log(p[rows, targets])
        p[rows, targets] -= 1
        return losses, p

    x = np.random.default_rng(0).normal(size=(60, 3))
    y = (x[:, 0] > 0) + (x[:, 1] > 0).astype(int)
    for engine in ("numpy", "auto"):
        own, ours = (
            gn.Model(gn.Sequential(gn.Dense(5), "relu", gn.Dense(3)), loss, "adam", dtype="float64", engine=engine)
            for loss in (softmax_loss, "cross_entropy")
        )
        histories = [model.fit(x, y, epochs=3, verbose=False)["loss"] for model in (own, ours)]
        np.testing.assert_allclose(*histories, rtol=1e-9)
        np.testing.assert_allclose(own.network.parameters, ours.network.parameters, rtol=1e-7, atol=1e-9)
    with pytest.raises(gn.DataError, match="0 to 2"):
        own.fit(x, y + 1, verbose=False)
    with pytest.raises(gn.ShapeError, match=r"reshape\(-1, 1\)"):
        gn.Model(gn.Dense(1), parts.squares, "sgd").fit(x, y.astype(float), verbose=False)


def test_a_file_names_classes_and_functions_and_holds_no_code(tmp_path: Path) -> None:
    from safetensors import safe_open

    x, y = data()
    model = model_of(CASES["everything"], "auto")
    model.fit(x, y, verbose=False)
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(gn.FileFormatError, match=r"function '\w+'.*custom=\[your_function\]"):
        gn.load(path)
    with pytest.raises(gn.ConfigurationError, match="custom"):
        gn.load(path, custom=[parts.LogCosh()])
    with safe_open(str(path), "numpy") as file:
        description = json.loads(file.metadata()["glassnet"])
    assert description["metrics"][0]["settings"] == {"function": {"function": "largest_error"}}
    assert description["loss"]["module"] == "parts"


def test_a_class_that_no_imported_module_has_must_be_passed(tmp_path: Path) -> None:
    class Local(parts.Swish):
        pass

    x, y = data()
    model = model_of(lambda: {"network": gn.Sequential(gn.Dense(4), Local(), gn.Dense(2))}, "auto")
    model.fit(x, y, verbose=False)
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(gn.FileFormatError, match=r"class 'Local'.*custom=\[YourLayer\]"):
        gn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(gn.load(tmp_path / "m.safetensors", custom=[Local]).predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("antigravity", "Swish"), ("parts", "np"),
     ("parts", "squares"), ("glassnet.layers", "Dense"), ("parts", "__class__"), (7, "Swish"), ("parts", None)],
)  # fmt: skip
def test_files_reach_no_other_names(module: Any, name: Any, tmp_path: Path) -> None:
    import sys

    x, y = data()
    model = model_of(CASES["Swish"], "auto")
    model.fit(x, y, verbose=False)
    model.save(tmp_path / "m.safetensors")

    def rename(description: dict[str, Any]) -> None:
        entry = description["network"]["settings"]["layers"][1]
        assert entry["class"] == "Swish"
        entry["class"], entry["module"] = name, module

    edited(tmp_path / "m.safetensors", rename, tmp_path / "n.safetensors")
    before = set(sys.modules)
    with pytest.raises(gn.FileFormatError):
        gn.load(tmp_path / "n.safetensors")
    assert set(sys.modules) == before


def test_own_layers_are_refused_by_exports(tmp_path: Path) -> None:
    from glassnet.interop import export_c

    class Doubled(gn.Dense):
        """A forward pass of its own, in a class that an exporter would take for Dense."""

        def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, Any]:
            y, cache = super().forward(run, x, training=training)
            return 2 * y, cache

    x, y = data()
    for layer in (Doubled(4), parts.Swish(), parts.Square()):
        model = model_of(lambda layer=layer: {"network": gn.Sequential(gn.Dense(4), layer, gn.Dense(2))}, "auto")
        model.fit(x, y, verbose=False)
        with pytest.raises(gn.ConfigurationError, match="layer 1"):
            export_c(model, tmp_path / "m.c")
        pytest.importorskip("onnx")
        with pytest.raises(gn.ConfigurationError, match="layer 1"):
            model.export_onnx(tmp_path / "m.onnx")


def test_watches_see_own_layers_in_both_engines() -> None:
    x, y = data()
    seen = []
    for engine in ("numpy", "auto"):
        model = model_of(CASES["Swish"], engine, "float64")
        watch = gn.Watch(every=1)
        model.fit(x, y, epochs=2, callbacks=[watch], verbose=False)
        seen.append(watch.records)
    assert watch.layers["1"] == "Swish"
    for one, other in zip(*seen, strict=True):
        assert list(one.activations) == list(other.activations) == ["0", "1", "2"]
        assert list(one.deltas) == list(other.deltas)
        assert one.activations["1"].rms == pytest.approx(other.activations["1"].rms, rel=1e-9)
