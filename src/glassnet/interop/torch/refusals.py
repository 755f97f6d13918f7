"""What keeps a PyTorch module from becoming a network, each by its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from glassnet.core.errors import ConfigurationError
from glassnet.interop.torch.modules import READERS, kind_of


class Place(NamedTuple):
    """A module that is read as a whole.

    Attributes:
        path: its name.
        module: that it is.
        choice: the module behind it that takes one of the things that it gives, and that one's name.
    """

    path: str
    module: Any
    choice: tuple[str, Any] | None = None


_REMOVALS = {
    "WeightNorm": "write torch.nn.utils.remove_weight_norm(layer), which keeps the weights as they are",
    "SpectralNorm": "write torch.nn.utils.remove_spectral_norm(layer), which keeps the weights as they are",
    "prune": "write torch.nn.utils.prune.remove(layer, 'weight'), which keeps the zeros",
}
"""What to do about the hooks of torch's own, by the names of their class or of their file."""


BY_ONNX = "export it with torch.onnx.export and read that with gn.from_onnx"


def unread(path: str, module: Any, reason: str = "", fix: str = BY_ONNX) -> ConfigurationError:
    """The error for a module, or for a setting or shape of it, that no layer has."""
    from torch.nn.utils import parametrize

    if parametrize.is_parametrized(module):
        names = list(module.parametrizations)
        reason = f"a parametrization of {', '.join(names)}"
        fix = f"write torch.nn.utils.parametrize.remove_parametrizations(layer, {names[0]!r}), which keeps the values"
    elif "forward" in getattr(module, "__dict__", {}):
        reason = "a forward of its own"
    return ConfigurationError(
        where=f"from_torch: {path or 'module'}",
        received=f"{' '.join(repr(module).split()):.200}" + (f", with {reason}" if reason else ""),
        expected="a form of it that glassnet's layers have"
        if reason
        else "torch.nn.Sequential of " + ", ".join(sorted(READERS)),
        fix=fix,
    )


def refuse_hooks(module: Any) -> None:
    """Refuses hooks that a forward pass runs: what they change cannot be seen."""
    for path, own in module.named_modules():
        for hook in (*own._forward_pre_hooks.values(), *own._forward_hooks.values()):
            names = type(hook).__name__, type(hook).__module__.rpartition(".")[2]
            known = next((name for name in names if name in _REMOVALS), None)
            raise ConfigurationError(
                where=f"from_torch: {path or 'module'}",
                received=f"{own!r:.200}, with a hook on its forward pass, {getattr(hook, '__name__', names[0])}",
                expected="modules without hooks, which may change what goes in or comes out",
                fix=_REMOVALS.get(known or "", "take it off: what register_forward_hook gave has a remove()"),
            )


def tied_to(module: Any, places: Sequence[Place]) -> int | None:
    """The number of the embedding before a linear module without a bias that has its weight; None for none."""
    if kind_of(module) != "Linear" or module.bias is not None:
        return None
    for number, place in enumerate(places):
        if place.module is module:
            return None
        if kind_of(place.module) == "Embedding" and place.module.weight is module.weight:
            return number
    return None


def refuse_sharing(places: Sequence[Place]) -> None:
    """Refuses weights in two places: each would be trained for itself, and they would drift apart."""
    seen: dict[int, str] = {}
    ends: list[tuple[int, int, str]] = []
    for path, module, _ in places:
        tensors = [] if tied_to(module, places) is not None else list(_tensors(module))
        if id(module) in seen and tensors:
            raise _shared(f"{module!r:.100} in two places, {seen[id(module)]} and {path}")
        seen[id(module)] = path
        for name, tensor in tensors:
            steps = zip(tensor.shape, tensor.stride(), strict=True)
            extent = 1 + sum((size - 1) * step for size, step in steps)
            start = tensor.data_ptr()
            ends.append((start, start + extent * tensor.element_size(), f"{path}.{name}"))
    ends.sort()
    for (_, stop, first), (start, _, second) in pairwise(ends):
        if start < stop:
            raise _shared(f"{first} and {second}, which are the same numbers in memory")


def refuse_tensors(places: Sequence[Place]) -> None:
    """Refuses parameters that are not plain arrays of float32, or all of float64."""
    import torch

    kinds = set()
    for path, module, _ in places:
        for name, tensor in _tensors(module):
            is_plain = tensor.layout == torch.strided and type(tensor.detach()) is torch.Tensor
            if tensor.device.type == "meta" or not is_plain:
                raise ConfigurationError(
                    where=f"from_torch: {path}.{name}",
                    received="a tensor without numbers, on torch's device meta"
                    if tensor.device.type == "meta"
                    else f"a tensor of the kind {type(tensor.detach()).__name__}, {tensor.layout}",
                    expected="numbers in a plain tensor",
                    fix="load the weights into the module first",
                )
            kinds |= {tensor.dtype} if isinstance(tensor, torch.nn.Parameter) else set()
    if len(kinds) > 1 or kinds - {torch.float32, torch.float64}:
        raise ConfigurationError(
            where="from_torch",
            received="parameters of " + " and ".join(sorted(map(str, kinds))),
            expected="all of torch.float32, or all of torch.float64",
            fix="write gn.from_torch(copy.deepcopy(module).float(), ...), which calculates in float32",
        )


def _tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """The parameters and buffers that hold anything."""
    found = module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)
    for name, tensor in (own for kind in found for own in kind):
        if tensor.numel():
            yield name, tensor


def _shared(what: str) -> ConfigurationError:
    return ConfigurationError(
        where="from_torch",
        received=what,
        expected="weights of its own for each layer: what is shared is not brought over as shared",
        fix="write copy.deepcopy(layer) in the second place, if they may be trained apart; else build the network with "
        "one layer in both places, and copy its weights",
    )
