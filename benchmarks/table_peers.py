"""What others have for tables, each with its defaults and the treatment of columns that is natural for it.

A peer is a function of the rows to train with and the inputs of those to test with; it returns probabilities (N, K) in
the order of the sorted classes, or amounts (N,).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.table_sets import CLASSES

Array = np.ndarray[Any, np.dtype[Any]]
Peer = Callable[[Any, Any, Any, str, int], Array]
"""Training inputs (a frame), training targets, test inputs, the task and the seed -> answers."""


def words_of(frame: Any) -> list[str]:
    """The columns that are not of numbers."""
    return [name for name in frame.columns if frame[name].dtype.kind not in "iufb"]


def encoded(frame: Any) -> Any:
    """What turns such a frame into numbers for a model that is not of trees.

    A place for each word, numbers standardised, gaps filled by the mean and told by a column of their own.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    words = words_of(frame)
    numbers = [name for name in frame.columns if name not in words]
    filled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    places = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((filled, numbers), (places, words))


def as_categories(x: Any, x_test: Any) -> tuple[Any, Any]:
    """Both frames with words as categories, those of the training rows."""
    import pandas as pd

    x, x_test = x.copy(), x_test.copy()
    for name in words_of(x):
        known = sorted(x[name].dropna().unique())
        for frame in (x, x_test):
            is_known = frame[name].isin(known)
            frame[name] = pd.Categorical(frame[name].where(is_known, None), known)
    return x, x_test


def answers(model: Any, x: Any, task: str) -> Array:
    """Probabilities or amounts of an estimator of scikit-learn's interface."""
    return np.asarray(model.predict_proba(x) if task == CLASSES else model.predict(x))


def by_estimator(model: Any, x: Any, y: Any, x_test: Any, task: str, *, scales_targets: bool = False) -> Array:
    """An estimator behind the encoding of columns."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if scales_targets and task != CLASSES:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    whole = make_pipeline(encoded(x), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 200 epochs were too few
        return answers(whole.fit(x, y), x_test, task)


def linear(x: Any, y: Any, x_test: Any, task: str, _: int) -> Array:
    """Logistic or ridge regression."""
    from sklearn.linear_model import LogisticRegression, Ridge

    return by_estimator(LogisticRegression(max_iter=1000) if task == CLASSES else Ridge(), x, y, x_test, task)


def perceptron(x: Any, y: Any, x_test: Any, task: str, seed: int) -> Array:
    """scikit-learn's MLP, with targets scaled."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    model = (MLPClassifier if task == CLASSES else MLPRegressor)(random_state=seed)
    return by_estimator(model, x, y, x_test, task, scales_targets=True)


def histogram_boosting(x: Any, y: Any, x_test: Any, task: str, seed: int) -> Array:
    """scikit-learn's HistGradientBoosting, words as categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    x, x_test = as_categories(x, x_test)
    kind = HistGradientBoostingClassifier if task == CLASSES else HistGradientBoostingRegressor
    return answers(kind(random_state=seed).fit(x, y), x_test, task)


def lightgbm(x: Any, y: Any, x_test: Any, task: str, seed: int) -> Array:
    """LightGBM, words as categories."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    x, x_test = as_categories(x, x_test)
    model = (LGBMClassifier if task == CLASSES else LGBMRegressor)(random_state=seed, verbose=-1, n_jobs=1)
    return answers(model.fit(x, y), x_test, task)


def glassnet(x: Any, y: Any, x_test: Any, task: str, seed: int, *, preset: str) -> Array:
    """``gn.TableModel``, which is given the frame as it is."""
    import glassnet as gn

    kind = "classification" if task == CLASSES else "regression"
    model = gn.TableModel(preset, task=kind, seed=seed)
    names = None if task != CLASSES else np.unique(y)
    model.fit(x, y if names is None else y.astype(str).tolist(), verbose=False)
    if names is None:
        return np.asarray(model.predict(x_test), dtype=np.float64)
    assert model.table is not None
    assert model.table.class_names is not None
    order = [model.table.class_names.index(str(name)) for name in names]
    return np.asarray(model.predict_proba(x_test))[:, order]


PEERS: dict[str, Peer] = {
    "glassnet best": partial(glassnet, preset="best"),
    "glassnet quick": partial(glassnet, preset="quick"),
    "linear": linear,
    "scikit-learn MLP": perceptron,
    "HistGradientBoosting": histogram_boosting,
    "LightGBM": lightgbm,
}
