"""What is asked of the columns of a table, and what is learned of them from rows in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from glassnet.core.errors import DataError, shown
from glassnet.tables.columns import Column, Ignored
from glassnet.tables.forms import Form
from glassnet.tables.frame import Frame
from glassnet.tables.frames import check_names, columns_of
from glassnet.tables.learning import MOST_CATEGORIES, STANDARD, learn, profile_of
from glassnet.tables.reading import Reading, read_columns
from glassnet.tables.summaries import Moments
from glassnet.tables.targets import Answers, Target, learn_targets

WHERE = "Table.from_data"


@dataclass(frozen=True)
class Learned:
    """What a table is made of.

    Attributes:
        columns: of the inputs.
        target: what is to be predicted, or None.
        forms: of the columns of texts.
        reading: of the first file, or None.
        moments: of the columns of amounts to be predicted, over the rows to train with; blocks alone have them.
    """

    columns: list[Column]
    target: Target | None
    forms: dict[str, Form]
    reading: Reading | None
    moments: dict[str, Moments] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What ``Table.from_data`` is told of the columns; its arguments."""

    target: Sequence[str] = ()
    task: str = "auto"
    quantiles: Sequence[str] = ()
    categories: Sequence[str] = ()
    embeddings: Sequence[str] = ()
    ignore: Sequence[str] = ()
    reading: Reading | None = None
    is_automatic: bool = False
    numbers: str = STANDARD

    @classmethod
    def of(cls, columns: Collection[str], *, target: Any, embeddings: Any, **others: Any) -> Asked:
        """The arguments as they came; ``columns`` are the names that the data have, as far as they are known."""
        is_automatic = isinstance(embeddings, str) and embeddings == "auto"
        named = {"target": target, "embeddings": () if is_automatic else embeddings}
        named |= {argument: others.pop(argument) for argument in ("quantiles", "categories", "ignore")}
        lists: dict[str, Any] = {argument: _listed(names, columns) for argument, names in named.items()}
        return cls(**lists, is_automatic=is_automatic, **others)

    @property
    def named(self) -> dict[str, Sequence[str]]:
        """Columns that must be there, by the argument that names them."""
        arguments = "target", "quantiles", "categories", "embeddings", "ignore"
        return {argument: getattr(self, argument) for argument in arguments}


def learn_at_once(data: Any, **asked: Any) -> Learned:
    """Learns the columns of data in memory.

    Args:
        data: as ``Table.from_data`` takes them.
        asked: its other arguments, as ``Asked.of`` takes them.

    Raises:
        DataError, ConfigurationError: as ``Table.from_data``.
    """
    raws = columns_of(data, where=WHERE)
    told = Asked.of(raws, **asked)
    check_names(told.named, raws, WHERE)
    names, looked_up = list(told.target), set(told.embeddings)
    found = told.reading or (data.reading if isinstance(data, Frame) else None)
    as_words = [*told.categories, *told.embeddings, *(names if told.task == "classification" else ())]
    targets, by_rank, left_out = map(set, (names, told.quantiles, told.ignore))
    categories_too = looked_up.union(told.categories)
    used = (raw for raw in raws.values() if raw.name not in left_out or raw.name in targets)
    raws = read_columns(used, found or Reading(), answers=names, words=as_words)
    columns = [
        learn(
            raw,
            quantiles=raw.name in by_rank,
            as_category=raw.name in categories_too,
            numbers=told.numbers,
            most_places=0 if raw.name in looked_up else MOST_CATEGORIES if told.is_automatic else inf,
        )
        for raw in raws.values()
        if raw.name not in targets
    ]
    require_differences(columns)
    target = learn_targets(raws, names, told.task, where=WHERE) if names else None
    if target is not None:
        are_names = not isinstance(target, Answers)
        profiles = {name: profile_of(raws[name], are_names=are_names) for name in target.names}
        target.profiles = {name: own for name, own in profiles.items() if own is not None}
    forms = {name: raw.form for name, raw in raws.items() if raw.form is not None}
    return Learned(columns, target, forms, found)


def require_differences(columns: Sequence[Column]) -> None:
    """Refuses a table none of whose columns tells rows apart."""
    if all(isinstance(column, Ignored) for column in columns):
        raise DataError(
            where=WHERE,
            received="; ".join(f"{c.name}: {c.describe()}" for c in columns[:5]) or "no column beside the target",
            expected="one column at least whose values differ",
            fix="add columns that the target can be predicted from",
        )


def _listed(names: Any, columns: Collection[str]) -> list[str]:
    """Names of columns; pandas has numbers and tuples for names as well, which are those of columns by their text."""
    if names is None:
        return []
    is_several = isinstance(names, Iterable) and not isinstance(names, bytes | bytearray | Mapping)
    if (
        not isinstance(names, str | int)
        and str(names) not in columns
        and (not is_several or (isinstance(names, np.ndarray) and names.ndim == 0))
    ):
        return [shown(names)]
    return [str(names)] if isinstance(names, str | int) or str(names) in columns else [str(name) for name in names]
