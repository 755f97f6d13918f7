"""Columns that come with types: of pandas, polars, pyarrow, NumPy and plain Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from table_columns import NAN, check

import glassnet as gn
from glassnet.core.errors import DataError, GlassnetError
from glassnet.tables.frames import columns_of
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, TRUTH, WORDS
from glassnet.tables.raws import Raw
from glassnet.tables.reading import Reading, read_columns

LARGE = [9007199254740993, 9007199254740992]
Maker = Callable[[list[Any]], Any]
MAKERS: dict[str, Maker] = {
    "list": lambda values: {"c": values},
    "objects": lambda values: {"c": np.array([*values, None], dtype=object)[:-1]},
    "pandas": lambda values: pd.DataFrame({"c": pd.Series(values, dtype=object)}),
    "polars": lambda values: pl.DataFrame({"c": values}),
    "pyarrow": lambda values: pa.table({"c": values}),
    "pyarrow column": lambda values: {"c": pa.array(values)},
    "polars column": lambda values: {"c": pl.Series(values)},
}


def read(data: Any) -> dict[str, Raw]:
    return read_columns(columns_of(data, where="test").values(), Reading())


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, 3], NUMBER, [1, NAN, 3]),
        ([0.5, None, NAN], NUMBER, [0.5, NAN, NAN]),
        ([Decimal("1.5"), None, Decimal("-2.25")], NUMBER, [1.5, NAN, -2.25]),
        ([True, None, False], TRUTH, [1, NAN, 0]),
        (["Ulm ", None, " NA", "Bern"], WORDS, ["Ulm", None, None, "Bern"]),
        (["3,14", None, "2,5"], NUMBER, [3.14, NAN, 2.5]),
        (["12/31/2021", None], TIME, ["2021-12-31", "NaT"]),
        ([dt.date(2021, 12, 31), None], TIME, ["2021-12-31", "NaT"]),
        ([dt.datetime(2021, 12, 31, 8, 15, 0, 5), None], TIME, ["2021-12-31T08:15:00.000005", "NaT"]),
        ([dt.time(8, 15, 0, 500_000), None], DAYTIME, [29700.5, NAN]),
        ([dt.timedelta(hours=36), None, -dt.timedelta(seconds=1)], DURATION, [129600, NAN, -1]),
        ([*LARGE, None], WORDS, [*map(str, LARGE), None]),
        ([Decimal(LARGE[0]), Decimal(1)], WORDS, [str(LARGE[0]), "1"]),
        ([2**53 - 1, -(2**53) + 1], NUMBER, [2**53 - 1, -(2**53) + 1]),
        ([None, None], NUMBER, [NAN, NAN]),
    ],
)
def test_python_values_in_every_holder(maker: str, values: list[Any], kind: str, expected: list[Any]) -> None:
    check(read(MAKERS[maker](values))["c"], kind, expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.Categorical(["a", "b ", None]), ["a", "b", None]),
        (pd.Categorical([3, 1, 3], categories=[1, 2, 3], ordered=True), ["3", "1", "3"]),
        (pd.Categorical([3, None, 7]), ["3", None, "7"]),
        (pd.Categorical([0.5, 1.0, None]), ["0.5", "1", None]),
        (pd.Categorical([True, False, None]), ["True", "False", None]),
        (pd.Categorical([2**53 + 1, 2**53]), [str(2**53 + 1), str(2**53)]),
        (pd.Categorical(pd.to_datetime(["2021-01-01", "2021-01-02"])), ["2021-01-01", "2021-01-02"]),
        (pd.cut([1, 5, 9], [0, 3, 10]), ["(0, 3]", "(3, 10]", "(3, 10]"]),
        (pd.Categorical(["", "x"]), [None, "x"]),
        (pl.Series(["b", None], dtype=pl.Categorical), ["b", None]),
        (pl.Series(["x", "y"], dtype=pl.Enum(["z", "y", "x"])), ["x", "y"]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([5, 7]).dictionary_encode(), ["5", "7"]),
        (pa.chunked_array([pa.array([5, 7]).dictionary_encode()]), ["5", "7"]),
    ],
)
def test_categories_are_names(values: Any, words: list[str | None]) -> None:
    check(read({"c": values if not isinstance(values, pd.Categorical) else pd.Series(values)})["c"], WORDS, words)
    library = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[
        type(values).__module__.split(".")[0]
    ]
    check(read(library({"c": values}))["c"], WORDS, words)


def test_categories_of_numbers_are_no_amounts() -> None:
    frame = pd.DataFrame({"grade": pd.Categorical([3, 1, 3, 2]), "y": [0, 1, 0, 1]})
    table = gn.Table.from_data(frame, "y")
    assert set(table.features) == {"grade=1", "grade=2", "grade=3", "grade=other"}
    expected = table.apply(frame)
    for own in ([3, 1, 3, 2], ["3", " 1", "3.0", "2"], [3.0, 1.0, 3.0, 2.0]):
        np.testing.assert_array_equal(table.apply({"grade": own}), expected)


@pytest.mark.parametrize(
    ("series", "kind", "expected"),
    [
        (pd.Series([pd.Timestamp("2021-01-01 08:00"), pd.NaT], dtype=object), TIME, ["2021-01-01T08", "NaT"]),
        (pd.Series([dt.date(2021, 1, 1), "NA", " "]), TIME, ["2021-01-01", "NaT", "NaT"]),
        (pd.Series(["2021-01-01 08:00", None]).astype("datetime64[s]"), TIME, ["2021-01-01T08", "NaT"]),
        (pd.Series(["2021-01-01 08:00", None]).astype("datetime64[ms]"), TIME, ["2021-01-01T08", "NaT"]),
        (pd.Series(["2021-01-01 08:00", None]).astype("datetime64[ns]"), TIME, ["2021-01-01T08", "NaT"]),
        (pd.Series(pd.to_datetime(["2021-06-01 08:00"])).dt.tz_localize("Europe/Berlin"), TIME, ["2021-06-01T08"]),
        (pd.Series(pd.to_timedelta(["1h", None, "-1s"])), DURATION, [3600, NAN, -1]),
        (pd.Series([pd.Timedelta("1h"), pd.NaT, dt.timedelta(1)], dtype=object), DURATION, [3600, NAN, 86400]),
        (pd.Series(pd.period_range("2021-02", periods=2, freq="M")), TIME, ["2021-02-01", "2021-03-01"]),
        (pd.Series(pd.PeriodIndex(["2021Q2", None], freq="Q")), TIME, ["2021-04-01", "NaT"]),
        (pd.Series([1, None], dtype="Int64"), NUMBER, [1, NAN]),
        (pd.Series([2**53 + 1, None], dtype="Int64"), WORDS, [str(2**53 + 1), None]),
        (pd.Series([2**64 - 1, 1], dtype="uint64"), WORDS, [str(2**64 - 1), "1"]),
        (pd.Series([1, 2], dtype="UInt8"), NUMBER, [1, 2]),
        (pd.Series([1.5, None], dtype="Float64"), NUMBER, [1.5, NAN]),
        (pd.Series([True, None], dtype="boolean"), TRUTH, [1, NAN]),
        (pd.Series(["a", None], dtype="string"), WORDS, ["a", None]),
        (pd.Series(["a", None], dtype="string[pyarrow]"), WORDS, ["a", None]),
        (pd.Series(["a", np.nan, pd.NA], dtype=object), WORDS, ["a", None, None]),
        (pd.Series([2**60, None], dtype="int64[pyarrow]"), WORDS, [str(2**60), None]),
        (pd.Series([Decimal("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), NUMBER, [1.5, NAN]),
        (pd.Series([Decimal("NaN"), Decimal("sNaN"), Decimal(1)]), NUMBER, [NAN, NAN, 1]),
        (pd.Series([Fraction(1, 4), None]), NUMBER, [0.25, NAN]),
        (pd.Series([1, "2", " NA ", 2.5], dtype=object), NUMBER, [1, 2, NAN, 2.5]),
        (pd.Series(["a", 2.0, "b"], dtype=object), WORDS, ["a", "2", "b"]),
        (pd.Series(pd.arrays.SparseArray([0, 0, 1])), NUMBER, [0, 0, 1]),
        (pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(5, 2)), NUMBER, [1.5, NAN]),
        (pl.Series([2**64 - 1, None], dtype=pl.UInt64), WORDS, [str(2**64 - 1), None]),
        (pl.Series([2**100, 1], dtype=pl.Int128), WORDS, [str(2**100), "1"]),
        (pl.Series([dt.datetime(2021, 1, 1, 8)]).dt.replace_time_zone("Asia/Shanghai"), TIME, ["2021-01-01T08"]),
        (pl.Series([1.5, None], dtype=pl.Float32), NUMBER, [1.5, NAN]),
        (pa.array([Decimal("1.50"), None], pa.decimal256(40, 2)), NUMBER, [1.5, NAN]),
        (pa.array([dt.time(8, 15), None], pa.time32("s")), DAYTIME, [29700, NAN]),
        (pa.array([dt.date(2021, 1, 1), None], pa.date64()), TIME, ["2021-01-01", "NaT"]),
        (pa.array(["a", None], pa.large_string()), WORDS, ["a", None]),
        (pa.array([1.5, None], pa.float16()), NUMBER, [1.5, NAN]),
        (pa.nulls(2), NUMBER, [NAN, NAN]),
    ],
)  # fmt: skip
def test_columns_with_types(series: Any, kind: str, expected: list[Any]) -> None:
    check(read({"c": series})["c"], kind, expected)


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (np.ma.array([1, 999999], mask=[0, 1]), NUMBER, [1, NAN]),
        (np.ma.array([1.5, 999999], mask=[0, 1]), NUMBER, [1.5, NAN]),
        (np.ma.array([1, 2**60], mask=[0, 1]), NUMBER, [1, NAN]),
        (np.ma.array([2**60, 1], mask=[0, 1]), WORDS, [str(2**60), None]),
        (np.ma.array([True, False], mask=[0, 1]), TRUTH, [1, NAN]),
        (np.ma.array(["a", "b"], mask=[0, 1]), WORDS, ["a", None]),
        (np.ma.array(np.array(["a", 7], dtype=object), mask=[0, 1]), WORDS, ["a", None]),
        (np.ma.array(np.array(["2021-01-01", "1900-01-01"], "M8[ns]"), mask=[0, 1]), TIME, ["2021-01-01", "NaT"]),
        (np.ma.array(np.array([5, 7], "m8[s]"), mask=[0, 1]), DURATION, [5, NAN]),
        ([1, np.ma.masked], NUMBER, [1, NAN]),
        (np.array(["2021", "NaT"], "M8[Y]"), TIME, ["2021-01-01", "NaT"]),
        (np.array([90, "NaT"], "m8[m]"), DURATION, [5400, NAN]),
        (np.array([1.5, 2], np.float16), NUMBER, [1.5, 2]),
        (np.array([1.5, "2"], dtype=object), NUMBER, [1.5, 2]),
        (np.array([1.5, None], dtype=object), NUMBER, [1.5, NAN]),
        (np.array(["a", "b3"], dtype=np.dtypes.StringDType()), WORDS, ["a", "b3"]),
        (np.array([2**64 - 1, 0], np.uint64), WORDS, [str(2**64 - 1), "0"]),
        (np.array([-(2**63), 0], np.int64), WORDS, [str(-(2**63)), "0"]),
        (range(3), NUMBER, [0, 1, 2]),
    ],
)
def test_arrays(array: Any, kind: str, expected: list[Any]) -> None:
    check(read({"c": array})["c"], kind, expected)


def test_hidden_values_of_whole_tables() -> None:
    shown = np.array([[1, 2.0], [3, 4], [5, 7]])
    hidden = np.ma.array([[1, 2.0], [3, 999999], [5, 7]], mask=[[0, 0], [0, 1], [0, 0]])
    with_gap = shown.copy()
    with_gap[1, 1] = np.nan
    table, expected = gn.Table.from_data(hidden), gn.Table.from_data(with_gap)
    assert repr(table) == repr(expected)
    np.testing.assert_array_equal(table.apply(hidden), expected.apply(with_gap))
    records = np.ma.array([(1, 2.5), (2, 3)], dtype=[("i", "i4"), ("f", "f8")], mask=[(0, 1), (0, 0)])
    check(read(records)["i"], NUMBER, [1, 2])
    check(read(records)["f"], NUMBER, [NAN, 3])


def test_arrays_of_rows() -> None:
    found = read(np.array([(1, "a", 2.5), (2, "b", 3)], dtype=[("i", "i4"), ("s", "U3"), ("f", "f8")]))
    check(found["s"], WORDS, ["a", "b"])
    check(found["f"], NUMBER, [2.5, 3])
    found = read(np.array([[1.5, "a", None], [2, "b", dt.date(2021, 1, 1)]], dtype=object))
    check(found["x0"], NUMBER, [1.5, 2])
    check(found["x1"], WORDS, ["a", "b"])
    check(found["x2"], TIME, ["NaT", "2021-01-01"])


@pytest.mark.parametrize("kind", ["features", "categories", "target"])
def test_every_digit_of_whole_numbers_is_kept(kind: str) -> None:
    for dtype, values in (
        ("int64", LARGE * 2),
        ("uint64", [2**64 - 1, 2**64 - 2] * 2),
        ("int64", [-(2**63), -(2**63) + 1] * 2),
    ):
        frame = pd.DataFrame({"id": np.array(values, dtype=dtype), "n": range(4)})
        if kind == "target":
            table = gn.Table.from_data(frame, "id")
            assert table.class_names is not None
            assert [int(table.class_names[label]) for label in table.targets(frame)] == values
            continue
        table = gn.Table.from_data(frame, categories=["id"] if kind == "categories" else ())
        assert (
            table.apply(frame)[:, :2].tolist() == [[1, 0], [0, 1]] * 2
            or table.apply(frame)[:, :2].tolist() == [[0, 1], [1, 0]] * 2
        )
        np.testing.assert_array_equal(table.apply(frame.assign(id=frame["id"].map(str))), table.apply(frame))
    with pytest.raises(DataError, match="may have lost digits"):
        gn.Table.from_data({"id": np.array(LARGE, dtype=np.float64), "n": [1, 2]}, categories="id")


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ([0, 1, 2], ["0", "1", "2"]),
        ([("a", 1), ("b", 2), ("c", 3)], ["('a', 1)", "('b', 2)", "('c', 3)"]),
        ([2019, "name", None], ["2019", "name", "None"]),
        ([1.5, 2.5, 3.5], ["1.5", "2.5", "3.5"]),
    ],
)
def test_names_that_are_no_texts(columns: list[Any], names: list[str]) -> None:
    frame = pd.DataFrame([[1, "a", 0], [2, "b", 1], [3, "a", 0]])
    index: Any = (
        pd.MultiIndex.from_tuples(columns) if isinstance(columns[0], tuple) else pd.Index(columns, dtype=object)
    )
    frame.columns = index
    assert list(columns_of(frame, where="test")) == names
    table = gn.Table.from_data(frame, columns[2] if columns[2] is not None else "None")
    assert [column.name for column in table.columns] == names[:2]
    assert table.target is not None
    assert table.target.names == (names[2],)
    assert table.apply(frame).shape == (3, 4)
    assert table.targets(frame).tolist() == [0, 1, 0]
    assert gn.Table.from_data(frame, ignore=[columns[0]]).columns[0].name == names[1]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pa.table([[1], [2]], names=["a", "a"]),
        {1: [1], "1": [2]},
    ],
)
def test_names_that_become_the_same(frame: Any) -> None:
    with pytest.raises(DataError, match="several columns called"):
        columns_of(frame, where="test")


def test_the_index_of_a_frame_is_no_column() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": ["x", "y", "x"]}, index=[7, 7, 9])
    table = gn.Table.from_data(frame)
    np.testing.assert_array_equal(table.apply(frame), table.apply(frame.reset_index(drop=True)))
    np.testing.assert_array_equal(table.apply({"a": frame["a"], "b": frame["b"].sort_index()}), table.apply(frame))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (5, "5 \\(a int\\)"),
        ("Ulm", "'Ulm' \\(a str\\)"),
        (b"Ulm", "a bytes"),
        (None, "a NoneType"),
        ({"a": 1}, "a dict"),
        ({1, 2}, "a set"),
        (np.array(5), "shape \\(\\)"),
        (np.zeros((2, 2)), "shape \\(2, 2\\)"),
        ([[1], [2]], "\\[1\\] in row 0, a list"),
        ([b"a", b"b"], "b'a' in row 0, a bytes"),
        ([1j, 2], "a complex"),
        (np.array([1j, 2]), "complex128"),
        (np.array([b"a", b"b"]), "S1"),
        (np.zeros(2, "V4"), "V4"),
        ([object(), 1], "an? object"),
        ([dt.date(2021, 1, 1), 5], "several kinds"),
        ([dt.date(2021, 1, 1), "2021-01-02"], "several kinds"),
        ([10**400, 0.5], "beyond the largest"),
        (pl.Series([[1], [2]]), "List"),
        (pl.Series([{"a": 1}]), "Struct"),
        (pl.Series([b"a"]), "Binary"),
        (pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2])), "Interval"),
        (pd.DataFrame({"a": [1]}), "a DataFrame"),
        (pa.array([[1]]), "List"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "a list"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "MonthDayNano"),
    ],
)
def test_columns_that_no_table_has(column: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"column 'c'.*{said}"):
        read({"c": column})


@pytest.mark.parametrize(
    "data",
    [
        5, None, [[1, 2]], [{"a": 1}], pd.Series([1]), np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), "i4,f8"),
        pd.DataFrame(), pd.DataFrame({"a": []}), pl.DataFrame(), {}, {"a": []}, {"a": [1], "b": [1, 2]},
        pl.LazyFrame({"a": [1]}), pa.record_batch({"a": [1]}), np.zeros((0, 3)), "people.csv",
    ],
)  # fmt: skip
def test_what_is_no_table(data: Any) -> None:
    with pytest.raises(GlassnetError):
        gn.Table.from_data(data)


def test_infinity_is_refused() -> None:
    for own in ([1.0, np.inf], [Decimal("Infinity"), Decimal(1)]):
        with pytest.raises(DataError, match="inf in row"):
            gn.Table.from_data({"c": own})


FAR = [2**62, 0]


@pytest.mark.parametrize(
    "values",
    [
        np.array(FAR, "datetime64[us]"),
        np.array(FAR, "datetime64[s]"),
        np.array([10**9, 0], "datetime64[Y]"),
        np.array(FAR, "timedelta64[s]"),
        [np.datetime64(2**62, "s"), None],
        [np.timedelta64(2**62, "s"), None],
        pd.Series(np.array(FAR, "datetime64[s]")),
        pl.Series([2**31 - 1, 0], dtype=pl.Int32).cast(pl.Date),
        pl.Series(FAR, dtype=pl.Int64).cast(pl.Datetime("us")),
        pl.Series(FAR, dtype=pl.Int64).cast(pl.Datetime("ms")),
        pl.Series([253402300799_000000], dtype=pl.Int64).cast(pl.Datetime("us", "Asia/Tokyo")),
        pl.Series([None, 253402300799_000], dtype=pl.Int64).cast(pl.Datetime("ms", "Pacific/Kiritimati")),
        pl.Series([-62135596800_000000], dtype=pl.Int64).cast(pl.Datetime("us", "America/New_York")),
        pl.Series([2**62], dtype=pl.Int64).cast(pl.Datetime("us", "Asia/Tokyo")),
        pa.array([253402300799], pa.int64()).cast(pa.timestamp("s", "Asia/Tokyo")),
        pl.Series(FAR, dtype=pl.Int64).cast(pl.Duration("ms")),
        pa.array(FAR, pa.int64()).cast(pa.timestamp("s")),
        pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()),
        pa.array(FAR, pa.int64()).cast(pa.duration("s")),
    ],
)
def test_moments_beyond_the_calendar_are_refused(values: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Libraries panic over them, NumPy lets them wrap around to others."""
    with pytest.raises(DataError, match="column 'a': received moments beyond the years 1 to 9999"):
        columns_of({"a": values}, where="Table")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 23), ("America/New_York", 18)])
def test_the_calendar_is_that_of_the_clocks_there(zone: str, hour: int) -> None:
    last = pl.Series([253402300799_000000], dtype=pl.Int64).cast(pl.Datetime("us", zone))
    assert columns_of({"a": last}, where="Table")["a"].values.tolist() == [dt.datetime(9999, 12, 31, hour, 59, 59)]


def test_the_ends_of_the_calendar_are_in_it() -> None:
    ends = [dt.datetime.max, dt.datetime.min]
    for values in (np.array(ends, "datetime64[us]"), pl.Series(ends), pa.array(ends), ends, pl.Series(ends).dt.date()):
        years = columns_of({"a": values}, where="Table")["a"].values.astype("datetime64[Y]")
        assert years.tolist() == [dt.date(9999, 1, 1), dt.date(1, 1, 1)]
    exact = {
        "a": pl.Series(ends).cast(pl.Datetime("ms")),
        "b": pl.Series([dt.datetime(2020, 1, 1)] * 2).cast(pl.Datetime("ns")),
    }
    assert columns_of(exact, where="Table")["b"].values[0] == np.datetime64("2020-01-01")
    assert columns_of({"a": pl.Series([dt.time.max])}, where="Table")["a"].values[0] == 86399.999999


def test_a_wild_number_that_makes_the_others_equal_is_named() -> None:
    ages = [*range(20, 60), None, 1e15]
    with pytest.warns(gn.core.errors.DataWarning, match=r"1e\+15 in row 41 of column 'age' lies so far"):
        gn.Table.from_data({"age": ages, "y": [0.0, 1.0] * 21}, "y")
