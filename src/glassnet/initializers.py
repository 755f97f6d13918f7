"""Initial values of parameters.

With fan_in inputs and fan_out outputs of a unit: for a dense (D, M) weight fan_in = D and fan_out = M; for filters
(F, C, kernel...) fan_in = C · kernel size and fan_out = F · kernel size; for a vector both are its length. A layer
whose weight is laid out in another way says what its fans are.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod, sqrt
from typing import Any

import numpy as np

from glassnet.core.checks import as_rows
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import Configurable, by_name, is_real, number
from glassnet.core.shapes import Array, Shape
from glassnet.core.spellings import ALIASES


class Initializer(Configurable):
    """Gives the initial values of one parameter: ``initializer(shape, rng)`` returns a float64 array.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Diagonal(gn.initializers.Initializer):
        ...     def __call__(self, shape, rng):
        ...         return np.eye(*shape)
        >>> net = gn.Sequential(gn.Dense(3, weight_init=Diagonal()))
        >>> _ = net.build(2)
        >>> np.array(net[0].weight).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Draws values of that shape."""
        raise NotImplementedError

    def draw(self, shape: Shape, rng: np.random.Generator, *, fans: tuple[int, int], unit_axis: int | None) -> Array:
        """Draws values for a weight whose shape alone does not tell what a unit is.

        Args:
            shape: of the weight.
            rng: the generator to draw from.
            fans: (fan_in, fan_out) of a unit.
            unit_axis: the axis that counts the units, or None.
        """
        return self(shape, rng)


class Constant(Initializer):
    """Every element ``value``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(3, bias_init=gn.initializers.Constant(0.1)))
        >>> _ = net.build(2, dtype="float64")
        >>> np.array(net[0].bias).tolist()
        [0.1, 0.1, 0.1]
    """

    def __init__(self, value: float) -> None:
        self.value = number(value, "value", "Constant", low=-inf)

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Returns the constant array."""
        return np.full(shape, self.value)


class Zeros(Initializer):
    """Every element 0: the usual choice for biases."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Returns zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """Every element 1."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Returns ones."""
        return np.ones(shape)


class Uniform(Initializer):
    """Uniform between ``low`` (−0.05) and ``high`` (0.05)."""

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low = number(low, "low", "Uniform", low=-inf)
        self.high = number(high, "high", "Uniform", low=-inf)
        if not self.low < self.high:
            raise ConfigurationError(
                where="Uniform",
                received=f"low={low!r}, high={high!r}",
                expected="low < high",
                fix="give the smaller number first",
            )

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Draws from [low, high)."""
        return rng.uniform(self.low, self.high, shape)


class Normal(Initializer):
    """Normal with mean 0 and standard deviation ``scale`` (0.05)."""

    def __init__(self, scale: float = 0.05) -> None:
        self.scale = number(scale, "scale", "Normal", low=0)

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Draws from N(0, scale²)."""
        return rng.normal(0.0, self.scale, shape)


class _VarianceScaling(Initializer):
    """Zero mean and a variance of ``gain`` over a fan."""

    gain: float
    uniform: bool

    def fan(self, fan_in: int, fan_out: int) -> float:
        raise NotImplementedError

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Draws values with variance gain / fan."""
        return self.draw(shape, rng, fans=fans(shape), unit_axis=None)

    def draw(self, shape: Shape, rng: np.random.Generator, *, fans: tuple[int, int], unit_axis: int | None) -> Array:
        """Draws values with variance gain / fan."""
        deviation = sqrt(self.gain / self.fan(*fans))
        if self.uniform:
            return rng.uniform(-sqrt(3) * deviation, sqrt(3) * deviation, shape)
        return rng.normal(0.0, deviation, shape)


class _Glorot(_VarianceScaling):
    gain = 1.0

    def fan(self, fan_in: int, fan_out: int) -> float:
        return (fan_in + fan_out) / 2


class GlorotUniform(_Glorot):
    """Uniform with variance 2/(fan_in + fan_out), also called Xavier: for tanh, sigmoid and linear layers.

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16.
    """

    uniform = True


class GlorotNormal(_Glorot):
    """Normal with variance 2/(fan_in + fan_out). Source: as ``GlorotUniform``, equation 12."""

    uniform = False


class _FanIn(_VarianceScaling):
    def fan(self, fan_in: int, fan_out: int) -> float:
        return fan_in


class HeUniform(_FanIn):
    """Uniform with variance 2/fan_in: for ReLU and its relatives.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, equation 10.
    """

    gain, uniform = 2.0, True


class HeNormal(_FanIn):
    """Normal with variance 2/fan_in: for ReLU and its relatives. Source: as ``HeUniform``."""

    gain, uniform = 2.0, False


class LeCunUniform(_FanIn):
    """Uniform with variance 1/fan_in.

    Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient backprop", 1998, equation 16.
    """

    gain, uniform = 1.0, True


class LeCunNormal(_FanIn):
    """Normal with variance 1/fan_in. Source: as ``LeCunUniform``."""

    gain, uniform = 1.0, False


class Orthogonal(Initializer):
    """Rows or columns, whichever are fewer, orthonormal and times ``gain`` (1).

    Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014; the signs of R's diagonal make the draw uniform (F. Mezzadri, Notices AMS 54, 2007).
    Columns are made orthonormal one after another by sums in a fixed order (A. Björck, BIT 7, 1967), not by LAPACK,
    whose last digits are others on each kind of processor.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = number(gain, "gain", "Orthogonal", low=0)

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Draws an orthogonal matrix; more than two axes are seen as (first, all others)."""
        rows, columns = (shape[0], prod(shape[1:])) if len(shape) > 1 else (1, shape[0])
        gaussian = rng.normal(size=(max(rows, columns), min(rows, columns)))
        q = _orthonormal(_orthonormal(gaussian))  # the second time without the rounding errors of the first
        return np.asarray(self.gain * (q if rows >= columns else q.T)).reshape(shape)

    def draw(self, shape: Shape, rng: np.random.Generator, *, fans: tuple[int, int], unit_axis: int | None) -> Array:
        """Draws a matrix with a row for each unit."""
        if unit_axis is None:
            return self(shape, rng)
        rest = shape[:unit_axis] + shape[unit_axis + 1 :]
        return np.moveaxis(self((shape[unit_axis], *rest), rng), 0, unit_axis)


def _orthonormal(matrix: Array) -> Array:
    """Q of QR with a positive diagonal in R, by the modified Gram-Schmidt process."""
    q = matrix.copy()
    for j in range(q.shape[1]):
        rest = q[:, j:]
        products = (rest[:, :1] * rest).sum(axis=0)
        rest[:, 0] /= sqrt(products[0])
        rest[:, 1:] -= rest[:, :1] * (products[1:] / sqrt(products[0]))
    return q


class Given(Initializer):
    """The user's own array; its shape must be the parameter's.

    A model's file holds the parameter's values anyway, so it does not repeat the array: there it is None.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init=gn.initializers.Given([[0.5], [-2.0]])))
        >>> _ = net.build(2, dtype="float64")
        >>> net(np.array([[1.0, 1.0]])).tolist()
        [[-1.5]]
    """

    def __init__(self, array: Any) -> None:
        self.array = None if array is None else as_rows(array, np.dtype(np.float64), where="initial values").copy()

    def settings(self) -> dict[str, Any]:
        """Leaves the array out."""
        return {"array": None}

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """Returns a copy of the array."""
        if self.array is None or self.array.shape != shape:
            raise ShapeError(
                where="initial values given as an array",
                received="no array" if self.array is None else f"the shape {self.array.shape}",
                expected=f"{shape}",
                fix="for Dense a weight is (inputs, units) and a bias (units,), for Conv2D (filters, channels / groups,"
                " kh, kw) and (filters,); transpose with array.T if need be",
            )
        return self.array.copy()


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "uniform": Uniform,
    "normal": Normal,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LeCunUniform,
    "lecun_normal": LeCunNormal,
    "orthogonal": Orthogonal,
}


class _OfFunction(Initializer):
    """A user's function (shape, rng) -> array."""

    def __init__(self, function: Callable[[Shape, np.random.Generator], Any]) -> None:
        self.function = function

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        """What the function returns."""
        return np.asarray(self.function(shape, rng))


def as_initializer(given: Any) -> Initializer:
    """Accepts a name, an initializer, a number (a constant), an array, or a function (shape, rng) -> array.

    Example:
        >>> from glassnet import initializers
        >>> initializers.as_initializer("xavier_normal"), initializers.as_initializer(0.1)
        (GlorotNormal(), Constant(0.1))
    """
    if callable(given) and not isinstance(given, type | Initializer):
        return _OfFunction(given)
    if isinstance(given, np.ndarray | list | tuple):
        return Given(given)
    if is_real(given):
        return Constant(given)
    return by_name(given, INITIALIZERS, Initializer, what="initializer")


def init_setting(given: Any) -> Any:
    """Checks an ``..._init`` argument when a layer is made: names become glassnet's own, arrays ``Given``.

    Example:
        >>> from glassnet import initializers
        >>> initializers.init_setting("xavier_uniform"), initializers.init_setting([1.0, 2.0])
        ('glorot_uniform', Given(array(2,)))
    """
    initializer = as_initializer(given)
    if isinstance(given, str):
        return ALIASES["initializer"].get(given, given)
    return initializer if isinstance(initializer, Given) else given


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a parameter's shape.

    Example:
        >>> fans((64, 128)), fans((16, 6, 5, 5)), fans((10,))
        ((64, 128), (150, 400), (10, 10))
    """
    if len(shape) == 1:
        return shape[0], shape[0]
    if len(shape) == 2:
        return shape
    kernel = prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel
