"""Tables that are not read into memory as a whole: several files, a folder of them, or large ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli.tables import listed, reading_of
from glassnet.core.blocks import Blocks
from glassnet.core.errors import ConfigurationError, DataError, MissingFileError
from glassnet.data import blocks
from glassnet.data.block_files import files_of
from glassnet.data.sources import holds_pictures_or_sets
from glassnet.data.tables import is_table
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.tables import Answers, Frame, Table
from glassnet.tables.frames import joined
from glassnet.tables.learned import Asked, Learned
from glassnet.tables.streamed import learn_streamed
from glassnet.tabular.plan import OF_AMOUNTS

LARGE_BYTES = 200_000_000
"""Files that together are as large as this are read block by block."""
SHOWN_ROWS = 10_000
"""About so many of the rows held out are on the page about the model."""
OF_CLASSES, OF_QUESTIONS = ("accuracy", "f1", "log_loss"), ("accuracy", "log_loss")
"""What is measured of classes: what adds up over blocks."""


class Sources(argparse.Action):
    """Several names of data: the first in ``data``, all in ``files``."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Takes them."""
        namespace.data, namespace.files = values[0], list(values)


def files_in_blocks(options: argparse.Namespace, *, where: str) -> list[Path]:
    """The tables that are to be read block by block; none where the data are something else, or a small table.

    Raises:
        ConfigurationError: several names, of which one is no table.
        MissingFileError: no such file.
    """
    names: list[str] = getattr(options, "files", [options.data])
    if len(names) > 1:
        other = next((name for name in names if not is_table(name)), None)
        if other is not None:
            raise ConfigurationError(
                where=f"{where} {other}",
                received=f"{len(names)} names, of which this one is no table",
                expected="several tables with the same columns, or one name of anything else",
                fix="give each kind of data a run of its own",
            )
        return files_of(names)
    is_folder = Path(names[0]).is_dir() and not holds_pictures_or_sets(names[0])
    try:
        files = files_of(names[0]) if is_table(names[0]) or is_folder else []
    except (MissingFileError, ConfigurationError):  # which others say in their own words
        return []
    is_large = sum(file.stat().st_size for file in files) >= LARGE_BYTES
    return files if len(files) > 1 or is_large or is_folder else []


def refuse_several(options: argparse.Namespace, *, where: str) -> None:
    """Refuses several names where one is wanted.

    Raises:
        ConfigurationError: there are several.
    """
    names = getattr(options, "files", [options.data])
    if len(names) > 1:
        raise ConfigurationError(
            where=where, received=f"{len(names)} names of data", expected="one", fix="name one file or folder"
        )


def source_of(options: argparse.Namespace, files: Sequence[Path], targets: Sequence[str]) -> Blocks:
    """The files as a source of blocks."""
    return blocks(
        [str(file) for file in files],
        list(targets) or None,
        reading=reading_of(options),
        categories=listed(options, getattr(options, "categories", None), "--categories"),
        ignore=listed(options, getattr(options, "ignore", None), "--ignore"),
        max_bytes=options.max_bytes,
    )


def learn(options: argparse.Namespace, source: Blocks, training: Blocks) -> tuple[Table, Standardize | None]:
    """The table: its inputs from the rows to train with, its classes from all; and the scaling of amounts.

    Columns of many words get an ``Embedding``.

    Raises:
        DataError: amounts that are the same in every row; and as ``Table.from_data``.
    """
    found = learn_streamed(
        training,
        Asked(
            target=source.target,
            task="regression" if options.regression else "auto",
            categories=source.learning["categories"],
            reading=reading_of(options) if _says_something(options) else None,
            is_automatic=True,
        ),
    )
    table = Table.of_learned(found)
    training.taught = table
    return table, _scaling(found, f"train {source.name}")


def metrics_for(table: Table) -> tuple[str, ...]:
    """What is measured of such answers, block by block."""
    if not table.questions:
        return OF_AMOUNTS
    return OF_CLASSES if table.class_names is not None else OF_QUESTIONS


def some_rows(source: Blocks, table: Table) -> tuple[Frame, Any]:
    """About ``SHOWN_ROWS`` of the rows, in memory, and their answers."""
    share = SHOWN_ROWS / max(1, len(source))
    chosen = source.split(share, 0)[1] if share < 1 else source
    frame = joined([block.x for block in chosen.all_blocks()])
    return frame, table.targets(frame)


def measured(model: Model, source: Blocks) -> dict[str, float]:
    """Loss and metrics by their names in words."""
    if "roc_auc" in [metric.name for metric in model.metrics]:  # of a model that was trained in memory
        kept = model.metrics
        model.metrics = tuple(metric for metric in kept if metric.adds_up)
        try:
            return measured(model, source)
        finally:
            model.metrics = kept
    return {name.replace("_", " "): value for name, value in model.evaluate(source).items()}


def _says_something(options: argparse.Namespace) -> bool:
    return any(getattr(options, name, None) for name in ("delimiter", "encoding", "decimal", "date_format", "missing"))


def _scaling(found: Learned, where: str) -> Standardize | None:
    if not isinstance(found.target, Answers):
        return None
    pairs = []
    for name in found.target.names:
        mean, deviation = found.moments[name].mean_and_deviation(f"column {name!r}")
        if found.moments[name].squares == 0:
            raise DataError(
                where=f"{where}: column {name!r}",
                received=f"the number {mean:g} in every row",
                expected="numbers that differ: there is nothing to learn",
                fix="choose another target",
            )
        pairs.append((mean, deviation))
    mean_of, scale_of = np.array(pairs).T
    return Standardize(mean_of, scale_of)
