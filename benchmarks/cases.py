"""What is measured, as data: networks, batches, optimizers, and the numbers aimed at. Needs NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.networks import (
    Activation,
    Array,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Recurrent,
    Shape,
)
from benchmarks.transformers import Block, Norm, Tokens

T = TypeVar("T")
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
        over_onnxruntime: how many times faster than onnxruntime.
        microseconds: at most so many, on the machine that the aim was set on.
        floor_share: share of the speed at which matrix products alone would run.
    """

    over_best: float = 0
    over_loop: float = 0
    over_torch: float = 0
    over_sklearn: float = 0
    over_onnxruntime: float = 0
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
        sizes: features, units of each dense layer; with ``image``, what it becomes before them and the same units.
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
        image: (C, H, W) of a convolutional network's rows; None where rows are features.
        sequence: (T, D) of a recurrent network's rows; likewise.
        front: the layers between images, sequences or tokens, and features.
        context: T of a language model, whose rows are T tokens and whose labels are those behind them; 0 otherwise.
        betas: of Adam.
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
    image: Shape | None = None
    sequence: Shape | None = None
    front: tuple[Layer, ...] = ()
    context: int = 0
    betas: tuple[float, float] = (BETA1, BETA2)

    @property
    def input_shape(self) -> Shape:
        """Of one row."""
        return (self.context,) if self.context else self.image or self.sequence or self.sizes[:1]

    @property
    def network(self) -> list[Layer]:
        """All layers in turn."""
        found = list(self.front)
        for i, units in enumerate(self.sizes[1:], 2):
            hidden = i < len(self.sizes)
            activation = self.activation if hidden else self.output_activation
            found.append(Dense(units, self.use_bias))
            found += [Activation(activation)] if activation != "identity" else []
            found += [Dropout(self.dropout)] if hidden and self.dropout else []
        return found

    @property
    def shapes(self) -> list[Shape]:
        """Of one row before each layer of ``network``, and after the last."""
        found = [self.input_shape]
        for layer in self.network:
            found.append(layer.shape(found[-1]))
        return found

    @property
    def flops(self) -> int:
        """Multiplications and additions of the matrix products in one step; the first layer needs no dx."""
        if self is MATRIX_PRODUCT:
            return 2 * self.batch * self.sizes[0] * self.sizes[1]
        counts = [layer.multiplications(given) for layer, given in zip(self.network, self.shapes, strict=False)]
        return 2 * self.batch * (3 * sum(counts) - next(count for count in counts if count))

    def data(self) -> tuple[Array, Array]:
        """Inputs (batches · batch, features) or (batches · batch, C, H, W); labels (N,) or targets (N, outputs)."""
        if self.name == "xor-tutorial":
            x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], self.dtype)
            return x, np.array([[0], [1], [1], [1], [1], [0], [0]], self.dtype)
        rows = self.batch * self.batches
        if self.name == "digits-fit":
            with np.load(DIGITS) as arrays:
                return arrays["x"][:rows].astype(self.dtype) / 16, arrays["y"][:rows].astype(np.int64)
        rng = np.random.default_rng(1)
        if self.context:
            x, labels = rng.integers(0, self.sizes[-1], (2, rows, self.context))
            return x, labels
        x = rng.random((rows, *self.input_shape), np.float32).astype(self.dtype) - 0.5
        if self.loss == "cross_entropy":
            return x, rng.integers(0, self.sizes[-1], rows)
        return x, rng.random((rows, self.sizes[-1])).astype(self.dtype)

    def weights(self) -> list[Array]:
        """Initial arrays of each layer in turn: weight (D, M) or (F, C, h, w), bias; gamma (C,), beta (C,)."""
        rng = np.random.default_rng(2)
        pairs = zip(self.network, self.shapes, strict=False)
        return [array.astype(self.dtype) for layer, given in pairs for array in layer.weights(given, rng)]

    def statistics(self) -> list[tuple[Array, Array]]:
        """Running mean and variance (C,) of each batch norm before any step; predictions alone depend on them."""
        rng = np.random.default_rng(5)
        pairs = zip(self.network, self.shapes, strict=False)
        found = [layer.statistics(given, rng) for layer, given in pairs if isinstance(layer, BatchNorm)]
        return [(mean.astype(self.dtype), variance.astype(self.dtype)) for mean, variance in found]

    def parts(self, flat: Sequence[T]) -> list[tuple[Layer, list[T]]]:
        """``weights()``, or anything in that order, by layer."""
        rest = iter(flat)
        return [(layer, list(islice(rest, layer.count))) for layer in self.network]

    def layers(self, flat: list[Array]) -> list[tuple[Array, Array | None]]:
        """The same of a network of dense layers alone, as (weight, bias) of each."""
        return list(zip(flat[::2], flat[1::2], strict=True)) if self.use_bias else [(w, None) for w in flat]

    def evaluate(self, weights: list[Array]) -> float:
        """The loss over all rows in float64, without dropout: the judge of every peer's weights.

        Batch normalisation sees the rows in the batches of the training.
        """
        x, targets = self.data()
        parts = self.parts([w.astype(np.float64) for w in weights])
        outputs = []
        for first in range(0, len(x), self.batch):
            h: Array = x[first : first + self.batch].astype(np.float64)  # of tokens, too
            for layer, arrays in parts:
                h = layer.apply(h, *arrays)
            outputs.append(h)
        h = np.concatenate(outputs)
        if self.loss == "half_squares":
            return float(np.square(h - targets).sum() / 2)
        h, targets = h.reshape(-1, h.shape[-1]), targets.reshape(-1)  # steps are rows
        h -= h.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(h).sum(axis=1)) - h[np.arange(len(h)), targets]))


def fingerprint(logits: Array) -> float:
    """√Σ k (z_k − z̄)² with k = 1, 2, ...: by this number predictions of one row are compared; log p will do for z."""
    row = np.asarray(logits, np.float64).ravel()
    return float(np.sqrt(np.square(row - row.mean()) @ np.arange(1, len(row) + 1)))


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

RELU, POOL = Activation("relu"), MaxPool()


def normalised(filters: int) -> tuple[Layer, ...]:
    """Convolution, batch normalisation and ReLU twice, then pooling."""
    return (*(Conv(filters, 3, 1, use_bias=False), BatchNorm(), RELU) * 2, POOL)


CONVOLUTIONAL = (
    Case(
        "lenet", (400, 120, 84, 10), 64, 16, "adam", 1e-3, 480, 32, Aim(over_torch=3), image=(1, 28, 28),
        front=(Conv(6, 5, 2), RELU, POOL, Conv(16, 5), RELU, POOL, Flatten()),
    ),
    Case(
        "small-cnn", (3136, 128, 10), 64, 4, "adam", 1e-3, 64, 8, Aim(over_torch=1.6), image=(1, 28, 28),
        front=(Conv(32, 3, 1), RELU, POOL, Conv(64, 3, 1), RELU, POOL, Flatten()),
    ),
    Case(
        "vgg-bn", (2048, 10), 64, 2, "adam", 1e-4, 8, 4, Aim(over_torch=1.1), image=(3, 32, 32),
        front=(*normalised(32), *normalised(64), *normalised(128), Flatten()),
    ),
)  # fmt: skip
LANGUAGE = (
    Case(
        "micro-gpt", (16, 27), 16, 64, "adam", 1e-3, 640, 64, Aim(over_torch=15), use_bias=False, context=16,
        front=(Tokens(27, 16), Block(4, is_plain=True)), betas=(0.85, 0.99),
    ),
    Case(
        "gpt-small", (128, 65), 16, 2, "adam", 1e-3, 8, 4, Aim(over_torch=1.3), context=64,
        front=(Tokens(65, 128), Block(4), Block(4), Norm()),
    ),
)  # fmt: skip
SEQUENCES = (
    Case(
        "lstm-small", (32, 4), 32, 32, "adam", 1e-3, 640, 32, Aim(over_torch=8), sequence=(32, 8),
        front=(Recurrent("lstm", 32),),
    ),
    Case(
        "gru-sensor", (64, 4), 64, 8, "adam", 1e-3, 32, 8, Aim(over_torch=2), sequence=(128, 6),
        front=(Recurrent("gru", 64),),
    ),
)  # fmt: skip
"""The last state of a recurrence, and from it the class of the sequence."""
PREDICTIONS = tuple(
    replace(
        case, name=f"predict-{case.name}", batch=1, batches=1, steps=1, check_steps=0,
        aim=Aim(over_torch=1, over_onnxruntime=1),
    )
    for case in CONVOLUTIONAL
)  # fmt: skip
"""One image through the same networks."""
DIGITS_FIT = Case("digits-fit", (64, 128, 10), 32, 43, "adam", 1e-3, 860, 0, Aim(over_sklearn=8, microseconds=25_000))
PREDICT_ONE = Case("predict-one", (64, 128, 10), 1, 1, "sgd", 1.0, 1, 0, Aim(microseconds=2.5))
MATRIX_PRODUCT = Case("matrix-product", (2048, 2048), 2048, 1, "", 0.0, 1, 0, Aim())
"""Not a training: its speed gives the floor of the others."""
WHOLE = (DIGITS_FIT, PREDICT_ONE)
CASES = {
    case.name: case for case in (*TRAINING, *CONVOLUTIONAL, *LANGUAGE, *SEQUENCES, *PREDICTIONS, *WHOLE, MATRIX_PRODUCT)
}
EPOCHS = 20
"""Of digits-fit."""
IMPORT_AIM = Aim(microseconds=135_000)
