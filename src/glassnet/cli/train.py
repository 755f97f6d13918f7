"""``glassnet train``."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from glob import has_magic
from pathlib import Path

import numpy as np

from glassnet.cli import blocks, series, tables, tabular
from glassnet.cli.baselines import Baselines
from glassnet.cli.breaks import checkpoint_of, source_of
from glassnet.cli.ending import Ending
from glassnet.cli.folds import cross_validate
from glassnet.cli.networks import build_network, check_network_options, loss_of, model_of, steps_of
from glassnet.cli.options import fill_in, page_settings
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.pictures import picture_options
from glassnet.cli.ranks import Job, done_of
from glassnet.cli.rows import no_target, read_arrays, read_parts, require_something_to_learn
from glassnet.cli.telling import tell
from glassnet.cli.texts import language_model, learn_texts, require_text_options, samples
from glassnet.cli.work import SET_ASIDE, BestEpoch, Files, Work, fit, report_path, warn
from glassnet.core.errors import ConfigurationError
from glassnet.core.kinds import DONE, MODEL, PAGE, PICTURE
from glassnet.core.locks import PathLock
from glassnet.core.output import logger
from glassnet.data import Dataset, parse_subset
from glassnet.data.sources import refuse_size
from glassnet.data.tables import is_table, name_of
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.training import EarlyStopping, require_picture


def train(options: argparse.Namespace) -> int:
    """Reads the data, trains, tests, saves; every path is checked before the work begins.

    Returns:
        The exit status: 0, or 128 and the number of the signal that asked for the end.
    """
    fill_in(options)
    require_text_options(options)
    with Job(options) as job:
        output, plot = require_paths(options) if job.is_first else (output_of(options), None)
        with PathLock(output, where="train") if job.is_first else nullcontext() as lock, Ending() as ending:
            if lock is not None and lock.warning is not None:
                logger().warning(lock.warning)
            job.begin(output)
            _train(options, Files(output, plot, source_of(options, output), job), ending)
    return ending.status


def _train(options: argparse.Namespace, files: Files, ending: Ending) -> None:
    if options.task == "text":
        tabular.refuse_options(options, "a text")
        blocks.refuse_several(options, where="train --task text")
        _train_text(options, files, ending)
        return
    subset = None if options.subset is None else parse_subset(options.subset)
    are_series = series.is_asked(options)
    check_network_options(options)
    pictures = picture_options(options)
    files_of_blocks = [] if are_series else blocks.files_in_blocks(options, where="train")
    if files_of_blocks:
        tabular.refuse_options(options, "data that are read block by block")
        refuse_size(files_of_blocks[0], pictures)
        _train_blocks(options, files_of_blocks, files, ending)
        return
    blocks.refuse_several(options, where="train")
    targets = tables.target_names(options)
    if are_series:
        tabular.refuse_options(options, "series")
        refuse_size(options.data, pictures)
        _train_series(options, targets, files, ending)
        return
    if is_table(options.data):
        refuse_size(options.data, pictures)
        _train_table(options, targets, subset, files, ending)
        return
    tabular.refuse_options(options, "data that are no table")
    data, test = read_arrays(options, "train")
    model = build_model(options, data, None)
    work = Work(model, (data.x, data.y), (test.x, test.y), data.name, _task(options, data))
    fit(options, _watched(options, work), files, ending)


def _watched(options: argparse.Namespace, work: Work) -> Work:
    """What is measured after each epoch: with --patience a share of the rows to train with, else those of the test."""
    if options.patience is None:
        return work._replace(validation=work.test)
    keeper = EarlyStopping(patience=options.patience)
    split = SET_ASIDE if work.validation is None else 0.0
    return work._replace(validation_split=split, keeper=keeper)


def _train_table(
    options: argparse.Namespace, targets: list[str], subset: tuple[int, int] | None, files: Files, ending: Ending
) -> None:
    """The same for a table, whose schema is learned and kept. Its test rows choose nothing."""
    parts = read_parts(options, targets, subset, "train")
    table = parts.table
    tabular.refuse_costs(options, table)
    if not options.quiet:
        tell(table, end="\n\n")
        warn(*tabular.oddities(parts, targets))
    if options.cross_validate is not None:
        tell(*cross_validate(options, targets, parts), sep="\n", end="\n\n")
    own = tabular.planned(options, table, parts.training, parts.sides)
    tabular.refuse_apart(options, own.recipe)
    rows, answers, *weights = own.training[0]
    options.epochs, options.batch_size = own.recipe.epochs, own.recipe.batch_size
    work = Work(
        own.models[0],
        (rows, answers),
        (parts.test, table.targets(parts.test)),
        parts.training.name,
        f"{tables.task_of(table)}\n{tabular.described(options, own)}",
        own.held[0],
        weights=weights[0] if weights else None,
        plan=None if tabular.is_alone(own.recipe) else own,
        not_tested=table.targets(parts.training),
        keeper=tabular.keeper_of(own.recipe),
        beside=Baselines(options, targets, parts).lines,
    )
    fit(options, work, files, ending)


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
    model = tabular.model_of_blocks(options, table, scaling, source.name, blocks.metrics_for(table))
    if not options.quiet:
        tell(table, end="\n\n")
    task = f"{tables.task_of(table)}, read block by block\n{tabular.described_blocks(options)}"
    monitor = "val_log_loss" if table.questions else "val_loss"
    patience = options.patience
    keeper = BestEpoch(monitor, options.epochs) if patience is None else EarlyStopping(monitor, patience=patience)
    work = Work(model, (training,), (test,), source.name, task, keeper=keeper, validation_split=tabular.SET_ASIDE)
    fit(options, work, files, ending)


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
    model = model_of(
        options,
        series.network_for(options, forecasting),
        loss_of(options, "mean_squared_error", None),
        (),
        steps_of(options, len(found)),
    )
    model.forecasting = forecasting
    name = name_of(options.data)
    task = series.described(found, test, name)
    validation = None if later is None else (later.x, later.y)
    work = Work(model, (found.x, found.y), (test.x, test.y), name, task, validation, windows=test)
    fit(options, _watched(options, work), files, ending)


def _train_text(options: argparse.Namespace, files: Files, ending: Ending) -> None:
    """The same for a language model."""
    read = learn_texts(options)
    training, test = read.rows(read.training), read.rows(read.test)
    steps = -(-len(training[0]) // options.batch_size) * options.epochs
    model = language_model(options, read, steps)
    work = Work(model, training, test, name_of(options.data), str(read))
    fit(options, _watched(options, work), files, ending)
    if ending.number is None:
        tell("texts that it writes:", *samples(model, read), sep="\n  ")


def output_of(options: argparse.Namespace) -> Path:
    """Where the model goes."""
    is_one = len(options.files) == 1 and (Path(options.data).exists() or not has_magic(options.data))
    stem = _stem(options.data) if is_one else Path(options.data).resolve().parent.name or "model"
    return Path(options.output or f"{stem}.safetensors")


def require_paths(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Checks before any work what the training writes: the model, a picture, a page.

    Returns:
        Where the model goes, and the picture if there is to be one.

    Raises:
        ConfigurationError, WriteError: one of them cannot be written, see ``require_outputs``; or what is said of the
            page is none, or for a page that is not to be written.
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
    about = page_settings(options)
    if options.no_report and about:
        option = f"--{next(iter(about))}"
        raise ConfigurationError(
            where=f"train {option}",
            received=f"{option}, but no page is to be written (--no-report, or a language model)",
            expected="a page, which it is about",
            fix=f"leave {option} out",
        )
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
    labels = data.y if data.is_classification else None
    own = loss_of(options, loss, labels)
    steps = steps_of(options, len(data))
    model = model_of(options, build_network(options, data, outputs), own, metrics, steps)
    model.preprocessing = data.standardize(as_images=options.network is not None or options.augment is not None)
    are_amounts = not data.is_classification and not _asks_labels(options, data)
    model.target_scaling = Standardize.from_data(data.y) if are_amounts else None
    model.feature_names, model.class_names, model.target_name = data.feature_names, data.class_names, target
    return model


def _asks_labels(options: argparse.Namespace, data: Dataset) -> bool:
    """Whether each of several labels is to be answered with yes or no."""
    return data.is_multi_label and not options.regression


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
