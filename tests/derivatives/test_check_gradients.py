"""``gn.check_gradients``: it passes what is right, fails what is wrong, and touches nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn


class Wrong(gn.NumpyLayer):
    """tanh with the derivative of the identity."""

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        return np.tanh(x), None

    def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy, {}


X = np.random.default_rng(0).normal(size=(4, 3))


def test_a_wrong_layer_is_found_and_the_report_says_where() -> None:
    report = gn.check_gradients(gn.Sequential(gn.Dense(2), Wrong()), X)
    assert not report
    assert report.error > 1e-2
    text = str(report)
    assert "FAILED" in text
    assert "XX  0.weight" in text
    assert "backward" in text


def test_the_network_is_not_touched() -> None:
    net = gn.Sequential(gn.Dense(2), gn.Tanh())
    net.build((3,))
    parameters, gradients = net.parameters.copy(), net.gradients.copy()
    assert gn.check_gradients(net, X)
    np.testing.assert_array_equal(net.parameters, parameters)
    np.testing.assert_array_equal(net.gradients, gradients)
    assert net.dtype == np.float32
    unbuilt = gn.Sequential(gn.Dense(2))
    assert gn.check_gradients(unbuilt, X)
    assert not unbuilt.is_built


def test_an_exact_kink_is_left_out_and_counted() -> None:
    report = gn.check_gradients(gn.Sequential(gn.ReLU()), np.array([[0.0, 1.0, -1.0]]))
    assert report
    assert report.checks[0].kinks == 1


def test_a_wrong_slope_beside_a_kink_is_no_kink() -> None:
    class Steep(gn.NumpyLayer):
        def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
            return np.maximum(x, 0), x

        def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
            return dy * 5, {}

    assert not gn.check_gradients(gn.Sequential(Steep()), np.array([[0.0]]))


def test_many_elements_are_sampled() -> None:
    report = gn.check_gradients(gn.Sequential(gn.Dense(50)), np.ones((1, 60)), max_elements=5)
    assert report


def test_targets_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(gn.ShapeError, match=r"y.reshape\(-1, 1\)"):
        gn.check_gradients(gn.Sequential(gn.Dense(1)), X, np.ones(4), loss="mean_squared_error")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("where", ["weight", "bias", "dx"])
def test_a_gradient_beyond_all_bounds_fails_the_check_without_a_warning(wrong: float, where: str) -> None:
    class Broken(gn.Dense):
        def backward(self, run: gn.Runner, dy: np.ndarray, cache: np.ndarray) -> np.ndarray:
            dx = super().backward(run, dy, cache)
            written = {"weight": self.weight.gradient, "bias": self.bias.gradient, "dx": dx}[where]
            written.flat[0] = wrong
            return dx

    report = gn.check_gradients(gn.Sequential(Broken(2)), np.random.default_rng(0).normal(size=(3, 2)))
    assert not report.passed
