"""A model's training: data at the door, the loop, and what there is to say at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from glassnet.compile import native
from glassnet.compile.binding import fits_processor
from glassnet.core.blocks import Blocks
from glassnet.core.calls import suggests
from glassnet.core.catalogues import translated
from glassnet.core.checks import numeric
from glassnet.core.output import for_stream, is_heard, logger
from glassnet.core.ragged import is_ragged, with_first_steps
from glassnet.core.settings import boolean, is_whole, whole
from glassnet.core.turns import one_at_a_time, share_turn
from glassnet.diagnosis import hints, nothing_to_learn
from glassnet.formats import read_memories
from glassnet.losses import WeightedSum
from glassnet.model.answers import Answering
from glassnet.model.blocks import refuse_beside_blocks
from glassnet.model.data import one_array
from glassnet.model.lengths import ragged_rows, require_lengths
from glassnet.model.named_data import forgotten_if_refused, named_rows
from glassnet.model.resuming import Start, start_of, undone_if_refused
from glassnet.model.saving import write
from glassnet.model.stream import require_lanes
from glassnet.model.validation import blocks_apart, rows_apart
from glassnet.tables import Table
from glassnet.training import (
    Callback,
    Data,
    FitSettings,
    History,
    LatestFit,
    Rows,
    Trainer,
    TrainingState,
    as_callbacks,
    engine_class,
    is_watched,
    named_apart,
    own_things,
)
from glassnet.version import __version__

if TYPE_CHECKING:
    from glassnet.distributed import Together

NO_ENGINE = (
    "the compiled engine is missing in this installation, so that NumPy does everything, more slowly; install glassnet "
    "again where a C++ compiler is"
)
NO_PROCESSOR = (
    "this processor lacks AVX2 or FMA, which the compiled engine needs on x86-64, so that NumPy does everything, more "
    "slowly"
)


class Fitting(Answering):
    """The training of a ``Model``."""

    @suggests
    @one_at_a_time
    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int | None = None,
        batch_size: int | None = 32,
        shuffle: bool = True,
        by_length: bool = False,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        callbacks: Iterable[Callback | Callable[[TrainingState], None]] | None = (),
        verbose: bool = True,
        resume: bool | str | Path = False,
        even_if_changed: bool = False,
        stateful: bool = False,
        distributed: bool = False,
    ) -> History:
        """Trains for some epochs; called again, it goes on with more of them.

        With ``resume`` it goes on with a training that was broken off, in the middle of an epoch, too, and ends in the
        bits, the history and the decisions that the unbroken training would have had.

        Args:
            x: inputs (N, ...), numbers; converted to the model's dtype. The names of a frame's columns are kept: later
                frames, and dicts, are taken by name. For several inputs a dict of arrays by name, or a tuple; so y for
                several outputs. Or ``gn.data.blocks``, for data larger than memory, which hold their answers.
            y: targets, as the loss wants them: integer labels (N,) for ``cross_entropy``, numbers of the outputs'
                shape for the others. A Series of words becomes labels, and ``class_names``; the name of a column of x
                stands for this column, and a model without ``preprocessing`` then learns a ``Table`` of the frame.
            epochs: passes over the data; None for 1. With ``resume`` those before the break count as well, and None
                stands for as many as were asked for.
            batch_size: rows in a step; None for all of them. The last batch is as short as it comes, but with batch
                normalisation one that would have a single row is joined to the one before.
            shuffle: whether each epoch takes the rows in a new random order.
            by_length: whether the rows of a batch are of similar length, where rows are of different length: then less
                is calculated for padding. Batches come in random order; without ``shuffle`` the short rows come first.
            validation_data: (x, y) or (x, y, sample_weight), or blocks, that is measured after each epoch.
            validation_split: share of the rows that is set aside for validation, at random (of each class alike; of
                blocks by a hash of each row's number).
            sample_weight: a weight for each row (N,): 0, or from 8e-31 to 1e30 (in float64 from 1e-150 to 1e150).
            callbacks: ``Callback`` objects, or functions that are called with the state after each epoch.
            verbose: whether to show a progress bar, and hints at the end where something seems wrong; in a pipe
                nothing is shown, and the hints go to the logger ``glassnet``.
            resume: the path of a model's file that ``gn.Checkpoint`` or ``save`` wrote, to go on from there with the
                same network, loss, optimizer, metrics, seed and dtype; True to go on with ``latest_fit``, after
                ``gn.load`` or after Ctrl-C. A training that is over ends at once.
            even_if_changed: whether to go on with other rows, another batch size, order, engine or callbacks than the
                training began with, which is refused otherwise. An epoch in progress then begins anew, and the
                history's notes say so.
            stateful: whether recurrences go on in each batch where they stopped in the batch before, row by row, as
                ``gn.data.lanes`` lays out one long series or text: truncated backpropagation through time. Each epoch
                begins with states of 0; validation rows each stand for themselves. It needs ``shuffle=False`` and a
                ``batch_size`` that divides the number of rows.
            distributed: whether the processes that ``mpiexec -n 2 python ...`` has started train this one model
                together, each calculating its share of every batch (``docs/distributed.md``). All of them call ``fit``
                with the same data and settings, and end with the same model; callbacks have their turns on rank 0
                alone. The bits are the same on any number of processes, and others than without it. Needs
                ``pip install "glassnet[mpi]"``.

        Returns:
            The ``History`` of these epochs, with ``resume`` of those before the break, too. Ctrl-C ends training after
            the step in progress; the history says so.

        Raises:
            ConfigurationError: settings that cannot work; with ``resume`` another model, other rows or other settings
                than those that the training began with: what differs is named.
            MissingFileError, FileFormatError: the file to go on from is missing, or cannot be read.
            ShapeError, DataError: the data do not fit the network or the loss; nothing is changed.
                Or the numbers of a column are so close together, for their size, that the model's dtype cannot tell
                them apart, and there is no ``preprocessing`` or ``target_scaling`` to bring them apart before.
            DivergenceError: the loss became NaN or infinite, or numbers that the optimizer remembers; the weights of
                the last good epoch are kept.
            DistributedError: with ``distributed`` the processes have other data, settings or numbers than each other,
                or there was an error in another one of them.
            MissingExtraError: with ``distributed``, where ``mpi4py`` or an MPI library is missing.
            ConfigurationError: the model, or another of the same layers, is being trained already, here or in another
                thread. Predictions beside a training are allowed.
        """
        epochs = None if epochs is None else whole(epochs, "epochs", "fit")
        verbose = boolean(bool(verbose) if is_whole(verbose) and verbose in (0, 1) else verbose, "verbose", "fit")
        shuffle, stateful = boolean(shuffle, "shuffle", "fit"), boolean(stateful, "stateful", "fit")
        by_length, distributed = boolean(by_length, "by_length", "fit"), boolean(distributed, "distributed", "fit")
        callbacks = as_callbacks(callbacks)
        goes_on: LatestFit | None = None
        notes: list[str] = []
        data: Data
        held: Data | None
        if isinstance(x, Blocks):
            flags = {"by_length": by_length, "stateful": stateful, "distributed": distributed}
            refuse_beside_blocks("fit", sample_weight=sample_weight, **flags)
        with undone_if_refused(self), ExitStack() as joined:
            ranks = joined.enter_context(_ranks_together()) if distributed else None
            start = start_of(self, resume)
            if isinstance(x, Blocks):
                data, held = blocks_apart(self, x, y, validation_data, validation_split)
            else:
                data, held = self._in_memory(x, y, sample_weight, validation_data, validation_split)
            share_turn(self, where="fit")  # for the memory that a network has once it is built
            size = len(data) if batch_size is None else min(whole(batch_size, "batch_size", "fit"), len(data))
            own = {"batch_size": size, "shuffle": shuffle} | ({"by_length": True} if by_length else {})
            if isinstance(data, Rows):
                require_lengths(data, by_length=by_length, stateful=stateful)
            else:
                own |= {"rows_of_a_block": data.source.rows, "buffer": data.source.buffer}
            if stateful:
                require_lanes(self.network, len(data), size, shuffle=shuffle, split=validation_split)
                own["stateful"] = True
            if ranks is not None:
                own["distributed"] = ranks.accepts(callbacks, stateful=stateful)
            settings = self._settings(data, held, callbacks, start, **own)
            things = own_things(self.network, self.loss, self.optimizer, self.metrics)
            if start is not None:
                even_if_changed = boolean(even_if_changed, "even_if_changed", "fit")
                is_over = start.fit.is_finished and _epochs(0, start.fit, epochs)[1] <= start.fit.epochs_trained
                goes_on, notes = start.accepted(settings, things, even_if_changed=even_if_changed, is_over=is_over)
                start.put(self)
            self.ragged = self.ragged or (isinstance(data, Rows) and data.lengths is not None)
            first, last = _epochs(self.epochs_trained, goes_on, epochs)
            if ranks is not None:
                place = None if goes_on is None or goes_on.position is None else goes_on.position
                done = {} if place is None else {"place": [place.epoch, place.step]}
                same = {"epochs": [first, last], "metrics": repr(self.metrics), "scaling": repr(self.target_scaling)}
                ranks.require_same(self.network, self.loss, self.optimizer, settings, same | done)
                notes = notes + ranks.notes(self.network, size)
                callbacks, verbose = ranks.own_callbacks(callbacks), verbose and ranks.is_first
            joined = joined.pop_all()
        names = ("loss", *(m.name for m in self.metrics))
        state = TrainingState(
            self.network,
            self.optimizer,
            epochs=(first, last),
            available=names + (tuple(f"val_{name}" for name in names) if held else ()) + ("learning_rate",),
            save=lambda path, fit, memories: write(
                self, path, epochs_trained=fit.epochs_trained, memories=memories, latest_fit=fit
            ),
            settings=settings,
            memories=self.memories,
            memories_in=read_memories,
            goes_on=goes_on,
            own=things,
        )
        for note in notes + ([] if goes_on else _begins_anew(self)):
            state.note(note)
        if isinstance(data, Rows):  # of which all targets are seen at once
            for finding in nothing_to_learn(self.loss, data.asked, self.class_names, self.target_name):
                state.note(str(finding))
        started = perf_counter()
        self._state = state
        try:
            with joined:
                history = self._trainer(ranks).fit(
                    data,
                    held,
                    state,
                    callbacks,
                    batch_size=size,
                    shuffle=shuffle,
                    by_length=by_length,
                    verbose=verbose,
                    stateful=stateful,
                )
        finally:
            self._state = None
            state.let_go()
            self.epochs_trained = state.epoch
            self.latest_fit = self.latest_fit if state.latest is None else state.latest
            state.history.seconds = perf_counter() - started
        if verbose and is_watched():
            self.print_hints(data, history)
        elif is_heard() and (ranks is None or ranks.is_first):
            for text in self._hints(data, history) if verbose else history.notes:
                logger().warning(text)
        return history

    def rows_to_train(self, x: Any, y: Any, sample_weight: Any = None) -> Rows:
        """The door of ``fit``: what ``rows`` gives, once names are learned and every difference is found to be kept.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows, or None.
        """
        padded = ragged_rows(self, x, where="fit: x")
        own = x if padded is None else padded.values
        x, y = named_rows(self, own, y, where="fit", learns=True, sample_weight=sample_weight)
        if not isinstance(self.preprocessing, Table):
            x = one_array(x, self.network, where="fit: x")
        if not isinstance(self.loss, WeightedSum) and not is_ragged(y):
            y = numeric(y, where="fit: y")
        own = x if padded is None else with_first_steps(x, padded.lengths)
        self.check_digits(own, y, where="fit")
        x = x if padded is None else padded
        return self.rows(x, y, sample_weight, where="fit", ragged=True).require_weight(where="fit")

    def _in_memory(
        self, x: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, ...] | None, validation_split: float
    ) -> tuple[Rows, Data | None]:
        """Arrays or frames as rows to train on, and those to measure after each epoch."""
        with forgotten_if_refused(self):
            rows = self.rows_to_train(x, y, sample_weight)
        return rows_apart(self, rows, validation_data, validation_split)

    def print_hints(self, rows: Data, history: History | None = None) -> None:
        """Prints the history's notes and what can be told at a glance, a line each; ``gn.diagnose`` looks closer.

        Args:
            rows: what ``model.rows(x, y, None, where="hints")`` gives.
            history: of the training, for the curves.
        """
        for text in self._hints(rows, history):
            print(for_stream(translated(f"hint: {text}")))

    def _settings(
        self, rows: Data, validation: Data | None, callbacks: list[Callback], start: Start | None, **own: Any
    ) -> FitSettings:
        """What the bits of this fit depend on besides the model, by name."""
        engine, module = engine_class(self.engine).name, native()
        by_then = {} if start is None else {"optimizer": start.fit.settings.get("optimizer")}
        plain = {
            "seed": self.seed,
            "engine": engine,
            "threads": self.threads,
            **own,
            "callbacks": [name for name, callback in named_apart(callbacks).items() if callback.decides],
            "optimizer": repr(self.optimizer),
            "version": __version__,
            "processor": "any" if engine == "numpy" or module is None else module.__name__.rpartition(".")[2],
        }
        return FitSettings(rows, validation, plain | by_then)

    def _trainer(self, ranks: Together | None = None) -> Trainer:
        """The training loop with the model's parts, and the processes that go through it together."""
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
            ranks=ranks,
        )

    def _hints(self, rows: Data, history: History | None) -> list[str]:
        """The history's notes, and what can be told at a glance."""
        missing = self.engine == "auto" and native() is None
        slow = [NO_ENGINE if fits_processor() else NO_PROCESSOR] if missing else []
        notes = history.notes if history is not None else ()
        seen = hints(self, rows, history) if isinstance(rows, Rows) else []
        return list(dict.fromkeys([*slow, *notes, *map(str, seen)]))


def _ranks_together() -> AbstractContextManager[Together]:
    """The processes that train together, whose room is loaded only here."""
    from glassnet.distributed import Together

    return Together.begun()


def _epochs(trained: int, goes_on: LatestFit | None, epochs: int | None) -> tuple[int, int]:
    """The first and the last epoch of a fit."""
    if goes_on is None:
        return trained + 1, trained + (epochs or 1)
    return goes_on.first_epoch, goes_on.last_epoch if epochs is None else goes_on.first_epoch + epochs - 1


def _begins_anew(model: Answering) -> list[str]:
    """What is to be said where the latest fit stands in the middle of an epoch, which is not gone on with."""
    fit = model.latest_fit
    if fit is None or fit.position is None or not fit.position.step or fit.updates != model.optimizer.steps:
        return []
    return [f"the latest fit {fit}; that epoch begins anew here, where resume=True would have gone on with it"]
