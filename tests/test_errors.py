"""Errors cross from one process to another as they are."""

from __future__ import annotations

import copy
import errno
import pickle
from collections.abc import Iterator

import pytest

import glassnet as gn
from glassnet.core.errors import GlassnetError, WriteError
from glassnet.playground.examples import TableError

PARTS = {"where": "fit", "received": "5 rows", "expected": "4", "fix": "drop a row"}


def kinds(base: type[GlassnetError] = GlassnetError) -> Iterator[type[GlassnetError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=lambda kind: kind.__name__))
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.deepcopy, copy.copy])
def test_an_error_travels(kind: type[GlassnetError], travel: object) -> None:
    made = kind("wide", 3, 2, "age", **PARTS) if kind is TableError else kind(**PARTS)  # type: ignore[call-arg]
    arrived = travel(made)  # type: ignore[operator]
    assert type(arrived) is kind
    assert str(arrived) == str(made) == "fit: received 5 rows, expected 4. To fix it: drop a row."
    assert arrived.parts == PARTS
    assert arrived.args == made.args
    assert vars(arrived) == vars(made)


def test_what_an_error_knows_besides_travels() -> None:
    full = pickle.loads(pickle.dumps(WriteError(**PARTS, number=errno.ENOSPC)))
    assert full.errno == errno.ENOSPC
    diverged = gn.DivergenceError(**PARTS)
    diverged.history = gn.Model(gn.Dense(1), "mean_squared_error", "sgd").fit([[1.0]], [[1.0]], verbose=False)
    assert pickle.loads(pickle.dumps(diverged)).history["loss"] == diverged.history["loss"]
    with pytest.raises(OSError, match="drop a row"):
        raise full
