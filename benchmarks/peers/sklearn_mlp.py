"""scikit-learn's MLPClassifier: it has no step of its own, so only whole runs are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import BETA1, BETA2, EPOCHS, EPSILON, Case, fingerprint
from benchmarks.networks import Array
from benchmarks.timing import Whole, missing, peer_main

try:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import ThreadpoolController
except ImportError as error:
    missing(error)


def classifier(case: Case, epochs: int) -> Any:
    """The case's network and optimizer, without penalty and early ending."""
    return MLPClassifier(
        case.sizes[1:-1], activation=case.activation, solver="adam", alpha=0.0, batch_size=case.batch,
        learning_rate_init=case.learning_rate, max_iter=epochs, shuffle=True, random_state=0, tol=0.0,
        beta_1=BETA1, beta_2=BETA2, epsilon=EPSILON, n_iter_no_change=epochs + 1,
    )  # fmt: skip


def fit(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """The 20 epochs."""
    x, labels = case.data()
    trained: list[Any] = []

    def call() -> None:
        trained[:] = [classifier(case, EPOCHS).fit(x, labels)]

    def loss() -> float:
        pairs = zip(trained[0].coefs_, trained[0].intercepts_, strict=True)
        return case.evaluate([array for pair in pairs for array in pair])

    return call, loss


def fit_on_one_thread(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """The same with BLAS on one thread."""
    train, loss = fit(case)
    controller = ThreadpoolController()

    def call() -> None:
        with controller.limit(limits=1):
            train()

    return call, loss


def predict_one(case: Case) -> tuple[Callable[[], Any], Callable[[], float]]:
    """Probabilities of one row, by the case's weights."""
    row = case.data()[0]
    model = classifier(case, 1).fit(np.zeros((case.sizes[-1], case.sizes[0]), case.dtype), np.arange(case.sizes[-1]))
    weights = case.layers(case.weights())
    model.coefs_, model.intercepts_ = [w for w, _ in weights], [b for _, b in weights]

    def call() -> Array:
        return model.predict_proba(row)  # type: ignore[no-any-return]

    return call, lambda: fingerprint(np.log(call()))


WHOLE: dict[str, dict[str, Whole]] = {
    "digits-fit": {"fit": fit, "fit, one thread": fit_on_one_thread},
    "predict-one": {"predict_proba": predict_one},
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # that 20 epochs are too few
    peer_main("scikit-learn", {}, WHOLE)
