"""Answers to rows of any number, written as they come."""

from __future__ import annotations

import csv
import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from glassnet.core.files import replacing
from glassnet.core.kinds import PARQUET, Kind
from glassnet.core.output import answers_to
from glassnet.preprocessing import Standardize

Answers = dict[str, Sequence[Any]]
"""Columns of answers by name, for some rows."""
STANDARD_OUTPUT = None, "-", "/dev/stdout"
"""What stands for it in place of a path."""
LONG = 12
"""Letters of a number that has more digits than people write."""


def require_streams() -> None:
    """Opens a device that takes everything in the place of standard streams that are closed.

    The next file would get their numbers otherwise, and what others print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def is_parquet(path: Path) -> bool:
    """Whether answers are written there in columns."""
    return path.name.lower().endswith(".parquet")


def kind_of_answers(path: Path, names: Sequence[str], scaling: Standardize | None, *, are_amounts: bool) -> Kind:
    """What is written there, in columns of these names, and perhaps of probabilities behind them.

    A table of text has no place for a note of who wrote it. It is known by its first line, which must name the same
    answers, with or without probabilities; where these have the names of columns of the user's own, whose true values
    may stand in such a table, too, amounts are known by their digits as well and words by their probabilities.
    """
    if is_parquet(path):
        return PARQUET
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    is_plain = any(name == "prediction" or name.startswith("prediction_") for name in names)

    def is_right(lines: bytes) -> bool:
        first, end, rows = lines.decode(errors="replace").partition("\n")
        if first:
            return not are_amounts and first.startswith((",probability_", ',"probability_'))
        return bool(end) and (is_plain or (are_amounts and _are_of_a_network(rows, scaling)))

    return Kind("a table of such answers of glassnet's", (), line.getvalue().encode(), is_right)


def _are_of_a_network(lines: str, scaling: Standardize | None) -> bool:
    """Whether a network gives such numbers: float32, brought to the targets' unit, with all the digits of that."""
    rows = [line.split(",") for line in lines.split("\n")[:-1]]
    try:
        values = np.array(rows, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            raw = values if scaling is None else (values - scaling.mean) / scaling.scale
            outputs = raw.astype(np.float32)
            again = outputs if scaling is None else scaling.invert(outputs, np.float64)
    except ValueError:  # words, or rows of other lengths
        return False
    return bool((again == values).all()) and any(len(cell) >= LONG for row in rows for cell in row)


def write_answers(answers: Iterable[Answers], path: Path | None, kind: Kind | None) -> int:
    """Writes columns, some rows at a time: a .csv, a .parquet, or text to the standard output where path is None.

    Args:
        answers: columns by name, of some rows after others.
        path: the file, of which ``kind_of_answers`` says the kind.
        kind: of the file.

    Returns:
        How many rows there were.
    """
    rows = 0

    def counted() -> Iterator[Answers]:
        nonlocal rows
        for own in answers:
            rows += len(next(iter(own.values())))
            yield own

    if path is None or kind is None:
        with answers_to(sys.stdout) as stream:
            _write_csv(counted(), stream)
        return rows
    with replacing(path, kind) as temporary:
        if is_parquet(path):
            _write_parquet(counted(), temporary)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                _write_csv(counted(), file)
    return rows


def _write_csv(answers: Iterable[Answers], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    for number, own in enumerate(answers):
        if number == 0:
            writer.writerow(own)
        writer.writerows(zip(*own.values(), strict=True))


def _write_parquet(answers: Iterable[Answers], path: Path) -> None:
    import polars
    from polars.io.plugins import register_io_source

    frames = (polars.DataFrame(own) for own in answers)
    first = next(frames)
    errors: list[BaseException] = []

    def source(*_: Any) -> Iterator[polars.DataFrame]:
        try:
            yield from chain([first], frames)
        except GeneratorExit:  # nobody wants more
            raise
        except BaseException as error:  # noqa: BLE001 - raised below: polars would wrap it and keep what it refers to
            errors.append(error)

    try:
        register_io_source(source, schema=first.schema).sink_parquet(path, metadata={"made by": "answers of glassnet"})
    except polars.exceptions.PolarsError as error:
        number = re.search(r"os error (\d+)", str(error))
        if not errors:
            raise OSError(errno.EIO if number is None else int(number[1]), str(error)) from error
    if errors:
        raise errors[0]
