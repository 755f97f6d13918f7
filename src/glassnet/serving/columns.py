"""A table's column as JSON describes it: its type, and a value that it may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from glassnet.tables import Table
from glassnet.tables.columns import Column, Duration, Number, Quantiles, Time, TimeOfDay, Truth
from glassnet.tables.forms import NOTHING, Form
from glassnet.tables.robust import Robust
from glassnet.tables.words import Words

COLUMN_KINDS = {
    "number": ("number", "string"),
    "boolean": ("boolean", "string"),
    "date": ("string",),
    "time": ("string",),
    "duration": ("string",),
    "category": ("string", "number", "boolean"),
}
"""The JSON types that the values of a kind of column may have; all may be null."""
MOST_SHOWN = 50
"""Words of a column that are listed."""
_DAYS = (
    *("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d %b %Y", "%b %d, %Y", "%b %Y", "%Y-%m"),
    *("%d.%m.%y", "%m/%d/%y", "%d-%m-%Y", "%Y/%m/%d", "%Y %b %d", "%b-%y", "%m/%Y", "%Y%m%d %H%M"),
    *("%Y年%m月%d日", "%Y年%m月"),
)
"""How a date may be written, the commonest first."""
_LENGTHS = "1:30:00", "90 min"


@dataclass(frozen=True)
class Description:
    """A column.

    Attributes:
        name: of the column.
        kind: one of ``COLUMN_KINDS``.
        about: what was learned of it, in words.
        example: a value.
        words: those of a category that are known, if they are few.
    """

    name: str
    kind: str
    about: str
    example: Any
    words: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What ``GET /model`` says of it."""
        found = {"name": self.name, "kind": self.kind, "about": self.about, "example": self.example}
        return found | ({"words": list(self.words)} if self.words else {})

    def schema(self) -> dict[str, Any]:
        """The column as JSON Schema."""
        examples = [self.example, *(word for word in self.words[:3] if word != self.example)]
        return {"type": [*COLUMN_KINDS[self.kind], "null"], "description": self.about, "examples": examples}


def description_of(column: Column, table: Table) -> Description:
    """What is known of a column that the model reads."""
    form, about = table.form_of(column.name), table.describe(column)
    if isinstance(column, Words):
        words = column.categories
        return Description(column.name, "category", about, words[0] if words else None, words[:MOST_SHOWN])
    if isinstance(column, Truth):
        return Description(column.name, "boolean", about, True)
    if isinstance(column, Time):
        moment = datetime(1970, 1, 1) + timedelta(days=min(max(round(column.mean), -300_000), 2_000_000))
        return Description(column.name, "date", about, _first_read(_dates(moment, form), form))
    if isinstance(column, TimeOfDay):
        minutes = round(column.mean / 60) % 1440
        text = f"{minutes // 60:02}:{minutes % 60:02}"
        return Description(column.name, "time", about, _first_read(iter([text]), form))
    if isinstance(column, Duration):
        return Description(column.name, "duration", about, _first_read(iter(_LENGTHS), form))
    value = column.mean if isinstance(column, Number) else column.middle if isinstance(column, Robust) else None
    if isinstance(column, Quantiles):
        value = float(column.values[len(column.values) // 2])
    return Description(column.name, "number", about, None if value is None else float(f"{value:.4g}"))


def _dates(moment: datetime, form: Form) -> Iterator[str]:
    own = str(getattr(form, "form", ""))
    for pattern in (own, *_DAYS) if "%" in own else _DAYS:
        yield moment.strftime(pattern)


def _first_read(texts: Iterator[str], form: Form) -> str | None:
    """The first text that the form can read."""
    return next((text for text in texts if not form.is_missing(text) and form.value(text) is not NOTHING), None)
