"""The element lines of a kernel for one call: read, fitted to its shapes and settings, ready to evaluate.

A formula is a tree of tuples, so that it goes into JSON as it is: the page of a trace evaluates the same trees.

=============================== ====================================================================================
node                            means
=============================== ====================================================================================
``("number", 0.5)``             a number
``("name", "n")``               the value of an index, or of a short form without arguments
``("array", "x", [...])``       an element of an array, by its indices; ``None`` for them: in the same place
``("short", "xhat", [...])``    a short form with its arguments
``("setting", "epsilon")``      a number of the call
``("+", a, b)``                 and so for ``- * / // % **``, for ``< <= > >= == !=`` (1 or 0), and ``("negative", a)``
``("if", condition, a, b)``     one of two
``("call", "exp", [...])``      a function
``("sum", [["n", 4]], a)``      over n = 0 … 3; likewise ``"mean"``, ``"largest"``, ``"argmax"``
``("nothing",)``                not there: left out of every sum
=============================== ====================================================================================
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.core.shapes import Shape
from glassnet.kernels.functions import log_floor
from glassnet.kernels.why.step import Step

Node = tuple[Any, ...]

REDUCTIONS = ("sum", "mean", "largest", "argmax")
_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_APPLIED: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "negative": operator.neg, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
NUMBER, NAME, ARRAY, SHORT, SETTING, NOTHING = "number", "name", "array", "short", "setting", "nothing"


@dataclass(frozen=True)
class Formula:
    """One element of an output.

    Attributes:
        target: the array; with ``_`` at its end what a kernel that updates it leaves there.
        indices: the names of the element's indices; None where it stands for "in the same place".
        expression: the tree.
    """

    target: str
    indices: tuple[str, ...] | None
    expression: Node

    @property
    def summed(self) -> tuple[tuple[str, int], ...]:
        """The indices that the whole expression is summed over, with their sizes."""
        return tuple(
            (str(name), int(size)) for part in _terms(self.expression) if part[0] == "sum" for name, size in part[1]
        )


@dataclass(frozen=True)
class Formulas:
    """All formulas of one call.

    Attributes:
        outputs: by target.
        shorts: short forms: by name their arguments and tree.
        letters: for each array the letters of its axes, such as ("N", "D"); "" where none is known.
        sizes: the sizes by letter.
        settings: the call's numbers, as far as the trees ask for them.
        why: by target the steps of its derivation, each with the trees of its line, all of one value.
    """

    outputs: dict[str, Formula]
    shorts: dict[str, tuple[tuple[str, ...], Node]]
    letters: dict[str, tuple[str, ...]]
    sizes: dict[str, int]
    settings: dict[str, float]
    why: dict[str, list[tuple[Step, tuple[Node, ...]]]] = field(default_factory=dict)


def formulas_of(
    elements: str,
    shapes: Mapping[str, Shape],
    settings: Mapping[str, Any],
    dtype: np.dtype[Any],
    geometry: Collection[str] = (),
    why: Mapping[str, Collection[Step]] | None = None,
) -> Formulas:
    """Reads the lines of a kernel and fits them to a call.

    Args:
        elements: the lines, see ``glassnet.kernels.registry``.
        shapes: of the arrays that the call has, by name; those that it went without are not among them.
        settings: its numbers.
        dtype: of the computation, which ``floor`` depends on.
        geometry: names of the settings that are written into a formula as numbers, since they say where things lie.
        why: derivations by target.

    Returns:
        The formulas. An output that the call does not have, or whose shape has another number of axes than the formula
        speaks of, has none.
    """
    lines = ast.parse("\n".join(line.strip() for line in elements.strip().splitlines())).body
    reader = _Reader(shapes, settings, dtype, geometry)
    return reader.read([line for line in lines if isinstance(line, ast.Assign)], why or {})


class _Reader:
    """What is known while the lines of one call are read."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        settings: Mapping[str, Any],
        dtype: np.dtype[Any],
        geometry: Collection[str],
    ) -> None:
        self.shapes, self.settings, self.dtype, self.geometry = shapes, settings, dtype, geometry
        self.letters: dict[str, list[str]] = {name: [""] * len(shape) for name, shape in shapes.items()}
        self.sizes: dict[str, int] = {}
        self.used: dict[str, float] = {}
        self.defined: set[str] = set()

    def read(self, lines: list[ast.Assign], why: Mapping[str, Collection[Step]]) -> Formulas:
        """Letters and sizes first, since trees are simplified by them."""
        targets = [_target(line) for line in lines]
        self.defined = {name for name, _ in targets if name.removesuffix("_") not in self.shapes}
        outputs: dict[str, Formula] = {}
        shorts: dict[str, tuple[tuple[str, ...], Node]] = {}
        rank = max((len(shape) for shape in self.shapes.values()), default=0)
        kept = []
        for line, (name, given) in zip(lines, targets, strict=True):
            _spread(line, rank)
            name, given = _target(line)
            if self._fits(line):
                kept.append((line, name, given))
                for node in ast.walk(line):
                    self._note_letters(node)
        for line, name, given in kept:
            tree = self._tree(line.value)
            if name in self.defined:
                shorts[name] = (tuple(_index_name(i) for i in given or ()), tree)
            elif tree != (NOTHING,) and name not in outputs:
                indices = None if given is None else tuple(_index_name(i) for i in given)
                outputs[name] = Formula(name, indices, tree)
        derived = {
            target: [(step, self._sides(step.line, rank)) for step in steps]
            for target, steps in why.items()
            if target in outputs or not any(step.line for step in steps)
        }
        trees = [formula.expression for formula in outputs.values()]
        trees += [side for steps in derived.values() for _, sides in steps for side in sides]
        letters = {name: tuple(axes) for name, axes in self.letters.items()}
        return Formulas(outputs, _wanted(trees, shorts), letters, self.sizes, self.used, derived)

    def _sides(self, line: str, rank: int) -> tuple[Node, ...]:
        """What a step says is equal; nothing where the call goes without one of the arrays, or has others."""
        if not line:
            return ()
        tree = ast.parse(line, mode="eval").body
        if not isinstance(tree, ast.Compare) or any(not isinstance(sign, ast.Eq) for sign in tree.ops):
            raise ValueError(f"a derivation says what is equal, not {line}")
        _spread(tree, rank)
        sides = tuple(map(self._tree, (tree.left, *tree.comparators))) if self._has_axes(tree) else ()
        return () if (NOTHING,) in sides else sides

    def _fits(self, line: ast.Assign) -> bool:
        """Whether the output is there, and every array is written with as many indices as it has axes."""
        name, _ = _target(line)
        is_there = name in self.defined or name.removesuffix("_") in self.shapes
        return is_there and self._has_axes(line)

    def _has_axes(self, line: ast.AST) -> bool:
        for node in ast.walk(line):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                shape = self._shape(node.value.id)
                if shape is not None and len(shape) != len(_indices(node)):
                    return False
        return True

    def _shape(self, name: str) -> Shape | None:
        return self.shapes.get(name.removesuffix("_"))

    def _note_letters(self, node: ast.AST) -> None:
        """An axis bears the letter of the index that stands alone in its place."""
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
            return
        shape = self._shape(node.value.id)
        for axis, index in enumerate(_indices(node) if shape is not None else []):
            if shape is not None and isinstance(index, ast.Name):
                letter = index.id.upper()
                axes = self.letters[node.value.id.removesuffix("_")]
                axes[axis] = axes[axis] or letter
                self.sizes.setdefault(letter, shape[axis])

    def _tree(self, node: ast.AST) -> Node:
        match node:
            case ast.Constant(value=value):
                return (NUMBER, value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.Subscript(value=ast.Name(id=name)):
                arguments = [self._tree(index) for index in _indices(node)]
                if name in self.defined:
                    return (SHORT, name, arguments)
                return (NOTHING,) if self._shape(name) is None else (ARRAY, name, arguments)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _simplified("negative", self._tree(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return _simplified(_OPERATORS[type(op)], self._tree(left), self._tree(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _simplified(_OPERATORS[type(op)], self._tree(left), self._tree(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choice(test, body, orelse)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                there = [part for part in map(self._tree, arguments) if part != (NOTHING,)]
                return ("call", name, there) if len(there) == len(arguments) else there[0]
            case ast.Call(func=ast.Subscript(value=ast.Name(id=name)), args=[body]) if name in REDUCTIONS:
                ranges = [self._range(index) for index in _indices(node.func)]  # type: ignore[arg-type]
                return (name, ranges, self._tree(body))
        raise ValueError(f"a formula cannot hold {ast.unparse(node)}")

    def _name(self, name: str) -> Node:
        if name in self.settings:
            value = self.settings[name]
            if isinstance(value, bool) or name in self.geometry:
                return (NUMBER, int(value))
            if np.isinf(value):  # a limit that there is not
                return (NOTHING,)
            self.used[name] = float(value)
            return (SETTING, name)
        if name in self.defined:
            return (NAME, name)
        if self._shape(name) is not None:
            return (ARRAY, name, None)
        if name in self.sizes:
            return (NUMBER, self.sizes[name])
        constants = {"pi": np.pi, "floor": log_floor(self.dtype)}
        if name in constants:
            self.used[name] = float(constants[name])
            return (SETTING, name)
        return (NOTHING,) if name == "unwritten" else (NAME, name)

    def _choice(self, test: ast.expr, body: ast.expr, orelse: ast.expr) -> Node:
        """One branch alone where settings, shapes or the presence of an array decide."""
        known: bool | None = None
        if isinstance(test, ast.Name) and test.id not in self.settings:
            known = test.id in self.shapes
        else:
            condition = self._tree(test)
            if condition[0] == NUMBER:
                known = bool(condition[1])
            elif condition[0] == SETTING:
                known = bool(self.used[condition[1]])
        if known is not None:
            return self._tree(body if known else orelse)
        return ("if", self._tree(test), self._tree(body), self._tree(orelse))

    def _range(self, index: ast.expr) -> list[Any]:
        """An index that is summed over, and its size."""
        if isinstance(index, ast.Slice) and isinstance(index.lower, ast.Name) and index.upper is not None:
            size = self._tree(index.upper)
            return [index.lower.id, int(size[1])]
        assert isinstance(index, ast.Name)
        return [index.id, self.sizes[index.id.upper()]]


def _target(line: ast.Assign) -> tuple[str, list[ast.expr] | None]:
    target = line.targets[0]
    if isinstance(target, ast.Subscript):
        assert isinstance(target.value, ast.Name)
        return target.value.id, _indices(target)
    assert isinstance(target, ast.Name)
    return target.id, None


def _indices(node: ast.Subscript) -> list[ast.expr]:
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _index_name(index: ast.expr) -> str:
    """The index's name; of a fixed one, as in ``total[0]``, its number."""
    return index.id if isinstance(index, ast.Name) else str(ast.literal_eval(index))


def _spread(line: ast.AST, rank: int) -> None:
    """Puts an index for each axis in the place of ``...``: N and others before the axes that are named."""
    for node in ast.walk(line):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            elements: list[ast.expr] = []
            for element in node.slice.elts:
                if isinstance(element, ast.Constant) and element.value is ...:
                    free = rank - (len(node.slice.elts) - 1)
                    elements += [ast.Name(id=name) for name in ("n", "a", "b", "c")[:free]]
                else:
                    elements.append(element)
            node.slice.elts = elements


def _simplified(sign: str, *parts: Node) -> Node:
    """The node, worked out where numbers alone are in it, without neutral elements and terms that are not there."""
    gone = [part == (NOTHING,) for part in parts]
    if any(gone):
        left = [part for part, is_gone in zip(parts, gone, strict=True) if not is_gone]
        if sign in "<>" and left:  # every number is within a limit that there is not
            return (NUMBER, 1)
        return left[0] if sign == "+" and left else (NOTHING,)
    if all(part[0] == NUMBER for part in parts):
        return (NUMBER, apply(sign, *(part[1] for part in parts)))
    if len(parts) == 2:
        (a, b), zero, one = parts, (NUMBER, 0), (NUMBER, 1)
        if (sign in "+-" and b == zero) or (sign in ("*", "/", "//") and b == one):
            return a
        if (sign == "+" and a == zero) or (sign == "*" and a == one):
            return b
    return (sign, *parts)


def apply(sign: str, *parts: Any) -> Any:
    """The value of an operator, for numbers and for arrays."""
    if sign == "/" and not (all(isinstance(part, int) for part in parts) and parts[1]):
        return np.true_divide(*parts)[()]
    value = _APPLIED[sign](*parts)
    if sign not in ("<", "<=", ">", ">=", "==", "!="):
        return value
    return int(value) if isinstance(value, bool) else np.asarray(value, dtype=np.int64)


def _terms(tree: Node) -> Iterator[Node]:
    """The parts of a sum, however nested; also below a factor or divisor."""
    if tree[0] in ("+", "-", "*", "/", "negative"):
        for part in tree[1:]:
            yield from _terms(part)
    else:
        yield tree


def _wanted(
    trees: list[Node], shorts: dict[str, tuple[tuple[str, ...], Node]]
) -> dict[str, tuple[tuple[str, ...], Node]]:
    """The short forms that the trees need, one through the other."""
    found: dict[str, tuple[tuple[str, ...], Node]] = {}
    waiting = [name for tree in trees for name in names_in(tree)]
    while waiting:
        name = waiting.pop()
        if name in shorts and name not in found:
            found[name] = shorts[name]
            waiting += names_in(shorts[name][1])
    return {name: found[name] for name in shorts if name in found}


def names_in(tree: Any) -> list[str]:
    """Every name in a tree that is written by a symbol."""
    if isinstance(tree, tuple) and tree and tree[0] in (NAME, ARRAY, SHORT, SETTING):
        return [tree[1], *(name for part in tree[2:] for name in names_in(part))]
    if isinstance(tree, tuple) and tree and tree[0] in REDUCTIONS:
        return [*(name for name, _ in tree[1]), *names_in(tree[2])]
    if isinstance(tree, tuple | list):
        return [name for part in tree for name in names_in(part)]
    return []
