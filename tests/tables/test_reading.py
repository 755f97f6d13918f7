"""The rules by which a column of texts is read, as a table of examples."""

from __future__ import annotations

import numpy as np
import pytest
from table_columns import NAN, check, columns, read

import glassnet as gn
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.tables import Reading
from glassnet.tables.kinds import DAYTIME, NUMBER, TIME, TRUTH, WORDS


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
    has_digits = any(sign.isdigit() for sign in texts[row])
    assert ("--missing" in str(caught.value)) is not has_digits
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


@pytest.mark.parametrize(
    ("texts", "slip", "is_word"),
    [
        (["3", "5", "7", "x 9", "4"], "x 9", False),
        (["3.5", "5.5", "7.5", "$1x", "4.5"], "$1x", False),
        (["3", "5", "7", "unknown", "4"], "unknown", True),
        (["2024-01-01", "2024-01-02", "2024-02-30", "2024-01-05"], "2024-02-30", False),
        (["2024-01-01", "2024-01-02", "soon", "2024-01-05"], "soon", True),
        (["8:15", "9:30", "10:45", "25:61"], "25:61", False),
    ],
)
def test_a_slip_with_digits_is_no_word_for_a_missing_value(texts: list[str], slip: str, is_word: bool) -> None:
    with pytest.raises(DataError) as caught:
        read([*(text for text in texts if text != slip), *texts])
    assert repr(slip) in caught.value.received
    assert ("--missing" in caught.value.fix) == is_word
    assert (f"missing={slip!r}" in caught.value.fix) == is_word
    assert caught.value.fix.startswith("mend the cell, or leave it empty where there is no value")
