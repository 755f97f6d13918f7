"""An ensemble's file: its members in one, written and read by the rules of a model's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glassnet.core.errors import GlassnetError
from glassnet.core.files import require_writable
from glassnet.core.kinds import MODEL
from glassnet.core.settings import Configurable, boolean
from glassnet.core.shapes import Array
from glassnet.formats import (
    contradiction,
    describe_ensemble,
    members_of,
    read_model_file,
    reconstruct,
    require_whole,
    write_model_file,
    written_of,
)
from glassnet.model import Model
from glassnet.model.model import model_of
from glassnet.model.saving import parts_of, require_fitting


def write_ensemble(
    members: Sequence[Model], seed: int, waiting: Mapping[int, int], path: str | Path, *, include_optimizer: bool
) -> None:
    """Writes one file: see ``Ensemble.save``."""
    include_optimizer = boolean(include_optimizer, "include_optimizer", "save")
    require_writable(path, MODEL, where="save")
    parts = [parts_of(member) for member in members]
    description, tensors = describe_ensemble(parts, seed, waiting, include_optimizer=include_optimizer)

    def prove(file: Path) -> None:
        read: list[list[tuple[dict[str, Any], dict[str, Array]]]] = []

        def member(number: int) -> tuple[dict[str, Any], dict[str, Array]]:
            if not read:
                read.append(members_of(*read_model_file(file), "load")[2])
            return read[0][number]

        for number, own in enumerate(parts):
            require_whole(own, lambda number=number: member(number), require_fitting)  # type: ignore[misc]

    write_model_file(path, description, tensors, prove=prove)


def read_ensemble(
    path: str | Path, custom: Sequence[type[Configurable] | Callable[..., Any]]
) -> tuple[list[Model], int, dict[int, int]]:
    """The members in a file, the ensemble's seed, and for how many epochs members wait to be trained.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is damaged, or contradicts itself; the member is named.
    """
    description, tensors = read_model_file(path)
    seed, waiting, members = members_of(description, tensors, f"load {path}")
    models = []
    for number, (own, arrays) in enumerate(members):
        where = f"load {path}: member {number}"
        parts = reconstruct(own, arrays, custom=custom, where=where)
        try:
            require_fitting(parts)
        except GlassnetError as error:
            raise contradiction(where, error) from error
        models.append(model_of(parts, written_of(description, where)))
    return models, seed, waiting
