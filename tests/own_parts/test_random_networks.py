"""Random networks with parts of the user's own: the same by NumPy and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import parts
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.compile import native

# Smooth functions, so that rounding decides no kink; square and 1.5th power grow too fast to stand in a row.
LAYERS: dict[str, Any] = {
    "dense": lambda units: gn.Dense(units),
    "tanh": lambda _: gn.Tanh(),
    "batch norm": lambda _: gn.BatchNorm(),
    "swish": lambda _: parts.Swish(),
    "affine": lambda _: parts.Affine(),
    "weight normed": lambda units: parts.WeightNormed(units),
    "block": lambda units: parts.Block(units),
    "tower": lambda units: parts.Tower(units),
    "dropout": lambda _: parts.MyDropout(0.3),
    "drawing": lambda _: parts.MyDrawingLayer(),
    "running mean": lambda _: parts.RunningMean(),
}
LOSSES: list[Any] = [
    "mean_squared_error",
    parts.LogCosh(0.5),
    parts.squares,
    parts.squares_of_rows,
    parts.CalledLoss(),
]
OPTIMIZERS: list[Any] = [
    lambda: gn.SGD(0.02, momentum=0.5),
    lambda: parts.MyMomentum(0.01),
    lambda: parts.StepOnly(0.02),
    lambda: parts.LazyMemory(0.01),
    lambda: gn.Chain(parts.Clip(), gn.SGD(parts.falling)),
    lambda: gn.Chain(gn.L2(1e-3), parts.MyMomentum(parts.Steps(0.02)), gn.MaxNorm(3.0)),
]


def layers_of(plan: Any) -> list[gn.Layer]:
    """The layers of a drawn plan: (name, units), or a list of plans for what stands beside a shortcut."""
    found: list[Any] = []
    for item in plan:
        if isinstance(item, list):
            found.append(gn.Concat(layers_of(item) or "tanh", parts.Swish()))
        else:
            name, units = item
            found.append(
                gn.layers.PythonLayer(made) if isinstance(made := LAYERS[name](units), gn.NumpyLayer) else made
            )
    return found


PRESERVING = {"tanh", "batch norm", "swish", "affine", "running mean"}
"""Their output has their input's shape: they may stand twice in a row."""


def with_places(layers: list[gn.Layer], plan: Any, again: int) -> list[gn.Layer]:
    """The layers, one of them in two places where it can be."""
    at = again % len(layers)
    name = plan[at][0] if isinstance(plan[at], tuple) else ""
    return [*layers[: at + 1], *layers[at : at + 1], *layers[at + 1 :]] if name in PRESERVING else layers


layer = st.tuples(st.sampled_from(sorted(LAYERS)), st.integers(1, 5))
plans = st.lists(layer | st.lists(layer, max_size=2), min_size=1, max_size=5)


@pytest.mark.skipif(native() is None, reason="needs the compiled module")
@settings(max_examples=60, deadline=None, derandomize=True)
@example(plan=[[], [("batch norm", 1), ("batch norm", 1)]], loss=0, optimizer=0, rows=2, batch_size=2, seed=0, again=0,
         frozen=None, scaled=None)  # fmt: skip
@given(
    plan=plans,
    loss=st.integers(0, len(LOSSES) - 1),
    optimizer=st.integers(0, len(OPTIMIZERS) - 1),
    rows=st.integers(2, 40),
    batch_size=st.integers(2, 20),
    seed=st.integers(0, 5),
    again=st.integers(0, 4),
    frozen=st.none() | st.integers(0, 5),
    scaled=st.none() | st.integers(0, 5),
)
def test_random_networks(
    plan: Any,
    loss: int,
    optimizer: int,
    rows: int,
    batch_size: int,
    seed: int,
    again: int,
    frozen: int | None,
    scaled: int | None,
) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    found = []
    for engine in ("numpy", "compiled"):
        network = gn.Sequential(*with_places(layers_of(plan), plan, again), gn.Dense(2))
        if frozen is not None:
            network[frozen % len(network)].freeze()
        if scaled is not None:
            network[scaled % len(network)].learning_rate_scale = 0.3
        model = gn.Model(network, LOSSES[loss], OPTIMIZERS[optimizer](), seed=seed, dtype="float64", engine=engine)
        history = model.fit(x, y, epochs=2, batch_size=batch_size, verbose=False)
        found.append([np.array(history["loss"]), network.parameters.copy(), model.predict(x), model.predict(x[:1])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(one).max()))
