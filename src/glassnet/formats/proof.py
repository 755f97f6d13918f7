"""The proof that a file holds all of a model, before it takes the place of an older one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from types import FunctionType
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, GlassnetError
from glassnet.core.settings import Configurable, class_at, known_by
from glassnet.core.shapes import Array
from glassnet.formats.description import ModelParts, reconstruct
from glassnet.formats.written import written_of
from glassnet.optimizers import Optimizer
from glassnet.runners import NumpyRunner
from glassnet.runners.own import place_of
from glassnet.training import own_parts

ROWS = 5


def require_whole(
    parts: ModelParts,
    read_back: Callable[[], tuple[dict[str, Any], dict[str, Array]]],
    require_fitting: Callable[[ModelParts], None],
) -> None:
    """Reads back what was written, as it will be read; with own parts both models predict, measure a loss, take a step.

    Args:
        parts: of the model.
        read_back: gives its description and arrays from its new file.
        require_fitting: refuses parts that no model is made of.

    Raises:
        ConfigurationError: the file would be refused; or a part keeps something on itself that the file does not hold.
    """
    own = own_parts(parts.network, parts.loss, parts.optimizer)
    try:
        description, tensors = read_back()
        read = reconstruct(description, tensors, custom=own_parts_of(parts), where="load", build=bool(own))
        written_of(description, "load")
        require_fitting(read)
    except GlassnetError as error:
        if own:
            raise _incomplete(own.values(), f"what would be read back is refused: {error}") from error
        raise ConfigurationError(
            where="save",
            received=f"a model whose file could not be read again: {error.received}",
            expected=f"{error.expected}; what was at that path is as it was before",
            fix="undo what was changed in the model since it was made or trained, and save again",
        ) from error
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


def own_parts_of(parts: ModelParts) -> list[Any]:
    """Those of the user's classes and functions that have to be given to whoever reads the file.

    Raises:
        ConfigurationError: two of them have one name, by which a file knows them.
    """
    kinds = (
        *(parts.network, parts.loss, parts.optimizer, parts.metrics, parts.preprocessing, parts.target_scaling),
        parts.vocabulary,
    )
    named: dict[str, list[Any]] = {}
    for own in {id(own): own for own in _owned(kinds)}.values():
        named.setdefault(known_by(own), []).append(own)
    found = []
    for several in named.values():
        if all(isinstance(own, type) and class_at(own.__module__, own.__name__) is own for own in several):
            continue  # a file names the module, too
        if len(several) > 1:
            raise ConfigurationError(
                where="save",
                received=f"{len(several)} of your own called {several[0].__name__!r}",
                expected="a name for each: a file knows classes and functions by their names",
                fix="rename one of them",
            )
        found += several
    return found


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
        elif isinstance(value, FunctionType):
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
