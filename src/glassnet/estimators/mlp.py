"""Multi-layer perceptrons with scikit-learn's parameters."""

from __future__ import annotations

from dataclasses import KW_ONLY, field
from typing import Any

from sklearn.utils.metaestimators import available_if

from glassnet.core.settings import boolean
from glassnet.estimators.base import with_constructor
from glassnet.estimators.perceptron import Perceptron, is_stochastic
from glassnet.estimators.tasks import Classification, Regression
from glassnet.losses import Poisson
from glassnet.preprocessing import Standardize


@with_constructor
class MLPClassifier(Classification, Perceptron):
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
        ensemble: how many networks are fitted, each as with a ``random_state`` of its own, and answer together by the
            mean of probabilities; None for one alone. They are ``estimators_``, with the training's curves and the
            weights of each; ``model_`` is the ``gn.Ensemble``.

    Attributes:
        classes_: the labels, sorted; for several questions a row a list of them.
        coefs_, intercepts_: weights (inputs, units) and biases (units,) of each layer.
        loss_, best_loss_, loss_curve_: the training loss at the end, its least value and that of each epoch.
        validation_scores_, best_validation_score_: accuracies of the held-out rows with ``early_stopping``, else None.
        n_iter_, t_: epochs and rows seen.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: of the input and of the network.
        model_: the ``gn.Model`` or ``gn.Ensemble``, to look into or save.
        estimators_: the members of an ``ensemble``, fitted. Those have ``coefs_``, ``intercepts_``, ``loss_curve_``,
            ``best_loss_``, ``history_`` and validation scores; ``loss_`` is then the mean, ``n_iter_`` the largest.
        history_: the ``gn.History`` of the last fit.

    Example:
        >>> import numpy as np
        >>> from glassnet.estimators import MLPClassifier
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> MLPClassifier((8,), solver="lbfgs", random_state=1).fit(X, ["no", "yes", "yes", "no"]).predict(X).tolist()
        ['no', 'yes', 'yes', 'no']
    """

    _: KW_ONLY
    class_weight: Any = None

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """One epoch over these rows; the first call is told all ``classes`` that there will be."""
        return self._partial_fit(X, y, classes, sample_weight)


@with_constructor
class MLPRegressor(Regression, Perceptron):
    """A multi-layer perceptron for numbers, in the place of ``sklearn.neural_network.MLPRegressor``.

    Args:
        loss: ``"squared_error"``, the half squared error; ``"poisson"``, half the Poisson deviance, for counts and
            rates ≥ 0, with the exponential function after the last layer; ``"gamma"``, likewise for amounts > 0;
            ``"quantile"`` for the median, ``gn.losses.Quantile(0.9)`` for others; or another name or object, see
            ``gn.losses``.
        scale_target: whether the targets are learned standardised, so that neither their unit nor their mean matters to
            the step size and ``alpha``; predictions come in their own unit. The first fit decides mean and scale.
            Losses are then of standardised targets. Not for ``"poisson"`` and ``"gamma"``.
        hidden_layer_sizes: this and the following as in ``MLPClassifier``. Of an ``ensemble`` the mean is that of the
            predictions, and ``predict(X, return_std=True)`` tells how far they lie apart.

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

    loss: Any = field(default="squared_error", kw_only=False)
    _: KW_ONLY
    scale_target: bool = False

    def _scaling(self, encoded: Any) -> Any:
        if not boolean(self.scale_target, "scale_target", "MLPRegressor"):
            return None
        return Standardize.from_data(encoded)

    def _loss(self) -> Any:
        if isinstance(self.loss, str) and self.loss == "poisson":
            return Poisson(averages_outputs=False)  # scikit-learn's is the sum over several targets
        return self._targets.loss if self._is_squared() else super()._loss()

    def _loss_scale(self) -> float:
        return 1 / self.n_outputs_ if self._is_squared() else 1.0

    def _is_squared(self) -> bool:
        return isinstance(self.loss, str) and self.loss == "squared_error"

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch over these rows."""
        return self._fit(X, y, sample_weight, None, incremental=True)
