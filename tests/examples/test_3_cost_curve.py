"""Example 3, all 10,000 steps, against a loop over plain arrays with an example in each column."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

EXAMPLE = "3_cost_curve"
STEPS = 10_000


@pytest.fixture(scope="module")
def outcome(run_example, tmp_path_factory):
    return run_example(EXAMPLE, output=tmp_path_factory.mktemp("cost"))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def reference(steps, seed):
    """The same learning with X (100, m) and weights (units, inputs)."""
    generator = np.random.RandomState(seed)
    examples = 200
    activations = [generator.rand(100, examples)]
    y = generator.rand(1, examples)
    weights = [0.01 * generator.rand(units, inputs) for inputs, units in ((100, 5), (5, 4), (4, 1))]
    biases = [np.zeros((units, 1)) for units in (5, 4, 1)]
    costs = []

    def forward():
        activations[1:] = []
        for weight, bias in zip(weights, biases, strict=True):
            activations.append(sigmoid(weight @ activations[-1] + bias))
        a = activations[-1]
        costs.append(-np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)) / examples)
        return a

    for _ in range(steps):
        delta = (forward() - y) / examples  # sigmoid and cross-entropy together
        for layer in (2, 1, 0):
            weight_gradient, bias_gradient = delta @ activations[layer].T, delta.sum(axis=1, keepdims=True)
            if layer:
                delta = weights[layer].T @ delta * activations[layer] * (1 - activations[layer])
            weights[layer] = weights[layer] - 0.1 * weight_gradient
            biases[layer] = biases[layer] - 0.1 * bias_gradient
    forward()
    return costs, weights, biases


def assert_same(result, steps, seed):
    costs, weights, biases = reference(steps, seed)
    assert len(result.costs) == steps + 1
    assert_allclose(result.costs, costs, rtol=1e-10)
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        assert_allclose(result.parameters[f"{2 * layer}.weight"], weight.T, rtol=1e-10)
        assert_allclose(result.parameters[f"{2 * layer}.bias"], bias[:, 0], rtol=1e-10)


def test_every_result_agrees_with_a_plain_loop(outcome):
    assert_same(outcome[0], STEPS, seed=1)


def test_another_seed_agrees_too(run_example, tmp_path):
    result, _ = run_example(EXAMPLE, steps=50, seed=7, output=tmp_path)
    assert_same(result, 50, seed=7)


def test_the_cost_falls_to_that_of_the_mean(outcome):
    result, printed = outcome
    generator = np.random.RandomState(1)
    generator.rand(100, 200)
    mean = generator.rand(1, 200).mean()
    cost_of_mean = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean))
    assert result.costs[0] > cost_of_mean + 1e-3
    assert result.costs[-1] == pytest.approx(cost_of_mean, abs=1e-6)
    assert f"the mean of y, costs {cost_of_mean:.6f}" in printed


def test_the_learning_rate_1_jumps_for_ever_and_a_tenth_arrives(outcome):
    result, printed = outcome
    assert result.too_fast == [5.0, -5.0] * 10 + [5.0]
    assert_allclose(result.converging, 5 * 0.8 ** np.arange(21), rtol=1e-12)
    assert "5.00  -5.00   5.00" in printed


def test_the_curves_are_drawn(outcome, assert_drawn):
    assert_drawn(outcome[0].picture)
