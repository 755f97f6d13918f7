"""Backward propagation against central differences: every layer, composition and loss, found by discovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from gradients import Build, layer_cases, loss_cases, mutants, rows_for, runner_with
from ragged import RAGGED

import glassnet as gn
from glassnet.derivatives import check as checker
from glassnet.kernels import KERNELS
from glassnet.losses import Loss

TOLERANCE = 1e-6
Check = Callable[[], gn.GradientReport]


def check_layer(build: Build, shape: tuple[int, ...], rows: int) -> gn.GradientReport:
    net = build()
    net.build(shape)
    x = rows_for(net, np.random.default_rng(rows), rows, shift=0.05)
    return gn.check_gradients(build(), x, tolerance=TOLERANCE, seed=3)


def check_loss(loss: Loss, targets: Callable[..., np.ndarray], end: str | None, rows: int) -> gn.GradientReport:
    rng = np.random.default_rng(rows + 1)
    net = gn.Sequential(gn.Dense(4, bias_init="normal"), gn.Tanh(), gn.Dense(3, bias_init="normal"))
    if end is not None:
        net.add(end)
    weights = rng.uniform(0.2, 2.0, rows)
    x = rng.normal(size=(rows, 2))
    return gn.check_gradients(net, x, targets(rng, rows, 3), loss, sample_weight=weights, tolerance=TOLERANCE)


def check_lengths(layer: Any, reverse: bool) -> gn.GradientReport:
    """Of a recurrence of rows of different length."""

    class OfLengths(layer):  # type: ignore[misc]
        def forward(self, run: gn.Runner, x: np.ndarray, *, training: bool) -> Any:
            run.lengths = np.arange(len(x)) % x.shape[1] + 1
            try:
                return super().forward(run, x, training=training)
            finally:
                run.lengths = None

    net = gn.Sequential(OfLengths(2, reverse=reverse, bias_init="normal"), gn.Dense(2))
    return gn.check_gradients(net, np.random.default_rng(0).normal(size=(4, 3, 2)), tolerance=TOLERANCE)


LAYERS = [*layer_cases(), *RAGGED]
LOSSES = list(loss_cases())
RECURRENCES = list(product((gn.SimpleRNN, gn.LSTM, gn.GRU), (False, True)))


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layer(name: str, build: Build, shape: tuple[int, ...], rows: int) -> None:
    report = check_layer(build, shape, rows)
    assert report.passed, report
    assert sum(check.kinks for check in report.checks) == 0


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_loss(case: tuple[str, Loss, Callable[..., np.ndarray], str | None], rows: int) -> None:
    report = check_loss(*case[1:], rows)
    assert report.passed, report


@pytest.mark.parametrize(("layer", "reverse"), RECURRENCES)
def test_rows_of_different_length(layer: Any, reverse: bool) -> None:
    assert check_lengths(layer, reverse).passed


def test_every_exported_layer_is_among_the_cases() -> None:
    exported = {
        name for name in gn.__all__ if isinstance(getattr(gn, name), type) and issubclass(getattr(gn, name), gn.Layer)
    }
    assert exported - {"Layer", "Network"} <= {case[0] for case in LAYERS}


BACKWARD = [
    *sorted(name for name in KERNELS if name.endswith("_backward")),
    "accumulate",
    "batch_norm_sums",
    "mask_steps",
]


@pytest.mark.parametrize("name", BACKWARD)
def test_a_broken_backward_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backward kernel zeroed, sign-flipped, or with a term or statement dropped fails some gradient check."""
    survivors = []
    total = 0
    for description, mutant in mutants(name):
        total += 1
        monkeypatch.setattr(checker, "NumpyRunner", runner_with(name, mutant))
        monkeypatch.setattr("glassnet.losses.base.NumpyRunner", runner_with(name, mutant))
        if not _some_check_fails(name):
            survivors.append(description)
    assert total >= 2
    assert survivors == []


def _some_check_fails(name: str) -> bool:
    """Of the checks that run the kernel; the short ones come first."""
    seeing = [check for check in CHECKS if name in _calls_of(check)]
    return any(_fails(check) for check in sorted(seeing, key=lambda check: _calls_of(check).total()))


CHECKS: list[Check] = [
    *(lambda case=case: check_layer(case[1], case[2], 7) for case in LAYERS),
    *(lambda case=case: check_loss(*case[1:], 5) for case in LOSSES),
    *(lambda case=case: check_lengths(*case) for case in RECURRENCES),
]


@cache
def _calls_of(check: Check) -> Counter[str]:
    """How often a check runs which kernels: a mutant is tried where it can be seen."""
    called: Counter[str] = Counter()

    class Listening(gn.NumpyRunner):
        def __call__(self, caller: Any, kernel: Any, **arguments: Any) -> None:
            called[kernel.__name__] += 1
            kernel(**arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checker, "NumpyRunner", Listening)
        patch.setattr("glassnet.losses.base.NumpyRunner", Listening)
        check()
    return called


def _fails(check: Check) -> bool:
    try:
        with np.errstate(all="ignore"):
            return not check().passed
    except Exception:  # noqa: BLE001 - a mutant that cannot run is noticed too
        return True
