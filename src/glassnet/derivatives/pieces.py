"""Kinks held still: functions that are linear piece by piece stay on the piece where they were met first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, activation, classes, merge, pool, regression
from glassnet.network import LookingRunner
from glassnet.runners import Caller, own

Again = Callable[..., None]
"""What takes a kernel's place after the first pass."""


class First(NamedTuple):
    """A call of the first pass: the kernel, and its arguments before and after it."""

    kernel: Kernel
    before: dict[str, Any]
    after: dict[str, Any]


class PiecewiseRunner(LookingRunner):
    """Takes derivatives of derivatives where ReLU and its kind have none.

    The first pass runs as it is. In later ones, after ``again()``, each element of ``ReLU``, ``LeakyReLU``, ``Clip``,
    ``ELU`` and of absolute errors stays on that side of its kink, and the largest elements of poolings are those, that
    the first pass found. Between kinks nothing changes by that. At a kink a derivative is that of the side which the
    backward kernels choose, as elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[tuple[Kernel, Again]] = []
        self._next: int | None = None

    def again(self) -> None:
        """Begins a later pass, of the same calls on other numbers."""
        self._next = 0

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls the kernel, or what stands for it."""
        hold = HELD.get(kernel)
        if hold is None:
            super().__call__(caller, kernel, **arguments)
        elif self._next is None:
            before = {name: np.array(a) if isinstance(a, np.ndarray) else a for name, a in arguments.items()}
            super().__call__(caller, kernel, **arguments)
            self._pieces.append((kernel, hold(First(kernel, before, arguments))))
        else:
            first, again = self._pieces[self._next] if self._next < len(self._pieces) else (None, None)
            if first is not kernel or again is None:
                raise ConfigurationError(
                    where=own.place_of(caller),
                    received=f"a call of {kernel.__name__} that the pass before did not make",
                    expected="the same calls for numbers that hardly differ",
                    fix="let no layer of your own choose by the data which kernels it calls",
                )
            again(**arguments)
            self._next += 1


def _line(backward: Kernel) -> Callable[[First], Again]:
    """Stays on the line y = y₀ + slope (x − x₀), the slope being that of the backward kernel."""

    def hold(first: First) -> Again:
        x0, y0 = first.before["x"], first.after["y"].copy()
        settings = {name: value for name, value in first.before.items() if name not in ("x", "y")}
        slope = np.empty_like(y0)
        seen = {"y": y0} if backward in (activation.relu_backward, activation.clip_backward) else {"x": x0}
        backward(dy=np.ones_like(y0), dx=slope, **seen, **settings)

        def again(x: Array, y: Array, **_: Any) -> None:
            y[...] = y0 + slope * (x - x0)

        return again

    return hold


def _slope(first: First) -> Again:
    """Keeps the slope in dx = slope · dy."""
    slope = np.empty_like(first.before["dx"])
    first.kernel(**first.before | {"dy": np.ones_like(slope), "dx": slope})

    def again(dy: Array, dx: Array, **_: Any) -> None:
        np.multiply(dy, slope, out=dx)

    return again


def _difference(first: First) -> Again:
    """Keeps the sign in y = ±(a − b)."""
    side = np.sign(first.before["a"] - first.before["b"])

    def again(a: Array, b: Array, y: Array) -> None:
        np.multiply(a - b, side, out=y)

    return again


def _difference_slope(first: First) -> Again:
    """Keeps the sign in da = ±dy, db = −da."""
    side = np.sign(first.before["a"] - first.before["b"])

    def again(dy: Array, da: Array, db: Array, **_: Any) -> None:
        np.multiply(dy, side, out=da)
        np.negative(da, out=db)

    return again


def _elu(first: First) -> Again:
    is_line = first.before["x"] > 0

    def again(x: Array, y: Array, alpha: float) -> None:
        y[...] = np.where(is_line, x, alpha * np.expm1(np.minimum(x, 1)))

    return again


def _elu_slope(first: First) -> Again:
    is_line = first.before["x"] > 0

    def again(dy: Array, x: Array, dx: Array, alpha: float) -> None:
        np.multiply(dy, np.where(is_line, 1.0, alpha * np.exp(np.minimum(x, 1))), out=dx)

    return again


def _largest(first: First) -> Again:
    """Keeps to the elements of windows that were the largest."""
    index = first.after["index"].astype(np.intp)
    number, channel, row, column = np.indices(index.shape)
    row = row * first.before["stride_height"] - first.before["pad_top"] + index // first.before["kernel_width"]
    column = column * first.before["stride_width"] - first.before["pad_left"] + index % first.before["kernel_width"]

    def again(x: Array, y: Array, **others: Any) -> None:
        y[...] = x[number, channel, row, column]
        others["index"][...] = index

    return again


def _largest_of_all(first: First) -> Again:
    kept = first.after["place"].copy()

    def again(x: Array, y: Array, place: Array) -> None:
        y[...] = np.take_along_axis(x, kept[:, :, np.newaxis], axis=2)[:, :, 0]
        place[...] = kept

    return again


def _constant(first: First) -> Again:
    """Keeps the gradient of a loss that is a line piece by piece."""
    kept = first.after["doutputs"].copy()

    def again(doutputs: Array, **_: Any) -> None:
        doutputs[...] = kept

    return again


HELD: dict[Kernel, Callable[[First], Again]] = {
    activation.relu_forward: _line(activation.relu_backward),
    activation.relu_backward: _slope,
    activation.leaky_relu_forward: _line(activation.leaky_relu_backward),
    activation.leaky_relu_backward: _slope,
    activation.clip_forward: _line(activation.clip_backward),
    activation.clip_backward: _slope,
    activation.elu_forward: _elu,
    activation.elu_backward: _elu_slope,
    merge.absolute_difference_forward: _difference,
    merge.absolute_difference_backward: _difference_slope,
    pool.max_pool2d_forward: _largest,
    pool.global_max_pool_forward: _largest_of_all,
    regression.absolute_error_backward: _constant,
    regression.quantile_backward: _constant,
    classes.hinge_backward: _constant,
}
