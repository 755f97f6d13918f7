"""PyTorch's names and forms of parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
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
from glassnet.layers import (
    GRU,
    LSTM,
    AveragePool1D,
    BatchNorm,
    Conv1D,
    Dense,
    Flatten,
    Layer,
    MaxPool1D,
    Reshape,
    SelfAttention,
    SimpleRNN,
    Tied,
)
from glassnet.network import Bidirectional, Network, Sequential

THEIRS = {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}
"""PyTorch's names of parameters where they differ."""
_RECURRENT = {"weight": ("weight_ih_l0",), "recurrent_weight": ("weight_hh_l0",)}
_SUMMED = {**_RECURRENT, "bias": ("bias_ih_l0", "bias_hh_l0")}
_OF_KIND: dict[type[Layer], dict[str, tuple[str, ...]]] = {
    SimpleRNN: _SUMMED,
    LSTM: _SUMMED,
    GRU: {**_RECURRENT, "bias": ("bias_ih_l0",), "recurrent_bias": ("bias_hh_l0",)},
    SelfAttention: {
        "weight": ("in_proj_weight",),
        "bias": ("in_proj_bias",),
        "output_weight": ("out_proj.weight",),
        "output_bias": ("out_proj.bias",),
    },
}
"""The same of layers whose modules have other parameters: of a sum, those that it is the sum of."""
_FIRST = {f"{kind}_{what}_l0" for kind in ("weight", "bias") for what in ("ih", "hh")}
"""What a module for one recurrence has."""
_PLACED = re.compile(r"((?:weight|bias)_(?:ih|hh))_l(\d{1,4})(_reverse)?")
"""A parameter of one of several: its kind, which layer, and whether that goes back."""
_COUNTED = "num_batches_tracked"
"""What PyTorch's batch norm counts: here none needs a count of its batches."""


@suggests
def load_state(network: Network, path: str | Path, names: Mapping[str, str] | None = None) -> None:
    """Reads the weights of a ``state_dict`` that was saved as safetensors.

    Args:
        network: built; it gets the weights in place, and in its own dtype.
        path: the file, as ``safetensors.torch.save_file(module.state_dict(), path)`` writes it.
        names: for each layer's path the prefix that its parameters have in the file, such as
            ``{"0": "features.conv1"}``; of layers that share weights one is enough. Without it names that are the
            layers' paths count as such, and names that differ in numbers alone are taken in the numbers' order, which
            is the modules' in a ``torch.nn.Sequential``, also among others where the shapes tell these apart. Of a
            module for several recurrences each is called by its number, ``"lstm.0"`` and ``"lstm.1"``; of one that goes
            both ways ``"lstm.0.0"`` goes forward and ``"lstm.0.1"`` back. A file keeps no order of its own: other names
            count where the shapes leave a single
            choice.

    Raises:
        MissingFileError, FileFormatError: there is no such file, or none of safetensors.
        ConfigurationError: names that the file or the network has not, or that are left over; other numbers of
            layers; without ``names``, layers that could be each other's, or recurrences that go other ways than the
            file's names say.
        ShapeError: a weight of another shape, one that is missing or one too many.
        DataError: a weight that is no real number (whole numbers of a quantized model), NaN, infinite or too large, or
            a variance below 0.

    Nothing is changed then.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np, glassnet as gn
        >>> from safetensors.numpy import save_file
        >>> net = gn.Sequential(gn.Dense(1))
        >>> _ = net.build(2)
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "state.safetensors")  # PyTorch keeps a weight as (out, in)
        ...     save_file({"0.weight": np.array([[2.0, 3.0]]), "0.bias": np.array([1.0])}, file)
        ...     gn.load_state(net, file)
        >>> net(np.array([[1.0, 10.0]])).tolist()
        [[33.0]]
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
    first = {p: layer for p, layer in layers.items() if not layer._is_second}
    by_itself = first if len(groups) == len(first) else layers  # a file may have weights that layers share once
    chosen = _by_itself(by_itself, groups, where) if names is None else dict(names)
    wrong = [f"layer {p!r}" for p in chosen if p not in layers] + [
        f"prefix {p!r}" for p in chosen.values() if p not in groups
    ]
    left = [f"nothing for layer {p}" for p in first if p not in chosen]
    left += [f"weights that no layer takes, {p!r}" for p in groups if p not in chosen.values()]
    if wrong or left:
        raise _unnamed(where, ", ".join(wrong or left)[:300], f"{_one_each(layers)}; the file has {', '.join(groups)}")
    if names is None:
        _require_ways(network, chosen, tensors, where)
    before = network.parameters.copy()
    try:
        for layer_path, prefix in sorted(chosen.items(), key=lambda item: layers[item[0]]._is_second):
            layer = layers[layer_path]
            shared = {name: own.value.copy() for name, own in layer.own_parameters().items() if layer._is_second}
            from_state(layer, groups[prefix], where=f"{where}: {prefix}")
            if any((own != layer.own_parameters()[name].value).any() for name, own in shared.items()):
                raise ConfigurationError(
                    where=f"{where}: {prefix}",
                    received=f"other weights than those of the layer that {layer.where} shares its own with",
                    expected="the same in both places",
                    fix="read it into a network of which each layer has weights of its own",
                )
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
    """The tensors by what stands before their last name, numbers in their order; each layer of a recurrence apart."""
    groups: dict[str, dict[str, Array]] = {}
    for name in sorted(tensors, key=lambda name: _in_order(name.rpartition(".")[0])):
        prefix, _, own = name.rpartition(".")
        owner = f".{prefix}".removesuffix(".out_proj").removeprefix(".")
        if owner != prefix and f"{owner}.in_proj_weight".lstrip(".") in tensors:  # the end of attention, inside of it
            prefix, own = owner, f"out_proj.{own}"
        groups.setdefault(prefix, {})[own] = tensors[name]
    return {place: parts for prefix, own in groups.items() for place, parts in _recurrences(prefix, own).items()}


def _recurrences(prefix: str, state: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """The layers of a module for recurrences, each with the names of a first one: ``lstm.0``, ``lstm.1``, ...

    Of one that goes both ways, ``lstm.0.0`` goes forward and ``lstm.0.1`` back.
    """
    places = {name: _PLACED.fullmatch(name) for name in state}
    if not all(places.values()) or set(state) <= _FIRST:
        return {prefix: dict(state)}
    both_ways = any(found is not None and found[3] for found in places.values())
    parts: dict[str, dict[str, Array]] = {}
    for name, found in sorted(
        places.items(), key=lambda item: (int(item[1][2]), bool(item[1][3])) if item[1] else (0, 0)
    ):
        assert found is not None
        place = f"{prefix}.{found[2]}" + (f".{int(bool(found[3]))}" if both_ways else "")
        parts.setdefault(place.lstrip("."), {})[f"{found[1]}_l0"] = state[name]
    return parts


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
    for some in {tuple(own) for own in fitting.values() if len(own) > 1}:
        alike = [path for path, own in fitting.items() if tuple(own) == some]
        if len(alike) == len(some) and _differ_in_numbers(some):  # such as the recurrences of one module
            fitting |= {own: [group] for own, group in zip(alike, some, strict=True)}
    doubtful = next((path for path, found in fitting.items() if len(found) != 1), None)
    if doubtful is not None:
        found = fitting[doubtful]
        several = f": {', '.join(found)[:200]}, whose order in the network the file does not tell" if found else ""
        count = f"{len(found)} groups" if found else "no group"
        received = f"{count} of weights that {layers[doubtful].where} could take{several}"
        raise _unnamed(where, received, "exactly one, or names that are numbers")
    return {path: found[0] for path, found in fitting.items()}


def _require_ways(network: Network, chosen: Mapping[str, str], tensors: Mapping[str, Array], where: str) -> None:
    """Refuses layers that go other ways on a sequence than the names in the file say, or one after the other.

    Raises:
        ConfigurationError: there is one.
    """
    inner: dict[str, Any] = {"": network, **dict(network.walk())}
    placed = ((prefix, _PLACED.fullmatch(own)) for prefix, _, own in (name.rpartition(".") for name in tensors))
    pairs = {f"{prefix}.{found[2]}".lstrip(".") for prefix, found in placed if found and found[3]}
    for path, group in chosen.items():
        level, _, way = group.rpartition(".")
        parts = [own.split(".") for own, other in chosen.items() if other.rpartition(".")[0] == level]
        common = ".".join(own[0] for own in takewhile(lambda own: len(set(own)) == 1, zip(*parts, strict=False)))
        if level in pairs:
            fits = getattr(inner[path], "reverse", None) is (way == "1") and not isinstance(
                inner.get(common), Sequential
            )
        else:
            fits = not isinstance(inner.get(path.rpartition(".")[0]), Bidirectional)
        if not fits:
            what = ("forward", "back")[way == "1"] + " beside others" if level in pairs else "one way alone"
            received = f"the weights {group!r} of a recurrence that goes {what}, for {inner[path].where}"
            raise _unnamed(where, received, "a layer that goes so: Bidirectional for both directions of a module")


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
    own = {name: values.shape for name, values in state_of(layer).items()}
    given = {name: values.shape for name, values in state.items() if name != _COUNTED}
    return own == given


def names_of_state(layer: Layer) -> dict[str, tuple[str, ...]]:
    """PyTorch's names for each of the layer's parameters: several where it is the sum of theirs."""
    special = next((names for kind, names in _OF_KIND.items() if isinstance(layer, kind)), {})
    return {name: special.get(name, (THEIRS.get(name, name),)) for name in layer.own_parameters()}


def state_of(layer: Layer) -> dict[str, Array]:
    """The layer's parameters by PyTorch's names, and in its form; of a sum the first has all, the others 0."""
    found: dict[str, Array] = {}
    for name, (first, *others) in names_of_state(layer).items():
        values = _turned(layer, layer.own_parameters()[name].value)
        found |= {first: values, **{other: np.zeros_like(values) for other in others}}
    return found


def from_state(layer: Layer, state: Mapping[str, Any], *, where: str) -> None:
    """Writes PyTorch's parameters of one module into a built layer: dense weights are (outputs, inputs) there.

    Raises:
        ShapeError: one is missing, is of another shape, or is one too many.
        DataError: one holds whole numbers, NaN or infinity, or a variance below 0.
    """
    expected = state_of(layer)
    extra = set(state) - set(expected) - ({_COUNTED} if isinstance(layer, BatchNorm) else set())
    missing = set(expected) - set(state)
    if extra or missing:
        raise ShapeError(
            where=where,
            received=f"the parameters {sorted(state)}",
            expected=f"{sorted(expected)}, for {layer!r}",
            fix="check that use_bias is the same on both sides",
        )
    for name, theirs in names_of_state(layer).items():
        own = layer.own_parameters()[name]
        for part in theirs:
            _require_like(part, np.asarray(state[part]), own, layer, where)
        values = _turned(layer, np.asarray(state[theirs[0]]))
        for part in theirs[1:]:
            values = values.astype(np.float64) + np.asarray(state[part])  # in float64, so that it is rounded once
        if fault := own.fault_of(values):
            raise _unfit(f"{' + '.join(theirs)}, {fault}", own, where)
        own.value[...] = values


def _require_like(name: str, given: Array, own: Parameter, layer: Layer, where: str) -> None:
    """Refuses values that are no such parameter of the layer."""
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
        raise _unfit(f"{name} of dtype {given.dtype}, {fault}", own, where)


def _unfit(received: str, own: Parameter, where: str) -> DataError:
    return DataError(
        where=where,
        received=received,
        expected=f"finite real numbers that {own.value.dtype} can hold",
        fix="save the weights of a network that is not quantized, and whose training did not diverge",
    )


def _turned(layer: Layer, values: Array) -> Array:
    """PyTorch's array with its axes in glassnet's order, or the other way round."""
    is_of_dense = isinstance(layer, Dense) or (isinstance(layer, Tied) and layer.is_to_dense)
    if (is_of_dense or isinstance(layer, tuple(_OF_KIND))) and values.ndim == 2:
        return values.T
    if isinstance(layer, Conv1D) and values.ndim == 3:
        return values.transpose(2, 1, 0)  # (F, D/G, k) -> (k, D/G, F)
    return values


def _in_order(prefix: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers by their value, names by their letters."""
    parts = prefix.split(".")
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)
