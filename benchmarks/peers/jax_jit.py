"""jax: one compiled call for each step, or the whole loop compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.cases import EPOCHS, EPSILON, PREDICTIONS, Case, fingerprint
from benchmarks.networks import (
    BATCH_NORM_EPSILON,
    Activation,
    Array,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Recurrent,
)
from benchmarks.results import LOOP
from benchmarks.timing import Stepwise, Whole, missing, peer_main
from benchmarks.transformers import NORM_EPSILON, Block, Norm, Tokens

try:
    import jax
    import jax.numpy as jnp
    from jax import lax
except ImportError as error:
    missing(error)

jax.config.update("jax_enable_x64", True)

FLAT_LIMIT = 50_000
"""Weights up to which they are also tried as one vector; taking larger ones apart costs more than calls do."""
State = tuple[Any, ...]
Step = Callable[[State, Any, Any], tuple[State, Any]]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}


def forward(parts: Any, x: Any, key: Any = None, *, last: bool = False, statistics: Any = None) -> Any:
    """The output (N, M) of the layers with their arrays.

    Args:
        parts: of ``Case.parts``.
        x: features (N, D), or images (N, C, H, W), with ``last`` (N, H, W, C).
        key: of the dropout masks; without it nothing is dropped.
        last: whether images have their channels innermost.
        statistics: mean and variance for each batch normalisation; without them those of the batch.
    """
    layout, channels = ("NHWC", (1, 1, 1, -1)) if last else ("NCHW", (1, -1, 1, 1))
    given = iter(statistics or ())
    for i, (layer, arrays) in enumerate(parts):
        match layer:
            case Dense():
                x = x @ arrays[0] + arrays[1] if layer.use_bias else x @ arrays[0]
            case Conv():
                pads, order = [(layer.pad, layer.pad)] * 2, (layout, "OIHW", layout)
                x = lax.conv_general_dilated(x, arrays[0], (1, 1), pads, dimension_numbers=order)
                x = x + arrays[1].reshape(channels) if layer.use_bias else x
            case BatchNorm():
                axes = (0, 1, 2) if last else (0, 2, 3)
                mean, variance = next(given) if statistics else (x.mean(axes), x.var(axes))
                scale = arrays[0] * lax.rsqrt(variance + BATCH_NORM_EPSILON)
                x = x * scale.reshape(channels) + (arrays[1] - mean * scale).reshape(channels)
            case Recurrent():
                x = recurrence(layer, arrays, x)
            case Activation():
                x = ACTIVATIONS[layer.name](x)
            case MaxPool():
                n, a, b, c = x.shape
                x = x.reshape(n, a // 2, 2, b // 2, 2, c) if last else x.reshape(n, a, b // 2, 2, c // 2, 2)
                x = x.max((2, 4) if last else (3, 5))
            case Flatten():
                x = (x.transpose(0, 3, 1, 2) if last else x).reshape(len(x), -1)
            case Tokens():
                x = arrays[0][x] + arrays[1]
            case Norm():
                x = layer_norm(x, *arrays)
            case Block():
                x = block(layer, x, arrays)
            case Dropout() if key is not None:
                keep = 1 - layer.rate
                x = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, i), keep, x.shape), x / keep, 0)
    return x


def layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    """Of each vector."""
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + NORM_EPSILON) * gamma + beta


def block(layer: Block, x: Any, arrays: Any) -> Any:
    """A transformer's block for sequences (N, T, D)."""
    n, t, d = x.shape

    def rms_norm(x: Any) -> Any:
        return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + NORM_EPSILON)

    def attend(qkv: Any) -> Any:
        q, k, v = (part.reshape(n, t, layer.heads, -1) for part in jnp.split(qkv, 3, axis=2))
        return jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(n, t, d)

    if layer.is_plain:
        qkv, out, first, second = arrays
        x = x + attend(rms_norm(x) @ qkv) @ out
        return x + jax.nn.relu(rms_norm(x) @ first) @ second
    g, b, qkv, qkv_bias, out, out_bias, g2, b2, first, first_bias, second, second_bias = arrays
    x = x + attend(layer_norm(x, g, b) @ qkv + qkv_bias) @ out + out_bias
    return x + jax.nn.gelu(layer_norm(x, g2, b2) @ first + first_bias, approximate=False) @ second + second_bias


def recurrence(layer: Recurrent, arrays: Any, x: Any) -> Any:
    """The last state (N, H) for sequences (N, T, D); what the inputs contribute is one product."""
    a = (x @ arrays[0] + arrays[2]).swapaxes(0, 1)  # (T, N, G H)
    zeros = jnp.zeros((len(x), layer.units), x.dtype)

    def lstm(carried: Any, given: Any) -> Any:
        h, c = carried
        i, f, g, o = jnp.split(given + h @ arrays[1], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    def gru(h: Any, given: Any) -> Any:
        (ar, az, an), (sr, sz, sn) = jnp.split(given, 3, axis=1), jnp.split(h @ arrays[1] + arrays[3], 3, axis=1)
        z = jax.nn.sigmoid(az + sz)
        return (1 - z) * jnp.tanh(an + jax.nn.sigmoid(ar + sr) * sn) + z * h, None

    if layer.kind == "lstm":
        return lax.scan(lstm, (zeros, zeros), a)[0][0]
    return lax.scan(gru, zeros, a)[0]


def step_function(case: Case, *, flat: bool = False, last: bool = False) -> Step:
    """(weights, m, v, t, key), x, targets -> the state after one step, the loss before it.

    Of the state t, m, v are empty without Adam, key without dropout: every array costs time at each call. ``flat``
    weights are one vector. ``last``: see ``forward``.
    """

    def loss(weights: Any, x: Any, targets: Any, key: Any) -> Any:
        x = forward(case.parts(unflattened(case, weights) if flat else weights), x, key, last=last)
        if case.loss == "half_squares":
            return 0.5 * jnp.sum((x - targets) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), targets[..., None], axis=-1))

    def step(state: State, x: Any, targets: Any) -> tuple[State, Any]:
        weights, m, v, t, key = state
        mask_key = None
        if case.dropout:
            key, mask_key = jax.random.split(key)
        value, gradients = jax.value_and_grad(loss)(weights, x, targets, mask_key)
        rate = case.learning_rate
        if case.optimizer == "sgd":
            return (jax.tree.map(lambda w, g: w - rate * g, weights, gradients), m, v, t, key), value
        beta1, beta2 = case.betas
        t = t + 1
        correct1, correct2 = (-jnp.expm1(t * np.log(beta).astype(case.dtype)) for beta in case.betas)
        m = jax.tree.map(lambda a, g: beta1 * a + (1 - beta1) * g, m, gradients)
        v = jax.tree.map(lambda a, g: beta2 * a + (1 - beta2) * g * g, v, gradients)
        weights = jax.tree.map(
            lambda w, a, b: w - rate * (a / correct1) / (jnp.sqrt(b / correct2) + EPSILON), weights, m, v
        )
        return (weights, m, v, t, key), value

    return step


def unflattened(case: Case, vector: Any) -> list[Any]:
    """The arrays of ``Case.weights`` as parts of one vector."""
    initial = case.weights()
    parts = jnp.split(vector, np.cumsum([w.size for w in initial])[:-1])
    return [part.reshape(w.shape) for part, w in zip(parts, initial, strict=True)]


@cache
def compiled_step(case: Case, *, flat: bool = False, last: bool = False) -> Any:
    """One step, which reuses the memory of the state before."""
    return jax.jit(step_function(case, flat=flat, last=last), donate_argnums=0)


@cache
def compiled_loop(case: Case) -> Any:
    """Any number of steps in one call, over all batches in turn."""
    step = step_function(case)

    def loop(state: State, first: Any, steps: Any, x: Any, targets: Any, value: Any) -> tuple[State, Any]:
        def body(i: Any, carried: tuple[State, Any]) -> tuple[State, Any]:
            state, _ = carried
            if case.batches == 1:
                return step(state, x[0], targets[0])
            return step(state, *(lax.dynamic_index_in_dim(a, i % case.batches, 0, False) for a in (x, targets)))

        return lax.fori_loop(first, first + steps, body, (state, value))  # type: ignore[no-any-return]

    return jax.jit(loop, donate_argnums=0)


class StepByStep(Stepwise):
    """A compiled call for each step; the batches lie ready on the device."""

    flat = False
    last = False

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        x, targets = case.data()
        self.rows = x.transpose(0, 2, 3, 1) if self.last else x, targets.astype(self._kind(targets))
        self.stacked = [jnp.asarray(self._stack(a)) for a in self.rows]
        self.batches = [tuple(jnp.asarray(self._stack(a)[i]) for a in self.rows) for i in range(case.batches)]
        self.compiled = compiled_step(case, flat=self.flat, last=self.last)
        self.restart()

    def restart(self) -> None:
        """Back to the initial weights."""
        case, initial = self.case, self.case.weights()
        weights = jnp.concatenate([w.ravel() for w in initial]) if self.flat else [jnp.array(w) for w in initial]
        key = jax.random.key(3) if case.dropout else None
        self.state: State = (weights, None, None, None, key)
        if case.optimizer == "adam":
            m, v = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
            self.state = (weights, m, v, jnp.zeros((), case.dtype), key)
        self.done = 0

    def shuffle(self, order: Array) -> None:
        """Puts the rows into this order."""
        stacked = [self._stack(a[order]) for a in self.rows]
        self.batches = list(zip(*stacked, strict=True))

    def _stack(self, rows: Array) -> Array:
        return rows.reshape(self.case.batches, self.case.batch, *rows.shape[1:])

    @staticmethod
    def _kind(targets: Array) -> Any:
        return np.int32 if targets.dtype.kind == "i" else targets.dtype

    def step(self, batch: int) -> Any:
        """See ``Stepwise``."""
        self.state, loss = self.compiled(self.state, *self.batches[batch])
        return loss

    def finish(self) -> None:
        """See ``Stepwise``."""
        jax.block_until_ready(self.state)

    def weights(self) -> list[Array]:
        """See ``Training``."""
        return [np.asarray(w) for w in self.state[0]]


class FlatStepByStep(StepByStep):
    """The same with all weights in one vector: fewer arrays to hand over at each call."""

    flat = True

    def weights(self) -> list[Array]:
        """See ``Training``."""
        return [np.asarray(w) for w in unflattened(self.case, self.state[0])]


class ChannelsLast(StepByStep):
    """The same for images with the channels innermost."""

    last = True


class WholeLoop(StepByStep):
    """One compiled call for all steps."""

    def shuffle(self, order: Array) -> None:
        """See ``StepByStep``."""
        self.stacked = [jnp.asarray(self._stack(a[order])) for a in self.rows]

    def run(self, steps: int) -> None:
        """See ``Training``."""
        loop = compiled_loop(self.case)
        self.state, self.last = loop(self.state, self.done, steps, *self.stacked, np.zeros((), self.case.dtype))
        self.finish()
        self.done += steps

    def mean_loss(self, steps: int) -> float:
        """See ``Training``."""
        losses = []
        for _ in range(steps):
            self.run(1)
            losses.append(float(self.last))
        return sum(losses) / steps


def fit_by(kind: type[StepByStep]) -> Whole:
    """The 20 epochs, the rows shuffled before each; compiled before the time is taken."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        training, rng = kind(case), np.random.default_rng(4)

        def call() -> None:
            training.restart()
            for _ in range(EPOCHS):
                training.shuffle(rng.permutation(case.batch * case.batches))
                training.run(case.batches)

        return call, lambda: case.evaluate(training.weights())

    return start


def predict_by(*, last: bool = False) -> Whole:
    """One row through the network, the weights compiled in as constants; ``last``: see ``forward``."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        parts = case.parts([jnp.asarray(w) for w in case.weights()])
        x, statistics = case.data()[0], case.statistics()
        row = jnp.asarray(x.transpose(0, 2, 3, 1) if last else x)
        network = jax.jit(lambda x: forward(parts, x, last=last, statistics=statistics))
        return lambda: network(row).block_until_ready(), lambda: fingerprint(network(row))

    return start


WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {
        "call a step": fit_by(StepByStep),
        "call a step, flat": fit_by(FlatStepByStep),
        LOOP: fit_by(WholeLoop),
    },
    "predict-one": {"jit": predict_by()},
}
WHOLE |= {case.name: {"jit": predict_by(), "jit, channels last": predict_by(last=True)} for case in PREDICTIONS}
ONE_CALL, FLAT, CHANNELS_LAST = "call a step", "call a step, flat", "call a step, channels last"

if __name__ == "__main__":
    peer_main(
        "jax",
        {ONE_CALL: StepByStep, FLAT: FlatStepByStep, CHANNELS_LAST: ChannelsLast, LOOP: WholeLoop},
        WHOLE,
        only={
            FLAT: lambda case: not case.image and sum(w.size for w in case.weights()) <= FLAT_LIMIT,
            CHANNELS_LAST: lambda case: case.image is not None,
            LOOP: lambda case: not case.image,  # XLA's convolutions are many times slower in a compiled loop
        },
    )
