"""What is measured after each epoch: other data, or a share of the rows, which is set aside."""

from __future__ import annotations

from typing import Any

from glassnet.core.blocks import Blocks
from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import is_real, number
from glassnet.metrics.running import require_adding
from glassnet.model.answers import Answering
from glassnet.model.blocks import learn_table, streamed
from glassnet.model.named_data import forgotten_if_refused
from glassnet.training import Data, Rows, Streamed, validation_rows


def rows_apart(model: Answering, rows: Rows, data: tuple[Any, ...] | None, given: Any) -> tuple[Rows, Data | None]:
    """The rows to train on, and those to measure after each epoch: other data, or a share of the rows."""
    share = _share(model, data, given)
    if data is not None:
        if not isinstance(data, Blocks):
            return rows, _validation(model, data)
        require_adding(model.metrics, where="fit: validation_data")
        learn_table(model, data, None, where="fit: validation_data")
        return rows, streamed(model, data, where="fit: validation_data")
    if not share:
        return rows, None
    labels = rows.targets if rows.targets.ndim == 1 else None
    training, held_out = validation_rows(len(rows), share, labels, seed=model.seed)
    rows, validation = rows.take(training), rows.take(held_out).require_weight(where="fit: validation_split")
    return rows.require_weight(where="fit: what validation_split leaves"), validation


def blocks_apart(
    model: Answering, source: Blocks, y: Any, validation_data: Any, validation_split: Any
) -> tuple[Streamed, Data | None]:
    """Blocks as rows to train on, and what to measure after each epoch."""
    require_adding(model.metrics, where="fit")
    share = _share(model, validation_data, validation_split)
    with forgotten_if_refused(model):
        learn_table(model, source, y, where="fit")
        held = None
        if share:
            source, held = source.split(share, model.seed)
        rows = streamed(model, source, where="fit", learns=True)
        if held is not None:
            return rows, streamed(model, held, where="fit: validation_split")
        if isinstance(validation_data, Blocks):
            learn_table(model, validation_data, None, where="fit: validation_data")
            return rows, streamed(model, validation_data, where="fit: validation_data")
        return rows, None if validation_data is None else _validation(model, validation_data)


def _share(model: Answering, data: Any, given: Any) -> float:
    """The share of the rows to set aside; 0 for none.

    Raises:
        ConfigurationError: no share, or other data are given as well; windows of series, which overlap.
    """
    if given is None or given is False:
        given = 0.0
    share: float = given if is_real(given) else number(given, "validation_split", "fit", low=0, high=1)
    if data is not None and share:
        raise ConfigurationError(
            where="fit", received="both validation_data and validation_split", expected="one of them", fix="drop one"
        )
    if share and model.forecasting is not None:
        raise ConfigurationError(
            where="fit",
            received=f"validation_split={share:g} for windows of series, which overlap",
            expected="other steps to validate with than those to train with",
            fix="train, later = windows.cut(0.1); fit(train.x, train.y, validation_data=(later.x, later.y))",
        )
    return share


def _validation(model: Answering, data: tuple[Any, ...]) -> Rows:
    where = "fit: validation_data"
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ConfigurationError(
            where=where,
            received=f"a {type(data).__name__}",
            expected="(x, y) or (x, y, sample_weight)",
            fix="write validation_data=(x_validation, y_validation)",
        )
    x, y, sample_weight = (*data, None)[:3]
    return model.rows(x, y, sample_weight, where=where, ragged=True).require_weight(where=where)
