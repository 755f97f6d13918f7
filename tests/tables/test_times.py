"""Dates, times of day and durations as texts, as a table of examples."""

from __future__ import annotations

import pytest
from table_columns import check, columns, read

import glassnet as gn
from glassnet.core.errors import DataError
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME, TRUTH


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
