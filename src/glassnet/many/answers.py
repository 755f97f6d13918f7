"""The answers of many models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.core.calls import suggests
from glassnet.core.settings import one_of
from glassnet.many.each import as_models, by_model
from glassnet.many.workers import side_by_side
from glassnet.model import Model

METHODS = ("predict", "predict_proba", "predict_mean", "predict_classes")


@suggests
def predict_many(models: Sequence[Model], x: Any, *, method: str = "predict", workers: int | None = None) -> list[Any]:
    """What many models answer, one in each thread.

    Args:
        models: trained ones.
        x: inputs for all models, as ``Model.predict`` takes them; or ``gn.Each`` of inputs, one for each model.
        method: ``"predict"``, ``"predict_proba"``, ``"predict_mean"`` or ``"predict_classes"``.
        workers: how many models answer at a time; None for the environment's GLASSNET_NUM_THREADS, else as many as
            there are processors.

    Returns:
        In the models' order what ``model.predict(x)`` gives for each, with the same bits.

    Raises:
        ConfigurationError: ``models`` is no list of models; an ``Each`` of another length; another method.
        GlassnetError: what the first model that cannot answer says; a note names the model.
        KeyboardInterrupt: Ctrl-C.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
        >>> models = [gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(0.2), seed=seed) for seed in range(3)]
        >>> _ = gn.fit_many(models, x, y, epochs=200)
        >>> [answer.round(1).tolist() for answer in gn.predict_many(models, np.array([[3.0]]))]
        [[[7.0]], [[7.0]], [[7.0]]]
    """
    where = "predict_many"
    models = as_models(models, where)
    method = one_of(method, "method", where, METHODS)
    inputs = by_model(x, "x", len(models), where)
    found = side_by_side(
        lambda number: getattr(models[number], method)(inputs[number]), len(models), workers=workers, where=where
    )
    for number, answer in enumerate(found):
        if isinstance(answer, Exception):
            answer.add_note(f"predict_many: model {number} of {len(models)}")
            raise answer
        if answer is None:
            raise KeyboardInterrupt
    return found
