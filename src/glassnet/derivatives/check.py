"""The gradient check: backward propagation against central differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.catalogues import translated
from glassnet.core.checks import as_rows
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.notebooks import table_html
from glassnet.core.ragged import without_padding
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array, Shape
from glassnet.derivatives.differences import FLOAT64, STEP, rounding_of_differences, slopes
from glassnet.layers import Layer, NumpyLayer
from glassnet.losses import Loss, WeightedSum, as_loss
from glassnet.model.data import one_array
from glassnet.model.lengths import of_steps, ragged_arrays
from glassnet.model.outputs import loss_for
from glassnet.network import Network, as_network, lengths_after
from glassnet.runners import NumpyRunner

REASON = (
    f"why this tolerance: with h = {STEP:.0e} a central difference rounds by about ε/h = "
    f"{np.finfo(np.float64).eps / STEP:.0e} in float64, and a wrong formula is mostly off by 1e-2 or more; in float32, "
    "with ε = 1e-07, no such line could be drawn"
)


@dataclass(frozen=True)
class GradientCheck:
    """One array's comparison.

    Attributes:
        name: the parameter's path, or ``"x"`` for the input.
        shape: its shape.
        error: ‖backward − differences‖ / (‖backward‖ + ‖differences‖) over the compared elements. The denominator is
            kept so large that the rounding of the differences alone passes: a gradient that is 0, such as that of a
            bias before batch norm, has no differences of exactly 0.
        worst: index of the element that differs most.
        backward: its value by backward propagation.
        differences: its value by central differences.
        kinks: elements left out because the function has a kink there (the slopes to the left and right differ) and
            the backward pass chose a slope between them.
        rounding: how far off the rounding of float64 may make a difference, see ``rounding_of_differences``.
    """

    name: str
    shape: Shape
    error: float
    worst: tuple[int, ...]
    backward: float
    differences: float
    kinks: int
    rounding: float = 0.0


@dataclass(frozen=True)
class GradientReport:
    """The comparison of every array; true when all agree.

    Attributes:
        checks: one entry for each parameter and, unless all of it is looked up, for x.
        tolerance: the largest error that passes.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> rng = np.random.default_rng(0)
        >>> report = gn.check_gradients(gn.Sequential(gn.Dense(3), gn.Tanh()), rng.normal(size=(5, 2)))
        >>> bool(report), report.error < report.tolerance, [check.name for check in report.checks]
        (True, True, ['x', '0.weight', '0.bias'])
    """

    checks: tuple[GradientCheck, ...]
    tolerance: float

    @property
    def error(self) -> float:
        """The largest relative error."""
        return max(check.error for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether every error is within the tolerance."""
        return all(check.error <= self.tolerance for check in self.checks)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"gradient check {verdict}: largest relative error {self.error:.1e} (tolerance {self.tolerance:.0e})"]
        for check in self.checks:
            mark = "ok" if check.error <= self.tolerance else "XX"
            line = f"  {mark}  {check.name} {check.shape}: {check.error:.1e}"
            if check.error > self.tolerance:
                line += f"; at {check.worst} backward {check.backward:.6g}, differences {check.differences:.6g}"
                apart = abs(check.backward - check.differences)
                line += f": apart by {apart:.2g}, wrong, since rounding explains no more than {check.rounding:.2g}"
            lines.append(line + (f"; {check.kinks} at a kink" if check.kinks else ""))
        return translated("\n".join([*lines, REASON]))

    def _repr_html_(self) -> str:
        lines = str(self).splitlines()
        named = ("array", "shape", "relative error", "worst at", "backward", "central difference", "at a kink")
        headers = ["", *map(translated, named)]
        rows = [
            (
                "ok" if own.error <= self.tolerance else "XX",
                *(own.name, str(own.shape), f"{own.error:.1e}", str(own.worst)),
                *(f"{own.backward:.6g}", f"{own.differences:.6g}", f"{own.kinks}"),
            )
            for own in self.checks
        ]
        return table_html(headers, rows, above=lines[0], below=REASON, numbers=3)


@suggests
def check_gradients(
    network: Network | Layer | NumpyLayer,
    x: Any,
    y: Any = None,
    loss: Loss | str | Mapping[str, Any] | None = None,
    *,
    sample_weight: Any = None,
    max_elements: int = 200,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> GradientReport:
    """Compares backward propagation with central differences, in float64, on the input and every parameter.

    What has no derivative is left out: parameters that are not trained, such as running statistics, and numbers of x
    that an ``Embedding`` looks up.

    The network itself is not touched: a float64 copy is checked, in training mode with its dropout masks held still.

    Args:
        network: a network or layer; built for x if it is not built.
        x: inputs (N, ...), as ``Model.fit`` takes them; rows of different length, too, whose padding is compared as
            well: nothing may depend on it.
        y: targets for ``loss``; without a loss none are needed.
        loss: an object, a name or a dict by output. None takes Σ r · outputs with random r, which sees every output's
            gradient (a plain sum would not notice a wrong softmax).
        sample_weight: weights (N,) for the loss.
        max_elements: elements compared in each array, drawn at random from larger ones.
        tolerance: the largest relative error that passes.
        seed: keys the initial weights of an unbuilt network, r and the choice of elements.

    Returns:
        A ``GradientReport``; print it, or use it as a truth value.

    Raises:
        ShapeError, DataError: x or y do not fit.

    Source: central differences as in C. Bishop, "Pattern Recognition and Machine Learning" (2006), section 5.3.3.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(3))
        >>> x = np.random.default_rng(0).normal(size=(5, 2))
        >>> bool(gn.check_gradients(net, x, np.array([0, 1, 2, 1, 0]), loss="cross_entropy"))
        True
    """
    rng = np.random.default_rng(whole(seed, "seed", "check_gradients", low=0))
    tolerance = number(tolerance, "tolerance", "check_gradients", low=0, open_low=True)
    given = as_network(network)
    padded = ragged_arrays(given, x, where="check_gradients: x")
    x = x if padded is None else padded.values
    inputs = as_rows(one_array(x, given, where="check_gradients: x"), FLOAT64, where="check_gradients: x").copy()
    twin = given.copy(FLOAT64) if given.is_built else given.copy()
    if not twin.is_built:
        twin.build(inputs.shape[1:], seed=seed, dtype=FLOAT64)
    lengths = None if padded is None else padded.lengths
    function = _Objective(twin, inputs, y, loss, sample_weight, rng, lengths)
    function.gradient()
    amounts = np.flatnonzero(np.broadcast_to(twin.demands.are_amounts, inputs.shape))
    arrays = [("x", inputs, function.dx, amounts)] if len(amounts) else []
    arrays += [(name, array, gradient, np.arange(array.size)) for name, array, gradient in _pairs(twin)]
    limit = whole(max_elements, "max_elements", "check_gradients")
    checks = tuple(
        _compare(name, array, gradient.copy(), places, function, rng, limit, tolerance)
        for name, array, gradient, places in arrays
    )
    return GradientReport(checks, tolerance)


class _Objective:
    """The scalar whose gradient is checked, as a function of arrays that are changed in place."""

    def __init__(
        self,
        network: Network,
        x: Array,
        y: Any,
        loss: Loss | str | Mapping[str, Any] | None,
        weights: Any,
        rng: np.random.Generator,
        lengths: Array | None,
    ) -> None:
        self.network, self.x, self.y, self.weights, self.lengths = network, x, y, weights, lengths
        self.loss = None if loss is None else as_loss(loss)
        if self.loss is not None and getattr(self.loss, "network", None) is None:
            self.loss = loss_for(network, self.loss)
        self.projection = rng.normal(size=(len(x), *(network.output_shape or ())))
        after = None if lengths is None else lengths_after(network, lengths)
        if after is not None:
            self.projection = without_padding(self.projection, after)
            if isinstance(self.loss, WeightedSum):
                raise ConfigurationError(
                    where="check_gradients: x",
                    received=f"rows of different length with losses by output, {self.loss!r}",
                    expected="one loss, or none",
                    fix="leave the loss out: every output's gradient is checked all the same",
                )
            if self.loss is not None:
                shape, rows, place = network.output_shape or (), len(x), "check_gradients: sample_weight"
                self.y = of_steps(y, after, rows, shape, where="check_gradients: y")
                own = None if weights is None else of_steps(weights, after, rows, shape, where=place)
                self.weights = self.loss.weigh(own, rows, shape, FLOAT64, where=place, lengths=after)
        self.dx = np.empty_like(x)
        self.size = 0.0

    def value(self) -> float:
        outputs, _ = self._forward(NumpyRunner(step=0))
        if self.loss is None:
            return float(np.sum(self.projection * outputs))
        return Loss.__call__(self.loss, outputs, self.y, self.weights)[0]  # what training does, however it is called

    def _forward(self, run: NumpyRunner) -> tuple[Array, Any]:
        run.lengths = self.lengths
        return run.forward(self.network, self.x, training=True)

    def gradient(self) -> None:
        """Runs backward propagation: fills the network's gradients and ``dx``, and notes the size of the objective.

        The gradients are NaN before, so that what is left unwritten or added to cannot be right by chance.
        """
        for _, _, gradient in _pairs(self.network):
            gradient[...] = np.nan
        run = NumpyRunner(step=0)
        outputs, cache = self._forward(run)
        if self.loss is None:
            self.size, upstream = float(np.sum(np.abs(self.projection * outputs))), self.projection
        else:
            value, upstream = Loss.__call__(self.loss, outputs, self.y, self.weights)
            self.size = abs(value)
        self.dx[...] = run.backward(self.network, upstream, cache)


def _pairs(network: Network) -> list[tuple[str, Array, Array]]:
    layout, parameters, gradients = network.layout, network.parameters, network.gradients
    return [(s.path, s.view(parameters), s.view(gradients)) for s in layout if s.trainable]


def _compare(
    name: str,
    array: Array,
    gradient: Array,
    candidates: Array,
    function: _Objective,
    rng: np.random.Generator,
    limit: int,
    tolerance: float,
) -> GradientCheck:
    places = candidates[rng.choice(len(candidates), size=min(limit, len(candidates)), replace=False)]
    at = function.value()
    backward, differences, indices, kinks = [], [], [], 0
    for place in places:
        index = tuple(int(i) for i in np.unravel_index(place, array.shape))
        found = slopes(function.value, at, array, index)
        own = float(gradient[index])
        low, high = sorted((found.left, found.right))
        if found.is_kink and low - 1e-6 <= own <= high + 1e-6:
            kinks += 1
            continue
        backward.append(own)
        differences.append(found.central)
        indices.append(index)
    b, d = np.array(backward), np.array(differences)
    rounding = rounding_of_differences(function.size)
    noise = rounding * len(b) ** 0.5
    with np.errstate(over="ignore", invalid="ignore"):
        size, distance = float(np.linalg.norm(d)), float(np.linalg.norm(b - d))
        scale = max(float(np.linalg.norm(b)) + size, noise / tolerance, 1e-8)
    if not np.isfinite([size, noise]).all():  # whatever b is: a gradient that is not finite fails the check
        raise DataError(
            where=f"check_gradients: {name}",
            received="a loss or gradients whose squares are beyond float64",
            expected="numbers of a size that differences can be taken of",
            fix="scale the data",
        )
    worst = int(np.argmax(np.abs(b - d))) if len(b) else 0
    return GradientCheck(
        name,
        array.shape,
        distance / scale,
        indices[worst] if len(b) else (),
        float(b[worst]) if len(b) else 0.0,
        float(d[worst]) if len(b) else 0.0,
        kinks,
        rounding,
    )
