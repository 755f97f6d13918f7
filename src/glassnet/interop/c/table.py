"""A table before the network: a struct with a member for each column, and what becomes of it, in C."""

from __future__ import annotations

import json
import re
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.interop.c.names import is_reserved
from glassnet.interop.c.program import Program
from glassnet.tables import (
    Category,
    Column,
    Duration,
    Ignored,
    Indexed,
    Number,
    Piecewise,
    Quantiles,
    Robust,
    Table,
    Time,
    TimeOfDay,
    Truth,
)
from glassnet.tables.columns import DAYS
from glassnet.tables.robust import LARGEST
from glassnet.tables.words import Words

MOST_LETTERS = 60
LONGEST_WORD = 4000
"""Bytes in UTF-8: a C99 compiler need not take texts of more than 4,095."""
UNITS: dict[type[Column], str] = {
    Truth: "0 or 1",
    Time: "days since 1970-01-01T00:00, with their fraction",
    TimeOfDay: "seconds since midnight",
    Duration: "seconds",
}


def used_columns(table: Table) -> list[Column]:
    """The columns that say something, in the table's order."""
    return [column for column in table.columns if not isinstance(column, Ignored)]


def members(table: Table) -> list[str]:
    """A name in C for each column that is used; the header tells which column it is."""
    found: list[str] = []
    for number, column in enumerate(used_columns(table)):
        letters = re.sub(r"[^A-Za-z0-9]+", "_", column.name).strip("_")[:MOST_LETTERS]
        name = letters if letters and not letters[0].isdigit() and not is_reserved(letters) else ""
        if not name or name in found:
            name = f"column_{number}_{letters}".rstrip("_")
        while name in found:
            name += "_"
        found.append(name)
    return found


def struct(table: Table, name: str, quoted: Any) -> str:
    """The struct of a row.

    Args:
        table: of the model.
        name: of its type.
        quoted: makes JSON such as a comment may hold.
    """
    lines = []
    for member, column in zip(members(table), used_columns(table), strict=True):
        kind = "const char *" if isinstance(column, Words) else "double "
        unit = UNITS.get(type(column))
        told = quoted(json.dumps(column.name)) + (f": {unit}" if unit else "")
        lines.append(f"    {kind}{member}; /* {told} */\n")
    return (
        "/* A row. Missing numbers are NAN; texts are UTF-8, NULL or empty where they are missing, and spaces around "
        f"them do\n   not count. */\ntypedef struct {{\n{''.join(lines)}}} {name};"
    )


def emit_table(program: Program, table: Table) -> list[str]:
    """The statements that write the table's features of ``*row`` into the network's input."""
    before, program.statements = program.statements, []
    place = 0
    for member, column in zip(members(table), used_columns(table), strict=True):
        emit_column(column, program, f"row->{member}", member, place)
        place += len(column.features)
        if column.has_missing and not isinstance(column, Indexed):
            asked = "is_no_word" if isinstance(column, Words) else "isnan"
            program.statements.append(f"{_at(program, place - 1)}[0] = {asked}(row->{member}) ? 1.0f : 0.0f;")
    own, program.statements = program.statements, before
    return own


def _at(program: Program, place: int) -> str:
    return f"({program.input} + {place})"


@singledispatch
def emit_column(column: Column, program: Program, x: str, name: str, place: int) -> None:
    """Adds what writes a column's features, but for the one that says that it is missing.

    Args:
        column: what it is.
        program: gets statements and constants.
        x: the value in C.
        name: of the member.
        place: of the first feature.

    Raises:
        ConfigurationError: C cannot express it.
    """
    raise ConfigurationError(
        where=f"export_c: column {column.name!r}",
        received=f"{shown(column, 200)}",
        expected="numbers, quantiles, truth, categories or times",
        fix="export the network alone, a model with preprocessing=None, and pass it table.apply(data)",
    )


@emit_column.register
def _(column: Number, program: Program, x: str, name: str, place: int) -> None:
    program.call("table_number", x, repr(column.mean), repr(column.scale), _at(program, place))


@emit_column.register
def _(column: Robust, program: Program, x: str, name: str, place: int) -> None:
    program.call("table_robust", x, repr(column.middle), repr(column.scale), _at(program, place))


@emit_column.register
def _(column: Piecewise, program: Program, x: str, name: str, place: int) -> None:
    program.call("table_robust", x, repr(column.middle), repr(column.scale), _at(program, place))
    edges = program.constant(f"edges_layer_{name}", column.edges, np.float64)
    program.call("table_pieces", x, edges, len(column.edges) - 1, _at(program, place + 1))


@emit_column.register
def _(column: Quantiles, program: Program, x: str, name: str, place: int) -> None:
    values = program.constant(f"quantiles_layer_{name}", np.clip(column.values, -LARGEST, LARGEST), np.float64)
    program.call("table_quantile", x, values, len(column.values), _at(program, place))


@emit_column.register
def _(column: Truth, program: Program, x: str, name: str, place: int) -> None:
    program.statements.append(f"{_at(program, place)}[0] = isnan({x}) ? 0.5f : (float){x};")


@emit_column.register
def _(column: Time, program: Program, x: str, name: str, place: int) -> None:
    program.call("table_number", x, repr(column.mean), repr(column.scale), _at(program, place))
    for number, part in enumerate(column.parts):
        angle = f"table_{part}({x}) / {DAYS[part]!r}"
        program.call("table_circle", angle, _at(program, place + 1 + 2 * number))


@emit_column.register
def _(column: TimeOfDay, program: Program, x: str, name: str, place: int) -> None:
    program.call("table_number", x, repr(column.mean), repr(column.scale), _at(program, place))
    program.call("table_circle", f"{x} / 86400.0", _at(program, place + 1))


@emit_column.register
def _(column: Category, program: Program, x: str, name: str, place: int) -> None:
    count = len(column.categories)
    words, places = _words(column, program, name)
    program.call("table_category", x, words, places, len(program.texts[words]), count + 1, _at(program, place))


@emit_column.register
def _(column: Indexed, program: Program, x: str, name: str, place: int) -> None:
    words, places = _words(column, program, name)
    missing = column.count - 1 if column.has_missing else 0
    found = f"table_word({x}, {words}, {places}, {len(program.texts[words])}, {len(column.categories)})"
    chosen = f"is_no_word({x}) ? {missing} : (1 + {found}) % {len(column.categories) + 1}"
    program.statements.append(f"{_at(program, place)}[0] = (float)({chosen});")


def _words(column: Words, program: Program, name: str) -> tuple[str, str]:
    """The names of the words in the order of their bytes, and of their places among the categories."""
    own: dict[bytes, int] = {}
    for number, category in enumerate(column.categories):
        own.setdefault(category.strip().encode(), number)
    wrong = next((word for word in own if b"\0" in word or len(word) > LONGEST_WORD), None)
    if wrong is not None:
        raise ConfigurationError(
            where=f"export_c: column {column.name!r}",
            received=f"a category of {len(wrong):,} bytes" + (" with a zero among them" if b"\0" in wrong else ""),
            expected=f"texts of at most {LONGEST_WORD:,} bytes, without the character 0, which ends a text in C",
            fix="leave the column out, or shorten its words before training",
        )
    listed = sorted((word, number) for word, number in own.items() if word)  # the empty text is what is missing
    texts, places = f"words_layer_{name}", f"places_layer_{name}"
    program.texts[texts] = [word for word, _ in listed]
    return texts, program.constant(places, np.array([number for _, number in listed] or [0]), np.intc)


def text_arrays(texts: dict[str, list[bytes]]) -> list[str]:
    """The arrays of words."""
    return [
        f"static const char *const {name}[{max(1, len(words))}] = {{\n"
        + "".join(f"    {_literal(word)},\n" for word in words or [b""])
        + "};"
        for name, words in texts.items()
    ]


def _literal(word: bytes) -> str:
    """A text in C: letters and digits as they are, all other bytes by their number."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-+.,:;()=<>[]{}|&!#$^~@*'"
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in word) + '"'
