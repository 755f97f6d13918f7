"""A model's fingerprint: a hash of all that decides what it predicts, and how it trains on."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.formats.description import OPTIMIZER_PREFIX, ModelParts, describe

DIGITS = 16
PREDICTING = (
    *("network", "input_shape", "dtype", "loss", "preprocessing", "target_scaling"),
    *("feature_names", "class_names", "twins", "vocabulary", "forecasting"),
)
"""What a description says that answers depend on."""
ONLY_WRITES = "Checkpoint"
"""What begins the names of memories that decide about files instead of about the training; they have paths in them."""
BESIDE_THE_MODEL = ("checksums", "format_version", "glassnet_version", "latest_fit", "profiles", "written")
"""What it may say of the file, of who wrote it, and of the way that led there."""


def fingerprint(parts: ModelParts, *, training: bool) -> str:
    """See ``Model.fingerprint``.

    Raises:
        ConfigurationError: a setting that no description can hold; it is named.
    """
    deciding = {name: memory for name, memory in parts.memories.items() if memory and not name.startswith(ONLY_WRITES)}
    try:
        parts = replace(parts, memories=dict(sorted(deciding.items())))
        description, arrays = describe(parts, include_optimizer=training)
    except ConfigurationError as error:
        where = error.where.replace("save: ", "fingerprint: ", 1)
        raise ConfigurationError(
            where=where, received=error.received, expected=error.expected, fix=error.fix
        ) from error
    description = {
        name: value
        for name, value in description.items()
        if (name in PREDICTING if not training else name not in BESIDE_THE_MODEL)
    }
    found = sha256(_canonical(description))
    for name, array in sorted(arrays.items()):
        if name.startswith(tuple(f"{beside}/" for beside in BESIDE_THE_MODEL)):
            continue
        if array.any() or not _may_be_grown(name):
            found.update(_canonical([name, array.dtype.name, array.shape]))
            found.update(_little_endian(array))
    return found.hexdigest()[:DIGITS]


def _may_be_grown(name: str) -> bool:
    """Whether zeros in an array are what there would be without it, as in an optimizer that has not begun."""
    return name.startswith(OPTIMIZER_PREFIX)


def _canonical(value: Any) -> bytes:
    """The one text of a description: order, spaces and the platform leave no trace, nor whether 1 was given as 1.0."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _little_endian(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
