"""Multi-layer perceptrons with scikit-learn's parameters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from glassnet.errors import ConfigurationError
from glassnet.estimators.arrays import LayerArrays, dense_layers
from glassnet.estimators.base import NetworkEstimator
from glassnet.estimators.lbfgs import minimize_loss
from glassnet.estimators.tasks import Classification, Regression
from glassnet.layers import ACTIVATIONS, BatchNorm, Dense, Dropout, Layer
from glassnet.losses import Poisson
from glassnet.network import Network, Sequential
from glassnet.optimizers import L2, SGD, Adam, Chain, Optimizer
from glassnet.settings import number, one_of, whole
from glassnet.shapes import Array

SOLVERS = ("adam", "sgd", "lbfgs")
RATES = ("constant", "invscaling", "adaptive")
RENAMED = {"logistic": "sigmoid"}


def _is_stochastic(estimator: Any) -> bool:
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs steps on batches: solver='adam' or 'sgd', not 'lbfgs'")
    return True


class _Perceptron(NetworkEstimator):
    """What both have: scikit-learn's parameters as a network and an optimizer."""

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
        self: Any, X: Array, encoded: Array, y: Array, weights: Array | None, eval_set: Any, *rest: Any, **options: Any
    ) -> None:
        if self.solver != "lbfgs":
            super()._train(X, encoded, y, weights, eval_set, *rest, **options)
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
                stacklevel=4,
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
        if hasattr(self, "model_"):
            return LayerArrays(name, self.model_.network, part)
        if name not in given:
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return given[name]

    def _set_layers(self, name: str, part: str, values: Sequence[Any]) -> None:
        if hasattr(self, "model_"):
            LayerArrays(name, self.model_.network, part).take(values)
        else:
            self.__dict__.setdefault("_given_weights", {})[name] = list(values)

    def _begin_with_given(self, network: Network) -> None:
        given: dict[str, list[Array]] = self.__dict__.pop("_given_weights", {})
        for name, part in (("coefs_", "weight"), ("intercepts_", "bias")):
            if name in given:
                LayerArrays(name, network, part).take(given[name])


class MLPClassifier(Classification, _Perceptron):
    """A multi-layer perceptron for classes, in the place of ``sklearn.neural_network.MLPClassifier``.

    Args:
        hidden_layer_sizes: units of each hidden layer ((100,)).
        activation: of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"`` or another of
            glassnet's names; or a list with one for each layer.
        solver: ``"adam"``, ``"sgd"`` or ``"lbfgs"``.
        alpha: strength of the L2 penalty α/(2 n) ‖W‖², n the rows of a batch (1e-4).
        batch_size: rows in a step; ``"auto"`` for min(200, N).
        learning_rate: with ``"sgd"``: ``"constant"``; ``"invscaling"``, rate / t^power_t with t the rows seen;
            ``"adaptive"``, a fifth of it each time that ``n_iter_no_change`` epochs brought nothing.
        learning_rate_init: the learning rate at the beginning (0.001).
        power_t: see ``learning_rate`` (0.5).
        max_iter: upper limit of epochs, or of iterations of ``"lbfgs"`` (200).
        shuffle: whether each epoch takes the rows in a new order.
        random_state: keys initial weights, orders and held-out rows. A number gives the initial weights that it gives
            in scikit-learn.
        tol: how much the loss, or the validation score, must improve; for ``"lbfgs"`` the largest gradient (1e-4).
        verbose: whether to show a progress bar; in a pipe a line for each epoch.
        warm_start: whether ``fit`` goes on where the last one stopped, with the optimizer's memory.
        momentum: of ``"sgd"`` (0.9).
        nesterovs_momentum: whether it looks ahead.
        early_stopping: whether part of the rows is set aside, whose score decides when to stop; the best epoch's
            weights are kept.
        validation_fraction: the share that is set aside (0.1).
        beta_1: of ``"adam"`` (0.9).
        beta_2: of ``"adam"`` (0.999).
        epsilon: of ``"adam"`` (1e-8).
        n_iter_no_change: epochs without improvement that are tolerated (10).
        max_fun: upper limit of evaluations of ``"lbfgs"`` (15,000).
        dropout: share of each hidden layer's units that is dropped while training (0).
        batch_norm: whether batch normalisation stands before each hidden activation.
        class_weight: ``"balanced"``, or {class: weight}.
        loss: name or object, see ``gn.losses``; None for the cross-entropy. A loss that is not ``BinaryCrossEntropy``
            gets an output for each of two classes, too.
        callbacks: ``gn.Callback`` objects or functions for ``Model.fit``.
        dtype: of parameters and computation: ``"float32"``, which is about twice as fast, ``"float64"``, or ``"auto"``
            for that of X.

    Attributes:
        classes_: the labels, sorted; for several questions a row a list of them.
        coefs_, intercepts_: weights (inputs, units) and biases (units,) of each layer.
        loss_, best_loss_, loss_curve_: the training loss at the end, its least value and that of each epoch.
        validation_scores_, best_validation_score_: accuracies of the held-out rows with ``early_stopping``, else None.
        n_iter_, t_: epochs and rows seen.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: of the input and of the network.
        model_: the ``gn.Model``, to look into, trace or save.
        history_: the ``gn.History`` of the last fit.

    Example:
        >>> import numpy as np
        >>> from glassnet.estimators import MLPClassifier
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> MLPClassifier((8,), solver="lbfgs", random_state=1).fit(X, ["no", "yes", "yes", "no"]).predict(X).tolist()
        ['no', 'yes', 'yes', 'no']
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        batch_norm: bool = False,
        class_weight: Any = None,
        loss: Any = None,
        callbacks: Any = None,
        dtype: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.class_weight = class_weight
        self.loss = loss
        self.callbacks = callbacks
        self.dtype = dtype

    @available_if(_is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """One epoch over these rows; the first call is told all ``classes`` that there will be."""
        return self._partial_fit(X, y, classes, sample_weight)


class MLPRegressor(Regression, _Perceptron):
    """A multi-layer perceptron for numbers, in the place of ``sklearn.neural_network.MLPRegressor``.

    Args:
        loss: ``"squared_error"``, the half squared error; ``"poisson"``, half the Poisson deviance, for counts and
            rates ≥ 0, with the exponential function after the last layer; ``"gamma"``, likewise for amounts > 0;
            ``"quantile"`` for the median, ``gn.losses.Quantile(0.9)`` for others; or another name or object, see
            ``gn.losses``.
        hidden_layer_sizes: this and the following as in ``MLPClassifier``.

    The reported loss of several targets is averaged over them, as scikit-learn's is. Attributes as those of
    ``MLPClassifier``, without ``classes_``; validation scores are R².

    Example:
        >>> import numpy as np
        >>> from glassnet.estimators import MLPRegressor
        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> fitted = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", random_state=0).fit(x, x[:, 0] ** 2)
        >>> bool(fitted.score(x, x[:, 0] ** 2) > 0.99)
        True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        batch_norm: bool = False,
        callbacks: Any = None,
        dtype: str = "auto",
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.callbacks = callbacks
        self.dtype = dtype

    def _loss(self) -> Any:
        if isinstance(self.loss, str) and self.loss == "poisson":
            return Poisson(averages_outputs=False)  # scikit-learn's is the sum over several targets
        return self._targets.loss if self._is_squared() else super()._loss()

    def _loss_scale(self) -> float:
        return 1 / self.n_outputs_ if self._is_squared() else 1.0

    def _is_squared(self) -> bool:
        return isinstance(self.loss, str) and self.loss == "squared_error"

    @available_if(_is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch over these rows."""
        return self._fit(X, y, sample_weight, None, incremental=True)
