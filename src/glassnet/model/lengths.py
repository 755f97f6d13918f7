"""The door for rows of different length."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.ragged import Padded, is_ragged, padded_rows
from glassnet.core.shapes import Array
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.text import Vocabulary
from glassnet.text.vocabulary import texts_in


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
    network, preprocessing = model.network, model.preprocessing
    steps = network.input_shape[0] if network.is_built and network.input_shape is not None else None
    if model.vocabulary is not None and (texts := texts_in(x)) is not None:
        return _tokens(model.vocabulary, texts, steps, where=where)
    if not is_ragged(x) and not _are_short(x, network, steps):
        return None
    several = isinstance(network, Graph) and len(network.inputs) > 1
    if several or isinstance(preprocessing, Table):
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


def require_no_steps(after: Array | None, *, where: str) -> None:
    """Refuses rows of different length whose outputs are steps."""
    if after is not None:
        raise ConfigurationError(
            where=where,
            received="rows of different length for a network whose outputs are steps",
            expected="outputs without steps",
            fix="let a recurrent layer without return_sequences or a pooling over time stand before the end",
        )


def _are_short(x: Any, network: Network, steps: int | None) -> bool:
    """Whether x is a list of arrays of one length that is less than the network's T."""
    several = isinstance(network, Graph) and len(network.inputs) > 1
    if steps is None or not isinstance(x, list | tuple) or not x or several:
        return False
    axes = len(network.input_shape or ())
    return all(isinstance(row, np.ndarray) and row.ndim == axes and len(row) < steps for row in x)
