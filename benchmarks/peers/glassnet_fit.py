"""glassnet, through ``Model.fit``, by one of its engines."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import EPOCHS, Array, Case
from benchmarks.timing import NOT_INSTALLED, Training, Whole, missing, peer_main

try:
    import glassnet as gn
except ImportError as error:
    missing(error)

EPOCH_BYTES = 1 << 24
"""Full-batch training repeats its rows up to this size, so that an epoch has many steps."""
ACTIVATIONS = {"relu": gn.ReLU, "sigmoid": gn.Sigmoid, "tanh": gn.Tanh}
ENGINE = "compiled"


def model_of(case: Case, threads: int | None = None) -> gn.Model:
    """The case's network with its initial weights, loss and optimizer; as many threads as users get unasked."""
    layers: list[Any] = []
    initial = case.layers(case.weights())
    for i, (weight, bias) in enumerate(initial):
        hidden = i < len(initial) - 1
        bias_init = {} if bias is None else {"bias_init": bias}
        layers.append(gn.Dense(weight.shape[1], use_bias=bias is not None, weight_init=weight, **bias_init))
        activation = case.activation if hidden else case.output_activation
        layers += [ACTIVATIONS[activation]()] if activation != "identity" else []
        layers += [gn.Dropout(case.dropout)] if hidden and case.dropout else []
    net = gn.Sequential(*layers)
    net.build(case.sizes[0], dtype=case.dtype)
    loss = gn.losses.CrossEntropy() if case.loss == "cross_entropy" else gn.losses.SumSquaredError()
    kind = gn.SGD if case.optimizer == "sgd" else gn.Adam
    return gn.Model(net, loss, kind(case.learning_rate), dtype=case.dtype, engine=ENGINE, threads=threads)


def weights_of(model: gn.Model) -> list[Array]:
    """In the order of ``Case.weights``."""
    return [view for _, view in model.network.named_parameters()]


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
        return weights_of(self.model)


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

        return call, lambda: case.evaluate(weights_of(trained[0]))

    return start


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """``Model.predict`` of one row."""
    model, row = model_of(case), case.data()[0]
    return lambda: model.predict(row), lambda: float(np.ptp(model.predict(row)))


ONE_THREAD = "fit, one thread"
REPEATED = "fit, repeated rows"
WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"fit": fit_on(None), ONE_THREAD: fit_on(1)},
    "predict-one": {"predict": predict_one},
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
