"""Graphs: names and order, several inputs and outputs, merges, losses with weights; both engines, files, doors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

Array = np.ndarray
GOLDEN = json.loads((Path(__file__).parent / "golden_graphs.json").read_text())
"""From torch 2.13 in float64, with the weights and data that ``draw`` gives: losses, gradients, 3 steps of SGD(0.1)."""
ENGINES = ("numpy", "compiled")


def draw(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    random = np.random.RandomState(seed)
    return [np.round(random.uniform(-1, 1, shape), 3) for shape in shapes]


def dense(weight: Array, bias: Array) -> gn.Dense:
    return gn.Dense(len(bias), weight_init=weight, bias_init=bias)


def golden_towers() -> tuple[gn.Graph, Any, Any, Any]:
    uw1, ub1, uw2, ub2, iw, ib = draw(1, (3, 4), (4,), (4, 2), (2,), (5, 2), (2,))
    user, item, score = draw(2, (6, 3), (6, 5), (6, 1))
    net = gn.Graph(
        inputs={"user": 3, "item": 5},
        nodes={
            "score": ("dot", "user_code", "item_code"),
            "user_code": ([dense(uw1, ub1), "tanh", dense(uw2, ub2)], "user"),
            "item_code": (dense(iw, ib), "item"),
        },
        outputs="score",
    )
    return net, {"user": user, "item": item}, score, "mean_squared_error"


def golden_heads() -> tuple[gn.Graph, Any, Any, Any]:
    cw, cb, dw, db, pw, pb = draw(3, (5, 4), (4,), (4, 3), (3,), (4, 5), (5,))
    (x,) = draw(4, (7, 5))
    net = gn.Graph(
        inputs="x",
        nodes={
            "code": ([dense(cw, cb), "tanh"], "x"),
            "digit": (dense(dw, db), "code"),
            "copy": (dense(pw, pb), "code"),
        },
        outputs=["digit", "copy"],
    )
    targets = {"digit": np.array([0, 2, 1, 1, 0, 2, 2]), "copy": x}
    return net, x, targets, {"digit": "cross_entropy", "copy": ("mean_squared_error", 0.3)}


CASES = {"two_towers": golden_towers, "two_heads": golden_heads}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_losses_gradients_and_updates_are_those_of_torch(case: str, dtype: Any, engine: str) -> None:
    net, x, y, loss = CASES[case]()
    golden, tolerance = GOLDEN[case], 1e-12 if dtype == "float64" else 2e-6
    model = gn.Model(net, loss, gn.SGD(0.1), dtype=dtype, engine=engine)
    history = model.fit(x, y, epochs=3, batch_size=None, shuffle=False, verbose=False)
    np.testing.assert_allclose(history["loss"], golden["losses"], rtol=tolerance)
    found = np.concatenate([array.ravel() for _, array in net.named_parameters()])
    np.testing.assert_allclose(found, np.concatenate(golden["parameters"]), rtol=tolerance, atol=tolerance)

    net = CASES[case]()[0]
    model = gn.Model(net, loss, gn.SGD(0.1), dtype="float64")
    rows = model.rows(x, y)
    run = gn.NumpyRunner()
    outputs, cache = net.forward(run, rows.x, training=True)
    _, d_outputs = model.loss(outputs, y)
    net.backward(run, d_outputs, cache)
    np.testing.assert_allclose(net.gradients, np.concatenate(golden["gradients"]), rtol=1e-12, atol=1e-14)


def towers(**changes: Any) -> gn.Graph:
    nodes = {
        "user_code": ([gn.Dense(6), "relu", gn.Dense(4)], "user"),
        "item_code": (gn.Dense(4), "item"),
        "score": ("dot", "user_code", "item_code"),
    }
    return gn.Graph(**({"inputs": {"user": 3, "item": 5}, "nodes": nodes, "outputs": "score"} | changes))


def heads() -> gn.Graph:
    nodes = {
        "digit": (gn.Dense(3), "code"),
        "copy": ([gn.Dense(4), gn.Reshape((1, 2, 2))], "code"),
        "code": ([gn.Dense(6), "tanh"], "image"),
    }
    return gn.Graph(
        inputs={"image": (1, 2, 2)},
        nodes=nodes | {"code": ([gn.Flatten(), gn.Dense(6), "tanh"], "image")},
        outputs=["digit", "copy"],
    )


LOSSES = {"digit": "cross_entropy", "copy": ("mean_squared_error", 0.3)}
RNG = np.random.default_rng(0)
PAIRS = {"user": RNG.normal(size=(30, 3)), "item": RNG.normal(size=(30, 5))}
SCORES = RNG.normal(size=(30, 1))
IMAGES = RNG.normal(size=(30, 1, 2, 2))
ANSWERS = {"digit": RNG.integers(0, 3, 30), "copy": IMAGES}


@pytest.mark.parametrize(
    "merge", ["add", "subtract", "multiply", "concatenate", "absolute_difference", "dot", "squared_distance"]
)
def test_gradients_of_merges_of_inputs(merge: str) -> None:
    net = gn.Graph(
        inputs={"a": 3, "image": (1, 1, 3)},
        nodes={"b": (gn.Flatten(), "image"), "joint": (merge, "a", "b"), "end": (gn.Dense(2), "joint")},
        outputs="end",
    )
    x = {"a": RNG.normal(size=(5, 3)), "image": RNG.normal(size=(5, 1, 1, 3))}
    assert gn.check_gradients(net, x).passed


def test_merges_by_hand() -> None:
    a, b = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[5.0, 1.0], [3.0, -1.0]])
    expected = {
        "add": a + b,
        "subtract": a - b,
        "multiply": a * b,
        "concatenate": np.hstack([a, b]),
        "absolute_difference": np.abs(a - b),
        "dot": [[3.0], [5.0]],
        "squared_distance": [[25.0], [25.0]],
    }
    for merge, y in expected.items():
        net = gn.Graph(inputs={"a": 2, "b": 2}, nodes={"y": (merge, "a", "b")}, outputs="y")
        net.build(dtype="float64")
        np.testing.assert_array_equal(net.forward(gn.NumpyRunner(), net.pack((a, b)), training=False)[0], y)
        np.testing.assert_array_equal(net({"a": a, "b": b}), y)
        np.testing.assert_array_equal(net((a, b)), y)


def test_gradients_of_weighted_losses() -> None:
    losses = {
        "digit": [gn.losses.CrossEntropy(class_weight=[1.0, 4.0, 2.0]), ("hinge", 0.5)],
        "copy": (lambda o, t: (((o - t) ** 4).sum(axis=(1, 2, 3)), 4 * (o - t) ** 3), 0.3),
    }
    weights = RNG.uniform(0.5, 2, 30)
    assert gn.check_gradients(heads(), IMAGES, ANSWERS, losses, sample_weight=weights).passed


def test_the_order_of_writing_does_not_matter() -> None:
    nodes = towers().nodes
    turned = towers(nodes=dict(reversed(nodes.items())))
    assert [name for name, _ in turned.children()][-1] == "score"
    turned.build(seed=1)
    turned.forward(gn.NumpyRunner(), turned.pack(PAIRS), training=False)


NODES = {"code": (gn.Dense(2), "x")}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown source": ({"nodes": {"code": (gn.Dense(2), "y")}}, "'y'.*node 'code'"),
    "close name": ({"inputs": {"image": 2}, "nodes": {"code": (gn.Dense(2), "imag")}}, "did you mean 'image'"),
    "unknown output": ({"outputs": "cod"}, "did you mean 'code'"),
    "input as output": ({"outputs": ["code", "x"]}, "input 'x'"),
    "output twice": ({"outputs": ["code", "code"]}, "twice"),
    "no output": ({"outputs": []}, "outputs="),
    "circle": (
        {"nodes": {"a": ("add", "x", "b"), "b": (gn.Dense(2), "c"), "c": (gn.Dense(2), "b"), "d": (gn.Dense(2), "a")},
         "outputs": "d"},
        "circle: 'b' takes 'c' takes 'b'",
    ),
    "itself": ({"nodes": {"code": ("add", "x", "code")}}, "circle: 'code' takes 'code'"),
    "unused node": ({"nodes": {**NODES, "other": (gn.Dense(1), "x")}}, "node 'other'"),
    "unused input": ({"inputs": {"x": 2, "z": 3}}, "input 'z'"),
    "clash": ({"nodes": {**NODES, "x": (gn.Dense(2), "code")}}, "'x' as an input and as a node"),
    "dot": ({"nodes": {"co.de": (gn.Dense(2), "x")}, "outputs": "co.de"}, "co.de"),
    "slash": ({"nodes": {"optimizer/m": (gn.Dense(2), "x")}, "outputs": "optimizer/m"}, "optimizer/m"),
    "no name": ({"nodes": {"": (gn.Dense(2), "x")}, "outputs": ""}, "name ''"),
    "number": ({"inputs": {1: 2}}, "name 1"),
    "no source": ({"nodes": {"code": (gn.Dense(2),)}}, "node 'code'"),
    "layer alone": ({"nodes": {"code": gn.Dense(2)}}, "node 'code'"),
    "two for a layer": ({"nodes": {"code": (gn.Dense(2), "x", "x")}}, "one name for Dense"),
    "one for a merge": ({"nodes": {"code": ("dot", "x")}}, "two names for Dot"),
    "three for a dot": ({"nodes": {"code": ("dot", "x", "x", "x")}}, "two names for Dot"),
    "open inputs": ({"inputs": {"x": None, "z": 3}}, "'x' without a shape"),
    "no inputs": ({"inputs": {}}, "inputs="),
    "no nodes": ({"nodes": {}}, "nodes="),
    "unknown layer": ({"nodes": {"code": ("ad", "x", "x")}}, "'ad'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_graphs_are_refused(case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(gn.ConfigurationError, match=message):
        gn.Graph(**({"inputs": {"x": 2}, "nodes": NODES, "outputs": "code"} | changes))


def test_merges_of_the_users_own_are_refused() -> None:
    class Maximum(gn.Add):
        def join(self, run: Any, parts: Any) -> Any:
            return np.maximum(*parts), None

        def forward(self, run: Any, x: Any, *, training: bool) -> Any:
            raise NotImplementedError

    with pytest.raises(gn.ConfigurationError, match="merge of your own"):
        gn.Graph(inputs={"a": 2, "b": 2}, nodes={"y": (Maximum(), "a", "b")}, outputs="y")


def test_shapes_that_do_not_meet_are_refused_by_name() -> None:
    for merge in ("add", "dot", "multiply", "subtract", "squared_distance", "absolute_difference"):
        net = gn.Graph(inputs={"a": 2, "b": 3}, nodes={"y": (merge, "a", "b")}, outputs="y")
        with pytest.raises(gn.ShapeError, match=r"layer y .*\(N, 2\), \(N, 3\)"):
            net.build()
    net = gn.Graph(inputs={"a": (2, 3), "b": (2, 3)}, nodes={"y": ("dot", "a", "b")}, outputs="y")
    with pytest.raises(gn.ShapeError, match="Flatten"):
        net.build()
    with pytest.raises(gn.ConfigurationError, match="node of a gn.Graph"):
        gn.Sequential(gn.Add()).build((3,))
    with pytest.raises(gn.ConfigurationError, match="one input and one output"):
        gn.Sequential(gn.Dense(8), towers()).build((4,))


def test_a_graph_with_one_input_and_output_stands_in_other_networks() -> None:
    inner = gn.Graph(inputs="x", nodes={"a": (gn.Dense(3), "x"), "sum": ("add", "a", "x")}, outputs="sum")
    net = gn.Sequential(gn.Dense(3), inner, gn.Residual(gn.Dense(3)))
    net.build((2,))
    assert "1.a.weight" in dict(net.named_parameters())
    assert gn.check_gradients(net, RNG.normal(size=(4, 2))).passed


BAD_INPUTS: dict[str, tuple[Any, str]] = {
    "missing": ({"user": PAIRS["user"]}, "missing 'item'"),
    "unknown": (PAIRS | {"time": SCORES}, "unknown 'time'"),
    "one of a tuple": ((PAIRS["user"],), "1 arrays"),
    "rows": ({"user": PAIRS["user"], "item": PAIRS["item"][:9]}, r"\['item'\].*9 rows"),
    "shape": ({"user": PAIRS["user"], "item": PAIRS["user"]}, r"\['item'\].*\(30, 3\)"),
    "nan": ({"user": PAIRS["user"] * np.nan, "item": PAIRS["item"]}, r"\['user'\].*nan at row 0"),
    "text": ({"user": [["a"] * 3] * 30, "item": PAIRS["item"]}, r"\['user'\]"),
    "packed": (PAIRS["user"], r"\(\w+, 3\).*\(N, 8\)"),
}


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("case", BAD_INPUTS)
def test_inputs_that_do_not_fit_are_refused_by_name(case: str, built: bool) -> None:
    x, message = BAD_INPUTS[case]
    model = gn.Model(towers(), "mean_squared_error", "sgd")
    if built:
        model.fit(PAIRS, SCORES, verbose=False)
    before = model.network.parameters.copy() if built else None
    calls: list[Callable[[], Any]] = [lambda: model.fit(x, SCORES, verbose=False)]
    calls += [lambda: model.predict(x), lambda: model.evaluate(x, SCORES), lambda: gn.trace(model, x, SCORES)]
    for call in calls if built else calls[:1]:
        with pytest.raises((gn.DataError, gn.ShapeError), match=message):
            call()
    assert before is None or np.array_equal(model.network.parameters, before)


BAD_TARGETS: dict[str, tuple[Any, str]] = {
    "missing": ({"digit": ANSWERS["digit"]}, "'copy'"),
    "unknown": (ANSWERS | {"word": SCORES}, "'word'"),
    "array": (SCORES, "dict of arrays by name"),
    "labels": (ANSWERS | {"digit": ANSWERS["digit"] + 1}, r"\['digit'\].*labels from 1 to 3"),
    "shape": (ANSWERS | {"copy": SCORES}, r"\['copy'\].*\(30, 1\)"),
    "rows": (ANSWERS | {"copy": IMAGES[:7]}, r"\['copy'\].*7 rows"),
    "nan": (ANSWERS | {"copy": IMAGES * np.inf}, r"\['copy'\]"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_targets_that_do_not_fit_are_refused_by_name(case: str) -> None:
    y, message = BAD_TARGETS[case]
    with pytest.raises((gn.DataError, gn.ShapeError), match=message):
        gn.Model(heads(), LOSSES, "sgd").fit(IMAGES, y, verbose=False)


def test_losses_and_metrics_that_do_not_fit_are_refused() -> None:
    for loss, message in (
        ("mean_squared_error", "a loss for each output"),
        ({"digit": "cross_entropy"}, "none for 'copy'"),
        (LOSSES | {"word": "hinge"}, "'word' is no output"),
        (LOSSES | {"copy": "sum_squared_error"}, "a mean over rows"),
        (LOSSES | {"copy": ("mean_squared_error", -1)}, "weight"),
        (LOSSES | {"copy": "mean_sqared_error"}, "did you mean"),
        (LOSSES | {"copy": []}, "no loss"),
        ({}, "a loss for each output"),
    ):
        with pytest.raises(gn.ConfigurationError, match=message):
            gn.Model(heads(), loss, "sgd")
    with pytest.raises(gn.ConfigurationError, match="no name"):
        gn.Model(gn.Dense(3), {"digit": "cross_entropy"}, "sgd")
    for metrics, message in ((["accuracy"], "metrics by output"), ({"word": ["accuracy"]}, "'word'")):
        with pytest.raises(gn.ConfigurationError, match=message):
            gn.Model(heads(), LOSSES, "sgd", metrics)
    ends = gn.Graph(inputs="x", nodes={"digit": ([gn.Dense(3), gn.Softmax()], "x")}, outputs="digit")
    with pytest.raises(gn.ConfigurationError, match="takes logits"):
        gn.Model(ends, {"digit": "cross_entropy"}, "sgd")


@pytest.mark.parametrize("engine", ENGINES)
def test_fit_with_validation_and_weights(engine: str) -> None:
    metrics = {"digit": ["accuracy", "loss"], "copy": ["mean_squared_error", "loss"]}
    weights = RNG.uniform(0.5, 2, 30)
    for given in ({"validation_split": 0.2}, {"validation_data": (IMAGES, ANSWERS, weights)}):
        model = gn.Model(heads(), LOSSES, gn.Adam(0.01), metrics, engine=engine)
        history = model.fit(IMAGES, ANSWERS, epochs=4, batch_size=8, sample_weight=weights, verbose=False, **given)
        assert history["loss"][-1] < history["loss"][0]
        assert {"digit_accuracy", "val_copy_mean_squared_error", "val_digit_loss"} <= set(history.metrics)
        measured = model.evaluate(IMAGES, ANSWERS, weights)
        assert measured["loss"] == pytest.approx(measured["digit_loss"] + measured["copy_loss"], rel=1e-6)
        outputs = model.predict(IMAGES)
        assert measured["digit_accuracy"] == pytest.approx(
            np.average(outputs["digit"].argmax(axis=1) == ANSWERS["digit"], weights=weights)
        )
        error = ((outputs["copy"].astype(float) - IMAGES) ** 2).mean(axis=(1, 2, 3))
        assert measured["copy_mean_squared_error"] == pytest.approx(np.average(error, weights=weights))
    same = gn.Model(heads(), LOSSES, gn.Adam(0.01), engine=engine)
    same.fit(IMAGES, tuple(ANSWERS.values()), epochs=4, batch_size=8, sample_weight=weights, verbose=False)
    np.testing.assert_array_equal(same.network.parameters, model.network.parameters)


def test_both_engines_agree_with_own_losses() -> None:
    class LogCosh(gn.NumpyLoss):
        def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
            error = outputs - targets
            return float(np.log(np.cosh(error)).sum() / len(error)), np.tanh(error) / len(error)

    found = []
    for engine in ENGINES:
        model = gn.Model(
            heads(), {"digit": "cross_entropy", "copy": (LogCosh(), 0.3)}, gn.SGD(0.1), engine=engine, dtype="float64"
        )
        history = model.fit(IMAGES, ANSWERS, epochs=3, verbose=False, batch_size=8)
        found.append((history["loss"], model.network.parameters.copy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-11, atol=1e-13)
    assert gn.check_gradients(heads(), IMAGES, ANSWERS, {"digit": "hinge", "copy": (LogCosh(), 0.3)}).passed


def test_saved_models_predict_and_train_on_alike(tmp_path: Path) -> None:
    for make, x, y, loss, metrics in (
        (towers, PAIRS, SCORES, "mean_squared_error", ["r2"]),
        (towers, PAIRS, SCORES, {"score": [("huber", 2), "mean_absolute_error"]}, ["r2"]),
        (heads, IMAGES, ANSWERS, LOSSES, {"digit": ["accuracy", "loss"]}),
    ):
        model = gn.Model(make(), loss, gn.Adam(0.01), metrics)
        model.fit(x, y, epochs=2, verbose=False)
        model.save(tmp_path / "model.safetensors")
        loaded = gn.load(tmp_path / "model.safetensors")
        assert repr(loaded) == repr(model)
        assert loaded.evaluate(x, y) == model.evaluate(x, y)
        for one in (model, loaded):
            one.fit(x, y, epochs=1, verbose=False)
        np.testing.assert_array_equal(loaded.network.parameters, model.network.parameters)
        one, other = model.predict(x), loaded.predict(x)
        for name in one if isinstance(one, dict) else [...]:
            np.testing.assert_array_equal(one[name], other[name])


def test_predictions_by_output() -> None:
    model = gn.Model(heads(), LOSSES, "sgd")
    model.fit(IMAGES, ANSWERS, verbose=False)
    outputs = model.predict(IMAGES)
    assert {name: array.shape for name, array in outputs.items()} == {"digit": (30, 3), "copy": (30, 1, 2, 2)}
    np.testing.assert_allclose(model.predict_proba(IMAGES)["digit"].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.predict_classes(IMAGES)["digit"], outputs["digit"].argmax(axis=1))
    assert list(model.predict_mean(IMAGES)) == ["copy"]
    with pytest.raises(gn.ConfigurationError):
        gn.Model(towers(), "mean_squared_error", "sgd").predict_classes(PAIRS)


def test_predictions_of_all_forms_of_inputs() -> None:
    model = gn.Model(towers(), "mean_squared_error", "sgd")
    model.fit(tuple(PAIRS.values()), SCORES, verbose=False)
    packed = np.hstack([PAIRS["user"], PAIRS["item"]])
    expected = model.predict(packed)
    turned = {"item": PAIRS["item"].astype(np.float32), "user": PAIRS["user"].tolist()}
    for x in (PAIRS, list(PAIRS.values()), tuple(PAIRS.values()), turned):
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_embedding_looks_up_an_input(engine: str) -> None:
    net = gn.Graph(
        inputs={"user": 1, "amount": 3},
        nodes={
            "user_code": ([gn.Embedding(7, 4), gn.Flatten()], "user"),
            "code": (gn.Dense(4), "amount"),
            "score": ("dot", "user_code", "code"),
        },
        outputs="score",
    )
    x = {"user": RNG.integers(0, 7, (30, 1)), "amount": RNG.normal(size=(30, 3))}
    assert gn.check_gradients(net, x).passed
    model = gn.Model(net, "mean_squared_error", gn.SGD(0.1), engine=engine)
    model.fit(x, SCORES, epochs=2, verbose=False)
    with pytest.raises(gn.DataError, match="7"):
        model.predict(x | {"user": np.full((30, 1), 7)})
    behind = {"code": (gn.Dense(1), "x"), "word": (gn.Embedding(3, 2), "code")}
    with pytest.raises(gn.ConfigurationError, match="layers before it calculate"):
        gn.Graph(inputs={"x": 1}, nodes=behind, outputs="word").build()


def test_the_step_is_shown() -> None:
    model = gn.Model(towers(), "mean_squared_error", "sgd")
    model.fit(PAIRS, SCORES, verbose=False)
    trace = gn.trace(model, {name: array[:2] for name, array in PAIRS.items()}, SCORES[:2])
    assert [call.kernel for call in trace.forward][:2] == ["unpack_forward", "unpack_forward"]
    assert "y_n = Σ_d a_nd b_nd" in str(trace)
    assert "row_dot_forward" in trace.to_html()
    assert "row_dot_backward" in str(model.plan(4))
    assert "score" in str(model.summary())


def test_doors_that_know_no_graphs_refuse_them(tmp_path: Path) -> None:
    pairs, images = gn.Model(towers(), "mean_squared_error", "sgd"), gn.Model(heads(), LOSSES, "sgd")
    pairs.fit(PAIRS, SCORES, verbose=False)
    images.fit(IMAGES, ANSWERS, verbose=False)
    for model in (pairs, images):
        with pytest.raises(gn.ConfigurationError, match="Graph"):
            gn.interop.export_c(model, tmp_path / "model.c")
        with pytest.raises(gn.ConfigurationError, match="Graph"):
            gn.plots.network_diagram(model.network)
    calls: list[Callable[[], Any]] = [
        lambda: gn.diagnose(images, IMAGES, ANSWERS),
        lambda: gn.learning_rate_range(images, IMAGES, ANSWERS),
        lambda: gn.permutation_importance(images, IMAGES, ANSWERS),
        lambda: gn.report(images, IMAGES, ANSWERS, path=tmp_path / "report.html"),
    ]
    for call in calls:
        with pytest.raises(gn.ConfigurationError, match="one output"):
            call()
    gn.diagnose(pairs, PAIRS, SCORES)
    assert len(gn.permutation_importance(pairs, PAIRS, SCORES)) == 8


def siamese() -> gn.Graph:
    tower = gn.Sequential(gn.Dense(6), "tanh", gn.Dense(4))
    nodes = {"a": (tower, "left"), "b": (tower, "right"), "apart": ("absolute_difference", "a", "b")}
    return gn.Graph(inputs={"left": 3, "right": 3}, nodes=nodes | {"same": (gn.Dense(1), "apart")}, outputs="same")


def test_a_tower_at_two_nodes_has_one_set_of_weights(tmp_path: Path) -> None:
    x, y = {"left": PAIRS["user"], "right": RNG.normal(size=(30, 3))}, RNG.integers(0, 2, (30, 1))
    assert gn.check_gradients(siamese(), x, y, "binary_cross_entropy").passed
    models = [gn.Model(siamese(), "binary_cross_entropy", gn.SGD(0.1), dtype="float64", engine=e) for e in ENGINES]
    for model in models:
        model.fit(x, y, epochs=3, verbose=False)
        assert model.network.parameters.size == 3 * 6 + 6 + 6 * 4 + 4 + 4 + 1
    np.testing.assert_allclose(*(model.network.parameters for model in models), rtol=1e-12, atol=1e-14)
    models[1].save(tmp_path / "model.safetensors")
    loaded = gn.load(tmp_path / "model.safetensors")
    for model in (models[1], loaded):
        model.fit(x, y, epochs=1, verbose=False)
    np.testing.assert_array_equal(loaded.predict(x), models[1].predict(x))
    turned = {"left": x["right"], "right": x["left"]}
    np.testing.assert_array_equal(loaded.predict(turned), loaded.predict(x))


def test_layers_taken_into_a_second_graph_leave_the_first_as_it_is() -> None:
    first = towers()
    first.build(seed=1)
    before = first.parameters.copy()
    code = first.nodes["user_code"][0]
    second = gn.Graph(inputs={"user": 3}, nodes={"code": (code, "user"), "end": (gn.Dense(2), "code")}, outputs="end")
    gn.Model(second, "mean_squared_error", gn.SGD(0.0)).fit(PAIRS["user"], np.zeros((30, 2)), verbose=False)
    np.testing.assert_array_equal(first.parameters, before)
    np.testing.assert_array_equal(second.nodes["code"][0].layers[0].weight.value, code.layers[0].weight.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_single_steps_are_those_of_fit(engine: str) -> None:
    for make, x, y, loss in (
        (towers, PAIRS, SCORES, "mean_squared_error"),
        (heads, {"image": IMAGES}, ANSWERS, LOSSES),
    ):
        fitted, stepped = (gn.Model(make(), loss, gn.SGD(0.1), engine=engine) for _ in range(2))
        fitted.fit(x, y, epochs=3, batch_size=None, shuffle=False, verbose=False)
        values = [stepped.step(x, y) for _ in range(3)]
        assert values[2] < values[0]
        np.testing.assert_array_equal(stepped.network.parameters, fitted.network.parameters)
        stepped.step_over([(x, y), (x, y)])
