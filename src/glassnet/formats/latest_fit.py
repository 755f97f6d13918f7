"""The latest fit of a model as a description that JSON can hold and arrays by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.core.settings import boolean, whole
from glassnet.core.shapes import Array, Shape
from glassnet.formats.kept import describe_kept, kept_of
from glassnet.formats.memories import PARAMETERS, Arrays, describe_memories, memories_of, value_of
from glassnet.training import History, LatestFit, TrainingPosition

LATEST_FIT_PREFIX = "latest_fit/"
NUMBERS = "first_epoch", "last_epoch", "steps", "updates"


def describe_latest_fit(fit: LatestFit, arrays: Arrays) -> dict[str, Any]:
    """A description of the fit, with names for the arrays in it.

    Raises:
        ConfigurationError: a callback remembers something that no file can hold; it is named.
    """

    def put(array: Array | None, name: str) -> dict[str, str] | None:
        return None if array is None else arrays.put(array, LATEST_FIT_PREFIX + name)

    place = fit.position
    return (
        {name: getattr(fit, name) for name in NUMBERS}
        | {
            "settings": dict(fit.settings),
            "position": place
            and {
                "epoch": place.epoch,
                "step": place.step,
                "losses": put(place.losses, "losses") if place.step else None,
                "totals": put(place.totals, "totals") if place.step else None,
                "outputs": put(place.outputs, "outputs"),
                **({} if place.sums is None else {"sums": put(place.sums, "sums")}),
            },
            "metrics": {name: arrays.plain(values, "", name) for name, values in fit.history.metrics.items()},
            "epochs": len(fit.history),
            "notes": fit.history.notes,
            "stopped": fit.history.stopped,
            "is_ended": fit.is_ended,
            "parameters": put(fit.parameters, "parameters"),
            "callbacks": describe_memories(fit.memories, arrays, f"{LATEST_FIT_PREFIX}callbacks/"),
        }
        | ({"kept": describe_kept(fit.kept, arrays, f"{LATEST_FIT_PREFIX}kept")} if fit.kept else {})
    )


def latest_fit_of(
    description: Mapping[str, Any] | None, arrays: Mapping[str, Array], output_shape: Shape, where: str
) -> LatestFit | None:
    """Undoes ``describe_latest_fit``, trusting nothing; files of before it have none.

    Raises:
        GlassnetError, KeyError, TypeError, ValueError: the description contradicts itself, the arrays or the network.
    """
    if description is None:
        return None
    numbers = {name: whole(description[name], name, where, low=name != "updates") for name in NUMBERS}
    history = History()
    epochs = whole(description["epochs"], "epochs", where, low=0)
    first = numbers["first_epoch"]
    for name, values in dict(description["metrics"]).items():
        found = [value_of(value, arrays) for value in list(values)]
        if len(found) != epochs or not all(type(value) is float for value in found):
            raise ValueError(f"{name!r} of the history is no list of {epochs} numbers")
        history.metrics[str(name)] = found
    if epochs and not history.metrics:
        raise ValueError(f"a history of {epochs} epochs without numbers")
    history.epochs = list(range(first, first + epochs))
    history.notes = [str(note) for note in list(description["notes"])]
    history.stopped = description["stopped"]
    if not isinstance(history.stopped, str | None):
        raise TypeError("what stopped the latest fit is no text")
    parameters = value_of(description["parameters"], arrays)
    if parameters is not None:
        _require(parameters, arrays[PARAMETERS].shape, arrays[PARAMETERS].dtype, "parameters")
    position = _position(description["position"], arrays, output_shape, numbers["steps"], where)
    if position is not None and position.epoch != first + epochs - 1:
        raise ValueError(f"a history of {epochs} epochs from {first} at the end of epoch {position.epoch}")
    return LatestFit(
        **numbers,
        settings=_settings(description["settings"]),
        position=position,
        history=history,
        is_ended=boolean(description["is_ended"], "is_ended", where),
        memories=memories_of(description, arrays),
        parameters=parameters,
        kept=kept_of(description.get("kept", {}), arrays),
    )


def _position(
    description: Any, arrays: Mapping[str, Array], output_shape: Shape, steps: int, where: str
) -> TrainingPosition | None:
    if description is None:
        return None
    epoch = whole(description["epoch"], "epoch", where, low=0)
    step = whole(description["step"], "step", where, low=0)
    if step >= steps:
        raise ValueError(f"step {step} of an epoch of {steps}")
    if not step:
        if any(description[name] is not None for name in ("losses", "totals")):
            raise ValueError("sums of an epoch of which no step was done")
        return TrainingPosition(epoch)
    losses, totals, outputs = (value_of(description[name], arrays) for name in ("losses", "totals", "outputs"))
    for name, array in (("losses", losses), ("totals", totals)):
        _require(array, (step,), np.dtype(np.float64), name)
    if outputs is not None:
        _require(outputs, (len(outputs), *output_shape), arrays[PARAMETERS].dtype, "outputs")
    sums = value_of(description.get("sums"), arrays)
    if sums is not None:
        _require(sums, (np.size(sums),), np.dtype(np.float64), "sums")
    return TrainingPosition(epoch, step, losses, totals, outputs, sums)


def _require(array: Any, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> None:
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} of the latest fit are no {dtype} of the shape {shape}")


def _settings(description: Any) -> dict[str, Any]:
    """Settings by name, as JSON has them: numbers, texts, None and lists of texts."""
    found = dict(description)
    for name, value in found.items():
        items = value if isinstance(value, list) else [value]
        if not all(item is None or isinstance(item, bool | int | float | str) for item in items):
            raise TypeError(f"the setting {name!r} of the latest fit is of another form")
    return found
