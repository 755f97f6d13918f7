"""Objects of glassnet's own that a call wants, and what it was given instead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, signature, unwrap
from typing import Any

from glassnet.core.errors import ConfigurationError, shown


def refuse_other_objects(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], error: Exception, where: str
) -> None:
    """Tells of a call that failed that it was given something else than the model or network it is annotated with.

    It is asked for afterwards: what does all that is asked of a model may be one of the user's.

    Raises:
        ConfigurationError: from the error, if there is such an argument.
    """
    wanted = signature(function)
    try:
        given = wanted.bind(*args, **kwargs).arguments
    except TypeError:  # arguments are missing, which Python says itself
        return
    for name, value in given.items():
        classes = _classes(function, wanted.parameters[name])
        if classes and not isinstance(value, classes):
            raise ConfigurationError(
                where=where,
                received=f"{name}={shown(value)} (a {type(value).__name__})",
                expected=f"an object of {' or '.join(map(_public, classes))}",
                fix=_fix(value, classes),
            ) from error


def _fix(value: Any, classes: tuple[type, ...]) -> str:
    names = {own.__name__ for own in classes}
    if isinstance(value, str) and "Model" in names:
        return "read it first: gn.load(path) gives the model of a file"
    if hasattr(value, "network") and "Network" in names:
        return "pass .network of the model"
    return f"pass a {_public(classes[0])}"


def _public(own: type) -> str:
    is_known = own.__name__ in sys.modules["glassnet"].__all__
    return f"gn.{own.__name__}" if is_known else own.__name__


def _classes(function: Callable[..., Any], parameter: Parameter) -> tuple[type, ...]:
    """The classes of glassnet's that a parameter is annotated with; none where it takes anything else, too."""
    if not isinstance(parameter.annotation, str) or parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        return ()
    found = []
    there = unwrap(function).__globals__
    for name in parameter.annotation.split(" | "):
        package = sys.modules["glassnet"]
        own = there.get(name) or (getattr(package, name) if name in package.__all__ else None)
        if getattr(own, "_is_protocol", False):  # what rooms below the model's call one
            own = package.Model
        if not isinstance(own, type) or own.__module__.partition(".")[0] != "glassnet":
            return ()
        found.append(own)
    return tuple(found)
