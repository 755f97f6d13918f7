"""What sets classifiers and regressors apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from glassnet.estimators.base import share_of_right_rows
from glassnet.estimators.targets import Numbers, class_targets
from glassnet.losses import LOSSES, Loss
from glassnet.settings import by_name
from glassnet.shapes import Array


class Classification(ClassifierMixin):  # type: ignore[misc]
    """The part of an estimator that is about classes."""

    class_weight: Any

    def _learn(self: Any, y: Array, classes: Any) -> Any:
        two_outputs = self.loss is not None and type(self._loss_given()).__name__ != "BinaryCrossEntropy"
        targets = class_targets(y, classes, two_outputs=two_outputs)
        self.classes_ = targets.classes
        return targets

    def _loss_given(self: Any) -> Loss:
        return by_name(self.loss, LOSSES, Loss, what="loss")

    def _checked_targets(self, y: Any) -> Array:
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if issparse(y):
            y = y.toarray()
        return np.asarray(y)

    def _weights(self: Any, y: Array, sample_weight: Array | None) -> Array | None:
        own = self._targets.weights(self.class_weight, y)
        return own if sample_weight is None else sample_weight if own is None else own * sample_weight

    def fit(self: Any, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Trains from the beginning, or goes on with ``warm_start``.

        Args:
            X: rows (N, D): an array, a frame or a sparse matrix (which is made dense).
            y: labels (N,), numbers or text; or 0 and 1 for several labels a row (N, M).
            sample_weight: a weight ≥ 0 for each row (N,). A weight of 2 does what the row twice does.
            eval_set: (X, y) that is measured after each epoch; with ``early_stopping`` it decides, and no rows are set
                aside.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, eval_set)

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows that are predicted right, in everything."""
        return share_of_right_rows(np.asarray(y), self.predict(X), sample_weight)

    def _partial_fit(self: Any, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
        if not hasattr(self, "model_"):
            if classes is None and type_of_target(y) != "multilabel-indicator":
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"`classes={classes}` is not the same as on the last call to partial_fit, was: {self.classes_}"
            )
        return self._fit(X, y, sample_weight, None, incremental=True, classes=classes)

    def predict_proba(self: Any, X: Any) -> Any:
        """Probabilities of the classes in the order of ``classes_`` (N, K), or of each label (N, M).

        For several questions a row a list with one array (N, K_m) each.
        """
        X = self._checked(X)
        return self._targets.probabilities(self._outputs(X), self.model_.loss)

    def predict_log_proba(self: Any, X: Any) -> Any:
        """The logarithm of ``predict_proba``; −inf where a probability is zero."""
        with np.errstate(divide="ignore"):
            p = self.predict_proba(X)
            return [np.log(own) for own in p] if isinstance(p, list) else np.log(p)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class Regression(RegressorMixin):  # type: ignore[misc]
    """The part of an estimator that is about numbers."""

    def _learn(self, y: Array, classes: Any) -> Numbers:
        return Numbers(y)

    def _checked_targets(self, y: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.asarray(y)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return sample_weight

    def fit(self: Any, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Trains from the beginning, or goes on with ``warm_start``.

        Args:
            X: rows (N, D): an array, a frame or a sparse matrix (which is made dense).
            y: numbers (N,), or several for each row (N, M).
            sample_weight: a weight ≥ 0 for each row (N,). A weight of 2 does what the row twice does.
            eval_set: (X, y) that is measured after each epoch; with ``early_stopping`` it decides, and no rows are set
                aside.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, eval_set)
