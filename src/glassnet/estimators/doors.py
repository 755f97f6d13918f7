"""The doors of the estimators: arrays, frames and sparse matrices in, plain arrays out, or an error."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.indexes import require_one_order
from glassnet.core.numeric import all_finite, refuse_hidden
from glassnet.core.ragged import is_ragged
from glassnet.core.shapes import Array

FORMATS = ("csr", "csc", "coo")


class Doors(BaseEstimator):  # type: ignore[misc]
    """What an estimator takes: rows of numbers, targets, and what is measured after each epoch."""

    n_features_in_: int

    @abstractmethod
    def _given(self, y: Any) -> Any:
        """The targets as they come, refused where some are missing."""

    @abstractmethod
    def _checked_targets(self, y: Any) -> Array:
        """The targets as an array (N,) or (N, M)."""

    def _is_plain_target(self, y: Any, rows: int) -> bool:
        """Whether the doors would leave the targets as they are: it is seen at a glance."""
        return False

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Array]:
        """Rows and targets as arrays, by scikit-learn's door and our own."""
        for name, given in (("X", X), ("y", y)):
            refuse_hidden(given, where=f"{type(self).__name__}: {name}")
        self._require_one_length(X)
        X, y = validate_data(
            self, X, self._given(y), accept_sparse=FORMATS, multi_output=True, y_numeric=not is_classifier(self),
            dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip
        return _dense(X), self._checked_targets(y)

    def _is_plain(self, X: Any) -> bool:
        """Whether the doors would leave rows, after a first fit, as they are: it is seen at a glance."""
        return bool(
            type(X) is np.ndarray
            and X.dtype in (np.float64, np.float32)
            and X.ndim == 2
            and len(X)
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and all_finite(X)
        )

    def _require_one_length(self, X: Any) -> None:
        """Refuses rows of different length, which scikit-learn's interface has no place for."""
        if is_ragged(X):
            raise DataError(
                where=f"{type(self).__name__}: X",
                received="rows of different length",
                expected="a table (N, D)",
                fix="use gn.Model, whose fit and predict take a list of arrays, or gn.data.Padded",
            )

    def _checked(self, X: Any) -> Array:
        check_is_fitted(self, "model_")
        self._require_one_length(X)
        if self._is_plain(X):
            return np.asarray(X)
        refuse_hidden(X, where=f"{type(self).__name__}: X")
        return _dense(validate_data(self, X, accept_sparse=FORMATS, dtype=(np.float64, np.float32), reset=False))

    def _eval_set(self, given: Any) -> tuple[Any, ...]:
        X, y = pair_of(self, given, expected="(X, y) to measure after each epoch")
        for name, own in (("X", X), ("y", y)):
            refuse_hidden(own, where=f"{type(self).__name__}.fit: eval_set: {name}")
        y = self._given(y)
        X = validate_data(self, X, accept_sparse=FORMATS, dtype=(np.float64, np.float32), reset=False)
        return _dense(X), self._checked_targets(check_array(y, ensure_2d=False, dtype=None)), None


def pair_of(estimator: BaseEstimator, eval_set: Any, *, expected: str) -> tuple[Any, Any]:
    """The rows and targets of an ``eval_set``.

    Raises:
        ConfigurationError: it is no pair.
        DataError: their indexes are in another order.
    """
    where = f"{type(estimator).__name__}.fit: eval_set"
    if not isinstance(eval_set, tuple | list) or len(eval_set) != 2:
        raise ConfigurationError(
            where=where,
            received=f"a {type(eval_set).__name__}",
            expected=expected,
            fix="write eval_set=(X_validation, y_validation)",
        )
    X, y = eval_set
    require_one_order({"X": X, "y": y}, where=where)
    return X, y


def _dense(X: Any) -> Array:
    return np.asarray(X.toarray() if issparse(X) else X)
