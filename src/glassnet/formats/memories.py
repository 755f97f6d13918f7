"""What callbacks remember, as a description that JSON can hold and arrays by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import whole
from glassnet.core.shapes import DTYPES, Array
from glassnet.formats.model_file import contradiction, read_description
from glassnet.training import Memories

CALLBACKS_PREFIX = "callbacks/"
PARAMETERS = "parameters"
"""Stands for an array that equals the network's parameters, such as the best weights put back: they are there once."""


class Arrays:
    """Arrays on their way into a file, each there once: of equal ones the first one's name stands for all.

    Args:
        parameters: the network's, which are there already.

    Attributes:
        tensors: the others, by the names that the description calls them by.
    """

    def __init__(self, parameters: Array) -> None:
        self.tensors: dict[str, Array] = {}
        self._parameters = parameters

    def put(self, array: Array, place: str) -> dict[str, str]:
        """Takes an array in; returns what stands for it in the description."""
        for name, known in ((PARAMETERS, self._parameters), *self.tensors.items()):
            if array.dtype == known.dtype and np.array_equal(array, known):
                return {"array": name}
        self.tensors[place] = array
        return {"array": place}

    def plain(self, value: Any, place: str, where: str) -> Any:
        """What stands for a callback's value, or for what a function of it gives, in the description.

        Raises:
            ConfigurationError: no file can hold it.
        """
        if callable(value):
            value = value()
        if isinstance(value, np.ndarray) and value.dtype.name in DTYPES and np.isfinite(value).all():
            return self.put(value, place)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not np.isfinite(value):
            return {"number": str(value)}
        if isinstance(value, list | tuple):
            return [self.plain(item, f"{place}/{number}", where) for number, item in enumerate(value)]
        if value is None or isinstance(value, bool | int | str | float):
            return value
        raise ConfigurationError(
            where=f"save: {where}",
            received=f"{shown(value, 60)} (a {type(value).__name__})",
            expected="numbers, texts, truth values, None, lists of these, and finite arrays of float32 or float64",
            fix="let to_remember give such values",
        )


def describe_memories(memories: Memories, arrays: Arrays, prefix: str = CALLBACKS_PREFIX) -> list[dict[str, Any]]:
    """A list of ``{"name": ..., "memory": {...}}``, with names for the arrays in it.

    Raises:
        ConfigurationError: something that no file can hold; it is named.
    """
    return [
        {
            "name": name,
            "memory": {
                str(key): arrays.plain(value, f"{prefix}{number}/{key}", f"what {name} remembers, {key!r}")
                for key, value in memory.items()
            },
        }
        for number, (name, memory) in enumerate(memories.items())
    ]


def value_of(value: Any, arrays: Mapping[str, Array]) -> Any:
    """Undoes ``Arrays.plain``; ``arrays`` are the file's, with the parameters by their name."""
    if isinstance(value, list):
        return [value_of(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"number"}:
        return {"nan": nan, "inf": inf, "-inf": -inf}[value["number"]]
    found = arrays[value["array"]]
    return found.copy() if value["array"] == PARAMETERS else found


def memories_of(description: Mapping[str, Any], arrays: Mapping[str, Array]) -> Memories:
    """Undoes ``describe_memories``; files of before it have none."""
    return {name: {key: value_of(value, arrays) for key, value in m.items()} for name, m in _entries(description)}


def read_memories(path: str | Path) -> tuple[int, Memories, dict[str, Any]]:
    """The number of epochs that a model's file was trained for, and what callbacks remember in it, without arrays.

    With them come the settings of the fit that wrote it, where they are known.

    Raises:
        FileFormatError: the file is no model's, damaged or newer than this version.
    """
    description = read_description(path)
    try:
        epochs = whole(description["epochs_trained"], "epochs_trained", f"load {path}", low=0)
        entries = _entries(description)
        latest = description.get("latest_fit")
        settings = {} if latest is None else dict(latest["settings"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise contradiction(f"load {path}", error) from error
    memories = {name: {k: v for k, v in m.items() if not isinstance(v, dict | list)} for name, m in entries}
    return epochs, memories, settings


def _entries(description: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and memory of each callback.

    Raises:
        TypeError: it is nothing of the kind.
    """
    found = [(entry["name"], entry["memory"]) for entry in description.get("callbacks", [])]
    if not all(isinstance(name, str) and isinstance(memory, dict) for name, memory in found):
        raise TypeError("the memory of callbacks has another form")
    return found
