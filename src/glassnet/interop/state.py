"""PyTorch's names and forms of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, FileFormatError, MissingFileError, NotBuiltError, ShapeError
from glassnet.layers import BatchNorm, Conv1D, Dense, Layer
from glassnet.network import Network
from glassnet.parameters import Parameter
from glassnet.shapes import Array

THEIRS = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}
"""PyTorch's names of parameters where they differ."""


def load_state(network: Network, path: str | Path, names: Mapping[str, str] | None = None) -> None:
    """Reads the weights of a ``state_dict`` that was saved as safetensors.

    Args:
        network: built; it gets the weights in place, and in its own dtype.
        path: the file, as ``safetensors.torch.save_file(module.state_dict(), path)`` writes it.
        names: for each layer's path the prefix that its parameters have in the file, such as
            ``{"0": "features.conv1"}``. Without it the layers that have parameters take the file's prefixes in the
            order of the names with numbers counted as numbers, which is the modules' order in a
            ``torch.nn.Sequential``.

    Raises:
        MissingFileError, FileFormatError: there is no such file, or none of safetensors.
        ConfigurationError: names that the file or the network has not; other numbers of layers.
        ShapeError: a weight of another shape. Nothing is changed then.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    where = f"load_state {path}"
    if not network.is_built:
        raise NotBuiltError(
            where=where, received="a network whose shapes are not known", expected="a built one",
            fix="call network.build(input_shape) first",
        )  # fmt: skip
    if not Path(path).is_file():
        raise MissingFileError(
            where=where, received="no such file", expected="a .safetensors file", fix="check the path"
        )
    try:
        tensors: dict[str, Array] = load_file(str(path))
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(
            where=where,
            received=f"a file that safetensors refuses ({error})",
            expected="float16, float32 or float64 tensors in a .safetensors file",
            fix="save it again: safetensors.torch.save_file(module.state_dict(), path)",
        ) from error
    layers = {p: layer for p, layer in network.walk() if layer.own_parameters() and not isinstance(layer, Network)}
    prefixes = list(dict.fromkeys(sorted((name.rpartition(".")[0] for name in tensors), key=_in_order)))
    chosen = dict(zip(layers, prefixes, strict=False)) if names is None else dict(names)
    unknown = [f"layer {p!r}" for p in chosen if p not in layers] + [
        f"prefix {p!r}" for p in chosen.values() if p not in prefixes
    ]
    if unknown or set(chosen) != set(layers) or (names is None and len(prefixes) != len(layers)):
        raise ConfigurationError(
            where=where,
            received=", ".join(unknown) or f"{len(prefixes)} groups of weights ({', '.join(prefixes)[:200]})",
            expected=f"one for each of the {len(layers)} layers with parameters: {', '.join(layers)}",
            fix='pass names={"0": "fc1", ...}, from each layer\'s path to its prefix in the file',
        )
    before = network.parameters.copy()
    try:
        for layer_path, prefix in chosen.items():
            own = {n.rpartition(".")[2]: array for n, array in tensors.items() if n.rpartition(".")[0] == prefix}
            from_state(layers[layer_path], own, where=f"{where}: {prefix}")
    except ShapeError:
        network.parameters[...] = before
        raise


def names_of_state(layer: Layer) -> dict[str, Parameter]:
    """The layer's parameters by PyTorch's names."""
    return {THEIRS.get(name, name): own for name, own in layer.own_parameters().items()}


def from_state(layer: Layer, state: Mapping[str, Any], *, where: str) -> None:
    """Writes PyTorch's parameters of one module into a built layer: dense weights are (outputs, inputs) there.

    Raises:
        ShapeError: one is missing, is of another shape, or is one too many.
    """
    expected = names_of_state(layer)
    extra = set(state) - set(expected) - ({"num_batches_tracked"} if isinstance(layer, BatchNorm) else set())
    missing = set(expected) - set(state)
    if extra or missing:
        raise ShapeError(
            where=where,
            received=f"the parameters {sorted(state)}",
            expected=f"{sorted(expected)}, for {layer!r}",
            fix="check that use_bias is the same on both sides",
        )
    for name, own in expected.items():
        values = np.asarray(state[name])
        if isinstance(layer, Dense) and values.ndim == 2:
            values = values.T
        elif isinstance(layer, Conv1D) and values.ndim == 3:
            values = values.transpose(2, 1, 0)  # (F, D/G, k) -> (k, D/G, F)
        if values.shape != own.shape:
            raise ShapeError(
                where=where,
                received=f"{name} of shape {np.shape(state[name])}",
                expected=f"the values of {layer!r}, {own.shape} here",
                fix="check that both networks have the same layers",
            )
        own.value[...] = values


def _in_order(prefix: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers by their value, names by their letters."""
    parts = prefix.split(".")
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
