"""What is measured, as data: networks, batches, optimizers, and the numbers aimed at. Needs NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

DIGITS = Path(__file__).parents[1] / "src" / "glassnet" / "data" / "digits.npz"
TOLERANCES = {"float32": 1e-3, "float64": 1e-8}
"""How far the peers' losses may lie apart after ``check_steps``, as a share: what rounding may do."""
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Aim:
    """What glassnet's compiled engine should reach; a number that is 0 asks for nothing.

    Attributes:
        over_best: how many times faster than the best peer, where jax runs one compiled call a step.
        over_loop: how many times faster than jax with its whole training loop compiled into one call.
        over_torch: how many times faster than torch.
        over_sklearn: how many times faster than scikit-learn.
        microseconds: at most so many, on the machine that the aim was set on.
        floor_share: share of the speed at which matrix products alone would run.
    """

    over_best: float = 0
    over_loop: float = 0
    over_torch: float = 0
    over_sklearn: float = 0
    microseconds: float = 0
    floor_share: float = 0

    def parts(self) -> dict[str, float]:
        """What is asked for, by the attribute's name."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Case:
    """A training, the same for every peer.

    Attributes:
        name: what ``--case`` takes.
        sizes: features, units of each dense layer.
        batch: rows in a step.
        batches: different batches; step i takes batch i modulo this. 1 for full-batch training.
        optimizer: ``"adam"`` or ``"sgd"``.
        learning_rate: constant.
        steps: in one timed repeat, at most.
        check_steps: after so many the peers' losses must agree; a multiple of ``batches``.
        aim: what glassnet should reach.
        activation: after each hidden layer.
        output_activation: after the last layer, or ``"identity"``.
        loss: ``"cross_entropy"``, the mean over the batch, or ``"half_squares"``, ½ Σ (o − t)².
        dtype: of data, weights and computation.
        use_bias: whether layers have one.
        dropout: rate after each hidden layer.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    batches: int
    optimizer: str
    learning_rate: float
    steps: int
    check_steps: int
    aim: Aim
    activation: str = "relu"
    output_activation: str = "identity"
    loss: str = "cross_entropy"
    dtype: str = "float32"
    use_bias: bool = True
    dropout: float = 0.0

    @property
    def flops(self) -> int:
        """Multiplications and additions of the matrix products in one step; the first layer needs no dx."""
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        if self is MATRIX_PRODUCT:
            return 2 * self.batch * self.sizes[0] * self.sizes[1]
        return 2 * self.batch * (3 * sum(d * m for d, m in pairs) - pairs[0][0] * pairs[0][1])

    def data(self) -> tuple[Array, Array]:
        """Inputs (batches · batch, features); labels (N,) or targets (N, outputs)."""
        if self.name == "xor-tutorial":
            x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], self.dtype)
            return x, np.array([[0], [1], [1], [1], [1], [0], [0]], self.dtype)
        rows = self.batch * self.batches
        if self.name == "digits-fit":
            with np.load(DIGITS) as arrays:
                return arrays["x"][:rows].astype(self.dtype) / 16, arrays["y"][:rows].astype(np.int64)
        rng = np.random.default_rng(1)
        x = rng.random((rows, self.sizes[0]), np.float32).astype(self.dtype) - 0.5
        if self.loss == "cross_entropy":
            return x, rng.integers(0, self.sizes[-1], rows)
        return x, rng.random((rows, self.sizes[-1])).astype(self.dtype)

    def weights(self) -> list[Array]:
        """Initial weight (D, M), and bias (M,), of each layer in turn."""
        rng = np.random.default_rng(2)
        found = []
        for d, m in zip(self.sizes, self.sizes[1:], strict=False):
            found.append(rng.normal(0, np.sqrt(2 / d), (d, m)).astype(self.dtype))
            if self.use_bias:
                found.append(rng.normal(0, 0.01, m).astype(self.dtype))
        return found

    def layers(self, flat: list[Array]) -> list[tuple[Array, Array | None]]:
        """``weights()``, or anything in that order, as (weight, bias) of each layer."""
        return list(zip(flat[::2], flat[1::2], strict=True)) if self.use_bias else [(w, None) for w in flat]

    def evaluate(self, weights: list[Array]) -> float:
        """The loss over all rows in float64, without dropout: the judge of every peer's weights."""
        x, targets = self.data()
        h: Array = x.astype(np.float64)
        layers = self.layers([w.astype(np.float64) for w in weights])
        for i, (weight, bias) in enumerate(layers):
            h = h @ weight if bias is None else h @ weight + bias
            last = i == len(layers) - 1
            h = FUNCTIONS[self.output_activation if last else self.activation](h)
        if self.loss == "half_squares":
            return float(np.square(h - targets).sum() / 2)
        h -= h.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(h).sum(axis=1)) - h[np.arange(len(h)), targets]))


FUNCTIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}

TRAINING = (
    Case(
        "xor-tutorial", (3, 4, 1), 7, 1, "sgd", 1.0, 60_000, 3_000, Aim(over_loop=1, microseconds=0.6),
        activation="sigmoid", output_activation="sigmoid", loss="half_squares", dtype="float64", use_bias=False,
    ),
    Case("iris-mlp", (4, 16, 3), 32, 100, "adam", 1e-3, 20_000, 200, Aim(over_best=25, over_torch=100)),
    Case("digits-mlp", (64, 128, 10), 32, 43, "adam", 1e-3, 8_600, 129, Aim(over_best=4.5, over_torch=15)),
    Case("digits-mlp-128", (64, 128, 10), 128, 10, "sgd", 0.1, 4_000, 100, Aim(over_best=3.5)),
    Case("mnist-mlp", (784, 256, 128, 10), 128, 64, "adam", 1e-3, 512, 64, Aim(over_best=1.3, floor_share=0.75)),
    Case("cifar-two-layer", (3072, 100, 10), 200, 25, "sgd", 0.01, 200, 50, Aim(over_best=1.15, floor_share=0.87)),
    Case("wide-mlp", (784, 512, 512, 10), 256, 32, "adam", 1e-3, 96, 32, Aim(over_best=1.2, floor_share=0.87)),
    Case(
        "big-batch", (100, 256, 256, 256, 1024), 1024, 16, "adam", 1e-3, 32, 16,
        Aim(over_best=1.05, floor_share=0.9),
    ),
    Case(
        "sciml-small", (24, 8, 2), 200, 1, "sgd", 1e-4, 20_000, 1_000, Aim(microseconds=6),
        activation="tanh", loss="half_squares", dtype="float64", dropout=0.2,
    ),
)  # fmt: skip

DIGITS_FIT = Case("digits-fit", (64, 128, 10), 32, 43, "adam", 1e-3, 860, 0, Aim(over_sklearn=8, microseconds=25_000))
PREDICT_ONE = Case("predict-one", (64, 128, 10), 1, 1, "sgd", 1.0, 1, 0, Aim(microseconds=2.5))
MATRIX_PRODUCT = Case("matrix-product", (2048, 2048), 2048, 1, "", 0.0, 1, 0, Aim())
"""Not a training: its speed gives the floor of the others."""
WHOLE = (DIGITS_FIT, PREDICT_ONE)
CASES = {case.name: case for case in (*TRAINING, *WHOLE, MATRIX_PRODUCT)}
EPOCHS = 20
"""Of digits-fit."""
IMPORT_AIM = Aim(microseconds=135_000)
