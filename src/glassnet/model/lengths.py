"""The door for rows of different length."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from glassnet.core.checks import numeric, same_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.ragged import Padded, is_ragged, padded_rows, with_first_steps
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.layers import Layer
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.text import Vocabulary
from glassnet.text.vocabulary import as_vocabulary, texts_in
from glassnet.training import Rows


class Reading(Protocol):
    """What a model knows of the rows that it reads."""

    network: Network
    preprocessing: Standardize | Table | None
    vocabulary: Vocabulary | None


def ragged_rows(model: Reading, x: Any, *, where: str) -> Padded | None:
    """Rows of different length with as many steps as the network has; None for anything else.

    A list of arrays that are of one length, but shorter than the network's T, is one of rows of different length, too.
    Texts, for a model with a vocabulary, become such rows of tokens.

    Raises:
        ConfigurationError: a network of several inputs, or a table, which have no steps.
        DataError, ShapeError: see ``gn.data.pad``; a row that is longer than the network's T.
    """
    if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":  # nearly always
        return None
    if model.vocabulary is not None and (texts := texts_in(x)) is not None:
        return _tokens(as_vocabulary(model.vocabulary), texts, _steps_of(model.network), where=where)
    return ragged_arrays(model.network, x, where=where, of_table=isinstance(model.preprocessing, Table))


def ragged_arrays(network: Network, x: Any, *, where: str, of_table: bool = False) -> Padded | None:
    """The same of arrays alone, for a network; ``of_table`` says whether it takes tables."""
    steps = _steps_of(network)
    if not is_ragged(x) and not _are_short(x, network, steps):
        return None
    if not isinstance(x, Padded) and _is_flat(x[0]) and not _looks_up(network):
        return None  # numbers without an axis of features are a table, in which some are missing
    several = isinstance(network, Graph) and len(network.inputs) > 1
    if several or of_table:
        raise ConfigurationError(
            where=where,
            received="rows of different length for "
            + ("a Graph with several inputs" if several else "a model of a table"),
            expected="rows (L, D) for a network with one input, whose first axis is that of steps",
            fix="make a Graph with a single input, and take its columns apart inside"
            if several
            else "leave the table out, and pass arrays of numbers",
        )
    return padded_rows(x, steps, where=where)


def _steps_of(network: Network) -> int | None:
    """T of a network that is built."""
    return network.input_shape[0] if network.is_built and network.input_shape is not None else None


def _tokens(vocabulary: Vocabulary, texts: list[str], steps: int | None, *, where: str) -> Padded:
    """Texts as rows of tokens.

    Raises:
        DataError: what the vocabulary has not; a text that is longer than the network's T.
    """
    rows = vocabulary.rows(texts, where=where)
    for number, row in enumerate(rows):
        if steps is not None and len(row) > steps:
            raise DataError(
                where=f"{where}: text {number}",
                received=f"{len(row) - 1:,} tokens, {shown(texts[number])}",
                expected=f"at most {steps - 1:,}: the network has {steps:,} steps, the first for the boundary",
                fix="cut longer texts, or train a network of more steps",
            )
    return padded_rows(rows, steps, where=where)


def of_steps(values: Any, after: Array | None, rows: int, output_shape: Shape, *, where: str) -> Array:
    """What there is for each step of the outputs, such as labels, as an array (N, T, ...).

    Behind a row's end, where nothing weighs anything, it repeats that of the row's first step: to any loss that takes
    the row's own steps this is nothing to refuse.

    Args:
        values: an array; or what is of different length in each row, as a list of arrays or ``Padded``.
        after: how many steps the outputs of each row have (N,), or None where all have T, or none.
        rows: N.
        output_shape: of a row: (T, M), or others, of which nothing is said here.
        where: for messages.

    Raises:
        ShapeError: another row has more or fewer than the outputs have steps; or the outputs are not those of steps.
    """
    if len(output_shape) != 2:
        if is_ragged(values):
            raise ShapeError(
                where=where,
                received="as many numbers as each row has steps",
                expected=f"what the network gives for a row, {batch_shape(output_shape)}",
                fix="let the last recurrent layer give all of its steps: return_sequences=True",
            )
        return numeric(values, where=where)
    steps = output_shape[0]
    if is_ragged(values):
        padded = padded_rows(values, None, where=where)
        same_rows(rows, padded.values, where=where, other="x")
        expected = np.full(rows, steps) if after is None else after
        wrong = np.flatnonzero(padded.lengths != expected)
        if len(wrong):
            raise ShapeError(
                where=f"{where}: row {wrong[0]}",
                received=f"{padded.lengths[wrong[0]]} steps",
                expected=f"{expected[wrong[0]]}, as many as the network gives for this row",
                fix="look at how the rows and what belongs to them were cut",
            )
        return with_first_steps(padded_rows(padded, steps, where=where).values, padded.lengths)
    array = numeric(values, where=where)
    if after is None or array.ndim < 2 or len(array) != rows:
        return array
    longest = int(after.max())
    if array.shape[1] == longest < steps:
        array = np.concatenate([array, np.zeros((rows, steps - longest, *array.shape[2:]), array.dtype)], axis=1)
    return with_first_steps(array, after) if array.shape[1] == steps else array


def require_lengths(rows: Rows, *, by_length: bool, stateful: bool) -> None:
    """Refuses batches of similar length where all rows are of one length, or must keep their order.

    Raises:
        ConfigurationError: they are, or must.
    """
    if by_length and stateful:
        raise ConfigurationError(
            where="fit: by_length",
            received="stateful=True, for which rows must stay in their order",
            expected="one of the two",
            fix="leave one of them out",
        )
    if by_length and rows.lengths is None:
        raise ConfigurationError(
            where="fit: by_length",
            received="rows of one length",
            expected="rows of different length: a list of arrays, or gn.data.Padded",
            fix="leave by_length out",
        )


def _is_flat(row: Any) -> bool:
    """Whether a row has single numbers for its steps."""
    return row.ndim == 1 if hasattr(row, "ndim") else len(row) > 0 and not hasattr(row[0], "__len__")


def _looks_up(network: Network) -> bool:
    """Whether a layer inside takes numbers for indices."""
    return any(type(layer).indices_below is not Layer.indices_below for _, layer in network.walk())


def _are_short(x: Any, network: Network, steps: int | None) -> bool:
    """Whether x is a list of arrays of one length that is less than the network's T."""
    several = isinstance(network, Graph) and len(network.inputs) > 1
    if steps is None or not isinstance(x, list | tuple) or not x or several:
        return False
    axes = len(network.input_shape or ())
    return all(isinstance(row, np.ndarray) and row.ndim == axes and len(row) < steps for row in x)
