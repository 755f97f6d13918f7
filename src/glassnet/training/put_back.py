"""Gives a user's own parts what they kept, from its description.

Nothing of a description is ever run; objects get attributes where an object of the same class already stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassnet.core.parameters import Watched
from glassnet.core.shapes import Array
from glassnet.training.digests import UnknowableError, digest
from glassnet.training.kept import value_of_key
from glassnet.training.own_attributes import is_own_attribute, name_of, new_generator, put_state


def problems(thing: Any, described: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What of a description cannot be put back into an object, in words."""
    live = getattr(thing, "__dict__", {})
    for name, value in described.items():
        where = f"{path}.{name}" if path else name
        if is_own_attribute(thing, name) and not callable(getattr(type(thing), name, None)):
            yield from _problems(live.get(name), value, where)
        else:
            yield f"{where} (no attribute)"


def _problems(live: Any, described: Any, path: str) -> Iterator[str]:
    kind = described.get("kind") if isinstance(described, dict) else None
    if kind == "digest" and (described["has_moved"] or described["of"] == "array"):
        try:
            now: str | None = digest(live)
        except UnknowableError:
            now = None
        if now is None or now != described["digest"]:
            yield f"{path} ({described['of']})"
    elif kind == "object":
        if name_of(live) != described["name"]:
            yield f"{path} ({described['name']})"
        else:
            yield from problems(live, described["attributes"], path)
    elif kind in ("list", "tuple"):
        items = live if isinstance(live, list | tuple) else ()
        for number, item in enumerate(described["items"]):
            yield from _problems(items[number] if number < len(items) else None, item, f"{path}[{number}]")
    elif kind == "dict":
        for key, item in described["items"]:
            known = live.get(value_of_key(key)) if isinstance(live, dict) else None
            yield from _problems(known, item, f"{path}[{value_of_key(key)!r:.40}]")
    elif kind == "generator":
        name = described["name"]
        if not is_state(new_generator(name), described["state"]) or (live is not None and name_of(live) != name):
            yield f"{path} ({name})"
    elif kind == "same" and live is None:
        yield f"{path} (something of which no file holds a copy)"


def is_state(generator: Any, described: Any) -> bool:
    """Whether the description is one of a state that the generator, which nobody needs, can have."""
    try:
        put_state(generator, value_of_kept(described))
    except Exception:  # noqa: BLE001 - of a state from anywhere
        return False
    return True


def put_back(thing: Any, described: Mapping[str, Any]) -> None:
    """Gives an object what it kept, as far as there are no ``problems``."""
    live = thing.__dict__
    for name, value in described.items():
        live[name] = _value(live.get(name), value)
    if isinstance(thing, Watched):
        thing.note_change()


def value_of_kept(described: Any) -> Any:
    """The value of a description, made anew."""
    return _value(None, described)


def _value(live: Any, described: Any) -> Any:
    """The value of a description; arrays, lists, dicts and objects that are there get it into themselves."""
    if isinstance(described, np.ndarray):
        return _array(live, described)
    if not isinstance(described, dict):
        return described
    kind = described["kind"]
    if kind in ("same", "digest"):
        return live
    if kind == "whole":
        return int(described["digits"], 16)
    if kind == "float":
        return float(described["name"])
    if kind == "scalar":
        return described["array"][()]
    if kind == "object":
        put_back(live, described["attributes"])
        return live
    if kind == "generator":
        generator = live if live is not None else new_generator(described["name"])
        put_state(generator, _value(None, described["state"]))
        return generator
    if kind == "dict":
        filled = live if isinstance(live, dict) else {}
        items = {value_of_key(key): _value(filled.get(value_of_key(key)), item) for key, item in described["items"]}
        filled.clear()
        filled.update(items)
        return filled
    before = live if isinstance(live, list | tuple) else ()
    found = [_value(before[n] if n < len(before) else None, item) for n, item in enumerate(described["items"])]
    if kind == "tuple":
        return tuple(found)
    if isinstance(live, list):
        live[:] = found
        return live
    return found


def _array(live: Any, described: Array) -> Array:
    fits = type(live) is np.ndarray and live.shape == described.shape and live.dtype == described.dtype
    if fits and live.flags.writeable:
        np.copyto(live, described)
        return live  # type: ignore[no-any-return]
    return described.copy()
