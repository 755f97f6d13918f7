"""Kinks held still: functions that are linear piece by piece stay on the piece where they were met first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, classes, info, merge, pool, regression
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

    The first pass runs as it is. In later ones, after ``again()``, each element of activations with kinks and of
    absolute errors stays on that side of its kink, and the largest elements of poolings are those, that the first pass
    found. Between kinks nothing changes by that. At a kink a derivative is that of the side which the
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
        hold = _on_its_piece if info(kernel).forward.kinks else HELD.get(kernel)
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


class _Pieces:
    """An activation y = f(x) with kinks, or its slope, each element of which stays on the piece that it is given.

    Beyond the ends of its piece a function goes on as the parabola through its values inside, which lies off the
    piece's own continuation by no more than the third power of the distance.

    Args:
        kernel: forward or backward.
        settings: of the call.
        u: the argument in the first pass: x, or y where the backward kernel reads that.
    """

    def __init__(self, kernel: Kernel, settings: dict[str, Any], u: Array) -> None:
        self._kernel, self._settings = info(kernel), settings
        forward = self._kernel.forward
        places = np.array([settings[k] if k in settings else float(k) for k in forward.kinks], u.dtype)
        places = np.sort(places[np.isfinite(places)])
        # At a kink the backward kernel takes the slope of one side: to that side it belongs.
        x = np.stack([np.nextafter(places, -np.inf), places, np.nextafter(places, np.inf)]).astype(u.dtype)
        y, slopes = np.empty_like(x), np.empty_like(x)
        forward.function(x=x, y=y, **settings)
        backward = forward.backward
        backward.function(
            dy=np.ones_like(x), dx=slopes, **{backward.reads[1]: {"x": x, "y": y}[backward.reads[1]]}, **settings
        )
        is_right = (slopes[1] == slopes[2]) & (slopes[1] != slopes[0])
        before, at, after = x if self._kernel.reads[-1] == "x" else y
        outer = np.array([np.inf], u.dtype)
        starts = np.concatenate([-outer, np.where(is_right, at, after)])
        stops = np.concatenate([np.where(is_right, before, at), outer])
        piece = np.searchsorted(starts[1:], u, side="right")
        self._start, self._stop = starts[piece], stops[piece]

    def __call__(self, u: Array) -> Array:
        """The values of y, or of the slope, at u."""
        inside = np.clip(u, self._start, self._stop)
        beyond = u - inside
        if not beyond.any():
            return self._values(u)
        width = np.where(np.isfinite(self._stop - self._start), self._stop - self._start, np.inf)
        step = np.where(beyond == 0, 1, np.sign(beyond) * np.minimum(np.abs(beyond), width / 4))
        share = beyond / step
        near, middle, far = (self._values(np.where(beyond == 0, u, inside - n * step)) for n in range(3))
        found = near * (share + 1) * (share + 2) / 2 - middle * share * (share + 2) + far * share * (share + 1) / 2
        return np.asarray(np.where(beyond == 0, near, found))

    def _values(self, u: Array) -> Array:
        values, kernel = np.empty_like(u), self._kernel
        given = {kernel.reads[-1]: u, kernel.writes[0]: values}
        if kernel.forward is not kernel:
            given["dy"] = np.ones_like(u)
        kernel.function(**given, **self._settings)
        return values


def _on_its_piece(first: First) -> Again:
    kernel = info(first.kernel)
    settings = {name: first.before[name] for name in kernel.settings}
    argument, written = kernel.reads[-1], kernel.writes[0]
    pieces = _Pieces(first.kernel, settings, first.before[argument])

    def again(**arguments: Any) -> None:
        arguments[written][...] = pieces(arguments[argument]) * arguments.get("dy", 1)

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
    merge.absolute_difference_forward: _difference,
    merge.absolute_difference_backward: _difference_slope,
    pool.max_pool2d_forward: _largest,
    pool.global_max_pool_forward: _largest_of_all,
    regression.absolute_error_backward: _constant,
    regression.quantile_backward: _constant,
    classes.hinge_backward: _constant,
}
"""How others stay on their piece than activations, whose kinks are declared."""
