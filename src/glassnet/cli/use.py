"""``glassnet evaluate``, ``predict``, ``summary`` and ``trace``: what is done with a saved model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli import blocks, series
from glassnet.cli.numbers import PLACE
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.pictures import SHOWN, answer_lines, picture_options, read_for
from glassnet.cli.streams import STANDARD_OUTPUT, Answers, is_parquet, kind_of_answers, write_answers
from glassnet.cli.tables import answers_in, measured, reading_of
from glassnet.cli.telling import tell
from glassnet.cli.texts import evaluate_text, refuse_text
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.kinds import PAGE
from glassnet.core.output import answers_to, in_a_line, listed
from glassnet.core.shapes import Array
from glassnet.data import Dataset, open_source, read_csv
from glassnet.data.block_files import files_of
from glassnet.data.sources import picture_files
from glassnet.data.tables import batches, is_table, name_of, read_like, require_polars
from glassnet.data.texts import is_text
from glassnet.many import Ensemble, as_one_model, load, load_as_one
from glassnet.model import Model
from glassnet.tables import Frame, Number, Table
from glassnet.tables.raws import require_complete
from glassnet.tables.surprises import told_once
from glassnet.tracing import trace as trace_model
from glassnet.tracing.text import TraceText


def evaluate(options: argparse.Namespace) -> int:
    """Prints loss and metrics on data with targets."""
    model = load_as_one(options.model)
    model.require_one_output("glassnet evaluate")
    refuse_other_target(model, options)
    is_of_table = isinstance(model.preprocessing, Table) and model.forecasting is None
    files = blocks.files_in_blocks(options, where="evaluate") if is_of_table else []
    if not files:
        blocks.refuse_several(options, where="evaluate")
    if model.forecasting is not None:
        return series.evaluate(options, model)
    if files:
        source = blocks.source_of(options, files, ())
        found = blocks.measured(model, source)
        tell(f"{source.name}: {len(source):,} rows")
    elif isinstance(model.preprocessing, Table) and is_table(options.data):
        frame = read_like(options.data, model.preprocessing, reading_of(options), options.max_bytes)
        tell(f"{name_of(options.data)}: {frame.height:,} rows")
        found = measured(model, frame, answers_in(frame, model.preprocessing, model))
    elif is_text(options.data):
        found = evaluate_text(model, options)
    else:
        data = with_targets(model, options)
        tell(f"{data.name}: {len(data):,} rows")
        found = measured(model, data.x, data.y)
    for name, value in found.items():
        tell(f"{name}: {value:.4f}")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Writes one line for each row, or for each picture."""
    model = load_as_one(options.model)
    model.require_one_output("glassnet predict")
    if model.forecasting is not None:
        return series.predict(options, model)
    refuse_text(model, options.data[0], "predict")
    files = [picture_files(source) for source in options.data]
    output, kind = None if options.output in STANDARD_OUTPUT else Path(options.output), None
    if output is not None:
        names = ["file"] * all(files) + _columns(model)
        kind = kind_of_answers(output, names, model.target_scaling, are_amounts=not model.loss.decides_classes)
        require_outputs([Output("--output", output, kind)], [options.model, *options.data])
        if is_parquet(output):
            require_polars(where="--output")
    if all(files):
        x, names = read_for(model, [file for own in files for file in own], options)
        lines = answer_lines(model, x, names, most=None if options.probabilities else SHOWN)
        if output is None and lines is not None:
            with answers_to(sys.stdout) as stream:
                print("\n".join(lines), file=stream)
            return 0
        answers = iter([{"file": names, **_answers(model, model.predict(x), with_probabilities=options.probabilities)}])
    else:
        rows_of = _rows(model, options)
        answers = (_answers(model, model.predict(x), with_probabilities=options.probabilities) for x in rows_of)
    with told_once("predict"):  # of all blocks of rows together
        rows = write_answers(answers, output, kind)
    if output is not None:
        tell(f"{rows:,} predictions written to {output}")
    return 0


def summary(options: argparse.Namespace) -> int:
    """Prints the layers and what the model was trained with."""
    given = load(options.model)
    model, members = as_one_model(given, "summary"), given.members if isinstance(given, Ensemble) else (given,)
    tell(model.summary())
    tell()
    if isinstance(given, Ensemble):
        tell(f"ensemble   {len(members)} members, whose mean the network gives")
    tell(f"loss       {members[0].loss!r}")
    tell(f"optimizer  {members[0].optimizer!r}")
    for member in members:
        tell(f"trained    {member.epochs_trained} epochs, {member.optimizer.steps:,} steps, seed {member.seed}")
        if member.latest_fit is not None:
            tell(f"latest fit {in_a_line(str(member.latest_fit))}")
    tell(f"written    {model.written}")
    if model.forecasting is not None:
        tell(f"forecasts  {in_a_line(model.forecasting.describe())}")
    if isinstance(model.preprocessing, Table):
        tell(f"columns    {', '.join(own.name for own in model.preprocessing.columns if own.features)}")
    if model.vocabulary is not None:
        tell(f"vocabulary {in_a_line(repr(model.vocabulary))}")
    if model.feature_names is not None:
        tell(f"features   {listed(model.feature_names)}")
    if model.class_names is not None:
        tell(f"classes    {listed(model.class_names)}")
    elif isinstance(model.preprocessing, Table):
        for name, classes in model.preprocessing.questions.items():
            tell(f"classes    of {in_a_line(name)}: {listed(classes)}")
    if options.plan is not None:
        tell(f"\n{model.plan(options.plan)}")
    return 0


def trace(options: argparse.Namespace) -> int:
    """Prints every array of one training step on some rows, or writes it as a page."""
    told = {"training": not options.evaluation}
    if options.html is not None:
        require_outputs([Output("--html", Path(options.html), PAGE)], [options.model, options.data])
    model = load_as_one(options.model)
    refuse_other_target(model, options)
    table = model.preprocessing
    if model.forecasting is not None:
        windows = series.windows_of(options, model)
        start, stop = _row_range(options, len(windows))
        found = trace_model(model, windows.x[start:stop], windows.y[start:stop], **told)
    elif isinstance(table, Table) and is_table(options.data):
        frame = read_like(options.data, table, reading_of(options), options.max_bytes)
        start, stop = _row_range(options, frame.height)
        frame = frame.rows(slice(start, stop))
        found = trace_model(model, frame, answers_in(frame, table, model), **told)
    else:
        refuse_text(model, options.data, "trace")
        data = with_targets(model, options)
        start, stop = _row_range(options, len(data))
        part = data.rows(slice(start, stop))
        found = trace_model(model, part.x, part.y, **told)
    if options.html is not None:
        found.to_html(options.html, options.language)
        tell(f"page written to {options.html} ({Path(options.html).stat().st_size / 1000:,.0f} kB)")
    elif sys.stdout.isatty():
        from rich import print as show

        show(TraceText(found, options.language, why=options.why))
    else:
        print(found.to_text(why=options.why, language=options.language))
    return 0


def _row_range(options: argparse.Namespace, count: int) -> tuple[int, int]:
    """The rows that --row or --rows names."""
    if options.rows is None:
        start, stop = options.row, options.row + 1
        option, received, fix = "--row", str(options.row), "rows count from 0, without the header"
    else:
        first, colon, last = options.rows.partition(":")
        option, received, fix = "--rows", shown(options.rows), "for the first four write --rows 0:4"
        try:
            start, stop = (PLACE(first), PLACE(last)) if colon else (-1, -1)
        except ValueError:
            start, stop = -1, -1
    if not 0 <= start < stop <= count:
        expected = f"0 to {count - 1}" if option == "--row" else f"FIRST:STOP between 0 and {count}, without the last"
        raise ConfigurationError(where=option, received=received, expected=expected, fix=fix)
    return start, stop


def _rows(model: Model, options: argparse.Namespace) -> Iterator[Any]:
    """The rows of data that are no pictures (of the test part, where there is one), of a table some at a time."""
    table = model.preprocessing
    are_tables = all(is_table(source) or Path(source).is_dir() for source in options.data)
    if isinstance(table, Table) and are_tables and (len(options.data) > 1 or Path(options.data[0]).is_dir()):
        for file in files_of(list(options.data)):
            yield from batches(file, table, reading=reading_of(options), max_bytes=options.max_bytes)
        return
    if len(options.data) > 1:
        other = next(source for source in options.data if not picture_files(source))
        raise ConfigurationError(
            where=f"predict {other}",
            received=f"{len(options.data)} names, of which this one is no picture",
            expected="pictures and folders of pictures; tables, for a model that was trained on one; or one other name",
            fix="predict it on its own",
        )
    source = options.data[0]
    if isinstance(table, Table) and is_table(source):
        yield from batches(source, table, reading=reading_of(options), max_bytes=options.max_bytes)
    elif is_table(source) and model.feature_names is not None:
        names = list(model.feature_names)
        numbers = Table([Number(name, 0.0, 1.0) for name in names])
        for frame in batches(source, numbers, reading=reading_of(options), max_bytes=options.max_bytes):
            yield _complete(numbers, names, frame)
    else:
        data, test = open_source(
            source, columns=model.feature_names, pictures=picture_options(options, model), max_bytes=options.max_bytes
        )
        yield (data if test is None else test).x


def _complete(table: Table, names: Sequence[str], frame: Frame) -> Array:
    """The rows of a model that knows no gaps, (N, D).

    Raises:
        DataError: a cell without a value.
    """
    columns = table.read(frame, names, where="predict")
    for name, raw in columns.items():
        expected = "a number in every cell: in training none was missing"
        require_complete(raw, where=f"column {name!r}", expected=expected, fix="fill the cell or delete the row")
    return np.column_stack([columns[name].values for name in names])


def refuse_other_target(model: Model, options: argparse.Namespace) -> None:
    """Refuses a target for a model that answers others: what would be measured is these.

    Raises:
        ConfigurationError: the target is none of them.
    """
    table = model.preprocessing
    known: tuple[str, ...] | None = None
    if model.forecasting is not None:
        known = model.forecasting.targets
    elif isinstance(table, Table) and table.target is not None:
        known = tuple(table.target.names)
    elif is_text(options.data):
        known = ()
    given = options.target
    if given is None or known is None or given in known or set(given.split(",")) <= set(known):
        return
    raise ConfigurationError(
        where="--target",
        received=f"--target {given}",
        expected=f"the target that the model learned, {', '.join(known)}" if known else "it for a table alone",
        fix="leave --target out; a column that has another name than in training is to be renamed"
        if known
        else "leave --target out",
    )


def with_targets(model: Model, options: argparse.Namespace) -> Dataset:
    """The data (the test part, where there is one) with targets as in the model's training."""
    pictures = picture_options(options, model)
    if is_table(options.data):
        target = options.target or model.target_name
        data = read_csv(
            options.data, target, columns=model.feature_names, reading=reading_of(options), max_bytes=options.max_bytes
        )
    else:
        first, test = open_source(options.data, target=options.target, pictures=pictures, max_bytes=options.max_bytes)
        data = first if test is None else test
    if data.y is None:
        raise ConfigurationError(
            where=f"read {options.data}",
            received="data without targets",
            expected="the right answers, to compare with",
            fix="name their column with --target, or add an array y",
        )
    if not data.is_classification:
        return data
    if not model.loss.decides_classes:
        return data.with_numbers()
    return data if model.class_names is None else data.with_classes(model.class_names)


def _columns(model: Model) -> list[str]:
    """The names of the columns of its answers, such as it would give them from any outputs."""
    outputs = np.zeros((1, *(model.network.output_shape or ())), model.network.dtype)
    return list(_answers(model, outputs, with_probabilities=False))


def _answers(model: Model, outputs: Array, *, with_probabilities: bool) -> Answers:
    """Columns by name: the prediction or, where there are several for each row, one column for each."""
    table = model.preprocessing
    if not model.loss.decides_classes:
        of_table = table.target.names if isinstance(table, Table) and table.target is not None else ()
        amounts = model.loss.means(outputs).reshape(len(outputs), -1)
        return _named(of_table or [model.target_name or "prediction"], amounts)
    names = model.class_names
    classes = model.loss.classes(outputs)
    if isinstance(table, Table) and classes.ndim > 1:
        return _to_questions(table, model, outputs, with_probabilities=with_probabilities)
    classes = classes.reshape(len(outputs), -1)
    answers = _named(["prediction"], np.asarray(names)[classes] if names else classes)
    if with_probabilities:
        shares = model.loss.probabilities(outputs).reshape(len(outputs), -1).astype(np.float64)
        count = outputs.shape[-1] if model.loss.is_by_step(outputs.shape[1:]) else shares.shape[1]
        labels = [str(name) for name in (names if names and len(names) == count else range(count))]
        if count < shares.shape[1]:
            labels = [f"{t}_{name}" for t in range(outputs.shape[1]) for name in labels]
        answers |= {f"probability_{k}": np.round(p, 6).tolist() for k, p in zip(labels, shares.T, strict=True)}
    return answers


def _to_questions(table: Table, model: Model, outputs: Array, *, with_probabilities: bool) -> Answers:
    """A column with the words of each question's answers, under the question's name."""
    answers = _named(list(table.questions), table.words(model.loss.classes(outputs)))
    if with_probabilities:
        labels = [f"probability_{name}_{own}" for name, classes in table.questions.items() for own in classes]
        shares = np.round(model.loss.probabilities(outputs).astype(np.float64), 6)
        answers |= _named(labels, shares)
    return answers


def _named(names: Sequence[str], columns: Array) -> Answers:
    """The columns by their names; where there is one name for several, with their numbers."""
    if len(names) < columns.shape[1]:
        names = [f"{names[0]}_{i}" for i in range(columns.shape[1])]
    return {own: column.tolist() for own, column in zip(names, columns.T, strict=True)}
