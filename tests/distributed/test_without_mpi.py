"""What is said where MPI is missing, or asked for in a way that it cannot be."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.distributed import world as ranks
from glassnet.distributed.pulse import one_at_a_time


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_world", None)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
    with pytest.raises(gn.MissingExtraError, match=r"mpi4py|MPI"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), distributed=True, verbose=False)
    assert not model.network.is_built


@pytest.mark.parametrize("given", ["no", "0.5", "-1", "inf", "nan"])
def test_the_silence_must_be_a_number_of_seconds(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ranks.SILENCE, given)
    with pytest.raises(gn.ConfigurationError, match=ranks.SILENCE):
        ranks._silence()


def test_one_training_at_a_time() -> None:
    with one_at_a_time(), pytest.raises(gn.ConfigurationError, match="second training"), one_at_a_time():
        raise AssertionError("two at once")


@pytest.mark.parametrize("given", [1, "yes", None])
def test_distributed_is_true_or_false(given: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="distributed"):
        gn.Model(gn.Dense(1), "mean_squared_error", "sgd").fit(np.ones((4, 2)), np.ones((4, 1)), distributed=given)
