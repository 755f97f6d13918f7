"""ONNX's operators for recurrences: each setting is read as it is meant, or refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

onnx = pytest.importorskip("onnx")

from interop.networks import attempt, model_of, rows_for  # noqa: E402
from interop.test_onnx_import import agrees, saved  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
KINDS = {"RNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}
node = helper.make_node
T, D, H = 5, 3, 4
ROWS = ["N", T, D]
TURN = {"perm": [1, 0, 2]}
AXES = {"first": np.array([0]), "second": np.array([1]), "both": np.array([0, 1]), "place": np.array(T - 1)}


def weights(kind: str, directions: int = 1, *, biases: bool = True, features: int = D) -> dict[str, np.ndarray]:
    rng, width = np.random.default_rng(3), GATES[kind] * H
    found = {"w": rng.normal(size=(directions, width, features)), "r": rng.normal(size=(directions, width, H)) / 2}
    return found | ({"b": rng.normal(size=(directions, 2 * width))} if biases else {})


def recurrence(kind: str, inputs: list[str], outputs: list[str], **settings: Any) -> Any:
    own = {"linear_before_reset": 1} if kind == "GRU" else {}
    return node(kind, inputs, outputs, name="p", **({"hidden_size": H} | own | settings))


def sequences(kind: str, extra: tuple[str, ...] = ("b",), **settings: Any) -> list[Any]:
    """The outputs of all steps, as PyTorch has them."""
    return [
        node("Transpose", ["x"], ["a"], **TURN),
        recurrence(kind, ["a", "w", "r", *extra], ["s"], **settings),
        node("Squeeze", ["s", "second"], ["q"]),
        node("Transpose", ["q"], ["y"], **TURN),
    ]


def both_ways(kind: str) -> list[Any]:
    return [
        node("Transpose", ["x"], ["a"], **TURN),
        recurrence(kind, ["a", "w", "r", "b"], ["s"], direction="bidirectional"),
        node("Transpose", ["s"], ["t"], perm=[2, 0, 1, 3]),
        node("Reshape", ["t", "flat"], ["y"]),
    ]


def last_states(kind: str, direction: str, *ending: Any) -> list[Any]:
    given = recurrence(kind, ["a", "w", "r", "b"], ["", "h"], direction=direction)
    return [node("Transpose", ["x"], ["a"], **TURN), given, *ending]


READ: dict[str, tuple[Callable[[str], list[Any]], int, str]] = {
    "forward": (lambda kind: sequences(kind), 1, "{}(4, return_sequences=True))"),
    "backward": (lambda kind: sequences(kind, direction="reverse"), 1, "return_sequences=True, reverse=True"),
    "without biases": (lambda kind: sequences(kind, ()), 1, "use_bias=False"),
    "rows first": (
        lambda kind: [
            recurrence(kind, ["x", "w", "r", "b"], ["s"], layout=1), node("Reshape", ["s", "steps"], ["y"]),
        ],
        1, "{}(4, return_sequences=True))",
    ),
    "rows first, last states": (
        lambda kind: [
            recurrence(kind, ["x", "w", "r", "b"], ["", "h"], layout=1), node("Squeeze", ["h", "second"], ["y"]),
        ],
        1, "({}(4))",
    ),
    "both ways": (both_ways, 2, "(Bidirectional({}(4, return_sequences=True)))"),
    "the last step": (
        lambda kind: [*sequences(kind)[:3], node("Gather", ["q", "place"], ["y"], axis=0)], 1, "({}(4))",
    ),
    "the last step of rows": (
        lambda kind: [
            *sequences(kind)[:3], node("Transpose", ["q"], ["t"], **TURN), node("Gather", ["t", "place"], ["y"], axis=1)
        ],
        1, "({}(4))",
    ),
    "another step": (
        lambda kind: [*sequences(kind)[:3], node("Gather", ["q", "one"], ["y"], axis=0)], 1, "Columns(range(4, 8))",
    ),
    "the last step of what goes backwards": (
        lambda kind: [*sequences(kind, direction="reverse")[:3], node("Gather", ["q", "place"], ["y"], axis=0)],
        1, "Columns(range(16, 20))",
    ),
    "the first step of what goes backwards": (
        lambda kind: [*sequences(kind, direction="reverse")[:3], node("Gather", ["q", "zero"], ["y"], axis=0)],
        1, "({}(4, reverse=True))",
    ),
    "last states": (lambda kind: last_states(kind, "forward", node("Squeeze", ["h", "first"], ["y"])), 1, "({}(4))"),
    "last states both ways": (
        lambda kind: last_states(
            kind, "bidirectional", node("Gather", ["h", "zero"], ["h0"], axis=0),
            node("Gather", ["h", "one"], ["h1"], axis=0), node("Concat", ["h0", "h1"], ["y"], axis=1),
        ),
        2, "(Bidirectional({}(4)))",
    ),
    "last states the other way round": (
        lambda kind: last_states(
            kind, "bidirectional", node("Gather", ["h", "zero"], ["h0"], axis=0),
            node("Gather", ["h", "one"], ["h1"], axis=0), node("Concat", ["h1", "h0"], ["y"], axis=1),
        ),
        2, "Columns",
    ),
    "between products": (
        lambda kind: [
            node("MatMul", ["x", "v"], ["m"]), node("Transpose", ["m"], ["a"], **TURN), *sequences(kind)[1:3],
            node("Relu", ["q"], ["u"]), node("MatMul", ["u", "z"], ["o"]), node("Add", ["o", "c"], ["o2"]),
            node("Transpose", ["o2"], ["y"], **TURN),
        ],
        1, "(Dense(3, use_bias=False), {}(4, return_sequences=True), ReLU(), Dense(2))",
    ),
    "one behind another": (
        lambda kind: [*sequences(kind)[:3], recurrence(kind, ["q", "w2", "r", "b"], ["", "h"]),
                      node("Squeeze", ["h", "first"], ["y"])],
        1, "({0}(4, return_sequences=True), {0}(4))",
    ),
    "states of 0": (
        lambda kind: [
            node("Shape", ["x"], ["n0"], start=0, end=1), node("Concat", ["first_one", "n0", "width"], ["n"], axis=0),
            node("ConstantOfShape", ["n"], ["h0"]),
            *sequences(kind, ("b", "", "h0", *(["h0"] if kind == "LSTM" else []))),
        ],
        1, "{}(4, return_sequences=True))",
    ),
    "lengths that are all T": (
        lambda kind: [
            node("Shape", ["x"], ["n"], start=0, end=1), node("Expand", ["t32", "n"], ["l"]),
            *sequences(kind, ("b", "l")),
        ],
        1, "{}(4, return_sequences=True))",
    ),
    "usual activations": (
        lambda kind: sequences(kind, activations={"RNN": ["tanh"], "GRU": ["Sigmoid", "Tanh"]}.get(
            kind, ["Sigmoid", "Tanh", "Tanh"])), 1, "{}(4, return_sequences=True))",
    ),
}  # fmt: skip
CONSTANTS: dict[str, Any] = {
    **AXES, "flat": np.array([0, 0, -1]), "steps": np.array([0, 0, -1]), "zero": np.array(0), "one": np.array(1),
    "first_one": np.array([1]), "width": np.array([H]), "t32": np.array(T, np.int32),
    "v": np.random.default_rng(0).normal(size=(D, D)), "z": np.random.default_rng(1).normal(size=(H, 2)),
    "c": np.array([0.5, -1.0]),
}  # fmt: skip


def used(nodes: list[Any], constants: dict[str, Any]) -> dict[str, Any]:
    wanted = {name for own in nodes for name in own.input}
    return {name: value for name, value in constants.items() if name in wanted}


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_agrees_with_the_evaluator(kind: str, case: str, tmp_path: Path) -> None:
    make, directions, words = READ[case]
    nodes = make(kind)
    constants = CONSTANTS | weights(kind, directions) | {"w2": weights(kind, features=H)["w"]}
    net = agrees(tmp_path / "model.onnx", nodes, ROWS, **used(nodes, constants))
    assert words.format(KINDS[kind].__name__) in repr(net)


@pytest.mark.parametrize("rows", [1, 2, T])
def test_a_number_of_rows_that_is_fixed(rows: int, tmp_path: Path) -> None:
    """As many as steps, too: which axis has the rows is told by the operators, not by sizes."""
    nodes = sequences("LSTM")
    constants = used(nodes, CONSTANTS | weights("LSTM"))
    agrees(tmp_path / "model.onnx", nodes, [rows, T, D], rows=rows, **constants)
    nodes = [recurrence("LSTM", ["x", "w", "r", "b"], ["s"]), node("Squeeze", ["s", "second"], ["y"])]
    with pytest.raises(gn.ConfigurationError, match="rows for steps.*batch_first=True"):
        agrees(tmp_path / "model.onnx", nodes, [rows, T, D], rows=rows, **constants)


OTHER = np.random.default_rng(5).normal(size=(1, 1, H))
REFUSED: dict[str, tuple[str, list[Any], dict[str, Any], str]] = {
    "relu": ("RNN", sequences("RNN", activations=["Relu"]), {}, r"RNN 'p' with activations=\['Relu'\]"),
    "affine": ("RNN", sequences("RNN", activations=["Affine"], activation_alpha=[2.0]), {}, "activations="),
    "alpha": ("RNN", sequences("RNN", activation_alpha=[2.0]), {}, "activation_alpha="),
    "hard gates": ("LSTM", sequences("LSTM", activations=["HardSigmoid", "Tanh", "Tanh"]), {}, "activations="),
    "gates in another order": ("LSTM", sequences("LSTM", activations=["Tanh", "Sigmoid", "Tanh"]), {}, "activations="),
    "clip": ("LSTM", sequences("LSTM", clip=0.5), {}, r"clip=0\.5"),
    "coupled": ("LSTM", sequences("LSTM", input_forget=1), {}, "input_forget=1"),
    "peepholes": ("LSTM", sequences("LSTM", ("b", "", "", "", "p")), {"p": np.ones((1, 3 * H))}, "peepholes"),
    "reset before": ("GRU", sequences("GRU", linear_before_reset=0), {}, "linear_before_reset=0"),
    "states": ("GRU", [node("Expand", ["h", "n"], ["h0"]), *sequences("GRU", ("b", "", "h0"))],
               {"h": OTHER, "n": np.array([1, 2, H])}, "initial_h"),
    "cells": ("LSTM", [node("Expand", ["h", "n"], ["h0"]), *sequences("LSTM", ("b", "", "", "h0"))],
              {"h": OTHER, "n": np.array([1, 2, H])}, "initial_c"),
    "states of the rows": (
        "GRU",
        [node("Transpose", ["x"], ["a"], **TURN), node("Gather", ["a", "zero"], ["g"], axis=0),
         node("MatMul", ["g", "m"], ["g2"]), node("Unsqueeze", ["g2", "first"], ["h0"]),
         recurrence("GRU", ["a", "w", "r", "b", "", "h0"], ["s"]), node("Squeeze", ["s", "second"], ["q"]),
         node("Transpose", ["q"], ["y"], **TURN)],
        {"m": np.ones((D, H))}, "GRU 'p'.*(calculated|depends)",
    ),
    "lengths": ("GRU", sequences("GRU", ("b", "l")), {"l": np.array([T, 2], np.int32)}, "sequence_lens"),
    "the cell": (
        "LSTM",
        [node("Transpose", ["x"], ["a"], **TURN), recurrence("LSTM", ["a", "w", "r", "b"], ["", "", "k"]),
         node("Squeeze", ["k", "first"], ["y"])],
        {}, "LSTM 'p' with its output 3",
    ),
    "steps first": (
        "LSTM", [recurrence("LSTM", ["x", "w", "r", "b"], ["s"]), node("Squeeze", ["s", "second"], ["y"])], {},
        "LSTM 'p' with rows for steps",
    ),
    "outputs that are turned": ("GRU", [*sequences("GRU")[:3], node("Relu", ["q"], ["y"])], {}, "rows along axis 1"),
    "turned for layout 1": (
        "GRU",
        [node("Transpose", ["x"], ["a"], **TURN), recurrence("GRU", ["a", "w", "r", "b"], ["s"], layout=1),
         node("Squeeze", ["s", "axis2"], ["y"])],
        {"axis2": np.array([2])}, "GRU 'p' with layout=1",
    ),
    "a step of rows": (
        "GRU", [*sequences("GRU")[:3], node("Gather", ["q", "zero"], ["y"], axis=1)], {}, "Gather.*axis=1",
    ),
    "softmax of turned rows": (
        "GRU",
        [*sequences("GRU")[:3], node("Softmax", ["q"], ["u"], axis=1), node("Transpose", ["u"], ["y"], **TURN)],
        {}, "Softmax",
    ),
    "hidden size": ("GRU", sequences("GRU", hidden_size=3), {}, "hidden_size=3|refuse|do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_layer_has_is_refused_by_its_name(case: str, tmp_path: Path) -> None:
    kind, nodes, more, words = REFUSED[case]
    constants = used(nodes, CONSTANTS | weights(kind) | more)
    saved(tmp_path / "model.onnx", nodes, [2, T, D], **constants)
    with pytest.raises(gn.GlassnetError, match=words):
        gn.from_onnx(tmp_path / "model.onnx")


def test_steps_that_are_chosen_by_what_was_read(tmp_path: Path) -> None:
    """Outputs and last states of one operator are two layers: what is used twice becomes two."""
    nodes = [
        node("Transpose", ["x"], ["a"], **TURN), recurrence("GRU", ["a", "w", "r", "b"], ["s", "h"]),
        node("Squeeze", ["s", "second"], ["q"]), node("Squeeze", ["h", "first"], ["z1"]),
        node("Gather", ["q", "zero"], ["z2"], axis=0), node("Add", ["z1", "z2"], ["y"]),
    ]  # fmt: skip
    net = agrees(tmp_path / "model.onnx", nodes, ROWS, **used(nodes, CONSTANTS | weights("GRU")))
    assert repr(net).count("GRU(4") == 2


NETWORKS: dict[str, tuple[Callable[[], list[Any]], dict[str, int]]] = {
    "stacked": (
        lambda: [gn.LSTM(4, return_sequences=True), gn.Dropout(0.2), gn.LSTM(3), gn.Dense(2)],
        {"Transpose": 1, "LSTM": 2, "Squeeze": 2, "Gemm": 1, "Identity": 1},
    ),
    "backwards": (
        lambda: [gn.GRU(4, return_sequences=True, reverse=True), gn.GRU(3, reverse=True)],
        {"Transpose": 1, "GRU": 2, "Squeeze": 2, "Identity": 1},
    ),
    "both ways": (
        lambda: [gn.Concat(gn.SimpleRNN(4), gn.SimpleRNN(4, reverse=True)), gn.Dense(2)],
        {"Transpose": 2, "RNN": 1, "Flatten": 1, "Gemm": 1, "Identity": 1},
    ),
    "in a residual branch": (
        lambda: [gn.Dense(4), gn.Residual(gn.LSTM(4, return_sequences=True)), "tanh", gn.LSTM(2)],
        {"MatMul": 1, "Add": 2, "Transpose": 3, "LSTM": 2, "Squeeze": 2, "Tanh": 1, "Identity": 1},
    ),
    "two ways of different widths": (
        lambda: [gn.Concat(gn.LSTM(4), gn.LSTM(3, reverse=True))],
        {"Transpose": 1, "LSTM": 2, "Squeeze": 2, "Concat": 1, "Identity": 1},
    ),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_graphs_are_lean_and_read_back(case: str, tmp_path: Path) -> None:
    """Weights stand in the operators; one operator goes both ways; nothing is turned to and fro."""
    pytest.importorskip("onnxruntime")
    make, operators = NETWORKS[case]
    model = model_of(gn.Sequential(*make()), (T, D))
    report = model.export_onnx(tmp_path / "model.onnx")
    assert report.operators == operators
    assert report.largest_difference is not None
    again = gn.from_onnx(tmp_path / "model.onnx")
    assert again.parameters.size == model.network.parameters.size
    rows = rows_for(model)
    expected = model.predict(rows)
    np.testing.assert_allclose(gn.Model(again, model.loss, "sgd").predict(rows), expected, rtol=1e-5, atol=1e-6)


def test_a_wrong_order_of_gates_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassnet.interop.onnx import operators, sequences

    nodes = last_states("LSTM", "forward", node("Squeeze", ["h", "first"], ["y"]))
    saved(tmp_path / "model.onnx", nodes, ROWS, **used(nodes, CONSTANTS | weights("LSTM")))
    monkeypatch.setitem(operators.OPERATORS, "LSTM", sequences._recurrence(gn.LSTM, 0, 1, 2, 3))
    with pytest.raises(gn.ConfigurationError, match=r"read as LSTM\(4\).*differ from the file's"):
        gn.from_onnx(tmp_path / "model.onnx")


ATTENDING: dict[str, tuple[Callable[[], list[Any]], tuple[int, ...], str]] = {
    "one block": (lambda: [gn.TransformerBlock(2, 4, hidden=6)], (T, 4), "Residual(LayerNorm(), SelfAttention(2))"),
    "norm behind": (
        lambda: [gn.TransformerBlock(2, 4, hidden=6, norm_first=False, norm="rms", causal=True)], (T, 4), "causal=True",
    ),
    "a language model": (
        lambda: [
            gn.Embedding(7, 6), gn.PositionalEncoding("learned"), gn.TransformerBlock(3, 6, hidden=8, norm="plain_rms"),
            gn.TransformerBlock(2, 6, hidden=8, activation="gelu", causal=True, use_bias=False), gn.Dense(7),
        ],
        (T,), "PositionalEncoding('learned'), Residual(RMSNorm(use_scale=False), SelfAttention(3))",
    ),
    "rotary": (lambda: [gn.SelfAttention(2, rotary=True, causal=True), gn.Dense(8)], (T, 8), "rotary=True), Dense(8)"),
    "pooling": (lambda: [gn.PositionalEncoding(), gn.Attention(3), gn.Dense(2)], (T, 4), "PositionalEncoding()"),
    "as many steps as features": (lambda: [gn.SelfAttention(4), gn.SelfAttention(1)], (4, 4), "SelfAttention(1)"),
    "one step": (lambda: [gn.SelfAttention(2)], (1, 4), "SelfAttention(2)"),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTENDING)
def test_attention_is_written_and_read_back(case: str, tmp_path: Path) -> None:
    make, shape, words = ATTENDING[case]
    model = model_of(gn.Sequential(*make()), shape)
    model.export_onnx(tmp_path / "model.onnx")
    again = gn.from_onnx(tmp_path / "model.onnx")
    assert words in repr(again)
    for (_, own), (_, other) in zip(again.named_parameters(), model.network.named_parameters(), strict=True):
        np.testing.assert_array_equal(own, other)
    rows = rows_for(model)
    np.testing.assert_allclose(again(rows), model.predict(rows), rtol=1e-5, atol=1e-6)


def changed(proto: Any, kind: str, change: Callable[[Any, Any], None]) -> Any:
    """The file with something else in its first operator of that kind."""
    change(proto.graph, next(own for own in proto.graph.node if own.op_type == kind))
    return proto


def put_before(graph: Any, place: Any, given: int, kind: str, constant: Any, **settings: Any) -> None:
    """Another operator between an operator and one of its inputs."""
    graph.initializer.append(numpy_helper.from_array(np.asarray(constant), "put"))
    graph.node.insert(list(graph.node).index(place), node(kind, [place.input[given], "put"], ["between"], **settings))
    place.input[given] = "between"


def other_axis(graph: Any, softmax: Any) -> None:
    del softmax.attribute[:]
    softmax.attribute.append(helper.make_attribute("axis", 3))


LATER = -1e30 * np.tril(np.ones((T, T)), -1)
FLOAT = np.float32
OTHERWISE: dict[str, tuple[str, Callable[[Any, Any], None]]] = {
    "weights of the other steps": ("Softmax", other_axis),
    "a mask with a gap": (
        "Softmax", lambda g, p: put_before(g, p, 0, "Add", FLOAT(LATER + 1e30 * np.eye(T, k=-2))),
    ),
    "a window": (
        "Softmax", lambda g, p: put_before(g, p, 0, "Add", FLOAT(LATER - 1e30 * np.triu(np.ones((T, T)), 2))),
    ),
    "slopes by distance": (
        "Softmax", lambda g, p: put_before(g, p, 0, "Add", FLOAT(0.1 * np.subtract.outer(range(T), range(T)))),
    ),
    "a soft mask": ("Softmax", lambda g, p: put_before(g, p, 0, "Add", FLOAT(LATER * 3e-30))),
    "a mask for each head": (
        "Softmax", lambda g, p: put_before(g, p, 0, "Add", FLOAT(np.stack([LATER, 0 * LATER])[np.newaxis])),
    ),
    "a softcap": ("Softmax", lambda g, p: put_before(g, p, 0, "Min", FLOAT(0.2))),
    "values of other steps": ("Reshape", lambda g, p: put_before(g, p, 0, "Gather", np.roll(range(T), 1), axis=1)),
}  # fmt: skip


@pytest.mark.parametrize("case", [*OTHERWISE, "more for some heads"])
def test_attention_of_another_kind_is_refused(case: str, tmp_path: Path) -> None:
    """Or read as what does the same."""
    runtime = pytest.importorskip("onnxruntime")
    path, model = tmp_path / "model.onnx", model_of(gn.Sequential(gn.SelfAttention(2), gn.Tanh()), (T, 4))
    model.export_onnx(path)
    if case in OTHERWISE:
        kind, change = OTHERWISE[case]
    else:  # a scale of each head is a scale of its queries
        kind, change = "Softmax", lambda g, p: put_before(g, p, 0, "Mul", FLOAT(np.array([1.0, 3.0])[:, None, None]))
    onnx.save(changed(onnx.load(str(path)), kind, change), str(path))
    rows = rows_for(model)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["outputs"], {"x": rows})
    assert np.abs(expected - model.predict(rows)).max() > 1e-3
    net, _ = attempt(lambda: gn.from_onnx(path))
    assert (net is not None) == (case == "values of other steps")
    if net is not None:
        np.testing.assert_allclose(net(rows), expected, rtol=1e-4, atol=1e-5)


def put(graph: Any, place: int, *nodes: Any, **constants: Any) -> None:
    """Operators at that place of the graph's."""
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    for own in reversed(nodes):
        graph.node.insert(place, own)


def bounded(graph: Any, softmax: Any, kind: str, *bounds: float) -> None:
    names = [f"bound{number}" for number, _ in enumerate(bounds)]
    given = node(kind, [softmax.input[0], *names], ["bounded"])
    put(graph, list(graph.node).index(softmax), given, **dict(zip(names, map(FLOAT, bounds), strict=True)))
    softmax.input[0] = "bounded"


def padded(graph: Any, softmax: Any, *condition: Any) -> None:
    """A mask that looks at the steps' first numbers, behind scores without a scale of their own."""
    scale = next(own for own in graph.node if own.op_type == "Mul")
    assert scale.output[0] == softmax.input[0]
    graph.node.remove(scale)
    first = {"from": np.array([0]), "to": np.array([1]), "along": np.array([2]), "keys": np.array([0, 1, T, 1])}
    put(
        graph, list(graph.node).index(softmax),
        node("Slice", ["x", "from", "to", "along"], ["f"]), node("Reshape", ["f", "keys"], ["steps"]),
        *condition, node("Where", ["is_unseen", "never", scale.input[0]], ["masked"]),
        **first, nought=FLOAT(0), much=FLOAT(1e6), never=FLOAT(-1e30),
    )  # fmt: skip
    softmax.input[0] = "masked"


def weights_chosen(graph: Any, softmax: Any, *condition: Any) -> None:
    """Weights of which some are 0."""
    after, softmax.output[0] = softmax.output[0], "w0"
    choice = node("Where", ["is_none", "nought", "w0"], [after])
    put(graph, list(graph.node).index(softmax) + 1, *condition, choice, nought=FLOAT(0), least=FLOAT(1e-6))


UNSHOWN: dict[str, tuple[Callable[[Any, Any], None], bool]] = {
    "bounds of scores": (lambda g, p: bounded(g, p, "Clip", -300, 300), False),
    "the most of a score": (lambda g, p: bounded(g, p, "Min", 300), False),
    "the least of a score": (lambda g, p: bounded(g, p, "Max", -300), False),
    "bounds beyond all numbers": (lambda g, p: bounded(g, p, "Max", np.finfo(FLOAT).min), True),
    "padding with zeros": (
        lambda g, p: padded(g, p, node("Abs", ["steps"], ["a"]), node("LessOrEqual", ["a", "nought"], ["is_unseen"])),
        False,
    ),
    "padding with large numbers": (
        lambda g, p: padded(g, p, node("Greater", ["steps", "much"], ["is_unseen"])), False,
    ),
    "padding with NaN": (lambda g, p: padded(g, p, node("IsNaN", ["steps"], ["is_unseen"])), False),
    "small weights": (lambda g, p: weights_chosen(g, p, node("Less", ["w0", "least"], ["is_none"])), False),
    "weights that are NaN": (lambda g, p: weights_chosen(g, p, node("IsNaN", ["w0"], ["is_none"])), True),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSHOWN)
def test_what_random_rows_do_not_show_is_refused(case: str, tmp_path: Path) -> None:
    """What counts for a few rows alone, such as padded ones; but for what changes no row that is finite."""
    path, model = tmp_path / "model.onnx", model_of(gn.Sequential(gn.SelfAttention(2), gn.Tanh()), (T, 4))
    model.export_onnx(path)
    change, is_read = UNSHOWN[case]
    onnx.save(changed(onnx.load(str(path)), "Softmax", change), str(path))
    net, _ = attempt(lambda: gn.from_onnx(path))
    assert (net is not None) == is_read


MASK = np.where(np.tril(np.ones((T, T))), 0, -1e30)
OPERATOR: dict[str, tuple[dict[str, Any], Any, str]] = {
    "plain": ({}, None, "SelfAttention(2)"),
    "causal": ({"is_causal": 1}, None, "SelfAttention(2, causal=True)"),
    "by a mask": ({}, MASK, "SelfAttention(2, causal=True)"),
    "of another scale": ({"scale": 0.3}, None, "SelfAttention(2)"),
    "another mask": ({}, np.triu(np.ones((T, T))), ""),
    "a softcap": ({"softcap": 0.5}, None, ""),
    "a softcap that is far": ({"softcap": 1e5}, None, ""),
}


@pytest.mark.parametrize("case", OPERATOR)
def test_the_operator_attention(case: str, tmp_path: Path) -> None:
    settings, mask, layer = OPERATOR[case]
    rng = np.random.default_rng(0)
    constants = {name: rng.normal(size=(4, 4)) for name in ("wq", "wk", "wv", "wo")} | {"bias": rng.normal(size=4)}
    constants |= {} if mask is None else {"mask": mask}
    nodes = [
        node("MatMul", ["x", "wq"], ["q0"]), node("Add", ["q0", "bias"], ["q"]), node("MatMul", ["x", "wk"], ["k"]),
        node("MatMul", ["x", "wv"], ["v"]),
        node("Attention", ["q", "k", "v", *(["mask"] if mask is not None else [])], ["a"], name="p", q_num_heads=2,
             kv_num_heads=2, **settings),
        node("MatMul", ["a", "wo"], ["y"]),
    ]  # fmt: skip
    if layer:
        assert (
            repr(agrees(tmp_path / "model.onnx", nodes, ["N", T, 4], opset=23, **constants)) == f"Sequential({layer})"
        )
        return
    saved(tmp_path / "model.onnx", nodes, ["N", T, 4], opset=23, **constants)
    with pytest.raises(gn.ConfigurationError, match="Attention 'p'"):
        gn.from_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("rows", [4, 1, 3])
def test_attention_in_a_file_that_fixes_the_number_of_rows(rows: int, tmp_path: Path) -> None:
    """Among them as many rows as steps, where a shape does not tell which axis is which."""
    net = gn.Sequential(gn.Dense(4), gn.SelfAttention(2, causal=True), gn.Dense(3))
    net.build((4, D))
    model = gn.Model(net, "cross_entropy", "adam")
    path = tmp_path / "model.onnx"
    model.export_onnx(path)
    proto = onnx.load(path)
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param  # as it is written, any number will do
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows
    onnx.save(proto, path)
    read = gn.from_onnx(path)
    assert repr(read) == repr(net)
    x = np.random.default_rng(0).normal(size=(6, 4, D))
    np.testing.assert_allclose(read(x), model.predict(x), rtol=1e-4, atol=1e-5)
