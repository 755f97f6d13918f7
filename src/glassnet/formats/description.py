"""A model as a description that JSON can hold and arrays by name, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from glassnet import (
    initializers,
    layers,
    losses,
    metrics,
    network,
    optimizers,
    preprocessing,
    schedules,
    series,
    tables,
    text,
)
from glassnet.core.errors import ConfigurationError, FileFormatError, GlassnetError, shown
from glassnet.core.settings import Configurable, boolean, file_name, from_config, known_by, number, to_config, whole
from glassnet.core.shapes import Array, as_dtype
from glassnet.formats.consistency import names_of, require_consistent, require_forecasts, require_readable
from glassnet.formats.latest_fit import LATEST_FIT_PREFIX, describe_latest_fit, latest_fit_of
from glassnet.formats.memories import CALLBACKS_PREFIX, PARAMETERS, Arrays, describe_memories, memories_of
from glassnet.formats.model_file import contradiction
from glassnet.formats.older import brought_up
from glassnet.formats.sharing import describe_sharing, restore_sharing, restore_training, without_gaps
from glassnet.losses import Loss
from glassnet.metrics import Metric
from glassnet.network import Network
from glassnet.optimizers import Chain, Optimizer
from glassnet.preprocessing import Standardize
from glassnet.runners.own import is_own
from glassnet.series import Forecasting
from glassnet.tables import Table
from glassnet.text import Vocabulary
from glassnet.training import LatestFit, Memories
from glassnet.version import __version__

OPTIMIZER_PREFIX = "optimizer/"
PROFILES = "profiles"
"""Where it stands how the values of a table's columns were spread in training."""
MOST_COUNTED = 2**53
"""Epochs and updates beyond this are none: float64 would not count them one by one."""
MOST_LAYERS, MOST_NAMES, DEEPEST = 10_000, 100_000, 64
MOST_SCALE = float(np.finfo(np.float32).max)
BASES = (
    *("Activation", "Column", "Configurable", "Form", "Initializer", "Layer", "Loss", "Merge", "Metric", "Network"),
    *("NumpyLayer", "NumpyLoss", "NumpyOptimizer", "Optimizer", "Schedule", "Step", "Vocabulary"),
)
"""Classes that others are derived from: by themselves they do nothing."""
_KINDS: dict[str, Any] = {
    "network": Network,
    "loss": Loss,
    "optimizer": Optimizer,
    "metrics": tuple,
    "preprocessing": Standardize | Table | None,
    "target_scaling": Standardize | None,
}


@dataclass(frozen=True)
class ModelParts:
    """Everything a model's file holds; the attributes are those of ``Model``."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    metrics: Sequence[Metric]
    preprocessing: Standardize | Table | None
    target_scaling: Standardize | None
    seed: int
    epochs_trained: int
    feature_names: tuple[str, ...] | None
    target_name: str | None
    class_names: tuple[str, ...] | None
    memories: Memories
    latest_fit: LatestFit | None
    vocabulary: Vocabulary | None
    forecasting: Forecasting | None
    ragged: bool


def describe(parts: ModelParts, *, include_optimizer: bool) -> tuple[dict[str, Any], dict[str, Array]]:
    """Turns a built model into a description and its tensors.

    Raises:
        ConfigurationError: a setting that no file can hold; it is named.
    """
    optimizer = parts.optimizer
    description = {name: to_config(getattr(parts, name), where=name) for name in _KINDS} | {
        "glassnet_version": __version__,
        "input_shape": list(parts.network.input_shape or ()),
        "dtype": str(parts.network.dtype),
        "seed": parts.seed,
        "epochs_trained": parts.epochs_trained,
        "optimizer_steps": optimizer.steps if include_optimizer else 0,
        "learning_rate_scale": optimizer.learning_rate_scale if include_optimizer else 1.0,
        "feature_names": parts.feature_names,
        "target_name": parts.target_name,
        "class_names": parts.class_names,
    }
    if parts.forecasting is not None:
        description["forecasting"] = to_config(parts.forecasting, where="forecasting")
    description |= describe_sharing(parts.network)
    if parts.vocabulary is not None:
        description["vocabulary"] = to_config(parts.vocabulary, where="vocabulary")
    if parts.ragged:
        description["ragged"] = True
    if isinstance(parts.preprocessing, Table) and parts.preprocessing.profiles:
        description[PROFILES] = to_config(parts.preprocessing.profiles, where=PROFILES)
    tensors = dict(parts.network.named_parameters())
    if include_optimizer:
        state = {name: without_gaps(array, parts.network) for name, array in optimizer.state.items()}
        tensors |= {OPTIMIZER_PREFIX + name: array for name, array in state.items()}
        arrays = Arrays(parts.network.parameters)
        description["callbacks"] = describe_memories(parts.memories, arrays)
        if parts.latest_fit is not None:
            description["latest_fit"] = describe_latest_fit(parts.latest_fit, arrays)
        tensors |= {name: without_gaps(array, parts.network) for name, array in arrays.tensors.items()}
    return description, tensors


def reconstruct(
    description: Mapping[str, Any],
    tensors: Mapping[str, Array],
    *,
    custom: Sequence[Any],
    where: str,
    build: bool = True,
) -> ModelParts:
    """Undoes ``describe``, trusting nothing: classes come from a list, shapes are compared before memory is taken.

    Args:
        description: of a file, which may hold anything.
        tensors: its arrays.
        custom: the user's own classes and functions.
        where: for messages.
        build: False to see only whether it can be done: the network gets no memory, the optimizer no state.

    Raises:
        FileFormatError: description and tensors contradict each other or what glassnet knows.
    """
    classes = {**library_classes(), **{known_by(given): given for given in _require_custom(custom, where)}}
    try:
        return _reconstruct(brought_up(description, classes), tensors, classes, where, build=build)
    except FileFormatError:
        raise
    except (GlassnetError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise contradiction(where, error) from error


def _require_custom(custom: Sequence[Any], where: str) -> Sequence[Any]:
    """Refuses what a model's file cannot name."""
    for given in custom:
        is_class = isinstance(given, type)
        if (is_class and not issubclass(given, Configurable)) or not callable(given) or isinstance(given, Configurable):
            raise ConfigurationError(
                where=f"{where}: custom",
                received=f"{shown(given)}",
                expected="classes derived from glassnet's, or functions, themselves",
                fix="write custom=[YourLayer, your_function], without calling them",
            )
    return custom


@cache
def library_classes() -> Mapping[str, type[Configurable]]:
    """Every class that a file may name."""
    rooms = layers, network, losses, optimizers, schedules, initializers, metrics, preprocessing, tables, text, series
    return {
        file_name(cls): cls
        for module in rooms
        for cls in vars(module).values()
        if isinstance(cls, type)
        and issubclass(cls, Configurable)
        and not cls.__name__.startswith("_")
        and cls.__name__ not in BASES
    }


def _reconstruct(
    description: Mapping[str, Any], tensors: Mapping[str, Array], classes: Mapping[str, Any], where: str, *, build: bool
) -> ModelParts:
    _require_bounded(description, where)
    found = {name: from_config(description[name], classes, where=where) for name in _KINDS}
    for name, kind in _KINDS.items():
        if not isinstance(found[name], kind):
            raise TypeError(f"{name} is {shown(found[name])}")
    forecasting = from_config(description.get("forecasting"), classes, where=where)
    if not isinstance(forecasting, Forecasting | None):
        raise TypeError(f"forecasting is {forecasting!r:.80}")
    if isinstance(found["preprocessing"], Table) and PROFILES in description:
        found["preprocessing"].take_profiles(from_config(description[PROFILES], classes, where=where))
    network: Network = found["network"]
    parameters = _restore_network(network, description, tensors, build=build)
    names = {name: names_of(description[name], name) for name in ("feature_names", "class_names")}
    vocabulary = from_config(description.get("vocabulary"), classes, where=where)
    if not isinstance(vocabulary, Vocabulary | None):
        raise TypeError(f"vocabulary is {vocabulary!r:.80}")
    require_readable(network, vocabulary)
    before, after = found["preprocessing"], found["target_scaling"]
    require_consistent(network, parameters.dtype, found["loss"], before, after, **names)
    if forecasting is not None:
        require_forecasts(network, found["loss"], found["preprocessing"], forecasting)
    optimizer: Optimizer = found["optimizer"]
    scale = description["learning_rate_scale"]
    optimizer.learning_rate_scale = number(scale, "learning_rate_scale", where, low=0, high=MOST_SCALE)
    optimizer.steps = whole(description["optimizer_steps"], "optimizer_steps", where, low=0, high=MOST_COUNTED)
    if optimizer.steps:
        _restore_memory(optimizer, parameters, tensors, where, build=build)
    target_name = description["target_name"]
    if not isinstance(target_name, str | None):
        raise TypeError(f"target_name {shown(target_name, 60)}")
    arrays = {**tensors, PARAMETERS: parameters}
    return ModelParts(
        **found,
        seed=whole(description["seed"], "seed", where, low=0),
        epochs_trained=whole(description["epochs_trained"], "epochs_trained", where, low=0, high=MOST_COUNTED),
        feature_names=names["feature_names"],
        target_name=target_name,
        class_names=names["class_names"],
        vocabulary=vocabulary,
        ragged=boolean(description.get("ragged", False), "ragged", where),
        memories=memories_of(description, arrays),
        latest_fit=latest_fit_of(description.get("latest_fit"), arrays, network.output_shape or (), where),
        forecasting=forecasting,
    )


def _require_bounded(description: Mapping[str, Any], where: str) -> None:
    """Refuses more layers, and objects inside each other, than any model has, before one of them is made."""
    beside = description.get("vocabulary"), description.get("forecasting")
    deepest, _, _ = _extent([*beside, *(description[name] for name in _KINDS)])
    _, layers, names = _extent([description["network"]])
    if layers > MOST_LAYERS or names > MOST_NAMES or deepest > DEEPEST:
        raise FileFormatError(
            where=where,
            received=f"{layers:,} layers, {names:,} names in their paths, and objects inside {deepest:,} others",
            expected=f"at most {MOST_LAYERS:,} layers, {MOST_NAMES:,} names in their paths, and {DEEPEST} others",
            fix="undo the edit of the file; or make one layer of your own of what stands in the network so often",
        )


def layers_in(network: Any) -> int:
    """How many objects a network's description has."""
    return _extent([network])[1]


def _extent(values: list[Any]) -> tuple[int, int, int]:
    """In how many others an object stands at most, how many objects there are, and in how many others all together."""
    deepest = count = total = 0
    waiting = [(value, 0) for value in values]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            if "class" in value:
                deepest, count, total = max(deepest, depth), count + 1, total + depth
                depth += 1
            waiting += [(inner, depth) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth) for inner in value]
    return deepest, count, total


def _restore_network(
    network: Network, description: Mapping[str, Any], tensors: Mapping[str, Array], *, build: bool
) -> Array:
    """Gives the network its parameters, and returns them; without ``build`` an array like them that takes no memory."""
    beside = OPTIMIZER_PREFIX, CALLBACKS_PREFIX, LATEST_FIT_PREFIX
    values = {name: array for name, array in tensors.items() if not name.startswith(beside)}
    shape, dtype = tuple(description["input_shape"]), as_dtype(description["dtype"])
    restore_sharing(network, description)
    if build:
        network.restore(values, shape, dtype)
        parameters = network.parameters
    else:
        size = sum(parameter.size for parameter in network.places_for(values, shape).values())
        parameters = np.broadcast_to(np.zeros((), dtype), (size,))
    restore_training(network, description)
    return parameters


def _restore_memory(
    optimizer: Optimizer, parameters: Array, tensors: Mapping[str, Array], where: str, *, build: bool
) -> None:
    """Gives the optimizer its memory back, where the file's fits what the optimizer would have.

    A rule of the user's may remember what it has not declared, if that is an array like the parameters.
    """
    optimizer.prepare(parameters)
    found = {n.removeprefix(OPTIMIZER_PREFIX): a for n, a in tensors.items() if n.startswith(OPTIMIZER_PREFIX)}
    for name in (optimizer.rule if isinstance(optimizer, Chain) else optimizer).former_slots:
        found.pop(name, None)
    shapes = {name: (array.shape, array.dtype.name) for name, array in optimizer.state.items()}
    if is_own(getattr(optimizer, "rule", optimizer)):
        shapes |= dict.fromkeys(found, (parameters.shape, parameters.dtype.name))
    if {name: (array.shape, array.dtype.name) for name, array in found.items()} != shapes:
        raise FileFormatError(
            where=where,
            received=f"an optimizer memory of {sorted(found)}",
            expected=f"{shapes}",
            fix="save the model again, or with include_optimizer=False",
        )
    optimizer.state = {name: np.array(array) for name, array in found.items()} if build else {}
