"""A model's training: data at the door, the loop, and what there is to say at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from glassnet.compile import native
from glassnet.core.calls import suggests
from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError
from glassnet.core.output import for_stream, is_heard, logger
from glassnet.core.settings import boolean, whole
from glassnet.core.turns import one_at_a_time, share_turn
from glassnet.diagnosis import hints, nothing_to_learn
from glassnet.formats import read_memories
from glassnet.losses import WeightedSum
from glassnet.model.answers import Answering
from glassnet.model.data import one_array
from glassnet.model.named_data import forgotten_if_refused, named_rows
from glassnet.model.saving import write
from glassnet.tables import Table
from glassnet.training import Callback, History, Rows, Trainer, TrainingState, as_callbacks, is_watched, validation_rows

NO_ENGINE = (
    "the compiled engine is missing in this installation, so that NumPy does everything, more slowly; install glassnet "
    "again where a C++ compiler is"
)


class Fitting(Answering):
    """The training of a ``Model``."""

    @suggests
    @one_at_a_time
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 1,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        callbacks: Iterable[Callback | Callable[[TrainingState], None]] | None = (),
        verbose: bool = True,
    ) -> History:
        """Trains for some epochs; called again, it goes on where it stopped.

        Args:
            x: inputs (N, ...), numbers; converted to the model's dtype. The names of a frame's columns are kept: later
                frames, and dicts, are taken by name. For several inputs a dict of arrays by name, or a tuple; so y for
                several outputs.
            y: targets, as the loss wants them: integer labels (N,) for ``cross_entropy``, numbers of the outputs'
                shape for the others. A Series of words becomes labels, and ``class_names``; the name of a column of x
                stands for this column, and a model without ``preprocessing`` then learns a ``Table`` of the frame.
            epochs: passes over the data.
            batch_size: rows in a step; None for all of them. The last batch is as short as it comes, but with batch
                normalisation one that would have a single row is joined to the one before.
            shuffle: whether each epoch takes the rows in a new random order.
            validation_data: (x, y) or (x, y, sample_weight) that is measured after each epoch.
            validation_split: share of the rows that is set aside for validation, at random (of each class alike).
            sample_weight: a weight for each row (N,): 0, or from 8e-31 to 1e30 (in float64 from 1e-150 to 1e150).
            callbacks: ``Callback`` objects, or functions that are called with the state after each epoch.
            verbose: whether to show a progress bar, and hints at the end where something seems wrong; in a pipe
                nothing is shown, and the hints go to the logger ``glassnet``.

        Returns:
            The ``History`` of these epochs. Ctrl-C ends training after the step in progress; the history says so.

        Raises:
            ShapeError, DataError: the data do not fit the network or the loss; nothing is changed.
                Or the numbers of a column are so close together, for their size, that the model's dtype cannot tell
                them apart, and there is no ``preprocessing`` or ``target_scaling`` to bring them apart before.
            DivergenceError: the loss became NaN or infinite; the weights of the last good epoch are kept.
            ConfigurationError: the model, or another of the same layers, is being trained already, here or in another
                thread. Predictions beside a training are allowed.
        """
        epochs = whole(epochs, "epochs", "fit")
        verbose = boolean(bool(verbose) if verbose in (0, 1) else verbose, "verbose", "fit")
        with forgotten_if_refused(self):
            x, y = named_rows(self, x, y, where="fit", learns=True)
            if not isinstance(self.preprocessing, Table):
                x = one_array(x, self.network, where="fit: x")
            if not isinstance(self.loss, WeightedSum):
                y = numeric(y, where="fit: y")
            self.check_digits(x, y, where="fit")
            rows = self.rows(x, y, sample_weight, where="fit").require_weight(where="fit")
        share_turn(self, where="fit")  # for the memory that a network has once it is built
        rows, validation = _apart(self, rows, validation_data, validation_split)
        size = len(rows) if batch_size is None else min(whole(batch_size, "batch_size", "fit"), len(rows))
        names = ("loss", *(m.name for m in self.metrics))
        state = TrainingState(
            self.network,
            self.optimizer,
            History(),
            epochs=(self.epochs_trained + 1, self.epochs_trained + epochs),
            available=names + (tuple(f"val_{name}" for name in names) if validation else ()) + ("learning_rate",),
            save=lambda path, state: write(self, path, state.epoch),
            memories=self.memories,
            memories_in=read_memories,
        )
        for finding in nothing_to_learn(self.loss, rows.asked, self.class_names, self.target_name):
            state.note(str(finding))
        started = perf_counter()
        try:
            history = self._trainer().fit(
                rows,
                validation,
                state,
                as_callbacks(callbacks),
                batch_size=size,
                shuffle=boolean(shuffle, "shuffle", "fit"),
                verbose=verbose,
            )
        finally:
            self.epochs_trained = state.epoch
            state.history.seconds = perf_counter() - started
        if verbose and is_watched():
            self.print_hints(rows, history)
        elif is_heard():
            for text in self._hints(rows, history) if verbose else history.notes:
                logger().warning(text)
        return history

    def print_hints(self, rows: Rows, history: History | None = None) -> None:
        """Prints the history's notes and what can be told at a glance, a line each; ``gn.diagnose`` looks closer.

        Args:
            rows: what ``model.rows(x, y, None, where="hints")`` gives.
            history: of the training, for the curves.
        """
        for text in self._hints(rows, history):
            print(for_stream(f"hint: {text}"))

    def _trainer(self) -> Trainer:
        """The training loop with the model's parts."""
        return Trainer(
            self.network,
            self.loss,
            self.optimizer,
            self.metrics,
            self.seed,
            self._outputs,
            target_scaling=self.target_scaling,
            engine_name=self.engine,
            threads=self.threads,
        )

    def _hints(self, rows: Rows, history: History | None) -> list[str]:
        """The history's notes, and what can be told at a glance."""
        slow = [NO_ENGINE] if self.engine == "auto" and native() is None else []
        notes = history.notes if history is not None else ()
        return list(dict.fromkeys([*slow, *notes, *map(str, hints(self, rows, history))]))


def _apart(model: Answering, rows: Rows, data: tuple[Any, ...] | None, share: float) -> tuple[Rows, Rows | None]:
    """The rows to train on, and those to measure after each epoch: other data, or a share of the rows."""
    if data is not None and share:
        raise ConfigurationError(
            where="fit", received="both validation_data and validation_split", expected="one of them", fix="drop one"
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
