"""What the bits of a fit depend on besides the model, by name: to tell whether a training that goes on is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.core.lazy import worked_out
from glassnet.training.streamed import Data

DATA = {
    "inputs": "other inputs, or the same in another order",
    "targets": "other targets, or the same in another order",
    "weights": "other weights of the rows",
    "validation": "other rows to validate on",
}
"""Settings that are numbers made of many, and what is said where they differ."""
NAMES = {"rows": "rows to train on", "validation_rows": "rows to validate on", "callbacks": "callbacks that remember"}
NOT_COMPARED = ("threads", "optimizer", "version", "processor", "looked_at")


class FitSettings:
    """What a fit is asked for.

    Args:
        rows: to train on.
        validation: rows to measure after each epoch, or None.
        plain: all that is no row: numbers, texts, lists of texts.
    """

    def __init__(self, rows: Data, validation: Data | None, plain: Mapping[str, Any]) -> None:
        self._rows: tuple[Data, Data | None] | None = (rows, validation)
        self._plain = plain

    @worked_out
    def whole(self) -> dict[str, Any]:
        """All by name, of the rows every number."""
        return self._described(None)

    @worked_out
    def sampled(self) -> dict[str, Any]:
        """The same, of the rows some: for a training that is over, in which no time is spent on reading all of them."""
        return self._described(SAMPLED_ROWS)

    def like(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The same, of as many rows as the given ones are."""
        return self.whole if settings.get("looked_at") is None else self.sampled

    def are(self, settings: Mapping[str, Any]) -> bool:
        """Whether those of another fit are the same."""
        return bool(settings) and not differences(settings, self.like(settings))

    def let_go(self) -> None:
        """Forgets the rows; what was not asked for before will not be known."""
        self._rows = None

    def _described(self, most: int | None) -> dict[str, Any]:
        assert self._rows is not None
        rows, validation = self._rows
        return {
            **self._plain,
            "rows": len(rows),
            **rows.checksums(most),
            "validation_rows": 0 if validation is None else len(validation),
            "validation": 0 if validation is None else _one(validation.checksums(most)),
            "looked_at": most,
        }


SAMPLED_ROWS = 1000


def _one(checksums: Mapping[str, int]) -> int:
    """One number of several."""
    number = 0
    for value in checksums.values():
        number = (number * 1_000_003 + value) % (1 << 53)
    return number


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was, in words."""
    found = []
    for name in [*before, *(name for name in now if name not in before)]:
        was, found_now = before.get(name), now.get(name)
        if name in NOT_COMPARED or was == found_now:
            continue
        if name in DATA:
            is_counted = {"inputs": "rows", "targets": "rows", "weights": "rows", "validation": "validation_rows"}[name]
            if before.get(is_counted) == now.get(is_counted):  # else their number says it
                found.append(DATA[name])
        elif isinstance(was, Sequence) and not isinstance(was, str) and isinstance(found_now, Sequence):
            listed = [", ".join(map(str, names)) or "none" for names in (found_now, was)]
            found.append(f"{NAMES.get(name, name)}: {listed[0]} instead of {listed[1]}")
        elif name in NAMES:
            found.append(f"{found_now:,} {NAMES[name]} instead of {was:,}")
        else:
            found.append(f"{name}={found_now!r} instead of {was!r}")
    return found
