"""What sets classifiers and regressors apart."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d

from glassnet.core.errors import ConfigurationError
from glassnet.core.indexes import require_one_order
from glassnet.core.numeric import refuse_hidden
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.estimators.labels import classes_of, labels_of, same_labels, shown
from glassnet.estimators.scores import share_of_right_rows, usable
from glassnet.estimators.targets import Classes, Labels, Numbers, Questions, class_targets, kind_of, require_classes
from glassnet.losses import as_loss
from glassnet.many import Ensemble


class Classification(ClassifierMixin):  # type: ignore[misc]
    """The part of an estimator that is about classes."""

    class_weight: Any

    def _learn(self: Any, y: Array, classes: Any) -> Any:
        two_outputs = self.loss is not None and type(as_loss(self.loss)).__name__ != "BinaryCrossEntropy"
        targets = class_targets(y, classes, two_outputs=two_outputs)
        self.classes_ = targets.classes
        _tell_of_single_classes(targets)
        return targets

    def _given(self, y: Any) -> Any:
        return labels_of(y)

    def _checked_targets(self, y: Any) -> Array:
        if issparse(y):
            y = y.toarray()
        require_classes(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.asarray(y)

    def _is_plain_target(self, y: Any, rows: int) -> bool:
        return type(y) is np.ndarray and y.dtype.kind in "iub" and y.shape == (rows,)

    def _require_same_targets(self: Any, y: Array) -> None:
        if isinstance(self._targets, Labels):
            return  # whose number is checked where they are encoded
        is_single = isinstance(self._targets, Classes)
        if (y.ndim == 1) != is_single or (not is_single and y.shape[1] != len(self.classes_)):
            return  # which is refused where they are encoded
        known, columns = ([self.classes_], [y]) if is_single else (self.classes_, [*y.T])
        for own, column in zip(known, columns, strict=True):
            found = classes_of(column)
            if len(found) != len(own) or not same_labels(found, own).all():
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {own}, `y` has {found}"
                )

    def _weights(self: Any, y: Array, sample_weight: Array | None) -> Array | None:
        own = self._targets.weights(self.class_weight, y)
        return own if sample_weight is None else sample_weight if own is None else own * sample_weight

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows that are predicted right, in everything."""
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where=f"{type(self).__name__}.score")
        refuse_hidden(sample_weight, where=f"{type(self).__name__}.score: sample_weight")
        y = labels_of(y)
        return share_of_right_rows(y.toarray() if issparse(y) else np.asarray(y), self.predict(X), sample_weight)

    def _partial_fit(self: Any, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ConfigurationError(
                where="partial_fit",
                received="class_weight='balanced'",
                expected="weights that do not depend on the rows at hand: class_weight 'balanced' is not supported for "
                "partial_fit, which sees a part of the rows",
                fix="compute them from the whole targets, sklearn.utils.class_weight.compute_class_weight('balanced', "
                "classes=classes, y=y), and pass them as class_weight={class: weight}",
            )
        require_one_order({"X": X, "y": y}, where=f"{type(self).__name__}.partial_fit")
        y = labels_of(y)
        if not hasattr(self, "model_"):
            if classes is None and kind_of(y) != "multilabel-indicator":
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif classes is not None and not isinstance(self._targets, Questions):
            found = classes_of(classes)
            if len(found) != len(self.classes_) or not same_labels(found, self.classes_).all():
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


def _tell_of_single_classes(targets: Classes | Labels | Questions) -> None:
    """Warns where there is nothing to learn: of a class alone, every row is one."""
    every = targets.classes if isinstance(targets, Questions) else [targets.classes]
    for number, classes in enumerate(every):
        if len(classes) == 1 and not isinstance(targets, Labels):
            where = f"column {number} of y" if isinstance(targets, Questions) else "y"
            only = shown(classes)[0]
            warnings.warn(
                f"{where} has one class only, {only!r}: there is nothing to learn, every prediction will be {only!r}.",
                RuntimeWarning,
                stacklevel=level_of_caller(),
            )


class Regression(RegressorMixin):  # type: ignore[misc]
    """The part of an estimator that is about numbers."""

    def _learn(self: Any, y: Array, classes: Any) -> Numbers:
        name = self.loss if isinstance(self.loss, str) else ""
        given = None if self.loss is None or name == "squared_error" else as_loss(self.loss)
        return Numbers(y, has_log_link=given is not None and given.has_log_link)

    def _given(self, y: Any) -> Any:
        refuse_hidden(y, where="y")
        return y

    def _require_same_targets(self, y: Array) -> None:
        """Any numbers will do."""

    def _checked_targets(self, y: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.asarray(y)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return sample_weight

    def predict(self: Any, X: Any, return_std: bool = False) -> Any:
        """Predictions in the form of the targets.

        Args:
            X: rows (N, D): an array, a frame or a sparse matrix.
            return_std: whether to give the standard deviation between the members of an ``ensemble`` as well.

        Returns:
            (N,), or (N, M) for several targets; with ``return_std`` a pair of such, predictions and deviations.

        Raises:
            ConfigurationError: ``return_std`` for a single network, which has none.
        """
        if not return_std:
            return super().predict(X)
        rows = self._checked(X)
        if not isinstance(self.model_, Ensemble):
            raise ConfigurationError(
                where=f"{type(self).__name__}.predict",
                received="return_std=True for a single network",
                expected="an ensemble, between whose members predictions differ",
                fix=f"fit {type(self).__name__}(..., ensemble=5)",
            )
        deviations = self.model_.spread(self._as_rows(rows))
        return self._decoded(rows), deviations[:, 0] if deviations.shape[1] == 1 else deviations

    def score(self: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the coefficient of determination."""
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where=f"{type(self).__name__}.score")
        refuse_hidden(y, where="y")
        refuse_hidden(sample_weight, where=f"{type(self).__name__}.score: sample_weight")
        return float(super().score(X, y, usable(sample_weight, len(np.asarray(y)))))
