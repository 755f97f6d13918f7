"""PyTorch's modules for sequences: each setting is read as it is meant, or refused by its name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import glassnet as gn
from glassnet.interop import from_torch, load_state, to_torch

torch = pytest.importorskip("torch")
nn = torch.nn
STEPS = 5, 3
KINDS = {"RNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}


def chosen(forward: Callable[[Any], Any]) -> Any:
    """A module that does this with what it is given."""
    return type("Chosen", (nn.Module,), {"forward": lambda own, given: forward(given)})()


class Outputs(nn.Module):
    """As people write it."""

    def forward(self, given: Any) -> Any:
        outputs, _ = given
        return outputs


class LastStates(nn.Module):
    """Likewise."""

    def forward(self, given: Any) -> Any:
        _, (hidden, _) = given
        return torch.cat((hidden[-2], hidden[-1]), dim=1)


def last_step() -> Any:
    return chosen(lambda given: given[0][:, -1, :])


def rows(shape: tuple[int, ...], dtype: Any, count: int = 4) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (rng.normal(size=(count, *shape)) * rng.choice([0.3, 2, 20], (count, *[1] * len(shape)))).astype(dtype)


def theirs(module: Any, x: np.ndarray, *, steps_first: bool = False) -> np.ndarray:
    with torch.no_grad():
        given = torch.tensor(x.swapaxes(0, 1) if steps_first else x)
        found = copy.deepcopy(module).eval()(given)
        found = (found[0] if isinstance(found, tuple) else found).numpy()
        return found.swapaxes(0, 1) if steps_first and found.shape[:2] != (len(x), found.shape[-1]) else found


def ours(net: gn.Network, x: np.ndarray, engine: str) -> np.ndarray:
    return gn.Model(net, "mean_squared_error", "sgd", dtype=net.dtype, engine=engine).predict(x)


FIRST: dict[str, Any] = {"batch_first": True}
READ: list[tuple[Callable[[Any], Any], str]] = [
    (lambda kind: kind(3, 4, **FIRST), "{0}(4, return_sequences=True))"),
    (lambda kind: kind(3, 4, 3, dropout=0.25, bias=False, **FIRST), "Dropout(0.25), {0}(4, return_sequences=True, use"),
    (lambda kind: kind(3, 4, 2, bidirectional=True, **FIRST), "Bidirectional({0}(4, return_sequences=True)))"),
    (
        lambda kind: nn.Sequential(nn.Linear(3, 2), kind(2, 4, 2, **FIRST), last_step(), nn.Linear(4, 2)),
        "{0}(4), Dense",
    ),
    (
        lambda kind: nn.Sequential(kind(3, 4, **FIRST), Outputs(), nn.LayerNorm(4), nn.Linear(4, 2)),
        "LayerNorm(), Dense",
    ),
    (
        lambda kind: nn.Sequential(nn.Sequential(kind(3, 4, **FIRST)), Outputs(), kind(4, 2, **FIRST), last_step()),
        "True), {0}(2))",
    ),
    (lambda kind: nn.Sequential(kind(3, 4, bidirectional=True, **FIRST), last_step()), "Columns(range(32, 40))"),
    (lambda kind: nn.Sequential(kind(3, 4, **FIRST), chosen(lambda given: given[0][:, 1])), "Columns(range(4, 8))"),
]
TURNED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda kind: kind(3, 4, 2, bidirectional=True), "Bidirectional("),
    (lambda kind: nn.Sequential(kind(3, 4), chosen(lambda given: given[0][-1]), nn.Linear(4, 2)), "({0}(4), Dense(2))"),
    (lambda kind: nn.Sequential(nn.Linear(3, 4), kind(4, 2), Outputs(), nn.Tanh()), "True), Tanh()"),
    (
        lambda kind: nn.Sequential(kind(3, 4), chosen(lambda given: given[0].transpose(0, 1)), nn.Flatten()),
        "True), Flatten())",
    ),
]  # fmt: skip
"""Modules that take the steps first, (T, N, D)."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrences_calculate_the_same(kind: str, steps_first: bool, dtype: str) -> None:
    torch.manual_seed(0)
    for make, words in TURNED if steps_first else READ:
        module = make(getattr(nn, kind)).to(getattr(torch, dtype))
        net = from_torch(module, STEPS)
        assert words.format(KINDS[kind].__name__) in repr(net)
        assert str(net.dtype) == dtype
        x = rows(STEPS, dtype)
        expected = theirs(module, x, steps_first=steps_first)
        tolerance = 3e-5 if dtype == "float32" else 1e-9
        for engine in ("numpy", "auto"):
            np.testing.assert_allclose(ours(net, x, engine), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_last_states_are_what_they_are_of(kind: str) -> None:
    """Of one direction the last output; of both the ends at which they arrive."""

    def hidden(given: Any) -> Any:
        return given[1][0] if kind == "LSTM" else given[1]

    one = nn.Sequential(getattr(nn, kind)(3, 4, 2, **FIRST), chosen(lambda given: hidden(given)[-1]))
    both = nn.Sequential(
        getattr(nn, kind)(3, 4, 2, bidirectional=True, **FIRST),
        LastStates() if kind == "LSTM" else chosen(lambda given: torch.cat([given[1][2], given[1][3]], -1)),
    )
    x = rows(STEPS, np.float32)
    for module in (one, both):
        net = from_torch(module, STEPS)
        np.testing.assert_allclose(ours(net, x, "auto"), theirs(module, x), rtol=1e-4, atol=1e-5)
    assert "Columns" not in repr(net)


def test_words_and_steps() -> None:
    module = nn.Sequential(nn.Embedding(9, 3, padding_idx=0), nn.GRU(3, 4), chosen(lambda given: given[0][-1]))
    net = from_torch(module, (6,))
    words = np.random.default_rng(0).integers(0, 9, (5, 6))
    np.testing.assert_allclose(ours(net, words, "auto"), theirs(module, words, steps_first=True), rtol=1e-4, atol=1e-6)
    one = from_torch(nn.LSTM(3, 4), (1, 3))
    assert one.output_shape == (1, 4)


Made = Callable[[], Any]
REFUSED: list[tuple[Made, tuple[int, ...] | None, str]] = [
    (lambda: nn.LSTM(3, 4, proj_size=2, **FIRST), STEPS, "with proj_size=2"),
    (lambda: nn.RNN(3, 4, nonlinearity="relu", **FIRST), STEPS, "with nonlinearity='relu'"),
    (lambda: nn.LSTM(3, 4, **FIRST), (3,), r"with inputs of shape \(N, 3\)"),
    (lambda: nn.LSTM(3, 4), (3,), r"with inputs of shape \(N, 3\)|torch refuses"),
    (lambda: nn.GRU(3, 4, **FIRST), (2, 5, 3), "torch refuses"),
    (lambda: nn.LSTM(3, 4, **FIRST), None, "no input_shape.*sequences"),
    (lambda: nn.LSTM(3, 4, 2, dropout=1.0, **FIRST), STEPS, r"rate=1\.0"),
    (lambda: nn.LSTMCell(3, 4), (3,), r"received LSTMCell\("),
    (
        lambda: nn.Sequential(nn.LSTM(3, 4, **FIRST), nn.Linear(4, 2)),
        STEPS,
        "0: .*outputs and last states.*between them",
    ),
    (lambda: nn.Sequential(nn.LSTM(3, 4, **FIRST), nn.Identity()), STEPS, "outputs and last states"),
    (lambda: nn.Sequential(nn.LSTM(3, 4, **FIRST), nn.LogSoftmax(1)), STEPS, r"1: received LogSoftmax\("),
    (lambda: nn.Sequential(nn.Linear(3, 4), Outputs()), STEPS, r"1: received Outputs\(\), expected torch\.nn\.Seq"),
    (
        lambda: nn.Sequential(nn.GRU(3, 4, **FIRST), Outputs(), Outputs()),
        STEPS,
        r"2: received Outputs\(\), expected to",
    ),
    (lambda: nn.Sequential(nn.LSTM(3, 4), Outputs(), nn.GRU(4, 2, **FIRST)), STEPS, "2: .*batch_first=True.*the same"),
    (lambda: nn.Sequential(nn.LSTM(3, 4, **FIRST), Outputs(), nn.GRU(4, 2)), STEPS, "2: .*batch_first=False.*the same"),
    (lambda: nn.Sequential(nn.GRU(3, 4), Outputs(), nn.BatchNorm1d(5)), STEPS, "2: .*torch refuses"),
    (lambda: nn.Sequential(nn.GRU(3, 4), Outputs(), nn.Softmax(dim=1)), STEPS, "2: .*with dim=1"),
    (lambda: nn.Sequential(nn.GRU(3, 4), Outputs(), nn.Flatten()), STEPS, "2: .*not one for each row"),
    (lambda: nn.Sequential(nn.GRU(3, 4), last_step()), STEPS, "something else than all outputs"),
    (lambda: twice(nn.GRU(3, 3, **FIRST)), STEPS, "in two places, 0 and 2"),
    (lambda: tied(nn.GRU(3, 3, **FIRST)), STEPS, r"0\.weight_ih_l0 and 2\.weight_ih_l0"),
    (lambda: Halved(3, 4, **FIRST), STEPS, r"received Halved\("),
    (lambda: nn.LSTM(3, 4, **FIRST).half(), STEPS, r"parameters of torch\.float16"),
    (lambda: nn.utils.parametrizations.weight_norm(nn.GRU(3, 4, **FIRST), "weight_hh_l0"), STEPS, "weight_hh_l0"),
    (lambda: hooked(nn.GRU(3, 4, **FIRST)), STEPS, "with a hook"),
    (lambda: infinite(nn.GRU(3, 4, **FIRST)), STEPS, "bias_hh_l0 of dtype float32, not all finite"),
]
CHOICES: list[tuple[Made, str]] = [
    (lambda: chosen(lambda given: given[0][-1]), "something else than"),  # of a row, not of a step
    (lambda: chosen(lambda given: given[1][1][-1]), "something else than"),  # the cell
    (lambda: chosen(lambda given: given[1][0][0]), "something else than"),  # of the first level
    (lambda: chosen(lambda given: given[1][0]), "something else than"),
    (lambda: chosen(lambda given: given[0].transpose(0, 1)), "something else than"),
    (lambda: chosen(lambda given: given[0][:, :-1]), "something else than"),
    (lambda: chosen(lambda given: given[0][:, -1:]), "something else than"),
    (lambda: chosen(lambda given: given[0][:, -1, ::-1]), "nothing|something else than"),
    (lambda: chosen(lambda given: torch.cat([given[1][0][-1], given[1][0][-2]], 1)), "something else than"),
    (lambda: chosen(lambda given: given), "tuple"),
    (lambda: chosen(lambda given: given[0].mean(1)), "does more"),
    (lambda: chosen(lambda given: given[0].flip(1)), "does more"),
    (lambda: chosen(lambda given: 1.0 * given[0]), "does more"),
    (lambda: chosen(lambda given: nn.functional.dropout(given[0], 0.1, False)), "does more"),
    (lambda: chosen(lambda given: given[0] if len(given) == 2 else None), "does more"),
    (lambda: chosen(last_that_is_not_0), "does more"),
]


def last_that_is_not_0(given: Any) -> Any:
    """What is the last step of random rows, and not of padded ones."""
    outputs = given[0]
    place = (outputs.abs().sum(2) > 0).sum(1) - 1
    return outputs[torch.arange(len(outputs)), place]


class Halved(nn.LSTM):
    def forward(self, x: Any, states: Any = None) -> Any:
        y, states = super().forward(x, states)
        return y / 2, states


def twice(layer: Any) -> Any:
    return nn.Sequential(layer, Outputs(), layer, Outputs())


def tied(layer: Any) -> Any:
    other = copy.deepcopy(layer)
    other.weight_ih_l0 = layer.weight_ih_l0
    return nn.Sequential(layer, Outputs(), other, Outputs())


def hooked(layer: Any) -> Any:
    layer.register_forward_hook(lambda own, given, found: (found[0] + 1, found[1]))
    return layer


def infinite(layer: Any) -> Any:
    with torch.no_grad():
        layer.bias_hh_l0[1] = float("inf")
    return layer


@pytest.mark.parametrize("number", range(len(CHOICES)))
def test_choices_of_something_else_are_refused(number: int) -> None:
    make, words = CHOICES[number]
    module = nn.Sequential(nn.LSTM(3, 4, 2, **FIRST), make())
    with pytest.raises(gn.ConfigurationError, match=rf"from_torch: 1: received Chosen\(\).*{words}"):
        from_torch(module, STEPS)


def test_a_wrong_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates in another order, and a direction that is the other one."""
    from glassnet.interop.torch import importing, sequences

    def turned_over(state: dict[str, Any]) -> dict[str, Any]:
        return {name: None if own is None else own.roll(4, 0) for name, own in state.items()}

    with monkeypatch.context() as patched:
        patched.setattr(
            importing, "parts", lambda m, layers: [(own, turned_over(s)) for own, s in sequences.parts(m, layers)]
        )
        for kind in ("LSTM", "GRU"):
            with pytest.raises(gn.ConfigurationError, match=r"from_torch: module: received .* here and .* there"):
                from_torch(getattr(nn, kind)(3, 4, **FIRST), STEPS)
    monkeypatch.setitem(
        importing.READERS, "GRU", lambda m, rows: [gn.GRU(m.hidden_size, return_sequences=True, reverse=True)]
    )
    with pytest.raises(gn.ConfigurationError, match="here and .* there"):
        from_torch(nn.GRU(3, 4, **FIRST), STEPS)


WIDE = 5, 8
ENCODER: dict[str, Any] = {"dim_feedforward": 12, **FIRST}
ATTENTION: list[tuple[Made, str]] = [
    (lambda: nn.MultiheadAttention(8, 2, **FIRST), "(SelfAttention(2))"),
    (lambda: nn.MultiheadAttention(8, 4, 0.2, bias=False), "(SelfAttention(4, dropout=0.2, use_bias=False))"),
    (lambda: encoder(**ENCODER), "SelfAttention(2, dropout=0.1), Dropout(0.1)), LayerNorm()"),
    (lambda: encoder(norm_first=True, activation="gelu", **ENCODER), "Residual(LayerNorm(), SelfAttention(2, dropout"),
    (lambda: encoder(12, 0.0, nn.LeakyReLU(0.2)), "Residual(Dense(12), LeakyReLU(0.2), Dense(8))"),
    (lambda: nn.TransformerEncoder(encoder(**ENCODER), 2, nn.LayerNorm(8), False), "LayerNorm(), LayerNorm())"),
    (lambda: nn.Sequential(nn.Linear(8, 8), encoder(**ENCODER), nn.Linear(8, 3)), "LayerNorm(), Dense(3))"),
]


def encoder(*settings: Any, **further: Any) -> Any:
    return nn.TransformerEncoderLayer(8, 2, *settings, **further)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("number", range(len(ATTENTION)))
def test_attention_calculates_the_same(number: int, dtype: str) -> None:
    torch.manual_seed(0)
    make, words = ATTENTION[number]
    module = make().to(getattr(torch, dtype)).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    net = from_torch(module, WIDE)
    assert words in repr(net)
    x = rows(WIDE, dtype)
    steps_first = not all(getattr(own, "batch_first", True) for own in module.modules())
    given = torch.tensor(x.swapaxes(0, 1) if steps_first else x)
    with torch.no_grad():
        is_alone = isinstance(module, nn.MultiheadAttention)
        expected = (module(given, given, given)[0] if is_alone else module(given)).numpy()
    expected = expected.swapaxes(0, 1) if steps_first else expected
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(ours(net, x, "auto"), expected, rtol=tolerance, atol=tolerance)


def with_part(name: str, part: Any) -> Any:
    module = encoder(**ENCODER)
    setattr(module, name, part)
    return module


class Shortened(nn.TransformerEncoderLayer):
    def _ff_block(self, x: Any) -> Any:
        return x


REFUSED += [
    (lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True, **FIRST), WIDE, "with bias_k="),
    (lambda: nn.MultiheadAttention(8, 2, add_zero_attn=True, **FIRST), WIDE, "with add_zero_attn=True"),
    (lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=4, **FIRST), WIDE, "torch refuses"),
    (lambda: nn.MultiheadAttention(8, 2, kdim=8, vdim=8, **FIRST), (8,), r"inputs of shape \(N, 8\)"),
    (
        lambda: nn.Sequential(nn.Linear(8, 8), nn.MultiheadAttention(8, 2, **FIRST)),
        WIDE,
        "1: received MultiheadAttention.*queries, keys and values apart",
    ),
    (lambda: encoder(activation=lambda x: x.relu(), **ENCODER), WIDE, "with activation="),
    (lambda: encoder(activation=nn.PReLU(), **ENCODER), WIDE, r"with activation=PReLU\("),
    (lambda: encoder(bias=False, **ENCODER), WIDE, "with bias=None"),
    (lambda: with_part("dropout1", nn.Tanh()), WIDE, r"with dropout1=Tanh\(\)"),
    (lambda: with_part("linear1", nn.Sequential(nn.Linear(8, 12))), WIDE, "linear1=Sequential|torch refuses"),
    (lambda: nn.Sequential(encoder(**ENCODER), encoder(12)), WIDE, "1: .*batch_first=False"),
    (lambda: Shortened(8, 2, **ENCODER), WIDE, r"received Shortened\("),
    (lambda: nn.TransformerDecoderLayer(8, 2, **ENCODER), WIDE, r"received TransformerDecoderLayer\("),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_not_read_is_refused_by_its_name(number: int) -> None:
    make, shape, words = REFUSED[number]
    with pytest.raises(gn.GlassnetError, match=words):
        from_torch(make(), shape)


@pytest.mark.parametrize(
    "make",
    [
        lambda: [gn.PositionalEncoding("learned"), gn.SelfAttention(2, causal=True), gn.Attention(3)],
        lambda: [gn.PositionalEncoding(most_steps=7), gn.SelfAttention(4, use_bias=False, dropout=0.1), gn.Attention()],
        lambda: [gn.Bidirectional(gn.LSTM(3, return_sequences=True)), gn.Bidirectional(gn.GRU(2, use_bias=False))],
        lambda: [gn.RMSNorm(use_scale=False), gn.Dense(2)],
    ],
)
def test_layers_for_sequences_there_and_back(make: Callable[[], list[Any]]) -> None:
    net = gn.Sequential(*make())
    net.build(WIDE, seed=1)
    net.parameters[...] = np.random.default_rng(2).normal(size=net.parameters.size)
    again = from_torch(to_torch(net), WIDE)
    assert repr(again) == repr(net)
    np.testing.assert_array_equal(again.parameters, net.parameters)


def test_an_output_tied_to_the_embedding() -> None:
    module = nn.Sequential(nn.Embedding(9, 4), nn.GRU(4, 4, **FIRST), last_step(), nn.Linear(4, 9, bias=False))
    module[3].weight = module[0].weight
    net = from_torch(module, (6,))
    assert repr(net) == "Sequential(Embedding(9, 4, name='tokens'), GRU(4), Tied('tokens'))"
    words = np.random.default_rng(0).integers(0, 9, (5, 6))
    np.testing.assert_allclose(ours(net, words, "auto"), theirs(module, words), rtol=1e-4, atol=1e-5)
    again = to_torch(net)
    assert again[2].weight is again[0].weight
    module[3].weight = nn.Parameter(module[0].weight.detach()[:, :])  # the same numbers, by another parameter
    with pytest.raises(gn.ConfigurationError, match="the same numbers in memory"):
        from_torch(module, (6,))


@pytest.mark.parametrize("settings", [{}, {"return_sequences": True}, {"reverse": True}, {"use_bias": False}])
@pytest.mark.parametrize("layer", KINDS.values())
def test_recurrences_there_and_back(layer: Any, settings: dict[str, Any]) -> None:
    net = gn.Sequential(layer(4, return_sequences=True, reverse=True), layer(3, **settings))
    net.build(STEPS, seed=1)
    net.parameters[...] = np.random.default_rng(2).normal(size=net.parameters.size)
    module = to_torch(net)
    assert {"0.weight_ih_l0", "1.weight_hh_l0"} <= set(module.state_dict())
    again = from_torch(module, STEPS)
    assert repr(again) == repr(net)
    np.testing.assert_array_equal(again.parameters, net.parameters)


def test_weights_that_are_shared_and_frozen_are_so_in_torch() -> None:
    shared = gn.LSTM(3, return_sequences=True)
    net = gn.Sequential(shared, "tanh", gn.Residual(shared), gn.GRU(2))
    net.build(STEPS)
    net[3].freeze()
    module = to_torch(net)
    assert module[2].residual[0].weight_hh_l0 is module[0].weight_hh_l0
    assert {name for name, p in module.named_parameters() if not p.requires_grad} == {
        f"3.{kind}_{what}_l0" for kind in ("weight", "bias") for what in ("ih", "hh")
    }
    with torch.no_grad():  # what is shared is used, too
        module[0].weight_hh_l0 *= 3
    assert torch.equal(module[2].residual[0]._flat_weights[1], module[0].weight_hh_l0)


def test_states_of_recurrences(tmp_path: Path) -> None:
    """In a file each level has its number, and both biases are there."""
    path = tmp_path / "state.safetensors"
    module = nn.Sequential(nn.LSTM(3, 4, 2, **FIRST), last_step(), nn.Linear(4, 2))
    save_file({name: np.ascontiguousarray(p.numpy()) for name, p in module.state_dict().items()}, path)
    net = gn.Sequential(gn.LSTM(4, return_sequences=True), gn.LSTM(4), gn.Dense(2))
    net.build(STEPS)
    load_state(net, path)
    x = rows(STEPS, np.float32)
    np.testing.assert_allclose(ours(net, x, "auto"), theirs(module, x), rtol=1e-4, atol=1e-5)
    before = net.parameters.copy()
    net.parameters[...] = 0
    load_state(net, path, {"0": "0.0", "1": "0.1", "2": "2"})
    np.testing.assert_array_equal(net.parameters, before)
    with pytest.raises(gn.ConfigurationError, match="3 groups of weights"):
        load_state(built(gn.LSTM(4), gn.Dense(2)), path)
    save_file(
        {name: np.ascontiguousarray(p.numpy()) for name, p in nn.GRU(3, 4, bias=False).state_dict().items()}, path
    )
    with pytest.raises(gn.ShapeError, match="use_bias"):
        load_state(built(gn.GRU(4)), path)
    load_state(built(gn.GRU(4, use_bias=False)), path)
    with pytest.raises(gn.ShapeError, match="weight_hh_l0|weight_ih_l0"):
        load_state(built(gn.LSTM(3, use_bias=False)), path)


def built(*layers: gn.Layer) -> gn.Network:
    net = gn.Sequential(*layers)
    net.build(STEPS)
    return net
