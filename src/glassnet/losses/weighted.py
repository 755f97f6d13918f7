"""The weighted sum of the losses of several outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Protocol, Self

import numpy as np

from glassnet.core.checks import numeric, same_rows
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.ragged import is_ragged, padded_rows, with_first_steps
from glassnet.core.shapes import Array, Shape, batch_shape, flat, size_of
from glassnet.kernels import losses as kernels
from glassnet.kernels.combine import accumulate
from glassnet.kernels.merge import unpack_backward, unpack_forward
from glassnet.losses.base import Loss
from glassnet.losses.cross_entropy import CrossEntropy
from glassnet.losses.targets import check_weights
from glassnet.losses.terms import Term, pairs_of, written
from glassnet.runners import Runner


class NamedOutputs(Protocol):
    """A network whose outputs have names."""

    @property
    def outputs(self) -> Sequence[str]:
        """The names, in the order in which the outputs stand side by side."""

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of one row of each output, by name, in their order."""


class WeightedSum(Loss):
    """L = Σ_i w_i L_i: losses of the outputs of a ``Graph``, by name. ``Model(loss={...})`` makes it by itself.

    Args:
        losses: for each output a loss (an object, a name or a function), a pair ``(loss, weight)``, or a list of
            these. The weight is 1 where none is given.

    Targets: a dict of arrays by the outputs' names, or a tuple of them in the outputs' order, each as the output's loss
    wants them. A sample weight counts for all outputs of its row; where every output is one of T steps, weights may be
    those of steps (N, T).

    Raises:
        ConfigurationError: losses of which some are means and others sums, weights below 0.

    Example:
        >>> import glassnet as gn
        >>> loss = gn.losses.WeightedSum({"digit": "cross_entropy", "copy": ("mean_squared_error", 0.3)})
        >>> loss
        WeightedSum({'digit': CrossEntropy(), 'copy': (MeanSquaredError(), 0.3)})
    """

    averages_outputs = False
    network: NamedOutputs | None = None

    def __init__(self, losses: Mapping[str, Any]) -> None:
        if not isinstance(losses, Mapping) or not losses:
            raise ConfigurationError(
                where="loss",
                received=f"{shown(losses)}",
                expected="a loss for each output by its name",
                fix='write loss={"digit": "cross_entropy", "copy": ("mean_squared_error", 0.3)}',
            )
        self.terms = tuple(Term(name, *pair) for name, given in losses.items() for pair in pairs_of(given, name))
        if not any(term.weight for term in self.terms):
            raise ConfigurationError(
                where="loss",
                received="losses with a weight of 0 each",
                expected="one that counts",
                fix="give one of them a weight above 0",
            )
        self.losses = {name: written([t for t in self.terms if t.output == name]) for name in losses}
        reductions = {term.loss.reduction for term in self.terms}
        if len(reductions) > 1:
            means, sums = ([t for t in self.terms if t.loss.reduction == kind] for kind in ("mean", "sum"))
            raise ConfigurationError(
                where="loss",
                received=f"{means[0].loss!r} for {means[0].output!r}, a mean over rows, and {sums[0].loss!r} for "
                f"{sums[0].output!r}, a sum",
                expected="means alone, or sums alone: else their weights would change with the batch size",
                fix='write reduction="mean" in all of them, such as gn.losses.SumSquaredError("mean")',
            )
        self.reduction = reductions.pop()
        self.decides_classes = all(term.loss.decides_classes for term in self.terms)

    def of(self, network: NamedOutputs) -> Self:
        """The same loss for a network's outputs, whose shapes it looks up there."""
        twin = copy(self)
        twin.network = network
        return twin

    def parts(self) -> tuple[Loss, ...]:
        """The losses that are added."""
        return tuple(term.loss for term in self.terms)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of one row of each output.

        Raises:
            ConfigurationError: no network is known.
        """
        if self.network is None:
            raise ConfigurationError(
                where="loss",
                received=f"{self!r} without a network",
                expected="the network whose outputs it is for",
                fix="call loss = loss.of(net) first; gn.Model(net, loss=...) does so by itself",
            )
        return self.network.output_shapes

    def check_outputs(self, outputs: Array) -> None:
        """Lets each loss check its own."""
        for term, part in zip(self.terms, self._outputs_of(outputs), strict=True):
            term.loss.check_outputs(part)

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Each loss's targets side by side (N, ΣM), one number for each of its outputs; labels as ones among zeros."""
        shapes = self.shapes
        if sum(map(size_of, shapes.values())) != size_of(output_shape):
            raise ShapeError(
                where="loss",
                received=f"outputs of shape {batch_shape(output_shape)}",
                expected=f"those of the network that the losses are for: {shapes}",
                fix="call loss.of(net) for the network in hand",
            )
        given = self.by_output(targets, where=where)
        parts = []
        for term in self.terms:
            place = f"{where}[{term.output!r}]"
            shape = shapes[term.output]
            parts.append(_as_row(term, term.loss.prepare(given[term.output], shape, dtype, where=place), shape, place))
            same_rows(len(parts[0]), parts[-1], where=place, other=repr(self.terms[0].output))
        return np.concatenate(parts, axis=1, dtype=dtype)

    def by_output(self, targets: Any, *, where: str) -> dict[str, Any]:
        """The targets of each output.

        Raises:
            DataError: outputs without targets, or names that no output has.
        """
        names = list(self.losses if self.network is None else self.network.outputs)
        if len(names) == 1 and not isinstance(targets, Mapping):
            return {names[0]: targets}
        if isinstance(targets, tuple) and len(targets) == len(names):
            return dict(zip(names, targets, strict=True))
        if isinstance(targets, Mapping) and set(targets) == set(names):
            return {name: targets[name] for name in names}
        received = f"a {type(targets).__name__}" + (f" of {len(targets)} arrays" if isinstance(targets, tuple) else "")
        if isinstance(targets, Mapping):
            received = f"a dict of {', '.join(map(repr, targets)) or 'nothing'}"
        raise DataError(
            where=where,
            received=received,
            expected=f"targets for each output: {', '.join(map(repr, names))}",
            fix=f"pass a dict of arrays by name: {{{', '.join(f'{name!r}: ...' for name in names)}}}",
        )

    def example_targets(self, rows: int, output_shape: Shape, dtype: np.dtype[Any]) -> Array:
        """The targets of each loss."""
        shapes = self.shapes
        found = [(term, term.loss.example_targets(rows, shapes[term.output], dtype)) for term in self.terms]
        parts = [_as_row(term, array, shapes[term.output], "example") for term, array in found]
        return np.concatenate(parts, axis=1, dtype=dtype)

    def is_by_step(self, output_shape: Shape) -> bool:
        """Whether each step is a row: that is for each loss to say of its own output."""
        return False

    def weigh(
        self,
        given: Any,
        rows: int,
        output_shape: Shape,
        dtype: np.dtype[Any],
        *,
        where: str,
        lengths: Array | None = None,
    ) -> Array | None:
        """Weights of the rows (N,), or None; where some are of steps (N, 1 + ΣT): the rows' own, and each loss's."""
        shapes = [self.shapes[term.output] for term in self.terms]
        steps = {s[0] if term.loss.is_by_step(s) else None for term, s in zip(self.terms, shapes, strict=True)}
        of_all = next(iter(steps)) if len(steps) == 1 else None
        own = check_weights(given, rows, dtype, where=where, steps=of_all)
        found = [
            term.loss.weigh(own, rows, shape, dtype, where=where, lengths=lengths)
            for term, shape in zip(self.terms, shapes, strict=True)
        ]
        if steps == {None} or (own is None and lengths is None):
            return own
        if of_all is not None and found[0] is not None:  # the weight of a row is that of its steps
            own = found[0].sum(axis=1, dtype=dtype)
        return self._columns_of_weights(own, found, rows, dtype)

    def weigh_classes(
        self, weights: Array | None, targets: Array, output_shape: Shape, dtype: np.dtype[Any]
    ) -> Array | None:
        """The given weights; where a loss weighs its classes those of the rows and of each loss side by side."""
        shapes = self.shapes
        of_rows, before = self._weights_of(weights)
        found = [
            term.loss.weigh_classes(own, part, shapes[term.output], dtype)
            for term, part, own in zip(self.terms, self._targets_of(targets), before, strict=True)
        ]
        if all(new is old for new, old in zip(found, before, strict=True)):
            return weights
        return self._columns_of_weights(of_rows, found, len(targets), dtype)

    def weights_of(self, term: Term, weights: Array | None) -> Array | None:
        """A loss's weights, (N,) or (N, T), of those that ``weigh`` gave."""
        return self._weights_of(weights)[1][self.terms.index(term)]

    def _widths(self) -> list[int]:
        """How many weights a row has in each loss."""
        shapes = [self.shapes[term.output] for term in self.terms]
        return [s[0] if term.loss.is_by_step(s) else 1 for term, s in zip(self.terms, shapes, strict=True)]

    def _columns_of_weights(
        self, of_rows: Array | None, found: Sequence[Array | None], rows: int, dtype: np.dtype[Any]
    ) -> Array:
        """Weights of the rows, and of each loss, side by side (N, 1 + ΣT)."""
        parts = [
            np.ones((rows, width), dtype) if own is None else own.reshape(rows, width)
            for own, width in zip((of_rows, *found), (1, *self._widths()), strict=True)
        ]
        return np.concatenate(parts, axis=1, dtype=dtype)

    def _weights_of(self, weights: Array | None, run: Runner | None = None) -> tuple[Array | None, list[Array | None]]:
        """The weights of the rows, and those of each loss."""
        if weights is None or weights.ndim == 1:
            return weights, [weights] * len(self.terms)
        start, parts = 1, []
        for term, width in zip(self.terms, self._widths(), strict=True):
            shape = (width,) if term.loss.is_by_step(self.shapes[term.output]) else ()
            parts.append(_taken(self, weights, slice(start, start + width), shape, run))
            start += width
        return _taken(self, weights, slice(0, 1), (), run), list(parts)

    def row_weights(self, run: Runner, outputs: Array, weights: Array | None) -> tuple[Any, Array]:
        """Each loss's outputs and its ω (N,); and the total weight of the batch's rows (1,)."""
        parts = self._outputs_of(outputs, run)
        of_rows, columns = self._weights_of(weights, run)
        found = []
        for term, part, own in zip(self.terms, parts, columns, strict=True):
            shares, _ = run.row_weights(term.loss, part, own)
            found.append((part, shares))
        _, total = super().row_weights(run, outputs, of_rows)
        return found, total

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Any) -> tuple[Array, Any]:
        """Returns the value (1,) and, for each loss, its targets and its cache."""
        value: Array | None = None
        caches = []
        for term, (part, shares), own in zip(self.terms, row_weights, self._targets_of(targets, run), strict=True):
            own_value, cache = run.loss_forward(term.loss, part, own, shares)
            before, value = value, run.empty((1,), np.float64)
            arrays = {"own_value": own_value, "before": before, "value": value}
            run(self, kernels.weigh_value, **arrays, factor=term.weight)
            caches.append((own, cache))
        assert value is not None
        return value, caches

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Any, cache: Any) -> Array:
        """Returns ∂L/∂outputs: the weighted gradients side by side, added where several losses look at one output."""
        doutputs = run.empty((len(outputs), size_of(outputs.shape[1:])), outputs.dtype)
        ends = self._columns()
        sums: dict[str, Array] = {}
        for term, (part, shares), (own, own_cache) in zip(self.terms, row_weights, cache, strict=True):
            gradient = flat(run.loss_backward(term.loss, part, own, shares, own_cache))
            is_alone = sum(other.output == term.output for other in self.terms) == 1
            whole = doutputs if is_alone else run.empty(gradient.shape, gradient.dtype)
            start = ends[term.output].start if is_alone else 0
            run(self, kernels.weigh_gradient, part=gradient, doutputs=whole, start=start, factor=term.weight)
            if not is_alone and sums.setdefault(term.output, whole) is not whole:
                run(self, accumulate, dpart=whole, dx=sums[term.output])
        for name, gradient in sums.items():
            run(self, unpack_backward, dy=gradient, dx=doutputs, start=ends[name].start)
        return doutputs.reshape(outputs.shape)

    def probabilities(self, outputs: Any) -> Any:
        """The probabilities of each output whose loss gives some, by name; those of a single output alone."""
        return self._of_each(outputs, "probabilities", where="predict_proba")

    def classes(self, outputs: Any) -> Any:
        """The classes of each output whose loss is about classes, by name; those of a single output alone."""
        return self._of_each(outputs, "classes", where="predict_classes")

    def means(self, outputs: Any) -> Any:
        """The means of each output whose loss is about numbers, by name; those of a single output alone."""
        return self._of_each(outputs, "means", where="predict_mean")

    def loss_of(self, output: str) -> Loss:
        """The loss that says what an output means: the first about classes, or the first of all."""
        own = [term.loss for term in self.terms if term.output == output]
        return next((loss for loss in own if loss.decides_classes), own[0])

    def seen_by(self, output: str, outputs: Array, targets: Array) -> Iterator[tuple[Term, Array, Array]]:
        """Each term of an output with its outputs (N, ...) and its targets, as ``prepare`` gave them."""
        columns = zip(self.terms, self._outputs_of(outputs), self._targets_of(targets), strict=True)
        yield from (found for found in columns if found[0].output == output)

    def _of_each(self, outputs: Any, method: str, *, where: str) -> Any:
        losses = {name: self.loss_of(name) for name in self.losses}
        if not isinstance(outputs, dict):
            return getattr(next(iter(losses.values())), method)(outputs)
        found, refusal = {}, None
        for name, loss in losses.items():
            if loss.decides_classes == (method == "means"):
                continue  # of whose outputs that is no meaning
            try:
                found[name] = getattr(loss, method)(outputs[name])
            except ConfigurationError as error:
                refusal = error
        if not found:
            raise refusal or ConfigurationError(
                where=where,
                received=f"a model trained with {self!r}",
                expected="a loss " + ("for numbers" if method == "means" else "about classes"),
                fix="use model.predict(x)",
            )
        return found

    def _columns(self) -> dict[str, slice]:
        found, start = {}, 0
        for name, shape in self.shapes.items():
            found[name] = slice(start, start + size_of(shape))
            start = found[name].stop
        return found

    def _outputs_of(self, outputs: Array, run: Runner | None = None) -> list[Array]:
        """Each term's outputs (N, ...)."""
        shapes, columns, found = self.shapes, self._columns(), {}
        for name in dict.fromkeys(term.output for term in self.terms):
            found[name] = _taken(self, flat(outputs), columns[name], shapes[name], run)
        return [found[term.output] for term in self.terms]

    def _targets_of(self, targets: Array, run: Runner | None = None) -> list[Array]:
        """Each term's targets (N, ...)."""
        shapes, found, start = self.shapes, [], 0
        for term in self.terms:
            columns = slice(start, start + size_of(shapes[term.output]))
            found.append(_taken(self, targets, columns, shapes[term.output], run))
            start = columns.stop
        return found


def _taken(loss: Loss, array: Array, columns: slice, shape: Shape, run: Runner | None) -> Array:
    """Some columns of an array (N, V) as (N, *shape)."""
    if run is None or columns == slice(0, array.shape[1]):
        return np.ascontiguousarray(array[:, columns]).reshape(len(array), *shape)
    part = run.empty((len(array), columns.stop - columns.start), array.dtype)
    run(loss, unpack_forward, x=array, y=part, start=columns.start)
    return part.reshape(len(array), *shape)


def _as_row(term: Term, prepared: Array, shape: Shape, where: str) -> Array:
    """Prepared targets (N, M) with a number for each output."""
    if isinstance(term.loss, CrossEntropy) and prepared.shape[1:] == shape[:-1]:
        return flat(np.eye(shape[-1])[prepared])
    if prepared.shape[1:] != shape:
        raise ShapeError(
            where=where,
            received=f"targets of shape {prepared.shape} for {term.loss!r}",
            expected=f"{batch_shape(shape)}, as the output {term.output!r} has, where several losses are added",
            fix="pass labels as ones among zeros, np.eye(classes)[labels], and let the loss take them",
        )
    return flat(prepared)


def targets_by_loss(loss: Loss, targets: Any, *, where: str) -> Iterator[tuple[Loss, Any, str]]:
    """Each loss with the targets that it learns, as numbers, and their place for messages.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> loss = gn.losses.as_loss({"size": "mean_squared_error"})
        >>> [(own, place) for own, _, place in gn.losses.targets_by_loss(loss, {"size": np.zeros((2, 1))}, where="y")]
        [(MeanSquaredError(), "y['size']")]
    """
    if isinstance(loss, WeightedSum):
        given = loss.by_output(targets, where=where)
        for name in given:
            place = f"{where}[{name!r}]"
            yield loss.loss_of(name), _array(given[name], place), place
    else:
        yield loss, _array(targets, where), where


def _array(targets: Any, where: str) -> Array:
    """Targets as an array; behind those of rows that are shorter than others with nothing that is not their own."""
    if not is_ragged(targets):
        return numeric(targets, where=where)
    padded = padded_rows(targets, None, where=where)
    return with_first_steps(padded.values, padded.lengths)
