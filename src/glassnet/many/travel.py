"""What goes to a worker elsewhere, and what comes home: a training there leaves the models here as one here would."""

from __future__ import annotations

import copy
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.compile.threads import USUAL_VARIABLE, VARIABLE, thread_count, threads_limited
from glassnet.core.errors import ConfigurationError, GlassnetError
from glassnet.core.parameters import Parameter
from glassnet.core.shapes import Array
from glassnet.layers import Layer, NumpyLayer, PythonLayer
from glassnet.many.each import Each
from glassnet.model import Model
from glassnet.model.saving import KEPT
from glassnet.training import Callback, History
from glassnet.training.elsewhere import elsewhere
from glassnet.training.own_attributes import own_attributes
from glassnet.training.own_memory import own_things
from glassnet.version import __version__

Result = History | Exception | None
Train = Callable[..., list[Result]]
"""Trains models in this process: their list, the arguments of ``fit`` by name, and how many at a time."""

RENEWED = ("epochs_trained", "ragged", "latest_fit", "engine", "threads")
"""Attributes of a model that a fit puts others in the place of."""


class Shared:
    """Arguments for all models, which each worker gets once.

    Args:
        values: by name.

    Attributes:
        version: glassnet's, where they come from.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values, self.version = dict(values), __version__


@dataclass
class Trained:
    """What a training elsewhere has made of a model.

    Attributes:
        result: its history, or the exception with which it ended; None where it had not begun.
        input_shape: of the network; None where it is not built.
        parameters, gradients: of the network, (P,); None where it is not built.
        optimizer: with its memory.
        kept: other attributes of the model, by name.
        parts: attributes of the user's own parts, by what the part is called.
        callbacks: attributes of the callbacks.
    """

    result: Result
    input_shape: Any
    parameters: Array | None
    gradients: Array | None
    optimizer: Any
    kept: dict[str, Any]
    parts: dict[str, dict[str, Any]]
    callbacks: list[dict[str, Any]]

    @classmethod
    def of(cls, model: Model, result: Result, callbacks: Sequence[Callback]) -> Trained:
        """What there is to take home of a model that was trained here."""
        network = model.network
        is_built = network.is_built
        return cls(
            result=_able_to_travel(result),
            input_shape=network.input_shape if is_built else None,
            parameters=network.parameters.copy() if is_built else None,
            gradients=network.gradients.copy() if is_built else None,
            optimizer=model.optimizer,
            kept={name: getattr(model, name) for name in (*KEPT, "engine", "threads")},
            parts={name: _attributes_of(part) for name, part in _own_parts(model).items()},
            callbacks=[dict(vars(callback)) for callback in callbacks],
        )

    def put_into(self, model: Model, callbacks: Sequence[Callback]) -> None:
        """Leaves a model, and the callbacks of its training, as the training would have left them here."""
        if self.gradients is not None and not self.gradients.flags.writeable:  # some engines hand out what is theirs
            copy.deepcopy(self).put_into(model, callbacks)
            return
        network = model.network
        if self.parameters is not None and self.gradients is not None:
            if not network.is_built:
                network.build(self.input_shape or (), seed=model.seed, dtype=model.dtype)
            network.put_back(self.parameters)
            if self.gradients.any():  # else no step has left any in the network, and what is here stays
                for segment in network.layout:
                    segment.view(network.gradients)[...] = segment.view(self.gradients)
            for _, layer in network.walk():
                if isinstance(layer, PythonLayer):
                    layer.lend()
        memo: dict[int, Any] = {}
        _take_over(model.optimizer, vars(self.optimizer), memo)
        for name, value in self.kept.items():
            own = getattr(model, name)
            if name == "memories":
                _fill(own, value, memo)
            elif own is None or name in RENEWED:  # what was learned or given before a fit stays the object that it is
                setattr(model, name, value)
        for name, part in _own_parts(model).items():
            _take_over(part, self.parts.get(name, {}), memo)
        for callback, attributes in zip(callbacks, self.callbacks, strict=False):
            _take_over(callback, attributes, memo)


def train_group(train: Train, shared: Any, models: list[Model], own: dict[str, list[Any]]) -> list[Trained]:
    """Trains models in a worker.

    Args:
        train: trains them in one process.
        shared: the arguments for all, or what some engine keeps them under.
        models: to train; what is changed is the worker's.
        own: arguments of which each model has its own, by name.
    """
    if not isinstance(shared, Shared):
        import ray

        shared = ray.get(shared)
    if shared.version != __version__:
        error = _other_version(shared.version)
        return [Trained.of(model, error, ()) for model in models]
    callbacks: list[Any] = own.get("callbacks", [()] * len(models))
    if any(callbacks) or any(map(_own_parts, models)):
        models, callbacks = copy.deepcopy((models, callbacks))  # some engines hand out arrays that cannot be written
        own = own | ({"callbacks": callbacks} if "callbacks" in own else {})
    arguments = _plain(shared.values) | {name: Each(_plain(values)) for name, values in own.items()}
    share = share_of_worker()
    before = [_around(*pair) for pair in zip(models, callbacks, strict=True)]
    with threads_limited(share):
        results = train(models, arguments, workers=share)
    for model, listed, was, result in zip(models, callbacks, before, results, strict=True):
        now = _around(model, listed)
        lost = [name for name in now if now[name] != was.get(name)]
        if lost and isinstance(result, History):
            result.notes.append(f"{', '.join(lost)} changed at the worker alone: keep it in attributes of the object")
    return [Trained.of(m, r, c) for m, r, c in zip(models, results, callbacks, strict=True)]


def _other_version(here: str) -> ConfigurationError:
    return ConfigurationError(
        where="fit_many: a worker",
        received=f"a model of glassnet {here} at a worker that has glassnet {__version__}",
        expected="the same version everywhere, on which the bits depend",
        fix=f'install it on all machines: pip install "glassnet[sklearn]=={here}"',
    )


def _plain(given: Any) -> Any:
    """Arguments whose arrays, where an engine has mapped them from a file, are told from others by nothing."""
    if isinstance(given, dict):
        return {name: _plain(value) for name, value in given.items()}
    if type(given) in (list, tuple):
        return type(given)(map(_plain, given))
    return given.view(np.ndarray) if isinstance(given, np.memmap) else given


def share_of_worker() -> int:
    """The processors that a worker may keep busy: those that its engine names in the environment, else one."""
    is_named = any(os.environ.get(name, "").strip() for name in (VARIABLE, USUAL_VARIABLE))
    return thread_count(None) if is_named else 1


def _own_parts(model: Model) -> dict[str, Any]:
    """The user's own parts, which may keep something besides parameters, by keys that are the same everywhere."""
    things = own_things(model.network, model.loss, model.optimizer, model.metrics)
    return {key: thing.layer if isinstance(thing, PythonLayer) else thing for key, thing in things.items()}


def _attributes_of(part: Any) -> dict[str, Any]:
    """What a part keeps besides its parameters and the layers in it."""
    return {name: value for name, value in own_attributes(part).items() if not _has_layers(value)}


def _has_layers(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(item, Layer | NumpyLayer | Parameter) for item in inside)


def _around(model: Model, callbacks: Sequence[Callback]) -> dict[str, str]:
    """Digests of what the code of own parts and callbacks keeps outside of its objects, by name."""
    found: dict[str, str] = {}
    for thing in (*_own_parts(model).values(), *callbacks):
        found |= elsewhere(thing)
    return found


def _able_to_travel(result: Result) -> Result:
    """An exception that can be made again from what it says; where it came from is noted."""
    if not isinstance(result, Exception):
        return result
    if not isinstance(result, GlassnetError):
        result.add_note("".join(traceback.format_exception(result)))
    try:
        copy.copy(result)  # which is done as on the way home
    except Exception:  # noqa: BLE001 - whatever the user's class says to it
        made = RuntimeError(f"{type(result).__name__}: {result}")
        made.__notes__ = result.__notes__
        return made
    return result


def _take_over(own: Any, attributes: Mapping[str, Any], memo: dict[int, Any]) -> None:
    """Gives an object here the attributes that its copy elsewhere has now; objects in it stay the ones they are."""
    known = vars(own)
    for name, value in attributes.items():
        known[name] = _taken_over(known.get(name), value, memo)


def _taken_over(own: Any, value: Any, memo: dict[int, Any]) -> Any:
    """What stands here for a value that has come home: the object that was there, where it is of the same kind."""
    if id(value) in memo:
        return memo[id(value)][0]
    if isinstance(value, np.ndarray):
        found: Any = value
    elif type(value) in (list, dict, set) and type(own) is type(value):
        found = own
        memo[id(value)] = found, value
        _fill(own, value, memo)
        return found
    elif type(own) is type(value) and hasattr(value, "__dict__") and not callable(value):
        found = own
        memo[id(value)] = found, value
        _take_over(own, vars(value), memo)
        return found
    elif type(value) is tuple:
        known = own if type(own) is tuple and len(own) == len(value) else (None,) * len(value)
        found = tuple(_taken_over(one, item, memo) for one, item in zip(known, value, strict=True))
    else:
        found = value
    memo[id(value)] = found, value  # which keeps the value, and so its number, as long as the memo
    return found


def _fill(own: Any, value: Any, memo: dict[int, Any]) -> None:
    """Brings a list, dict or set here to what its copy elsewhere has become."""
    if isinstance(own, list):
        items = own[:]
        own[:] = [_taken_over(items[n] if n < len(items) else None, item, memo) for n, item in enumerate(value)]
    elif isinstance(own, dict):
        before = dict(own)
        own.clear()
        own.update({key: _taken_over(before.get(key), item, memo) for key, item in value.items()})
    else:
        own.clear()
        own.update(value)


def require_own_memory(model: Model, where: str) -> None:
    """Refuses a network between whose parameters lie those of another: its copy elsewhere has another memory.

    Raises:
        ConfigurationError: it has layers in common with another network.
    """
    network = model.network
    if network.is_built and sum(segment.stop - segment.start for segment in network.layout) != len(network.parameters):
        raise ConfigurationError(
            where=where,
            received="a network that has layers in common with another one, in whose memory they lie",
            expected="a network with a memory of its own, for a worker in another process",
            fix="build it of copies: gn.Sequential(body.copy(), ...)",
        )


def require_same(model: Model, before: tuple[int, int], where: str) -> None:
    """Refuses to put a training into a model that was trained here meanwhile.

    Raises:
        ConfigurationError: it was.
    """
    if standing(model) != before:
        raise ConfigurationError(
            where=where,
            received="a model that was trained here while a worker trained it",
            expected="one training at a time of a model",
            fix="wait for the end of fit_many, or train a copy: copy.deepcopy(model)",
        )


def standing(model: Model) -> tuple[int, int]:
    """How far a model is trained."""
    return model.optimizer.steps, model.epochs_trained
