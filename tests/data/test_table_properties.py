"""Tables written by others in random dialects are read back to the same columns, or refused."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet.core.errors import GlassnetError
from glassnet.tables import Frame, Reading
from glassnet.tables.kinds import NUMBER, TIME, TRUTH, WORDS

SIGNS = ",;|\t'\"\n :%$"
words = st.text(f"abcäöß€北京{SIGNS}", min_size=1, max_size=8).map(lambda text: f"w{text}w")
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "amounts": st.integers(-(10**7), 10**7).map(lambda own: own / 4),
    "any amounts": st.floats(allow_nan=False, allow_infinity=False),
    "whole": st.integers(-(2**53) + 1, 2**53 - 1),
    "large": st.integers(2**53, 2**64),
    "truth": st.booleans(),
    "days": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    "words": words,
}
NAMES = ("a", "größe", "two words", "x,y", 'q"q', "it;em", "pi|pe", "5")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252")
OPTIONS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, tuple[str, list[Any]]]:
    """Columns by name: their kind and values, None for gaps."""
    rows = draw(st.integers(1, 12))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    found = {}
    for name in names:
        kind = draw(st.sampled_from(sorted(KINDS)))
        gaps = st.none() if draw(st.booleans()) else KINDS[kind]
        found[name] = kind, draw(st.lists(st.one_of(KINDS[kind], gaps), min_size=rows, max_size=rows))
    return found


def check(frame: Frame, table: dict[str, tuple[str, list[Any]]]) -> None:
    """Every value as it was written."""
    assert list(frame) == list(table)
    for name, (kind, values) in table.items():
        raw = frame[name]
        assert raw.missing.tolist() == [own is None for own in values]
        if raw.missing.all():
            continue
        if kind == "days":
            assert raw.kind == TIME
            np.testing.assert_array_equal(raw.values, np.array(values, dtype="datetime64[us]"))
        elif kind in ("words", "large"):
            assert raw.kind == WORDS
            assert raw.values.tolist() == [None if own is None else str(own) for own in values]
        else:
            assert raw.kind == (TRUTH if kind == "truth" else NUMBER)
            np.testing.assert_array_equal(raw.values, np.array(values, dtype=np.float64))


def read(content: str, encoding: str, sign: str, table: dict[str, tuple[str, list[Any]]], **options: Any) -> None:
    try:
        written = content.encode(encoding)
    except UnicodeEncodeError:
        encoding = "utf-8"
        written = content.encode()
    if not encoding.startswith("utf"):
        options["encoding"] = encoding
    if len(table) == 1:  # "x,y" above "1,5" may be one column or two
        options["delimiter"] = sign
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(written)
        try:
            frame = gn.data.read_table(path, reading=Reading(**options))
        except GlassnetError:
            return
        check(frame, table)


@OPTIONS
@given(
    tables(), st.sampled_from(",;\t|"), st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    st.sampled_from(("\n", "\r\n", "\r")), st.sampled_from(".,"),
    st.sampled_from(("", "NA", "nan", "NULL", "None", "?", "-")), st.sampled_from(ENCODINGS), st.booleans(),
)  # fmt: skip
def test_written_by_csv(
    table: dict[str, tuple[str, list[Any]]],
    delimiter: str,
    quoting: Any,
    end: str,
    decimal: str,
    gap: str,
    encoding: str,
    named: bool,
) -> None:
    def text(own: Any) -> Any:
        return gap if own is None else repr(own).replace(".", decimal) if isinstance(own, float) else str(own)

    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(table)
    writer.writerows([text(own) for own in row] for row in zip(*(values for _, values in table.values()), strict=True))
    options: dict[str, Any] = {"decimal": decimal, "delimiter": delimiter} if named else {}
    read(stream.getvalue(), encoding, delimiter, table, **options)


@OPTIONS
@given(
    tables(), st.sampled_from(",;\t|"), st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    st.sampled_from(("\n", "\r\n")), st.sampled_from(".,"), st.sampled_from(("", "NA", "nan", "<NA>")),
    st.sampled_from(ENCODINGS),
)  # fmt: skip
def test_written_by_pandas(
    table: dict[str, tuple[str, list[Any]]],
    separator: str,
    quoting: Any,
    end: str,
    decimal: str,
    gap: str,
    encoding: str,
) -> None:
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, (_, values) in table.items()})
    for name, (kind, _) in table.items():
        if "amounts" in kind:
            frame[name] = frame[name].astype(np.float64)
        elif kind == "whole":
            frame[name] = frame[name].astype("Int64")
        elif kind == "days":
            frame[name] = pd.to_datetime(frame[name])
    content = frame.to_csv(sep=separator, quoting=quoting, lineterminator=end, decimal=decimal, na_rep=gap, index=False)
    read(content, encoding, separator, table)


@OPTIONS
@given(st.binary(max_size=300), st.sampled_from(("t.csv", "t.tsv", "t.csv.gz", "t.xlsx", "t.parquet")))
def test_any_bytes(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        with suppress(GlassnetError):
            gn.Table.from_data(gn.data.read_table(path))


@OPTIONS
@given(
    st.lists(
        st.lists(st.text("019ab.,;:-/ %$€()eE+\"'\n\r\tTrueNA?年", max_size=7), min_size=1, max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_any_cells(rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8", newline="")
        with suppress(GlassnetError):
            frame = gn.data.read_table(path)
            table = gn.Table.from_data(frame)
            assert np.isfinite(table.apply(frame)).all()
