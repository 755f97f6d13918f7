"""What every layer gives for a batch, and what comes back to it: the runner that keeps both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, GlassnetError, did_you_mean, shown
from glassnet.core.settings import is_whole
from glassnet.core.shapes import Array
from glassnet.layers import Layer, NumpyLayer, PythonLayer
from glassnet.runners import NumpyRunner, own
from glassnet.runners.base import is_library_code

Name = str | int | Layer | NumpyLayer
Names = Iterable[Name] | Name | None
"""Layers by path, number or as objects; one alone, or several; None for all."""


class LookingRunner(NumpyRunner):
    """Runs the NumPy kernels and keeps copies of what layers gave and got back, for those asked for.

    After a forward pass with ``training=False`` a backward pass can follow: dropout is off, and the running statistics
    of batch normalisation are constants in it.

    Args:
        wanted: layers whose outputs and ∂L/∂outputs are kept.
        seed: keys the random masks,
        step: together with the number of the training step.
    """

    def __init__(self, wanted: Iterable[Layer] = (), seed: int = 0, step: int | None = 0) -> None:
        super().__init__(seed, step)
        self._wanted = {id(layer): layer for layer in wanted}
        self._outputs: dict[int, list[Array]] = {}
        self._errors: dict[int, list[Array]] = {}

    def _forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward``, or in prediction mode ``layer.differentiable``."""
        # A user's own forward pass, also in a class derived from one of ours, is never gone round.
        if training or layer.is_network or not is_library_code(layer.forward):
            y, cache = super()._forward(layer, x, training=training)
        else:
            y, cache = layer.differentiable(self, x)
        self._keep_output(layer, y)
        return y, cache

    def backward(self, layer: Any, dy: Array, cache: Any) -> Array:
        """``layer.backward``."""
        self._keep_error(layer, dy)
        try:
            return super().backward(layer, dy, cache)
        except GlassnetError:
            raise
        except Exception as error:
            if not own.has_own_class(layer):
                raise
            raise ConfigurationError(
                where=own.place_of(layer),
                received=f"{type(error).__name__} in its backward pass: {error}",
                expected="a backward pass that follows a forward pass in training and in prediction mode",
                fix="let forward return what backward needs also with training=False, or ask with training=True",
            ) from error

    def join(self, layer: Any, parts: Sequence[Array]) -> tuple[Array, Any]:
        """``layer.join``."""
        y, cache = super().join(layer, parts)
        self._keep_output(layer, y)
        return y, cache

    def part(self, layer: Any, dy: Array, cache: Any) -> list[Array]:
        """``layer.part``."""
        self._keep_error(layer, dy)
        return super().part(layer, dy, cache)

    def _keep_output(self, layer: Any, y: Array) -> None:
        if id(layer) in self._wanted:
            self._outputs.setdefault(id(layer), []).append(np.array(y))

    def _keep_error(self, layer: Any, dy: Array) -> None:
        if id(layer) in self._wanted:
            self._errors.setdefault(id(layer), []).insert(0, np.array(dy))

    def outputs(self, network: Layer) -> dict[str, Array]:
        """What the layers gave (N, ...), by path; those that were not called are missing."""
        return dict(self._by_path(network, self._outputs))

    def errors(self, network: Layer) -> dict[str, Array]:
        """∂L/∂output (N, ...) of the layers, their δ, by path."""
        return dict(self._by_path(network, self._errors))

    def _by_path(self, network: Layer, kept: dict[int, list[Array]]) -> Iterator[tuple[str, Array]]:
        """A layer that is called several times has a path for each call, or else numbers behind its path."""
        paths: dict[int, list[str]] = {}
        for path, layer in network.walk():
            paths.setdefault(id(layer), []).append(path)
        for number, own_paths in paths.items():
            calls = kept.get(number, [])
            if len(own_paths) != len(calls) > 1:
                own_paths = [own_paths[0], *(f"{own_paths[0]} (call {n})" for n in range(2, len(calls) + 1))]
            yield from zip(own_paths, calls, strict=False)


def activations(
    network: Layer,
    x: Array,
    names: Names = None,
    *,
    training: bool = False,
    seed: int = 0,
    step: int = 0,
    lengths: Array | None = None,
    where: str = "activations",
) -> dict[str, Array]:
    """What each layer gives for a batch.

    Args:
        network: built.
        x: inputs that fit it (N, ...).
        names: which layers; None for all that are called.
        training: whether to run as in training, on a copy: with dropout and the batch's own statistics.
        seed: keys the random masks,
        step: together with the number of the training step.
        lengths: how many steps each row has (N,), where rows are of different length.
        where: for messages.

    Returns:
        Copies of the outputs (N, ...) by path: all in the order of ``network.walk()``, some as they were asked for.
    """
    chosen = chosen_layers(network, names, where=where)
    if training:
        network = network.copy()  # running statistics would follow the batch
    layers = dict(network.walk())
    run = LookingRunner((layers[path] for path in chosen), seed, step)
    run.lengths = lengths
    run.forward(network, x, training=training)
    found = run.outputs(network)
    if names is None:
        return found
    for name in (path for path in chosen if path not in found):
        raise ConfigurationError(
            where=f"{where}: layer {name}",
            received="no call of it through the runner",
            expected="networks that call their layers by run.forward(layer, x, training=training)",
            fix="write the network's forward pass that way, or ask for the layer around it",
        )
    return {path: found[path] for path in chosen}


def chosen_layers(network: Layer, names: Names, *, where: str) -> list[str]:
    """The paths of layers inside a network that are asked for; None for all.

    Raises:
        ConfigurationError: there is no such layer; the nearest is named.
    """
    layers = dict(network.walk())
    if names is None:
        return list(layers)
    is_several = isinstance(names, Iterable) and not isinstance(names, str | bytes | Layer | NumpyLayer | np.generic)
    is_single = isinstance(names, np.ndarray) and names.ndim == 0
    several: Any = names if is_several and not is_single else [names]
    return [_path_of(network, layers, name, where) for name in several]


def _path_of(network: Layer, layers: dict[str, Layer], name: Any, where: str) -> str:
    path = str(name)
    if isinstance(name, Layer | NumpyLayer):
        path = next((path for path, layer in layers.items() if any(name is one for one in _objects(layer))), "")
    elif is_whole(name):  # a number is one also of layers with names
        outer = [path for path, _ in network.children()]
        path = outer[name] if -len(outer) <= name < len(outer) else path
    if path in layers:
        return path
    raise ConfigurationError(
        where=where,
        received=f"the layer {shown(name, 60)}",
        expected=f"one of {', '.join(layers):.300}",
        fix=did_you_mean(path, layers) + "print net.summary() to see the layers' paths",
    )


def _objects(layer: Layer) -> list[Any]:
    """The layer, and what it is made of where it is the user's in plain NumPy."""
    return [layer, layer.layer] if isinstance(layer, PythonLayer) else [layer]
