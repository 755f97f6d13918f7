"""How a training goes on from a file, or from where the model's latest fit stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.paths import readable_path
from glassnet.core.settings import to_config
from glassnet.core.shapes import Array
from glassnet.formats import ModelParts, describe_sharing, own_parts_of
from glassnet.model.doors import WithDoors
from glassnet.model.saving import KEPT, parts_of, read_newest
from glassnet.training import (
    FitSettings,
    LatestFit,
    TrainingPosition,
    differences,
    engine_class,
    own_things,
    put_back_into,
    what_cannot_be_put_back,
)

WHERE = "fit: resume"
MOST_LETTERS = 200
"""What is longer is not read by anybody in a message."""
LEARNED = (
    *("preprocessing", "target_scaling", "feature_names", "target_name", "class_names"),
    *("vocabulary", "forecasting"),
)
"""What a model may have been given, or learn from a frame in ``fit``."""


@contextmanager
def undone_if_refused(model: WithDoors) -> Iterator[None]:
    """Gives the model back what it was where going on is refused."""
    before = {name: getattr(model, name) for name in (*KEPT, "optimizer", "engine", "threads")}
    try:
        yield
    except BaseException:
        for name, value in before.items():
            setattr(model, name, value)
        raise


@dataclass(frozen=True)
class Start:
    """Where a training goes on.

    Attributes:
        fit: the one to go on with.
        source: the file or the model, for messages.
        values: the parameters by their paths where they come from a file.
        note: which file was taken in the place of a damaged one, in words.
    """

    fit: LatestFit
    source: str
    values: tuple[tuple[str, Array], ...] = ()
    note: str | None = None

    def accepted(
        self, settings: FitSettings, things: Mapping[str, Any], *, even_if_changed: bool, is_over: bool
    ) -> tuple[LatestFit, list[str]]:
        """The fit to go on with and what is to be noted, once it is known that rows and settings are the same.

        Args:
            settings: of the fit that goes on.
            things: own parts that keep something.
            even_if_changed: whether to go on where something differs.
            is_over: whether there is nothing left to do.

        Raises:
            ConfigurationError: they are not; what differs is named. Or own parts kept what cannot be put back.
        """
        fit, notes = self.fit, [] if self.note is None else [self.note]
        lost = [] if is_over else what_cannot_be_put_back(things, fit.kept)
        if lost and not even_if_changed:
            raise ConfigurationError(
                where=WHERE,
                received=f"{self.source}, whose training had {'; '.join(lost)}",
                expected="that all which counts can be put back, so that it ends as the unbroken training would",
                fix="let parts of your own keep numbers, texts, arrays, generators and lists or dicts of them in "
                "attributes of their own, or declare them by add_parameter(..., trainable=False); draw by the rng that "
                "forward can ask for; or pass even_if_changed=True, to go on without",
            )
        notes += [f"resumed without {text}" for text in lost]
        now = settings.like(fit.settings)
        found = differences(fit.settings, now)
        position = fit.position
        assert position is not None
        if now.get("stateful") and position.step:
            done = f"{position.step:,} step{'s' if position.step > 1 else ''}"
            found.append(f"an epoch of which {done} are done, whose states are not kept")
        if found and not even_if_changed and not fit.is_ended:
            raise ConfigurationError(
                where=WHERE,
                received="; ".join(found),
                expected=f"what the training of {self.source} began with",
                fix="pass the same rows and settings; or even_if_changed=True, to go on with these from the end of an "
                "epoch",
            )
        if found and not fit.is_ended:
            again = f"; epoch {position.epoch + 1} began anew" if position.step else ""
            notes.append(f"resumed after epoch {position.epoch} with {'; '.join(found)}{again}")
            fit = replace(fit, position=TrainingPosition(position.epoch))
        moved = [
            f"{name} {now[name]} instead of {fit.settings.get(name)}"
            for name in ("version", "processor")
            if now.get(name) != fit.settings.get(name)
        ]
        if moved and not fit.is_finished:
            notes.append(f"resumed with {', '.join(moved)}: the bits may be others than those of an unbroken training")
        return fit, notes

    def put(self, model: WithDoors) -> None:
        """Gives the model's network the parameters of the place where training goes on."""
        if self.values:
            for (_, own), (_, value) in zip(model.network.named_parameters(), self.values, strict=True):
                np.copyto(own, value)
        if self.fit.parameters is not None:
            model.network.put_back(self.fit.parameters)
        things = own_things(model.network, model.loss, model.optimizer, model.metrics)
        put_back_into(things, self.fit.kept)


def start_of(model: WithDoors, resume: bool | str | Path) -> Start | None:
    """Where to go on, None for a new training; the model takes over all of it but the parameters.

    Raises:
        MissingFileError, FileFormatError: there is no such file, or none that can be read.
        ConfigurationError: there is nothing to go on with, or the model is another one than the file's.
    """
    if isinstance(resume, bool | np.bool_):
        if not resume:
            return None
        start = Start(
            _standing(model.latest_fit, model.optimizer.steps, model.epochs_trained, "the model"), "the model"
        )
    elif isinstance(resume, str | PathLike):
        source = f"{str(resume)!r}"
        parts, _, note = read_newest(readable_path(resume, where=WHERE), own_parts_of(parts_of(model)))
        fit = _standing(parts.latest_fit, parts.optimizer.steps, parts.epochs_trained, source)
        _require_same(model, parts, fit, source)
        for name in (*KEPT, "optimizer"):
            setattr(model, name, getattr(parts, name))
        start = Start(fit, source, tuple(parts.network.named_parameters()), note)
    else:
        raise ConfigurationError(
            where=WHERE,
            received=shown(resume),
            expected="True, False or the path of a model's file",
            fix='write resume="checkpoint.safetensors", or resume=True to go on with model.latest_fit',
        )
    model.memories = model.memories | start.fit.memories
    _take_engine(model, start.fit)
    return start


def _standing(fit: LatestFit | None, updates: int, epochs: int, source: str) -> LatestFit:
    """The fit, whose place must be known and be where the model stands."""
    if fit is not None and fit.position is not None and (fit.updates, fit.position.epoch) == (updates, epochs):
        return fit
    received = f"{source}, which was trained on since its latest fit"
    if fit is None:
        received = f"{source}, of which no fit is known"
    elif fit.position is None:
        received = f"{source}, whose training broke off within a step"
    raise ConfigurationError(
        where=WHERE,
        received=received,
        expected="a model that stands between two steps of a fit",
        fix="name a checkpoint of the training; or leave resume out, to train the weights that there are",
    )


def _take_engine(model: WithDoors, fit: LatestFit) -> None:
    """Lets a model that leaves its engine and threads open go on with those that the fit had."""
    known = fit.settings.get("engine")
    if model.engine == "auto" and known == "numpy" and engine_class("auto").name != known:
        model.engine = "numpy"
    threads = fit.settings.get("threads")
    if model.threads is None and isinstance(threads, int):
        model.threads = threads


def _require_same(model: WithDoors, parts: ModelParts, fit: LatestFit, source: str) -> None:
    """Refuses the file of another model; a network that is not built yet is built as the file's is."""
    found = []
    for name in ("network", "loss", "metrics"):
        own, other = getattr(model, name), getattr(parts, name)
        if to_config(own, where=name) != to_config(other, where=name):
            found.append(f"{name} {shown(own, 200)} instead of {shown(other, 200)}")
    rules = repr(parts.optimizer), fit.settings.get("optimizer")  # callbacks may have changed it since
    if repr(model.optimizer) not in rules:
        found.append(f"optimizer {model.optimizer!r:.200} instead of {rules[1]:.200}")
    for name, was, now in (("seed", parts.seed, model.seed), ("dtype", parts.network.dtype, model.dtype)):
        if was != now:
            found.append(f"{name} {now} instead of {was}")
    if not found and not model.network.is_built:
        model.network.build(parts.network.input_shape or (), seed=model.seed, dtype=model.dtype)
    if not found:
        if model.network.input_shape != parts.network.input_shape:
            found.append(f"input of shape {model.network.input_shape} instead of {parts.network.input_shape}")
        elif _shared(model.network) != _shared(parts.network):
            found.append("weights shared, frozen or given rates in another way")
    for name in LEARNED:
        own, other = getattr(model, name), getattr(parts, name)
        if own is not None and to_config(own, where=name) != to_config(other, where=name):
            texts = repr(own), repr(other)
            is_short = max(map(len, texts)) <= MOST_LETTERS and texts[0] != texts[1]
            learned = f"{name} learned from other data, or with other options"
            found.append(f"{name} {texts[0]} instead of {texts[1]}" if is_short else learned)
    if found:
        raise ConfigurationError(
            where=WHERE,
            received=f"a model with {'; '.join(found)}",
            expected=f"the model of {source}",
            fix=f"make the same model, or take the file's: gn.load({source}).fit(..., resume=True)",
        )


def _shared(network: Any) -> Any:
    return describe_sharing(network), network.parameters.shape
