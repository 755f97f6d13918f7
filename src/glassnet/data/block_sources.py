"""The door for data larger than memory: files, memory maps, and functions that make blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.blocks import BUFFER, ROWS, Blocks
from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.data.block_arrays import ArrayBlocks, mapped
from glassnet.data.block_files import FileBlocks, files_of
from glassnet.data.block_functions import MadeBlocks
from glassnet.data.block_states import WHERE, is_path
from glassnet.tables import Reading


@suggests
def blocks(
    source: Any,
    target: Any = None,
    weight: Any = None,
    *,
    rows: int = ROWS,
    buffer: int = BUFFER,
    reading: Reading | None = None,
    categories: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    max_bytes: int | None = None,
) -> Blocks:
    """A source of rows that ``fit``, ``evaluate`` and ``predict`` read block by block: data larger than memory.

    While a block trains the next one is read. In each epoch the parts of the source come in a random order (of a
    .parquet file and of arrays stretches of ``rows`` rows, of other files whole files), and the rows are shuffled
    within a buffer of ``buffer`` rows. The bits of a training depend on the seed and on ``rows`` and ``buffer``, not on
    how fast anything was read. Memory holds some blocks and four buffers.

    Args:
        source: a table's file (.parquet, .csv, .tsv, also with .gz), a folder of such or a pattern, ``"big/*.parquet"``
            or a list of files, all with the same columns, in the order of their names; an array or memory map (N, ...),
            or the path of an ``.npy`` file, which is mapped; a function that gives an iterator of blocks each time it
            is called, or an object that can be iterated over again and again. Such blocks are tuples (x, y) or
            (x, y, weight) of arrays or, with ``target``, frames of any library or dicts of columns.
        target: with columns: the name of the one to be predicted, or several; with an array: the targets, an array or
            the path of an ``.npy`` file. None for nothing, as in ``predict``.
        weight: with an array: weights of the rows (N,), an array or path; else None.
        rows: in a block, at most.
        buffer: rows that are shuffled together.
        reading: what is known of the texts in files, as of ``read_table``.
        categories: columns whose values are names, whatever they look like.
        ignore: columns that are left out.
        max_bytes: how much a packed file may unpack to; None for a hundred times its size, and 256 MiB at least.

    Returns:
        ``Blocks``; its method ``split`` holds rows out.

    Raises:
        MissingFileError: no such file, or no table in the folder or under the pattern.
        ConfigurationError: what can be gone through only once, such as a generator; settings that do not go together.
        ShapeError: arrays with different numbers of rows.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> def made():
        ...     for k in range(4):
        ...         x = np.random.default_rng(k).normal(size=(250, 3))
        ...         yield x, x.sum(axis=1, keepdims=True)
        >>> source = gn.data.blocks(made, buffer=500)
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.Adam(0.05))
        >>> history = model.fit(source, epochs=5, verbose=False)
        >>> len(source), model.evaluate(source)["loss"] < 0.01
        (1000, True)
    """
    size, buffer = whole(rows, "rows", WHERE), whole(buffer, "buffer", WHERE)
    how: dict[str, Any] = {"rows": size, "buffer": buffer}
    most = None if max_bytes is None else whole(max_bytes, "max_bytes", WHERE)
    told = {"categories": _listed(categories, "categories"), "ignore": _listed(ignore, "ignore")}
    if is_path(source) and str(source).lower().endswith(".npy"):
        source = mapped(source)
    if isinstance(source, np.ndarray):
        _refuse(WHERE, {"reading": reading, **told}, "an array")
        return ArrayBlocks(source, _array(target, "target"), _array(weight, "weight"), **how)
    _refuse(WHERE, {"weight": weight}, "columns or functions, whose blocks hold the weights")
    found: Blocks
    names = () if target is None else tuple(_listed(target, "target"))
    if is_path(source) or (isinstance(source, list | tuple) and source and all(map(is_path, source))):
        found = FileBlocks(files_of(source), names, reading or Reading(), most, told["ignore"], **how)
    elif isinstance(source, Iterator) or not (callable(source) or isinstance(source, Iterable)):
        raise _only_once(source)
    else:
        _refuse(WHERE, {"reading": reading, **(told if not names else {})}, "blocks of arrays" if not names else "them")
        make = source if callable(source) else lambda: source
        found = MadeBlocks(make, names, told["ignore"], **how)
    found.learning = {**told, "reading": reading}
    return found


def _listed(names: Any, setting: str) -> list[str]:
    """Names of columns, one or several.

    Raises:
        ConfigurationError: something else.
    """
    is_list = isinstance(names, list | tuple)
    listed: list[Any] = [names] if isinstance(names, str) else list(names) if is_list else [None]
    if not all(isinstance(own, str) for own in listed):
        raise ConfigurationError(
            where=f"{WHERE}: {setting}",
            received=shown(names),
            expected="the name of a column, or a list of names",
            fix=f'write {setting}="price", or {setting}=["price", "age"]',
        )
    return listed


def _array(given: Any, name: str) -> Array | None:
    if given is None or isinstance(given, np.ndarray):
        return given
    if is_path(given) and str(given).lower().endswith(".npy"):
        return mapped(given)
    raise ConfigurationError(
        where=WHERE,
        received=f"{name}={shown(given)} beside an array",
        expected="an array with a row for each of its rows, or the path of an .npy file",
        fix=f'write {name}="{name}.npy", or {name}=array',
    )


def _refuse(where: str, given: Mapping[str, Any], beside: str) -> None:
    for name, value in given.items():
        if value is not None and not (isinstance(value, list) and not value):
            raise ConfigurationError(
                where=where,
                received=f"{name}={shown(value, 60)} beside {beside}",
                expected=f"{name} for files" if name != "weight" else "weights beside arrays only",
                fix=f"leave {name} out",
            )


def _only_once(source: Any) -> ConfigurationError:
    is_iterator = isinstance(source, Iterator)
    return ConfigurationError(
        where=WHERE,
        received=f"a {type(source).__name__}" + (", which can be gone through only once" if is_iterator else ""),
        expected="files, arrays, or a function that begins anew each time it is called",
        fix="pass the function that makes it, without calling it: gn.data.blocks(made), not gn.data.blocks(made())"
        if is_iterator
        else 'write gn.data.blocks("big/*.parquet", target="y"), or gn.data.blocks(function)',
    )
