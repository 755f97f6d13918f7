"""The proof that a file holds all of a model with parts of the user's own, before the file is written."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, GlassnetError
from glassnet.core.settings import Configurable
from glassnet.core.shapes import DTYPES, Array
from glassnet.formats.description import ModelParts, reconstruct
from glassnet.optimizers import Optimizer
from glassnet.runners import NumpyRunner
from glassnet.runners.own import place_of
from glassnet.training import own_parts

ROWS = 5


def require_whole(parts: ModelParts, description: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
    """Reads back what would be written, and lets both models predict, measure a loss and take a step.

    Raises:
        ConfigurationError: a part keeps something on itself that the file would not hold.
    """
    own = own_parts(parts.network, parts.loss, parts.optimizer)
    if not own:
        return
    for name, array in tensors.items():
        if np.asarray(array).dtype.name not in DTYPES:
            raise _incomplete([parts.optimizer], f"its memory {name!r} is of dtype {np.asarray(array).dtype}")
    everything = [parts.network, parts.loss, parts.optimizer, parts.metrics]
    custom = list({id(found): found for found in _owned(everything)}.values())
    try:
        copied = {name: np.array(array) for name, array in tensors.items()}
        read = reconstruct(json.loads(json.dumps(description)), copied, custom=custom, where="save")
    except GlassnetError as error:
        raise _incomplete(own.values(), f"what would be read back is refused: {error}") from error
    layers = [part for key, part in own.items() if key.startswith(("layer", "network"))]
    with np.errstate(all="ignore"):
        if layers and not _same(parts, read, _prediction):
            raise _incomplete(layers, "a model read back would predict something else")
        if "loss" in own and not _same(parts, read, _loss_value):
            raise _incomplete([parts.loss], "a model read back would measure another loss")
        steps = [part for key, part in own.items() if key.startswith("optimizer")]
        if steps and description["optimizer_steps"] and not _same(parts, read, _update):
            raise _incomplete(steps, "a training that goes on from the file would not be this one")


def _incomplete(parts: Any, consequence: str) -> ConfigurationError:
    return ConfigurationError(
        where="save",
        received=f"{', '.join(map(place_of, parts))}, which the file would not hold whole: {consequence}",
        expected="all that counts in the constructor's arguments, in parameters and in an optimizer's state",
        fix="declare running numbers of a layer by add_parameter(..., trainable=False), the memory of an optimizer in "
        "slots, and keep each constructor argument in an attribute of its name; or save with include_optimizer=False",
    )


def _owned(values: Any) -> Iterator[Any]:
    """Every class and function of the user's in these settings."""
    for value in values:
        if isinstance(value, Configurable):
            if type(value).__module__.partition(".")[0] != "glassnet":
                yield type(value)
            yield from _owned(value.settings().values())
        elif isinstance(value, list | tuple):
            yield from _owned(value)
        elif isinstance(value, Mapping):
            yield from _owned(value.values())
        elif callable(value) and not isinstance(value, type):
            yield value


def _same(one: ModelParts, other: ModelParts, measure: Any) -> bool:
    """Whether both give the same; true where there is nothing to tell by."""
    state = np.random.get_state(), random.getstate()  # noqa: NPY002 - own code may draw from it
    found: list[Any] = []
    try:
        for parts in (one, one, other):
            np.random.set_state(state[0])  # noqa: NPY002
            random.setstate(state[1])
            try:
                found.append(measure(deepcopy((parts.network, parts.loss, parts.optimizer))))
            except Exception as error:  # noqa: BLE001 - of the user's code, on numbers that it was not made for
                found.append(np.array(type(error).__name__))
    finally:
        np.random.set_state(state[0])  # noqa: NPY002
        random.setstate(state[1])
    first, again, read = found
    return not _agree(first, again) or _agree(first, read)


def _agree(one: Array, other: Array) -> bool:
    if one.dtype.kind != "f" or other.dtype.kind != "f":
        return one.dtype.kind == other.dtype.kind
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-5, atol=1e-7, equal_nan=True)


def _prediction(parts: Any) -> Array:
    network = parts[0]
    rng = np.random.default_rng(0)
    x = network.demands.fulfilled_by(rng.normal(size=(ROWS, *(network.input_shape or ()))), rng)
    y, _ = NumpyRunner(step=0).forward(network, x.astype(network.dtype), training=False)
    return np.asarray(y)


def _loss_value(parts: Any) -> Array:
    network, loss, _ = parts
    shape = network.output_shape or ()
    outputs = np.random.default_rng(1).random(size=(ROWS, *shape)).astype(network.dtype)
    value, gradient = loss(outputs, loss.example_targets(ROWS, shape, network.dtype))
    return np.append(np.ravel(gradient), value)


def _update(parts: Any) -> Array:
    network, optimizer = parts[0], parts[2]
    assert isinstance(optimizer, Optimizer)
    gradients = np.random.default_rng(2).normal(size=network.parameters.shape).astype(network.dtype)
    for segment in network.layout:
        if not segment.trainable:
            segment.view(gradients)[...] = 0
    run = NumpyRunner(step=0)
    run.batch_weight = np.array([float(ROWS)])
    run.update(optimizer, network.parameters, gradients, network.layout)
    return np.array(network.parameters)
