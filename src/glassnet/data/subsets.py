"""Subsets: how many rows to train with and how many to test with, from the start."""

from __future__ import annotations

import re

from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.settings import is_list, is_whole


def parse_subset(text: str) -> tuple[int, int]:
    """Reads two row counts, as the command line takes them.

    Args:
        text: rows to train with and rows to test with, such as ``"5000,500"``.

    Raises:
        ConfigurationError: anything but two whole numbers above 0 with a comma between them.

    Example:
        >>> parse_subset("5000,500")
        (5000, 500)
    """
    match = re.fullmatch(r"\s*([0-9]{1,12})\s*,\s*([0-9]{1,12})\s*", text) if isinstance(text, str) else None
    counts = (int(match[1]), int(match[2])) if match else (0, 0)
    if 0 in counts:
        raise _refused(text, " with a comma between them", "5000,500")
    return counts


def check_subset(subset: tuple[int, int] | None) -> None:
    """Refuses a subset that is not two whole numbers above 0."""
    if subset is None:
        return
    if not is_list(subset) or len(subset) != 2 or not all(is_whole(count) and count > 0 for count in subset):
        raise _refused(subset, "", "(5000, 500)")


def _refused(given: object, form: str, example: str) -> ConfigurationError:
    expected = f"two whole numbers above 0{form}: rows to train with, rows to test with"
    return ConfigurationError(where="subset", received=shown(given), expected=expected, fix=f"write {example}")


def check_available(wanted: int, available: int, *, where: str) -> None:
    """Refuses to take more rows than there are."""
    if wanted > available:
        raise DataError(
            where=where,
            received=f"a subset that asks for {wanted} rows",
            expected=f"at most {available}, which is all there are",
            fix="ask for a smaller subset",
        )
