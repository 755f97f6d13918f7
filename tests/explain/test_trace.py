"""``gn.trace``: every number of a pass, and nothing changed by looking."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn


def model() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(3), gn.Tanh(), gn.Dense(2)), "cross_entropy", gn.SGD(0.1))


def test_trace_runs_from_the_input_to_the_input_gradient() -> None:
    trace = gn.trace(model(), [[1.0, -1.0]], [1])
    assert [call.path for call in trace.calls] == ["0", "1", "2", "loss", "loss", "loss", "loss", "2", "1", "0"]
    assert trace.loss == pytest.approx(float(trace.calls[4].outputs["losses"][0]))


def test_trace_shows_nothing_that_was_never_computed() -> None:
    """A buffer that a kernel only writes is no input: what stood in it before means nothing."""
    for call in gn.trace(model(), [[1.0, -1.0]], [1]).calls:
        assert set(call.inputs).isdisjoint(call.outputs)


def test_trace_leaves_the_parameters_alone() -> None:
    traced = model()
    traced.fit([[1.0, -1.0]], [1], verbose=False)
    before = traced.network.parameters.copy()
    gn.trace(traced, [[1.0, -1.0]], [1])
    np.testing.assert_array_equal(traced.network.parameters, before)
    assert traced.optimizer.steps == 1


def test_the_text_shows_equations_shapes_and_values() -> None:
    text = str(gn.trace(model(), [[1.0, -1.0]], [1]))
    for piece in (
        "dense_forward",
        "y = x W + b",
        "x (1, 2)",
        "[[ 1. -1.]]",
        "dW = xᵀ dy",
        "dz = ω_n (p − t)",
        "loss 0.",
    ):
        assert piece in text


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(gn.DataError, match="trace: y.*labels from 5 to 5"):
        gn.trace(model(), [[1.0, -1.0]], [5])
