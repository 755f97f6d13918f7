"""The members of an ensemble: made from seeds, trained on one set of data, alike in what they take and give."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from glassnet.core.errors import ConfigurationError, GlassnetError, TrainingWarning, shown
from glassnet.core.randomness import generator
from glassnet.core.settings import Configurable, to_config, whole
from glassnet.many.each import Each, by_model
from glassnet.many.fitting import callbacks_of_each, fit_many
from glassnet.model import Model
from glassnet.model.lengths import ragged_rows
from glassnet.model.named_data import named_rows
from glassnet.network import Graph
from glassnet.tables import named
from glassnet.training import Callback, History, TrainingState, member_path, older

MOST_MEMBERS = 1000
LARGEST_SEED = 2**31 - 1
FROM_DATA = "preprocessing", "feature_names", "target_name", "class_names"
"""What a model may learn from a frame before it is trained."""
ALIKE = (
    *("loss", "metrics", "dtype", "preprocessing", "target_scaling", "feature_names", "target_name", "class_names"),
    *("vocabulary", "forecasting", "ragged"),
)
"""Attributes that are one for all members."""
SHARED = "preprocessing", "target_scaling"
"""Of which all members have the same object, once it is known that they have the same."""


def seeds_of(seed: int, members: Any) -> list[int]:
    """A seed for each of so many members, all different; the first are the same whatever their number."""
    count = whole(members, "members", "Ensemble", low=2, high=MOST_MEMBERS)
    found: dict[int, None] = {}
    number = 0
    while len(found) < count:
        found[int(generator(seed, "ensemble", number).integers(LARGEST_SEED))] = None
        number += 1
    return list(found)


def built(build: Any, seeds: Sequence[int]) -> tuple[Model, ...]:
    """The members that a function makes.

    Raises:
        ConfigurationError: it is none, gives no models, or such as are not to be averaged.
    """
    if not callable(build) or isinstance(build, Model | Configurable | type):
        fix = "write def build(seed): return gn.Model(gn.Sequential(...), ..., seed=seed)"
        if not callable(build) and isinstance(build, Sequence):
            fix = "for models that are there already write gn.Ensemble.of(models)"
        raise ConfigurationError(
            where="Ensemble",
            received=f"build={shown(build)}",
            expected="a function that makes a new model for a seed",
            fix=fix,
        )
    models = require_alike([build(seed) for seed in seeds], where="Ensemble: build")
    own = [model.seed for model in models]
    if len(set(own)) < len(own):
        raise ConfigurationError(
            where="Ensemble: build",
            received=f"{len(own)} models with the seeds {', '.join(map(str, own[:4]))}{', ...' * (len(own) > 4)}",
            expected="different ones: from the same beginning members would learn the same",
            fix="pass on what build is called with: gn.Model(..., seed=seed)",
        )
    return models


def require_alike(models: Any, *, where: str) -> tuple[Model, ...]:
    """Models of which an average can be taken.

    Raises:
        ConfigurationError: fewer than two, no models, layers in common, or such as take or give something else.
    """
    is_list = isinstance(models, Sequence) and not isinstance(models, str)
    others = [model for model in models if not isinstance(model, Model)] if is_list else [models]
    if others or len(models) < 2:
        raise ConfigurationError(
            where=where,
            received=shown(others[0]) if others else f"{len(models)} of them",
            expected="two models or more",
            fix="give a new gn.Model for each member",
        )
    first, owners = models[0], dict[int, int]()
    for number, model in enumerate(models):
        layers = [model.network, *(layer for _, layer in model.network.walk())]
        for thing in (model._trained_thing(), *layers, *(layer.weights_in_common for layer in layers)):
            before = owners.setdefault(id(thing), number)
            if before != number:
                raise ConfigurationError(
                    where=where,
                    received=f"the members {before} and {number}, which are the same or have layers in common",
                    expected="a model of its own for each",
                    fix="make the network inside of build, new for each call",
                )
        for name in ALIKE:
            if _said(first, name) != _said(model, name):
                _refuse(where, name, number, getattr(first, name), getattr(model, name))
        for name in SHARED:
            setattr(model, name, getattr(first, name))
        if first.network.is_built and model.network.is_built:
            require_one_shape((first, model), where=where, number=number)
        if _doors(first) != _doors(model):
            _refuse(where, "inputs and outputs", number, _doors(first), _doors(model))
    return tuple(models)


def require_one_shape(models: Sequence[Model], *, where: str, number: int | None = None) -> None:
    """Refuses built models of which rows of other shapes come out, or with another scaling than the first.

    Raises:
        ConfigurationError: a member that does not fit the first is named.
    """
    first = models[0]
    for place, model in enumerate(models):
        for name in ("input_shape", "output_shape"):
            own = getattr(model.network, name)
            if own != getattr(first.network, name):
                _refuse(where, name, place if number is None else number, getattr(first.network, name), own)
        for name in SHARED:
            if getattr(model, name) is not getattr(first, name):
                _refuse(where, name, place, getattr(first, name), getattr(model, name))


@contextmanager
def learn_together(members: Sequence[Model], x: Any, y: Any) -> Iterator[None]:
    """Lets the first member learn names, and a table, from a frame, and tells the others; taken back by an error."""
    before = [{name: getattr(member, name) for name in FROM_DATA} for member in members]
    try:
        if not isinstance(x, Each) and not isinstance(y, Each) and _has_names(x, y):
            first = members[0]
            padded = ragged_rows(first, x, where="fit: x")
            named_rows(first, x if padded is None else padded.values, y, where="fit", learns=True)
            for member in members[1:]:
                for name in FROM_DATA:
                    setattr(member, name, getattr(first, name))
        yield
    except BaseException:
        for member, own in zip(members, before, strict=True):
            for name, value in own.items():
                setattr(member, name, value)
        raise


def files_to_resume(path: str | Path, count: int) -> Each:
    """For each member the file that a ``Checkpoint`` of that path has saved of it; False for those without one.

    Raises:
        ConfigurationError: there is none of any member.
    """
    files = [member_path(path, number) for number in range(count)]
    found = Each([file if file.exists() or older(file, 1).exists() else False for file in files])
    if any(found.values):
        return found
    is_there = Path(path).exists()
    raise ConfigurationError(
        where="Ensemble.fit: resume",
        received=f"{str(path)!r}, beside which there is no {files[0].name} nor another member's file",
        expected="the path that gn.Checkpoint had in a training of these members",
        fix="ensemble = gn.load(path), and then ensemble.fit(x, y, resume=True)"
        if is_there
        else "name the path of the checkpoint; or leave resume out, to begin anew",
    )


class _CheckedError(Exception):
    """Nothing stands against the training."""


class _Check(Callback):
    """Ends a training before its first step, when all of it has been looked at."""

    def on_fit_begin(self, state: TrainingState) -> None:
        raise _CheckedError


def require_resumable(members: Sequence[Model], x: Any, y: Any, settings: Mapping[str, Any]) -> None:
    """Refuses to go on from files of another training before any member has gone on or begun; nothing is changed.

    Args:
        members: of which some have a file in the ``Each`` of ``settings["resume"]``.
        x: as ``fit`` takes it.
        y: likewise.
        settings: of ``fit``.

    Raises:
        ConfigurationError, FileFormatError: as ``Model.fit(resume=path)``.
    """
    given = {"callbacks": [], **settings, "x": x, "y": y}
    given["callbacks"] = callbacks_of_each(given["callbacks"], len(members))
    own = {name: by_model(value, name, len(members), "Ensemble.fit") for name, value in given.items()}
    for number, member in enumerate(members):
        asked = {name: values[number] for name, values in own.items() if name not in ("workers", "rows")}
        if asked["resume"] is not False:
            asked["callbacks"] = [_Check(), *asked["callbacks"]]
            with suppress(_CheckedError):
                deepcopy(member).fit(**asked | {"verbose": False})


def trained(members: Sequence[Model], x: Any, y: Any, **settings: Any) -> list[History | Exception]:
    """What ``fit_many`` gives: a history, or an exception, for each member; who asks says what failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        return fit_many(members, x, y, **settings)


def _has_names(x: Any, y: Any) -> bool:
    if isinstance(y, str):
        return named.is_frame(x) or isinstance(x, Mapping)
    return (named.is_frame(x) and named.has_names(x)) or named.is_series(y)


def _doors(model: Model) -> tuple[Any, ...]:
    """The names of what the network takes and gives."""
    network = model.network
    return (list(network.inputs), list(network.outputs)) if isinstance(network, Graph) else ()


def _said(model: Model, name: str) -> Any:
    """A setting in a form that can be compared."""
    value = getattr(model, name)
    try:
        return str(value) if name == "dtype" else to_config(value, where=name)
    except GlassnetError:  # what no file holds, such as a lambda
        return repr(value)


def _refuse(where: str, name: str, number: int, first: Any, own: Any) -> None:
    raise ConfigurationError(
        where=where,
        received=f"{name} {shown(own, 80)} of member {number}, and {shown(first, 80)} of member 0",
        expected="members that take and give the same",
        fix="let them differ in their layers, seeds and optimizers alone",
    )
