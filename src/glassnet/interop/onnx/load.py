"""ONNX files from the disk: checked, with the weights that stand in files beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import SEEK_END
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISREG
from typing import Any, BinaryIO

from glassnet.core.errors import FileFormatError, MissingFileError
from glassnet.core.foreign import reading_by_others

MOST_BYTES = 2**31
"""The limit for a file, and for all weights beside it; protobuf reads no larger ones."""
OPENED = "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"
"""How files with weights are opened, as far as a system has these ways."""
NUMBERS = (
    "raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data", "segment"
)  # fmt: skip
"""Where a tensor may hold its numbers itself."""
OLDEST_OPSET = 7
"""Operators before it broadcast by an attribute, and normalise by the batch unless told otherwise."""


def load(path: Path) -> Any:
    """Reads a model, its weights inside, its local functions put in.

    Raises:
        MissingFileError: there is no such file, or none with its weights.
        FileFormatError: it is no ONNX file, a damaged one, or one whose weights are said to stand in a file that is not
            in its folder or too short.
    """
    import onnx
    import onnx.inliner
    import onnx.numpy_helper

    if not path.is_file():
        raise MissingFileError(
            where=f"from_onnx {path}",
            received="a folder" if path.is_dir() else "no such file",
            expected="an ONNX file",
            fix="check the path",
        )
    received, fix = "a file that ONNX refuses ({error})", "export it again; files of 2 GB or more are not read"
    with reading_by_others(f"from_onnx {path}", received=received, expected="an ONNX file", fix=fix):
        proto = onnx.ModelProto.FromString(_content(path))
        _read_weights(proto, path)
        onnx.checker.check_model(proto)
        for tensor in _tensors(proto):
            onnx.numpy_helper.to_array(tensor)
        if proto.functions:
            proto = onnx.inliner.inline_local_functions(proto)
    version = max((opset.version for opset in proto.opset_import if opset.domain in ("", "ai.onnx")), default=0)
    if 0 < version < OLDEST_OPSET:
        raise FileFormatError(
            where=f"from_onnx {path}",
            received=f"operators of version {version}",
            expected=f"{OLDEST_OPSET} or newer",
            fix="export it again with a newer opset, or convert it with onnx.version_converter",
        )
    return proto


def _content(path: Path) -> bytes:
    if path.stat().st_size >= MOST_BYTES:
        raise ValueError("2 GB or more")
    return path.read_bytes()


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message of ONNX's, wherever it may stand: in graphs, attributes, functions, sparse tensors."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for kind, value in message.ListFields():
        if kind.message_type is not None:
            for inside in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _tensors(inside)


def _read_weights(proto: Any, path: Path) -> None:
    """Puts into the model what stands in files beside it, so that nobody after it opens a file."""
    from onnx import TensorProto

    total = 0
    for tensor in _tensors(proto):
        if tensor.data_location != TensorProto.DEFAULT:
            content = _outside(tensor, path, room=MOST_BYTES - total)
            total += len(content)
            for name in (*NUMBERS, "external_data", "data_location"):
                tensor.ClearField(name)
            tensor.raw_data = content


def _outside(tensor: Any, path: Path, *, room: int) -> bytes:
    """A tensor's bytes from the file that it names."""
    from onnx import helper

    said = {entry.key: entry.value for entry in tensor.external_data}
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError):
        raise _refused(path, tensor, f"a tensor of the kind {tensor.data_type}") from None
    if min(tensor.dims, default=0) < 0 or dtype.kind == "O":
        raise _refused(path, tensor, "no array of numbers")
    size = prod(tensor.dims) * dtype.itemsize
    for name in ("offset", "length"):
        if not _is_count(said.get(name, "0")):
            raise _refused(path, tensor, f"the {name} {said[name][:40]!r}")
    offset, length = int(said.get("offset", 0)), int(said.get("length", size))
    if length != size:
        raise _refused(path, tensor, f"{length} bytes for {size}")
    if size >= room:
        raise _refused(path, tensor, "weights of 2 GB or more")
    location = said.get("location", "")
    with _opened(path, location, tensor) as stream:
        there = stream.seek(0, SEEK_END)
        if offset + size > there:
            raise _refused(path, tensor, f"bytes {offset} to {offset + size} of {location!r}, which has {there}")
        stream.seek(offset)
        content = stream.read(size)
    if len(content) != size:
        raise _refused(path, tensor, f"{len(content)} bytes for {size}, while another program writes {location!r}")
    return content


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _opened(path: Path, location: str, tensor: Any) -> BinaryIO:
    """The file of that name in the model's folder or below it, wherever links lead; the only way to any such file."""
    is_named = bool(location.strip("./")) and "\\" not in location and location.isprintable()
    absolute = PurePosixPath(location).is_absolute() or bool(PureWindowsPath(location).anchor)
    folder = path.parent.resolve()
    try:
        file = (folder / location).resolve() if is_named and not absolute else folder
        if ".." in PurePosixPath(location).parts or folder not in file.parents:
            raise _refused(path, tensor, f"the file {location!r:.200}, which is not in the model's folder")
        # Not waiting for the other end of a pipe, and not along a link that has come since.
        handle = os.open(file, os.O_RDONLY | sum(getattr(os, name, 0) for name in OPENED))
    except FileNotFoundError as error:
        raise MissingFileError(
            where=f"from_onnx {path}",
            received=f"no file {location!r} with the weights, such as {tensor.name!r}",
            expected="it beside the model",
            fix="copy it into the model's folder; exporters write both",
        ) from error
    except (OSError, UnicodeError, RuntimeError) as error:  # RuntimeError: links in a circle, for older Pythons
        raise _refused(path, tensor, f"{location!r:.200}, which cannot be opened ({error})") from error
    if not S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _refused(path, tensor, f"{location!r}, which is no file")
    return os.fdopen(handle, "rb")


def _refused(path: Path, tensor: Any, received: str) -> FileFormatError:
    return FileFormatError(
        where=f"from_onnx {path}: the weight {tensor.name!r:.80}",
        received=received,
        expected="its bytes in a file in the model's folder",
        fix="export the model again, or save it with its weights inside",
    )
