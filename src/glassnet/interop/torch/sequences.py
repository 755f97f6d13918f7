"""Recurrences of ``torch.nn`` as layers: one for each level and direction, and what is taken of their outputs.

A module for recurrences gives two things, the outputs of all steps and the last states. A module of the user's own
behind it takes one of them; it is read where it does nothing but choose.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array
from glassnet.interop.torch.modules import READERS, Rows, kind_of, only, require_axes
from glassnet.network import Bidirectional, Network

RECURRENCES: dict[str, Any] = {"RNN": gl.SimpleRNN, "LSTM": gl.LSTM, "GRU": gl.GRU}
"""The layer of one level and direction of each module."""
SEQUENCES, LAST = "sequences", "last"
"""What may be taken: the outputs of all steps; the last output of each direction; or that of a step, by its number."""
_CHOOSING = (
    "cat", "chunk", "concat", "contiguous", "dim", "flatten", "getitem", "permute", "reshape", "select", "size",
    "split", "squeeze", "swapaxes", "transpose", "unbind", "unsqueeze", "view",
)  # fmt: skip
"""Functions and methods of torch that choose and arrange numbers whatever these are."""


def gives_states(module: Any) -> bool:
    """Whether a module gives its last states beside its outputs."""
    return kind_of(module) in RECURRENCES and not hasattr(module, "return_sequences")


def is_bare(module: Any) -> bool:
    """Whether a module has nothing that could be trained, kept or called: all that it does is in its ``forward``."""
    from torch import nn

    parts = "_parameters", "_buffers", "_modules"
    return isinstance(module, nn.Module) and not any(getattr(module, name) for name in parts)


def only_chooses(module: Any) -> bool:
    """Whether a module does nothing but choose and arrange numbers, by places that depend on shapes alone.

    torch.fx writes its operations down, without any numbers there.
    """
    from torch import fx

    try:
        graph = fx.symbolic_trace(module).graph
    except Exception:  # noqa: BLE001 - it asks for numbers, or for what a tuple of tensors is
        return False
    return all(_is_choice(node) for node in graph.nodes)


def _is_choice(node: Any) -> bool:
    if node.op in ("placeholder", "output"):
        return True
    if node.op == "call_method":
        return node.target in _CHOOSING
    if node.op != "call_function":
        return False
    if node.target is getattr:
        return node.args[1] in ("shape", "ndim")
    home = str(getattr(node.target, "__module__", "") or "").partition(".")[0]
    is_known = node.target is operator.getitem or home in ("torch", "_C") or "torch" in repr(type(node.target))
    return is_known and getattr(node.target, "__name__", "") in _CHOOSING


def taken(module: Any, outputs: Sequence[Array], results: Sequence[Array]) -> str | int | None:
    """What has been taken of a recurrence's outputs, in several batches.

    Args:
        module: the recurrence.
        outputs: of all steps (N, T, ...).
        results: what was made of them.

    Returns:
        ``SEQUENCES``, ``LAST`` or the number of a step; None for anything else.
    """
    units, both_ways, steps = module.hidden_size, module.bidirectional, outputs[0].shape[1]

    def of(choice: str | int, y: Array) -> Array:
        if choice == SEQUENCES:
            return y
        if choice == LAST:
            return np.concatenate([y[:, -1, :units], y[:, 0, units:]], axis=1) if both_ways else y[:, -1]
        return y[:, int(choice)]

    choices: tuple[str | int, ...] = SEQUENCES, LAST, *range(steps)
    pairs = list(zip(outputs, results, strict=True))
    return next((own for own in choices if all(np.array_equal(of(own, y), made) for y, made in pairs)), None)


def _recurrence(m: Any, rows: Rows) -> list[gl.Layer]:
    kind = str(kind_of(m))
    require_axes(rows, 2)
    only(m, **({"nonlinearity": "tanh"} if kind == "RNN" else {}), **({"proj_size": 0} if kind == "LSTM" else {}))
    is_own = not gives_states(m)  # made by ``to_torch``
    found: list[gl.Layer] = []
    for level in range(m.num_layers):
        is_last = level == m.num_layers - 1
        whole = m.return_sequences if is_own else not (is_last and rows.taken == LAST)
        settings = {"return_sequences": whole, "reverse": is_own and m.reverse}
        layer = RECURRENCES[kind](m.hidden_size, use_bias=m.bias, **settings)
        found.append(Bidirectional(layer) if m.bidirectional else layer)
        if m.dropout and not is_last:
            found.append(gl.Dropout(m.dropout))
    if isinstance(rows.taken, int):
        width = m.hidden_size * (1 + m.bidirectional)
        found += [gl.Flatten(), gl.Columns(range(rows.taken * width, (rows.taken + 1) * width))]
    return found


def leaves_of(layers: Sequence[gl.Layer]) -> list[gl.Layer]:
    """Those among layers, and inside of them, that have parameters of their own."""
    inside = [own for layer in layers for own in (layer, *(inner for _, inner in layer.walk()))]
    return [own for own in inside if not isinstance(own, Network) and own.own_parameters()]


def parts(module: Any, layers: Sequence[gl.Layer]) -> Iterator[tuple[gl.Layer, dict[str, Any]]]:
    """Each layer that a recurrence became, with its parameters as those of a module for it alone."""
    leaves = leaves_of(layers)
    ways = ("", "_reverse") if module.bidirectional else ("",)
    endings = [f"_l{level}{way}" for level in range(module.num_layers) for way in ways]
    for layer, ending in zip(leaves, endings, strict=True):
        names = [name for name in module._parameters if name.endswith(ending)]
        yield layer, {f"{name.removesuffix(ending)}_l0": module._parameters[name] for name in names}


READERS.update(dict.fromkeys(RECURRENCES, _recurrence))
