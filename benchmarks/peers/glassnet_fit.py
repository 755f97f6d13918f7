"""glassnet, through ``Model.fit``, by one of its engines."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from benchmarks.cases import EPOCHS, PREDICT_ONE, PREDICTIONS, Case, fingerprint
from benchmarks.networks import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
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
)
from benchmarks.timing import NOT_INSTALLED, Training, Whole, missing, peer_main
from benchmarks.transformers import Block, Norm, Tokens

try:
    import glassnet as gn
except ImportError as error:
    missing(error)

EPOCH_BYTES = 1 << 24
"""Full-batch training repeats its rows up to this size, so that an epoch has many steps."""
ACTIVATIONS = {"relu": gn.ReLU, "sigmoid": gn.Sigmoid, "tanh": gn.Tanh}
STATISTICS = ".running_mean", ".running_variance"
ENGINE = "compiled"


def model_of(case: Case, threads: int | None = None) -> gn.Model:
    """The case's network with its initial weights, loss and optimizer; as many threads as users get unasked."""
    net = gn.Sequential(*(layer_of(layer, given[-1]) for layer, given in zip(case.network, case.shapes, strict=False)))
    net.build(case.input_shape, dtype=case.dtype)
    for view, weight in zip(weights_of(net), case.weights(), strict=True):
        view[...] = weight
    for view, statistic in zip(statistics_of(net), chain.from_iterable(case.statistics()), strict=True):
        view[...] = statistic
    loss = gn.losses.CrossEntropy() if case.loss == "cross_entropy" else gn.losses.SumSquaredError()
    rate, (beta1, beta2) = case.learning_rate, case.betas
    optimizer = gn.SGD(rate) if case.optimizer == "sgd" else gn.Adam(rate, beta1=beta1, beta2=beta2)
    return gn.Model(net, loss, optimizer, dtype=case.dtype, engine=ENGINE, threads=threads)


def layer_of(layer: Layer, units: int) -> gn.Layer:
    """As glassnet has it, for inputs of so many units."""
    match layer:
        case Dense():
            return gn.Dense(layer.units, use_bias=layer.use_bias)
        case Conv():
            return gn.Conv2D(layer.filters, layer.size, padding=layer.pad, use_bias=layer.use_bias)
        case Recurrent():
            return (gn.LSTM if layer.kind == "lstm" else gn.GRU)(layer.units)
        case BatchNorm():
            return gn.BatchNorm(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON)
        case MaxPool():
            return gn.MaxPool2D(2)
        case Flatten():
            return gn.Flatten()
        case Dropout():
            return gn.Dropout(layer.rate)
        case Tokens():
            return gn.Sequential(gn.Embedding(layer.vocabulary, layer.units), gn.PositionalEncoding("learned"))
        case Block():
            kind = {"norm": "plain_rms", "use_bias": False} if layer.is_plain else {"activation": "gelu"}
            return gn.TransformerBlock(layer.heads, units, causal=True, **kind)  # type: ignore[arg-type]
        case Norm():
            return gn.LayerNorm()
        case Activation():
            return ACTIVATIONS[layer.name]()
    raise NotImplementedError(layer)


def weights_of(net: gn.Network) -> list[Array]:
    """In the order of ``Case.weights``."""
    return [view for name, view in net.named_parameters() if not name.endswith(STATISTICS)]


def statistics_of(net: gn.Network) -> list[Array]:
    """In the order of ``Case.statistics``."""
    return [view for name, view in net.named_parameters() if name.endswith(STATISTICS)]


class Fit(Training):
    """Each run is one call of ``fit``, all of whose time counts, its checks and recording too."""

    threads: int | None = None

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.x, self.targets = case.data()
        self.model = model_of(case, self.threads)
        self.history: Any = None
        self.repeated = 1

    def run(self, steps: int) -> None:
        """See ``Training``."""
        self.history = self.model.fit(
            self.x, self.targets, epochs=steps // self.case.batches // self.repeated, batch_size=self.case.batch,
            shuffle=False, verbose=False,
        )  # fmt: skip

    def mean_loss(self, steps: int) -> float:
        """See ``Training``."""
        self.run(steps)
        return float(self.history["loss"][-1])

    def weights(self) -> list[Array]:
        """See ``Training``."""
        return weights_of(self.model.network)


class FitOnOneThread(Fit):
    """The same on one thread: shows what the others give."""

    threads = 1


class LongEpochs(Fit):
    """Full-batch training with the rows repeated, so that an epoch has many steps."""

    def run(self, steps: int) -> None:
        """See ``Training``."""
        most = min(steps, EPOCH_BYTES // (self.x[: self.case.batch].nbytes))
        wanted = next(n for n in range(most, 0, -1) if steps % n == 0)
        if wanted != self.repeated:
            rows = np.resize(np.arange(self.case.batch), self.case.batch * wanted)
            self.x, self.targets, self.repeated = self.x[rows], self.targets[rows], wanted
        super().run(steps)


def fit_on(threads: int | None) -> Whole:
    """The 20 epochs, the rows shuffled before each."""

    def start(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
        x, labels = case.data()
        trained: list[gn.Model] = []

        def call() -> None:
            model = model_of(case, threads)
            model.fit(x, labels, epochs=EPOCHS, batch_size=case.batch, verbose=False)
            trained[:] = [model]

        return call, lambda: case.evaluate(weights_of(trained[0].network))

    return start


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """``Model.predict`` of one row."""
    model, row = model_of(case), case.data()[0]
    return lambda: model.predict(row), lambda: fingerprint(model.predict(row))


ONE_THREAD = "fit, one thread"
REPEATED = "fit, repeated rows"
WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"fit": fit_on(None), ONE_THREAD: fit_on(1)},
    **{case.name: {"predict": predict_one} for case in (PREDICT_ONE, *PREDICTIONS)},
}

if __name__ == "__main__":
    parser = ArgumentParser(add_help=False)
    parser.add_argument("--engine", choices=("compiled", "numpy"), default=ENGINE)
    ENGINE = parser.parse_known_args()[0].engine
    try:
        gn.Model(gn.Dense(1), "sum_squared_error", "sgd", engine=ENGINE)
    except gn.ConfigurationError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    if ENGINE == "numpy":  # its threads are those of NumPy's BLAS
        del WHOLE["digits-fit"][ONE_THREAD]
    peer_main(
        f"glassnet {ENGINE}",
        {"fit": Fit, ONE_THREAD: FitOnOneThread, REPEATED: LongEpochs},
        WHOLE,
        only={ONE_THREAD: lambda _: ENGINE == "compiled", REPEATED: lambda case: case.batches == 1},
        informative={ONE_THREAD},
    )
