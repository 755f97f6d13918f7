"""Mends reach into networks of any shape, and begin with the model's own weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.diagnosis.finding import Mend
from glassnet.diagnosis.mends import changed
from glassnet.diagnosis.museum import blobs, circles
from glassnet.diagnosis.remade import remade
from glassnet.initializers import Constant

X, Y = blobs(0, rows=200)
SHARED = gn.Dense(6)


NETWORKS: dict[str, Callable[[], gn.Network]] = {
    "residual": lambda: gn.Sequential(gn.Residual(gn.Dense(6, weight_init=0.1), "tanh"), gn.Dense(4)),
    "concat": lambda: gn.Sequential(gn.Concat(gn.Dense(3), [gn.Dense(2), gn.Sigmoid()]), gn.Dense(4, name="answer")),
    "nested": lambda: gn.Sequential(gn.Sequential(gn.Dense(6), gn.Sequential(gn.Tanh())), gn.Dense(4)),
    "a layer in two places": lambda: gn.Sequential(SHARED, gn.Tanh(), SHARED, gn.Dense(4)),
    "graph": lambda: gn.Graph(
        inputs={"rows": 6},
        nodes={
            "bent": ([gn.Dense(8, weight_init=0.1), "tanh"], "rows"),
            "straight": (gn.Dense(8), "rows"),
            "both": ("add", "bent", "straight"),
            "answer": (gn.Dense(4), "both"),
        },
        outputs="answer",
    ),
    "normalised": lambda: gn.Sequential(gn.Dense(8), gn.BatchNorm(momentum=0.2), "relu", gn.Dropout(0.1), gn.Dense(4)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_are_made_anew_wherever_they_stand(name: str) -> None:
    net = NETWORKS[name]()
    copy = remade(net, lambda _: {})
    assert isinstance(copy, gn.Sequential | gn.Graph)
    assert repr(copy) == repr(net)
    assert not {id(layer) for _, layer in net.walk()} & {id(layer) for _, layer in copy.walk()}
    assert [path for path, _ in copy.walk()] == [path for path, _ in net.walk()]
    net.build((6,))
    copy.build((6,))
    np.testing.assert_array_equal(copy.parameters, net.parameters)


@pytest.mark.parametrize("name", NETWORKS)
def test_activations_and_weights_change_inside(name: str) -> None:
    model = gn.Model(NETWORKS[name](), "cross_entropy", gn.Adam(0.01))
    rows = model.rows(X, Y, where="test")
    for mend in (Mend("activation", "relu", ""), Mend("weight_init", None, "")):
        made = changed(model, mend, rows, rows)
        assert made is not None
        written = repr(made.model.network)
        assert "0.1)" not in written.replace("Dropout(0.1)", "")
        if mend.setting == "activation":
            assert "Tanh" not in written
            assert "Sigmoid" not in written


SICK: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "residual": (
        lambda: [gn.Residual(gn.Dense(6, weight_init=0.1), "tanh", gn.Dense(6, weight_init=0.1))],
        "equal_units",
    ),
    "nested": (lambda: [gn.Sequential(gn.Dense(24, bias_init=Constant(-30.0)), gn.ReLU())], "dead_relu"),
}


@pytest.mark.parametrize("name", SICK)
def test_what_ails_an_inner_layer_is_proven(name: str) -> None:
    layers, cause = SICK[name]
    x, y = blobs(0)
    found = gn.diagnose(
        gn.Model(gn.Sequential(*layers(), gn.Dense(4, weight_init=0.1)), "cross_entropy", gn.Adam(0.003)), x, y
    )
    first = next(finding for finding in found.findings if finding.name == cause)
    if cause == "dead_relu":
        assert first.proof is not None
        assert first.proof.mended[-1] < 0.5 * first.proof.own[-1]


def test_initial_weights_of_the_user_stay() -> None:
    net = gn.Sequential(gn.Dense(24), gn.ReLU(), gn.Dense(4))
    model = gn.Model(net, "cross_entropy", gn.Adam(0.003))
    x, y = blobs(0)
    rows = model.rows(x, y, where="test")
    dict(net.named_parameters())["0.bias"][...] = -30  # no setting of a layer says so
    for mend in (None, Mend("learning_rate", 0.1, ""), Mend("preprocessing", "standardize", "")):
        made = changed(model, mend, rows, rows)
        assert made is not None
        np.testing.assert_array_equal(made.model.network.parameters, net.parameters)
    drawn = changed(model, Mend("weight_init", None, ""), rows, rows)
    assert drawn is not None
    assert not dict(drawn.model.network.named_parameters())["0.bias"].any()
    first = gn.diagnose(model, x, y).findings[0]
    assert (first.name, first.mend is not None and first.mend.setting) == ("dead_relu", "weight_init")
    model.fit(x, y, verbose=False)
    fresh = changed(model, None, rows, rows)
    assert fresh is not None
    assert not dict(fresh.model.network.named_parameters())["0.bias"].any()


@pytest.mark.parametrize(
    ("layers", "is_found"),
    [
        ([gn.Dense(2)], True),
        ([gn.Dense(8), gn.Identity(), gn.BatchNorm(), gn.Dense(2)], True),
        ([gn.Dense(8), gn.Tanh(), gn.Dense(2)], False),
        ([gn.Residual(gn.Dense(2), "tanh"), gn.Dense(2)], False),
    ],
    ids=["one", "straight ones", "bent", "bent inside"],
)
def test_straight_networks_are_told_by_what_they_do(layers: list[Any], is_found: bool) -> None:
    from glassnet.diagnosis.setup import capacity

    model = gn.Model(gn.Sequential(*layers), "cross_entropy", gn.Adam(0.01))
    model.rows(X[:, :2], (Y > 1).astype(int), where="test")
    assert ("no_hidden_layer" in [finding.name for finding, _ in capacity(model)]) == is_found


def test_parts_say_themselves_what_they_are() -> None:
    """No list of classes by name: what a user's own step or loss declares is taken at its word."""

    class Ridge(gn.optimizers.Step):
        def penalty(self, parameters: Any, layout: Any = None) -> float:
            return float(np.square(parameters).sum())

        def apply(self, run: Any, parameters: Any, gradients: Any, layout: Any, learning_rate: float) -> None:
            gradients += 2 * parameters

    shrinking = Ridge(), gn.L2(0.1), gn.L1(0.1), gn.WeightDecay(0.1), gn.AdamW(0.1)
    assert all(step.shrinks() for step in shrinking)
    assert not any(step.shrinks() for step in (gn.SGD(0.1), gn.Adam(0.1), gn.ClipByNorm(1.0), gn.MaxNorm(3.0)))
    losses = [loss() for loss in gn.losses.LOSSES.values()]
    assert {type(own).__name__ for own in losses if own.is_squared} == {"MeanSquaredError", "SumSquaredError"}
    assert {type(own).__name__ for own in losses if own.chooses_class} == {"CrossEntropy"}


OF_GRAPHS: dict[str, tuple[Callable[[gn.Layer], gn.Network], Callable[[], gn.Layer]]] = {
    "nested": (
        lambda last: gn.Sequential(gn.Sequential(gn.Dense(8), gn.Sequential(gn.Tanh())), gn.Sequential(last)),
        lambda: gn.Sequential(gn.Dense(1), gn.Sigmoid()),
    ),
    "graph": (
        lambda last: gn.Graph(
            inputs={"x": 6},
            nodes={
                "bent": ([gn.Dense(8), "tanh"], "x"),
                "straight": (gn.Dense(8), "x"),
                "both": ("add", "bent", "straight"),
                "answer": (last, "both"),
            },
            outputs="answer",
        ),
        lambda: gn.Sequential(gn.Dense(1), gn.Sigmoid()),
    ),
}


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_mends_of_a_place_reach_into_networks_in_line(name: str) -> None:
    network, last = OF_GRAPHS[name]
    amounts = X[:, :1] * 2 + 5
    model = gn.Model(network(last()), "mean_squared_error", gn.Adam(0.01))
    found = {finding.name: finding for finding in gn.diagnose(model, X, amounts).findings}
    assert "Sigmoid()" in found["unreachable_targets"].where
    proof = found["unreachable_targets"].proof
    assert proof is not None
    assert proof.mended[-1] < 0.5 * proof.own[-1]
    rows = model.rows(X, amounts, where="test")
    made = changed(model, Mend("hidden", [16], ""), rows, rows)
    assert made is not None
    assert "Dense(16" in repr(made.model.network)
    assert made.model.predict(X[:2]).shape == (2, 1)


def test_a_narrow_layer_is_one_that_all_of_a_row_goes_through() -> None:
    x, y = circles(0)

    def narrow(*, is_alone: bool) -> gn.Model:
        nodes: dict[str, Any] = {"one": ([gn.Dense(1), "tanh"], "x")}
        if not is_alone:
            nodes["beside"] = ([gn.Dense(1), "tanh"], "x")
            nodes["both"] = ("concatenate", "one", "beside")
        nodes["answer"] = ([gn.Dense(24), "tanh", gn.Dense(2)], "one" if is_alone else "both")
        return gn.Model(gn.Graph(inputs={"x": 2}, nodes=nodes, outputs="answer"), "cross_entropy", gn.Adam(0.01))

    found = gn.diagnose(narrow(is_alone=True), x, y).findings[0]
    assert found.name == "bottleneck"
    assert found.where.startswith("layer one.0, Dense(1")
    assert "bottleneck" not in [finding.name for finding in gn.diagnose(narrow(is_alone=False), x, y).findings]
