"""What callbacks remember, as a description that JSON can hold and arrays by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import whole
from glassnet.core.shapes import DTYPES, Array
from glassnet.formats.model_file import contradiction, read_description
from glassnet.training import Memories

CALLBACKS_PREFIX = "callbacks/"
PARAMETERS = "parameters"
"""Stands for an array that equals the network's parameters, such as the best weights put back: they are there once."""


def describe_memories(memories: Memories, parameters: Array) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """A list of ``{"name": ..., "memory": {...}}``, and the arrays in it by the names that it calls them by.

    Raises:
        ConfigurationError: something that no file can hold; it is named.
    """
    tensors: dict[str, Array] = {}
    held = parameters, tensors
    found = [
        {
            "name": name,
            "memory": {
                str(key): _plain(value, f"{CALLBACKS_PREFIX}{number}/{key}", f"{name} remembers, {key!r}", held)
                for key, value in memory.items()
            },
        }
        for number, (name, memory) in enumerate(memories.items())
    ]
    return found, tensors


def _plain(value: Any, place: str, where: str, held: tuple[Array, dict[str, Array]]) -> Any:
    """A value as JSON has it; an array of it goes to the tensors, unless it equals the parameters."""
    parameters, tensors = held
    if isinstance(value, np.ndarray) and value.dtype.name in DTYPES and np.isfinite(value).all():
        if value.dtype == parameters.dtype and np.array_equal(value, parameters):
            return {"array": PARAMETERS}
        tensors[place] = value
        return {"array": place}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"number": str(value)}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}/{number}", where, held) for number, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | str | float):
        return value
    raise ConfigurationError(
        where=f"save: what {where}",
        received=f"{value!r:.60} (a {type(value).__name__})",
        expected="numbers, texts, truth values, None, lists of these, and finite arrays of float32 or float64",
        fix="let to_remember give such values",
    )


def memories_of(description: Mapping[str, Any], tensors: Mapping[str, Array], parameters: Array) -> Memories:
    """Undoes ``describe_memories``; files of before it have none."""
    entries = _entries(description)
    return {name: {key: _value_of(value, tensors, parameters) for key, value in m.items()} for name, m in entries}


def _value_of(value: Any, tensors: Mapping[str, Array], parameters: Array) -> Any:
    if isinstance(value, list):
        return [_value_of(item, tensors, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"number"}:
        return {"nan": nan, "inf": inf, "-inf": -inf}[value["number"]]
    return parameters.copy() if value["array"] == PARAMETERS else tensors[value["array"]]


def read_memories(path: str | Path) -> tuple[int, Memories]:
    """The number of epochs that a model's file was trained for, and what callbacks remember in it, without arrays.

    Raises:
        FileFormatError: the file is no model's, damaged or newer than this version.
    """
    description = read_description(path)
    try:
        epochs = whole(description["epochs_trained"], "epochs_trained", f"load {path}", low=0)
        entries = _entries(description)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise contradiction(f"load {path}", error) from error
    return epochs, {name: {k: v for k, v in m.items() if not isinstance(v, dict | list)} for name, m in entries}


def _entries(description: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and memory of each callback.

    Raises:
        TypeError: it is nothing of the kind.
    """
    found = [(entry["name"], entry["memory"]) for entry in description.get("callbacks", [])]
    if not all(isinstance(name, str) and isinstance(memory, dict) for name, memory in found):
        raise TypeError("the memory of callbacks has another form")
    return found
