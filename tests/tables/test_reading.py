"""The rules by which a column of texts is read, as a table of examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ConfigurationError, DataError
from glassnet.tables import Reading
from glassnet.tables.frames import columns_of
from glassnet.tables.raws import DAYTIME, DURATION, NUMBER, TIME, TRUTH, WORDS, Raw
from glassnet.tables.reading import read_columns

NAN = float("nan")


def read(texts: list[Any], *, is_answer: bool = False, **options: Any) -> Raw:
    return columns({"c": texts}, answers=("c",) if is_answer else (), **options)["c"]


def columns(data: dict[str, list[Any]], *, answers: tuple[str, ...] = (), **options: Any) -> dict[str, Raw]:
    return read_columns(columns_of(data, where="test").values(), Reading(**options), answers=answers)


def check(raw: Raw, kind: str, values: list[Any]) -> None:
    assert raw.kind == kind
    if kind == TIME:
        np.testing.assert_array_equal(raw.values, np.array(values, dtype="datetime64[us]"))
    elif kind == WORDS:
        assert raw.values.tolist() == values
    else:
        np.testing.assert_array_equal(raw.values, np.array(values, dtype=np.float64))


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", " 2.5 ", "-3e-2", "+4", ".5", "6."], [1, 2.5, -0.03, 4, 0.5, 6]),
        (["3,14", "2,5"], [3.14, 2.5]),
        (["1,5e3", "2"], [1500, 2]),
        (["1.234,5", "7"], [1234.5, 7]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1 234", "5,5"], [1234, 5.5]),
        (["1'234.5", "5"], [1234.5, 5]),
        (["1\u2019234.5", "5"], [1234.5, 5]),
        (["5\u00a0000", "6\u202f123", "1\u2009000\u2009000"], [5000, 6123, 1e6]),
        (["12,34,567", "1,23,456.5"], [1234567, 123456.5]),
        (["1,234,567", "2"], [1234567, 2]),
        (["1.234.567", "2.345.678"], [1234567, 2345678]),
        (["1,234", "5,678"], [1234, 5678]),
        (["1.234", "5.678"], [1.234, 5.678]),
        (["0,500", "1,250"], [0.5, 1.25]),
        (["$5", "$6.50"], [5, 6.5]),
        (["$1,234.56", "-$5", "$-6"], [1234.56, -5, -6]),
        (["5 €", "6,50 €"], [5, 6.5]),
        (["USD 5", "7 USD"], [5, 7]),
        (["R$ 1.234,50", "R$ 5,00"], [1234.5, 5]),
        (["CHF 1'234.50", "CHF 5.00"], [1234.5, 5]),
        (["₹1,23,456.50", "₹5"], [123456.5, 5]),
        (["12元", "5元"], [12, 5]),
        (["5%", "7.5%", "-1 %"], [0.05, 0.075, -0.01]),
        (["12,5 %", "100 %"], [0.125, 1]),
        (["\u22125", "6", "\u20137"], [-5, 6, -7]),
        (["(5)", "6", "(1,234.5)"], [-5, 6, -1234.5]),
        (["12345678901234567", "0.5"], [12345678901234567.0, 0.5]),
        (["1640937600", "1640937601"], [1640937600, 1640937601]),
        (["0", "-0.0", "00.5"], [0, -0.0, 0.5]),
    ],
)
def test_amounts(texts: list[str], values: list[float]) -> None:
    check(read(texts), NUMBER, values)
    check(read([*texts, "", None]), NUMBER, [*values, NAN, NAN])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "  ",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "nan",
        "NaN",
        "NAN",
        "-NaN"[1:],
        "NULL",
        "null",
        "None",
        "?",
        "-",
        " NA ",
        "NaT",
    ],
)
def test_what_stands_for_a_missing_value(token: str) -> None:
    check(read([token, "7", "8,5"]), NUMBER, [NAN, 7, 8.5])
    check(read([token] * 9 + ["7", "8,5"]), NUMBER, [NAN] * 9 + [7, 8.5])
    check(read([token] * 9 + ["2021-01-02"]), TIME, ["NaT"] * 9 + ["2021-01-02"])
    check(read([token, "08:15"]), DAYTIME, [NAN, 29700])
    check(read([token, "true", "FALSE"]), TRUTH, [NAN, 1, 0])
    check(read([token, "Ulm"]), WORDS, [None, "Ulm"])
    assert read([token] * 3).missing.all()


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["007", "012"], ["007", "012"]),
        (["00", "01", "10"], ["00", "01", "10"]),
        (["9007199254740992", "9007199254740993"], ["9007199254740992", "9007199254740993"]),
        (["-9007199254740993", "1"], ["-9007199254740993", "1"]),
        (["18446744073709551615", "NA"], ["18446744073709551615", None]),
        ([" Ulm", "Ulm ", "ulm"], ["Ulm", "Ulm", "ulm"]),
        (["yes", "no"], ["yes", "no"]),
        (["5'11\"", "6'0\""], ["5'11\"", "6'0\""]),
        (["192.168.1.1", "10.0.0.1"], ["192.168.1.1", "10.0.0.1"]),
        (["5 kg", "6 kg"], ["5 kg", "6 kg"]),
        (["5m", "4s"], ["5m", "4s"]),
        (["1/2", "3/4"], ["1/2", "3/4"]),
        (["5", "a", "b", "c"], ["5", "a", "b", "c"]),
        (["0x1F", "0x2A"], ["0x1F", "0x2A"]),
        (["inf", "sup"], ["inf", "sup"]),
        (["+", "-", "?"], ["+", "-", None]),
        (["1,2,3", "4,5,6"], ["1,2,3", "4,5,6"]),
    ],
)
def test_words(texts: list[str], values: list[str | None]) -> None:
    check(read(texts), WORDS, values)


@pytest.mark.parametrize(
    ("texts", "form", "values"),
    [
        (["2021-12-31", "2022-1-5"], "YYYY-MM-DD", ["2021-12-31", "2022-01-05"]),
        (["2021/12/31", "2022/01/05"], "YYYY/MM/DD", ["2021-12-31", "2022-01-05"]),
        (["2021.12.31"], "YYYY.MM.DD", ["2021-12-31"]),
        (["2021-12-31T08:15:30.25Z", "2021-12-31 08:15"], "YYYY-MM-DD", ["2021-12-31T08:15:30.25", "2021-12-31T08:15"]),
        (["2021-12-31 08:15:00+00", "2021-12-31 08:15:00+01:00"], "YYYY-MM-DD", ["2021-12-31T08:15"] * 2),
        (["31.12.2021", "1.2.2022"], "DD.MM.YYYY", ["2021-12-31", "2022-02-01"]),
        (["31/12/2021 23:59", "01/02/2022 0:00"], "DD/MM/YYYY", ["2021-12-31T23:59", "2022-02-01"]),
        (["12/31/2021", "1/2/2021"], "MM/DD/YYYY", ["2021-12-31", "2021-01-02"]),
        (["12/31/2021 1:05 PM"], "MM/DD/YYYY", ["2021-12-31T13:05"]),
        (["31/12/21", "30/11/99", "29/09/68"], "DD/MM/YY", ["2021-12-31", "1999-11-30", "2068-09-29"]),
        (["99-12-31", "98-01-05"], "YY-MM-DD", ["1999-12-31", "1998-01-05"]),
        (["31-Dec-2021", "1 January 2022", "2nd Feb. 2022"], "DD Mon YYYY", ["2021-12-31", "2022-01-01", "2022-02-02"]),
        (["31Dec2021", "01.Jan.2022"], "DD Mon YYYY", ["2021-12-31", "2022-01-01"]),
        (["31-Dec-21"], "DD Mon YY", ["2021-12-31"]),
        (["Dec 31, 2021", "September 1 2022"], "Mon DD YYYY", ["2021-12-31", "2022-09-01"]),
        (["Sept. 2, 2022", "Mar 3, 2022"], "Mon DD YYYY", ["2022-09-02", "2022-03-03"]),
        (["Fri, 31 Dec 2021 08:15:00 GMT"], "DD Mon YYYY", ["2021-12-31T08:15"]),
        (["Fri Dec 31 08:15:00 2021"], "Mon DD YYYY", ["2021-12-31T08:15"]),
        (["2021-Jan-05"], "YYYY Mon DD", ["2021-01-05"]),
        (["Jan 2021", "Feb-2022"], "Mon YYYY", ["2021-01-01", "2022-02-01"]),
        (["Jan-21"], "Mon-YY", ["2021-01-01"]),
        (["2021-12", "2022-01"], "YYYY-MM", ["2021-12-01", "2022-01-01"]),
        (["12/2021", "01/2022"], "MM/YYYY", ["2021-12-01", "2022-01-01"]),
        (["2021年12月31日", "2022年1月5日 08:15"], "年月日", ["2021-12-31", "2022-01-05T08:15"]),
        (["2021年12月", "2022年1月"], "年月", ["2021-12-01", "2022-01-01"]),
        (["20211231", "20220101", "20220228"], "YYYYMMDD", ["2021-12-31", "2022-01-01", "2022-02-28"]),
        (["20211231T081500", "20211231 08:15"], "YYYYMMDD hhmm", ["2021-12-31T08:15"] * 2),
    ],
)  # fmt: skip
def test_dates(texts: list[str], form: str, values: list[str]) -> None:
    found = read(texts)
    check(found, TIME, values)
    assert found.form is not None
    assert found.form.settings()["form"] == form
    assert not found.form.settings()["assumed"]
    check(read([*texts, "NA"]), TIME, [*values, "NaT"])


@pytest.mark.parametrize(
    ("texts", "form", "first", "other"),
    [
        (["1/2/2021", "3/4/2021"], "MM/DD/YYYY", "2021-01-02", "dmy"),
        (["1.2.2021", "3.4.2021"], "DD.MM.YYYY", "2021-02-01", "mdy"),
        (["1-2-2021", "3-4-2021"], "DD-MM-YYYY", "2021-02-01", "mdy"),
        (["01/02/03", "03/04/05"], "MM/DD/YY", "2003-01-02", "dmy"),
        (["01-02-03", "03-04-05"], "DD-MM-YY", "2003-02-01", "'ymd'"),
    ],
)
def test_dates_that_can_be_read_in_two_ways(texts: list[str], form: str, first: str, other: str) -> None:
    table = gn.Table.from_data({"sold": texts, "n": [1, 2]})
    said = str(table)
    assert f"read as {form}, though" in said
    assert "cannot be told apart: choose with dates=" in said
    assert other in said
    check(table.read({"sold": texts[:1]}, ["sold"], where="test")["sold"], TIME, [first])


def test_orders_that_were_asked_for() -> None:
    check(read(["1/2/2021"], dates="dmy"), TIME, ["2021-02-01"])
    check(read(["1/2/2021"], dates="mdy"), TIME, ["2021-01-02"])
    check(read(["21-12-31", "01-02-03"], dates="ymd"), TIME, ["2021-12-31", "2001-02-03"])
    check(read(["2021-02-01"], dates="dmy"), TIME, ["2021-02-01"])
    check(read(["31st Dec 2021"], dates="mdy"), TIME, ["2021-12-31"])
    check(read(["20211231"], dates="%Y%m%d"), TIME, ["2021-12-31"])
    check(read(["2021|365"], dates="%Y|%j"), TIME, ["2021-12-31"])
    found = columns({"a": ["1.2.2021"], "b": ["2021-03-04"], "n": ["7"]}, dates="%d.%m.%Y")
    check(found["a"], TIME, ["2021-02-01"])
    check(found["b"], TIME, ["2021-03-04"])
    check(found["n"], NUMBER, [7])
    with pytest.raises(DataError, match="'12/31/2021' in row 1.*DD/MM/YYYY"):
        read(["1/2/2021", "12/31/2021"], dates="dmy")
    with pytest.raises(DataError, match="'12/31/2021' in row 0.*DD/MM/YYYY"):
        read(["12/31/2021"], dates="dmy")
    with pytest.raises(DataError, match="'12/31/2021' in row 0.*%d.%m.%Y"):
        read(["12/31/2021"], dates="%d.%m.%Y")


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["08:15", "23:59:30"], DAYTIME, [29700, 86370]),
        (["8:15 PM", "12:00 am", "9 AM"], DAYTIME, [72900, 0, 32400]),
        (["12:30:15.250"], DAYTIME, [45015.25]),
        (["08:15Z"], DAYTIME, [29700]),
        (["36:00", "08:15"], DURATION, [129600, 29700]),
        (["24:00"], DURATION, [86400]),
        (["-0:30", "0:30"], DURATION, [-1800, 1800]),
        (["1 days 02:00:00", "0 days 00:00:00.5", "-1 days +23:59:59"], DURATION, [93600, 0.5, -1]),
        (["1 day, 2:00:00", "-1 day, 23:59:59", "0:00:05"], DURATION, [93600, -1, 5]),
        (["PT1H30M", "P1DT0.5S", "P2W", "-PT5M"], DURATION, [5400, 86400.5, 1209600, -300]),
        (["1h 30min", "2h", "1.5 hours", "90 min", "45 sec", "1d 2h"], DURATION, [5400, 7200, 5400, 5400, 45, 93600]),
        (["5 days", "1 day"], DURATION, [432000, 86400]),
        (["true", "FALSE", "True"], TRUTH, [1, 0, 1]),
    ],
)
def test_times_of_day_durations_and_truth(texts: list[str], kind: str, values: list[float]) -> None:
    check(read(texts), kind, values)


@pytest.mark.parametrize(
    ("texts", "row", "said"),
    [
        (["5", "6", "x"], 2, "in a column of numbers"),
        (["5", "na", "6"], 1, "in a column of numbers"),
        (["1.5", "2.5", "3,5"], 2, "a finite number"),
        (["1,500", "2.5", "3,25"], 2, "an amount such as 1,234.5"),
        (["5%", "6%", "7"], 2, "an amount such as 1234.5%"),
        (["5 USD", "6 USD", "6 EUR"], 2, "an amount such as 1234.5 USD"),
        (["5", "6", "1e999"], 2, "a finite number"),
        (["5", "6", "inf"], 2, "a finite number"),
        (["5", "6", "1_000"], 2, "a finite number"),
        (["true", "1", "0"], 0, "a finite number"),
        (["2021-01-01", "2021-02-30"], 1, "a date in the form YYYY-MM-DD"),
        (["0000-00-00", "2021-01-01", "2021-01-02"], 0, "a date in the form YYYY-MM-DD"),
        (["31/12/2021", "30/12/2021", "2021-12-30"], 2, "a date in the form DD/MM/YYYY"),
        (["20210101", "20210102", "20210103", "20210231"], 3, "a date in the form YYYYMMDD"),
        (["20210101", "20210102", "20210103", "0"], 3, "a date in the form YYYYMMDD"),
        (["08:15", "09:15", "noon"], 2, "a time of day such as 08:15"),
        (["08:15", "25:61"], 1, "a time of day"),
        (["36:00", "48:30", "soon"], 2, "a duration"),
    ],
)
def test_slips(texts: list[str], row: int, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(texts)
    assert f"the text {texts[row]!r} in row {row}" in str(caught.value)
    assert said in str(caught.value)
    assert "--missing" in str(caught.value)
    assert "--categories" in str(caught.value)


def test_columns_of_a_file_tell_each_other_their_signs() -> None:
    found = columns({"a": ["3,14", "2,5"], "b": ["1.234", "5.678"], "c": ["7", "8"]})
    check(found["b"], NUMBER, [1234, 5678])
    found = columns({"a": ["3.14", "2.5"], "b": ["1,234", "5,678"]})
    check(found["b"], NUMBER, [1234, 5678])
    assert found["b"].form is not None
    assert "otherwise" not in found["b"].form.describe()
    found = columns({"a": ["31/12/2021"], "b": ["1/2/2021"]})
    check(found["b"], TIME, ["2021-02-01"])
    assert found["b"].form is not None
    assert not found["b"].form.settings()["assumed"]
    check(read(["1,234", "5,678"], delimiter=";"), NUMBER, [1.234, 5.678])
    check(columns({"b": ["1.234", "567"]}, delimiter=";")["b"], NUMBER, [1234, 567])


def test_what_is_known_outright() -> None:
    check(read(["1,234", "5,678"], decimal=","), NUMBER, [1.234, 5.678])
    check(read(["1.234", "5.678"], decimal=","), NUMBER, [1234, 5678])
    check(read(["1,234", "5,678"], decimal="."), NUMBER, [1234, 5678])
    check(read(["-999", "5"], missing="-999"), NUMBER, [NAN, 5])
    check(read(["unknown", " . ", "5"], missing=("unknown", ".")), NUMBER, [NAN, NAN, 5])
    with pytest.raises(DataError, match=r"'3\.5' in row 1"):
        read(["3,5", "3.5", "4,5"], decimal=",")
    table = gn.Table.from_data({"a": ["1,234", "5,678"]})
    assert "thousands parted by ',', which could be meant otherwise: choose with decimal=','" in str(table)


@pytest.mark.parametrize(
    "options",
    [{"decimal": ";"}, {"dates": "days first"}, {"dates": "%Q"}, {"dates": "%"}, {"dates": "DMY"}],
)
def test_readings_that_do_not_exist(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="Reading"):
        Reading(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["nan", "inf", "None", "True"], ["nan", "inf", "None", "True"]),
        (["nan", "None"], ["nan", "None"]),
        (["NA", "yes", " no "], ["NA", "yes", "no"]),
        (["True", "False", "None"], ["True", "False", "None"]),
        (["a", "?", "b", "-", ""], ["a", None, "b", None, None]),
        (["+", "-", "+", "?"], ["+", "-", "+", None]),
        (["0", "1", "2", "many"], ["0", "1", "2", "many"]),
        (["007", "008"], ["007", "008"]),
        (["9007199254740992", "9007199254740993"], ["9007199254740992", "9007199254740993"]),
        (["<=50K", ">50K"], ["<=50K", ">50K"]),
    ],
)
def test_classes(texts: list[str], values: list[str | None]) -> None:
    check(read(texts, is_answer=True), WORDS, values)


def test_other_answers() -> None:
    check(read(["true", "FALSE"], is_answer=True), TRUTH, [1, 0])
    check(read(["1", "2", "?"], is_answer=True), NUMBER, [1, 2, NAN])
    check(read(["3,5", "1.000,5"], is_answer=True), NUMBER, [3.5, 1000.5])
    check(read(["20210101", "20210102", "20210103"], is_answer=True), NUMBER, [20210101, 20210102, 20210103])
    with pytest.raises(DataError, match=r"'oops' in row 2"):
        read(["1.5", "2.5", "oops"], is_answer=True)
    for classes in (["9007199254740992", "9007199254740993"], ["nan", "None"], ["inf", "True"], ["007", "7"]):
        table = gn.Table.from_data({"x": [1, 2], "y": classes}, "y")
        assert table.class_names is not None
        assert set(table.class_names) == set(classes)
        assert [table.class_names[label] for label in table.targets({"y": classes})] == classes


def test_a_table_reads_as_it_did_in_training() -> None:
    data = {
        "hours": ["40,5", "1.000,5", "NA"],
        "since": ["31.12.2021", "1.2.2021", "3.4.2020"],
        "at": ["08:15", "9:00", "?"],
    }
    table = gn.Table.from_data(data)
    row = {"hours": ["1.234"], "since": ["3.4.2021"], "at": ["12:00"]}
    found = table.read(row, list(row), where="test")
    check(found["hours"], NUMBER, [1234])
    check(found["since"], TIME, ["2021-04-03"])
    check(found["at"], DAYTIME, [43200])
    for name, text in (("hours", "40.5"), ("hours", "forty"), ("since", "12/31/2021"), ("at", "late")):
        with pytest.raises(DataError, match=f"column {name!r}: received the text {text!r} in row 0"):
            table.apply(row | {name: [text]})


def test_names_stay_names() -> None:
    table = gn.Table.from_data({"zip": ["00711", "10115", "00711"], "n": [1, 2, 3]})
    np.testing.assert_array_equal(
        table.apply({"zip": [" 00711"], "n": [1]}), table.apply({"zip": ["00711 "], "n": ["1"]})
    )
    with pytest.raises(DataError, match="leading zeros must be read as texts"):
        table.apply({"zip": [711], "n": [1]})
    table = gn.Table.from_data({"code": ["3", "5", "3"], "n": [1, 2, 3]}, categories="code")
    expected = table.apply({"code": ["3"], "n": [1]})
    for own in (3, 3.0, "3.0", " 3 "):
        np.testing.assert_array_equal(table.apply({"code": [own], "n": [1]}), expected)
