"""Losses: golden values and gradients, reductions, weights, forms of targets, stability, and every refusal at the door.

The golden numbers of ``TORCH`` were computed once with PyTorch 2.13.0 (CPU, float64) by the call named in each row;
``.backward()`` on that value gave the gradient.
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import losses
from glassnet.core.errors import ConfigurationError, DataError, GlassnetError, ShapeError
from glassnet.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    FunctionLoss,
    Gamma,
    Hinge,
    Huber,
    JointCrossEntropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    NumpyLoss,
    Poisson,
    Quantile,
    SumSquaredError,
)

O = np.array([[0.3, -1.2, 2.0], [1.5, 0.25, -0.7]])  # noqa: E741 - the outputs, as the kernels write them
T = np.array([[0.1, -1.0, 4.5], [3.0, 0.25, -0.9]])
C = np.array([[2.0, 0.0, 9.0], [0.0, 1.0, 3.0]])
A = np.array([[2.0, 0.1, 9.0], [5.0, 1.0, 0.35]])
B = np.array([[0.0, 1.0, 0.3], [1.0, 0.9, 0.0]])
P = np.array([[0.2, 0.7, 0.35], [0.9, 0.05, 0.5]])
Z = np.array([[0.3, -1.2, 2.0], [1.5, 0.25, -0.7], [0.0, -0.4, 0.9], [2.2, 2.1, -3.0]])
Q = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.05, 0.15, 0.8], [0.25, 0.25, 0.5]])
S = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.05, 0.15, 0.8], [0.25, 0.25, 0.5]])
L = np.array([2, 0, 1, 2])
V = np.stack([L, [0, 1, 1, 0]], axis=1)
J = np.hstack([Z, 2 * Z[:, :2]])
W = np.array([1.0, 3.0])
W4 = np.array([1.0, 3.0, 0.5, 2.0])


class Golden(NamedTuple):
    """One comparison with numbers from elsewhere."""

    call: str
    loss: Loss
    outputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    value: float
    gradient: list[list[float]]


# F is torch.nn.functional; weighted rows are (F.x(..., reduction="none").mean(1) * W).sum() / W.sum().
TORCH = [
    Golden(
        'F.mse_loss(O, T, reduction="mean")', MeanSquaredError(), O, T, None, 1.4366666666666668,
        [[0.06666666666666665, -0.06666666666666665, -0.8333333333333333], [-0.5, 0.0, 0.06666666666666668]],
    ),
    Golden(
        "F.cross_entropy(J[:, :3], L) + F.cross_entropy(J[:, 3:], V[:, 1])", JointCrossEntropy([3, 2]), J, V, None,
        3.149620679831861,
        [[0.0373297155458478, 0.008329385408040348, -0.04565910095388814, -0.011856468294391687, 0.011856468294391695],
         [-0.07108453682983076, 0.05126013843071616, 0.019824398399114575, 0.23103545499468914, -0.2310354549946891],
         [0.06053381394387571, -0.2094229710504284, 0.14888915710655265, 0.17249362028190313, -0.17249362028190313],
         [0.13086579884975, 0.11841227154042103, -0.24927807039017102, -0.11254150067188051, 0.11254150067188051]],
    ),
    Golden(
        'F.mse_loss(O, T, reduction="sum")', MeanSquaredError("sum"), O, T, None, 8.620000000000001,
        [[0.39999999999999997, -0.3999999999999999, -5.0], [-3.0, 0.0, 0.40000000000000013]],
    ),
    Golden(
        "F.mse_loss(O, T), rows weighted by W", MeanSquaredError(), O, T, W, 1.1,
        [[0.033333333333333326, -0.033333333333333326, -0.41666666666666663], [-0.75, 0.0, 0.10000000000000003]],
    ),
    Golden(
        '0.5 * F.mse_loss(O, T, reduction="sum")', SumSquaredError(), O, T, None, 4.310000000000001,
        [[0.2, -0.2, -2.5], [-1.5, 0.0, 0.2]],
    ),
    Golden(
        '0.5 * F.mse_loss(O, T, reduction="sum") / 2, the mean over 2 rows', SumSquaredError("mean"), O, T, None,
        2.1550000000000002, [[0.1, -0.1, -1.25], [-0.75, 0.0, 0.1]],
    ),
    Golden(
        'F.l1_loss(O, T, reduction="mean")', MeanAbsoluteError(), O, T, None, 0.7666666666666666,
        [[0.16666666666666666, -0.16666666666666666, -0.16666666666666666],
         [-0.16666666666666666, 0.0, 0.16666666666666666]],
    ),
    Golden(
        'F.l1_loss(O, T, reduction="sum")', MeanAbsoluteError("sum"), O, T, None, 4.6,
        [[1.0, -1.0, -1.0], [-1.0, 0.0, 1.0]],
    ),
    Golden(
        "F.l1_loss(O, T), rows weighted by W", MeanAbsoluteError(), O, T, W, 0.6666666666666667,
        [[0.08333333333333333, -0.08333333333333333, -0.08333333333333333], [-0.25, 0.0, 0.25]],
    ),
    Golden(
        'F.huber_loss(O, T, reduction="mean")', Huber(), O, T, None, 0.51,
        [[0.033333333333333326, -0.033333333333333326, -0.16666666666666666],
         [-0.16666666666666666, 0.0, 0.03333333333333334]],
    ),
    Golden(
        'F.huber_loss(O, T, delta=0.7, reduction="mean")', Huber(0.7), O, T, None, 0.395,
        [[0.033333333333333326, -0.033333333333333326, -0.11666666666666665],
         [-0.11666666666666665, 0.0, 0.03333333333333334]],
    ),
    Golden(
        'F.huber_loss(O, T, delta=0.7, reduction="sum")', Huber(0.7, "sum"), O, T, None, 2.37,
        [[0.19999999999999998, -0.19999999999999996, -0.7], [-0.7, 0.0, 0.20000000000000007]],
    ),
    Golden(
        "F.huber_loss(O, T), rows weighted by W", Huber(), O, T, W, 0.42500000000000004,
        [[0.016666666666666663, -0.016666666666666663, -0.08333333333333333], [-0.25, 0.0, 0.05000000000000002]],
    ),
    # Values by scikit-learn 1.9.1: mean_poisson_deviance(C, exp(O)) / 2, mean_gamma_deviance(A, exp(O)) / 2 and
    # mean_pinball_loss(T, O); gradients by the call that is named, which differs from them by a constant.
    Golden(
        "F.poisson_nll_loss(O, C)", Poisson(), O, C, None, 1.3349268887310444,
        [[-0.10835686540399947, 0.050199035318700354, -0.26849065017822493],
         [0.7469481783896774, 0.04733756944795689, -0.41723578270143175]],
    ),
    Golden(
        'F.poisson_nll_loss(O, C, reduction="sum")', Poisson("sum"), O, C, None, 8.009561332386266,
        [[-0.6501411924239968, 0.30119421191220214, -1.6109439010693496],
         [4.4816890703380645, 0.2840254166877414, -2.5034146962085906]],
    ),
    Golden(
        "F.poisson_nll_loss(O, C), rows weighted by W", Poisson(), O, C, W, 1.9021528871691131,
        [[-0.054178432701999735, 0.025099517659350177, -0.13424532508911247],
         [1.1204222675845161, 0.07100635417193535, -0.6258536740521476]],
    ),
    Golden(
        "(O + A * exp(-O)).mean()", Gamma(), O, A, None, 0.10558804355954728,
        [[-0.08027274022723929, 0.11133138462105754, -0.036336258188252396],
         [-0.019275133457024834, 0.036866536154765844, 0.04919775873088887]],
    ),
    Golden(
        "O + A * exp(-O), rows weighted by W", Gamma(), O, A, W, 0.06773556236190664,
        [[-0.040136370113619646, 0.05566569231052877, -0.018168129094126198],
         [-0.028912700185537266, 0.05529980423214878, 0.0737966380963333]],
    ),
    # maximum halves the slope at its corner, 0.25 = 0.25, which is 0 here
    Golden(
        "maximum(0.8 * (T - O), -0.2 * (T - O)).mean()", Quantile(0.8), O, T, None, 0.5733333333333334,
        [[0.033333333333333326, -0.13333333333333333, -0.13333333333333333],
         [-0.13333333333333333, 0.0, 0.033333333333333326]],
    ),
    Golden(
        "maximum(0.5 * (T - O), -0.5 * (T - O)).sum()", Quantile(reduction="sum"), O, T, None, 2.3000000000000003,
        [[0.5, -0.5, -0.5], [-0.5, 0.0, 0.5]],
    ),
    Golden(
        'F.binary_cross_entropy_with_logits(O, B, reduction="mean")', BinaryCrossEntropy(), O, B, None,
        0.8416840782660974,
        [[0.09574041946860984, -0.12808746391650294, 0.09679951299631373],
         [-0.030404253967726058, -0.05630391651903366, 0.05530203797197231]],
    ),
    Golden(
        'F.binary_cross_entropy_with_logits(O, B, reduction="sum")', BinaryCrossEntropy(reduction="sum"), O, B, None,
        5.050104469596584,
        [[0.574442516811659, -0.7685247834990176, 0.5807970779778824],
         [-0.18242552380635635, -0.33782349911420195, 0.3318122278318339]],
    ),
    Golden(
        "F.binary_cross_entropy_with_logits(O, B), rows weighted by W", BinaryCrossEntropy(), O, B, W,
        0.6217651635908911,
        [[0.04787020973430492, -0.06404373195825147, 0.048399756498156865],
         [-0.04560638095158909, -0.08445587477855049, 0.08295305695795847]],
    ),
    Golden(
        'F.binary_cross_entropy(P, B, reduction="mean")', BinaryCrossEntropy(from_logits=False), P, B, None,
        0.7826848742870637,
        [[0.2083333333333333, -0.2380952380952381, 0.036630036630036625],
         [-0.1851851851851852, -2.982456140350877, 0.3333333333333333]],
    ),
    Golden(
        'F.binary_cross_entropy(P, B, reduction="sum")', BinaryCrossEntropy(from_logits=False, reduction="sum"), P, B,
        None, 4.696109245722382,
        [[1.2499999999999998, -1.4285714285714286, 0.21978021978021975],
         [-1.1111111111111112, -17.894736842105264, 2.0]],
    ),
    Golden(
        'F.cross_entropy(Z, L, reduction="mean")', CrossEntropy(), Z, L, None, 2.0504415245329457,
        [[0.0373297155458478, 0.008329385408040348, -0.04565910095388814],
         [-0.07108453682983076, 0.05126013843071616, 0.019824398399114575],
         [0.06053381394387571, -0.2094229710504284, 0.14888915710655265],
         [0.13086579884975, 0.11841227154042103, -0.24927807039017102]],
    ),
    Golden(
        'F.cross_entropy(Z, L, reduction="sum")', CrossEntropy(reduction="sum"), Z, L, None, 8.201766098131783,
        [[0.1493188621833912, 0.03331754163216139, -0.18263640381555257],
         [-0.28433814731932305, 0.20504055372286464, 0.0792975935964583],
         [0.24213525577550285, -0.8376918842017136, 0.5955566284262106],
         [0.523463195399, 0.4736490861616841, -0.9971122815606841]],
    ),
    Golden(
        "F.cross_entropy(Z, L), rows weighted by W4", CrossEntropy(), Z, L, W4, 2.1244646533062648,
        [[0.022972132643598646, 0.005125775635717138, -0.028097908279315784],
         [-0.1312329910704568, 0.09463410171824523, 0.036598889352211526],
         [0.018625788905807912, -0.06443783724628567, 0.045812048340477744],
         [0.1610655985843077, 0.14573818035744127, -0.306803778941749]],
    ),
    Golden(
        "F.cross_entropy(Z, S)", CrossEntropy(), Z, S, None, 1.6266915245329456,
        [[-0.012670284454152206, -0.11667061459195965, 0.12934089904611185],
         [-0.07108453682983076, 0.05126013843071616, 0.019824398399114575],
         [0.04803381394387571, 0.0030770289495715974, -0.05111084289344736],
         [0.06836579884975, 0.05591227154042103, -0.12427807039017104]],
    ),
    Golden(
        "F.cross_entropy(Z, L, label_smoothing=0.1)", CrossEntropy(label_smoothing=0.1), Z, L, None, 2.020024857866279,
        [[0.028996382212514465, -3.947925292985266e-06, -0.02899243428722148],
         [-0.0544178701631641, 0.04292680509738283, 0.011491065065781242],
         [0.05220048061054238, -0.19275630438376173, 0.14055582377321932],
         [0.12253246551641667, 0.1100789382070877, -0.23261140372350436]],
    ),
    Golden(
        "F.cross_entropy(Z, S, label_smoothing=0.1)", CrossEntropy(label_smoothing=0.1), Z, S, None, 1.638649857866279,
        [[-0.01600361778748554, -0.11250394792529299, 0.12850756571277852],
         [-0.0544178701631641, 0.04292680509738283, 0.011491065065781242],
         [0.04095048061054238, -0.0015063043837617376, -0.0394441762267807],
         [0.06628246551641666, 0.05382893820708769, -0.12011140372350437]],
    ),
    Golden(
        "F.cross_entropy(Z, L, weight=[0.5, 2, 3])", CrossEntropy(class_weight=(0.5, 2.0, 3.0)), Z, L, None,
        2.582431853256204,
        [[0.05270077488825571, 0.011759132340762844, -0.06445990722901855],
         [-0.016725773371724886, 0.01206120904252145, 0.00466456432920343],
         [0.056973001358941844, -0.19710397275334438, 0.1401309713944025],
         [0.18475171602317644, 0.1671702657041238, -0.35192198172730027]],
    ),
    Golden(
        'F.cross_entropy(Z, L, weight=[0.5, 2, 3], reduction="sum")',
        CrossEntropy(class_weight=(0.5, 2.0, 3.0), reduction="sum"), Z, L, None, 21.950670752677734,
        [[0.44795658655017356, 0.09995262489648418, -0.5479092114466577],
         [-0.14216907365966153, 0.10252027686143232, 0.03964879679822915],
         [0.4842705115510057, -1.6753837684034272, 1.1911132568524212],
         [1.5703895861969999, 1.4209472584850524, -2.9913368446820523]],
    ),
    Golden(
        "F.nll_loss(torch.log(Q), L)", CrossEntropy(from_logits=False), Q, L, None, 1.0762663983844383,
        [[0.0, 0.0, -0.8333333333333334], [-0.4166666666666667, 0.0, 0.0],
         [0.0, -1.6666666666666667, 0.0], [0.0, 0.0, -0.5]],
    ),
]  # fmt: skip

# max(0, 1 − t o) by hand: o = 0.3, −0.5, 2, 1 with t = +1, −1, −1, +1 gives 0.7, 0.5, 3, 0; at t o = 1 the slope is 0.
HINGE_OUTPUTS = np.array([[0.3], [-0.5], [2.0], [1.0]])
HINGE_TARGETS = np.array([[1], [-1], [-1], [1]])
HAND = [
    Golden("hinge, mean", Hinge(), HINGE_OUTPUTS, HINGE_TARGETS, None, 1.05, [[-0.25], [0.25], [0.25], [0.0]]),
    Golden("hinge, sum", Hinge("sum"), HINGE_OUTPUTS, HINGE_TARGETS, None, 4.2, [[-1.0], [1.0], [1.0], [0.0]]),
    # targets 0 and 1 mean the same signs; weights 1, 1, 2, 0 (Σ = 4): (0.7 + 0.5 + 2 · 3)/4 = 1.8
    Golden(
        "hinge, 0/1, weighted", Hinge(), HINGE_OUTPUTS, (HINGE_TARGETS > 0).astype(int), np.array([1.0, 1.0, 2.0, 0.0]),
        1.8, [[-0.25], [0.25], [0.5], [0.0]],
    ),
    # labels: class 2 of o = 0.5, −2, 1.5 is t = −1, −1, +1: 1.5 + 0 + 0; class 0 of 0.2, −0.4, 3: 0.8 + 0.6 + 4 = 5.4;
    # the mean over 2 rows and 3 outputs divides by 6
    Golden(
        "hinge of labels, one against the rest", Hinge(), np.array([[0.5, -2.0, 1.5], [0.2, -0.4, 3.0]]),
        np.array([2, 0]), None, 6.9 / 6, [[1 / 6, 0.0, 0.0], [-1 / 6, 1 / 6, 1 / 6]],
    ),
    # soft targets take the class weight Σ_k w_k t_k: w = (1, 3) and t = (0.25, 0.75) give 2.5, t = (1, 0) gives 1;
    # with logits of 0 both row losses are log 2 and dz = ω (½ − t)
    Golden(
        "cross-entropy of shares with class weights", CrossEntropy(class_weight=(1.0, 3.0)), np.zeros((2, 2)),
        np.array([[0.25, 0.75], [1.0, 0.0]]), None, math.log(2),
        [[2.5 / 3.5 * 0.25, -2.5 / 3.5 * 0.25], [-0.5 / 3.5, 0.5 / 3.5]],
    ),
]  # fmt: skip

GOLDEN = TORCH + HAND
golden = pytest.mark.parametrize("case", GOLDEN, ids=[case.call for case in GOLDEN])
plain = pytest.mark.parametrize(
    "case", [c for c in GOLDEN if c.weights is None], ids=[c.call for c in GOLDEN if c.weights is None]
)


@golden
def test_value_and_gradient_equal_the_golden_ones(case: Golden):
    value, gradient = case.loss(case.outputs, case.targets, case.weights)
    assert isinstance(value, float)
    assert value == pytest.approx(case.value, rel=1e-12)
    np.testing.assert_allclose(gradient, case.gradient, rtol=1e-12, atol=1e-15)


@golden
def test_float32_outputs_stay_float32_and_agree(case: Golden):
    value, gradient = case.loss(case.outputs.astype(np.float32), case.targets, case.weights)
    assert gradient.dtype == np.float32
    assert gradient.shape == case.outputs.shape
    assert value == pytest.approx(case.value, rel=1e-6)
    np.testing.assert_allclose(gradient, case.gradient, rtol=3e-6, atol=1e-7)


@golden
def test_the_callers_arrays_are_left_alone(case: Golden):
    given_arrays = [a for a in (case.outputs, case.targets, case.weights) if a is not None]
    before = [a.copy() for a in given_arrays]
    case.loss(case.outputs, case.targets, case.weights)
    for array, old in zip(given_arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_every_loss_is_named_and_has_a_golden_value():
    modules = [module for name, module in sys.modules.items() if name.startswith(losses.__name__)]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    users = {Loss, NumpyLoss, FunctionLoss}
    defined = {cls for cls in found if issubclass(cls, Loss) and not cls.__name__.startswith("_")} - users
    assert defined == {*LOSSES.values(), JointCrossEntropy, losses.WeightedSum}  # the last two have no default
    of_graphs = {losses.WeightedSum}  # whose golden values are those of tests/network
    assert defined - of_graphs == {type(case.loss) for case in GOLDEN}


def test_names_give_objects_with_their_defaults():
    reductions = {name: cls().reduction for name, cls in LOSSES.items()}
    assert reductions.pop("sum_squared_error") == "sum"
    assert set(reductions.values()) == {"mean"}


def test_integer_outputs_and_lists_are_taken_as_float64():
    value, gradient = MeanSquaredError()([[1, 2]], [[0, 4]])
    assert value == 2.5
    assert gradient.dtype == np.float64
    assert gradient.tolist() == [[1.0, -2.0]]


@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossEntropy(), Huber(), MeanAbsoluteError(), Hinge()])
def test_outputs_of_more_axes_are_losses_of_the_flattened_rows(loss: Loss):
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(3, 2, 5)), rng.integers(0, 2, size=(3, 2, 5)).astype(float)
    value, gradient = loss(outputs, targets, [1, 2, 0.5])
    flat_value, flat_gradient = loss(outputs.reshape(3, 10), targets.reshape(3, 10), [1, 2, 0.5])
    assert value == pytest.approx(flat_value, rel=1e-14)
    np.testing.assert_array_equal(gradient, flat_gradient.reshape(3, 2, 5))


# Weights


@plain
def test_weights_of_one_change_nothing(case: Golden):
    value, gradient = case.loss(case.outputs, case.targets)
    weighted_value, weighted_gradient = case.loss(case.outputs, case.targets, np.ones(len(case.outputs)))
    assert weighted_value == value
    np.testing.assert_array_equal(weighted_gradient, gradient)


@plain
def test_a_weight_counts_its_row_that_many_times(case: Golden):
    weights = 1 + np.arange(len(case.outputs)) % 3
    value, gradient = case.loss(case.outputs, case.targets, weights)
    rows = np.repeat(np.arange(len(case.outputs)), weights)
    repeated_value, repeated_gradient = case.loss(case.outputs[rows], case.targets[rows])
    assert value == pytest.approx(repeated_value, rel=1e-12)
    for row in range(len(case.outputs)):
        np.testing.assert_allclose(gradient[row], repeated_gradient[rows == row].sum(axis=0), rtol=1e-12, atol=1e-15)


@plain
def test_a_weight_of_zero_removes_the_row(case: Golden):
    for removed in range(len(case.outputs)):
        keep = np.arange(len(case.outputs)) != removed
        value, gradient = case.loss(case.outputs, case.targets, keep.astype(float))
        kept_value, kept_gradient = case.loss(case.outputs[keep], case.targets[keep])
        assert value == pytest.approx(kept_value, rel=1e-12, abs=1e-15)
        np.testing.assert_allclose(gradient[keep], kept_gradient, rtol=1e-12, atol=1e-15)
        assert not gradient[removed].any()


@plain
@settings(max_examples=10, deadline=None, derandomize=True)
@given(constant=st.floats(1e-6, 1e6))
def test_scaling_all_weights_scales_a_sum_and_leaves_a_mean(case: Golden, constant: float):
    weights = np.linspace(0.5, 2.0, len(case.outputs))
    value, gradient = case.loss(case.outputs, case.targets, weights)
    scaled_value, scaled_gradient = case.loss(case.outputs, case.targets, constant * weights)
    factor = constant if case.loss.reduction == "sum" else 1.0
    assert scaled_value == pytest.approx(factor * value, rel=1e-12)
    np.testing.assert_allclose(scaled_gradient, factor * gradient, rtol=1e-12, atol=0)


def test_a_batch_of_classes_without_weight_costs_nothing():
    value, gradient = CrossEntropy(class_weight=(0.0, 1.0))(np.ones((3, 2)), [0, 0, 0])
    assert value == 0.0
    assert not gradient.any()


# The three forms of targets of CrossEntropy


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("class_weight", [None, (0.5, 2.0, 3.0, 1.0), {1: 2.5, 3: 0.25}])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.15])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 2.0, 0.5, 3.0])], ids=["unweighted", "weighted"])
def test_labels_and_one_hot_rows_agree(from_logits, class_weight, label_smoothing, reduction, weights):
    loss = CrossEntropy(
        from_logits=from_logits, label_smoothing=label_smoothing, class_weight=class_weight, reduction=reduction
    )
    rng = np.random.default_rng(3)
    outputs, labels = rng.normal(scale=2, size=(5, 4)), np.array([3, 0, 1, 1, 2])
    if not from_logits:
        outputs = rng.dirichlet(np.ones(4), size=5)
    value, gradient = loss(outputs, labels, weights)
    for targets in (labels.tolist(), labels.astype(np.float32), np.eye(4, dtype=np.int64)[labels], np.eye(4)[labels]):
        other_value, other_gradient = loss(outputs, targets, weights)
        assert other_value == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(other_gradient, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("from_logits", [True, False])
def test_rows_that_sum_to_nearly_one_are_taken_as_shares_of_one(from_logits: bool):
    loss, outputs = CrossEntropy(from_logits=from_logits), Z if from_logits else Q
    value, gradient = loss(outputs, S * [[0.9995], [1.0], [1.0005], [1.0]])
    exact_value, exact_gradient = loss(outputs, S)
    assert value == pytest.approx(exact_value, rel=1e-12)
    np.testing.assert_allclose(gradient, exact_gradient, rtol=1e-12, atol=1e-15)


def test_class_weights_as_a_dict_name_only_some_classes():
    by_dict = CrossEntropy(class_weight={2: 3.0, 0: 0.5})(Z, L)
    by_list = CrossEntropy(class_weight=[0.5, 1.0, 3.0])(Z, L)
    by_array = CrossEntropy(class_weight=np.array([0.5, 1.0, 3.0]))(Z, L)
    assert by_dict[0] == by_list[0] == by_array[0]
    np.testing.assert_array_equal(by_dict[1], by_list[1])


def test_logits_and_their_softmax_cost_the_same():
    assert CrossEntropy(from_logits=False)(CrossEntropy().probabilities(Z), S)[0] == pytest.approx(
        CrossEntropy()(Z, S)[0], rel=1e-12
    )
    assert BinaryCrossEntropy(from_logits=False)(BinaryCrossEntropy().probabilities(O), B)[0] == pytest.approx(
        BinaryCrossEntropy()(O, B)[0], rel=1e-12
    )


# Stability (warnings are errors)

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
@pytest.mark.parametrize(("logit", "target", "cost"), [(1e4, 0, 1e4), (1e4, 1, 0), (-1e4, 1, 1e4), (-1e4, 0, 0)])
def test_binary_cross_entropy_of_huge_logits(dtype, logit, target, cost):
    value, gradient = BinaryCrossEntropy()(np.array([[logit]], dtype), [[target]])
    assert value == pytest.approx(cost, abs=1e-30)
    assert gradient.tolist() == [[0.0 if cost == 0 else 1.0 - 2 * target]]


@DTYPES
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_cross_entropy_of_huge_logits(dtype, label_smoothing):
    logits = np.array([[1e4, -1e4], [1e4, -1e4]], dtype)
    value, gradient = CrossEntropy(label_smoothing=label_smoothing, reduction="sum")(logits, [0, 1])
    # row losses are 2e4 · ε/2 and 2e4 · (1 − ε/2)
    assert value == pytest.approx(2e4, rel=1e-6)
    e = label_smoothing / 2
    np.testing.assert_allclose(gradient, [[e, -e], [1 - e, e - 1]], atol=1e-7)


@DTYPES
@pytest.mark.parametrize("name", sorted(name for name, cls in LOSSES.items() if not cls.has_log_link))
def test_every_loss_is_finite_at_outputs_of_ten_thousand(name, dtype):
    outputs = np.array([[1e4, -1e4, 1e4], [-1e4, 1e4, -1e4]], dtype)
    for targets in ([[1, 0, 0], [0, 1, 0]], [[0, 1, 0], [1, 0, 0]]):
        value, gradient = LOSSES[name]()(outputs, targets)
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


@DTYPES
def test_probabilities_of_exactly_zero_and_one(dtype):
    certain = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    for loss in (BinaryCrossEntropy(from_logits=False), CrossEntropy(from_logits=False)):
        right_value, right_gradient = loss(certain, certain)
        wrong_value, wrong_gradient = loss(certain, certain[::-1])
        assert right_value == pytest.approx(0, abs=1e-12)
        assert 40 < wrong_value < 1000  # dear, and finite: −log of a floor under p
        assert np.isfinite(right_gradient).all()
        assert np.isfinite(wrong_gradient).all()
        signs = np.where(certain == 0, -1, 1 if isinstance(loss, BinaryCrossEntropy) else 0)
        np.testing.assert_array_equal(np.sign(wrong_gradient), signs)


@DTYPES
def test_probabilities_of_exactly_zero_with_smoothing(dtype):
    value, gradient = CrossEntropy(from_logits=False, label_smoothing=0.1)(np.array([[0, 1]], dtype), [1])
    assert math.isfinite(value)
    assert value > 2
    assert np.isfinite(gradient).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), st.integers(0, 2))
def test_cross_entropy_is_not_negative_and_its_gradient_sums_to_zero(logits, label):
    value, gradient = CrossEntropy()(np.array([logits]), [label])
    assert value >= 0
    assert gradient[0, label] <= 0
    assert gradient.sum() == pytest.approx(0, abs=1e-15)


# Classes and probabilities


def test_what_outputs_mean_as_classes():
    column = np.array([[-0.1], [0.1], [0.4], [0.6]])
    assert BinaryCrossEntropy().classes(column).tolist() == [0, 1, 1, 1]
    assert BinaryCrossEntropy(from_logits=False).classes(column).tolist() == [0, 0, 0, 1]
    assert Hinge().classes(column).tolist() == [0, 1, 1, 1]
    assert MeanSquaredError().classes(column).tolist() == [0, 0, 0, 1]
    assert CrossEntropy().classes(np.array([[0.1, 0.3, 0.2], [2.0, -1.0, 0.0]])).tolist() == [1, 0]
    assert BinaryCrossEntropy().classes(np.array([[-1.0, 2.0], [3.0, 0.5]])).tolist() == [[0, 1], [1, 1]]


def test_what_outputs_mean_as_probabilities():
    np.testing.assert_allclose(BinaryCrossEntropy().probabilities(np.array([[math.log(3)]])), [[0.75]], rtol=1e-15)
    np.testing.assert_allclose(CrossEntropy().probabilities(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]])
    for loss in (BinaryCrossEntropy(from_logits=False), CrossEntropy(from_logits=False)):
        np.testing.assert_array_equal(loss.probabilities(P), P)
    with pytest.raises(ConfigurationError, match=r"MeanSquaredError\(\).*CrossEntropy or BinaryCrossEntropy"):
        MeanSquaredError().probabilities(O)


# The door


class Refusal(NamedTuple):
    """Arguments that must be refused, and the words that each part of the message must hold."""

    name: str
    loss: Loss
    outputs: Any
    targets: Any
    weights: Any
    error: type[GlassnetError]
    received: str
    expected: str
    fix: str


K3 = np.zeros((4, 3))
ONE = np.zeros((4, 1))
NAN = np.array([[0.0], [1.0], [np.nan], [0.0]])

REFUSALS = [
    Refusal("labels start at 1", CrossEntropy(), K3, [1, 2, 3, 1], None, DataError,
            "labels from 1 to 3", "0 to 2", "y - 1"),
    Refusal("labels past the outputs", CrossEntropy(), K3, [0, 5, 1, 2], None, DataError,
            "labels from 0 to 5", "0 to 2, one for each of the network's 3 outputs", "6 units"),
    Refusal("negative labels", CrossEntropy(), K3, [-1, 0, 1, 1], None, DataError,
            "labels from -1 to 1", "0 to 2", "np.unique(y, return_inverse=True)"),
    Refusal("fractional labels", CrossEntropy(), K3, [0, 1, 1.5, 2], None, DataError,
            "label 1.5 in row 2", "whole numbers", "mean_squared_error"),
    Refusal("labels as text", CrossEntropy(), K3, ["cat", "dog", "cat", "cow"], None, DataError,
            "'cat'", "numbers", "np.unique(values, return_inverse=True)"),
    Refusal("labels as a column", CrossEntropy(), K3, [[0], [1], [2], [0]], None, ShapeError,
            "targets of shape (4, 1)", "(N, 3)", "y.ravel()"),
    Refusal("no labels", CrossEntropy(), np.zeros((0, 3)), [], None, DataError,
            "no labels", "one label for each row", "look at the data"),
    Refusal("NaN among the labels", CrossEntropy(), K3, [0, 1, np.nan, 2], None, DataError,
            "nan at row 2", "finite", "drop the missing"),
    Refusal("rows that do not sum to 1", CrossEntropy(), np.zeros((2, 3)), [[1, 0, 0], [1, 1, 0]], None, DataError,
            "row 1, which sums to 2", "summing to 1", "BinaryCrossEntropy"),
    Refusal("rows of negative shares", CrossEntropy(), np.zeros((2, 3)), [[1, 0, 0], [1.5, -0.5, 0]], None, DataError,
            "smallest value -0.5", "not negative", "integer labels"),
    Refusal("one output for classes", CrossEntropy(), ONE, [0, 1, 0, 1], None, ShapeError,
            "(N, 1)", "K ≥ 2 classes", "gn.losses.BinaryCrossEntropy()"),
    Refusal("images for classes", CrossEntropy(), np.zeros((4, 3, 2, 2)), [0, 1, 0, 1], None, ShapeError,
            "(N, 3, 2, 2)", "(N, K)", "gn.Dense(K)"),
    Refusal("too few class weights", CrossEntropy(class_weight=[1.0, 2.0]), K3, [0, 1, 2, 0], None, ConfigurationError,
            "class_weight=[1.0, 2.0]", "each of 3 classes", "one number per class"),
    Refusal("a weight for an unknown class", CrossEntropy(class_weight={3: 2.0}), K3, [0, 1, 2, 0], None,
            ConfigurationError, "{3: 2.0}", "each of 3 classes", "dict from label to weight"),
    Refusal("a negative class weight", CrossEntropy(class_weight=[1, -1, 1]), K3, [0, 1, 2, 0], None,
            ConfigurationError, "[1, -1, 1]", "weight ≥ 0", "one number per class"),
    Refusal("(N,) against (N, 1)", BinaryCrossEntropy(), ONE, [0, 1, 0, 1], None, ShapeError,
            "targets of shape (4,)", "(N, 1)", "y.reshape(-1, 1)"),
    Refusal("(N,) numbers against (N, 1)", MeanSquaredError(), ONE, [0.5, 1, 0, 1], None, ShapeError,
            "targets of shape (4,)", "(N, 1)", "y.reshape(-1, 1)"),
    Refusal("integer labels for a regression", MeanSquaredError(), K3, [0, 1, 2, 0], None, ShapeError,
            "targets of shape (4,)", "(N, 3)", "cross_entropy, or one-hot rows: np.eye(3)[y]"),
    Refusal("more outputs than targets", MeanAbsoluteError(), K3, np.zeros((4, 2)), None, ShapeError,
            "targets of shape (4, 2)", "(N, 3)", "as many outputs as a row of targets has numbers"),
    Refusal("targets above 1", BinaryCrossEntropy(), ONE, [[1], [2], [1], [2]], None, DataError,
            "the value 2 in row 1", "from 0 to 1", "y − 1"),
    Refusal("targets below 0", BinaryCrossEntropy(), ONE, [[1], [-1], [1], [-1]], None, DataError,
            "the value -1 in row 1", "from 0 to 1", "(y + 1) / 2"),
    Refusal("a negative count", Poisson(), ONE, [[1], [2], [-3], [2]], None, DataError,
            "the value -3 in row 2, column 0", "counts or rates ≥ 0", "mean_squared_error or huber"),
    Refusal("an amount of 0", Gamma(), ONE, [[1], [0], [3], [2]], None, DataError,
            "the value 0 in row 1, column 0", "amounts > 0", "do not standardise"),
    Refusal("a negative amount", Gamma(), ONE, [[1], [1], [3], [-2]], None, DataError,
            "the value -2 in row 3", "amounts > 0", "huber"),
    Refusal("NaN among counts", Poisson(), ONE, NAN, None, DataError,
            "nan at row 2, column 0", "finite numbers", "drop the missing"),
    Refusal("counts as a flat array", Poisson(), ONE, [1, 0, 2, 0], None, ShapeError,
            "targets of shape (4,)", "(N, 1)", "y.reshape(-1, 1)"),
    Refusal("hinge targets 1 and 2", Hinge(), ONE, [[1], [2], [1], [2]], None, DataError,
            "between 1 and 2", "−1 and +1, or 0 and 1", "np.where(positive, 1, -1)"),
    Refusal("hinge labels past the outputs", Hinge(), K3, [1, 2, 3, 1], None, DataError,
            "labels from 1 to 3", "0 to 2", "y - 1"),
    Refusal("wrong number of rows", MeanSquaredError(), K3, np.zeros((5, 3)), None, ShapeError,
            "5 rows", "4, as many as outputs", "same rows"),
    Refusal("wrong number of labels", CrossEntropy(), K3, [0, 1, 2], None, ShapeError,
            "3 rows", "4, as many as outputs", "same rows"),
    Refusal("NaN in the targets", MeanSquaredError(), ONE, NAN, None, DataError,
            "nan at row 2, column 0", "finite numbers", "drop the missing"),
    Refusal("NaN in binary targets", BinaryCrossEntropy(), ONE, NAN, None, DataError,
            "nan at row 2, column 0", "finite numbers", "drop the missing"),
    Refusal("text in the targets", MeanSquaredError(), ONE, [["a"], ["b"], ["c"], ["d"]], None, DataError,
            "'a'", "numbers", "np.unique"),
    Refusal("ragged targets", MeanSquaredError(), K3, [[1, 2, 3], [1, 2]], None, DataError,
            "different lengths", "rectangular", "pad or cut"),
    Refusal("flat outputs", MeanSquaredError(), np.zeros(4), np.zeros(4), None, ShapeError,
            "(4,)", "(N, M)", "outputs.reshape(-1, 1)"),
    Refusal("a negative weight", MeanSquaredError(), ONE, ONE, [1, 1, -1, 1], DataError,
            "smallest value -1", "weight ≥ 0", "a weight for each row"),
    Refusal("all weights zero", MeanSquaredError(), ONE, ONE, [0, 0, 0, 0], DataError,
            "largest 0", "some of them above 0", "a weight for each row"),
    Refusal("too few weights", MeanSquaredError(), ONE, ONE, [1, 1, 1], ShapeError,
            "shape (3,)", "(4,)", "flat array"),
    Refusal("weights as a column", MeanSquaredError(), ONE, ONE, np.ones((4, 1)), ShapeError,
            "shape (4, 1)", "(4,)", "flat array"),
    Refusal("NaN in the weights", MeanSquaredError(), ONE, ONE, [1, np.nan, 1, 1], DataError,
            "nan at row 1", "finite", "drop the missing"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=[case.name for case in REFUSALS])
def test_the_door_names_what_came_what_was_expected_and_the_mend(case: Refusal):
    with pytest.raises(case.error) as caught:
        case.loss(case.outputs, case.targets, case.weights)
    error = caught.value
    assert type(error) is case.error
    assert case.received in error.received
    assert case.expected in error.expected
    assert case.fix in error.fix
    for part in (error.where, error.received, error.expected, error.fix):
        assert part in str(error)


def test_the_mend_for_a_column_of_targets_is_not_one_that_fails_again():
    """A flat array fits a regression with three outputs as little as a column does."""
    with pytest.raises(ShapeError) as caught:
        MeanSquaredError()(K3, np.zeros((4, 1)))
    assert "ravel" not in caught.value.fix


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MeanSquaredError("average"), ["reduction='average'", "'mean', 'sum'"]),
        (lambda: SumSquaredError("none"), ["SumSquaredError", "'mean', 'sum'"]),
        (lambda: Huber(0.0), ["delta=0.0", "0 < delta"]),
        (lambda: Huber(-1.0), ["delta=-1.0", "0 < delta"]),
        (lambda: Quantile(0.0), ["quantile=0.0", "0 < quantile < 1"]),
        (lambda: Quantile(1.0), ["quantile=1.0", "0 < quantile < 1"]),
        (lambda: Quantile(90), ["quantile=90", "0 < quantile < 1"]),
        (lambda: Quantile("median"), ["quantile='median'"]),
        (lambda: CrossEntropy(label_smoothing=1.0), ["label_smoothing=1.0", "0 ≤ label_smoothing < 1"]),
        (lambda: CrossEntropy(label_smoothing=-0.1), ["label_smoothing=-0.1", "0 ≤ label_smoothing < 1"]),
        (lambda: CrossEntropy(class_weight=[1, 2])(K3, [0, 1, 2, 0]), ["[1, 2]", "3 classes"]),
        (lambda: CrossEntropy(class_weight="balanced")(K3, [0, 1, 2, 0]), ["'balanced'", "3 classes"]),
        (lambda: CrossEntropy(class_weight={"cat": 2.0})(K3, [0, 1, 2, 0]), ["{'cat': 2.0}", "3 classes"]),
        (lambda: CrossEntropy(class_weight={0.5: 2.0})(K3, [0, 1, 2, 0]), ["{0.5: 2.0}", "3 classes"]),
        (lambda: BinaryCrossEntropy(from_logits="no"), ["from_logits='no'", "True or False"]),
        (lambda: CrossEntropy(from_logits="no"), ["from_logits='no'", "True or False"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "call",
)
def test_bad_settings_are_refused(call, words):
    with pytest.raises(ConfigurationError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_joint_questions_are_single_ones_side_by_side() -> None:
    rng = np.random.default_rng(0)
    outputs, labels, weights = rng.normal(size=(7, 6)), rng.integers(0, [2, 4], (7, 2)), rng.uniform(size=7)
    joint = JointCrossEntropy([2, 4], label_smoothing=0.1)
    value, gradient = joint(outputs, labels, weights)
    single = CrossEntropy(label_smoothing=0.1)
    parts = [single(outputs[:, own], labels[:, m], weights) for m, own in enumerate((slice(2), slice(2, 6)))]
    assert value == pytest.approx(parts[0][0] + parts[1][0], rel=1e-12)
    np.testing.assert_allclose(gradient, np.hstack([part[1] for part in parts]), rtol=1e-12)
    np.testing.assert_allclose(joint.probabilities(outputs)[:, 2:], single.probabilities(outputs[:, 2:]))
    np.testing.assert_array_equal(joint.classes(outputs)[:, 1], outputs[:, 2:].argmax(axis=1))
    ones = np.hstack([np.eye(count)[labels[:, m]] for m, count in enumerate((2, 4))])
    assert joint(outputs, ones, weights)[0] == value
    shares = np.hstack([rng.dirichlet(np.ones(count), 7) for count in (2, 4)])
    soft = [single(outputs[:, own], shares[:, own], weights)[0] for own in (slice(2), slice(2, 6))]
    assert joint(outputs, shares, weights)[0] == pytest.approx(sum(soft), rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "targets", "error", "words"),
    [
        ([], [[0]], ConfigurationError, "no classes"),
        ([2, 0], [[0, 0]], ConfigurationError, "class_counts"),
        ([2, 2], [[0, 0]], ShapeError, "end the network in"),
        ([2, 1], [0], ShapeError, "targets"),
        ([2, 1], [[0, 1]], DataError, "column 1"),
        ([2, 1], [[0.5, 0.6, 1]], DataError, r"row 0, which sums to 1\.1"),
    ],
)
def test_joint_questions_that_do_not_fit(counts: Any, targets: Any, error: type[GlassnetError], words: str) -> None:
    with pytest.raises(error, match=words):
        JointCrossEntropy(counts)(np.zeros((1, 3)), np.array(targets))


ALL_K = np.zeros((4, 3))
LONG_IS_DOUBLE = bool(np.finfo(np.longdouble).eps == np.finfo(np.float64).eps)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 2, 1, 2], dtype)
        for dtype in (np.int8, np.uint8, np.int64, np.uint64, np.float16, np.float64, np.longdouble, object, ">i8")
    ]
    + [[0, np.uint64(2), np.int8(1), 2.0], np.ma.array([0, 2, 1, 2])],
    ids=lambda labels: str(getattr(labels, "dtype", "list")),
)
@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge(), CrossEntropy(from_logits=False)], ids=repr)
def test_labels_of_any_dtype_are_the_same(loss: Loss, labels: Any):
    outputs = np.full((4, 3), 1 / 3)
    expected = loss(outputs, [0, 2, 1, 2])
    found = loss(outputs, labels)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


def test_truth_is_two_classes():
    assert CrossEntropy()(np.zeros((2, 2)), [True, False])[1].tolist() == [[0.25, -0.25], [-0.25, 0.25]]


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        ([0, 1, 2, 2**53 + 1], "labels from 0 to 9007199254740993"),
        (np.array([0, 1, 2, 2**63 + 1], np.uint64), "labels from 0 to 9223372036854775809"),
        (np.array([0, 1, 2, 2**64 - 1], np.uint64), "labels from 0 to 18446744073709551615"),
        (np.array([2**64 - 1] * 4, np.uint64), "labels from 18446744073709551615 to 18446744073709551615"),
        (np.array([0, 1, 2, -(2**63)]), "labels from -9223372036854775808 to 2"),
        (np.array([0, 1, 2, 1e300]), "labels from 0 to 1000000"),
        (np.array([0, 1, 2, np.longdouble(1) + np.finfo(np.longdouble).eps]), "the label 1.000000000000000"),
        (np.array([0, 1, 2, 1 + 1e-15]), "the label 1.000000000000001 in row 3"),
        (np.array([0, 1, 2, 2**53 + 1], object), "labels from 0 to 9007199254740993"),
        (np.array([0, 1, 2, None], object), "nothing (None) at row 3"),
        (np.array([0, 1, 2, np.inf]), "inf at row 3"),
        (np.ma.array([0, 1, 2, 1], mask=[0, 0, 0, 1]), "a masked value at row 3"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge()], ids=repr)
def test_no_label_is_rounded_into_a_class(loss: Loss, labels: Any, received: str):
    if isinstance(labels, np.ndarray) and labels.dtype == np.longdouble and LONG_IS_DOUBLE:
        pytest.skip("no number between 1 and the next float64 here")
    with pytest.raises(DataError) as caught:
        loss(ALL_K, labels)
    assert received in str(caught.value)
    column = labels[:, None] if isinstance(labels, np.ndarray) else [[label] for label in labels]
    with pytest.raises(DataError) as caught:
        JointCrossEntropy([3])(ALL_K, column)
    assert received.split(" in ")[0] in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", [1 + 1e-9, -1e-50, 2**53, 1.5])
def test_answers_beyond_yes_and_no_are_not_rounded_to_them(dtype, target):
    outputs = np.zeros((2, 1), dtype)
    with pytest.raises(DataError, match="numbers from 0 to 1"):
        BinaryCrossEntropy()(outputs, [[0], [target]])
    with pytest.raises(DataError, match="0 and 1"):
        Hinge()(outputs, [[0], [target]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_deviances_keep_their_digits_near_the_best_output_and_far_from_it(dtype: type) -> None:
    """Half deviances near 0 are (o − log t)²/2 times 1 or t; far off their terms are finite one by one."""
    t = np.array([[1e6], [3.0], [1e-6]], dtype)
    outputs = (np.log(t.astype(np.float64)) + 1e-2).astype(dtype)
    step = outputs.astype(np.float64) - np.log(t.astype(np.float64))
    for loss, expected in ((Poisson("sum"), t * (np.expm1(step) - step)), (Gamma("sum"), np.expm1(-step) + step)):
        for row in range(3):
            value, _ = loss(outputs[row : row + 1], t[row : row + 1])
            assert value == pytest.approx(float(expected[row, 0]), rel=1e-3 if dtype is np.float32 else 1e-10)
    value, gradient = Poisson("sum")(
        np.array([[-60.0], [40.0], [5.0]], dtype), np.array([[4.0], [0.0], [1e-30]], dtype)
    )
    assert value == pytest.approx(4 * (np.log(4) + 60 - 1) + np.exp(40.0) + np.exp(5.0), rel=1e-6)
    np.testing.assert_allclose(gradient, [[-4.0], [np.exp(40.0)], [np.exp(5.0)]], rtol=1e-6)
    assert Poisson()(np.array([[1000.0]], dtype), [[1.0]])[0] == np.inf
    assert Gamma()(np.array([[-1000.0]], dtype), [[1.0]])[0] == np.inf
    assert Gamma()(np.array([[1000.0]], dtype), [[1.0]])[0] == pytest.approx(999, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_counts_below_0_and_amounts_of_0_are_not_rounded_to_good_ones(dtype: type) -> None:
    outputs = np.zeros((2, 1), dtype)
    for loss, target in ((Poisson(), -1e-50), (Gamma(), 1e-320), (Gamma(), -1e-50)):
        with pytest.raises(DataError, match=f"the value {target:g} in row 1"):
            loss(outputs, [[1.0], [target]])
    if dtype is np.float32:
        with pytest.raises(DataError, match="amounts > 0"):
            Gamma()(outputs, [[1.0], [1e-40]])


def test_outputs_of_a_log_link_and_the_means_they_stand_for() -> None:
    outputs = np.array([[0.0], [2.0]])
    for loss in (Poisson(), Gamma()):
        np.testing.assert_array_equal(loss.means(outputs), np.exp(outputs))
        np.testing.assert_allclose(loss.link(loss.means(outputs)), outputs)
    for other in (Quantile(), MeanSquaredError(), Huber()):
        assert other.means(outputs) is outputs
        assert other.link(outputs) is outputs


CONSTANTS: list[tuple[Loss, int]] = [
    *((LOSSES[name](), outputs) for name, outputs in [(name, 2) for name in LOSSES if name != "huber"]),
    *((LOSSES[name](), 1) for name in LOSSES if name not in ("huber", "cross_entropy")),
    (Quantile(0.9), 1),
    (BinaryCrossEntropy(from_logits=False), 2),
    (CrossEntropy(from_logits=False), 3),
    (CrossEntropy(label_smoothing=0.2), 3),
    (JointCrossEntropy([2, 3], label_smoothing=0.1), 5),
]


@pytest.mark.parametrize(("loss", "outputs"), CONSTANTS, ids=lambda value: repr(value))
def test_no_other_constant_answer_has_a_smaller_loss(loss: Loss, outputs: int) -> None:
    rng = np.random.default_rng(3)
    given = {
        CrossEntropy: rng.choice(outputs, 501, p=np.arange(1, outputs + 1) / (outputs * (outputs + 1) / 2)),
        JointCrossEntropy: np.column_stack([rng.choice(2, 501, p=[0.8, 0.2]), rng.choice(3, 501, p=[0.5, 0.2, 0.3])]),
        BinaryCrossEntropy: rng.random((501, outputs)) < 0.3,
        Hinge: rng.random((501, outputs)) < 0.3,
    }.get(type(loss), rng.gamma(2.0, 3.0, (501, outputs)))
    targets = loss.prepare(given, (outputs,), np.dtype(np.float64), where="targets")
    constant = loss.best_constant(targets, outputs)
    assert constant is not None
    assert constant.shape == (outputs,)

    def value(answer: np.ndarray) -> float:
        return loss(np.tile(answer, (501, 1)), given)[0]

    least = value(constant)
    for step in (1e-3, 0.02, 0.3):
        for column in range(outputs):
            for sign in (-1, 1):
                other = constant + sign * step * (np.arange(outputs) == column)
                if getattr(loss, "from_logits", True):
                    assert value(other) > least - 1e-12
                elif other.min() > 0 and other.max() < 1:
                    assert value(other / (other.sum() if outputs == 3 else 1)) > least - 1e-12


def test_where_nobody_knows_the_best_constant_answer_none_is_told() -> None:
    numbers = np.ones((4, 2))
    assert Huber().best_constant(numbers, 2) is None
    assert MeanSquaredError().best_constant(np.ones((4, 3, 2)), 2) is None
    assert CrossEntropy(class_weight=[1, 5]).best_constant(np.array([0, 1]), 2) is None
    assert CrossEntropy().best_constant(np.array([[0, 1]]), 2) is None
    assert Poisson().best_constant(np.zeros((4, 1)), 1) is None
