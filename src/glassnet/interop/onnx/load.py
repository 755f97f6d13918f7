"""ONNX files from the disk: checked, with the weights that stand in files beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import SEEK_END
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISREG
from typing import Any

from glassnet.core.errors import FileFormatError, MissingFileError

MOST_BYTES = 2**31
"""The limit for a file, and for all weights beside it; protobuf reads no larger ones."""
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
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise MissingFileError(
            where=f"from_onnx {path}",
            received="a folder" if path.is_dir() else "no such file",
            expected="an ONNX file",
            fix="check the path",
        )
    try:
        if path.stat().st_size >= MOST_BYTES:
            raise ValueError("a file of 2 GB or more")
        proto = onnx.load_model(str(path), load_external_data=False)
        _read_weights(proto, path)
        onnx.checker.check_model(proto)
        if proto.functions:
            proto = onnx.inliner.inline_local_functions(proto)
    except (DecodeError, ValueError, onnx.checker.ValidationError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            where=f"from_onnx {path}",
            received=f"a file that ONNX refuses ({' '.join(str(error).split())[:200]})",
            expected="an ONNX file",
            fix="export it again; files of 2 GB or more are not read",
        ) from error
    version = max((opset.version for opset in proto.opset_import if opset.domain in ("", "ai.onnx")), default=0)
    if 0 < version < OLDEST_OPSET:
        raise FileFormatError(
            where=f"from_onnx {path}",
            received=f"operators of version {version}",
            expected=f"{OLDEST_OPSET} or newer",
            fix="export it again with a newer opset, or convert it with onnx.version_converter",
        )
    return proto


def _tensors(nodes: Iterable[Any]) -> Iterator[Any]:
    """The tensors in the attributes of nodes, and in graphs inside of them."""
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from graph.initializer
                yield from _tensors(graph.node)


def _read_weights(proto: Any, path: Path) -> None:
    """Puts into the model what stands in files beside it."""
    from onnx import TensorProto

    total = 0
    functions = (tensor for function in proto.functions for tensor in _tensors(function.node))
    for tensor in (*proto.graph.initializer, *_tensors(proto.graph.node), *functions):
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.raw_data = _outside(tensor, path, room=MOST_BYTES - total)
            total += len(tensor.raw_data)
            del tensor.external_data[:]
            tensor.data_location = TensorProto.DEFAULT


def _outside(tensor: Any, path: Path, *, room: int) -> bytes:
    """A tensor's bytes from the file that it names."""
    from onnx import helper

    said = {entry.key: entry.value for entry in tensor.external_data}
    try:
        size = prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError:
        raise _refused(path, tensor, f"a tensor of the kind {tensor.data_type}") from None
    if min(tensor.dims, default=0) < 0 or helper.tensor_dtype_to_np_dtype(tensor.data_type).kind == "O":
        raise _refused(path, tensor, "no array of numbers")
    file = _beside(path, said.get("location", ""), tensor)
    for name in ("offset", "length"):
        if not said.get(name, "0").isdecimal() or len(said.get(name, "0")) > 18:
            raise _refused(path, tensor, f"the {name} {said[name]!r}")
    offset, length = int(said.get("offset", 0)), int(said.get("length", size))
    if length != size:
        raise _refused(path, tensor, f"{length} bytes for {size}")
    if size >= room:
        raise _refused(path, tensor, "weights of 2 GB or more")
    with file.open("rb") as stream:
        there = stream.seek(0, SEEK_END)
        stream.seek(min(offset, there))
        content = stream.read(size)
    if len(content) != size:
        where = f"bytes {offset} to {offset + size} of {said['location']!r}, which has {there}"
        raise _refused(path, tensor, where)
    return content


def _beside(path: Path, location: str, tensor: Any) -> Path:
    """The file of that name in the model's folder or below it, wherever links lead."""
    is_named = bool(location.strip("./")) and "\0" not in location and "\\" not in location
    absolute = PurePosixPath(location).is_absolute() or bool(PureWindowsPath(location).anchor)
    folder = path.parent.resolve()
    file = (folder / location).resolve() if is_named and not absolute else folder
    if ".." in PurePosixPath(location).parts or folder not in file.parents:
        raise _refused(path, tensor, f"the file {location!r}, which is not in the model's folder")
    if not file.exists():
        raise MissingFileError(
            where=f"from_onnx {path}",
            received=f"no file {location!r} with the weights, such as {tensor.name!r}",
            expected="it beside the model",
            fix="copy it into the model's folder; exporters write both",
        )
    if not S_ISREG(file.stat().st_mode):
        raise _refused(path, tensor, f"{location!r}, which is no file")
    return file


def _refused(path: Path, tensor: Any, received: str) -> FileFormatError:
    return FileFormatError(
        where=f"from_onnx {path}: the weight {tensor.name!r}",
        received=received,
        expected="its bytes in a file in the model's folder",
        fix="export the model again, or save it with its weights inside",
    )
