"""NumPy as a careful engineer writes it by hand: everything allocated before, every operation in place.

A step is a list of calls made ready beforehand, so that nothing is looked up, sliced or branched on while it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import BETA1, BETA2, EPOCHS, EPSILON, Case, fingerprint
from benchmarks.networks import Array
from benchmarks.timing import Stepwise, Whole, missing, peer_main

BLOCK = 1 << 16
"""Elements for which the optimizer finishes all passes before it goes on: they stay in the cache."""
FEW_CLASSES = 64
"""Up to so many, subtracting one-hot rows is faster than indexing."""

Call = tuple[Callable[..., Any], tuple[Any, ...]]


class ByHand(Stepwise):
    """Forward, loss, backward, update; parameters and gradients in two flat arrays."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        initial = case.weights()
        self.parameters = np.concatenate([w.ravel() for w in initial])
        self.gradients, self.m, self.v = (np.zeros_like(self.parameters) for _ in range(3))
        stops = np.cumsum([w.size for w in initial])
        self.views, slopes = (
            [flat[stop - w.size : stop].reshape(w.shape) for w, stop in zip(initial, stops, strict=True)]
            for flat in (self.parameters, self.gradients)
        )
        self.layers = list(zip(case.layers(self.views), case.layers(slopes), strict=True))
        shapes = [(case.batch, m) for m in case.sizes[1:]]
        self.outputs, self.deltas, self.scratch, self.thinned, self.masks = (
            [np.empty(shape, case.dtype) for shape in shapes] for _ in range(5)
        )
        self.positive = [np.empty(shape, bool) for shape in shapes]
        self.ones = np.ones(case.batch, case.dtype)
        self.column, self.class_ones = np.empty((case.batch, 1), case.dtype), np.ones((case.sizes[-1], 1), case.dtype)
        self.rng = np.random.default_rng(3)
        self.value, self.updates = 0.0, 0
        flats = self.parameters, self.gradients, self.m, self.v, np.empty(self.parameters.size, case.dtype)
        self.blocks = [[f[i : i + BLOCK] for f in flats] for i in range(0, self.parameters.size, BLOCK)]
        for block in self.blocks:
            block[4] = flats[4][: block[0].size]  # one piece of scratch for all
        self.x, self.targets = case.data()
        if case.loss == "cross_entropy" and case.sizes[-1] <= FEW_CLASSES:
            self.targets = np.eye(case.sizes[-1], dtype=case.dtype)[self.targets] / case.batch
        self.given = self.x.copy(), self.targets.copy()
        parts = [slice(i * case.batch, (i + 1) * case.batch) for i in range(case.batches)]
        self.programs = [self.program(self.x[part], self.targets[part]) for part in parts]

    def restart(self) -> None:
        """Back to the initial weights."""
        for view, weight in zip(self.views, self.case.weights(), strict=True):
            view[...] = weight
        self.m[...] = self.v[...] = self.updates = self.done = 0

    def shuffle(self, order: Array) -> None:
        """Puts the rows into this order."""
        for rows, given in zip((self.x, self.targets), self.given, strict=True):
            np.take(given, order, 0, rows, "clip")  # without "clip" NumPy buffers the result

    def program(self, x: Array, targets: Array) -> list[Call]:
        """The calls of a step on these rows."""
        case, last = self.case, len(self.layers) - 1
        calls: list[Call] = []
        inputs = [x]
        for i, ((weight, bias), _) in enumerate(self.layers):
            z = self.outputs[i]
            calls.append((np.matmul, (inputs[i], weight, z)))
            calls += [] if bias is None else [(np.add, (z, bias, z))]
            calls += self.activate(case.activation if i < last else case.output_activation, z)
            if i < last and case.dropout:
                calls.append((self.draw, (self.masks[i], self.positive[i])))
                calls.append((np.multiply, (z, self.masks[i], self.thinned[i])))
            inputs.append(self.thinned[i] if case.dropout else z)
        calls += self.cross_entropy(targets) if case.loss == "cross_entropy" else self.half_squares(targets)
        for i in range(last, -1, -1):
            (weight, _), (dweight, dbias) = self.layers[i]
            delta = self.deltas[i]
            calls += self.slope(case.activation if i < last else case.output_activation, i)
            calls.append((np.matmul, (inputs[i].T, delta, dweight)))
            calls += [] if dbias is None else [(np.dot, (self.ones, delta, dbias))]
            calls += [(np.matmul, (delta, weight.T, self.deltas[i - 1]))] if i else []
            if i and case.dropout:
                calls.append((np.multiply, (self.deltas[i - 1], self.masks[i - 1], self.deltas[i - 1])))
        calls.append((self.adam if case.optimizer == "adam" else self.sgd, ()))
        return calls

    def step(self, batch: int) -> float:
        """See ``Stepwise``."""
        for function, arguments in self.programs[batch]:
            function(*arguments)
        return self.value

    def weights(self) -> list[Array]:
        """See ``Training``."""
        return self.views

    @staticmethod
    def activate(name: str, z: Array) -> list[Call]:
        """The activation in place."""
        if name == "relu":
            return [(partial(np.maximum, out=z), (z, 0))]
        if name == "tanh":
            return [(np.tanh, (z, z))]
        if name == "sigmoid":
            return [(np.negative, (z, z)), (np.exp, (z, z)), (np.add, (z, 1, z)), (np.reciprocal, (z, z))]
        return []

    def slope(self, name: str, i: int) -> list[Call]:
        """δ ← δ φ′, by the activation's own output h."""
        h, delta, scratch, positive = self.outputs[i], self.deltas[i], self.scratch[i], self.positive[i]
        if name == "relu":
            return [(np.greater, (h, 0, positive)), (np.multiply, (delta, positive, delta))]
        if name == "tanh":
            return [
                (np.multiply, (h, h, scratch)),
                (np.subtract, (1, scratch, scratch)),
                (np.multiply, (delta, scratch, delta)),
            ]
        if name == "sigmoid":
            return [
                (np.subtract, (1, h, scratch)),
                (np.multiply, (h, scratch, scratch)),
                (np.multiply, (delta, scratch, delta)),
            ]
        return []

    def draw(self, mask: Array, keep: Array) -> None:
        """A mask that holds 0 or 1/(1 − rate)."""
        share = 1 - self.case.dropout
        self.rng.random(out=mask, dtype=mask.dtype.type)
        np.less(mask, share, keep)
        np.multiply(keep, 1 / share, mask)

    def cross_entropy(self, targets: Array) -> list[Call]:
        """Mean of −log softmax and its gradient; ``targets`` are labels, or for few classes one-hot rows / batch."""
        logits, delta, column, rows = self.outputs[-1], self.deltas[-1], self.column, self.case.batch
        flat_logits, flat_delta, share = logits.reshape(-1), delta.reshape(-1), self.column * 0
        few = targets.ndim == 2
        flat_wanted = targets.reshape(-1)
        places = 0 if few else targets + np.arange(rows) * logits.shape[1]

        def choose() -> None:
            chosen = np.dot(flat_logits, flat_wanted) if few else flat_logits.take(places).sum() / rows
            self.value = float(column.sum()) / rows - float(chosen)

        def subtract() -> None:
            flat_delta[places] -= 1 / rows

        return [
            (np.maximum.reduce, (logits, 1, None, column, True)),
            (np.subtract, (logits, column, logits)),
            (np.exp, (logits, delta)),
            (np.matmul, (delta, self.class_ones, column)),
            (np.multiply, (column, rows, share)),
            (np.divide, (delta, share, delta)),
            (np.subtract, (delta, targets, delta)) if few else (subtract, ()),
            (np.log, (column, column)),
            (choose, ()),
        ]

    def half_squares(self, targets: Array) -> list[Call]:
        """½ Σ (o − t)² and its gradient."""
        delta = self.deltas[-1].reshape(-1)

        def add_up() -> None:
            self.value = float(np.dot(delta, delta)) / 2

        return [(np.subtract, (self.outputs[-1], targets, self.deltas[-1])), (add_up, ())]

    def sgd(self) -> None:
        """θ ← θ − η g."""
        for parameters, gradients, _, _, scratch in self.blocks:
            np.multiply(gradients, self.case.learning_rate, scratch)
            np.subtract(parameters, scratch, parameters)

    def adam(self) -> None:
        """Adam with m/(1 − β₁) and v/(1 − β₂) as its memory, which saves two passes; corrections in the rate."""
        self.updates += 1
        root = float(np.sqrt((1 - BETA2) / (1 - BETA2**self.updates)))
        rate = self.case.learning_rate * (1 - BETA1) / (1 - BETA1**self.updates) / root
        for parameters, gradients, m, v, scratch in self.blocks:
            np.multiply(m, BETA1, m)
            np.add(m, gradients, m)
            np.multiply(v, BETA2, v)
            np.multiply(gradients, gradients, scratch)
            np.add(v, scratch, v)
            np.sqrt(v, scratch)
            np.add(scratch, EPSILON / root, scratch)
            np.divide(m, scratch, scratch)
            np.multiply(scratch, rate, scratch)
            np.subtract(parameters, scratch, parameters)


class OneThread(ByHand):
    """The same with BLAS on one thread, which is faster where two would wait for each other at every small product."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        try:
            from threadpoolctl import ThreadpoolController
        except ImportError as error:
            missing(error)
        self.controller = ThreadpoolController()

    def run(self, steps: int) -> None:
        """See ``Training``."""
        with self.controller.limit(limits=1):
            super().run(steps)


def fit_by(kind: type[ByHand]) -> Whole:
    """The 20 epochs, the rows shuffled before each."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        training, rng = kind(case), np.random.default_rng(4)

        def call() -> None:
            training.restart()
            for _ in range(EPOCHS):
                training.shuffle(rng.permutation(len(training.x)))
                training.run(case.batches)

        return call, lambda: case.evaluate(training.weights())

    return start


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """One row through the network, into buffers that are there already."""
    w1, b1, w2, b2 = case.weights()
    row = case.data()[0]
    hidden, logits = np.empty((1, case.sizes[1]), case.dtype), np.empty((1, case.sizes[2]), case.dtype)

    def call() -> Array:
        np.dot(row, w1, hidden)
        np.add(hidden, b1, hidden)
        np.maximum(hidden, 0, out=hidden)
        np.dot(hidden, w2, logits)
        return np.add(logits, b2, logits)

    return call, lambda: fingerprint(call())


def multiply(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """One large matrix product in float32, the measure of what the machine can do."""
    a, b = (np.random.default_rng(i).random(case.sizes, np.float32) for i in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out), lambda: 0.0


WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"preallocated": fit_by(ByHand), "one thread": fit_by(OneThread)},
    "predict-one": {"preallocated": predict_one},
    "matrix-product": {"square": multiply},
}

if __name__ == "__main__":
    peer_main("numpy", {"preallocated": ByHand, "one thread": OneThread}, WHOLE)
