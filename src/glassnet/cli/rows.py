"""Rows to train with and rows to test, from what a command is given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from glassnet.cli import tables
from glassnet.cli.pictures import picture_options
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.shapes import Array
from glassnet.data import Dataset, open_source, parse_subset, split
from glassnet.data.tables import read_header
from glassnet.tables import Answers


def read_arrays(options: argparse.Namespace, command: str) -> tuple[Dataset, Dataset]:
    """The rows to train with and those to test, of data that are no table."""
    subset = None if options.subset is None else parse_subset(options.subset)
    where = f"{command} {options.data}"
    data, test = open_source(
        options.data, subset=subset, pictures=picture_options(options), max_bytes=options.max_bytes
    )
    if data.y is None:
        raise ConfigurationError(
            where=where,
            received="data without targets",
            expected="to know what to learn",
            fix="add an array y to the file",
        )
    if options.regression and data.is_classification:
        data, test = data.with_numbers(), None if test is None else test.with_numbers()
    require_something_to_learn(data.y, where, data.class_names)
    return split(data, options.test_share, options.seed) if test is None else (data, test)


def read_parts(
    options: argparse.Namespace, targets: list[str], subset: tuple[int, int] | None, command: str
) -> tables.Parts:
    """A table's schema, its rows to train with and those to test."""
    where = f"{command} {options.data}"
    if not targets:
        raise no_target(options, command)
    parts = tables.learn(options, targets, subset)
    table = parts.table
    labels = [table.targets(part) for part in (parts.training, parts.test)]
    for place, column in enumerate(table.target.names if isinstance(table.target, Answers) else ()):
        both = np.concatenate([part[:, place] for part in labels])
        require_something_to_learn(both, f"{where}: column {column!r}")
    return parts


def no_target(options: argparse.Namespace, command: str) -> ConfigurationError:
    """The error for a table of which no column is named to be learned."""
    columns = read_header(options.data, tables.reading_of(options), options.max_bytes)
    return ConfigurationError(
        where=f"{command} {options.data}",
        received="no --target",
        expected="the column to learn",
        fix=f"add --target COLUMN; the columns are {', '.join(columns)[:500]}",
    )


def require_something_to_learn(y: Array | None, where: str, class_names: Sequence[str] | None = None) -> None:
    """Refuses targets, labels (N,) or amounts (N, M), that are the same in every row."""
    if y is None or len(y) < 2 or not (y == y[0]).all():
        return
    first = np.ravel(y[0])
    amounts = ", ".join(f"{number:g}" for number in first[:5])
    raise DataError(
        where=where,
        received=f"the {f'class {class_names[first[0]]!r}' if class_names else f'number {amounts}'} in every row",
        expected=f"{'two classes at least' if class_names else 'numbers that differ'}: there is nothing to learn",
        fix=f"{'add rows of other classes, or ' if class_names else ''}choose another target",
    )
