"""Spreadsheets: the one sheet of an .xlsx file that holds something, each cell with its type."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from glassnet.core.errors import DataError, FileFormatError, require_extra, shown
from glassnet.core.foreign import reading_by_others
from glassnet.core.waiting import go_on
from glassnet.data.files import unreadable
from glassnet.data.records import named_columns
from glassnet.data.sizes import Limit, check_members
from glassnet.tables import Frame
from glassnet.tables.values import raw_of_values

MOST_ROWS = 1 << 20
"""Of a sheet, as spreadsheet programs have it."""


def read_xlsx(path: Path, max_bytes: int | None = None) -> Frame:
    """The columns of a sheet, its first row the header; rows without any value are left out.

    Args:
        path: the file.
        max_bytes: what it may unpack to, and its cells at eight bytes each; see ``Limit``.

    Raises:
        MissingFileError: no such file.
        MissingExtraError: openpyxl is not installed.
        FileFormatError: no such file format, several sheets with values, a column without a name; too large.
        DataError: a formula whose result was not stored, no rows.
    """
    if not path.is_file():
        raise unreadable(path)
    limit = Limit(path, max_bytes)
    rows = _rows(path, limit)
    if not rows:
        raise DataError(
            where=path.name, received="an empty sheet", expected="a header row, then rows", fix="save the sheet again"
        )
    (first, header), *body = rows
    width = max(_width(cells) for _, cells in rows)
    limit.check(8 * width * len(body), what="columns")
    names = ["" if cell is None else str(cell).strip() for cell in header[:width]] + [""] * (width - len(header))
    names = named_columns(names, f"{path.name}, row {first}")
    if not body:
        raise DataError(where=path.name, received="a header but no rows", expected="at least one row", fix="add rows")
    lines = [number for number, _ in body]
    placed = {}
    for i, name in enumerate(names):
        values = [cells[i] if i < len(cells) else None for _, cells in body]
        raw = raw_of_values(name, values, where=path.name, rows=lines)
        placed[name] = replace(raw, lines=lines, source=path.name, unit="row")
    return Frame(placed, path.name.split(".")[0])


def _width(cells: tuple[Any, ...]) -> int:
    """The number of cells up to the last with a value; spaces are none."""
    places = range(len(cells), 0, -1)
    return next((place for place in places if cells[place - 1] is not None and str(cells[place - 1]).strip()), 0)


def _rows(path: Path, limit: Limit) -> list[tuple[int, tuple[Any, ...]]]:
    """The rows with values, and their numbers."""
    expected = "openpyxl, which reads spreadsheets, or the sheet as CSV UTF-8"
    require_extra("openpyxl", extra="tables", expected=expected, where=f"read {path.name}")
    from zipfile import ZipFile

    from openpyxl import load_workbook

    received, fix = "a file that is no spreadsheet ({error})", "save it again as .xlsx, or as CSV UTF-8"
    with ExitStack() as stack:
        stack.enter_context(reading_by_others(path.name, received=received, expected="an .xlsx file", fix=fix))
        stack.enter_context(warnings.catch_warnings(action="ignore"))  # of styles and the like: values count
        file = stack.enter_context(path.open("rb"))  # openpyxl leaves a damaged one open
        with ZipFile(file) as archive:
            check_members(archive, limit)
        values = stack.enter_context(closing(load_workbook(file, read_only=True, data_only=True)))
        formulas = stack.enter_context(closing(load_workbook(file, read_only=True)))
        sheets = {sheet.title: _sheet(sheet, formulas[sheet.title], path, limit) for sheet in values.worksheets}
    filled = {title: rows for title, rows in sheets.items() if rows}
    if len(filled) > 1:
        raise FileFormatError(
            where=path.name,
            received=f"{len(filled)} sheets with values: {', '.join(map(repr, filled))}",
            expected="one",
            fix="save the sheet in a file of its own, or as CSV UTF-8",
        )
    return next(iter(filled.values()), [])


def _sheet(sheet: Any, formulas: Any, path: Path, limit: Limit) -> list[tuple[int, tuple[Any, ...]]]:
    # Rows are as long as their cells, whatever size the sheet says it has.
    sheet.reset_dimensions()
    formulas.reset_dimensions()
    found = []
    for number, (cells, written) in enumerate(zip(sheet.iter_rows(), formulas.iter_rows(), strict=True), start=1):
        if number > MOST_ROWS:
            raise FileFormatError(
                where=f"{path.name}, sheet {sheet.title!r}",
                received=f"a row beyond number {MOST_ROWS:,}",
                expected="no more rows than spreadsheets have",
                fix="save the sheet again, or as CSV UTF-8",
            )
        go_on()
        if not cells and not written:
            continue
        limit.take(8 * len(cells), what=f"the cells of the sheet {sheet.title!r}")
        own = tuple(cell.value for cell in cells)
        for place, (value, formula) in enumerate(zip(own, written, strict=False)):
            if value is None and formula.data_type == "f":
                raise DataError(
                    where=f"{path.name}, sheet {sheet.title!r}, row {number}",
                    received=f"a formula without its result in column {place + 1}: {shown(formula.value, 60)}",
                    expected="values",
                    fix="open the file in a spreadsheet program and save it, which stores the results",
                )
        if any(value is not None and value != "" for value in own):
            found.append((number, own))
    return found
