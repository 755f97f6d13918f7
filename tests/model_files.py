"""Model files that are changed on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from glassnet.formats.model_file import FORMAT_VERSION, METADATA_KEY


def description_of(path: Path) -> dict[str, Any]:
    """What stands in a file beside its arrays."""
    with safe_open(str(path), framework="numpy") as file:
        return json.loads(file.metadata()[METADATA_KEY])  # type: ignore[no-any-return]


def without_checksums(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description as the format's first version has it: an edit is then seen for what it is."""
    found = {name: value for name, value in description.items() if name != "checksums"}
    return found | ({"format_version": 1} if found.get("format_version") == FORMAT_VERSION else {})


def edited(
    path: Path,
    change: Callable[[dict[str, Any]], Any],
    to: Path | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """The file with its description changed in place, and with other arrays, if any; without checksums."""
    description = description_of(path)
    change(description)
    metadata = {METADATA_KEY: json.dumps(without_checksums(description))}
    save_file(load_file(path) | dict(arrays or {}), to or path, metadata=metadata)
    return to or path
