"""Objects that their constructor's arguments describe in full: printed, named and written to files by one mechanism."""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import FunctionType
from typing import Any, ClassVar, TypeVar

import numpy as np

from glassnet.core.calls import CheckedMeta, Closed
from glassnet.core.catalogues import LANGUAGES, chosen
from glassnet.core.errors import ConfigurationError, FileFormatError, plain_numbers, shown
from glassnet.core.spellings import ALIASES
from glassnet.core.suggestions import nearest

_T = TypeVar("_T")

LARGEST = 2**63 - 1
"""What counts something is counted in 64 bits."""
MOST = float(np.finfo(np.float32).max)
LEAST = float(np.finfo(np.float32).tiny)


class Configurable(Closed, metaclass=CheckedMeta):
    """Base of layers, losses, optimizers, schedules and initializers.

    The rule for a subclass: every constructor argument is kept in an attribute of the same name. From that follow
    its ``repr``, its entry in a model's file, and its reconstruction from there.

    Example:
        >>> class Scale(Configurable):
        ...     def __init__(self, factor, *, offset=0.0):
        ...         self.factor, self.offset = factor, offset
        >>> Scale(2.0, offset=1.0), Scale(3.0)
        (Scale(2.0, offset=1.0), Scale(3.0))
    """

    label_names: ClassVar[tuple[str, ...]] = ()
    """Attributes that ``labels`` may have."""

    def labels(self) -> dict[str, Any]:
        """What was said of this object beside its constructor's arguments, as attributes; files hold it, too."""
        return {}

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments by name, in order; ``*layers`` appear under their own name as a tuple."""
        found = {}
        for name in _constructor(type(self)):
            if not hasattr(self, name):
                raise ConfigurationError(
                    where=type(self).__name__,
                    received=f"no attribute {name!r}, though its constructor takes {name!r}",
                    expected="each argument of the constructor in an attribute of that name",
                    fix=f"write self.{name} = {name} in __init__",
                )
            found[name] = getattr(self, name)
        return found

    def __repr__(self) -> str:
        written: list[str] = []
        by_place = True
        for name, kind, default in _as_written(type(self)):
            if not hasattr(self, name):  # messages about it must still be able to name it
                return f"{type(self).__name__}(...)"
            value = getattr(self, name)
            if kind is inspect.Parameter.VAR_POSITIONAL:
                written += [_show(item) for item in value]
                continue
            by_place = by_place and kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            if _same(value, default):
                by_place = False
            else:
                written.append(_show(value) if by_place else f"{name}={_show(value)}")
        written += [f"{name}={_show(value)}" for name, value in self.labels().items()]
        return f"{type(self).__name__}({', '.join(written)})"


def setting_names(cls: type[Configurable]) -> tuple[str, ...]:
    """The names of the constructor's arguments, in order."""
    return tuple(_constructor(cls))


def file_name(cls: type) -> str:
    """How files name a class: with its room for glassnet's own, ``"schedules.Constant"``; bare for a user's."""
    rooms = cls.__module__.split(".")
    return f"{rooms[1]}.{cls.__name__}" if rooms[0] == "glassnet" else cls.__name__


def to_config(value: Any, *, where: str) -> Any:
    """Turns settings into what JSON can hold; a Configurable becomes ``{"class": name, "settings": {...}}``."""
    if isinstance(value, Configurable):
        settings = {k: to_config(v, where=f"{where}.{k}") for k, v in value.settings().items()}
        module = type(value).__module__
        is_ours = module.partition(".")[0] == "glassnet"
        found = {"class": file_name(type(value)), "settings": settings} | ({} if is_ours else {"module": module})
        return found | ({"labels": value.labels()} if value.labels() else {})
    if isinstance(value, FunctionType) and value.__name__.isidentifier():
        return {"function": value.__name__}
    if isinstance(value, Mapping):
        return {"map": [[to_config(k, where=where), to_config(v, where=where)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [to_config(item, where=where) for item in value]
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigurationError(
        where=f"save: {where}",
        received=f"{shown(value, 60)} (a {type(value).__name__})",
        expected="finite numbers, texts, lists or glassnet objects, which a file without code can hold",
        fix="give the setting by name, or as an object derived from glassnet's own classes",
    )


def known_by(given: Any) -> str:
    """How a reader of files finds a class (by its ``file_name``) or a function among those that it may use."""
    return file_name(given) if isinstance(given, type) else f"function {getattr(given, '__name__', given)}"


def class_at(module: Any, name: Any) -> type[Configurable] | None:
    """A user's class in a module that the program itself has imported; nothing is imported for a file."""
    if not isinstance(module, str) or module.partition(".")[0] == "glassnet" or module not in sys.modules:
        return None
    found = vars(sys.modules[module]).get(name)
    if isinstance(found, type) and issubclass(found, Configurable) and found.__module__ == module:
        return found
    return None


def from_config(config: Any, classes: Mapping[str, Any], *, where: str) -> Any:
    """Rebuilds what ``to_config`` wrote, from the given classes and functions (see ``known_by``).

    Besides them a file may only name classes derived from glassnet's that stand in modules imported already.

    Raises:
        FileFormatError: for an unknown class or settings that its constructor refuses.
    """
    if isinstance(config, list):
        return tuple(from_config(item, classes, where=where) for item in config)
    if not isinstance(config, dict):
        return config
    try:
        if set(config) == {"array"}:
            return np.asarray(config["array"], dtype=np.float64)
        if set(config) == {"map"}:
            return {
                from_config(k, classes, where=where): from_config(v, classes, where=where) for k, v in config["map"]
            }
    except (TypeError, ValueError) as error:
        raise _refused(where, config, error) from error
    if set(config) == {"function"}:
        if f"function {config['function']}" not in classes:
            raise FileFormatError(
                where=where,
                received=f"the function {shown(config['function'], 60)} of the user's",
                expected="that function: a file holds its name, and no code",
                fix="pass it: gn.load(path, custom=[your_function])",
            )
        return classes[f"function {config['function']}"]
    name, settings = config.get("class"), config.get("settings")
    kind = None
    if isinstance(name, str) and isinstance(settings, dict):
        kind = classes[name] if name in classes else class_at(config.get("module"), name)
    if not isinstance(kind, type) or not isinstance(settings, dict):
        raise FileFormatError(
            where=where,
            received=f"the class {name!r}",
            expected="one of glassnet's classes" + _hint(str(name), classes),
            fix="for a class of your own, import its module first, or pass it: gn.load(path, custom=[YourLayer])",
        )
    arguments = {k: from_config(v, classes, where=f"{where}.{name}.{k}") for k, v in settings.items()}
    positional: list[Any] = []
    try:
        for parameter in _constructor(kind).values():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                positional += arguments.pop(parameter.name, ())
        found = kind(*positional, **arguments)
        for name, value in dict(config.get("labels", {})).items():
            if name not in getattr(kind, "label_names", ()):
                raise ValueError(f"{name!r} is nothing that can be said of a {kind.__name__}")
            setattr(found, name, value)
        return found
    except (TypeError, ValueError) as error:
        raise _refused(f"{where}.{name}", settings, error) from error


def family(module: Mapping[str, Any], kind: type[_T]) -> dict[str, type[_T]]:
    """What ``by_name`` takes: the public classes of a kind that a module defines, by their names in snake_case.

    Args:
        module: its ``globals()``.
        kind: their base, which is not among them.

    Example:
        >>> list(family({"ReLU6": str, "LeakyReLU": str, "HardSwish": str, "Other": int}, object))
        ['relu6', 'leaky_relu', 'hard_swish', 'other']
    """
    found = {name: one for name, one in module.items() if isinstance(one, type) and issubclass(one, kind)}
    public = {name: one for name, one in found.items() if one is not kind and not name.startswith("_")}
    return {re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).lower(): one for name, one in public.items()}


def by_name(given: Any, family: Mapping[str, type[_T]], kind: type[_T], *, what: str) -> _T:
    """Accepts an object of a family or its snake_case name, also by another library's name that is an alias of it.

    Raises:
        ConfigurationError: for an unknown name (the nearest is suggested), a class instead of an object, or
            anything else.
    """
    if isinstance(given, kind):
        return given
    if isinstance(given, str) and (given in family or ALIASES.get(what, {}).get(given) in family):
        return family[given if given in family else ALIASES[what][given]]()
    fix = f"use one of: {', '.join(family)}"
    if isinstance(given, str):
        received = f"the name {given!r}{_hint(given, family, what)}"
    elif isinstance(given, type):
        received, fix = f"the class {given.__name__}", f"make an object of it: {given.__name__}()"
    else:
        received = f"{shown(given)} (a {type(given).__name__})"
    article = "an" if what[0] in "aeiou" else "a"
    raise ConfigurationError(where=what, received=received, expected=f"{article} {what} object or its name", fix=fix)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number of Python's or NumPy's: no truth value, no stretch of time, no array of one."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def is_real(value: Any) -> bool:
    """Whether it is a number of Python's or NumPy's, whole or not."""
    return is_whole(value) or isinstance(value, float | np.floating)


def is_list(values: Any) -> bool:
    """Whether it is a list of things: a list, tuple, range, or an array with one axis."""
    return isinstance(values, list | tuple | range) or (isinstance(values, np.ndarray) and values.ndim == 1)


def number(
    value: Any,
    name: str,
    where: str,
    *,
    low: float,
    high: float = math.inf,
    open_low: bool = False,
    in_float32: bool = False,
) -> float:
    """Checks a numeric setting: ``low ≤ value < high``, or ``low < value < high`` with ``open_low``.

    With ``in_float32`` also that it neither overflows nor becomes 0 there.
    """
    size = _float(value) if is_real(value) else math.nan
    if not (low < size if open_low else low <= size) or not size < high:
        bounds = f"{low:g} {'<' if open_low else '≤'} {name}" + f" < {high:g}".replace("inf", "infinity")
        raise ConfigurationError(
            where=where, received=f"{name}={shown(value)}", expected=bounds, fix=f"choose {name} in that range"
        )
    if in_float32 and size != 0 and not LEAST <= abs(size) <= MOST:
        raise ConfigurationError(
            where=where,
            received=f"{name}={shown(value)}",
            expected=f"a number that float32 can hold: from {LEAST:.2g} to {MOST:.2g} in size",
            fix=f"choose {name} in that range",
        )
    return size + 0.0  # no −0


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: Any, name: str, where: str, *, low: int = 1, high: int = LARGEST) -> int:
    """Checks a setting that counts something: a whole number of 64 bits, unless the bound is lower."""
    if not is_whole(value) or not low <= value <= high:
        raise ConfigurationError(
            where=where,
            received=f"{name}={shown(value)}",
            expected=f"a whole number, at least {low}" + (f", at most {high:,}" if is_whole(value) else ""),
            fix=f"write {name} as an integer" if not is_whole(value) else f"choose {name} in that range",
        )
    return int(value)


def several(values: Any, name: str, where: str, *, expected: str) -> tuple[Any, ...]:
    """Checks a setting that lists something: a list, tuple, range or array with one axis.

    Args:
        values: what is given.
        name: of the setting, for messages.
        where: whose setting it is, for messages.
        expected: for messages, such as ``"whole numbers, such as [3, 5]"``.
    """
    if is_list(values):
        return tuple(values)
    raise ConfigurationError(
        where=where, received=f"{name}={shown(values)}", expected=expected, fix=f"write {name} as a list"
    )


def boolean(value: Any, name: str, where: str) -> bool:
    """Checks a setting that is on or off."""
    if not isinstance(value, bool | np.bool_):
        fix = f"write {name}=True or {name}=False"
        raise ConfigurationError(where=where, received=f"{name}={shown(value)}", expected="True or False", fix=fix)
    return bool(value)


def one_of(value: Any, name: str, where: str, choices: Sequence[str]) -> str:
    """Checks a setting that names one of a few choices."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(c) for c in choices)
        raise ConfigurationError(
            where=where,
            received=f"{name}={shown(value)}",
            expected=f"one of {listed}",
            fix=f"set {name} to one of them",
        )
    return str(value)


def language_of(value: str | None, where: str) -> str:
    """Checks the language of a text or page; None is the one that glassnet speaks, see ``gn.set_language``."""
    return chosen() if value is None else one_of(value, "language", where, LANGUAGES)


def function(value: Any, where: str, *, takes: str, setting: str) -> Any:
    """Checks a user's function; an object of a class that can be called is one too.

    Args:
        value: what is given.
        where: for messages.
        takes: what the function takes and returns, for messages.
        setting: how it is given to a model, for messages.
    """
    if not callable(value) or isinstance(value, type):
        raise ConfigurationError(
            where=where, received=shown(value), expected=f"a function {takes}", fix=f"write {setting}"
        )
    return value


def _refused(where: str, settings: Any, error: Exception) -> FileFormatError:
    return FileFormatError(
        where=where,
        received=f"settings {shown(settings, 200)}, refused with: {error}",
        expected=f"the settings that {where.rpartition('.')[2]} takes",
        fix="save the model again with this version of glassnet, or undo the edit of the file",
    )


@lru_cache(maxsize=512)
def _constructor(cls: type) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


@lru_cache(maxsize=512)
def _as_written(cls: type) -> tuple[tuple[str, Any, Any], ...]:
    """Of each of the constructor's arguments its name, its kind and its default."""
    return tuple((name, parameter.kind, parameter.default) for name, parameter in _constructor(cls).items())


def _show(value: Any) -> str:
    if isinstance(value, FunctionType):
        return value.__name__
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return repr(value.item())
    return f"array{value.shape}" if isinstance(value, np.ndarray) else plain_numbers(repr(value))


def _same(value: Any, default: Any) -> bool:
    if value is default or type(value) is not type(default):
        return value is default
    return bool(value == default if isinstance(value, str | int | float) else np.all(value == default))


def _hint(name: str, known: Mapping[str, Any], family: str = "") -> str:
    meant = nearest(name, known, family)
    return f" (did you mean {meant!r}?)" if meant else ""
