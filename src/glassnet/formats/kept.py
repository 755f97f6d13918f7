"""What own parts keep outside their parameters, on its way into a file's description and out of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from glassnet.core.shapes import DTYPES, Array
from glassnet.formats.memories import Arrays, value_of

FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "whole": {"digits": str},
    "float": {"name": str},
    "scalar": {"array": np.ndarray},
    "list": {"items": list},
    "tuple": {"items": list},
    "dict": {"items": list},
    "generator": {"name": str, "state": dict},
    "object": {"name": str, "attributes": dict},
    "same": {},
    "digest": {"of": str, "digest": (str, type(None)), "has_moved": bool},
}
"""Of each kind of description what stands in it."""
NUMBERS, DEEPEST = "biufcSU", 100


def describe_kept(value: Any, arrays: Arrays, place: str) -> Any:
    """What JSON can hold of a description that ``training.kept`` made, with names for its arrays."""
    if isinstance(value, np.ndarray):
        if value.dtype.name in DTYPES and np.isfinite(value).all():
            return arrays.put(value, place)
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return {"bytes": b64encode(little.tobytes()).decode(), "dtype": little.dtype.str, "shape": list(value.shape)}
    if isinstance(value, dict):
        return {key: describe_kept(item, arrays, f"{place}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [describe_kept(item, arrays, f"{place}/{number}") for number, item in enumerate(value)]
    return value


def kept_of(description: Any, arrays: Mapping[str, Array]) -> dict[str, dict[str, Any]]:
    """Undoes ``describe_kept``, trusting nothing; files of before it have none.

    Raises:
        KeyError, TypeError, ValueError: it is nothing of the kind.
    """
    parts = {str(key): dict(attributes) for key, attributes in dict(description).items()}
    return {key: _attributes(attributes, arrays, 0) for key, attributes in parts.items()}


def _attributes(attributes: Mapping[str, Any], arrays: Mapping[str, Array], depth: int) -> dict[str, Any]:
    return {str(name): _value(value, arrays, depth) for name, value in attributes.items()}


def _value(value: Any, arrays: Mapping[str, Array], depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"what a part keeps stands in {depth} others")
    if not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        raise TypeError("a list of what a part keeps has no kind")
    if "kind" not in value:
        return _array(value, arrays)
    kind = value["kind"]
    fields = FIELDS[kind]
    if set(value) != {"kind", *fields}:
        raise ValueError(f"what a part keeps ({kind}) has other fields")
    found = {"kind": kind}
    for name, form in fields.items():
        inner = value[name]
        if name == "attributes":
            inner = _attributes(dict(inner), arrays, depth + 1)
        elif name == "items" and kind == "dict":
            inner = [[_key(key), _value(item, arrays, depth + 1)] for key, item in inner]
        elif name == "items":
            inner = [_value(item, arrays, depth + 1) for item in list(inner)]
        elif name in ("array", "state"):
            inner = _value(inner, arrays, depth + 1)
        if not isinstance(inner, form):
            raise TypeError(f"what a part keeps ({kind}) has another form")
        found[name] = inner
    if kind == "whole":
        int(found["digits"], 16)
    elif kind == "float" and found["name"] not in ("nan", "inf", "-inf"):
        raise ValueError(f"no number: {found['name']!r:.40}")
    elif kind == "scalar" and found["array"].shape != ():
        raise ValueError("a number of the shape of an array")
    return found


def _key(value: Any) -> Any:
    """The key of a dict: a number, a text, or a tuple of such."""
    if isinstance(value, dict):
        if value.get("kind") == "tuple":
            return {"kind": "tuple", "items": [_key(item) for item in list(value["items"])]}
        if value.get("kind") not in ("whole", "float"):
            raise TypeError("the key of a dict is of another form")
        return _value(value, {}, 0)
    if isinstance(value, list):
        raise TypeError("the key of a dict is a list")
    return value


def _array(value: Mapping[str, Any], arrays: Mapping[str, Array]) -> Array:
    if set(value) == {"array"}:
        found: Array = value_of(dict(value), arrays)
        return found
    if set(value) != {"bytes", "dtype", "shape"}:
        raise ValueError("an array that a part keeps has other fields")
    dtype, shape = np.dtype(str(value["dtype"])), tuple(int(length) for length in list(value["shape"]))
    data = b64decode(str(value["bytes"]), validate=True)
    if dtype.kind not in NUMBERS or min(shape, default=0) < 0 or len(data) != dtype.itemsize * prod(shape):
        raise ValueError(f"{len(data)} bytes for {dtype} of the shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
