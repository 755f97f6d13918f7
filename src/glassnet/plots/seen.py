"""What kernels of sequences read and wrote while a model looked at one row, or at a batch and back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.numeric import numeric
from glassnet.core.pages import printable
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, info
from glassnet.layers import Layer
from glassnet.model import Model
from glassnet.network import LookingRunner, chosen_layers
from glassnet.runners import Caller

BOUNDARY, SHOWN = "▪", {" ": "␣", "\n": "↵", "\t": "⇥"}
"""How pictures write the token between texts, and characters that leave no ink."""


@dataclass(frozen=True)
class Call:
    """What a kernel read and wrote, with its numbers, and for whom."""

    path: str
    kernel: str
    arrays: dict[str, Any]


class SeeingRunner(LookingRunner):
    """Keeps copies of what some kernels read and wrote, in ``calls``.

    Args:
        kernels: which.
    """

    def __init__(self, kernels: Collection[Kernel]) -> None:
        super().__init__()
        self._kernels = {info(kernel).name for kernel in kernels}
        self.calls: list[Call] = []

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls the kernel, and keeps what is asked for."""
        super().__call__(caller, kernel, **arguments)
        name = info(kernel).name
        if name in self._kernels:
            copies = {n: np.array(a) if isinstance(a, np.ndarray) else a for n, a in arguments.items()}
            self.calls.append(Call(caller.path, name, copies))


def row_seen(
    model: Model, x: Any, kernels: Collection[Kernel], steps: Sequence[Any] | None, where: str
) -> tuple[list[Call], int, list[str]]:
    """The calls of some kernels for one row, how many steps it has, and their names.

    Raises:
        NotBuiltError: the model has seen no data.
        ShapeError, DataError: x is no row of the model; not as many names as steps.
    """
    model.require_built(where)
    inputs, lengths = model.inputs_and_lengths(_batch_of_one(model, x, where), where=f"{where}: x")
    run = SeeingRunner(kernels)
    run.lengths = lengths
    run.forward(model.network, inputs, training=False)
    count = inputs.shape[1] if lengths is None else int(lengths[0])
    return run.calls, count, _names(model, inputs[0, :count], steps, where)


def _batch_of_one(model: Model, x: Any, where: str) -> Any:
    """One row as a list of it, of a row or of a batch of one."""
    if isinstance(x, str):
        return [x]
    row = numeric(x, where=f"{where}: x")
    axes = len(model.network.input_shape or ())
    if row.ndim == axes + 1 and len(row) == 1:
        row = row[0]
    if row.ndim != axes:
        raise ShapeError(
            where=f"{where}: x",
            received=f"an array of shape {row.shape}",
            expected=f"one row of the model, whose rows have {axes} {'axis' if axes == 1 else 'axes'}",
            fix="pass x[0] for the first of several rows",
        )
    return [row]


def _names(model: Model, row: Array, steps: Sequence[Any] | None, where: str) -> list[str]:
    """A name for each step: those given, its token, the number that it looks up, or its place."""
    if steps is None and row.ndim > 1:
        steps = range(1, len(row) + 1)
    elif steps is None:
        tokens = () if model.vocabulary is None else model.vocabulary.tokens
        steps = [tokens[int(n)] if n < len(tokens) else BOUNDARY if tokens else f"{n:g}" for n in row]
    if not isinstance(steps, Collection) or len(steps) != len(row):
        raise ShapeError(
            where=f"{where}: steps",
            received=f"{len(steps)} names" if isinstance(steps, Collection) else shown(steps),
            expected=f"{len(row)}, one for each step of the row",
            fix="name the steps in their order, such as list(text)",
        )
    return [SHOWN.get(str(name), printable(str(name))) for name in steps]


def chosen_call(calls: list[Call], model: Model, layer: int | str | Layer | None, expected: str, where: str) -> Call:
    """The first call, or that of a layer.

    Raises:
        ConfigurationError: there is no such layer, or it called none of the kernels.
    """
    if layer is not None:
        (path,) = chosen_layers(model.network, layer, where=where)
        found = [call for call in calls if call.path == path or call.path.startswith(f"{path}.")]
        received = title_of(model, path)
    else:
        found, received = calls, f"a network of {', '.join(type(one).__name__ for _, one in model.network.walk()):.200}"
    if not found:
        others = ", ".join(dict.fromkeys(call.path for call in calls))
        raise ConfigurationError(
            where=where,
            received=received,
            expected=expected,
            fix=f"name the layer: {others}" if others else "look at a network that has one",
        )
    return found[0]


def title_of(model: Model, path: str) -> str:
    """How a picture names a layer."""
    layer = dict(model.network.walk()).get(path)
    return f"layer {path}" if layer is None else layer.where
