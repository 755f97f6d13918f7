"""jax: one compiled call for each step, or the whole loop compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.cases import BETA1, BETA2, EPOCHS, EPSILON, Array, Case
from benchmarks.results import LOOP
from benchmarks.timing import Stepwise, Whole, missing, peer_main

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
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}


def step_function(case: Case, *, flat: bool = False) -> Callable[[State, Any, Any], tuple[State, Any]]:
    """(weights, m, v, t, key), x, targets -> the state after one step, the loss before it.

    Of the state t, m, v are empty without Adam, key without dropout: every array costs time at each call. ``flat``
    weights are one vector.
    """

    def loss(weights: Any, x: Any, targets: Any, key: Any) -> Any:
        layers = case.layers(unflattened(case, weights) if flat else weights)
        for i, (weight, bias) in enumerate(layers):
            hidden = i < len(layers) - 1
            x = x @ weight if bias is None else x @ weight + bias
            x = ACTIVATIONS[case.activation if hidden else case.output_activation](x)
            if hidden and case.dropout:
                keep = 1 - case.dropout
                x = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, i), keep, x.shape), x / keep, 0)
        if case.loss == "half_squares":
            return 0.5 * jnp.sum((x - targets) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), targets[:, None], axis=1))

    def step(state: State, x: Any, targets: Any) -> tuple[State, Any]:
        weights, m, v, t, key = state
        mask_key = None
        if case.dropout:
            key, mask_key = jax.random.split(key)
        value, gradients = jax.value_and_grad(loss)(weights, x, targets, mask_key)
        rate = case.learning_rate
        if case.optimizer == "sgd":
            return (jax.tree.map(lambda w, g: w - rate * g, weights, gradients), m, v, t, key), value
        t = t + 1
        correct1, correct2 = (-jnp.expm1(t * np.log(beta).astype(case.dtype)) for beta in (BETA1, BETA2))
        m = jax.tree.map(lambda a, g: BETA1 * a + (1 - BETA1) * g, m, gradients)
        v = jax.tree.map(lambda a, g: BETA2 * a + (1 - BETA2) * g * g, v, gradients)
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
def compiled_step(case: Case, *, flat: bool = False) -> Any:
    """One step, which reuses the memory of the state before."""
    return jax.jit(step_function(case, flat=flat), donate_argnums=0)


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

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        x, targets = case.data()
        self.rows = x, targets.astype(self._kind(targets))
        self.stacked = [jnp.asarray(self._stack(a)) for a in self.rows]
        self.batches = [tuple(jnp.asarray(self._stack(a)[i]) for a in self.rows) for i in range(case.batches)]
        self.compiled = compiled_step(case, flat=self.flat)
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


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """One row through the network, the weights compiled in as constants."""
    w1, b1, w2, b2 = map(jnp.asarray, case.weights())
    row = jnp.asarray(case.data()[0])
    network = jax.jit(lambda x: jax.nn.relu(x @ w1 + b1) @ w2 + b2)
    return lambda: network(row).block_until_ready(), lambda: float(jnp.ptp(network(row)))


WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {
        "call a step": fit_by(StepByStep),
        "call a step, flat": fit_by(FlatStepByStep),
        LOOP: fit_by(WholeLoop),
    },
    "predict-one": {"jit": predict_one},
}

if __name__ == "__main__":
    peer_main(
        "jax",
        {"call a step": StepByStep, "call a step, flat": FlatStepByStep, LOOP: WholeLoop},
        WHOLE,
        only={"call a step, flat": lambda case: sum(w.size for w in case.weights()) <= FLAT_LIMIT},
    )
