"""A model's parts on their way into a file and out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from warnings import warn

from glassnet.core.errors import CheckpointWarning, FileFormatError, GlassnetError
from glassnet.core.files import require_writable
from glassnet.core.kinds import MODEL
from glassnet.core.output import level_of_caller
from glassnet.core.settings import Configurable, boolean
from glassnet.formats import (
    ENSEMBLE,
    ModelParts,
    Written,
    contradiction,
    describe,
    read_model_file,
    reconstruct,
    require_whole,
    write_model_file,
    written_of,
)
from glassnet.model.doors import WithDoors
from glassnet.model.outputs import fitted
from glassnet.training import newest_good

KEPT = (
    *("epochs_trained", "preprocessing", "target_scaling", "feature_names", "target_name", "class_names", "memories"),
    *("latest_fit", "vocabulary", "forecasting", "ragged"),
)
"""Attributes of a model beside those that its constructor sets."""


def write(model: WithDoors, path: str | Path, *, include_optimizer: bool = True, **instead: Any) -> None:
    """Writes a model's file: see ``Model.save``; some of what is ``KEPT`` may be given instead of the model's own."""
    model.require_built("save")
    include_optimizer = boolean(include_optimizer, "include_optimizer", "save")
    require_writable(path, MODEL, where="save")
    parts = parts_of(model, **instead)
    description, tensors = describe(parts, include_optimizer=include_optimizer)
    write_model_file(
        path,
        description,
        tensors,
        prove=lambda file: require_whole(parts, lambda: read_model_file(file), require_fitting),
    )


def parts_of(model: WithDoors, **instead: Any) -> ModelParts:
    """All that a file holds of a model."""
    return ModelParts(
        network=model.network,
        loss=model.loss,
        optimizer=model.optimizer,
        metrics=model.metrics,
        seed=model.seed,
        **{name: getattr(model, name) for name in KEPT} | instead,
    )


def read(path: str | Path, custom: Sequence[type[Configurable] | Callable[..., Any]]) -> tuple[ModelParts, Written]:
    """The parts of the model in a file, and who wrote it: see ``load``."""
    where = f"load {path}"
    description, tensors = read_model_file(path)
    if ENSEMBLE in description:
        raise FileFormatError(
            where=where,
            received="a file with the models of an ensemble",
            expected="one with a single model",
            fix="read it by gn.load(path), and use the ensemble, one of its members, or ensemble.as_model()",
        )
    parts = reconstruct(description, tensors, custom=custom, where=where)
    try:
        require_fitting(parts)
    except GlassnetError as error:
        raise contradiction(where, error) from error
    return parts, written_of(description, where)


def require_fitting(parts: ModelParts) -> None:
    """Refuses parts that no model is made of."""
    fitted(parts.network, parts.loss, parts.metrics)


def read_newest(
    path: str | Path, custom: Sequence[type[Configurable] | Callable[..., Any]]
) -> tuple[ModelParts, Written, str | None]:
    """What ``read`` gives; of the newest file that is whole, where a ``Checkpoint`` has written several.

    Returns:
        The parts, who wrote them, and in words which file was taken since newer ones are damaged, or None.
    """

    def is_checkpoint(found: tuple[ModelParts, Written]) -> bool:
        return any(name.startswith("Checkpoint(") for name in found[0].memories)

    (parts, written), note = newest_good(path, lambda file: read(file, custom), is_checkpoint)
    if note is not None:
        warn(note, CheckpointWarning, stacklevel=level_of_caller())
    return parts, written, note
