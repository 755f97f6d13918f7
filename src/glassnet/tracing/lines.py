"""Formulas as lines of text: in symbols, and with the numbers of one element put in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels import KernelInfo
from glassnet.tracing.evaluation import Evaluation
from glassnet.tracing.formulas import ARRAY, NAME, NOTHING, NUMBER, REDUCTIONS, SETTING, SHORT, Node
from glassnet.tracing.symbols import symbol

CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)
"""How strongly a formula holds together: weaker ones get brackets."""
MOST_TERMS = 4
"""Sums of no more terms are written out with their numbers."""
_RAISED = str.maketrans("xyzop21sb−", "ˣʸᶻᵒᵖ²¹ˢᵇ⁻")
_SIGNS = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_FUNCTIONS = {"cdf": "Φ", "sigma": "σ", "sign": "sgn", "sqrt": "√"}
_PIECE = re.compile(r"[^\x00-\u2e7f][，。；：、？！）”]*|[\x00-\u2e7f]*?\s+|[\x00-\u2e7f]+")
"""What is not broken in a line: a word with the blanks after it, or a Chinese character with the signs that follow."""
Scope = Mapping[str, Any]
"""Indices by name, None where one is bound to no value yet; under "" the flat place of the element."""


def equality(sides: Sequence[Node], evaluation: Evaluation, kernel: KernelInfo, scope: Scope) -> list[str]:
    """What is equal in a step of a derivation: in symbols, then with the numbers of an element.

    Args:
        sides: the trees.
        evaluation: of the call.
        kernel: which knows its symbols.
        scope: of the element.
    """
    symbols, numbers = Writer(evaluation, kernel), Writer(evaluation, kernel, numbers=True)
    lines = [" = ".join(writer.write(side, scope, SUM) for side in sides) for writer in (symbols, numbers)]
    value = written(_one(evaluation.value(sides[0], scope)[0]))
    if value not in lines[1].split(" = "):
        lines[1] += f" = {value}"
    return lines[:1] if lines[0] == lines[1] else lines


def written(value: float) -> str:
    """A number with four digits."""
    return f"{value:.4g}".replace("-", "−")


def wrapped(text: str, width: int, hanging: int = 0) -> list[str]:
    """A sentence in lines of so many columns, the later ones moved in; Chinese breaks between any two characters.

    Example:
        >>> wrapped("1. one two three", 9, 3), wrapped("1. 每一行都对它有意见。", 12, 3)
        (['1. one', '   two', '   three'], ['1. 每一行都', '   对它有意', '   见。'])
    """
    from rich.cells import cell_len

    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line.strip() and cell_len(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = " " * hanging
        line += piece
    return [*lines, line.rstrip()]


def name_of(name: str, kernel: KernelInfo, at: Sequence[str] = ()) -> str:
    """An array's symbol, and the indices of an element of it."""
    base, above, below = symbol(name, kernel)
    marks = above.replace("′", "")
    if base == "δ" and marks:
        base, marks = f"d{marks}", ""  # as equations of whole arrays write it
    raised = marks.translate(_RAISED) if all(ord(letter) in _RAISED for letter in marks) else f"^{marks}"
    found = base + "′" * (marks != above and above.endswith("′")) + (raised if marks else "")
    found += f"_{below}" if below else ""
    return f"{found}[{', '.join(at)}]" if at else found


class Writer:
    """Writes trees as a line.

    Args:
        evaluation: of the call.
        kernel: which knows its symbols.
        numbers: whether numbers stand in place of arrays and settings.
    """

    def __init__(self, evaluation: Evaluation, kernel: KernelInfo, *, numbers: bool = False) -> None:
        self._evaluation, self._kernel, self._numbers = evaluation, kernel, numbers

    def write(self, node: Node, scope: Scope, strength: int = CHOICE) -> str:
        """The tree in a place of that strength."""
        text, own = self._parts(node, scope)
        return f"({text})" if own < strength else text

    def _parts(self, node: Node, scope: Scope) -> tuple[str, int]:
        kind, shorts = node[0], self._evaluation.formulas.shorts
        if kind == NUMBER:
            return _value(node[1])
        if kind == NOTHING:
            return "0", ATOM
        if kind == NAME and node[1] in scope:
            index = scope[node[1]]
            return (name_of(node[1], self._kernel), ATOM) if index is None else _value(_one(index))
        if kind == NAME and shorts[node[1]][1][0] in (NAME, NUMBER):
            return self._parts(shorts[node[1]][1], scope)
        if kind in (SETTING, NAME, SHORT, ARRAY):
            return self._named(node, scope)
        if kind == "if":
            return self._choice(node, scope)
        if kind == "call":
            inner = ", ".join(self.write(part, scope) for part in node[2])
            return (f"|{inner}|", ATOM) if node[1] == "abs" else (f"{_FUNCTIONS.get(node[1], node[1])}({inner})", ATOM)
        return self._reduction(node, scope) if kind in REDUCTIONS else self._operator(node, scope)

    def _named(self, node: Node, scope: Scope) -> tuple[str, int]:
        is_known = self._is_known(node, scope)
        if self._numbers and is_known:
            return _value(_one(self._evaluation.value(node, scope)[0]))
        at: Sequence[str] = ()
        if len(node) > 2 and node[2] is not None:
            at = [self._index(index, scope) for index in node[2]]
        elif node[0] == ARRAY and is_known:
            shape = self._evaluation.shapes[node[1]]
            at = [str(int(index)) for index in np.unravel_index(int(_one(scope[""])), shape)]
        return name_of(node[1], self._kernel, at), ATOM

    def _index(self, node: Node, scope: Scope) -> str:
        if self._is_known(node, scope):
            return f"{_one(self._evaluation.value(node, scope)[0]):g}"
        return Writer(self._evaluation, self._kernel).write(node, scope)

    def _choice(self, node: Node, scope: Scope) -> tuple[str, int]:
        _, test, yes, no = node
        if self._is_known(test, scope):
            return self._parts(yes if _one(self._evaluation.value(test, scope)[0]) else no, scope)
        return f"{self.write(test, scope)} ? {self.write(yes, scope)} : {self.write(no, scope)}", CHOICE

    def _reduction(self, node: Node, scope: Scope) -> tuple[str, int]:
        kind, ranges, body = node
        if self._numbers and self._is_known(node, scope):
            terms = self._terms(node, scope) if np.prod([size for _, size in ranges]) <= MOST_TERMS else []
            if not terms or kind == "argmax":
                return _value(_one(self._evaluation.value(node, scope)[0]))
            if kind == "largest":
                return f"max({', '.join(self.write(body, inner) for inner in terms)})", ATOM
            total = " + ".join(self.write(body, inner, SUM if len(terms) == 1 else PRODUCT) for inner in terms)
            return (f"({total}) / {len(terms)}", PRODUCT) if kind == "mean" else (total, SUM)
        free = {**scope, **{name: None for name, _ in ranges}}
        names = ",".join(name_of(name, self._kernel) for name, _ in ranges)
        sign = {"sum": "Σ", "largest": "max"}.get(kind, kind)
        return f"{sign}_{names} {self.write(body, free, PRODUCT)}", PRODUCT

    def _terms(self, node: Node, scope: Scope) -> list[dict[str, Any]]:
        """Of each term that is there its scope."""
        _, ranges, body = node
        names = [name for name, _ in ranges]
        scopes = [
            {**scope, **dict(zip(names, at, strict=True))} for at in product(*(range(size) for _, size in ranges))
        ]
        return [inner for inner in scopes if np.all(self._evaluation.value(body, inner)[1])]

    def _operator(self, node: Node, scope: Scope) -> tuple[str, int]:
        kind, parts = node[0], node[1:]
        if kind == "negative":
            return f"−{self.write(parts[0], scope, PRODUCT)}", SUM
        a, b = parts
        if kind in "+-":
            return f"{self.write(a, scope, SUM)} {'+' if kind == '+' else '−'} {self.write(b, scope, PRODUCT)}", SUM
        if kind == "*":
            return f"{self.write(a, scope, PRODUCT)} · {self.write(b, scope, POWER)}", PRODUCT
        if kind in ("/", "//", "%"):
            sign = {"/": "/", "//": "div", "%": "mod"}[kind]
            return f"{self.write(a, scope, PRODUCT)} {sign} {self.write(b, scope, POWER)}", PRODUCT
        if kind == "**":
            return f"{self.write(a, scope, ATOM)}^{self.write(b, scope, ATOM)}", POWER
        return f"[{self.write(a, scope)} {_SIGNS.get(kind, kind)} {self.write(b, scope)}]", ATOM

    def _is_known(self, node: Any, scope: Scope, within: tuple[str, ...] = ()) -> bool:
        """Whether all indices that a tree needs have a value. Short forms that lead to themselves are of no help."""
        if not isinstance(node, tuple | list) or not node:
            return True
        shorts = self._evaluation.formulas.shorts
        if node[0] == NAME and node[1] in scope:
            return scope[node[1]] is not None
        if node[0] == NAME:
            name = node[1]
            return name in shorts and name not in within and self._is_known(shorts[name][1], scope, (*within, name))
        if node[0] == ARRAY and node[2] is None:
            return "" in scope
        if node[0] == SHORT:
            names, body = shorts[node[1]]
            inner = {**scope, **dict.fromkeys(names, 0)}
            return self._is_known(list(node[2]), scope, within) and self._is_known(body, inner, within)
        if node[0] in REDUCTIONS:
            return self._is_known(node[2], {**scope, **{name: 0 for name, _ in node[1]}}, within)
        return all(self._is_known(part, scope, within) for part in node if isinstance(part, tuple | list))


def _value(number: Any) -> tuple[str, int]:
    text = written(float(number))
    return text, SUM if text.startswith("−") else PRODUCT if "e" in text else ATOM


def _one(value: Any) -> float:
    return float(np.ravel(value)[0])


def most_telling(array: Array, places: Array) -> int:
    """The place of the largest absolute value among some places; of an update, of what moved most."""
    values = np.abs(array.reshape(-1)[places].astype(np.float64))
    return int(places[np.where(np.isfinite(values), values, -1.0).argmax()])
