"""Estimators for tables as they are: words, dates and gaps among the numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.indexes import require_one_order
from glassnet.core.numeric import refuse_hidden
from glassnet.core.ragged import is_ragged
from glassnet.core.shapes import Array
from glassnet.estimators.base import LARGEST_SEED, with_constructor
from glassnet.estimators.doors import pair_of
from glassnet.estimators.labels import classes_of, labels_of, numbers_of, weights_of_classes
from glassnet.estimators.scores import share_of_right_rows, usable
from glassnet.many import Ensemble
from glassnet.tables import Frame
from glassnet.tables.named import is_frame
from glassnet.tabular import TableModel


@with_constructor
class _Tabular(BaseEstimator):  # type: ignore[misc]
    """What both have: the settings of ``gn.TableModel``."""

    preset: Any = "quick"
    _: KW_ONLY
    members: int | None = None
    epochs: int | None = None
    categories: Any = ()
    ignore: Any = ()
    group: str | None = None
    time: str | None = None
    validation_fraction: float = 0.2
    random_state: Any = None
    dtype: str = "float32"
    verbose: bool = False

    def _table_model(self, **settings: Any) -> TableModel:
        random = check_random_state(self.random_state)
        return TableModel(
            self.preset,
            members=self.members,
            epochs=self.epochs,
            categories=self.categories,
            ignore=self.ignore,
            group=self.group,
            time=self.time,
            validation_share=self.validation_fraction,
            seed=int(random.randint(LARGEST_SEED)),
            dtype=self.dtype,
            **settings,
        )

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """The rows: a frame as it is, anything else as an array of numbers, which may have gaps."""
        where = f"{type(self).__name__}: X"
        refuse_hidden(X, where=where)
        if issparse(X):
            raise TypeError(f"{where}: sparse data is not supported; pass X.toarray()")
        if is_ragged(X):
            raise DataError(
                where=where,
                received="rows of different length",
                expected="a table (N, D)",
                fix="use gn.Model, whose fit and predict take a list of arrays",
            )
        if is_frame(X) or isinstance(X, Mapping):
            if not isinstance(X, Mapping):
                validate_data(self, X, skip_check_array=True, reset=reset)
            return X
        settings: dict[str, Any] = {"dtype": "numeric", "ensure_all_finite": "allow-nan", "reset": reset}
        return np.asarray(validate_data(self, X, **settings))

    def _learn(self, X: Any, y: Array, answers: Array, weights: Any, eval_set: Any, **settings: Any) -> Self:
        """Trains on rows whose targets were looked at."""
        model = self._table_model(**settings)
        validation = None
        if eval_set is not None:
            X_held, y_held = pair_of(self, eval_set, expected="(X, y), whose loss chooses the epoch")
            validation = self._rows(X_held, reset=False), self._encoded(y_held)
        if weights is not None:
            weights = _check_sample_weight(weights, np.empty((len(y), 1)), ensure_non_negative=True)
            if not weights.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
        self.histories_ = model.fit(
            X, answers, sample_weight=weights, validation_data=validation, verbose=bool(self.verbose)
        )
        self.table_model_, self.model_, self.table_ = model, model.model, model.table
        self.n_iter_ = max(len(history) for history in self.histories_)
        return self

    @abstractmethod
    def _encoded(self, y: Any) -> Array:
        """Targets as ``TableModel`` takes them."""

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        return self._rows(X, reset=False)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = False
        tags.non_deterministic = self.random_state is None
        return tags


@with_constructor
class TabularClassifier(ClassifierMixin, _Tabular):  # type: ignore[misc]
    """A network for classes that takes raw frames: words, dates and gaps, by the recipes of ``gn.TableModel``.

    Args:
        preset: ``"quick"``, one network of 2×64 units; ``"best"``, four of 2×128 that are averaged; or a
            ``glassnet.tabular.Recipe``.
        members: how many networks answer together; None for the preset's.
        epochs: at most so many; None for the preset's.
        label_smoothing: in [0, 1); None for the preset's.
        class_weight: ``"balanced"``, or {class: weight}.
        categories: columns whose values are names, not amounts.
        ignore: columns that are left out.
        group: the column whose equal values stay on one side when rows are set aside.
        time: the column by which the latest rows are set aside.
        validation_fraction: of the rows that chooses the epoch, set aside of each class alike (0.2).
        random_state: keys initial weights, orders and rows set aside.
        dtype: of the networks, ``"float32"`` or ``"float64"``.
        verbose: whether to show a progress bar.

    Attributes:
        classes_: the labels, sorted (K,).
        model_: the ``gn.Model``, or the ``gn.Ensemble`` of the members; to look into, or save.
        table_: the ``gn.Table``: what each column is.
        histories_: a ``gn.History`` for each member.
        n_iter_: epochs.
        n_features_in_, feature_names_in_: of X.

    Example:
        >>> from glassnet.estimators import TabularClassifier
        >>> X = {"age": [31, 47, 22, 60, 19, 38] * 8, "town": ["Ulm", "Bern", "Ulm", "Graz", "Ulm", "Bern"] * 8}
        >>> y = ["no", "yes", "no", "yes", "no", "yes"] * 8
        >>> TabularClassifier(random_state=0).fit(X, y).predict({"age": [25, 55], "town": ["Ulm", "Graz"]}).tolist()
        ['no', 'yes']
    """

    _: KW_ONLY
    label_smoothing: float | None = None
    class_weight: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Self:
        """Learns the columns, sets rows aside, trains.

        Args:
            X: a frame, a dict of columns, or an array (N, D) of numbers, of which some may be missing.
            y: labels (N,), numbers, text, or True and False.
            sample_weight: a weight ≥ 0 for each row (N,).
            eval_set: (X, y) that chooses the epoch in place of rows that are set aside.

        Returns:
            The estimator itself.
        """
        if y is None:
            raise ValueError("This TabularClassifier requires y to be passed, but the target y is None")
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where="TabularClassifier.fit")
        rows = self._rows(X, reset=True)
        labels = _flat(labels_of(y))
        check_consistent_length(_first_column(rows), labels)
        check_classification_targets(labels)
        self.classes_ = classes_of(labels)
        if len(self.classes_) < 2:
            raise ValueError(
                f"TabularClassifier needs two classes at least, and y has one class only, {self.classes_[0]!r}."
            )
        numbers = numbers_of(labels, self.classes_)
        weights = sample_weight
        if self.class_weight is not None:
            own = weights_of_classes(self.class_weight, self.classes_, numbers)[numbers]
            weights = own if weights is None else own * _check_sample_weight(weights, np.empty((len(numbers), 1)))
        settings = {"task": "classification", "label_smoothing": self.label_smoothing}
        return self._learn(rows, labels, numbers, weights, eval_set, **settings)

    def _encoded(self, y: Any) -> Array:
        return numbers_of(_flat(labels_of(y)), self.classes_)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class (N, K), in the order of ``classes_``."""
        rows = self._checked(X)
        return np.asarray(self.table_model_.predict_proba(rows))

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of ``predict_proba``; −inf where a probability is zero."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """The label of the largest probability (N,)."""
        shares = self.predict_proba(X)  # which sees whether it is fitted
        return np.asarray(self.classes_[np.argmax(shares, axis=1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows that are predicted right."""
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where="TabularClassifier.score")
        refuse_hidden(sample_weight, where="TabularClassifier.score: sample_weight")
        return share_of_right_rows(np.asarray(labels_of(y)), self.predict(X), sample_weight)


@with_constructor
class TabularRegressor(RegressorMixin, _Tabular):  # type: ignore[misc]
    """A network for amounts that takes raw frames: words, dates and gaps, by the recipes of ``gn.TableModel``.

    Args:
        preset: this and the following as in ``TabularClassifier``.
        log_target: whether the logarithms of the amounts are learned, log(1 + y), for amounts of 0 or more.

    Predictions stay within the range of the targets in training.

    Attributes are those of ``TabularClassifier``, without ``classes_``.

    Example:
        >>> import numpy as np
        >>> from glassnet.estimators import TabularRegressor
        >>> X = {"size": np.linspace(20, 120, 80), "town": ["Ulm", "Bern"] * 40}
        >>> y = X["size"] * 30 + np.tile([0, 500], 40)
        >>> bool(TabularRegressor(random_state=0).fit(X, y).score(X, y) > 0.9)
        True
    """

    _: KW_ONLY
    log_target: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Self:
        """Learns the columns, sets rows aside, trains.

        Args:
            X: a frame, a dict of columns, or an array (N, D) of numbers, of which some may be missing.
            y: numbers (N,), or several for each row (N, M).
            sample_weight: a weight ≥ 0 for each row (N,).
            eval_set: (X, y) that chooses the epoch in place of rows that are set aside.

        Returns:
            The estimator itself.
        """
        if y is None:
            raise ValueError("This TabularRegressor requires y to be passed, but the target y is None")
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where="TabularRegressor.fit")
        rows = self._rows(X, reset=True)
        targets = self._encoded(y)
        check_consistent_length(_first_column(rows), targets)
        if len(targets) < 2:
            raise ValueError("TabularRegressor needs two rows at least, got n_samples = 1")
        return self._learn(
            rows, targets, targets, sample_weight, eval_set, task="regression", log_target=self.log_target
        )

    def _encoded(self, y: Any) -> Array:
        refuse_hidden(y, where="y")
        found = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return _flat(found) if found.ndim == 2 and found.shape[1] == 1 else np.asarray(found)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Amounts (N,), or (N, M) for several targets.

        Args:
            X: as ``fit`` takes it.
            return_std: whether to give the standard deviation between the members as well.

        Raises:
            ConfigurationError: ``return_std`` for a single network, which has none.
        """
        rows = self._checked(X)
        found = self.table_model_.predict(rows)
        if not return_std:
            return found
        if not isinstance(self.model_, Ensemble):
            raise ConfigurationError(
                where="TabularRegressor.predict",
                received="return_std=True for a single network",
                expected="several members, between which predictions differ",
                fix='fit TabularRegressor("best"), or members=4',
            )
        deviations = self.table_model_.spread(rows)
        return found, deviations[:, 0] if deviations.shape[1] == 1 else deviations

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the coefficient of determination."""
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where="TabularRegressor.score")
        refuse_hidden(y, where="y")
        refuse_hidden(sample_weight, where="TabularRegressor.score: sample_weight")
        return float(super().score(X, y, usable(sample_weight, len(np.asarray(y)))))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _flat(y: Any) -> Array:
    """A column of targets as (N,)."""
    if issparse(y):
        raise TypeError("Sparse data was passed for y, but dense data is required: use y.toarray()")
    if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {y.shape} instead.")
    return np.asarray(column_or_1d(y, warn=True))


def _first_column(rows: Any) -> Any:
    """Something of the rows' length."""
    if isinstance(rows, Frame):
        return np.empty(rows.height)
    return next(iter(rows.values()), ()) if isinstance(rows, Mapping) else rows
