"""Runners: the same numbers with and without a log, and what the log holds."""

from __future__ import annotations

import numpy as np

import glassnet as gn


def pass_through(run: gn.Runner) -> tuple[np.ndarray, np.ndarray, gn.Network]:
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dropout(0.3), gn.Residual(gn.Dense(4)), gn.Dense(2))
    net.build((3,), dtype="float64")
    x = np.random.default_rng(0).normal(size=(5, 3))
    y, cache = net.forward(run, x, training=True)
    return y, net.backward(run, np.ones_like(y), cache), net


def test_tracing_changes_no_number() -> None:
    plain, traced = pass_through(gn.NumpyRunner(step=0)), pass_through(gn.TracingRunner(step=0))
    for one, other in zip(plain[:2], traced[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(plain[2].gradients, traced[2].gradients)


def test_the_log_has_every_call_in_order_with_its_path() -> None:
    run = gn.TracingRunner(step=0)
    pass_through(run)
    assert [(call.path, call.kernel) for call in run.calls] == [
        ("0", "dense_forward"),
        ("1", "tanh_forward"),
        ("2", "dropout_forward"),
        ("3.residual.0", "dense_forward"),
        ("3", "residual_forward"),
        ("4", "dense_forward"),
        ("4", "dense_backward"),
        ("3.residual.0", "dense_backward"),
        ("3", "residual_backward"),
        ("2", "dropout_backward"),
        ("1", "tanh_backward"),
        ("0", "dense_backward"),
    ]


def test_a_logged_call_can_be_recalculated_from_its_own_entry() -> None:
    run = gn.TracingRunner(step=0)
    _, dx, _ = pass_through(run)
    first, last = run.calls[0], run.calls[-1]
    assert first.equation == "y = x W + b"
    np.testing.assert_allclose(
        first.inputs["x"] @ first.inputs["weight"] + first.inputs["bias"], first.outputs["y"], rtol=1e-14
    )
    np.testing.assert_allclose(last.inputs["x"].T @ last.inputs["dy"], last.outputs["dweight"], rtol=1e-14)
    np.testing.assert_array_equal(last.outputs["dx"], dx)
    assert first.shapes == {"x": (5, 3), "weight": (3, 4), "bias": (4,), "y": (5, 4)}


def test_an_update_is_logged_with_the_values_before_and_after() -> None:
    run = gn.TracingRunner()
    parameters, gradients = np.array([1.0, 2.0]), np.array([10.0, 20.0])
    gn.SGD(0.1).update(run, parameters, gradients, None)
    (call,) = run.calls
    assert call.inputs["parameters"].tolist() == [1.0, 2.0]
    assert call.outputs["parameters"].tolist() == [0.0, 0.0]
    assert call.settings == {"learning_rate": 0.1}
