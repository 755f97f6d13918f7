"""What a call is given, looked at before it is carried out: settings that nothing knows are named, with the nearest."""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache, wraps
from inspect import Parameter, Signature, signature
from math import inf
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from glassnet.core.errors import GlassnetError, UnknownSettingError
from glassnet.core.instances import refuse_other_objects
from glassnet.core.spellings import ADVICE
from glassnet.core.suggestions import advice, attribute_meant, setting_meant

_P = ParamSpec("_P")
_R = TypeVar("_R")

MOST_ITEMS = 20
"""Of a list that is written out where a call is."""
_PLACED = Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD
_NAMED = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY


_BUILDING: ContextVar[bool] = ContextVar("building", default=False)


def while_building(build: Callable[_P, _R]) -> Callable[_P, _R]:
    """The ``build`` of a layer, in which closed objects get attributes."""

    @wraps(build)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        before = _BUILDING.set(True)
        try:
            return build(*args, **kwargs)
        finally:
            _BUILDING.reset(before)

    return opened


class Closed:
    """Base of what has the attributes that it was made with, and no others: a slip of the pen would do nothing.

    It holds for glassnet's own classes; those of a user's are open.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        known = self.__dict__
        if name not in known and "_is_closed" in known and name[:1] != "_":
            self.require_attribute(name)
        object.__setattr__(self, name, value)

    def close(self) -> None:
        """Lets no new attributes in from now on."""
        self.__dict__["_is_closed"] = True

    def require_attribute(self, name: str) -> None:
        """Refuses a name that is none of its attributes, unless it begins with an underscore.

        Raises:
            UnknownSettingError: names the nearest attribute.
        """
        kind = type(self)
        is_ours = kind.__module__.partition(".")[0] == "glassnet"
        if name.startswith("_") or not is_ours or hasattr(kind, name) or "_is_closed" not in self.__dict__:
            return
        if _BUILDING.get():
            return
        own = [known for known in self.__dict__ if not known.startswith("_")]
        settable = [known for known in dir(kind) if getattr(getattr(kind, known, None), "fset", None) is not None]
        known = sorted({*own, *settable})
        meant = attribute_meant(name, known)
        raise UnknownSettingError(
            where=f"{self!r:.80}",
            received=f"a value for the attribute {name!r}, which nothing reads",
            expected=f"one of {', '.join(known)}",
            fix=f"write .{meant} = ..." if meant else "leave it out, or derive a class of your own to keep it in",
        )


class CheckedMeta(ABCMeta):
    """The metaclass of ``Configurable`` and ``Callback``: what a constructor does not know is named before it runs.

    A class whose constructor takes ``**settings`` is left alone. A class with a method ``_take_name``, such as a layer,
    also takes ``name=``, if its constructor does not. What an object is an instance of, its class's bases say alone: no
    class is registered as what it is not derived from, which would have to be looked up each time.
    """

    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__

    if not TYPE_CHECKING:  # checkers of types read the constructors themselves

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Makes an object."""
            made = cls._made(*args, **kwargs)
            if isinstance(made, Closed):
                made.close()
            return made

        def _made(cls, *args: Any, **kwargs: Any) -> Any:
            if not args and not kwargs:
                return super().__call__()
            parameters = _constructor_parameters(cls)
            if parameters is None or parameters.takes_anything:
                return super().__call__(*args, **kwargs)
            given = dict(kwargs)
            takes_name = "name" in given and hasattr(cls, "_take_name") and "name" not in parameters.names
            name = given.pop("name", None) if takes_name else None
            own = (None, *args) if parameters else args
            require_known(parameters, own, given, call=lambda: _class_path(cls), where=cls.__name__)
            made = super().__call__(*args, **given)
            if name is not None:
                made._take_name(name)
            return made

    @property
    def __signature__(cls) -> Signature:
        """The constructor's signature, which ``__call__`` would hide."""
        own: Any = cls
        if own.__new__ is not object.__new__:
            found = signature(own.__new__)
        elif own.__init__ is not object.__init__:
            found = signature(own.__init__)
        else:
            return Signature()
        return found.replace(parameters=list(found.parameters.values())[1:], return_annotation=Signature.empty)


def suggests(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A public function that names unknown settings, and what they are called here.

    One that fails over an argument which is no model or network, though it is to be one, says so.
    """

    @wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        known = _parameters(function)
        if not fits(known, args, kwargs):
            require_known(known, args, kwargs, call=lambda: _function_path(function), where=_where(function))
        try:
            return function(*args, **kwargs)
        except (AttributeError, TypeError, ValueError) as error:
            if not isinstance(error, GlassnetError):
                refuse_other_objects(function, args, kwargs, error, _where(function))
            raise

    return checked


def require_known(
    parameters: Mapping[str, Parameter],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    call: Callable[[], str],
    where: str,
) -> None:
    """Refuses what a call is given beyond its parameters.

    Args:
        parameters: of the function, by name.
        args: what it is given by position.
        kwargs: what it is given by name.
        call: gives what stands before the brackets, such as ``gn.Dense``.
        where: for the message.

    Raises:
        UnknownSettingError: a name that is not among the parameters, or too many values without one.
    """
    if fits(parameters, args, kwargs):
        return
    shown = [name for name, parameter in parameters.items() if name != "self"]
    placed = [name for name in shown if parameters[name].kind in _PLACED]
    values = args[1:] if "self" in parameters else args
    unknown = [name for name in kwargs if name not in _Parameters(parameters).names]
    start = call()
    if not unknown:
        named = [name for name in shown if name not in placed]
        raise _too_many(start, where, values, placed, dict.fromkeys(named) | dict(kwargs))
    known = [name for name in shown if parameters[name].kind is not Parameter.VAR_POSITIONAL]
    meant = {name: setting_meant(name, known) for name in unknown}
    for name in unknown:
        ours = meant[name]
        if ours in placed[: len(values)]:
            values = values[: placed.index(ours)]
    right = {meant.get(name, name): value for name, value in kwargs.items() if meant.get(name, name)}
    written = _written(start, values, placed, {name: value for name, value in right.items() if name is not None})
    advised = next((name for name in unknown if name in ADVICE and meant[name] is None), None)
    fix = f"write {written}" if any(meant.values()) else f"leave it out: write {written}"
    if advised is not None:
        fix = advice(advised, written, _show(kwargs[advised], "..."))
    renamed = [f"{ours}= for {name}=" for name, ours in meant.items() if ours is not None]
    takes = f"the settings of {start}: {', '.join(known)}" if known else f"{start}() without settings"
    raise UnknownSettingError(
        where=where,
        received=", ".join(f"{name}={_show(kwargs[name], '...')}" for name in unknown) + ", unknown here",
        expected=" and ".join(renamed) or takes,
        fix=fix,
    )


def fits(parameters: Mapping[str, Parameter], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether every value has a place and every name is known."""
    known = parameters if isinstance(parameters, _Parameters) else _Parameters(parameters)
    return known.takes_anything or (len(args) <= known.places and known.names.issuperset(kwargs))


def _too_many(
    start: str, where: str, values: tuple[Any, ...], placed: list[str], named: Mapping[str, Any]
) -> UnknownSettingError:
    """The error for values without a name that have no place; ``named`` are the other settings, None if not given."""
    given = {name: value for name, value in named.items() if value is not None}

    def written(own: tuple[Any, ...]) -> str:
        return _written(start, own[: len(placed)], placed, dict(zip(named, own[len(placed) :], strict=False)) | given)

    all_whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if all_whole and placed[:1] in ([], ["units"], ["filters"]) and named:
        fix = f"leave out the number of inputs, which is taken from the data: write {written(values[1:])}"
        if "stride" in named and len(values) == len(placed) + 1:
            fix += f", or {written(values)}"
    elif len(values) <= len(placed) + len(named):
        fix = f"write {written(values)}, if that is meant"
    else:
        fix = f"write {_written(start, values[: len(placed)], placed, given)}"
    expected = f"at most {len(placed)} ({', '.join(placed)})" if placed else "none"
    count = f"{len(values)} value{'s' if len(values) > 1 else ''} without a name"
    return UnknownSettingError(
        where=where,
        received=f"{count} ({', '.join(_show(value, '...') for value in values)})",
        expected=expected + (f", and by name {', '.join(named)}" if named else ""),
        fix=fix,
    )


def _written(start: str, values: tuple[Any, ...], placed: list[str], named: Mapping[str, Any]) -> str:
    """The call as one would type it; what is no short value stands as its parameter's name."""
    names = [*placed[: len(values)], *("...",) * (len(values) - len(placed))]
    inside = [_show(value, name) for value, name in zip(values, names, strict=True)]
    return f"{start}({', '.join([*inside, *(f'{name}={_show(value, name)}' for name, value in named.items())])})"


def _show(value: Any, otherwise: str) -> str:
    text = _literal(value)
    return otherwise if text is None or len(text) > 60 else text


def _literal(value: Any) -> str | None:
    """A plain value as the documentation writes it, texts in double quotes; None for any other."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str):
        return f'"{plain}"' if plain.isprintable() and not {'"', "\\"} & set(plain) else repr(plain)
    if plain is None or isinstance(plain, bool | int | float):
        return repr(plain)
    if isinstance(plain, dict):
        pairs = [(_literal(key), _literal(item)) for key, item in plain.items()]
        return None if any(None in pair for pair in pairs) else "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    if not isinstance(plain, tuple | list):
        return None
    if len(plain) > MOST_ITEMS or any(isinstance(item, tuple | list | dict) for item in plain):
        return None  # longer than one would read; a list may even hold itself
    items = [_literal(item) for item in plain]
    inside = ", ".join(item or "" for item in items)
    if isinstance(plain, tuple):
        inside = f"({inside},)" if len(items) == 1 else f"({inside})"
    return None if None in items else (inside if isinstance(plain, tuple) else f"[{inside}]")


class _Parameters(dict[str, Parameter]):
    """A function's parameters by name.

    Attributes:
        places: how many values a call may be given without a name.
        names: of the settings that a call may be given by name.
        takes_anything: whether it takes ``**settings``.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        super().__init__(parameters)
        kinds = [parameter.kind for parameter in parameters.values()]
        self.places = inf if Parameter.VAR_POSITIONAL in kinds else sum(kind in _PLACED for kind in kinds)
        self.names = frozenset(name for name, parameter in parameters.items() if parameter.kind in _NAMED)
        self.takes_anything = Parameter.VAR_KEYWORD in kinds


@lru_cache(maxsize=512)
def _parameters(function: Callable[..., Any]) -> _Parameters:
    return _Parameters(signature(function).parameters)


def _constructor_parameters(cls: Any) -> _Parameters | None:
    """The parameters of an ``__init__``; None for a class whose ``__new__`` takes arguments of its own."""
    if cls.__new__ is not object.__new__:
        return None
    return _Parameters({}) if cls.__init__ is object.__init__ else _parameters(cls.__init__)


def _class_path(cls: type) -> str:
    """How one types a class: ``gn.Dense``, ``gn.losses.Huber``, or its bare name for a user's."""
    package: Any = sys.modules["glassnet"]
    if cls.__name__ in package.__all__ and getattr(package, cls.__name__) is cls:
        return f"gn.{cls.__name__}"
    room = cls.__module__.split(".")[1] if cls.__module__.startswith("glassnet.") else ""
    return f"gn.{room}.{cls.__name__}" if hasattr(vars(package).get(room), cls.__name__) else cls.__name__


def _function_path(function: Callable[..., Any]) -> str:
    """How one types a function: ``gn.load``, ``gn.data.read_table``, ``model.fit``, ``gn.Model`` for a constructor."""
    owner, _, name = function.__qualname__.rpartition(".")
    room = function.__module__.split(".")[1]
    if owner and name != "__init__":  # a model's methods stand in several classes
        return f"{room if room == 'model' else owner.lower()}.{name}"
    name = owner or name
    return f"gn.{name}" if name in sys.modules["glassnet"].__all__ else f"gn.{room}.{name}"


def _where(function: Callable[..., Any]) -> str:
    owner, _, name = function.__qualname__.rpartition(".")
    return owner if name == "__init__" else name
