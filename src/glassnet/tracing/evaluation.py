"""Formulas worked out with the numbers of a call, for many elements at once; and which numbers that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.functions import logistic, normal_cdf
from glassnet.tracing.formulas import ARRAY, NAME, NOTHING, NUMBER, REDUCTIONS, SETTING, SHORT, Formulas, Node, apply

Values = tuple[Any, Any]
"""Numbers, and where they are there at all."""
CHUNK = 1 << 20
"""Terms that are worked out at once."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "cdf": lambda x: normal_cdf(np.asarray(x, dtype=np.float64)),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "max": np.maximum,
    "min": np.minimum,
    "sigma": lambda x: logistic(np.asarray(x, dtype=np.float64)),
    "sign": np.sign,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


class Evaluation:
    """The formulas of one call and its numbers.

    Args:
        formulas: as ``formulas_of`` gives them.
        arrays: by name; what a call updates under its name as it was before, under ``name_`` as it is after.

    Attributes:
        read: for each array which of its elements (flat, in C order) were needed so far.
    """

    def __init__(self, formulas: Formulas, arrays: Mapping[str, Array]) -> None:
        self.formulas = formulas
        self.arrays = {name: np.asarray(array, dtype=np.float64).reshape(-1) for name, array in arrays.items()}
        self.shapes = {name: array.shape for name, array in arrays.items()}
        self.read = {name: np.zeros(array.size, dtype=bool) for name, array in arrays.items()}

    def terms_of(self, target: str) -> int:
        """About how many terms one element of an output has."""
        return _count(self.formulas.outputs[target].expression, self.formulas)

    def __call__(self, target: str, places: Array) -> tuple[Array, Array]:
        """Works out elements of an output.

        Args:
            target: its name in the formulas.
            places: which ones (P,), counted in C order.

        Returns:
            float64 values (P,), and whether the call writes each of them (P,): a branch writes its own columns alone.
        """
        values, there = np.zeros(len(places)), np.zeros(len(places), dtype=bool)
        with np.errstate(all="ignore"):
            for chunk in _chunks(len(places), self.terms_of(target)):
                values[chunk], there[chunk] = self._elements(target, places[chunk])
        return values, there

    def sides(self, target: str, places: Array) -> Iterator[tuple[str, list[Array]]]:
        """Works out the derivation of an output: of each line what it says is equal, for each of the places (P,)."""
        with np.errstate(all="ignore"):
            for step, trees in self.formulas.why.get(target, ()):
                found = [np.zeros(len(places)) for _ in trees]
                for tree, values in zip(trees, found, strict=True):
                    for chunk in _chunks(len(places), _count(tree, self.formulas)):
                        values[chunk] = self._value(tree, self.scope(target, places[chunk]), 1)[0]
                yield step.line, found

    def value(self, tree: Node, scope: Mapping[str, Any]) -> Values:
        """The value of a tree, with the indices that a scope gives."""
        with np.errstate(all="ignore"):
            return self._value(tree, dict(scope), 1)

    def scope(self, target: str, places: Array) -> dict[str, Any]:
        """The indices of elements by name, and under "" their flat places."""
        indices = self.formulas.outputs[target].indices
        at = np.unravel_index(places, self.shapes[target])
        return {"": places} | ({} if indices is None else dict(zip(indices, at, strict=True)))

    def _elements(self, target: str, places: Array) -> Values:
        formula = self.formulas.outputs[target]
        values, there = self._value(formula.expression, self.scope(target, places), 1)
        is_written = formula.expression[0] != "if" or there  # only a choice leaves elements to others
        return np.where(there, values, 0.0), np.broadcast_to(is_written, places.shape)

    def _value(self, node: Node, scope: dict[str, Any], axes: int) -> Values:
        kind = node[0]
        if kind == NUMBER:
            return node[1], True
        if kind == SETTING:
            return self.formulas.settings[node[1]], True
        if kind == NOTHING:
            return 0.0, False
        if kind == NAME:
            return (scope[node[1]], True) if node[1] in scope else self._value(self._short(node[1])[1], scope, axes)
        if kind == SHORT:
            names, body = self._short(node[1])
            arguments = [self._value(part, scope, axes) for part in node[2]]
            values, there = self._value(body, scope | {n: a[0] for n, a in zip(names, arguments, strict=True)}, axes)
            return values, _both(there, *(a[1] for a in arguments))
        if kind == ARRAY:
            return self._element(node[1], node[2], scope, axes)
        if kind in REDUCTIONS:
            return self._reduced(node, scope, axes)
        if kind == "if":
            (chosen, sure), (a, has_a), (b, has_b) = (self._value(part, scope, axes) for part in node[1:])
            chosen = np.asarray(chosen, dtype=bool)
            return np.where(chosen, a, b), np.where(chosen, has_a, has_b) & sure
        parts = node[2] if kind == "call" else node[1:]
        found = [self._value(part, scope, axes) for part in parts]
        there = _both(*(f[1] for f in found))
        numbers = [f[0] for f in found]
        return (FUNCTIONS[node[1]](*numbers) if kind == "call" else apply(kind, *numbers)), there

    def _short(self, name: str) -> tuple[tuple[str, ...], Node]:
        return self.formulas.shorts[name]

    def _element(self, name: str, indices: list[Node] | None, scope: dict[str, Any], axes: int) -> Values:
        array, shape = self.arrays[name], self.shapes[name]
        place, there = scope[""], True
        if indices is not None:
            found = [self._value(index, scope, axes) for index in indices]
            there = _both(*(f[1] for f in found))
            place = 0
            for (index, _), size in zip(found, shape, strict=True):
                whole = np.floor(index)
                there = there & (whole == index) & (whole >= 0) & (whole < size)
                place = place * size + np.clip(whole, 0, size - 1).astype(np.int64)
        self.read[name][place if there is True else np.broadcast_to(place, np.shape(there))[there]] = True
        return array[place], there

    def _reduced(self, node: Node, scope: dict[str, Any], axes: int) -> Values:
        """A sum, mean, largest or argmax: each index gets an axis of its own, in front of those that are there."""
        inner, shape = dict(scope), [1] * axes
        for count, (name, size) in enumerate(node[1]):
            inner[name] = np.arange(size).reshape((size, *[1] * (axes + count)))
            shape.insert(0, size)
        values, there = self._value(node[2], inner, len(shape))
        whole = np.broadcast_shapes(np.shape(values), np.shape(there), tuple(shape))
        values, there = np.broadcast_to(values, whole), np.broadcast_to(there, whole)
        over = tuple(range(len(node[1])))
        if node[0] == "argmax":  # counted row by row: the last index runs fastest
            ordered = np.moveaxis(np.where(there, values, -np.inf), over, over[::-1])
            return ordered.reshape(-1, *ordered.shape[len(over) :]).argmax(axis=0), there.any(axis=over)
        if node[0] == "largest":
            return np.where(there, values, -np.inf).max(axis=over), there.any(axis=over)
        total = np.where(there, values, 0.0).sum(axis=over)
        return (total / np.maximum(there.sum(axis=over), 1) if node[0] == "mean" else total), True


def _chunks(count: int, terms: int) -> Iterator[slice]:
    """Slices of so many elements, each of about so many terms, that are worked out at once."""
    size = max(1, CHUNK // terms)
    return (slice(start, start + size) for start in range(0, count, size))


def _both(*there: Any) -> Any:
    found: Any = True
    for one in there:
        found = found & one if one is not True else found
    return found


def _count(tree: Any, formulas: Formulas, within: frozenset[str] = frozenset()) -> int:
    """Terms of the longest sum in a tree, sums within sums multiplied; ``within`` are the short forms around it."""
    if not isinstance(tree, tuple | list) or not tree:
        return 1
    if isinstance(tree, tuple) and tree[0] in REDUCTIONS:
        return int(np.prod([size for _, size in tree[1]])) * _count(tree[2], formulas, within)
    below = max(_count(part, formulas, within) for part in tree)
    if tree[0] in (NAME, SHORT) and tree[1] in formulas.shorts and tree[1] not in within:
        below = max(below, _count(formulas.shorts[tree[1]][1], formulas, within | {tree[1]}))
    return below
