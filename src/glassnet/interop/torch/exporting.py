"""Networks as PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError
from glassnet.interop.agreement import require_agreement, rows_to_try
from glassnet.interop.lengths import warn_of_lengths
from glassnet.interop.own import refuse_own_layers
from glassnet.interop.state import names_of_state
from glassnet.interop.torch.importing import require_torch
from glassnet.interop.torch.layers import to_module
from glassnet.interop.torch.twins import frozen_copy, outputs_of
from glassnet.model import Model
from glassnet.network import Network


@suggests
def to_torch(model: Model | Network) -> Any:
    """Makes a ``torch.nn.Sequential`` of the same layers with copies of the weights.

    The module is compared with the network on random rows before it is given away.

    Args:
        model: a model, of which the network counts (its preprocessing stays behind), or a built network.

    Returns:
        The module in evaluation mode; ``state_dict`` and training work as ever.

    Raises:
        NotBuiltError: the network's shapes are not known.
        ConfigurationError: a layer that PyTorch has not in this form; it is named. Or the module does not calculate
            what the network does, as with a layer class of your own that changes one of glassnet's.
        MissingExtraError: torch is not installed.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(1))
        >>> _ = net.build(2)
        >>> gn.to_torch(net)
        Sequential(
          (0): Linear(in_features=2, out_features=4, bias=True)
          (1): ReLU()
          (2): Linear(in_features=4, out_features=1, bias=True)
        )
    """
    require_torch("to_torch")
    import torch

    network = model.network if isinstance(model, Model) else model
    network.require_built("to_torch")
    refuse_own_layers(network, "to_torch")
    if isinstance(model, Model):
        warn_of_lengths(model, where="to_torch")
    module = to_module(network, torch.nn)
    if not isinstance(module, torch.nn.Sequential):
        module = torch.nn.Sequential(module)
    with torch.no_grad():
        _require_the_same(network, module)
    module = module.to(torch.float64 if network.dtype == np.float64 else torch.float32).eval()
    _share_and_freeze(network, module)
    return module


def _share_and_freeze(network: Network, module: Any) -> None:
    """Lets modules share the parameters that layers share, and leaves untrained what is frozen.

    Raises:
        ConfigurationError: there is such a layer, and its module is not to be told.
    """
    layers = [layer for _, layer in network.walk() if layer.own_parameters()]
    special = next((layer for layer in layers if layer._is_second or not layer.trainable), None)
    if special is None and all(p.trainable or p.is_statistic for _, p in network.parameters_by_path()):
        return
    modules = [place for part in module.modules() for place in _with_weights(part)]
    if len(modules) != len(layers):
        raise ConfigurationError(
            where="to_torch",
            received=f"shared or frozen weights, as of {(special or layers[0]).where}, in a network of own parts",
            expected="weights of one place each, all trained",
            fix="write to_torch(network.copy()) after network.unfreeze(), and share or freeze in PyTorch",
        )
    first: dict[int, tuple[Any, str]] = {}
    for layer, (part, ending) in zip(layers, modules, strict=True):
        shared, its_ending = first.setdefault(id(layer.weights_in_common), (part, ending))
        for name, theirs in names_of_state(layer).items():
            own = layer.own_parameters()[name]
            for there in theirs:
                parameter = _parameter(shared, there + its_ending)
                if parameter is None:
                    continue
                if shared is not part or its_ending != ending:
                    _put(part, there + ending, parameter)
                if not (own.is_statistic or own.trainable):
                    parameter.requires_grad_(False)


def _with_weights(part: Any) -> Iterator[tuple[Any, str]]:
    """A module with weights of its own, with the ending of their names: twice where it stands for two layers."""
    own = {name.partition("_l0")[2] for name, _ in part.named_parameters(recurse=False)}
    if type(part).__name__ == "NonDynamicallyQuantizableLinear":  # the end of attention, which is one layer
        return
    yield from ((part, ending) for ending in sorted(own))


def _parameter(part: Any, name: str) -> Any:
    """A parameter of a module, or of one in it, by its name; None for a buffer."""
    *inside, own = name.split(".")
    return dict(part.get_submodule(".".join(inside)).named_parameters(recurse=False)).get(own)


def _put(part: Any, name: str, parameter: Any) -> None:
    *inside, own = name.split(".")
    setattr(part.get_submodule(".".join(inside)), own, parameter)


def _require_the_same(network: Network, module: Any) -> None:
    """Compares both on random rows, in float64."""
    twin, double = frozen_copy(module).double(), network.copy("float64")
    rng = np.random.default_rng(0)
    for rows in rows_to_try(network.input_shape or ()):
        x = network.demands.fulfilled_by(rows.astype(np.float64), rng)
        expected = outputs_of(twin, x).numpy()
        require_agreement(double, x, expected, where="to_torch", other="the module made of it")
