"""Example 6: its scores against the formulas in plain arrays, and the accuracy it promises."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose

import glassnet as gn
from glassnet.compile import native

EXAMPLE = "6_digits_with_convolutions"


@pytest.fixture(scope="module")
def outcome(run_example, tmp_path_factory):
    return run_example(EXAMPLE, seeds=2, epochs=1, plot=True, output=tmp_path_factory.mktemp("convolutions"))


def convolution(x, weight, gamma, beta, mean, variance):
    """3×3 filters, the normalisation by running statistics, ReLU."""
    windows = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
    z = np.einsum("nchwij,fcij->nfhw", windows, weight, optimize=True)
    gamma, beta, mean, variance = (each[:, None, None] for each in (gamma, beta, mean, variance))
    return np.maximum(gamma * (z - mean) / np.sqrt(variance + 1e-5) + beta, 0)


def pool(x):
    return x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max(axis=(3, 5))


def logits(model, x):
    """The network, written down from the formulas, with the trained weights."""
    arrays = [array.astype(np.float64) for _, array in model.network.named_parameters()]
    layers = [arrays[start : start + 5] for start in (0, 5, 10)]
    x = convolution(x.astype(np.float64), *layers[0])
    x = pool(convolution(x, *layers[1]))
    x = pool(convolution(x, *layers[2]))
    weight, bias = arrays[15:]
    return x.reshape(len(x), -1) @ weight + bias


def test_each_seed_holds_out_another_quarter(outcome):
    first, second = (run.test for run in outcome[0].runs)
    assert first[0].shape == second[0].shape == (449, 1, 8, 8)
    assert not np.array_equal(first[0], second[0])
    digits = np.bincount(gn.data.digits().y)
    for _, labels in (first, second):
        assert np.all(abs(np.bincount(labels) - digits / 4) <= 1)


def test_paper_is_0_and_the_darkest_ink_1(outcome):
    x, _ = outcome[0].runs[0].test
    assert (x.min(), x.max()) == (0, 1)


def test_the_scores_are_those_of_the_formulas(outcome):
    for run in outcome[0].runs:
        x, labels = run.test
        z = logits(run.model, x)
        assert_allclose(run.model.predict(x), z, rtol=1e-4, atol=1e-4 * abs(z).max())
        assert run.accuracy == pytest.approx(np.mean(z.argmax(axis=1) == labels), abs=1e-7)


def test_accuracies_and_their_mean_are_printed(outcome):
    result, printed = outcome
    for seed, run in enumerate(result.runs):
        assert f"seed {seed}: {run.accuracy:.2%} of 449 test digits right" in printed
    mean = (result.runs[0].accuracy + result.runs[1].accuracy) / 2
    assert result.mean_accuracy == pytest.approx(mean)
    assert f"mean test accuracy: {mean:.4f}" in printed


def test_no_digit_is_mirrored(load_example):
    augment = load_example(EXAMPLE).network().layers[0]
    assert isinstance(augment, gn.Augment)
    assert not augment.flip
    assert augment.shift == 1
    assert 0 < augment.rotation <= 15


def test_four_pictures_are_drawn_where_they_are_wanted(outcome, run_example, assert_drawn, tmp_path):
    result, printed = outcome
    names = [picture.stem for picture in result.pictures]
    assert names == ["6_filters", "6_feature_maps", "6_confusion_matrix", "6_mistakes"]
    for picture in result.pictures:
        assert_drawn(picture)
        assert f"picture: {picture}" in printed
    without, _ = run_example(EXAMPLE, seeds=1, epochs=1, output=tmp_path / "none")
    assert without.pictures == []
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(native() is None, reason="a pure-Python installation, which takes minutes for this")
def test_the_mean_accuracy_of_five_seeds_is_what_the_readme_promises(run_example, tmp_path):
    result, _ = run_example(EXAMPLE, output=tmp_path)
    assert len(result.runs) == 5
    assert result.mean_accuracy >= 0.985
