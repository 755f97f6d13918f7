"""Example 5 on the images it generates, against a loop over plain arrays that reads the files byte by byte."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

EXAMPLE = "5_two_layer_images"
SUBSET = (250, 60)
EPOCHS = 2
STRENGTH = 1.7


@pytest.fixture(scope="module")
def folder(load_example, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar-10-batches-bin")
    load_example(EXAMPLE).write_generated_images(folder, SUBSET)
    return folder


def run_small(run_example, output, path):
    return run_example(EXAMPLE, path, epochs=EPOCHS, strength=STRENGTH, subset=SUBSET, output=output, dtype="float64")


@pytest.fixture(scope="module")
def outcome(run_example, tmp_path_factory, folder):
    return run_small(run_example, tmp_path_factory.mktemp("images"), folder)


def read(file):
    records = np.fromfile(file, dtype=np.uint8).reshape(-1, 3073)
    return records[:, 1:].astype(np.float64), records[:, 0].astype(int)


def reference(folder):
    """The same learning, written down from the formulas."""
    (x, labels), (x_test, test_labels) = read(folder / "data_batch_1.bin"), read(folder / "test_batch.bin")
    mean_image = x.mean(axis=0)
    x, x_test = x - mean_image, x_test - mean_image
    generator = np.random.default_rng(0)
    first, second = generator.normal(0, 1e-3, (3072, 100)), generator.normal(0, 1e-3, (100, 10))
    first_bias, second_bias = np.zeros(100), np.zeros(10)
    order_generator = np.random.default_rng(0)
    losses, penalties, accuracies = [], [], []

    def scores(images):
        hidden = np.maximum(images @ first + first_bias, 0)
        return hidden, hidden @ second + second_bias

    for _ in range(EPOCHS):
        order = order_generator.permutation(len(x))
        for start in range(0, len(x), 100):
            rows = order[start : start + 100]
            hidden, z = scores(x[rows])
            probabilities = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            losses.append(-np.log(probabilities[np.arange(len(rows)), labels[rows]]).mean())
            penalties.append(STRENGTH / 2 * (np.sum(first**2) + np.sum(second**2)))
            delta = (probabilities - np.eye(10)[labels[rows]]) / len(rows)
            hidden_delta = delta @ second.T * (hidden > 0)
            second = second - 1e-3 * (hidden.T @ delta + STRENGTH * second)
            second_bias = second_bias - 1e-3 * delta.sum(axis=0)
            first = first - 1e-3 * (x[rows].T @ hidden_delta + STRENGTH * first)
            first_bias = first_bias - 1e-3 * hidden_delta.sum(axis=0)
        pairs = (x, labels), (x_test, test_labels)
        accuracies.append(tuple(np.mean(scores(images)[1].argmax(axis=1) == y) for images, y in pairs))
    parameters = {"1.weight": first, "1.bias": first_bias, "3.weight": second, "3.bias": second_bias}
    return losses, penalties, accuracies, parameters


def test_every_result_agrees_with_a_plain_loop(outcome, folder):
    result, _ = outcome
    losses, penalties, accuracies, parameters = reference(folder)
    assert len(losses) == 6  # two epochs of 100, 100 and 50 images
    assert_allclose(result.losses, losses, rtol=1e-10)
    assert_allclose(result.penalties, penalties, rtol=1e-10)
    assert_allclose(result.accuracies, accuracies, rtol=1e-10)
    assert result.parameters.keys() == parameters.keys()
    for name, wanted in parameters.items():
        atol = 1e-10 * abs(wanted).max()
        assert_allclose(result.parameters[name], wanted, rtol=1e-10, atol=atol, err_msg=name)


def test_the_generated_files_have_the_format_of_cifar_10(folder):
    for name, rows in zip(("data_batch_1.bin", "test_batch.bin"), SUBSET, strict=True):
        assert (folder / name).stat().st_size == 3073 * rows
        pixels, labels = read(folder / name)
        assert set(labels) == set(range(10))
        assert pixels.std() > 30
        # Red, green and blue have a light of their own in every image.
        assert pixels.reshape(rows, 3, 1024).mean(axis=2).std(axis=1).min() > 0.1


@pytest.mark.parametrize("missing", [True, False], ids=["a path that does not exist", "no path"])
def test_without_files_it_says_so_and_generates_them(run_example, outcome, tmp_path, missing):
    path = tmp_path / "not here" if missing else None
    result, printed = run_small(run_example, tmp_path, path)
    assert printed.startswith("No CIFAR-10 files: " + (f"{path} does not exist." if missing else "none were named."))
    assert result.losses == outcome[0].losses
    assert result.accuracies == outcome[0].accuracies


def test_with_files_it_names_them(outcome, folder):
    _, printed = outcome
    assert printed.startswith(f"250 training and 60 test images of {folder}\n")
    assert "No CIFAR-10 files" not in printed


def test_it_starts_at_equal_probabilities_and_learns(run_example, tmp_path):
    result, printed = run_example(EXAMPLE, epochs=3, output=tmp_path)
    assert len(result.losses) == 3 * 50
    assert result.losses[0] == pytest.approx(2.302, abs=0.01)
    assert f"first loss {result.losses[0]:.4f}" in printed
    assert result.losses[-1] < 1
    assert min(result.accuracies[-1]) > 0.75
    assert "final accuracy: {:.1%} of the training images, {:.1%} of the test".format(*result.accuracies[-1]) in printed


def test_the_curves_and_the_first_layer_are_drawn(outcome, assert_drawn):
    for picture in outcome[0].pictures:
        assert_drawn(picture)


def test_the_weights_are_shown_as_images_of_the_right_orientation(load_example, tmp_path, monkeypatch):
    module = load_example(EXAMPLE)
    shown = []
    axes = type("Axes", (), {"imshow": lambda self, wall, **_: shown.append(wall)})
    for name in ("set_title", "axis"):
        setattr(axes, name, lambda self, *_: None)
    figure = type("Figure", (), {"subplots": lambda self: axes(), "savefig": lambda self, *_, **__: None})
    monkeypatch.setattr(module, "Figure", lambda **_: figure())
    weight = np.random.default_rng(3).normal(size=(3072, 100))
    module.draw_weights(weight, tmp_path / "none.png")
    # Unit 23 stands in row 2, column 3, inside a frame of one pixel.
    tile = shown[0][2 * 34 + 1 : 3 * 34 - 1, 3 * 34 + 1 : 4 * 34 - 1]
    own = weight[:, 23]
    for channel, row, column in ((0, 0, 0), (1, 4, 30), (2, 31, 7)):
        pixel = own[channel * 1024 + row * 32 + column]
        assert tile[row, column, channel] == pytest.approx((pixel - own.min()) / (own.max() - own.min()))
