"""jax: one compiled call for each step, or the whole loop compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.cases import BETA1, BETA2, EPSILON, Array, Case
from benchmarks.timing import Stepwise, missing, peer_main

try:
    import jax
    import jax.numpy as jnp
    from jax import lax
except ImportError as error:
    missing(error)

jax.config.update("jax_enable_x64", True)

State = tuple[Any, ...]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}


def step_function(case: Case) -> Callable[[State, Any, Any], tuple[State, Any]]:
    """(weights, m, v, t, key), x, targets -> the state after one step, the loss before it."""

    def loss(weights: list[Any], x: Any, targets: Any, key: Any) -> Any:
        layers = case.layers(weights)
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
        if case.dropout:
            key, mask_key = jax.random.split(key)
        else:
            mask_key = key
        value, gradients = jax.value_and_grad(loss)(weights, x, targets, mask_key)
        rate = case.learning_rate
        if case.optimizer == "sgd":
            return ([w - rate * g for w, g in zip(weights, gradients, strict=True)], m, v, t, key), value
        t = t + 1
        correct1, correct2 = (-jnp.expm1(t * np.log(beta).astype(case.dtype)) for beta in (BETA1, BETA2))
        m = [BETA1 * a + (1 - BETA1) * g for a, g in zip(m, gradients, strict=True)]
        v = [BETA2 * a + (1 - BETA2) * g * g for a, g in zip(v, gradients, strict=True)]
        weights = [
            w - rate * (a / correct1) / (jnp.sqrt(b / correct2) + EPSILON)
            for w, a, b in zip(weights, m, v, strict=True)
        ]
        return (weights, m, v, t, key), value

    return step


@cache
def compiled_step(case: Case) -> Any:
    """One step, which reuses the memory of the state before."""
    return jax.jit(step_function(case), donate_argnums=0)


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

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        x, targets = case.data()
        stacked = [a.reshape(case.batches, case.batch, *a.shape[1:]) for a in (x, targets.astype(self._kind(targets)))]
        self.stacked = [jnp.asarray(a) for a in stacked]
        self.batches = [tuple(jnp.asarray(a[i]) for a in stacked) for i in range(case.batches)]
        zeros = [[jnp.zeros_like(w) for w in case.weights()] if case.optimizer == "adam" else [] for _ in range(2)]
        weights = [jnp.array(w) for w in case.weights()]
        self.state: State = (weights, *zeros, jnp.zeros((), case.dtype), jax.random.key(3))
        self.compiled = compiled_step(case)

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


class WholeLoop(StepByStep):
    """One compiled call for all steps."""

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


if __name__ == "__main__":
    peer_main("jax", {"call a step": StepByStep, "compiled loop": WholeLoop})
