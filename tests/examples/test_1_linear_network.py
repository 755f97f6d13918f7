"""Example 1 against a loop over plain arrays, and against the figures printed in its tutorial."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

EXAMPLE = "1_linear_network"


@pytest.fixture(scope="module")
def outcome(run_example):
    return run_example(EXAMPLE)


def reference(steps):
    """The same learning with a column for x and weights (outputs, inputs)."""
    x, target = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[100.0], [200.0]])
    first, second = np.ones((3, 4)), np.ones((2, 3))
    losses = []
    for _ in range(steps):
        hidden = first @ x
        error = second @ hidden - target
        losses.append(0.5 * np.sum(error**2))
        second_gradient, first_gradient = np.outer(error, hidden), np.outer(second.T @ error, x)
        second = second - 1e-4 * second_gradient
        first = first - 1e-4 * first_gradient
    return losses, first, second, second @ first @ x


def test_every_result_agrees_with_a_plain_loop(outcome):
    losses, first, second, prediction = reference(100)
    result, _ = outcome
    assert_allclose(result.W1, first.T, rtol=1e-10)
    assert_allclose(result.W2, second.T, rtol=1e-10)
    assert_allclose(result.prediction, prediction.T, rtol=1e-10)
    # The last errors are 8e-5, what is left of 100 and 200 after cancellation: 1e-10 of that is below their rounding.
    assert_allclose(np.sqrt(result.losses), np.sqrt(losses), rtol=1e-10, atol=1e-12)


def test_the_tutorials_figures_come_out(outcome):
    result, _ = outcome
    assert result.losses[0] == 16900
    row = [1.355568226, 1.7111364519, 2.0667046779, 2.4222729039]
    assert_allclose(result.W1, np.column_stack([row] * 3), rtol=0, atol=6e-11)
    assert_allclose(result.W2, [[1.6128747188, 3.225746543]] * 3, rtol=0, atol=6e-11)
    assert_allclose(result.prediction, [[100.0000717855, 199.9999641059]], rtol=0, atol=6e-11)


def test_fewer_steps_stop_where_the_plain_loop_stops(run_example):
    result, _ = run_example(EXAMPLE, steps=7)
    losses, first, second, _ = reference(7)
    assert_allclose(result.losses, losses, rtol=1e-10)
    assert_allclose(result.W1, first.T, rtol=1e-10)
    assert_allclose(result.W2, second.T, rtol=1e-10)


def test_the_first_step_is_printed_with_its_numbers(outcome):
    _, printed = outcome
    first_step = printed[: printed.index("ALL STEPS")]
    # Hidden units, outputs, ∂L/∂y, ∂L/∂h, a row of dW2 and of dW1, a row of both weights afterwards.
    forward = "[[10. 10. 10.]]", "[[30. 30.]]", "loss 16900"
    backward = "[[ -70. -170.]]", "[[-240. -240. -240.]]", "[ -700. -1700.]", "[-960. -960. -960.]"
    updated = "[1.096 1.096 1.096]", "[1.07 1.17]"
    assert [number for number in (*forward, *backward, *updated) if number not in first_step] == []


def test_the_end_is_printed_to_ten_digits(outcome):
    _, printed = outcome
    assert "[2.4222729039 2.4222729039 2.4222729039]" in printed
    assert "prediction = [100.0000717855 199.9999641059], wanted [100. 200.]" in printed
