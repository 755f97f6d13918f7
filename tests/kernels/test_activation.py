"""Activations against PyTorch, their tails against ``math``, and what the register knows of every kernel.

``TORCH`` was computed once with PyTorch 2.13.0 (CPU, float64) by the call named in each row: y at ``X``, and the
gradient at x for the upstream gradient ``DY``.
"""

from __future__ import annotations

import inspect
import math
from typing import NamedTuple

import numpy as np
import pytest

from glassnet.kernels import KERNELS, activation, info

X = [-30.0, -10.0, -3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5, 10.0, 30.0]
DY = [1.0, -2.0, 0.5, 3.0, -1.0, 2.0, 0.75, -0.25, 1.5, -1.0, 2.0]


class Golden(NamedTuple):
    """y and dx of one activation."""

    call: str
    settings: dict[str, float]
    y: list[float]
    dx: list[float]


TORCH = {
    "identity": Golden("x", {}, X, DY),
    "relu": Golden(
        "F.relu(x)", {}, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 1.0, 2.5, 10.0, 30.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75, -0.25, 1.5, -1.0, 2.0],
    ),
    "leaky_relu": Golden(
        "F.leaky_relu(x, 0.1)", {"slope": 0.1}, [-3.0, -1.0, -0.3, -0.1, -0.05, 0.0, 0.25, 1.0, 2.5, 10.0, 30.0],
        [0.1, -0.2, 0.05, 0.3, -0.1, 0.2, 0.75, -0.25, 1.5, -1.0, 2.0],
    ),
    "clip": Golden(
        "F.hardtanh(x, -2, 1)", {"low": -2.0, "high": 1.0},
        [-2.0, -2.0, -2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 3.0, -1.0, 2.0, 0.75, 0.0, 0.0, 0.0, 0.0],
    ),
    "elu": Golden(
        "F.elu(x, 1.5)", {"alpha": 1.5},
        [-1.4999999999998597, -1.4999319001053562, -1.4253193974482041, -0.9481808382428365, -0.5902040104310499, 0.0,
         0.25, 1.0, 2.5, 10.0, 30.0],
        [1.4036434453260263e-13, -0.00013619978928745456, 0.03734030127589796, 1.6554574852714905,
         -0.9097959895689501, 3.0, 0.75, -0.25, 1.5, -1.0, 2.0],
    ),
    "selu": Golden(
        "F.selu(x)", {},
        [-1.758099340847212, -1.7580195232607867, -1.6705687287671118, -1.1113307378125625, -0.6917581878028713, 0.0,
         0.2626752468388701, 1.0507009873554805, 2.626752468388701, 10.507009873554804, 31.521029620664414],
        [1.6451630773416182e-13, -0.00015963517317988364, 0.043765306040132436, 1.940305809104442, -1.0663411530445053,
         3.5161986816947532, 0.7880257405166103, -0.2626752468388701, 1.5760514810332207, -1.0507009873554805,
         2.101401974710961],
    ),
    "gelu": Golden(
        "F.gelu(x)", {},
        [-0.0, -0.0, -0.00404969409489031, -0.15865525393145702, -0.15426876936299344, 0.0, 0.14967658142073093,
         0.841344746068543, 2.4844758366855597, 10.0, 30.0],
        [-4.420938404635643e-195, 1.5389197253412839e-21, -0.00597282360209196, -0.24994641176305904,
         -0.13250487534383712, 1.0, 0.521530016162727, -0.2708288676469216, 1.5564166288622177, -1.0, 2.0],
    ),
    "gelu_tanh": Golden(
        'F.gelu(x, approximate="tanh")', {},
        [-0.0, -0.0, -0.0036373920817729943, -0.15880800939172324, -0.15428599017485606, 0.0, 0.149675350701685,
         0.8411919906082768, 2.484915733910001, 10.0, 30.0],
        [0.0, -0.0, -0.005792083315484824, -0.24889225153734756, -0.13263009646535764, 1.0, 0.5215155713632953,
         -0.27074102096144564, 1.5569273643189991, -1.0, 2.0],
    ),
    "silu": Golden(
        "F.silu(x)", {},
        [-2.8072868906517896e-12, -0.0004539786870243439, -0.14227761953270035, -0.2689414213699951,
         -0.1887703343990727, 0.0, 0.14054412522144952, 0.7310585786300049, 2.3103545499468914, 9.999546021312975,
         29.999999999997197],
        [-2.713710660963134e-12, 0.0008171204173141647, -0.04405205300758481, 0.2169884643855398, -0.2600388126973482,
         1.0, 0.46778251617764827, -0.23191762796787171, 1.64910166701229, -1.0004085602086568, 2.000000000005422],
    ),
    "hard_swish": Golden(
        "F.hardswish(x)", {},
        [0.0, 0.0, 0.0, -0.3333333333333333, -0.20833333333333334, 0.0, 0.13541666666666666, 0.6666666666666666,
         2.2916666666666665, 10.0, 30.0],
        [0.0, 0.0, 0.0, 0.5, -0.33333333333333337, 1.0, 0.4375, -0.20833333333333331, 2.0, -1.0, 2.0],
    ),
    "mish": Golden(
        "F.mish(x)", {},
        [-2.807286890651921e-12, -0.0004539889918567469, -0.1456474612756246, -0.30340146137410895, -0.22074377465173,
         0.0, 0.1695724096638176, 0.8650983882673103, 2.471392304557881, 9.999999958780672, 30.0],
        [-2.713710660963392e-12, 0.0008171595738059838, -0.04669655726616042, 0.17765026763218505, -0.28951067791351226,
         1.2, 0.5656295007904446, -0.26225905502494806, 1.5616942951970296, -1.0000000783129825, 2.0],
    ),
    "sigmoid": Golden(
        "torch.sigmoid(x)", {},
        [9.357622968839299e-14, 4.5397868702434395e-05, 0.04742587317756678, 0.2689414213699951, 0.3775406687981454,
         0.5, 0.5621765008857981, 0.7310585786300049, 0.9241418199787566, 0.9999546021312976, 0.9999999999999065],
        [9.357622968838423e-14, -9.079161547190335e-05, 0.02258832986545607, 0.5898357997244456, -0.2350037122015945,
         0.5, 0.18460056205319877, -0.04915298331037046, 0.1051555748176621, -4.5395807735907655e-05,
         1.869615573468589e-13],
    ),
    "tanh": Golden(
        "torch.tanh(x)", {},
        [-1.0, -0.9999999958776927, -0.9950547536867305, -0.7615941559557649, -0.4621171572600098, 0.0,
         0.24491866240370913, 0.7615941559557649, 0.9866142981514303, 0.9999999958776927, 1.0],
        [0.0, -1.6489229059265955e-08, 0.004933018582720083, 1.2599230248420783, -0.7864477329659274, 2.0,
         0.7050111366047835, -0.10499358540350653, 0.039888340024740856, -8.244614529632978e-09, 0.0],
    ),
    # torch returns x itself above its threshold, 20 by default, where log(1 + e⁻ˣ) is not yet lost in rounding
    "softplus": Golden(
        "F.softplus(x, threshold=1e9)", {},
        [9.357622968839737e-14, 4.539889921686465e-05, 0.04858735157374206, 0.31326168751822286, 0.4740769841801067,
         0.6931471805599453, 0.8259394198788436, 1.3132616875182228, 2.5788897342925496, 10.000045398899218,
         30.000000000000092],
        [9.3576229688393e-14, -9.079573740486879e-05, 0.023712936588783394, 0.8068242641099854, -0.37754066879814546,
         1.0, 0.4216323756643486, -0.18276464465750122, 1.3862127299681346, -0.9999546021312976, 1.9999999999998128],
    ),
}  # fmt: skip

NAMES = sorted(name.removesuffix("_forward") for name in vars(activation) if name.endswith("_forward"))
every = pytest.mark.parametrize("name", NAMES)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(name: str, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and backward into buffers full of NaN, which must be overwritten everywhere."""
    forward, backward = getattr(activation, f"{name}_forward"), getattr(activation, f"{name}_backward")
    settings = TORCH[name].settings
    y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
    assert forward(x=x, y=y, **settings) is None
    remembered = {key: value for key, value in (("x", x), ("y", y)) if key in info(backward).reads}
    assert backward(dy=dy, **remembered, dx=dx, **settings) is None
    return y, dx


def test_every_activation_has_its_backward_and_golden_values():
    assert set(NAMES) == set(TORCH)
    assert set(NAMES) == {name.removesuffix("_backward") for name in vars(activation) if name.endswith("_backward")}


@every
def test_values_and_slopes_equal_torch(name: str):
    y, dx = run(name, np.array(X), np.array(DY))
    np.testing.assert_allclose(y, TORCH[name].y, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(dx, TORCH[name].dx, rtol=1e-12, atol=1e-15)


@every
def test_float32_stays_float32_and_agrees(name: str):
    y, dx = run(name, np.array(X, np.float32), np.array(DY, np.float32))
    assert y.dtype == dx.dtype == np.float32
    np.testing.assert_allclose(y, TORCH[name].y, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(dx, TORCH[name].dx, rtol=2e-6, atol=1e-6)


@every
@DTYPES
def test_nothing_overflows_out_to_ten_thousand(name: str, dtype: type):
    """Warnings are errors; far out every one is a line or level, so its slope is 0, 1 or the leaky one's."""
    x = np.array([-1e4, -1e3, -200, -100, 100, 200, 1e3, 1e4], dtype)
    y, dx = run(name, x, np.ones_like(x))
    assert np.isfinite(y).all()
    right = {"sigmoid": 0, "tanh": 0, "clip": 0, "selu": 1.0507009873554805}.get(name, 1)
    left = {"identity": 1, "leaky_relu": 0.1}.get(name, 0)
    np.testing.assert_allclose(dx, [left] * 4 + [right] * 4, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(y[4:], right * x[4:] if right else np.ones(4), rtol=1e-6)
    limits = {"identity": x[:4], "leaky_relu": x[:4] / 10, "elu": -1.5, "selu": -1.7580993408473766}
    limit = {**limits, "tanh": -1, "clip": -2}.get(name, 0)
    np.testing.assert_allclose(y[:4], np.broadcast_to(limit, 4), rtol=1e-6, atol=1e-30)


@every
@DTYPES
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 3, 5)], ids=str)
def test_any_shape(name: str, dtype: type, shape: tuple[int, ...]):
    generator = np.random.default_rng(0)
    x, dy = generator.normal(size=shape).astype(dtype), generator.normal(size=shape).astype(dtype)
    before = x.copy(), dy.copy()
    y, dx = run(name, x, dy)
    flat_y, flat_dx = run(name, x.ravel(), dy.ravel())
    np.testing.assert_array_equal(y.ravel(), flat_y)
    np.testing.assert_array_equal(dx.ravel(), flat_dx)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])


# The tails, relatively


def tail(name: str, x: float) -> tuple[float, float]:
    """The kernel's y and slope at one point."""
    y, dx = run(name, np.array([x]), np.ones(1))
    return float(y[0]), float(dx[0])


@pytest.mark.parametrize("x", [-2.0, -5.0, -8.0, -10.0, -20.0, -37.0])
def test_gelu_keeps_its_accuracy_far_out_on_the_left(x: float):
    """Against math.erfc, where torch and ½ (1 + erf) give −0."""
    cdf = math.erfc(-x / math.sqrt(2)) / 2
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    y, slope = tail("gelu", x)
    assert y == pytest.approx(x * cdf, rel=1e-12, abs=0)
    assert slope == pytest.approx(cdf + x * density, rel=1e-12, abs=0)
    assert y < 0


def test_gelu_at_minus_ten_is_the_published_tail():
    """Φ(−10) = 7.61985302416e-24 (Abramowitz & Stegun 1964, table 26.2: −log₁₀ Φ(−10) = 23.11805)."""
    y, _ = tail("gelu", -10.0)
    assert y == pytest.approx(-7.61985302416e-23, rel=1e-11)
    assert -math.log10(-y / 10) == pytest.approx(23.11805, abs=1e-5)


@pytest.mark.parametrize("x", [-10.0, -40.0, -100.0, -700.0])
def test_exponential_tails_on_the_left(x: float):
    e = math.exp(x)
    assert tail("sigmoid", x) == pytest.approx((e / (1 + e), e / (1 + e) ** 2), rel=1e-12, abs=0)
    assert tail("softplus", x) == pytest.approx((math.log1p(e), e / (1 + e)), rel=1e-12, abs=0)
    s = e / (1 + e)
    assert tail("silu", x) == pytest.approx((x * s, s * (1 + x * (1 - s))), rel=1e-12, abs=0)


@pytest.mark.parametrize("x", [-1e-5, -1e-10, -1e-300])
def test_elu_keeps_its_accuracy_near_zero(x: float):
    assert tail("elu", x) == pytest.approx((1.5 * math.expm1(x), 1.5 * math.exp(x)), rel=1e-14, abs=0)


@DTYPES
def test_sigmoid_and_tanh_are_symmetric(dtype: type):
    x = np.linspace(0, 40, 81, dtype=dtype)
    right, _ = run("sigmoid", x, np.ones_like(x))
    left, _ = run("sigmoid", -x, np.ones_like(x))
    np.testing.assert_allclose(right + left, 1, rtol=4 * np.finfo(dtype).eps)
    assert (left > 0).all()
    np.testing.assert_array_equal(run("tanh", -x, x)[0], -run("tanh", x, x)[0])


@DTYPES
def test_logistic_gives_a_new_array(dtype: type):
    x = np.array([[-1e4, 0.0, 1e4]], dtype)
    result = activation.logistic(x)
    assert result.dtype == dtype
    assert result.tolist() == [[0.0, 0.5, 1.0]]
    assert x.tolist() == [[-1e4, 0.0, 1e4]]


def test_the_slope_at_a_corner():
    assert tail("relu", 0.0) == (0.0, 0.0)
    assert tail("leaky_relu", 0.0) == (0.0, 0.1)
    assert tail("elu", 0.0) == (0.0, 1.5)


# The register of all kernels


BESIDE = {"dense_steps": "dense", "step_norm": "batch_norm"}
"""Backward kernels of a forward one that has another of its own name as well."""
LOOKED_AT = {"attention_weights"}
"""Forward kernels whose result is only looked at."""


def test_forward_and_backward_come_in_pairs():
    forwards = {name.removesuffix("_forward") for name in KERNELS if name.endswith("_forward")}
    backwards = {name.removesuffix("_backward") for name in KERNELS if name.endswith("_backward")}
    assert forwards - LOOKED_AT == backwards - BESIDE.keys()
    assert backwards > BESIDE.keys() | {*BESIDE.values()}
    assert set(NAMES) < forwards


def test_every_public_function_with_buffers_is_registered():
    """A kernel writes and returns nothing; what returns a value is a helper."""
    for entry in list(KERNELS.values()):
        module = inspect.getmodule(entry.function)
        assert module is not None
        for name, function in vars(module).items():
            local = inspect.isfunction(function) and function.__module__ == module.__name__
            if local and name.endswith(("_forward", "_backward", "_update")):
                assert KERNELS[name].function is function


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_what_the_register_says_of_a_kernel(name: str):
    entry = KERNELS[name]
    parameters = inspect.signature(entry.function).parameters
    assert entry.name == name == entry.function.__name__
    assert info(entry.function) is entry
    assert entry.equation.strip()
    assert (entry.function.__doc__ or "").strip()
    assert entry.writes or entry.updates
    named = [*entry.reads, *entry.writes, *entry.updates, *entry.settings]
    assert sorted(named) == sorted(parameters)
    for key, parameter in parameters.items():
        assert (key in entry.settings) == (parameter.kind is inspect.Parameter.KEYWORD_ONLY)
        assert parameter.default is inspect.Parameter.empty  # no policy in a kernel
    assert inspect.signature(entry.function).return_annotation in (None, "None")


@pytest.mark.parametrize("name", sorted(name for name in KERNELS if name.endswith("_backward")))
def test_a_backward_takes_the_settings_of_its_forward(name: str):
    family = name.removesuffix("_backward")
    forward, backward = KERNELS[f"{BESIDE.get(family, family)}_forward"], KERNELS[name]
    from_its_shape = {"batch_norm_backward": {"count"}}
    assert set(backward.settings) - from_its_shape.get(name, set()) <= set(forward.settings)
