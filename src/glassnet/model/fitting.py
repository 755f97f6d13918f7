"""A model's training: data at the door, the loop, and what there is to say at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from glassnet.compile import native
from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError
from glassnet.core.output import for_stream, is_heard, logger
from glassnet.core.settings import boolean, whole
from glassnet.diagnosis import hints, nothing_to_learn
from glassnet.formats import read_memories
from glassnet.losses import WeightedSum
from glassnet.model.answers import Answering
from glassnet.model.data import one_array
from glassnet.model.named_data import forgotten_if_refused, named_rows
from glassnet.model.saving import write
from glassnet.tables import Table
from glassnet.training import (
    Callback,
    History,
    Rows,
    Trainer,
    TrainingState,
    as_callbacks,
    is_watched,
    validation_rows,
)

NO_ENGINE = (
    "the compiled engine is missing in this installation, so that NumPy does everything, more slowly; install glassnet "
    "again where a C++ compiler is"
)


def fit(
    model: Answering,
    x: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
    validation_data: tuple[Any, ...] | None,
    validation_split: float,
    sample_weight: Any,
    callbacks: Iterable[Callback | Callable[[TrainingState], None]] | None,
    verbose: bool,
) -> History:
    """Trains for some epochs: see ``Model.fit``."""
    epochs = whole(epochs, "epochs", "fit")
    verbose = boolean(bool(verbose) if verbose in (0, 1) else verbose, "verbose", "fit")
    with forgotten_if_refused(model):
        x, y = named_rows(model, x, y, where="fit", learns=True)
        if not isinstance(model.preprocessing, Table):
            x = one_array(x, model.network, where="fit: x")
        if not isinstance(model.loss, WeightedSum):
            y = numeric(y, where="fit: y")
        model.check_digits(x, y, where="fit")
        rows = model.rows(x, y, sample_weight, where="fit").require_weight(where="fit")
    rows, validation = _apart(model, rows, validation_data, validation_split)
    size = len(rows) if batch_size is None else min(whole(batch_size, "batch_size", "fit"), len(rows))
    names = ("loss", *(m.name for m in model.metrics))
    state = TrainingState(
        model.network,
        model.optimizer,
        History(),
        epochs=(model.epochs_trained + 1, model.epochs_trained + epochs),
        available=names + (tuple(f"val_{name}" for name in names) if validation else ()) + ("learning_rate",),
        save=lambda path: write(model, path, state.epoch),
        memories=model.memories,
        memories_in=read_memories,
    )
    for finding in nothing_to_learn(model.loss, rows.asked, model.class_names, model.target_name):
        state.note(str(finding))
    started = perf_counter()
    try:
        history = trainer_of(model).fit(
            rows,
            validation,
            state,
            as_callbacks(callbacks),
            batch_size=size,
            shuffle=boolean(shuffle, "shuffle", "fit"),
            verbose=verbose,
        )
    finally:
        model.epochs_trained = state.epoch
        state.history.seconds = perf_counter() - started
    if verbose and is_watched():
        print_hints(model, rows, history)
    elif is_heard():
        for text in hints_of(model, rows, history) if verbose else history.notes:
            logger().warning(text)
    return history


def _apart(model: Answering, rows: Rows, data: tuple[Any, ...] | None, share: float) -> tuple[Rows, Rows | None]:
    """The rows to train on, and those to measure after each epoch: other data, or a share of the rows."""
    if data is not None and share:
        raise ConfigurationError(
            where="fit",
            received="both validation_data and validation_split",
            expected="one of them",
            fix="drop one",
        )
    if data is not None:
        return rows, _validation(model, data)
    if not share:
        return rows, None
    labels = rows.targets if rows.targets.ndim == 1 else None
    training, held_out = validation_rows(len(rows), share, labels, seed=model.seed)
    rows, validation = rows.take(training), rows.take(held_out).require_weight(where="fit: validation_split")
    return rows.require_weight(where="fit: what validation_split leaves"), validation


def _validation(model: Answering, data: tuple[Any, ...]) -> Rows:
    where = "fit: validation_data"
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ConfigurationError(
            where=where,
            received=f"a {type(data).__name__}",
            expected="(x, y) or (x, y, sample_weight)",
            fix="write validation_data=(x_validation, y_validation)",
        )
    return model.rows(data[0], data[1], data[2] if len(data) == 3 else None, where=where).require_weight(where=where)


def trainer_of(model: Answering) -> Trainer:
    """The training loop with the model's parts."""
    return Trainer(
        model.network,
        model.loss,
        model.optimizer,
        model.metrics,
        model.seed,
        model._outputs,
        target_scaling=model.target_scaling,
        engine_name=model.engine,
        threads=model.threads,
    )


def print_hints(model: Answering, rows: Rows, history: History | None) -> None:
    """Prints what ``hints_of`` finds, a line each."""
    for text in hints_of(model, rows, history):
        print(for_stream(f"hint: {text}"))


def hints_of(model: Answering, rows: Rows, history: History | None) -> list[str]:
    """The history's notes, and what can be told at a glance."""
    names = model.feature_names if rows.x.shape[1:] == (len(model.feature_names or ()),) else None
    found = hints(
        model.network, model.loss, rows, history, seed=model.seed, feature_names=names, class_names=model.class_names,
        target_name=model.target_name,
    )  # fmt: skip
    slow = [NO_ENGINE] if model.engine == "auto" and native() is None else []
    return list(dict.fromkeys([*slow, *(history.notes if history is not None else ()), *map(str, found)]))
