"""Any network as an estimator."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import KW_ONLY
from math import prod
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import whole
from glassnet.core.shapes import batch_shape
from glassnet.estimators.base import NetworkEstimator, with_constructor
from glassnet.estimators.tasks import Classification, Regression
from glassnet.layers import Dense, Layer
from glassnet.network import Network, Sequential, as_network
from glassnet.optimizers import Optimizer, as_optimizer

HIDDEN_UNITS = 100


@with_constructor
class _AnyNetwork(NetworkEstimator):
    """What both have: the user's network and optimizer."""

    network: Network | Layer | Callable[[int], Any] | None = None
    optimizer: Any = "adam"
    _: KW_ONLY
    input_shape: tuple[int, ...] | None = None

    def _network(
        self: Any, features: int, outputs: int, activation: str, random: np.random.RandomState, dtype: str
    ) -> Network:
        name = type(self).__name__
        given = self.network
        if given is None:
            network: Network = Sequential(Dense(HIDDEN_UNITS), "relu", Dense(outputs))
        elif isinstance(given, Layer):
            network = as_network(deepcopy(given))
        elif callable(given):
            network = as_network(given(outputs))
        else:
            raise ConfigurationError(
                where=name,
                received=f"network={given!r}",
                expected="a network, or a function that makes one for a number of outputs, such as gn.zoo.lenet5",
                fix="write network=gn.Sequential(...), or a function: outputs -> gn.Sequential(..., gn.Dense(outputs))",
            )
        network.build(self._row_shape(features), seed=int(random.randint(2**31 - 1)), dtype=dtype)
        if network.output_shape != (outputs,):
            raise ShapeError(
                where=f"{name}: network",
                received=f"outputs of shape {batch_shape(network.output_shape or ())}",
                expected=f"(N, {outputs}), which these targets need",
                fix=f"end the network in gn.Dense({outputs}), or pass a function that is told the number of outputs",
            )
        return network

    def _optimizer(self: Any) -> Optimizer:
        return as_optimizer(deepcopy(self.optimizer))

    def _row_shape(self: Any, features: int) -> tuple[int, ...]:
        if self.input_shape is None:
            return (features,)
        shape = tuple(whole(size, "input_shape", type(self).__name__) for size in self.input_shape)
        if prod(shape) != features:
            raise ShapeError(
                where=f"{type(self).__name__}: X",
                received=f"{features} columns",
                expected=f"{prod(shape)}, for input_shape={shape}",
                fix="set input_shape to the shape of one row",
            )
        return shape


@with_constructor
class NetworkClassifier(Classification, _AnyNetwork):
    """Any network for classes.

    Args:
        network: a network, which is copied and built anew for each fit; or a function that makes one for a number of
            outputs, such as ``gn.zoo.lenet5``. None for a hidden layer of 100 ReLU units. Two classes have a single
            output unless ``loss`` is another than ``BinaryCrossEntropy``; K classes have K, M labels M.
        optimizer: an object, a name, or a list of steps.
        loss: name or object, see ``gn.losses``; None for the cross-entropy.
        input_shape: the shape that each row of X is given, such as (1, 28, 28); None for (columns,).
        batch_size: rows in a step; ``"auto"`` for min(200, N).
        max_iter: upper limit of epochs (200).
        shuffle: whether each epoch takes the rows in a new order.
        random_state: keys initial weights, orders, dropout and held-out rows.
        tol: how much the loss, or the validation score, must improve (1e-4).
        n_iter_no_change: epochs without improvement that are tolerated (10).
        early_stopping: whether part of the rows is set aside, whose score decides when to stop; the best epoch's
            weights are kept.
        validation_fraction: the share that is set aside (0.1).
        warm_start: whether ``fit`` goes on where the last one stopped, with the optimizer's memory.
        verbose: whether to show a progress bar; in a pipe a line for each epoch.
        class_weight: ``"balanced"``, or {class: weight}.
        callbacks: ``gn.Callback`` objects or functions for ``Model.fit``.
        dtype: ``"float32"``, ``"float64"``, or ``"auto"`` for that of X.
        ensemble: how many networks are fitted, each as with a ``random_state`` of its own, and answer together by the
            mean of probabilities; None for one alone. They are ``estimators_``, with the training's curves and the
            weights of each; ``model_`` is the ``gn.Ensemble``.

    Attributes are those of ``MLPClassifier``, but for ``coefs_``, ``intercepts_`` and ``n_layers_``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> from glassnet.estimators import NetworkClassifier
        >>> X, y = np.eye(6).repeat(5, axis=0), np.repeat(list("abcdef"), 5)
        >>> net = gn.Sequential(gn.Dense(32), gn.Tanh(), gn.Dense(6))
        >>> NetworkClassifier(net, gn.Adam(0.05), random_state=0).fit(X, y).score(X, y)
        1.0
    """

    _: KW_ONLY
    class_weight: Any = None

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """One epoch over these rows; the first call is told all ``classes`` that there will be."""
        return self._partial_fit(X, y, classes, sample_weight)


@with_constructor
class NetworkRegressor(Regression, _AnyNetwork):
    """Any network for numbers.

    Args:
        network: as in ``NetworkClassifier``, and so are the following; M targets have M outputs.
        loss: name or object, see ``gn.losses``; None for the half squared error. ``Poisson`` and ``Gamma`` take a
            network whose outputs are logarithms; the predictions are not.
        ensemble: likewise, by the mean of the predictions; ``predict(X, return_std=True)`` tells how far they lie
            apart.

    Attributes are those of ``MLPRegressor``, but for ``coefs_``, ``intercepts_`` and ``n_layers_``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> from glassnet.estimators import NetworkRegressor
        >>> x = np.linspace(-1, 1, 100)[:, None]
        >>> net = gn.Sequential(gn.Dense(32), gn.Tanh(), gn.Dense(1))
        >>> fitted = NetworkRegressor(net, gn.Adam(0.05), random_state=0).fit(x, x[:, 0] ** 2)
        >>> bool(fitted.score(x, x[:, 0] ** 2) > 0.95)
        True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch over these rows."""
        return self._fit(X, y, sample_weight, None, incremental=True)
