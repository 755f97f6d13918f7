"""``glassnet train``."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext, suppress
from glob import has_magic
from pathlib import Path
from signal import SIGINT
from typing import Any, NamedTuple

import numpy as np

from glassnet.cli import blocks, series, tables
from glassnet.cli.breaks import (
    checkpoint_of,
    checkpoints,
    in_words_of_options,
    keep_place,
    remove_checkpoints,
    save,
    source_of,
)
from glassnet.cli.ending import Ending
from glassnet.cli.networks import DIGITS_SHAPE, build_network, check_network_options
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.pictures import picture_options
from glassnet.cli.ranks import Job, done_of
from glassnet.cli.rows import no_target, read_arrays, read_parts, require_something_to_learn
from glassnet.cli.texts import language_model, learn_texts, require_text_options, samples
from glassnet.core.errors import ConfigurationError
from glassnet.core.kinds import DONE, MODEL, PAGE, PICTURE
from glassnet.core.locks import PathLock
from glassnet.core.output import logger
from glassnet.data import Dataset, Windows, parse_subset
from glassnet.data.sources import refuse_size
from glassnet.data.tables import is_table, name_of
from glassnet.losses import Loss
from glassnet.model import Model
from glassnet.network import Network
from glassnet.optimizers import L2, OPTIMIZERS, Chain, Optimizer
from glassnet.preprocessing import Standardize
from glassnet.reports import can_draw, report
from glassnet.tables import Table
from glassnet.training import Callback, EarlyStopping, TrainingState, require_picture

PRINTED_EPOCHS = 20
SET_ASIDE = 0.1
"""The share of the rows to train with that --patience looks at."""


def train(options: argparse.Namespace) -> int:
    """Reads the data, trains, tests, saves; every path is checked before the work begins.

    Returns:
        The exit status: 0, or 128 and the number of the signal that asked for the end.
    """
    require_text_options(options)
    with Job(options) as job:
        output, plot = require_paths(options) if job.is_first else (output_of(options), None)
        with PathLock(output, where="train") if job.is_first else nullcontext() as lock, Ending() as ending:
            if lock is not None and lock.warning is not None:
                logger().warning(lock.warning)
            job.begin(output)
            _train(options, Files(output, plot, source_of(options, output), job), ending)
    return ending.status


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
        validation: what --patience looks at, or None for a share of the training rows.
        windows: of series, those held out; or None.
    """

    model: Model
    training: tuple[Any, ...]
    test: tuple[Any, ...]
    name: str
    task: str
    validation: tuple[Any, Any] | None = None
    windows: Windows | None = None


def _train(options: argparse.Namespace, files: Files, ending: Ending) -> None:
    if options.task == "text":
        blocks.refuse_several(options, where="train --task text")
        _train_text(options, files, ending)
        return
    subset = None if options.subset is None else parse_subset(options.subset)
    are_series = series.is_asked(options)
    check_network_options(options)
    pictures = picture_options(options)
    files_of_blocks = [] if are_series else blocks.files_in_blocks(options, where="train")
    if files_of_blocks:
        refuse_size(files_of_blocks[0], pictures)
        _train_blocks(options, files_of_blocks, files, ending)
        return
    blocks.refuse_several(options, where="train")
    targets = tables.target_names(options)
    if are_series:
        refuse_size(options.data, pictures)
        _train_series(options, targets, files, ending)
        return
    if is_table(options.data):
        refuse_size(options.data, pictures)
        _train_table(options, targets, subset, files, ending)
        return
    data, test = read_arrays(options, "train")
    model = build_model(options, data, None)
    _fit(options, Work(model, (data.x, data.y), (test.x, test.y), data.name, _task(options, data)), files, ending)


def _train_table(
    options: argparse.Namespace, targets: list[str], subset: tuple[int, int] | None, files: Files, ending: Ending
) -> None:
    """The same for a table, whose schema is learned and kept."""
    table, training, held = read_parts(options, targets, subset, "train")
    name = training.name
    pairs = [(part, table.targets(part)) for part in (training, held)]
    scaling = None if table.questions else Standardize.from_data(pairs[0][1])
    model = _table_model(options, table, scaling, name, tables.metrics_for(table))
    if not options.quiet:
        print(table, end="\n\n")
    _fit(options, Work(model, pairs[0], pairs[1], name, tables.task_of(table)), files, ending)


def _train_blocks(options: argparse.Namespace, tables_of: list[Path], files: Files, ending: Ending) -> None:
    """The same for tables that are read block by block."""
    if options.subset is not None:
        raise ConfigurationError(
            where="train --subset",
            received=f"--subset {options.subset} for data that are read block by block",
            expected="all of their rows",
            fix="leave --subset out, or name one smaller file",
        )
    options.data = str(tables_of[0])
    targets = tables.target_names(options)
    if not targets:
        raise no_target(options, "train")
    source = blocks.source_of(options, tables_of, targets)
    training, test = source.split(options.test_share, options.seed)
    table, scaling = blocks.learn(options, source, training)
    model = _table_model(options, table, scaling, source.name, blocks.metrics_for(table))
    if not options.quiet:
        print(table, end="\n\n")
    work = Work(model, (training,), (test,), source.name, f"{tables.task_of(table)}, read block by block")
    _fit(options, work, files, ending)


def _train_series(options: argparse.Namespace, targets: list[str], files: Files, ending: Ending) -> None:
    """The same for series: windows of the earlier steps to train with, of the latest ones to test."""
    found, test = series.read_windows(options, targets).split(options.test_share)
    later = None
    if options.patience is not None:
        found, later = found.cut(SET_ASIDE)
    forecasting = found.forecasting
    for column in forecasting.targets:
        values = np.concatenate([one.values[:, forecasting.columns.index(column)] for one in found.series])
        require_something_to_learn(values[:, None], f"train {options.data}: column {column!r}")
    model = _model(options, series.network_for(options, forecasting), "mean_squared_error", ())
    model.forecasting = forecasting
    name = name_of(options.data)
    task = series.described(found, test, name)
    validation = None if later is None else (later.x, later.y)
    _fit(options, Work(model, (found.x, found.y), (test.x, test.y), name, task, validation, test), files, ending)


def _train_text(options: argparse.Namespace, files: Files, ending: Ending) -> None:
    """The same for a language model."""
    read = learn_texts(options)
    training, test = read.rows(read.training), read.rows(read.test)
    steps = -(-len(training[0]) // options.batch_size) * options.epochs
    model = language_model(options, read, steps)
    _fit(options, Work(model, training, test, name_of(options.data), str(read)), files, ending)
    if ending.number is None:
        print("texts that it writes:", *samples(model, read), sep="\n  ")


def _table_model(
    options: argparse.Namespace, table: Table, scaling: Standardize | None, name: str, metrics: tuple[str, ...]
) -> Model:
    """The model for a table and its answers."""
    features = Dataset(np.zeros((1, len(table.features)), np.float32), None, name=name)
    network = build_network(options, features, table.outputs, start=table.input_layers())
    model = _model(options, network, table.loss, metrics)
    model.preprocessing, model.class_names = table, table.class_names
    model.target_scaling = scaling
    model.target_name = ", ".join(table.target.names) if table.target is not None else None
    return model


def _fit(options: argparse.Namespace, work: Work, files: Files, ending: Ending) -> None:
    """Trains, tests and saves."""
    say = (lambda *_: None) if options.quiet else print
    model, training, test = work.model, work.training, work.test
    rows = f"{len(training[-1]):,} rows to train, {len(test[-1]):,} to test"
    of_blocks = len(test) == 1
    say(work.task if work.windows is not None else f"{work.name}: {rows}, {work.task}")
    output, plot, source, job = files
    callbacks: list[Callback] = [] if options.quiet or sys.stdout.isatty() else [_Lines()]
    if options.patience is not None:
        callbacks.append(EarlyStopping(patience=options.patience))
    with in_words_of_options():
        history = model.fit(
            *training,
            epochs=options.epochs,
            batch_size=options.batch_size,
            validation_data=(test[0] if of_blocks else test) if options.patience is None else work.validation,
            validation_split=SET_ASIDE if options.patience is not None and work.validation is None else 0.0,
            callbacks=[*callbacks, *checkpoints(options, output), ending],
            verbose=not options.quiet,
            resume=source or False,
            even_if_changed=options.even_if_changed,
            distributed=options.distributed,
        )
    if not job.is_first:
        return
    if ending.number not in (None, SIGINT):
        said = [*keep_place(model, output), job.how_to_go_on()]
        ending.is_saved()
        with suppress(OSError):  # the terminal may have gone away
            print(*said, sep="\n", flush=True)
        return
    if source == output and not ending.has_trained:
        job.is_done(model, output)
        print(f"{model.latest_fit}: nothing is left to do; the model is in {output}")
        return
    save(model, output)  # before anything is printed: a reader of the output may have gone away
    remove_checkpoints(output)
    job.is_done(model, output)
    ending.is_saved()
    say()
    say(model.summary())
    if ending.number is not None:
        print(f"{model.latest_fit}; {job.how_to_go_on()}")
    elif history.stopped:
        print(f"stopped after epoch {model.epochs_trained}: {history.stopped}")
    if work.windows is not None:
        print(*series.lines_of(work.windows.errors(model.predict(work.windows.x))), sep="\n")
    else:
        found = blocks.measured(model, test[0], history) if of_blocks else tables.measured(model, *test)
        print(*(f"test {measure}: {value:.4f}" for measure, value in found.items()), sep="\n")
    print(f"model saved to {output} ({output.stat().st_size / 1000:,.0f} kB)")
    if plot is not None and len(history):
        history.plot(plot)
        print(f"learning curves saved to {plot}")
    if not options.no_report:
        table = model.preprocessing
        shown = blocks.some_rows(test[0], table) if of_blocks and isinstance(table, Table) else test
        page = report(
            model,
            shown[0] if work.windows is None else work.windows,
            shown[1] if work.windows is None else None,
            report_path(options, output),
            name=work.name,
            history=history,
            training_targets=None if of_blocks else training[1],
            model_file=output,
            image_shape=DIGITS_SHAPE if options.data == "digits" else None,
        )
        print(f"report saved to {page}" + ("" if can_draw() else ', without pictures: pip install "glassnet[plots]"'))


def output_of(options: argparse.Namespace) -> Path:
    """Where the model goes."""
    is_one = len(options.files) == 1 and (Path(options.data).exists() or not has_magic(options.data))
    stem = _stem(options.data) if is_one else Path(options.data).resolve().parent.name or "model"
    return Path(options.output or f"{stem}.safetensors")


def report_path(options: argparse.Namespace, output: Path) -> Path:
    """Where the page goes: beside the model, if nothing else was said."""
    return output.with_suffix(".html") if options.report is None else Path(options.report)


def require_paths(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Checks before any work what the training writes: the model, a picture, a page.

    Returns:
        Where the model goes, and the picture if there is to be one.

    Raises:
        ConfigurationError, WriteError: one of them cannot be written, see ``require_outputs``.
    """
    sources = options.files
    output = output_of(options)
    outputs = [Output("--output", output, MODEL)]
    if options.distributed:
        outputs.append(Output("train: the file that says done", done_of(output), DONE))
    if options.checkpoint_seconds and not options.resume:
        outputs.append(Output("train: the checkpoint", checkpoint_of(output), MODEL))
    plot = None if options.plot is None else Path(options.plot)
    if plot is not None:
        outputs.append(Output("--plot", plot, PICTURE))
    require_outputs(outputs, sources)
    if plot is not None:
        require_picture(plot, where="--plot")
    if options.no_report:
        return output, plot
    outputs.append(Output("--report", report_path(options, output), PAGE))
    try:
        require_outputs(outputs, sources)
    except ConfigurationError as error:
        if options.report is not None:
            raise
        fix = "write --report with another name, or --no-report"
        raise ConfigurationError(**error.parts | {"where": "train", "fix": fix}) from None
    return output, plot


def build_model(options: argparse.Namespace, data: Dataset, target: str | None) -> Model:
    """The network and settings that the options describe, for that data."""
    if data.y is None:
        raise ValueError("data without targets")
    outputs = len(data.class_names or ()) if data.is_classification else data.y.shape[1]
    loss: str = "cross_entropy"
    metrics: tuple[str, ...] = ("accuracy",)
    if _asks_labels(options, data):
        loss = "binary_cross_entropy"
    elif not data.is_classification:
        loss, metrics = "mean_squared_error", ("root_mean_squared_error", "r2")
    model = _model(options, build_network(options, data, outputs), loss, metrics)
    model.preprocessing = data.standardize(as_images=options.network is not None or options.augment is not None)
    are_amounts = not data.is_classification and not _asks_labels(options, data)
    model.target_scaling = Standardize.from_data(data.y) if are_amounts else None
    model.feature_names, model.class_names, model.target_name = data.feature_names, data.class_names, target
    return model


def _asks_labels(options: argparse.Namespace, data: Dataset) -> bool:
    """Whether each of several labels is to be answered with yes or no."""
    return data.is_multi_label and not options.regression


def _model(options: argparse.Namespace, network: Network, loss: str | Loss, metrics: tuple[str, ...]) -> Model:
    settings = {"seed": options.seed, "engine": options.engine, "threads": options.threads}
    return Model(network, loss, _optimizer(options), metrics, **settings)


def _optimizer(options: argparse.Namespace) -> Optimizer:
    rule = OPTIMIZERS[options.optimizer]
    optimizer = rule() if options.learning_rate is None else rule(options.learning_rate)  # type: ignore[call-arg]
    return Chain(L2(options.l2), optimizer) if options.l2 else optimizer


class _Lines(Callback):
    """A line for some epochs, where there is no terminal for a progress bar."""

    def on_epoch_end(self, state: TrainingState) -> None:
        every = max(1, (state.last_epoch - state.first_epoch + 1) // PRINTED_EPOCHS)
        if state.epoch % every == 0 or state.epoch in (state.first_epoch, state.last_epoch):
            width = len(str(state.last_epoch))
            logs = "  ".join(f"{name} {value:.4f}" for name, value in state.logs.items() if name != "learning_rate")
            print(f"epoch {state.epoch:>{width}}/{state.last_epoch}  {logs}", flush=True)


def _stem(source: str) -> str:
    """A name for the model's file: the data's without its endings."""
    return name_of(source) if is_table(source) else Path(source).name.split(".")[0] or "model"


def _task(options: argparse.Namespace, data: Dataset) -> str:
    shape = " × ".join(map(str, data.x.shape[1:]))
    inputs = f"{shape} features" if data.x.ndim == 2 else f"images of {shape}"
    if _asks_labels(options, data) and data.y is not None:
        return f"{inputs}, {data.y.shape[1]} labels, of which any may hold"
    return f"{inputs}, " + (
        f"{len(data.class_names or ())} classes" if data.is_classification else "numbers to predict"
    )
