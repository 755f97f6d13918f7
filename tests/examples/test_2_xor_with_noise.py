"""Example 2, all 60,000 steps, against a loop over plain arrays and the figures printed in its tutorial."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose

EXAMPLE = "2_xor_with_noise"
SVG = "{http://www.w3.org/2000/svg}"
STEPS = 60_000


@pytest.fixture(scope="module")
def outcome(run_example, tmp_path_factory):
    return run_example(EXAMPLE, output=tmp_path_factory.mktemp("xor") / "made" / "here")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def reference(steps):
    """The same learning, written down from the formulas."""
    rows = [(0, 0, 1, 0), (0, 1, 1, 1), (1, 0, 1, 1), (0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 1, 0), (0, 0, 0, 0)]
    table = np.array(rows, dtype=float)
    x, target = table[:, :3], table[:, 3:]
    generator = np.random.RandomState(1)
    first = 2 * generator.random_sample((3, 4)) - 1
    second = 2 * generator.random_sample((4, 1)) - 1
    losses = np.empty(steps)
    for step in range(steps):
        hidden = sigmoid(np.dot(x, first))
        answer = sigmoid(np.dot(hidden, second))
        error = target - answer
        losses[step] = 0.5 * np.sum(error**2)
        second_delta = error * answer * (1 - answer)
        first_delta = np.dot(second_delta, second.T) * hidden * (1 - hidden)
        second += np.dot(hidden.T, second_delta)
        first += np.dot(x.T, first_delta)
    return first, second, losses


def test_every_result_agrees_with_a_plain_loop(outcome):
    result, _ = outcome
    first, second, losses = reference(STEPS)
    assert_allclose(result.last_weights[0], first, rtol=1e-10)
    assert_allclose(result.last_weights[1], second, rtol=1e-10)
    assert_allclose(result.losses, losses, rtol=1e-10)
    hidden = sigmoid(np.array([[1.0, 1.0, 0.0]]) @ first)
    assert_allclose(result.hidden, hidden, rtol=1e-10)
    assert_allclose(result.output, sigmoid(hidden @ second), rtol=1e-10)


def test_the_tutorials_figures_come_out(outcome):
    result, _ = outcome
    first, second = result.last_weights
    assert_allclose(first[0], [0.3122465, 4.57704063, -6.15329916, -8.75834924], rtol=0, atol=6e-9)
    assert_allclose(second[:, 0], [-8.18850925, 10.13210706, -21.33532796, 9.90935111], rtol=0, atol=6e-9)
    assert result.output.shape == (1, 1)
    assert_allclose(result.output, 0.0078876, rtol=0, atol=6e-8)


def test_the_first_weights_are_those_of_the_seed(outcome):
    result, _ = outcome
    generator = np.random.RandomState(1)
    assert np.array_equal(result.first_weights[0], 2 * generator.random_sample((3, 4)) - 1)
    assert np.array_equal(result.first_weights[1], 2 * generator.random_sample((4, 1)) - 1)


def test_the_three_stages_are_printed_with_their_numbers(outcome):
    _, printed = outcome
    start, after, new = re.split(r"STAGE \d", printed)[1:]
    assert "-0.16595599" in start
    assert "step  60000" in start
    assert "-8.75834924" in after
    assert "[1 1 1] -> 0.0075, wanted 0" in after
    assert re.search(r"input  \[1 1 0\]\nhidden \[6\.24575733e-01 .*\]\noutput \[0\.0078876\]", new)


@pytest.mark.parametrize("when", [0, 1], ids=["before", "after"])
def test_the_drawing_shows_every_neuron_and_weight(outcome, when):
    result, _ = outcome
    weights = (result.first_weights, result.last_weights)[when]
    root = ElementTree.fromstring(result.drawings[when].read_bytes())
    circles, lines = list(root.iter(f"{SVG}circle")), list(root.iter(f"{SVG}line"))
    columns = [circle.get("cx") for circle in circles]
    assert sorted(columns.count(x) for x in set(columns)) == [1, 3, 4]
    assert len(lines) == 16
    shown = [float(line.findtext(f"{SVG}title").split("=")[1]) for line in lines]
    assert_allclose(shown, np.concatenate([layer.ravel() for layer in weights]), rtol=1e-5)


def test_a_thicker_line_is_a_larger_weight(outcome):
    result, _ = outcome
    root = ElementTree.fromstring(result.drawings[1].read_bytes())
    widths = [float(line.get("stroke-width")) for line in root.iter(f"{SVG}line")]
    assert np.argmax(widths[:12]) == np.argmax(abs(result.last_weights[0]))
    assert np.argmax(widths[12:]) == np.argmax(abs(result.last_weights[1]))
