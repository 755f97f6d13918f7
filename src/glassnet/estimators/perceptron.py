"""What both multi-layer perceptrons have: scikit-learn's parameters as a network and an optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from glassnet.core.errors import ConfigurationError
from glassnet.core.output import level_of_caller
from glassnet.core.settings import number, one_of, whole
from glassnet.core.shapes import Array
from glassnet.estimators.arrays import LayerArrays, dense_layers
from glassnet.estimators.base import NetworkEstimator, with_constructor
from glassnet.estimators.lbfgs import minimize_loss
from glassnet.layers import ACTIVATIONS, BatchNorm, Dense, Dropout, Layer
from glassnet.many import Ensemble
from glassnet.network import Network, Sequential
from glassnet.optimizers import L2, SGD, Adam, Chain, Optimizer

SOLVERS = ("adam", "sgd", "lbfgs")
RATES = ("constant", "invscaling", "adaptive")
RENAMED = {"logistic": "sigmoid"}


def is_stochastic(estimator: Any) -> bool:
    """True, or an AttributeError for a solver without steps on batches, so that ``partial_fit`` is not there."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs steps on batches: solver='adam' or 'sgd', not 'lbfgs'")
    return True


@with_constructor
class Perceptron(NetworkEstimator):
    """Base of ``MLPClassifier`` and ``MLPRegressor``, with the settings of both."""

    hidden_layer_sizes: Any = (100,)
    activation: str | Sequence[str] = "relu"
    _: KW_ONLY
    solver: str = "adam"
    alpha: float = 0.0001
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    max_fun: int = 15000
    dropout: float = 0.0
    batch_norm: bool = False

    def _check_settings(self: Any) -> None:
        super()._check_settings()
        name = type(self).__name__
        one_of(self.solver, "solver", name, SOLVERS)
        one_of(self.learning_rate, "learning_rate", name, RATES)
        number(self.alpha, "alpha", name, low=0)
        number(self.dropout, "dropout", name, low=0, high=1)
        number(self.learning_rate_init, "learning_rate_init", name, low=0, open_low=True)
        if self.solver == "lbfgs" and (self.dropout or self.batch_norm or self.early_stopping or self.callbacks):
            raise ConfigurationError(
                where=name,
                received="solver='lbfgs' with dropout, batch_norm, early_stopping or callbacks",
                expected="a loss that is the same at each evaluation, of all rows, and no epochs",
                fix="use solver='adam'",
            )
        self._activations(len(self._hidden()))

    def _hidden(self: Any) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if hasattr(given, "__iter__") else [given]
        return [whole(size, "hidden_layer_sizes", type(self).__name__) for size in sizes]

    def _activations(self: Any, count: int) -> list[str]:
        given = [self.activation] * count if isinstance(self.activation, str) else list(self.activation)
        if len(given) != count:
            raise ConfigurationError(
                where=type(self).__name__,
                received=f"{len(given)} activations for {count} hidden layers",
                expected="one name for all, or one for each",
                fix="give activation a name such as 'relu', or a list as long as hidden_layer_sizes",
            )
        known = sorted({*RENAMED, *ACTIVATIONS})
        return [
            RENAMED.get(name, name) for name in (one_of(a, "activation", type(self).__name__, known) for a in given)
        ]

    def _network(
        self: Any, features: int, outputs: int, activation: str, random: np.random.RandomState, dtype: str
    ) -> Network:
        sizes = self._hidden()
        layers: list[Layer | str] = []
        for units, name in zip(sizes, self._activations(len(sizes)), strict=True):
            layers += [Dense(units), *([BatchNorm()] if self.batch_norm else []), name]
            layers += [Dropout(self.dropout)] if self.dropout else []
        network = Sequential(*layers, Dense(outputs))
        network.build((features,), dtype=dtype)
        # As scikit-learn draws them, so that one random_state gives both the same beginning.
        factor = 2.0 if self.activation == "logistic" else 6.0
        self.n_layers_ = len(sizes) + 2
        for layer in dense_layers(network):
            bound = np.sqrt(factor / sum(layer.weight.value.shape))
            layer.weight.value[...] = random.uniform(-bound, bound, layer.weight.value.shape)
            layer.bias.value[...] = random.uniform(-bound, bound, layer.bias.value.shape)
        return network

    def _optimizer(self: Any) -> Optimizer:
        rate = float(self.learning_rate_init)
        rule: Optimizer
        if self.solver == "sgd":
            rule = SGD(rate, momentum=self.momentum, nesterov=bool(self.nesterovs_momentum and self.momentum))
        else:
            rule = Adam(rate, beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon)
        return Chain(L2(self.alpha, by_batch=True), rule)

    def _adjust(self, optimizer: Optimizer, *, keeps_rate: bool) -> None:
        fresh = self._optimizer()
        assert isinstance(optimizer, Chain)
        assert isinstance(fresh, Chain)
        for kept, new in zip(optimizer.steps_in_order, fresh.steps_in_order, strict=True):
            for name, value in new.settings().items():
                if not (keeps_rate and name == "learning_rate"):
                    setattr(kept, name, value)
        if not keeps_rate:
            optimizer.learning_rate_scale = 1.0

    def _adapts(self: Any) -> bool:
        return bool(self.solver == "sgd" and self.learning_rate == "adaptive")

    def _rate_of(self: Any) -> tuple[float, float] | None:
        inverse = self.solver == "sgd" and self.learning_rate == "invscaling"
        return (float(self.learning_rate_init), float(self.power_t)) if inverse else None

    def _train(
        self: Any, X: Array, encoded: Array, y: Array, weights: Array | None, eval_set: Any,
        random: np.random.RandomState, *, epochs: int, incremental: bool,
    ) -> None:  # fmt: skip
        if self.solver != "lbfgs":
            super()._train(X, encoded, y, weights, eval_set, random, epochs=epochs, incremental=incremental)
            return
        if eval_set is not None:
            raise ConfigurationError(
                where=f"{type(self).__name__}.fit",
                received="eval_set with solver='lbfgs'",
                expected="epochs after which to measure",
                fix="use solver='adam'",
            )
        total = len(X) if weights is None else float(weights.sum())
        self.loss_, self.n_iter_, converged = minimize_loss(
            self.model_, self.model_.rows(X, encoded, weights), l2=self.alpha / total, max_iter=self.max_iter,
            max_fun=self.max_fun, tol=self.tol,
        )  # fmt: skip
        self.t_ += self.n_iter_ * len(X)
        self.best_loss_, self.loss_curve_, self.validation_scores_ = self.loss_, [self.loss_], None
        if self.verbose:
            print(f"lbfgs: {self.n_iter_} iterations, loss = {self.loss_:.8f}")
        if not converged:
            warnings.warn(
                f"lbfgs ended after {self.n_iter_} iterations and has not converged; set max_iter or max_fun "
                "higher, or scale the data.",
                ConvergenceWarning,
                stacklevel=level_of_caller(),
            )

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer (inputs, units): views into the network.

        They can be set, all or one of them; before the first fit, too, for ``partial_fit`` to begin with.
        """
        return self._of_layers("coefs_", "weight")

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        self._set_layers("coefs_", "weight", values)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer (units,): views into the network, which can be set as ``coefs_`` can."""
        return self._of_layers("intercepts_", "bias")

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        self._set_layers("intercepts_", "bias", values)

    def _of_layers(self, name: str, part: str) -> list[Array]:
        given: dict[str, list[Array]] = self.__dict__.get("_given_weights", {})
        if isinstance(getattr(self, "model_", None), Ensemble):
            raise AttributeError(f"each of estimators_ has {name} of its own")
        if hasattr(self, "model_"):
            return LayerArrays(name, self.model_.network, part)
        if name not in given:
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return given[name]

    def _set_layers(self, name: str, part: str, values: Sequence[Any]) -> None:
        if isinstance(getattr(self, "model_", None), Ensemble):
            raise AttributeError(f"each of estimators_ has {name} of its own")
        if hasattr(self, "model_"):
            LayerArrays(name, self.model_.network, part).take(values)
        else:
            self.__dict__.setdefault("_given_weights", {})[name] = list(values)

    def _begin_with_given(self, network: Network) -> None:
        given: dict[str, list[Array]] = self.__dict__.pop("_given_weights", {})
        for name, part in (("coefs_", "weight"), ("intercepts_", "bias")):
            if name in given:
                LayerArrays(name, network, part).take(given[name])
