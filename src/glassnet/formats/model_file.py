"""The model's file: safetensors, with everything that is not an array as JSON in its metadata.

The metadata's one entry, ``glassnet``, holds the JSON, which begins with checksums of the description and of each array
and with the format's version; files of version 1 have no checksums. Reading runs no code from the file.

Source of the container: the safetensors format, https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.ending import to_the_end
from glassnet.core.errors import DataError, FileFormatError, MissingFileError
from glassnet.core.files import replacing
from glassnet.core.kinds import MODEL
from glassnet.core.numeric import all_finite
from glassnet.core.paths import readable_path
from glassnet.core.shapes import DTYPES, Array
from glassnet.formats.checksum import CHECKSUMS, require_intact_arrays, require_intact_text, sealed
from glassnet.formats.written import now

FORMAT_VERSION = 2
"""Of a model's file."""
SINCE_CHECKSUMS = 2
"""The first version of the format that has them."""
OF_ENSEMBLES, ENSEMBLE = 3, "ensemble"
"""The version of a file with several models, and where these stand in its description."""
METADATA_KEY = "glassnet"
MOST_DIGITS = 20
"""Of a whole number of 64 bits, with its sign."""


@to_the_end()
def write_model_file(
    path: str | Path, description: dict[str, Any], tensors: dict[str, Array], *, prove: Callable[[Path], None]
) -> None:
    """Writes one file, whole or not at all; the description gets the format's version, the time and checksums.

    Args:
        path: the file.
        description: what JSON can hold.
        tensors: arrays by name.
        prove: called with a path at which the new file can be read, before it takes the place of an older one. Where it
            raises an error, the older one stays.

    Raises:
        DataError: an array holds NaN or infinity, which no file is read with.
        ConfigurationError: SOURCE_DATE_EPOCH, which stands for the time, is none.
    """
    from safetensors.numpy import save

    # Copies: another thread may be training what is saved, and the checksums must be of what the file gets.
    contiguous = {name: np.array(array, order="C") for name, array in tensors.items()}
    for name, array in contiguous.items():
        if not all_finite(array):
            raise DataError(
                where=f"save {path}",
                received=f"NaN or infinity in the array {name!r}",
                expected="finite numbers: what training left there is of no use",
                fix="train again with a lower learning rate, or scaled inputs",
            )
    text = sealed({"format_version": FORMAT_VERSION, "written": now()} | description, contiguous)
    with replacing(path, MODEL) as temporary:
        temporary.write_bytes(save(contiguous, metadata={METADATA_KEY: text}))
        prove(temporary)


@to_the_end()
def read_model_file(path: str | Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Reads what ``write_model_file`` wrote.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: the file is truncated, damaged, no glassnet model, or written by a newer format.
    """
    with _opened(path) as (file, where):
        description = _description((file.metadata() or {}).get(METADATA_KEY), where)
        tensors = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - not a dict
    for name, tensor in tensors.items():
        known = tensor.dtype.name in DTYPES
        if not known or not all_finite(tensor):
            raise FileFormatError(
                where=where,
                received=f"NaN or infinity in the array {name!r}" if known else f"{tensor.dtype} in the array {name!r}",
                expected="finite numbers in float32 or float64",
                fix="save the model again from a training that did not diverge",
            )
    if CHECKSUMS in description:
        require_intact_arrays(description, tensors, where)
    return description, tensors


@to_the_end()
def read_description(path: str | Path) -> dict[str, Any]:
    """All but the arrays of what ``read_model_file`` reads, with the same errors."""
    with _opened(path) as (file, where):
        return _description((file.metadata() or {}).get(METADATA_KEY), where)


def contradiction(where: str, error: Exception) -> FileFormatError:
    """The error for a description of which something was taken that is not there."""
    return FileFormatError(
        where=where,
        received=f"a description that contradicts itself ({error})",
        expected="what model.save wrote",
        fix="undo the edit of the file, or save the model again",
    )


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[Any, str]]:
    """A file of safetensors, and how errors name it."""
    from safetensors import SafetensorError, safe_open

    path = readable_path(path, where="load")
    where = f"load {path}"
    if not Path(path).is_file():
        raise MissingFileError(
            where=where,
            received="a folder" if Path(path).is_dir() else "no such file",
            expected="a model saved by model.save",
            fix="check the path",
        )
    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file, where
    except (SafetensorError, OSError, TypeError, KeyError, AttributeError) as error:
        raise FileFormatError(
            where=where,
            received=f"a file of {Path(path).stat().st_size:,} bytes that safetensors cannot read ({error})",
            expected="a whole .safetensors file",
            fix="copy or download it again; it may be truncated or no model at all",
        ) from error


def _description(text: str | None, where: str) -> dict[str, Any]:
    if text is None:
        raise FileFormatError(
            where=where,
            received="a safetensors file without glassnet's metadata",
            expected="a model saved by model.save",
            fix="build the network yourself and copy the arrays in, by net.named_parameters()",
        )
    try:
        description = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            where=where,
            received=f"metadata that is no JSON of finite numbers within 64 bits ({error})",
            expected="the JSON that model.save wrote",
            fix="undo the edit of the file, or save the model again",
        ) from error
    version = description.get("format_version") if isinstance(description, dict) else None
    if not isinstance(version, int) or version < 1:
        raise FileFormatError(
            where=where,
            received=f"the format version {version!r}",
            expected=f"a number from 1 to {OF_ENSEMBLES}",
            fix="save the model again",
        )
    if version > OF_ENSEMBLES:
        raise FileFormatError(
            where=where,
            received=f"format version {version}, written by glassnet {description.get('glassnet_version')}",
            expected=f"at most version {OF_ENSEMBLES}, which this glassnet reads",
            fix="upgrade: pip install --upgrade glassnet",
        )
    if version >= SINCE_CHECKSUMS or CHECKSUMS in description:
        require_intact_text(text, where)
    if (version == OF_ENSEMBLES) != (ENSEMBLE in description):
        what = "with" if ENSEMBLE in description else "without"
        raise contradiction(where, ValueError(f"format version {version} {what} the models of an ensemble"))
    return description  # type: ignore[no-any-return]


def _whole(text: str) -> int:
    """A whole number of JSON that 64 bits hold, whichever sign they are taken with."""
    if len(text) <= MOST_DIGITS and -(2**63) <= (value := int(text)) < 2**64:
        return value
    raise ValueError(f"the number {text:.40}")


def _finite(text: str) -> float:
    value = float(text)
    if isfinite(value):
        return value
    raise ValueError(f"the number {text:.40}")
