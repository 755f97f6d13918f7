"""Answers to rows of any number, written as they come."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from glassnet.core.files import replacing
from glassnet.core.output import answers_to

Answers = dict[str, Sequence[Any]]
"""Columns of answers by name, for some rows."""


def write_answers(answers: Iterable[Answers], path: str | None) -> int:
    """Writes columns, some rows at a time: a .csv, a .parquet, or text to the standard output where path is None.

    Returns:
        How many rows there were.
    """
    rows = 0

    def counted() -> Iterator[Answers]:
        nonlocal rows
        for own in answers:
            rows += len(next(iter(own.values())))
            yield own

    if path is not None and path.lower().endswith(".parquet"):
        with replacing(path) as parquet:
            _write_parquet(counted(), parquet)
    else:
        with nullcontext() if path is None else replacing(path) as temporary:
            stream = answers_to(sys.stdout) if temporary is None else temporary.open("w", encoding="utf-8", newline="")
            with stream as file:
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

    register_io_source(source, schema=first.schema).sink_parquet(path)
    if errors:
        raise errors[0]
