"""Hours of several time zones in one column: told, and refused where rows are put in order by them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import glassnet as gn
from glassnet.tables import DateForm
from glassnet.tables.frames import columns_of, frame_of, joined
from glassnet.tables.reading import Reading, read_columns

TOKYO = timezone(timedelta(hours=9))
ROWS = 40
START = datetime(2024, 3, 1, tzinfo=UTC)
MOMENTS = [(START + timedelta(hours=k)).astimezone(TOKYO if k % 2 else UTC) for k in range(ROWS)]


def data(times: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"t": times, "a": rng.normal(size=ROWS), "y": rng.normal(size=ROWS)}


MIXED = {
    "offsets": [moment.isoformat() for moment in MOMENTS],
    "names": [moment.strftime("%d.%m.%Y %H:%M ") + ("JST" if moment.tzinfo is TOKYO else "UTC") for moment in MOMENTS],
    "compact": [moment.strftime("%Y%m%dT%H%M%z") for moment in MOMENTS],
    "some without": [moment.isoformat() if k % 2 else f"{moment:%Y-%m-%d %H:%M}" for k, moment in enumerate(MOMENTS)],
    "objects": MOMENTS,
    "some objects without": [m if k % 2 else m.replace(tzinfo=None) for k, m in enumerate(MOMENTS)],
    "places": [m.astimezone(ZoneInfo("Asia/Tokyo" if k % 2 else "Europe/Berlin")) for k, m in enumerate(MOMENTS)],
}
ALIKE = {
    "one offset": [moment.astimezone(TOKYO).isoformat() for moment in MOMENTS],
    "one zone in several ways": [
        f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}" + ("Z", " UTC", "+00:00", "+0000")[k % 4]
        for k, moment in enumerate(MOMENTS)
    ],
    "none": [f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in MOMENTS],
    "days among hours": ["2024-02-01", *(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z" for moment in MOMENTS[1:])],
    "objects": [moment.astimezone(ZoneInfo("UTC") if k % 2 else UTC) for k, moment in enumerate(MOMENTS)],
    "summer and winter of one place": [
        datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(days=9 * k) for k in range(ROWS)
    ],
    "dates": [date(2024, 1, 1) + timedelta(days=k) for k in range(ROWS)],
}


@pytest.mark.parametrize("times", MIXED.values(), ids=MIXED)
def test_they_put_no_rows_in_order(times: Any) -> None:
    with (
        pytest.warns(gn.DataWarning, match="'t' has hours of several time zones"),
        pytest.raises(gn.DataError, match="column 't': received hours of several time zones.*expected one time zone"),
    ):
        gn.TableModel(time="t").fit(data(times), "y")
    with pytest.raises(gn.DataError, match="column 't': received hours of several time zones.*expected one time zone"):
        gn.data.windows(data(times), past=3, future=1, time="t")


@pytest.mark.parametrize("times", ALIKE.values(), ids=ALIKE)
def test_one_zone_is_one_however_it_is_written(times: Any) -> None:
    frame = frame_of(data(times))
    read = read_columns(frame.values(), Reading())
    assert len(read["t"].zones) <= 1


def test_blocks_with_a_zone_each_have_several() -> None:
    parts = [frame_of({"t": [moment]}) for moment in MOMENTS[:3]]
    assert joined(parts)["t"].zones == ("+00:00", "+09:00")
    assert columns_of({"t": MOMENTS[:1]}, where="here")["t"].zones == ("+00:00",)


@pytest.mark.parametrize(
    ("form", "texts", "zones"),
    [
        ("YYYY-MM-DD", ["2024-03-01T10:00+01:00", "2024-03-01 10:00 +0100", "2024-03-01T10:00:00.5+01"], ("+01:00",)),
        ("Mon DD YYYY", ["Fri Mar 01 10:00:00 CET 2024", "Mon Jul 01 10:00:00 CEST 2024"], ("CEST", "CET")),
        ("%d.%m.%Y %H:%M %z", ["01.03.2024 10:00 -0330", "01.03.2024 10:00 +0100"], ("+01:00", "-03:30")),
        ("%d.%m.%Y %H:%M %Z", ["01.03.2024 10:00 UTC", "01.03.2024 10:00 gmt"], ("+00:00",)),
        ("%d%b%Y", ["01Mar2024"], ()),
        ("年月日", ["2024年3月1日 10:00", "2024年3月1日"], ("",)),
        ("YYYY-MM-DD", [None, "", "NA", "no date"], ()),
    ],
)
def test_zones_as_they_are_written(form: str, texts: list[str | None], zones: tuple[str, ...]) -> None:
    assert DateForm(form).zones(texts) == zones
