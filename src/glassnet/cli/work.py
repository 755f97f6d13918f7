"""A training of any kind of data, from the untrained model to its file, its figures and its page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGINT
from typing import Any, NamedTuple

import numpy as np

from glassnet.cli import blocks, series, tables
from glassnet.cli.breaks import checkpoints, in_words_of_options, keep_place, remove_checkpoints, save
from glassnet.cli.ending import Ending
from glassnet.cli.networks import DIGITS_SHAPE
from glassnet.cli.options import page_settings
from glassnet.cli.ranks import Job
from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError, DivergenceError
from glassnet.core.output import logger
from glassnet.core.settings import to_config
from glassnet.data import Windows
from glassnet.many import Each, Ensemble, as_one_model, load
from glassnet.many.fitting import callbacks_of_each
from glassnet.model import Model
from glassnet.reports import can_draw, report
from glassnet.tables import Table
from glassnet.tabular import Plan
from glassnet.tabular.plan import train as train_plan
from glassnet.training import Callback, EarlyStopping, History, TrainingState

PRINTED_EPOCHS = 20
SET_ASIDE = 0.1
"""The share of the rows to train with that --patience looks at, of data that are no table."""


class Files(NamedTuple):
    """Where the model and the learning curves go, the file that the training goes on from, and who writes them."""

    output: Path
    plot: Path | None
    source: Path | None
    job: Job


class Work(NamedTuple):
    """What there is to do.

    Attributes:
        model: untrained.
        training: inputs and targets, or blocks that hold both.
        test: those held out.
        name: of the data.
        task: in a few words.
        validation: what is measured after each epoch, or None.
        weights: of the rows to train with (N,), or None.
        plan: of several models, or of one that is calibrated at the end; or None.
        validation_split: the share of the training rows that is, in its place.
        windows: of series, those held out; or None.
        not_tested: the answers of all rows that are not held out to test; None for those of ``training``.
        keeper: what chooses the epoch that is kept, or None.
        beside: what the model's figures are compared with, in lines; or None.
    """

    model: Model
    training: tuple[Any, ...]
    test: tuple[Any, ...]
    name: str
    task: str
    validation: Any = None
    weights: Any = None
    plan: Plan | None = None
    validation_split: float = 0.0
    windows: Windows | None = None
    not_tested: Any = None
    keeper: EarlyStopping | None = None
    beside: Callable[[Model, Mapping[str, float]], list[str]] | None = None


def fit(options: argparse.Namespace, work: Work, files: Files, ending: Ending) -> None:
    """Trains, tests and saves."""
    say = (lambda *_: None) if options.quiet else tell
    model, training, test = work.model, work.training, work.test
    count = len(training[-1] if work.not_tested is None else work.not_tested)
    say(work.task if work.windows else f"{work.name}: {count:,} rows to train, {len(test[-1]):,} to test, {work.task}")
    output, _, source, job = files
    callbacks: list[Callback] = [] if options.quiet or sys.stdout.isatty() else [_Lines()]
    callbacks += [] if work.keeper is None else [work.keeper]
    if work.plan is not None:
        _fit_together(options, work, work.plan, files, ending)
        return
    with in_words_of_options():
        history = model.fit(
            *training,
            sample_weight=work.weights,
            epochs=options.epochs,
            batch_size=options.batch_size,
            validation_data=work.validation,
            validation_split=work.validation_split,
            callbacks=[*callbacks, *checkpoints(options, output), ending],
            verbose=not options.quiet,
            resume=source or False,
            even_if_changed=options.even_if_changed,
            distributed=options.distributed,
        )
    if not job.is_first:
        return
    if work.keeper is not None:
        _require_finite(history, work.keeper.monitor)
    if ending.number not in (None, SIGINT):
        said = [*keep_place([model], output), job.how_to_go_on()]
        ending.is_saved()
        with suppress(OSError):  # the terminal may have gone away
            tell(*said, sep="\n", flush=True)
        return
    if source == output and not ending.has_trained:
        job.is_done(model, output)
        tell(f"{model.latest_fit}: nothing is left to do; the model is in {output}")
        return
    save(model, output)  # before anything is printed: a reader of the output may have gone away
    remove_checkpoints(output)
    job.is_done(model, output)
    ending.is_saved()
    say()
    say(model.summary())
    if ending.number is not None:
        tell(f"{model.latest_fit}; {job.how_to_go_on()}")
    elif history.stopped:
        tell(f"stopped after epoch {model.epochs_trained}: {history.stopped}")
    if history.kept_epoch is not None:
        say(f"kept: epoch {history.kept_epoch}, the best on the rows set aside")
    _tell(options, work, files, model, history)


def _fit_together(options: argparse.Namespace, work: Work, plan: Plan, files: Files, ending: Ending) -> None:
    """Several members side by side, or one whose probabilities are calibrated at the end."""
    if files.source == files.output:
        _require_done(files.output, plan)
        tell(f"nothing is left to do; the model is in {files.output}")
        return
    saving = callbacks_of_each(checkpoints(options, files.output), len(plan.models))
    with in_words_of_options():
        trained, histories = train_plan(
            plan,
            callbacks=Each([[*own, ending.of_member()] for own in saving.values]),
            resume=files.source or False,
            even_if_changed=options.even_if_changed,
            verbose=not options.quiet,
        )
    if ending.number is not None or any(history.stopped == "interrupted" for history in histories):
        ending.number = ending.number or SIGINT
        said = [*keep_place(plan.models, files.output), files.job.how_to_go_on()]
        ending.is_saved()
        with suppress(OSError):  # the terminal may have gone away
            tell(*said, sep="\n", flush=True)
        return
    for history in histories:
        _require_finite(history, plan.recipe.monitor)
    save(trained, files.output)
    remove_checkpoints(files.output)
    ending.is_saved()
    model = as_one_model(trained, "train")
    if not options.quiet:
        tell()
        tell(plan.models[0].summary())
        kept = ", ".join(str(history.kept_epoch or len(history)) for history in histories)
        how = f"{len(histories)} such networks answer together; " if len(histories) > 1 else ""
        tell(f"{how}kept: epoch {kept}, the best on the rows set aside")
    _tell(options, work, files, model, histories[0])


def _require_done(output: Path, plan: Plan) -> None:
    """Refuses to go on from a model that is not the end of such a training: its checkpoints are gone.

    Raises:
        ConfigurationError: it has other members, or was trained for fewer epochs.
    """
    found = load(output)
    members = found.members if isinstance(found, Ensemble) else (found,)
    networks = [[to_config(own.network, where="train --resume") for own in some] for some in (members, plan.models)]
    most = plan.recipe.epochs if plan.recipe.patience is None else 1  # a callback may have ended it
    done = all(own.epochs_trained >= most for own in members)  # which is saved there once all is done
    if networks[0] != networks[1] or not done:
        raise ConfigurationError(
            where="train --resume",
            received=f"{output}, a model that is ready, of another training"
            if networks[0] != networks[1]
            else f"{output}, a model that is ready, after fewer epochs",
            expected="checkpoints of a training of several members that was broken off",
            fix="leave --resume out, to begin anew; or name another --output",
        )


def _require_finite(history: History, monitor: str) -> None:
    """Refuses a training of which no epoch could be chosen.

    Raises:
        DivergenceError: what chooses the epoch was no finite number in any of them.
    """
    measured = history.metrics.get(monitor, [])
    if measured and not np.isfinite(measured).any():
        raise DivergenceError(
            where="train",
            received=f"{monitor}, which chooses the epoch, no finite number in {len(measured):,} of {len(measured):,}",
            expected="finite numbers",
            fix="lower the learning rate",
        )


def _tell(options: argparse.Namespace, work: Work, files: Files, model: Model, history: History) -> None:
    """What the test says of a model that is saved, the learning curves, the page."""
    test, output, plot, of_blocks = work.test, files.output, files.plot, len(work.test) == 1
    if work.windows is not None:
        tell(*series.lines_of(work.windows.errors(model.predict(work.windows.x))), sep="\n")
    else:
        found = blocks.measured(model, test[0]) if of_blocks else tables.measured(model, *test)
        tell(*(f"test {measure}: {value:.4f}" for measure, value in found.items()), sep="\n")
        if work.beside is not None and not options.quiet:
            tell("", *work.beside(model, found), "", sep="\n")
    tell(f"model saved to {output} ({output.stat().st_size / 1000:,.0f} kB)")
    if plot is not None and len(history):
        history.plot(plot)
        tell(f"learning curves saved to {plot}")
    if not options.no_report:
        table = model.preprocessing
        answers = None if of_blocks else work.training[1] if work.not_tested is None else work.not_tested
        shown = blocks.some_rows(test[0], table) if of_blocks and isinstance(table, Table) else test
        page = report(
            model,
            shown[0] if work.windows is None else work.windows,
            shown[1] if work.windows is None else None,
            report_path(options, output),
            name=work.name,
            history=history,
            training_targets=answers,
            model_file=output,
            image_shape=DIGITS_SHAPE if options.data == "digits" else None,
            **page_settings(options),
        )
        tell(f"report saved to {page}" + ("" if can_draw() else ', without pictures: pip install "glassnet[plots]"'))


def report_path(options: argparse.Namespace, output: Path) -> Path:
    """Where the page goes: beside the model, if nothing else was said."""
    return output.with_suffix(".html") if options.report is None else Path(options.report)


def warn(*sentences: str) -> None:
    """Says what a user should know of the data, a line each."""
    for sentence in sentences:
        logger().warning(sentence)


class BestEpoch(EarlyStopping):
    """Trains to the end, and puts back the weights of the epoch that was the best one.

    Args:
        monitor: what is watched.
        epochs: of the training.
        ties: as of ``EarlyStopping``.
    """

    def __init__(self, monitor: str, epochs: int, ties: str = "first") -> None:
        super().__init__(monitor, patience=epochs, ties=ties)


class _Lines(Callback):
    """A line for some epochs, where there is no terminal for a progress bar."""

    def on_epoch_end(self, state: TrainingState) -> None:
        every = max(1, (state.last_epoch - state.first_epoch + 1) // PRINTED_EPOCHS)
        if state.epoch % every == 0 or state.epoch in (state.first_epoch, state.last_epoch):
            width = len(str(state.last_epoch))
            logs = "  ".join(f"{name} {value:.4f}" for name, value in state.logs.items() if name != "learning_rate")
            tell(f"epoch {state.epoch:>{width}}/{state.last_epoch}  {logs}", flush=True)
