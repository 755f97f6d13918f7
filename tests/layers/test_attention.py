"""Attention: against PyTorch's numbers, rows with lengths against rows alone, and what is refused.

``golden/attention.npz`` was made by ``golden/make_attention.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracing.test_formulas import check

import glassnet as gn
from glassnet.compile import native
from glassnet.core.shapes import Array
from glassnet.kernels import KERNELS
from glassnet.runners.states import States

GOLDEN = np.load(Path(__file__).with_name("golden") / "attention.npz")
NAMES = {
    "weight": "in_proj_weight",
    "bias": "in_proj_bias",
    "output_weight": "out_proj.weight",
    "output_bias": "out_proj.bias",
}


def golden(case: str) -> dict[str, Array]:
    return {name.removeprefix(f"{case}/"): GOLDEN[name] for name in GOLDEN.files if name.startswith(f"{case}/")}


def compare(net: gn.Network, case: str, theirs: dict[str, str], lengths: Array | None = None) -> None:
    """A forward and a backward pass with PyTorch's parameters; ``theirs`` are its names of ours."""
    torch = golden(case)
    net.build(torch["x"].shape[1:], dtype="float64")
    own, gradients = dict(net.named_parameters()), dict(net.named_gradients())
    assert set(own) == set(theirs)
    assert {name for name in torch if f"d{name}" in torch and name != "x" and name != "y"} == set(theirs.values())
    for name, array in own.items():
        array[...] = torch[theirs[name]].T
    run = gn.NumpyRunner()
    run.lengths = lengths
    y, cache = net.forward(run, torch["x"], training=True)
    counts = np.ones(y.shape[:2], bool) if lengths is None else np.arange(y.shape[1]) < lengths[:, None]
    np.testing.assert_allclose(y[counts], torch["y"][counts], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(net.backward(run, torch["dy"], cache), torch["dx"], rtol=1e-9, atol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, torch[f"d{theirs[name]}"].T, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("case", ["plain", "causal", "lengths", "without biases"])
def test_pytorch_says_the_same(case: str) -> None:
    layer = gn.SelfAttention(2, causal=case == "causal", use_bias=case != "without biases")
    names = {f"0.{own}": theirs for own, theirs in NAMES.items() if layer.use_bias or "bias" not in own}
    compare(gn.Sequential(layer), case, names, GOLDEN["lengths"] if case == "lengths" else None)


@pytest.mark.parametrize("case", ["norm first", "norm after"])
def test_a_block_is_pytorchs_encoder_layer(case: str) -> None:
    first = case == "norm first"
    net = gn.TransformerBlock(2, 6, hidden=7, activation="gelu", norm_first=first, causal=first)
    norms, attention, dense = (
        (["0.residual.0", "1.residual.0"], "0.residual.1", ["1.residual.1", "1.residual.3"])
        if first
        else (["1", "3"], "0.residual.0", ["2.residual.0", "2.residual.2"])
    )
    names = {f"{attention}.{own}": f"self_attn.{theirs}" for own, theirs in NAMES.items()}
    for number, (norm, layer) in enumerate(zip(norms, dense, strict=True), 1):
        names |= {f"{norm}.gamma": f"norm{number}.weight", f"{norm}.beta": f"norm{number}.bias"}
        names |= {f"{layer}.{own}": f"linear{number}.{own}" for own in ("weight", "bias")}
    compare(net, case, names)


LAYERS = {
    "plain": lambda: gn.SelfAttention(2),
    "causal": lambda: gn.SelfAttention(1, causal=True),
    "rotary": lambda: gn.SelfAttention(2, rotary=True),
    "dropout": lambda: gn.SelfAttention(2, dropout=0.3, causal=True),
    "pooling": lambda: gn.Attention(),
    "pooling of units": lambda: gn.Attention(3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_rows_with_lengths(name: str) -> None:
    """By central differences in random directions, and 0 where no step is; what stands there does not matter."""
    rng = np.random.default_rng(0)
    net = gn.Sequential(LAYERS[name]())
    net.build((5, 4), dtype="float64")
    net.parameters[...] = rng.normal(size=net.parameters.size)
    lengths = np.array([5, 1, 3])
    counts = np.arange(5) < lengths[:, None]
    x = rng.normal(size=(3, 5, 4))
    y, _ = net.forward(run_with(lengths), x, training=True)
    dy = rng.normal(size=y.shape)
    if y.ndim == 3:
        dy[~counts] = 0

    def loss(x: Array) -> float:
        return float(np.sum(dy * net.forward(run_with(lengths), x, training=True)[0]))

    run = run_with(lengths)
    dx = net.backward(run, dy, net.forward(run, x, training=True)[1])
    assert (dx[~counts] == 0).all()
    assert loss(np.where(counts[..., None], x, 7.0)) == pytest.approx(loss(x), rel=1e-12)
    for values, gradient in ((x, dx), (net.parameters, net.gradients.copy())):
        direction = rng.normal(size=values.shape)
        old, found = values.copy(), []
        for step in (1e-5, -1e-5):
            values[...] = old + step * direction
            found.append(loss(x))
        values[...] = old
        assert (found[0] - found[1]) / 2e-5 == pytest.approx(float(np.sum(gradient * direction)), rel=1e-7)


def run_with(lengths: Array | None) -> gn.NumpyRunner:
    run = gn.NumpyRunner(seed=1, step=2)
    run.lengths = lengths
    return run


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "dropout"])
def test_a_padded_row_gives_what_it_gives_alone(name: str) -> None:
    rng = np.random.default_rng(0)
    layer = LAYERS[name]()
    net = gn.Sequential(layer)
    net.build((6, 4), dtype="float64")
    lengths = np.array([6, 4, 1])
    x = rng.normal(size=(3, 6, 4)) * (np.arange(6) < lengths[:, None])[..., None]
    y, _ = net.forward(run_with(lengths), x, training=False)
    for row, length in enumerate(lengths):
        alone = layer.forward(run_with(None), x[row : row + 1, :length], training=False)[0][0]
        np.testing.assert_allclose(y[row, :length] if y.ndim == 3 else y[row], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
def test_compiled_training_is_that_of_numpy(dtype: str, tolerance: float, tmp_path: Path) -> None:
    """By SGD: biases of keys have no gradient but rounding errors, of which Adam would make whole steps."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, (37, 19)), rng.integers(0, 4, 37)
    trained = {}
    for engine, threads in (("numpy", 1), ("compiled", 1), ("compiled", 2)):
        blocks = (
            gn.TransformerBlock(3, 12, causal=True, dropout=0.1),
            gn.TransformerBlock(2, 12, norm="rms", rotary=True),
        )
        net = gn.Sequential(
            gn.Embedding(9, 12), gn.PositionalEncoding("learned"), *blocks, gn.Attention(5), gn.Dense(4)
        )
        model = gn.Model(net, "cross_entropy", gn.SGD(0.1), engine=engine, threads=threads, dtype=dtype, seed=1)
        model.fit(x, y, epochs=2, batch_size=16, verbose=False)
        trained[engine, threads] = net.parameters.copy(), model.predict(x)
    assert all(map(np.array_equal, trained["compiled", 1], trained["compiled", 2]))
    for own, twin in zip(trained["compiled", 1], trained["numpy", 1], strict=True):
        np.testing.assert_allclose(own, twin, rtol=tolerance, atol=tolerance)
    model.save(tmp_path / "attention.safetensors")
    np.testing.assert_array_equal(gn.load(tmp_path / "attention.safetensors").predict(x), model.predict(x))
    single = np.concatenate([model.predict(row[None]) for row in x])
    np.testing.assert_allclose(single, model.predict(x), rtol=tolerance, atol=tolerance)


def test_causal_attention_sees_no_later_step() -> None:
    rng = np.random.default_rng(0)
    net = gn.Sequential(gn.TransformerBlock(2, 8, causal=True, rotary=True))
    model = gn.Model(net, "mean_squared_error", "adam", seed=0)
    x = rng.normal(size=(2, 7, 8)).astype(np.float32)
    before = model.network.build((7, 8)) and model.predict(x)
    changed = x.copy()
    changed[:, 4:] += 1
    np.testing.assert_array_equal(model.predict(changed)[:, :4], before[:, :4])
    assert (model.predict(changed)[:, 4:] != before[:, 4:]).any()


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("encoding", ["learned", "sinusoidal", "rotary"])
def test_one_step_after_another_gives_what_the_whole_gives(encoding: str, engine: str) -> None:
    block = gn.TransformerBlock(2, 8, causal=True, rotary=encoding == "rotary")
    net = gn.Sequential(*([] if encoding == "rotary" else [gn.PositionalEncoding(encoding)]), block)
    net.build((6, 8), dtype="float64")
    x = np.random.default_rng(0).normal(size=(3, 6, 8))
    run = gn.TracingRunner() if engine == "numpy" else Native()
    whole, _ = net.forward(run, x, training=False)
    run.states = States()
    for _ in range(2):
        for t in range(6):
            step, *layers = x[:, t : t + 1].copy(), *net.layers
            for layer in layers:
                step, _ = through(layer, run, step)
            np.testing.assert_allclose(step[:, 0], whole[:, t], rtol=1e-10, atol=1e-13)
        run.states.reset()
    for call in getattr(run, "calls", []):
        if call.kernel in ("attention_step", "count_step", "position_forward", "rotary_forward"):
            check(call)
    with pytest.raises(gn.ConfigurationError, match="go on from batch to batch"):
        net.forward(run, x, training=True)


def through(layer: gn.Layer, run: gn.Runner, x: Array) -> tuple[Array, Any]:
    """A step through a layer, or through those of a network, which was built for whole sequences."""
    if isinstance(layer, gn.Sequential):
        for inner in layer.layers:
            x, _ = through(inner, run, x)
        return x, None
    if isinstance(layer, gn.Residual):
        return x + through(layer.residual, run, x)[0], None
    return layer.forward(run, x, training=False)


class Native(gn.NumpyRunner):
    """Runs the native twins."""

    def __call__(self, caller: Any, kernel: Any, **arguments: Any) -> None:
        entry, module = KERNELS[kernel.__name__], native()
        if module is None:
            pytest.skip("a pure-Python installation")
        arrays, numbers = [arguments[n] for n in entry.arrays], [float(arguments[n]) for n in entry.settings]
        module.call(entry.name, True, arrays, numbers)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_stream_keeps_keys_and_values(engine: str) -> None:
    blocks = gn.TransformerBlock(2, 8, causal=True), gn.TransformerBlock(4, 8, causal=True, rotary=True, norm="rms")
    net = gn.Sequential(gn.Embedding(9, 8), gn.PositionalEncoding("learned"), *blocks, gn.Dense(9))
    net.build((6,))
    model = gn.Model(net, "cross_entropy", "adam", engine=engine)
    x = np.random.default_rng(0).integers(0, 9, (3, 6))
    expected, stream = model.predict(x), model.stream(rows=3)
    for _ in range(2):
        for t in range(6):
            np.testing.assert_allclose(stream.step(x[:, t]), expected[:, t], rtol=1e-4, atol=1e-5)
        with pytest.raises(gn.ConfigurationError, match="at most 6"):
            stream.step(x[:, 0])
        stream.reset()
    with pytest.raises(gn.ConfigurationError, match="SelfAttention.*causal=False"):
        gn.Model(built(gn.SelfAttention(2)), "mean_squared_error", "adam").stream()


def built(*layers: gn.Layer) -> gn.Network:
    net = gn.Sequential(*layers)
    net.build((6, 8))
    return net


def test_rotary_weights_depend_on_distances_alone() -> None:
    net = gn.Sequential(gn.SelfAttention(1, rotary=True))
    net.build((9, 4), dtype="float64")
    run = gn.TracingRunner()
    net.forward(run, np.ones((1, 9, 4)), training=False)
    (weights,) = [call.outputs["weights"][0, 0] for call in run.calls if call.kernel == "attention_weights_forward"]
    products = np.log(weights)  # of equal steps, but for what a column has in common
    shifted = products - np.diag(products)
    np.testing.assert_allclose(shifted[1:, 1:], shifted[:-1, :-1], atol=1e-12)
    assert np.ptp(shifted) > 1e-3


def test_sinusoids_are_those_of_the_paper() -> None:
    net = gn.Sequential(gn.PositionalEncoding())
    net.build((50, 5), dtype="float64")
    y, _ = net.forward(gn.NumpyRunner(), np.zeros((1, 50, 5)), training=False)
    t = np.arange(50)
    columns = np.sin(t), np.cos(t), np.sin(t / 10000**0.4), np.cos(t / 10000**0.4), np.sin(t / 10000**0.8)
    np.testing.assert_allclose(y[0], np.stack(columns, axis=1), atol=1e-15)


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (lambda: gn.SelfAttention(2), (5,), r"sequences \(N, T, D\)"),
        (lambda: gn.Attention(), (3, 8, 8), r"sequences \(N, T, D\)"),
        (lambda: gn.PositionalEncoding(), (5,), r"sequences \(N, T, D\)"),
        (lambda: gn.SelfAttention(3), (5, 8), "D a multiple of 3"),
        (lambda: gn.SelfAttention(2, rotary=True), (5, 6), "D a multiple of 4: an even number"),
        (lambda: gn.PositionalEncoding("learned", most_steps=4), (5, 6), "sequences of 5 steps.*at most 4 steps"),
        (lambda: gn.PositionalEncoding(most_steps=4), (5, 6), "at most 4 steps"),
        (lambda: gn.TransformerBlock(2, 8), (5, 6), "one shape for both"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(build: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(gn.ShapeError, match=message):
        gn.Sequential(build()).build(shape)


@pytest.mark.parametrize(
    "build",
    [
        lambda: gn.SelfAttention(0),
        lambda: gn.SelfAttention(2, dropout=1.0),
        lambda: gn.SelfAttention(2, causal="yes"),  # type: ignore[arg-type]
        lambda: gn.Attention(0),
        lambda: gn.PositionalEncoding("rotary"),
        lambda: gn.PositionalEncoding(most_steps=0),
        lambda: gn.TransformerBlock(2, 8, norm="batch"),
        lambda: gn.TransformerBlock(2, 8, hidden=0),
        lambda: gn.TransformerBlock(2, 8, norm_first=3),  # type: ignore[arg-type]
    ],
)
def test_settings_outside_their_range_are_refused(build: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="SelfAttention|Attention|PositionalEncoding|TransformerBlock"):
        build()
