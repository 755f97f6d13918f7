"""PyTorch's names and forms of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.ending import to_the_end
from glassnet.core.errors import (
    ConfigurationError,
    DataError,
    FileFormatError,
    GlassnetError,
    MissingFileError,
    ShapeError,
)
from glassnet.core.parameters import Parameter
from glassnet.core.paths import readable_path
from glassnet.core.shapes import Array
from glassnet.layers import AveragePool1D, BatchNorm, Conv1D, Dense, Flatten, Layer, MaxPool1D, Reshape
from glassnet.network import Network

THEIRS = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}
"""PyTorch's names of parameters where they differ."""
_COUNTED = "num_batches_tracked"
"""What PyTorch's batch norm counts: here none needs a count of its batches."""


@suggests
def load_state(network: Network, path: str | Path, names: Mapping[str, str] | None = None) -> None:
    """Reads the weights of a ``state_dict`` that was saved as safetensors.

    Args:
        network: built; it gets the weights in place, and in its own dtype.
        path: the file, as ``safetensors.torch.save_file(module.state_dict(), path)`` writes it.
        names: for each layer's path the prefix that its parameters have in the file, such as
            ``{"0": "features.conv1"}``. Without it names that are the layers' paths count as such, and names that
            differ in numbers alone are taken in the numbers' order, which is the modules' in a ``torch.nn.Sequential``.
            A file keeps no order of its own: other names count where the shapes leave a single choice.

    Raises:
        MissingFileError, FileFormatError: there is no such file, or none of safetensors.
        ConfigurationError: names that the file or the network has not, or that are left over; other numbers of
            layers; without ``names``, layers that could be each other's.
        ShapeError: a weight of another shape, one that is missing or one too many.
        DataError: a weight that is no real number (whole numbers of a quantized model), NaN, infinite or too large, or
            a variance below 0.

    Nothing is changed then.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    where = f"load_state {path}"
    network.require_built(where)
    if not readable_path(path, where=where).is_file():
        raise MissingFileError(
            where=where, received="no such file", expected="a .safetensors file", fix="check the path"
        )
    try:
        with to_the_end():
            tensors: dict[str, Array] = load_file(str(path))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileFormatError(
            where=where,
            received=f"a file that safetensors refuses ({error})",
            expected="float16, float32 or float64 tensors in a .safetensors file",
            fix="save it again: safetensors.torch.save_file(module.state_dict(), path)",
        ) from error
    layers = {p: layer for p, layer in network.walk() if layer.own_parameters() and not isinstance(layer, Network)}
    _refuse_flat_sequences(network, where)
    groups = _grouped(tensors)
    chosen = _by_itself(layers, groups, where) if names is None else dict(names)
    wrong = [f"layer {p!r}" for p in chosen if p not in layers] + [
        f"prefix {p!r}" for p in chosen.values() if p not in groups
    ]
    left = [f"nothing for layer {p}" for p in layers if p not in chosen]
    left += [f"weights that no layer takes, {p!r}" for p in groups if p not in chosen.values()]
    if wrong or left:
        raise _unnamed(where, ", ".join(wrong or left)[:300], f"{_one_each(layers)}; the file has {', '.join(groups)}")
    before = network.parameters.copy()
    try:
        for layer_path, prefix in chosen.items():
            from_state(layers[layer_path], groups[prefix], where=f"{where}: {prefix}")
    except GlassnetError:
        network.put_back(before)
        raise


def _refuse_flat_sequences(network: Network, where: str) -> None:
    """Refuses a network that flattens convolved sequences: in PyTorch their numbers come in another order.

    Raises:
        ConfigurationError: there is such a layer.
    """
    leaves = [layer for _, layer in network.walk() if not isinstance(layer, Network)]
    kinds = Conv1D, MaxPool1D, AveragePool1D
    first = next((place for place, layer in enumerate(leaves) if isinstance(layer, kinds)), len(leaves))
    for layer in leaves[first:]:
        shape = layer.input_shape or ()
        if isinstance(layer, Flatten | Reshape) and len(shape) == 2 and min(shape) > 1:
            raise ConfigurationError(
                where=where,
                received=f"{layer.where} behind {leaves[first].where}: here it reads sequences (N, T, D) step by step",
                expected="the order of PyTorch, which reads (N, C, L) channel by channel, and so other weights behind",
                fix="bring the whole module over instead: gn.from_torch(module, input_shape)",
            )


def _grouped(tensors: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """The tensors by what stands before their last name, numbers in their order."""
    groups: dict[str, dict[str, Array]] = {}
    for name in sorted(tensors, key=lambda name: _in_order(name.rpartition(".")[0])):
        prefix, _, own = name.rpartition(".")
        groups.setdefault(prefix, {})[own] = tensors[name]
    return groups


def _by_itself(layers: Mapping[str, Layer], groups: Mapping[str, Mapping[str, Array]], where: str) -> dict[str, str]:
    """Which group of tensors each layer takes, where there is no doubt.

    Raises:
        ConfigurationError: other numbers of both, or a choice that nothing decides.
    """
    if set(groups) == set(layers):
        return {path: path for path in layers}
    if len(groups) != len(layers):
        raise _unnamed(where, f"{len(groups)} groups of weights ({', '.join(groups)[:200]})", _one_each(layers))
    if _differ_in_numbers(list(groups)):
        return dict(zip(layers, groups, strict=True))
    fitting = {path: [p for p, own in groups.items() if _fits(layer, own)] for path, layer in layers.items()}
    doubtful = next((path for path, found in fitting.items() if len(found) != 1), None)
    if doubtful is not None:
        found = fitting[doubtful]
        several = f": {', '.join(found)[:200]}, whose order in the network the file does not tell" if found else ""
        count = f"{len(found)} groups" if found else "no group"
        received = f"{count} of weights that {layers[doubtful].where} could take{several}"
        raise _unnamed(where, received, "exactly one, or names that are numbers")
    return {path: found[0] for path, found in fitting.items()}


def _one_each(layers: Mapping[str, Layer]) -> str:
    return f"one for each of the {len(layers)} layers with parameters: {', '.join(layers)}"


def _unnamed(where: str, received: str, expected: str) -> ConfigurationError:
    """The error for weights whose layers nothing tells."""
    fix = 'pass names={"0": "fc1", ...}, from each layer\'s path to its prefix in the file'
    return ConfigurationError(where=where, received=received, expected=expected, fix=fix)


def _differ_in_numbers(prefixes: Sequence[str]) -> bool:
    """Whether numbers alone tell the names apart: 0, 2 and 10, or net.0.1 and net.3."""
    heads: dict[str, list[str]] = {}
    for prefix in prefixes:
        head, _, rest = prefix.partition(".")
        heads.setdefault(head, []).append(rest)
    if len(heads) > 1 and not all(head.isascii() and head.isdigit() for head in heads):
        return False
    return all(len(rest) == 1 or ("" not in rest and _differ_in_numbers(rest)) for rest in heads.values())


def _fits(layer: Layer, state: Mapping[str, Array]) -> bool:
    """Whether the tensors have the layer's names and shapes."""
    own = {name: parameter.shape for name, parameter in names_of_state(layer).items()}
    given = {name: _turned(layer, values).shape for name, values in state.items() if name != _COUNTED}
    return own == given


def names_of_state(layer: Layer) -> dict[str, Parameter]:
    """The layer's parameters by PyTorch's names."""
    return {THEIRS.get(name, name): own for name, own in layer.own_parameters().items()}


def from_state(layer: Layer, state: Mapping[str, Any], *, where: str) -> None:
    """Writes PyTorch's parameters of one module into a built layer: dense weights are (outputs, inputs) there.

    Raises:
        ShapeError: one is missing, is of another shape, or is one too many.
        DataError: one holds whole numbers, NaN or infinity, or a variance below 0.
    """
    expected = names_of_state(layer)
    extra = set(state) - set(expected) - ({_COUNTED} if isinstance(layer, BatchNorm) else set())
    missing = set(expected) - set(state)
    if extra or missing:
        raise ShapeError(
            where=where,
            received=f"the parameters {sorted(state)}",
            expected=f"{sorted(expected)}, for {layer!r}",
            fix="check that use_bias is the same on both sides",
        )
    for name, own in expected.items():
        given = np.asarray(state[name])
        values = _turned(layer, given)
        if values.shape != own.shape:
            raise ShapeError(
                where=where,
                received=f"{name} of shape {given.shape}",
                expected=f"the values of {layer!r}, {own.shape} here",
                fix="check that both networks have the same layers",
            )
        fault = own.fault_of(values) if given.dtype.kind == "f" else "no real numbers"
        if fault:
            raise DataError(
                where=where,
                received=f"{name} of dtype {given.dtype}, {fault}",
                expected=f"finite real numbers that {own.value.dtype} can hold",
                fix="save the weights of a network that is not quantized, and whose training did not diverge",
            )
        own.value[...] = values


def _turned(layer: Layer, values: Array) -> Array:
    """PyTorch's array with its axes in glassnet's order."""
    if isinstance(layer, Dense) and values.ndim == 2:
        return values.T
    if isinstance(layer, Conv1D) and values.ndim == 3:
        return values.transpose(2, 1, 0)  # (F, D/G, k) -> (k, D/G, F)
    return values


def _in_order(prefix: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers by their value, names by their letters."""
    parts = prefix.split(".")
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)
