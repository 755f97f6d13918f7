"""What a search may choose from: ranges of numbers and lists of choices, by the names of settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from glassnet.core.errors import ConfigurationError, did_you_mean, shown
from glassnet.core.settings import Configurable, boolean, is_real, is_whole

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Choice: TypeAlias = "str | bool | int | float | None"
Entry: TypeAlias = "Range | tuple[Choice, ...]"
"""What is known of one setting: a range, or the choices."""


LARGEST_END = 2.0**53
"""Up to here all whole numbers are floats, too, as which Optuna keeps them."""


class Range(Configurable):
    """The numbers from ``low`` to ``high``, both included; whole ones where both ends are.

    Args:
        low: the smallest.
        high: the largest.
        log: whether a step is a factor: as many trials from 0.001 to 0.01 as from 0.01 to 0.1.

    Raises:
        ConfigurationError: ends that are no finite numbers or no range, or 0 and below with ``log``.

    Example:
        >>> Range(16, 256, log=True), Range(0.0, 0.5)
        (Range(16, 256, log=True), Range(0.0, 0.5))
    """

    def __init__(self, low: float, high: float, *, log: bool = False) -> None:
        self.log = boolean(log, "log", "Range")
        are_numbers = _is_small(low) and _is_small(high)
        if not are_numbers or not low < high or (log and low <= 0):
            raise ConfigurationError(
                where="Range",
                received=f"low={shown(low)}, high={shown(high)}, log={log}",
                expected=f"numbers up to ±{LARGEST_END:g}, low < high"
                + (", and low > 0 where steps are factors" if log else ""),
                fix="write Range(1e-4, 1e-1, log=True), or Range(1, 4) for whole numbers",
            )
        self.is_whole = is_whole(low) and is_whole(high)
        self.low: float = int(low) if self.is_whole else float(low)
        self.high: float = int(high) if self.is_whole else float(high)


def _is_small(value: Any) -> bool:
    """Whether it is a number that Optuna can keep; NaN is none."""
    return is_real(value) and abs(int(value) if is_whole(value) else float(value)) <= LARGEST_END


def as_space(given: Any, known: Mapping[str, Entry] | None = None) -> dict[str, Entry]:
    """A dict of ranges as the user writes it: ``(low, high)`` or a ``Range``, a list of choices, or one fixed value.

    Args:
        given: the dict.
        known: the settings there are, with what they are if nothing is given; None where any name may stand.

    Returns:
        The known ones, with the given in their place.

    Raises:
        ConfigurationError: no dict, a setting that is not known, or a value that is neither a range nor a choice.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(
            where="tune: space",
            received=shown(given),
            expected="a dict of ranges and lists by the names of settings",
            fix='write space={"units": (16, 256), "activation": ["relu", "tanh"]}',
        )
    space = dict(known or {})
    for name, value in given.items():
        if known is not None and name not in known:
            raise ConfigurationError(
                where="tune: space",
                received=f"the setting {name!r}",
                expected=f"some of {', '.join(known)}",
                fix=f"{did_you_mean(name, known)}leave it out, or write a function that builds the model",
            )
        space[name] = _entry(name, value)
    return space


def _entry(name: str, value: Any) -> Entry:
    if isinstance(value, Range):
        return value
    if isinstance(value, tuple) and len(value) == 2 and all(map(is_real, value)):
        return Range(*value)
    choices = tuple(value) if isinstance(value, list) else (value,)
    are_plain = all(choice is None or isinstance(choice, str | bool) or _is_small(choice) for choice in choices)
    if not choices or not are_plain or len({(type(choice), choice) for choice in choices}) < len(choices):
        raise ConfigurationError(
            where=f"tune: space: {name}",
            received=shown(value),
            expected="a range (low, high), a Range, a list of different texts, numbers or truth values, or one of them",
            fix=f'write space={{"{name}": (1, 8)}} or space={{"{name}": ["a", "b"]}}',
        )
    return tuple(_plain(choice) for choice in choices)


def _plain(choice: Any) -> Choice:
    if is_whole(choice):
        return int(choice)
    return float(choice) if is_real(choice) else choice


def draw(trial: BaseTrial, name: str, entry: Entry) -> Any:
    """What a trial gets for a setting."""
    if not isinstance(entry, Range):
        return trial.suggest_categorical(name, entry)
    if entry.is_whole:
        return trial.suggest_int(name, int(entry.low), int(entry.high), log=entry.log)
    return trial.suggest_float(name, entry.low, entry.high, log=entry.log)


def names_of(space: Mapping[str, Entry]) -> Sequence[str]:
    """Each setting in a few letters, for comparison with those of another search."""
    return [f"{name}={entry!r}" for name, entry in space.items()]
