"""The weights of a state_dict: which layer takes which, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from interop.networks import settled
from interop.test_torch import state_of
from safetensors.numpy import save_file

import glassnet as gn
from glassnet.interop import load_state

FIX = r"pass names=\{"


def dense(*units: int, seed: int = 1) -> gn.Network:
    net = gn.Sequential(*(gn.Dense(count) for count in units))
    net.build((4,), seed=seed)
    return settled(net, seed)


def write(path: Path, net: gn.Network, *prefixes: str) -> Path:
    """The network's weights under other names, in the order of its layers."""
    paths = dict.fromkeys(name.rpartition(".")[0] for name, _ in net.named_parameters())
    save_file(state_of(net, dict(zip(paths, prefixes, strict=True))), path)
    return path


@pytest.mark.parametrize(
    "prefixes",
    [
        ("0", "2", "10"),  # numbers are no text: 10 comes last
        ("net.0", "net.1.0", "net.1.3"),
        ("model.9.a", "model.10.b", "model.11.a"),
        ("encoder", "middle", "a_head"),  # the shapes leave a single choice
        ("features.0", "features.3", "classifier.0"),  # whose name comes before the features'
    ],
)
def test_names_find_their_layers(tmp_path: Path, prefixes: tuple[str, ...]) -> None:
    source, net = dense(5, 6, 7), dense(5, 6, 7, seed=2)
    load_state(net, write(tmp_path / "w.safetensors", source, *prefixes))
    np.testing.assert_array_equal(net.parameters, source.parameters)


@pytest.mark.parametrize(
    "prefixes",
    [
        ("encoder", "decoder"),  # the alphabet has them the other way round
        ("fc_in", "fc_out"),
        ("fc1", "fc2"),  # as names go the right order, but nothing says so
        ("features.0", "classifier.0"),
        ("net.a", "net.b"),
        ("block.1", "1"),
    ],
)
def test_layers_that_could_be_each_others_are_refused(tmp_path: Path, prefixes: tuple[str, str]) -> None:
    source, net = dense(4, 4), dense(4, 4, seed=2)
    before = net.parameters.copy()
    path = write(tmp_path / "w.safetensors", source, *prefixes)
    with pytest.raises(gn.ConfigurationError, match=rf"2 groups of weights that layer 0 .*could take: .*{FIX}"):
        load_state(net, path)
    np.testing.assert_array_equal(net.parameters, before)
    load_state(net, path, dict(zip(("0", "1"), prefixes, strict=True)))
    np.testing.assert_array_equal(net.parameters, source.parameters)


def test_the_networks_own_paths_are_names_too(tmp_path: Path) -> None:
    def make(seed: int) -> gn.Network:
        net = gn.Sequential(
            gn.Residual(gn.Sequential(gn.Dense(4), "tanh", gn.Dense(4))), gn.Concat(gn.Dense(4), "relu")
        )
        net.build((4,))
        return settled(net, seed)

    source, net = make(1), make(2)
    paths = dict.fromkeys(name.rpartition(".")[0] for name, _ in source.named_parameters())
    load_state(net, write(tmp_path / "w.safetensors", source, *paths))
    np.testing.assert_array_equal(net.parameters, source.parameters)


def test_nothing_is_left_over_without_a_word(tmp_path: Path) -> None:
    net = dense(4, 4)
    path = write(tmp_path / "w.safetensors", dense(4, 4, 4), "a", "b", "c")
    with pytest.raises(gn.ConfigurationError, match=r"3 groups of weights \(a, b, c\), expected one for each of the 2"):
        load_state(net, path)
    with pytest.raises(gn.ConfigurationError, match="weights that no layer takes, 'c'"):
        load_state(net, path, {"0": "a", "1": "b"})
    with pytest.raises(gn.ConfigurationError, match="weights that no layer takes, 'b'"):
        load_state(net, path, {"0": "a", "1": "c"})
    with pytest.raises(gn.ConfigurationError, match="nothing for layer 1"):
        load_state(net, path, {"0": "a"})


def test_keys_that_are_missing_or_one_too_many(tmp_path: Path) -> None:
    source, path = dense(5, 6), tmp_path / "w.safetensors"
    for change in ({"1.bias": None}, {"1.weight": None}, {"0.scale": np.ones(5, np.float32)}, {"0.weight_orig": None}):
        state = state_of(source, {"0": "0", "1": "1"})
        for name, values in change.items():
            if values is not None:
                state[name] = values
            elif name in state:
                del state[name]
            else:
                state[name] = np.ones(1, np.float32)
        save_file(state, path)
        with pytest.raises(gn.ShapeError, match=r"received the parameters .*expected \['bias', 'weight'\]"):
            load_state(dense(5, 6), path)


def test_transposed_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    state = state_of(dense(5, 6), {"0": "0", "1": "1"})
    save_file(state | {"1.weight": np.ascontiguousarray(state["1.weight"].T)}, path)
    with pytest.raises(gn.ShapeError, match=r"1: received weight of shape \(5, 6\)"):
        load_state(dense(5, 6), path)
    net = gn.Sequential(gn.Conv2D(4, (3, 2)))
    net.build((2, 5, 5))
    weight = np.zeros((3, 2, 2, 4), np.float32)  # (kh, kw, C, F), as TensorFlow has it
    save_file({"0.weight": weight, "0.bias": np.zeros(4, np.float32)}, path)
    with pytest.raises(gn.ShapeError, match=r"weight of shape \(3, 2, 2, 4\)"):
        load_state(net, path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((5, 4), 3, np.int8), "weight of dtype int8,"),
        (np.full((5, 4), 1, np.uint8), "weight of dtype uint8,"),
        (np.full((5, 4), np.nan, np.float32), "weight of dtype float32, not all finite"),
        (np.full((5, 4), 1e300), "weight of dtype float64, not all finite"),
    ],
)
def test_weights_that_are_no_finite_numbers(tmp_path: Path, values: np.ndarray, words: str) -> None:
    path = tmp_path / "w.safetensors"
    save_file(state_of(dense(5, 6), {"0": "0", "1": "1"}) | {"0.weight": values}, path)
    net = dense(5, 6, seed=2)
    before = net.parameters.copy()
    with pytest.raises(gn.DataError, match=words):
        load_state(net, path)
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_real_dtype_is_taken(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "w.safetensors"
    state = {name: values.astype(dtype) for name, values in state_of(dense(5), {"0": ""}).items()}
    save_file({name.removeprefix("."): values for name, values in state.items()}, path)
    net = dense(5, seed=2)
    load_state(net, path)
    np.testing.assert_array_equal(net.named_parameters()[0][1], state[".weight"].T.astype(np.float32))


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_dtypes_that_numpy_has_not(tmp_path: Path, kind: str) -> None:
    size = 2 if kind == "BF16" else 1
    shapes = {"0.bias": [5], "0.weight": [5, 4]}  # of ``dense``, since some installations do read these dtypes
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + size * int(np.prod(shape))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    with pytest.raises(gn.GlassnetError, match="expected float16, float32 or float64 tensors|weight of dtype bfloat16"):
        load_state(dense(5), path)


@pytest.mark.parametrize("between", [(), ("relu",), (gn.MaxPool1D(2), "tanh")])
def test_flat_sequences_lie_otherwise_in_torch(tmp_path: Path, between: tuple[gn.Layer | str, ...]) -> None:
    net = gn.Sequential(gn.Conv1D(3, 2), *between, gn.Flatten(), gn.Dense(2))
    net.build((7, 4))
    with pytest.raises(gn.ConfigurationError, match=r"Flatten\(\)\) behind layer 0 .*channel by channel.*from_torch"):
        load_state(net, write(tmp_path / "w.safetensors", net, "0", "3"))
    pooled = gn.Sequential(gn.Conv1D(3, 2), gn.GlobalMaxPool(), gn.Flatten(), gn.Dense(2))
    pooled.build((7, 4))
    state = {"0.weight": np.arange(24, dtype=np.float32).reshape(3, 4, 2), "0.bias": np.zeros(3, np.float32)}
    save_file(state | {"3.weight": np.ones((2, 3), np.float32), "3.bias": np.zeros(2, np.float32)}, tmp_path / "p")
    load_state(pooled, tmp_path / "p")
    assert pooled.named_parameters()[0][1][1, 3, 2] == state["0.weight"][2, 3, 1]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_states_of_recurrences_give_what_torch_gives(kind: str, tmp_path: Path) -> None:
    """Weights and outputs are PyTorch's, see ``layers/golden/make_recurrent.py``; both directions in one module."""
    file = np.load(Path(__file__).parents[1] / "layers/golden/recurrent.npz")
    state, expected = {}, []
    for number, direction in enumerate(("forward", "reverse")):
        start = f"{kind}/{direction}/"
        for what in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            state[f"encoder.{what}_l0{'_reverse' * number}"] = file[start + what]
        expected.append((file[start + "x"], file[start + "y"]))
    path = tmp_path / "state.safetensors"
    save_file({name: np.ascontiguousarray(values) for name, values in state.items()}, path)
    layer = {"RNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}[kind]
    ways = [layer(6, return_sequences=True, reverse=reverse) for reverse in (False, True)]
    net = gn.Sequential(gn.Concat(*ways, axis=2))
    net.build(expected[0][0].shape[1:], dtype="float64")
    load_state(net, path)
    for number, (x, y) in enumerate(expected):
        found = net.forward(gn.NumpyRunner(), x, training=False)[0][..., 6 * number : 6 * number + 6]
        np.testing.assert_allclose(found, y, rtol=1e-10)
    del state["encoder.bias_hh_l0"]
    save_file({name: np.ascontiguousarray(values) for name, values in state.items()}, path)
    with pytest.raises(gn.ShapeError, match=r"encoder\.0\.0: received the parameters .*bias_ih_l0"):
        load_state(net, path)


@pytest.mark.parametrize(
    ("endings", "layers", "is_read"),
    [
        (("l0", "l0_reverse"), lambda: [gn.Bidirectional(gn.GRU(2))], True),
        (("l0", "l0_reverse"), lambda: [gn.Concat([gn.GRU(2)], [gn.GRU(2, reverse=True)])], True),
        (("l0", "l0_reverse"), lambda: [gn.Concat(gn.GRU(2, reverse=True), gn.GRU(2))], False),
        (("l0", "l0_reverse"), lambda: [gn.GRU(2, return_sequences=True), gn.GRU(2)], False),
        (("l0", "l0_reverse"), lambda: [gn.GRU(2, return_sequences=True), gn.GRU(2, reverse=True)], False),
        (("l0", "l1"), lambda: [gn.GRU(2, return_sequences=True), gn.GRU(2)], True),
        (("l0", "l1"), lambda: [gn.Bidirectional(gn.GRU(2))], False),
    ],
)
def test_directions_are_those_of_the_file(
    endings: tuple[str, ...], layers: Callable[[], list[gn.Layer]], is_read: bool, tmp_path: Path
) -> None:
    """Where all shapes fit, the names tell levels from directions."""
    path, shapes = (
        tmp_path / "state.safetensors",
        {"weight_ih": (6, 2), "weight_hh": (6, 2), "bias_ih": 6, "bias_hh": 6},
    )
    save_file({f"rnn.{n}_{end}": np.ones(shape) for end in endings for n, shape in shapes.items()}, path)
    net = gn.Sequential(*layers())
    net.build((3, 2))
    if is_read:
        load_state(net, path)
        assert (net.parameters == 1).all()
        return
    before = net.parameters.copy()
    with pytest.raises(gn.ConfigurationError, match=r"'rnn\.0.*' of a recurrence that goes .*, for layer 0"):
        load_state(net, path)
    np.testing.assert_array_equal(net.parameters, before)
    paths = [own for own, layer in net.walk() if isinstance(layer, gn.GRU)]
    load_state(net, path, {own: f"rnn.0.{n}" if len(endings[1]) > 2 else f"rnn.{n}" for n, own in enumerate(paths)})


@pytest.mark.parametrize("prefix", ["", "attention."])
def test_the_state_of_attention(prefix: str, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "state.safetensors"
    shapes = {"in_proj_weight": (12, 4), "in_proj_bias": 12, "out_proj.weight": (4, 4), "out_proj.bias": 4}
    state = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file({f"{prefix}{name}": values for name, values in state.items()}, path)
    net = gn.Sequential(gn.SelfAttention(2))
    net.build((3, 4))
    load_state(net, path)
    weights = net["0"].weights()
    np.testing.assert_array_equal(weights["weight"], state["in_proj_weight"].T)
    np.testing.assert_array_equal(weights["output_weight"], state["out_proj.weight"].T)
    np.testing.assert_array_equal(weights["output_bias"], state["out_proj.bias"])


def test_layers_that_share_weights_are_one_or_the_same(tmp_path: Path) -> None:
    net = gn.Sequential(gn.Embedding(5, 3, name="tokens"), gn.Dense(3, use_bias=False), gn.Tied("tokens"))
    net.build((4,))
    rng = np.random.default_rng(0)
    shared, hidden = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 3), (3, 3)))
    state = {"0.weight": shared, "1.weight": hidden}
    for given in (state, state | {"2.weight": shared.copy()}):
        net.set_weights({"tokens.weight": np.zeros((5, 3))})
        save_file(given, tmp_path / "w.safetensors")
        load_state(net, tmp_path / "w.safetensors")
        np.testing.assert_array_equal(net["tokens"].weights()["weight"], shared)
    load_state(net, tmp_path / "w.safetensors", {"tokens": "0", "1": "1", "2": "2"})
    save_file(state | {"2.weight": shared + 1}, tmp_path / "w.safetensors")
    with pytest.raises(gn.ConfigurationError, match="other weights than those"):
        load_state(net, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(net["tokens"].weights()["weight"], shared)
    save_file({"a": shared, "b.weight": hidden}, tmp_path / "w.safetensors")
    with pytest.raises(gn.ConfigurationError, match="one for each of the 3 layers|nothing for layer|no group"):
        load_state(net, tmp_path / "w.safetensors", {"tokens": "b"})


@pytest.mark.parametrize("both_ways", [False, True])
def test_recurrences_attention_and_dense_layers_under_names_of_their_own(both_ways: bool, tmp_path: Path) -> None:
    """What shapes leave open between the recurrences of one module, their numbers tell."""
    rng, path = np.random.default_rng(0), tmp_path / "state.safetensors"
    ends = ("l0", "l0_reverse") if both_ways else ("l0", "l1")
    width = 2 if both_ways else 4
    shapes = {"weight_ih": (4 * width, 4), "weight_hh": (4 * width, width), "bias_ih": 4 * width, "bias_hh": 4 * width}
    state = {f"body.encoder.{name}_{end}": rng.normal(size=shape) for end in ends for name, shape in shapes.items()}
    state |= {"body.mix.in_proj_weight": rng.normal(size=(12, 4)), "body.mix.in_proj_bias": rng.normal(size=12)}
    state |= {"body.mix.out_proj.weight": rng.normal(size=(4, 4)), "body.mix.out_proj.bias": rng.normal(size=4)}
    state |= {"answer.weight": rng.normal(size=(3, 4)), "answer.bias": rng.normal(size=3)}
    save_file(state, path)
    ways = [gn.LSTM(width, return_sequences=True) for _ in range(2)]
    layers = [gn.Bidirectional(ways[0])] if both_ways else ways
    net = gn.Sequential(*layers, gn.SelfAttention(2), gn.Dense(3))
    net.build((5, 4), dtype="float64")
    load_state(net, path)
    recurrences = [layer for _, layer in net.walk() if isinstance(layer, gn.LSTM)]
    for layer, end in zip(recurrences, ends, strict=True):
        np.testing.assert_array_equal(layer.weight.value, state[f"body.encoder.weight_ih_{end}"].T)
    np.testing.assert_array_equal(net.layers[-2].output_weight.value, state["body.mix.out_proj.weight"].T)
    np.testing.assert_array_equal(net.layers[-1].weight.value, state["answer.weight"].T)
    save_file(state | {f"tower_{n}.weight": np.ones((3, 3)) for n in "ab"}, path)  # between which nothing decides
    net = gn.Sequential(*(layer.copy() for layer in layers), gn.SelfAttention(2), gn.Dense(3))
    for _ in range(2):
        net = gn.Sequential(*(layer.copy() for layer in net.layers), gn.Dense(3, use_bias=False))
    net.build((5, 4))
    with pytest.raises(gn.ConfigurationError, match="tower_a, tower_b, whose order"):
        load_state(net, path)
