"""Initializers: their distribution against the cited formulas, fans, determinism, and what may be given as one."""

from __future__ import annotations

import sys
from math import prod, sqrt

import numpy as np
import pytest

from glassnet import initializers
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.initializers import (
    INITIALIZERS,
    Constant,
    Given,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Ones,
    Orthogonal,
    Uniform,
    Zeros,
    as_initializer,
    fans,
)

DENSE, FILTERS = (400, 250), (60, 40, 5, 3)
SHAPES = pytest.mark.parametrize("shape", [DENSE, FILTERS], ids=["dense", "filters"])


def rng(seed: int = 0) -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(seed)


# fan_in and fan_out as the papers count them: inputs of a unit, and units that an input reaches, times the kernel size.
FANS = {DENSE: (400, 250), FILTERS: (40 * 15, 60 * 15)}

# Var[W] as published: Glorot & Bengio 2010, equations 12 and 16 (a uniform on ±√6/√(n + m) has the variance 2/(n + m));
# He et al. 2015, equation 10; LeCun et al. 1998, equation 16.
VARIANCES = {
    GlorotUniform: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    GlorotNormal: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    HeUniform: lambda fan_in, fan_out: 2 / fan_in,
    HeNormal: lambda fan_in, fan_out: 2 / fan_in,
    LeCunUniform: lambda fan_in, fan_out: 1 / fan_in,
    LeCunNormal: lambda fan_in, fan_out: 1 / fan_in,
}
scaled = pytest.mark.parametrize("kind", list(VARIANCES), ids=lambda kind: kind.__name__)


def excess_kurtosis(values: np.ndarray) -> float:
    """0 for a normal distribution, −1.2 for a uniform one."""
    centred = values - values.mean()
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2 - 3)


@scaled
@SHAPES
def test_mean_and_variance_are_those_of_the_paper(kind, shape):
    values = kind()(shape, rng())
    variance = VARIANCES[kind](*FANS[shape])
    n = prod(shape)
    assert values.shape == shape
    assert values.dtype == np.float64
    assert abs(values.mean()) < 5 * sqrt(variance / n)
    # the sample variance of n normal values has the relative deviation √(2/n); of uniform ones a smaller
    assert values.var() == pytest.approx(variance, rel=5 * sqrt(2 / n))


@scaled
def test_the_shape_of_the_distribution(kind):
    values = kind()(DENSE, rng()).ravel()
    deviation = sqrt(VARIANCES[kind](*DENSE))
    if kind.__name__.endswith("Uniform"):
        bound = sqrt(3) * deviation
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.999 * bound
        assert values.min() < -0.999 * bound
        assert excess_kurtosis(values) == pytest.approx(-1.2, abs=0.05)
    else:
        assert np.abs(values).max() > 4 * deviation
        assert excess_kurtosis(values) == pytest.approx(0, abs=0.1)


def test_the_bound_of_the_uniform_ones_as_published():
    """Glorot & Bengio 2010, equation 16: ±√6/√(n_j + n_{j+1}); He et al.: ±√(6/n)."""
    assert np.abs(GlorotUniform()(DENSE, rng())).max() == pytest.approx(sqrt(6) / sqrt(650), rel=1e-4)
    assert np.abs(HeUniform()(DENSE, rng())).max() == pytest.approx(sqrt(6 / 400), rel=1e-4)


def test_uniform_and_normal_with_settings():
    values = Uniform(-1.0, 3.0)((200, 300), rng())
    assert values.min() == pytest.approx(-1, abs=1e-3)
    assert values.max() == pytest.approx(3, abs=1e-3)
    assert values.min() >= -1
    assert values.max() < 3
    assert values.mean() == pytest.approx(1, abs=0.02)
    values = Normal(2.0)((200, 300), rng())
    assert values.mean() == pytest.approx(0, abs=0.04)
    assert values.std() == pytest.approx(2, rel=0.02)
    defaults = Uniform()((100, 100), rng())
    assert np.abs(defaults).max() == pytest.approx(0.05, rel=1e-3)
    assert Normal()((100, 100), rng()).std() == pytest.approx(0.05, rel=0.05)


def test_constants():
    for initializer, value in ((Zeros(), 0.0), (Ones(), 1.0), (Constant(-2.5), -2.5), (Constant(3), 3.0)):
        values = initializer((2, 3), rng())
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, np.full((2, 3), value))


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (1, 6), (6, 1), (8, 3, 2, 1), (3, 4, 2, 2), (5,)], ids=str)
def test_orthogonal_rows_or_columns_whichever_are_fewer(shape, gain):
    values = Orthogonal(gain)(shape, rng())
    assert values.shape == shape
    matrix = values.reshape(shape[0], -1) if len(shape) > 1 else values.reshape(1, -1)
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), atol=1e-12)


def test_orthogonal_draws_are_uniform():
    """Mezzadri 2007: without the signs of R's diagonal the draw leans to one side; of many, ±1 must come alike."""
    generator = rng()
    signs = [np.sign(Orthogonal()((3, 3), generator)[0, 0]) for _ in range(400)]
    assert abs(np.mean(signs)) < 5 / sqrt(400)
    determinants = [np.linalg.det(Orthogonal()((2, 2), generator)) for _ in range(400)]
    assert abs(np.mean(np.round(determinants))) < 5 / sqrt(400)


@pytest.mark.parametrize("dtype", [int, np.float32, np.float64])
def test_given_values_are_copied_and_must_fit(dtype: type):
    array = np.arange(6, dtype=dtype).reshape(2, 3)
    initializer = Given(array)
    values = initializer((2, 3), rng())
    assert values.dtype == np.float64
    array[:] = 7
    values[:] = 9
    np.testing.assert_array_equal(initializer((2, 3), rng()), [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ShapeError) as caught:
        initializer((3, 2), rng())
    assert "the shape (2, 3)" in caught.value.received
    assert "(3, 2)" in caught.value.expected
    assert "array.T" in caught.value.fix
    with pytest.raises(ShapeError, match="no array"):
        Given(None)((2, 3), rng())
    with pytest.raises(DataError, match="'a'"):
        Given([["a", "b"]])


def test_given_values_must_be_finite():
    with pytest.raises(DataError, match="nan at row 1, column 0"):
        as_initializer([[1.0, 2.0], [np.nan, 3.0]])((2, 2), rng())


# Discovery

SAMPLES = {
    Constant: Constant(0.5),
    Given: Given(np.ones(DENSE)),
    Uniform: Uniform(-1.0, 2.0),
    Normal: Normal(0.2),
    Orthogonal: Orthogonal(2.0),
} | {cls: cls() for cls in (Zeros, Ones, *VARIANCES)}


def test_every_initializer_is_tested_and_has_a_name():
    modules = [module for name, module in sys.modules.items() if name.startswith(initializers.__name__)]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    defined = {cls for cls in found if issubclass(cls, Initializer) and not cls.__name__.startswith("_")}
    assert defined - {Initializer} == set(SAMPLES)
    assert set(INITIALIZERS.values()) == set(SAMPLES) - {Constant, Given}


@pytest.mark.parametrize("initializer", list(SAMPLES.values()), ids=str)
def test_the_same_generator_state_gives_the_same_values(initializer):
    first, second = initializer(DENSE, rng(7)), initializer(DENSE, rng(7))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float64
    assert first is not second
    if type(initializer) not in (Zeros, Ones, Constant, Given):
        assert not np.array_equal(first, initializer(DENSE, rng(8)))
        generator = rng(7)
        assert not np.array_equal(initializer(DENSE, generator), initializer(DENSE, generator))


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_names_work_for_every_kind_of_shape(name):
    for shape in ((5,), (4, 3), (1, 1), (6, 3, 3, 2)):
        values = as_initializer(name)(shape, rng())
        assert values.shape == shape
        assert np.isfinite(values).all()


def test_names_and_their_classes():
    assert INITIALIZERS["xavier_uniform"] is INITIALIZERS["glorot_uniform"] is GlorotUniform
    assert INITIALIZERS["xavier_normal"] is INITIALIZERS["glorot_normal"] is GlorotNormal
    assert {name: INITIALIZERS[name] for name in ("he_normal", "he_uniform", "lecun_normal", "lecun_uniform")} == {
        "he_normal": HeNormal,
        "he_uniform": HeUniform,
        "lecun_normal": LeCunNormal,
        "lecun_uniform": LeCunUniform,
    }


def test_fans():
    assert fans((64, 128)) == (64, 128)
    assert fans((16, 6, 5, 5)) == (150, 400)
    assert fans((8, 4, 3)) == (12, 24)
    assert fans((10,)) == (10, 10)
    assert fans(FILTERS) == FANS[FILTERS]


# What may be given


@pytest.mark.parametrize("number", [0.5, 2, np.float64(0.5), np.float32(0.5), np.int64(2)], ids=repr)
def test_a_number_is_a_constant(number):
    initializer = as_initializer(number)
    assert isinstance(initializer, Constant)
    np.testing.assert_array_equal(initializer((3,), rng()), np.full(3, float(number)))


def test_arrays_lists_and_objects():
    for array in (np.array([[1.0, 2.0]]), [[1, 2]], ((1.0, 2.0),)):
        np.testing.assert_array_equal(as_initializer(array)((1, 2), rng()), [[1.0, 2.0]])
    initializer = HeNormal()
    assert as_initializer(initializer) is initializer


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("he_norm", ["'he_norm'", "did you mean 'he_normal'", "lecun_normal, orthogonal"]),
        (HeNormal, ["the class HeNormal", "HeNormal()"]),
        (True, ["True (a bool)", "zeros, ones"]),
        (None, ["None", "zeros, ones"]),
    ],
    ids=str,
)
def test_anything_else_is_refused(given, words):
    with pytest.raises(ConfigurationError) as caught:
        as_initializer(given)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Normal(-0.1), ["Normal", "scale=-0.1", "0 ≤ scale"]),
        (lambda: Orthogonal(-1.0), ["Orthogonal", "gain=-1.0", "0 ≤ gain"]),
        (lambda: Orthogonal("big"), ["Orthogonal", "gain='big'", "0 ≤ gain"]),
        (lambda: Uniform(1.0, 0.0), ["Uniform", "low", "high"]),
        (lambda: Uniform("a", 0.0), ["Uniform", "'a'"]),
        (lambda: Constant("half"), ["Constant", "'half'"]),
        (lambda: Constant(float("nan")), ["Constant", "nan"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "call",
)
def test_bad_settings_are_refused(call, words):
    with pytest.raises(ConfigurationError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# Weights whose shape alone does not tell what a unit is


@scaled
def test_fans_that_a_layer_tells_replace_those_of_the_shape(kind):
    """The same draw as for the shape's own fans, scaled by the square root of the variances' ratio."""
    told = kind().draw(DENSE, rng(), fans=(18, 90), unit_axis=1)
    own = kind()(DENSE, rng())
    np.testing.assert_array_equal(kind().draw(DENSE, rng(), fans=DENSE, unit_axis=1), own)
    ratio = VARIANCES[kind](18, 90) / VARIANCES[kind](*DENSE)
    np.testing.assert_allclose(told, own * sqrt(ratio), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("unit_axis", [0, 1, 2])
def test_orthogonal_has_a_row_for_each_unit(unit_axis):
    values = Orthogonal().draw((4, 3, 5), rng(), fans=(1, 1), unit_axis=unit_axis)
    assert values.shape == (4, 3, 5)
    units = np.moveaxis(values, unit_axis, 0).reshape(values.shape[unit_axis], -1)
    np.testing.assert_allclose(units @ units.T, np.eye(len(units)), atol=1e-12)
    without = Orthogonal().draw((4, 3, 5), rng(), fans=(1, 1), unit_axis=None)
    np.testing.assert_array_equal(without, Orthogonal()((4, 3, 5), rng()))


def test_other_initializers_need_only_the_shape():
    class Counting(Initializer):
        def __call__(self, shape, rng):
            return np.arange(float(prod(shape))).reshape(shape)

    for initializer in (Counting(), Ones(), Given(np.ones((2, 3)))):
        drawn = initializer.draw((2, 3), rng(), fans=(7, 8), unit_axis=0)
        np.testing.assert_array_equal(drawn, initializer((2, 3), rng()))
