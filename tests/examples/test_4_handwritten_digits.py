"""Example 4: its functions against their textbook formulas, its networks against a loop over plain arrays."""

from math import erf, exp, log, pi, sqrt, tanh

import numpy as np
import pytest
from numpy.testing import assert_allclose

import glassnet as gn
from glassnet.training import epoch_order

EXAMPLE = "4_handwritten_digits"
EPOCHS = 2
PLAIN = [
    ("SGD", (128,), "sgd", 0, 0),
    ("Adam", (128,), "adam", 0, 0),
    ("Adam + L1", (128,), "adam", 1e-4, 0),
    ("Adam + L2", (128,), "adam", 0, 3e-4),
    ("no hidden layer", (), "adam", 0, 0),
    ("16 units", (16,), "adam", 0, 0),
    ("256 units", (256,), "adam", 0, 0),
    ("two layers", (128, 64), "adam", 0, 0),
]
"""Every variant without dropout: name, hidden units, rule, λ of L1, λ of L2."""


@pytest.fixture(scope="module")
def outcome(run_example, tmp_path_factory):
    return run_example(EXAMPLE, quick=True, dtype="float64", output=tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def parts():
    data = gn.data.digits()
    train, test = gn.data.split(data, test_share=0.25, seed=0)
    return (train.x.astype(np.float64) / 16, train.y), (test.x.astype(np.float64) / 16, test.y)


def sigmoid(z):
    return 1 / (1 + exp(-z))


def normal_share(z):
    return (1 + erf(z / sqrt(2))) / 2


def normal_density(z):
    return exp(-z * z / 2) / sqrt(2 * pi)


FORMULAS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tanh, lambda z: 1 - tanh(z) ** 2),
    "relu": (lambda z: max(z, 0), lambda z: float(z > 0)),
    "leaky_relu": (lambda z: z if z > 0 else 0.01 * z, lambda z: 1 if z > 0 else 0.01),
    "elu": (lambda z: z if z > 0 else exp(z) - 1, lambda z: 1 if z > 0 else exp(z)),
    "gelu": (lambda z: z * normal_share(z), lambda z: normal_share(z) + z * normal_density(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z))),
    "softplus": (lambda z: log(1 + exp(z)), sigmoid),
    "sum_squared_error": (lambda z: (z - 1) ** 2 / 2, lambda z: z - 1),
    "mean_absolute_error": (lambda z: abs(z - 1), lambda z: 1 if z > 1 else -1),
    "huber": (lambda z: (z - 1) ** 2 / 2 if abs(z - 1) < 1 else abs(z - 1) - 0.5, lambda z: min(max(z - 1, -1), 1)),
    "binary_cross_entropy": (lambda z: -log(sigmoid(z)), lambda z: sigmoid(z) - 1),
}


def test_every_function_of_the_table_has_a_formula_here(outcome):
    assert list(outcome[0].slopes) == list(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_slopes_are_those_of_the_formula(outcome, load_example, name):
    values, slopes, differences = outcome[0].slopes[name]
    value, slope = FORMULAS[name]
    points = load_example(EXAMPLE).POINTS.tolist()
    assert_allclose(values, [value(z) for z in points], rtol=1e-10)
    assert_allclose(slopes, [slope(z) for z in points], rtol=1e-10)
    assert_allclose(differences, [slope(z) for z in points], rtol=1e-8, atol=1e-9)


def test_the_neuron_is_the_same_by_hand_and_by_the_library(outcome):
    result, printed = outcome
    y = 1 / (1 + exp(0.4))  # z = 0.5 · 0.4 − 1 · 0.3 − 2 · 0.2 + 0.1 = −0.4
    delta = (y - 1) * y * (1 - y)
    wanted = [y, 0.5 * delta, -delta, 2 * delta, delta]
    assert_allclose(result.neuron_by_hand, wanted, rtol=1e-10)
    assert_allclose(result.neuron_by_network, wanted, rtol=1e-10)
    assert printed.count(f"{y: .8f}") == 2


def test_a_quarter_of_each_digit_is_for_testing(parts):
    (_, train_labels), (_, test_labels) = parts
    assert (len(train_labels), len(test_labels)) == (1348, 449)
    everything = np.bincount(train_labels) + np.bincount(test_labels)
    assert np.all(abs(np.bincount(test_labels) - everything / 4) <= 1)


def starting_weights(sizes):
    net = gn.Sequential(*(gn.Dense(units) for units in sizes[1:]))
    net.build(sizes[0], seed=0, dtype="float64")
    return [array.copy() for _, array in net.named_parameters()]


def forward(parameters, x):
    """Activations of every layer, then the probabilities."""
    activations = [x]
    for weight, bias in zip(parameters[::2], parameters[1::2], strict=True):
        z = activations[-1] @ weight + bias
        activations.append(np.where(z > 0, z, 0.0))
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    return activations[:-1], exponentials / exponentials.sum(axis=1, keepdims=True)


def plain_training(sizes, rule, l1, l2, x, labels):
    """Mini-batch training from the same weights in the same order of rows, written down from the formulas."""
    parameters = starting_weights(sizes)
    means, squares = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    epoch_losses, steps = [], 0
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(len(x), seed=0, epoch=epoch, shuffle=True)
        total = 0.0
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            activations, probabilities = forward(parameters, x[rows])
            right = probabilities[np.arange(len(rows)), labels[rows]]
            total -= np.log(right).sum()
            delta = (probabilities - np.eye(10)[labels[rows]]) / len(rows)
            gradients = [np.empty(0)] * len(parameters)
            for layer in reversed(range(len(activations))):
                weight = parameters[2 * layer]
                gradients[2 * layer] = activations[layer].T @ delta + l1 * np.sign(weight) + l2 * weight
                gradients[2 * layer + 1] = delta.sum(axis=0)
                delta = (delta @ weight.T) * (activations[layer] > 0)
            steps += 1
            for place, gradient in enumerate(gradients):
                if rule == "sgd":
                    parameters[place] = parameters[place] - 0.1 * gradient
                    continue
                means[place] = 0.9 * means[place] + 0.1 * gradient
                squares[place] = 0.999 * squares[place] + 0.001 * gradient**2
                mean, square = means[place] / (1 - 0.9**steps), squares[place] / (1 - 0.999**steps)
                parameters[place] = parameters[place] - 0.003 * mean / (np.sqrt(square) + 1e-8)
        epoch_losses.append(total / len(x))
    return parameters, epoch_losses


@pytest.mark.parametrize(("name", "hidden", "rule", "l1", "l2"), PLAIN, ids=[row[0] for row in PLAIN])
def test_training_agrees_with_a_plain_loop(outcome, parts, name, hidden, rule, l1, l2):
    run = outcome[0].runs[name]
    parameters, epoch_losses = plain_training((64, *hidden, 10), rule, l1, l2, *parts[0])
    assert_allclose(run.history["loss"], epoch_losses, rtol=1e-10)
    for (path, own), wanted in zip(run.model.network.named_parameters(), parameters, strict=True):
        scale = abs(wanted).max()
        assert_allclose(own, wanted, rtol=1e-10, atol=1e-10 * scale, err_msg=path)


def test_every_variant_but_the_one_with_dropout_is_checked(outcome):
    assert {row[0] for row in PLAIN} | {"Adam + dropout"} == set(outcome[0].runs)


@pytest.mark.parametrize("name", [*(row[0] for row in PLAIN), "Adam + dropout"])
def test_scores_are_those_of_the_trained_weights(outcome, parts, name):
    run = outcome[0].runs[name]
    parameters = [array for _, array in run.model.network.named_parameters()]
    for (x, labels), scores in zip(parts, (run.on_train, run.on_test), strict=True):
        _, probabilities = forward(parameters, x)
        wanted = -np.mean(np.log(probabilities[np.arange(len(x)), labels]))
        assert_allclose(scores["loss"], wanted, rtol=1e-10)
        assert_allclose(scores["accuracy"], np.mean(probabilities.argmax(axis=1) == labels), rtol=1e-10)
    assert run.history["val_loss"][-1] == run.on_test["loss"]


def test_dropout_changes_what_is_learned(outcome):
    runs = outcome[0].runs
    assert runs["Adam + dropout"].history["loss"][0] > 1.05 * runs["Adam"].history["loss"][0]


def test_the_table_has_a_row_for_each_variant(outcome):
    result, printed = outcome
    table = printed[printed.index("variant") :]
    for name, run in result.runs.items():
        row = next(line for line in table.splitlines() if line.strip().startswith(f"{name}  "))
        assert f"{run.on_test['loss']:.4f}" in row
        assert f"{run.on_test['accuracy']:.1%}" in row
        assert f"{run.model.network.parameters.size:,}" in row


def test_the_functions_and_learning_curves_are_drawn(outcome, assert_drawn):
    for picture in outcome[0].pictures:
        assert_drawn(picture)
