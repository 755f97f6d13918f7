"""What all estimators share: from arrays, frames and sparse matrices to a trained ``Model``, and back."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from numbers import Number
from typing import Any, Self, TypeVar, cast, dataclass_transform

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from glassnet.core.calls import suggests
from glassnet.core.errors import DivergenceError, plain_numbers
from glassnet.core.indexes import require_one_order
from glassnet.core.numeric import numeric, refuse_hidden
from glassnet.core.output import level_of_caller
from glassnet.core.settings import number, one_of, whole
from glassnet.core.shapes import Array
from glassnet.core.turns import one_at_a_time
from glassnet.estimators.doors import Doors
from glassnet.estimators.ensembles import fit_members
from glassnet.estimators.scores import require_pairs, share_of_right_rows, usable
from glassnet.estimators.single import learn_batch
from glassnet.estimators.stopping import Progress
from glassnet.estimators.targets import Classes, Targets
from glassnet.losses import Loss, as_loss, check_weights
from glassnet.many import Ensemble
from glassnet.model import Model
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.preprocessing import Standardize
from glassnet.training import History

E = TypeVar("E")
DTYPES = ("auto", "float32", "float64")
LARGEST_SEED = 2**31 - 1
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
    "preprocessed. Put a StandardScaler before it, or lower the learning rate."
)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def with_constructor(kind: type[E]) -> type[E]:
    """The class with the constructor that scikit-learn asks for.

    It has an argument for each setting that the class and its bases declare, with its default, and keeps it as it is.
    """
    made: Any = dataclass(eq=False, repr=False)(kind)
    made.__init__ = suggests(made.__init__)
    return made  # type: ignore[no-any-return]


class Fitted:
    """What a fit leaves."""

    model_: Any
    _targets: Targets
    _progress: Progress | None


@with_constructor
class NetworkEstimator(Fitted, Doors):
    """Base of the estimators, with the settings of all. A subclass says what its network and its optimizer are."""

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """Those of the constructor, which scikit-learn reads anew whenever it copies an estimator."""
        return super()._get_param_names()  # type: ignore[no-any-return]

    _: KW_ONLY
    loss: Any = None
    batch_size: int | str = "auto"
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    n_iter_no_change: float = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    warm_start: bool = False
    verbose: bool = False
    callbacks: Any = None
    dtype: str = "auto"
    ensemble: int | None = None

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return plain_numbers(super().__repr__(N_CHAR_MAX))

    @abstractmethod
    def _network(
        self, features: int, outputs: int, activation: str, random: np.random.RandomState, dtype: str
    ) -> Network:
        """A built network for rows (features,)."""

    @abstractmethod
    def _optimizer(self) -> Any:
        """The optimizer."""

    @abstractmethod
    def _learn(self, y: Array, classes: Any) -> Targets:
        """What y stands for."""

    @abstractmethod
    def _require_same_targets(self, y: Array) -> None:
        """Refuses other classes than those of the fit before."""

    @abstractmethod
    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """The rows' weights, with those of their classes."""

    def _check_settings(self) -> None:
        name = type(self).__name__
        whole(self.max_iter, "max_iter", name)
        if not (isinstance(self.n_iter_no_change, float) and self.n_iter_no_change == np.inf):
            whole(self.n_iter_no_change, "n_iter_no_change", name)
        number(self.tol, "tol", name, low=0)
        one_of(self.dtype, "dtype", name, DTYPES)
        if self.early_stopping:
            number(self.validation_fraction, "validation_fraction", name, low=0, high=1, open_low=True)
        if self.batch_size != "auto":
            whole(self.batch_size, "batch_size", name)
        if self.ensemble is not None:
            whole(self.ensemble, "ensemble", name, low=2)

    def _trained_thing(self) -> object:
        """What only one thread at a time may fit."""
        return self

    @one_at_a_time
    def _fit(
        self, X: Any, y: Any, sample_weight: Any, eval_set: Any, *, incremental: bool = False, classes: Any = None
    ) -> Self:
        self._check_settings()
        require_one_order({"X": X, "y": y, "sample_weight": sample_weight}, where=f"{type(self).__name__}.fit")
        if self.ensemble is not None:
            fit_members(self, X, y, sample_weight, eval_set, incremental=incremental, classes=classes)
            return self
        goes_on = self.warm_start or incremental
        first = not goes_on or not isinstance(getattr(self, "model_", None), Model)
        refuse_hidden(sample_weight, where=f"{type(self).__name__}: sample_weight")
        if first or not (self._is_plain(X) and self._is_plain_target(y, len(X))):
            X, y = self._validated(X, y, reset=first)
        if sample_weight is not None:
            if not isinstance(sample_weight, Number):
                sample_weight = numeric(sample_weight, where=f"{type(self).__name__}: sample_weight")
            sample_weight = _check_sample_weight(sample_weight, X)
            if not sample_weight.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
        random = check_random_state(self.random_state if first or not incremental else None)  # which draws nothing
        if first:
            self._targets = self._learn(y, classes)
            self.n_outputs_ = self._targets.outputs
            self.out_activation_ = self._targets.activation
            self.t_, self.n_iter_, self._progress = 0, 0, None
        elif not incremental:
            self._require_same_targets(y)
        encoded = self._targets.encode(y)
        with np.errstate(over="ignore"):
            weights = self._weights(y, sample_weight)
        weights = check_weights(weights, len(X), np.dtype(np.float64), where=f"{type(self).__name__}: weights of rows")
        if first:
            dtype = str(X.dtype) if self.dtype == "auto" else self.dtype
            loss = self._loss()
            loss.prepare(encoded, (self.n_outputs_,), np.dtype(dtype), where="y")  # refused before rows are set aside
            network = self._network(X.shape[1], self.n_outputs_, self.out_activation_, random, dtype)
            if incremental or self.warm_start:
                self._begin_with_given(network)
            seed = random.randint(LARGEST_SEED)
            self.__dict__.pop("estimators_", None)
            self.model_ = Model(network, loss, self._optimizer(), seed=seed, dtype=dtype)
            self.model_.target_scaling = self._scaling(encoded)
        epochs = 1 if incremental else self.max_iter
        self._train(X, encoded, y, weights, eval_set, random, epochs=epochs, incremental=incremental)
        # Squares of gradients that overflowed in the optimizer's memory stop the learning as surely.
        arrays = self.model_.network.parameters, *self.model_.optimizer.state.values()
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(NOT_FINITE)
        return self

    def _begin_with_given(self, network: Network) -> None:
        """Puts in what weights were given before the first fit."""

    def _scaling(self, encoded: Array) -> Standardize | None:
        """What brings the targets to the scale in which they are learned."""
        return None

    def _loss(self) -> Loss:
        return self._targets.loss if self.loss is None else as_loss(self.loss)

    def _loss_scale(self) -> float:
        """What the reported loss is multiplied by."""
        return 1.0

    def _train(
        self, X: Array, encoded: Array, y: Array, weights: Array | None, eval_set: Any, random: np.random.RandomState,
        *, epochs: int, incremental: bool,
    ) -> None:  # fmt: skip
        held: tuple[Any, ...] | None = None
        validation = None
        if eval_set is not None:
            held = self._eval_set(eval_set)
            validation = self._as_rows(held[0]), self._targets.encode(held[1])
        elif self.early_stopping:
            if incremental:
                raise ValueError("partial_fit does not support early_stopping=True")
            X, encoded, weights, held = self._set_aside(X, encoded, y, weights, random)
        batch = min(200, len(X)) if self.batch_size == "auto" else int(self.batch_size)
        if batch > len(X):
            warnings.warn(
                f"batch_size={batch} is larger than the {len(X)} rows; all of them make a batch.",
                stacklevel=level_of_caller(),
            )
            batch = len(X)
        self._adjust(self.model_.optimizer, keeps_rate=incremental and self._progress is not None)
        total = float(len(X) if weights is None else weights.sum())
        progress = self._progress_of(held if self.early_stopping else None, continues=incremental)
        progress.begin(rows=len(X), penalty_share=-(-len(X) // batch) / total, verbose=bool(self.verbose))
        before = len(progress.losses)
        is_one_step = incremental and self._progress is not None and batch == len(X)
        try:
            if is_one_step and not self.callbacks and not self.verbose:
                rows = self._as_rows(X)
                self.history_ = learn_batch(self.model_, progress, rows, encoded, weights, shuffle=self.shuffle)
            else:
                self.history_ = self.model_.fit(
                    self._as_rows(X), encoded, epochs=epochs, batch_size=batch,
                    shuffle=self.shuffle, validation_data=validation, sample_weight=weights,
                    callbacks=[progress, *(self.callbacks or ())], verbose=bool(self.verbose),
                )  # fmt: skip
        except DivergenceError as error:
            if not progress.scores:
                raise ValueError(f"{NOT_FINITE} ({error})") from error
            self.history_ = cast(History, error.history)
            progress.diverged()
            warnings.warn(
                f"The training diverged ({error}) The weights of the epoch with the best validation score are kept.",
                ConvergenceWarning,
                stacklevel=level_of_caller(),
            )
        self._progress = progress
        done = len(progress.losses) - before
        self.n_iter_ = self.n_iter_ + done if incremental else done
        self.t_ += done * len(X)
        self.loss_curve_ = progress.losses
        self.loss_ = progress.losses[-1] if progress.losses else float("nan")  # interrupted at once
        watches_score = self.early_stopping
        self.best_loss_ = None if watches_score else progress.best_loss
        self.validation_scores_ = progress.scores if watches_score else None
        self.best_validation_score_ = progress.best_score if watches_score else None
        if not incremental and done == self.max_iter and not progress.has_converged:
            warnings.warn(
                f"The training ended after max_iter={self.max_iter} epochs and has not converged; set max_iter higher.",
                ConvergenceWarning,
                stacklevel=level_of_caller(),
            )

    def _adjust(self, optimizer: Optimizer, *, keeps_rate: bool) -> None:
        """Brings an optimizer that stays from an earlier fit up to the parameters."""

    def _adapts(self) -> bool:
        return False

    def _rate_of(self) -> tuple[float, float] | None:
        return None

    def _row_shape(self, features: int) -> tuple[int, ...]:
        return (features,)

    def _as_rows(self, X: Array) -> Array:
        """The rows in the shape that the network takes."""
        return X.reshape(len(X), *self._row_shape(X.shape[1]))

    def _progress_of(self, held: tuple[Any, ...] | None, *, continues: bool) -> Progress:
        if continues and self._progress is not None:
            return self._progress
        score = None if held is None else (lambda: self._score_of(*held))
        return Progress(
            tol=self.tol, patience=self.n_iter_no_change, score=score, adapts=self._adapts(),
            rate_of=self._rate_of(), loss_scale=self._loss_scale(),
        )  # fmt: skip

    def _score_of(self, X: Array, y: Array, weights: Array | None) -> float:
        found = self._decoded(X)
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            return float("nan")
        if is_classifier(self):
            return share_of_right_rows(y, found, weights)
        return float(r2_score(y, found, sample_weight=usable(weights, len(found))))

    def _set_aside(
        self, X: Array, encoded: Array, y: Array, weights: Array | None, random: np.random.RandomState
    ) -> tuple[Array, Array, Array | None, tuple[Any, ...]]:
        rows = np.arange(len(X))
        stratify = None
        if isinstance(self._targets, Classes):
            stratify = encoded.reshape(-1).astype(np.intp)
            require_pairs(np.bincount(stratify, minlength=len(self._targets.classes)), self._targets)
        training, held = train_test_split(
            rows, random_state=random, test_size=self.validation_fraction, stratify=stratify
        )
        if len(held) < 2:
            raise ValueError(
                f"The validation set is too small: {len(held)} of {len(X)} rows. Increase 'validation_fraction' or the "
                "size of your dataset."
            )
        parts = None if weights is None else (weights[training], weights[held])
        return (
            X[training], encoded[training], parts and parts[0], (X[held], y[held], parts and parts[1])
        )  # fmt: skip

    def _outputs(self, X: Array) -> Array:
        rows = self._as_rows(X)
        model = self.model_
        is_scaled = self._members_of(model)[0].target_scaling is not None  # whose answers are in the targets' unit
        outputs: Array = (
            model.mean_outputs(rows) if isinstance(model, Ensemble) and not is_scaled else model.predict(rows)
        )
        return outputs

    @staticmethod
    def _members_of(model: Any) -> Any:
        return model.members if isinstance(model, Ensemble) else (model,)

    def _decoded(self, X: Array) -> Array:
        return np.asarray(self._targets.decode(self._outputs(X), self.model_.loss))

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Self:
        """Trains from the beginning, or goes on with ``warm_start``.

        Args:
            X: rows (N, D): an array, a frame or a sparse matrix (which is made dense).
            y: of a classifier labels (N,), numbers, text, True and False, or several kinds in a list or array of
                objects; or 0 and 1 for several labels a row (N, M). Of a regressor numbers (N,), or several for each
                row (N, M).
            sample_weight: a weight ≥ 0 for each row (N,). A weight of 2 does what the row twice does.
            eval_set: (X, y) that is measured after each epoch; with ``early_stopping`` it decides, and no rows are set
                aside.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, eval_set)

    def predict(self, X: Any) -> Array:
        """Predictions in the form of the targets.

        Args:
            X: rows (N, D): an array, a frame or a sparse matrix.

        Returns:
            (N,), or (N, M) for several targets.
        """
        return self._decoded(self._checked(X))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags
