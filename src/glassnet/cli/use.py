"""``glassnet evaluate``, ``predict``, ``summary`` and ``trace``: what is done with a saved model."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any

from glassnet.cli.pictures import SHOWN, answer_lines, picture_options, read_for
from glassnet.cli.tables import read_table
from glassnet.data import Dataset, open_source
from glassnet.data.sources import picture_files
from glassnet.errors import ConfigurationError
from glassnet.explain import trace as trace_model
from glassnet.files import require_writable, write_atomically
from glassnet.model import Model, load
from glassnet.tables import Table


def evaluate(options: argparse.Namespace) -> int:
    """Prints loss and metrics on data with targets."""
    model = load(options.model)
    if isinstance(model.preprocessing, Table):
        frame = read_table(options.data)
        print(f"{Path(options.data).stem}: {len(frame):,} rows")
        measured = model.evaluate(frame, model.preprocessing.targets(frame))
    else:
        data = _with_targets(model, options)
        print(f"{data.name}: {len(data):,} rows")
        measured = model.evaluate(data.x, data.y)
    for name, value in measured.items():
        print(f"{name.replace('_', ' ')}: {value:.4f}")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Writes one line for each row, or for each picture."""
    model = load(options.model)
    if options.output is not None:
        require_writable(options.output, where="--output")
    names: list[str] = []
    files = [picture_files(source) for source in options.data]
    if all(files):
        x, names = read_for(model, [file for own in files for file in own], options)
        lines = answer_lines(model, x, names, most=None if options.probabilities else SHOWN)
        if options.output is None and lines is not None:
            print("\n".join(lines))
            return 0
    else:
        x = _rows(model, options)
    table = _answers(model, x, with_probabilities=options.probabilities)
    if names:
        table = [[name, *cells] for name, cells in zip(["file", *names], table, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    if options.output is None:
        sys.stdout.write(text.getvalue())
    else:
        write_atomically(options.output, text.getvalue().encode())
        print(f"{len(x):,} predictions written to {options.output}")
    return 0


def summary(options: argparse.Namespace) -> int:
    """Prints the layers and what the model was trained with."""
    model = load(options.model)
    print(model.summary())
    print()
    print(f"loss       {model.loss!r}")
    print(f"optimizer  {model.optimizer!r}")
    print(f"trained    {model.epochs_trained} epochs, {model.optimizer.steps:,} steps, seed {model.seed}")
    if model.feature_names is not None:
        print(f"features   {', '.join(model.feature_names)}")
    if model.class_names is not None:
        print(f"classes    {', '.join(model.class_names)}")
    if options.plan is not None:
        print(f"\n{model.plan(options.plan)}")
    return 0


def trace(options: argparse.Namespace) -> int:
    """Prints every array of one row's forward and backward pass."""
    model = load(options.model)
    table = model.preprocessing
    data: Any = read_table(options.data) if isinstance(table, Table) else _with_targets(model, options)
    if not 0 <= options.row < len(data):
        raise ConfigurationError(
            where="--row",
            received=str(options.row),
            expected=f"0 to {len(data) - 1}",
            fix="rows count from 0, without the header",
        )
    if isinstance(table, Table):
        one = data.slice(options.row, 1)
        print(trace_model(model, one, table.targets(one)))
    else:
        row = data.rows(slice(options.row, options.row + 1))
        print(trace_model(model, row.x, row.y))
    return 0


def _rows(model: Model, options: argparse.Namespace) -> Any:
    """The rows of data that are no pictures (of the test part, where there is one); for a model of tables a frame."""
    if len(options.data) > 1:
        other = next(source for source in options.data if not picture_files(source))
        raise ConfigurationError(
            where=f"predict {other}",
            received=f"{len(options.data)} names, of which this one is no picture",
            expected="pictures and folders of pictures, or one other name",
            fix="predict it on its own",
        )
    if isinstance(model.preprocessing, Table):
        return read_table(options.data[0])
    data, test = open_source(options.data[0], columns=model.feature_names, pictures=picture_options(options, model))
    return (data if test is None else test).x


def _with_targets(model: Model, options: argparse.Namespace) -> Dataset:
    """The data (the test part, where there is one) with targets as in the model's training."""
    named = model.target_name if options.data.lower().endswith(".csv") else None
    pictures = picture_options(options, model)
    target = options.target or named
    data, test = open_source(options.data, target=target, columns=model.feature_names, pictures=pictures)
    data = data if test is None else test
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


def _answers(model: Model, x: Any, *, with_probabilities: bool) -> list[list[object]]:
    """The table with its header."""
    if not model.loss.decides_classes:
        outputs = model.predict(x).reshape(len(x), -1)
        name = model.target_name or "prediction"
        header = [name] if outputs.shape[1] == 1 else [f"{name}_{i}" for i in range(outputs.shape[1])]
        numbers: list[list[object]] = [[float(value) for value in row] for row in outputs]
        return [list(header), *numbers]
    classes = model.predict_classes(x).reshape(len(x), -1)
    names = model.class_names
    header = ["prediction"] if classes.shape[1] == 1 else [f"prediction_{i}" for i in range(classes.shape[1])]
    table: list[list[object]] = [[names[k] if names else int(k) for k in row] for row in classes]
    if with_probabilities:
        shares = model.predict_proba(x).reshape(len(x), -1)
        labels = names if names and len(names) == shares.shape[1] else range(shares.shape[1])
        header += [f"probability_{label}" for label in labels]
        table = [row + [round(float(p), 6) for p in own] for row, own in zip(table, shares, strict=True)]
    return [list(header), *table]
