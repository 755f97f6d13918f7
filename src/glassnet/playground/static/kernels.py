"""A kernel as a JavaScript function, written from its element lines.

The lines are read and fitted to a call by ``glassnet.tracing.formulas``; here their trees become loops. What does not
depend on a loop's index is worked out before that loop, once for each value of the indices that it does depend on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from glassnet.core.shapes import Shape
from glassnet.kernels import KernelInfo
from glassnet.tracing.formulas import REDUCTIONS, Formula, Formulas, Node, names_in

HEAD = """const { abs, exp, expm1, fround, log, log1p, max, min, sign, sqrt, tanh } = Math;
const sigma = (x) => 1 / (1 + exp(-x));
"""
"""What the functions call."""
_FUNCTIONS = frozenset({"abs", "exp", "expm1", "log", "log1p", "max", "min", "sigma", "sign", "sqrt", "tanh"})
_COMPARED = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "===", "!=": "!=="}


@dataclass
class _Scope:
    """A loop's body, or the function's; ``depth`` counts the loops around it."""

    head: str = ""
    depth: int = 0
    lines: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    """Names of what was worked out in it, by the text of how."""

    def closed(self) -> list[str]:
        return [self.head, *(f"  {line}" for line in self.lines), "}"]


@dataclass(frozen=True)
class _Value:
    """JavaScript text, and the innermost scope of what it is made of."""

    text: str
    scope: _Scope


Indices = Mapping[str, _Value]


def function_of(
    name: str,
    kernel: KernelInfo,
    formulas: Formulas,
    shapes: Mapping[str, Shape],
    sizes: Mapping[int, str],
    floats: bool,
) -> str:
    """The function ``name(arrays, sizes, settings)``, which writes what the kernel writes.

    Args:
        name: of the function.
        kernel: whose it is.
        formulas: fitted to a call.
        shapes: of that call's arrays.
        sizes: the names of sizes that are free, by what they are in that call; each other size is taken as it is.
        floats: whether what it updates is rounded to float32 before it is read again.

    Raises:
        ValueError: a form that is not known here; it is found when a page is made, never in a page.
    """
    return _Writer(name, kernel, formulas, shapes, sizes, floats).function()


class _Writer:
    """One function in the making."""

    def __init__(
        self,
        name: str,
        kernel: KernelInfo,
        formulas: Formulas,
        shapes: Mapping[str, Shape],
        sizes: Mapping[int, str],
        floats: bool,
    ) -> None:
        self.name, self.kernel, self.formulas = name, kernel, formulas
        self.shapes, self.sizes, self.floats = shapes, sizes, floats
        self.count = 0
        self.written: dict[str, _Value] = {}  # what the element in hand has become, by target
        self.at = ""  # the flat place of an element whose formula has no indices
        self.sums: list[list[_Scope]] = []  # the loops of the sums around what is in hand
        self.home = _Scope()

    def function(self) -> str:
        formulas = self._in_order(self.formulas.outputs)
        if self.kernel.updates:
            self._update(formulas)
        else:
            for formula in formulas:
                self._output(formula)
        body = "\n".join(self.home.closed()[1:])
        sizes = [size for size in sorted(set(self.sizes.values())) if re.search(rf"\b{size}\b", body)]
        settings = [name for name in self.formulas.settings if re.search(rf"\b{name}\b", body)]
        given = ", ".join(f"{{ {', '.join(names)} }}" for names in (self.shapes, sizes, settings))
        return f"function {self.name}({given}) {{\n{body}"

    def _in_order(self, outputs: dict[str, Formula]) -> list[Formula]:
        """Formulas that read what others write come behind these."""
        order: list[Formula] = []
        waiting = list(outputs.values())
        while waiting:
            ready = [f for f in waiting if not self._reads(f.expression) & {o.target for o in waiting if o is not f}]
            if not ready:
                raise ValueError(f"{self.name}: formulas that need each other")
            order += ready
            waiting = [f for f in waiting if f not in ready]
        return order

    def _reads(self, tree: Any, through: frozenset[str] = frozenset()) -> set[str]:
        """The arrays in a tree, through short forms; of two that are each other's inverse an index stands for one."""
        if not isinstance(tree, tuple | list) or not tree:
            return set()
        found = {tree[1]} if isinstance(tree, tuple) and tree[0] == "array" else set()
        if (
            isinstance(tree, tuple)
            and tree[0] in ("name", "short")
            and tree[1] in self.formulas.shorts.keys() - through
        ):
            found |= self._reads(self.formulas.shorts[tree[1]][1], through | {tree[1]})
        return found.union(*(self._reads(part, through) for part in tree))

    def _output(self, formula: Formula) -> None:
        """A nest of loops over the elements of one output, where it is there."""
        before, self.home = self.home, _Scope(f"if ({formula.target}) {{")
        scopes, indices = self._loops(formula, self.home)
        value = self._value(formula.expression, indices)
        scopes[-1].lines.append(f"{formula.target}[{self._place(formula, indices)}] = {value.text};")
        self._close([before, *scopes])
        self.home = before

    def _update(self, formulas: list[Formula]) -> None:
        """One nest for all outputs: each element is worked out for all of them before any is written."""
        first = formulas[0]
        if any(f.indices != first.indices for f in formulas):
            raise ValueError(f"{self.name}: outputs of different shapes, some of which are updated")
        scopes, indices = self._loops(first, self.home)
        stores = []
        for formula in formulas:
            value = self._value(formula.expression, indices).text
            text = f"fround({value})" if self.floats else value
            self.written[formula.target] = self._named(_Value(text, scopes[-1]))
            place = self._place(formula, indices)
            stores.append(f"{formula.target.removesuffix('_')}[{place}] = {self.written[formula.target].text};")
        scopes[-1].lines += stores
        self._close(scopes)

    def _loops(self, formula: Formula, around: _Scope) -> tuple[list[_Scope], dict[str, _Value]]:
        array = formula.target.removesuffix("_")
        scopes, indices = [around], {}
        if formula.indices is None:
            scopes.append(_Scope(f"for (let at = 0; at < {array}.length; at++) {{", around.depth + 1))
            return scopes, {"": _Value("at", scopes[-1])}
        for name, size in zip(formula.indices, self.shapes[array], strict=True):
            if not name.isdigit():
                indices[name] = self._loop(name, size, scopes)
        return scopes, indices

    def _loop(self, name: str, size: int, scopes: list[_Scope]) -> _Value:
        """The index of a new loop within the last of the scopes; where there is one turn alone, 0."""
        if size == 1:
            return _Value("0", self.home)
        index = self._fresh(name)
        head = f"for (let {index} = 0; {index} < {self._size(size)}; {index}++) {{"
        scopes.append(_Scope(head, scopes[-1].depth + 1))
        return _Value(index, scopes[-1])

    def _close(self, scopes: list[_Scope]) -> None:
        for outer, inner in reversed(list(pairwise(scopes))):
            outer.lines += inner.closed()

    def _place(self, formula: Formula, indices: Indices) -> str:
        if formula.indices is None:
            return indices[""].text
        at = [_Value(name, self.home) if name.isdigit() else indices[name] for name in formula.indices]
        return self._flat(formula.target.removesuffix("_"), at)

    def _flat(self, array: str, at: list[_Value]) -> str:
        text = ""
        for index, size in zip(at, self.shapes[array], strict=True):
            if size == 1:
                continue
            around = text if text.isalnum() else f"({text})"
            text = f"{around} * {self._size(size)} + {index.text}" if text else index.text
        return text or "0"

    def _size(self, size: int) -> str:
        return self.sizes.get(size, str(size))

    def _fresh(self, name: str) -> str:
        self.count += 1
        return f"{name}{self.count}"

    def _named(self, value: _Value) -> _Value:
        """Worked out once in its scope, under a name."""
        if value.text.isidentifier():
            return value
        if value.text not in value.scope.known:
            name = self._fresh("v")
            value.scope.lines.append(f"const {name} = {value.text};")
            value.scope.known[value.text] = name
        return _Value(value.scope.known[value.text], value.scope)

    def _innermost(self, *values: _Value) -> _Scope:
        return max((value.scope for value in values), key=lambda scope: scope.depth, default=self.home)

    def _value(self, node: Node, indices: Indices) -> _Value:
        kind = node[0]
        if kind == "number":
            number = node[1] if isinstance(node[1], int) else float(node[1])
            return _Value(f"({number!r})" if number < 0 else repr(number), self.home)
        if kind == "setting":
            return _Value(node[1], self.home)
        if kind == "name":
            return indices[node[1]] if node[1] in indices else self._short(node[1], [], indices)
        if kind == "short":
            return self._short(node[1], node[2], indices)
        if kind == "array":
            return self._element(node[1], node[2], indices)
        if kind in REDUCTIONS:
            return self._reduced(node, indices)
        if kind == "call" and node[1] in _FUNCTIONS:
            values = [self._value(part, indices) for part in node[2]]
            text = f"{node[1]}({', '.join(value.text for value in values)})"
            return _Value(text, self._innermost(*values))
        if kind == "if":
            test, one, other = (self._value(part, indices) for part in node[1:])
            return _Value(f"({test.text} ? {one.text} : {other.text})", self._innermost(test, one, other))
        return self._operation(node, indices)

    def _operation(self, node: Node, indices: Indices) -> _Value:
        kind, *parts = node
        values = [self._value(part, indices) for part in parts]
        scope = self._innermost(*values)
        if kind == "negative":
            return _Value(f"(-{values[0].text})", scope)
        if kind == "**" and parts[1] == ("number", 2):
            base = self._named(values[0])
            return _Value(f"({base.text} * {base.text})", scope)
        if kind in _COMPARED:
            return _Value(f"({values[0].text} {_COMPARED[kind]} {values[1].text} ? 1 : 0)", scope)
        if kind == "**":
            return self._named(_Value(f"({values[0].text} ** {values[1].text})", scope))
        if kind in ("+", "-", "*", "/"):
            return _Value(f"({values[0].text} {kind} {values[1].text})", scope)
        raise ValueError(f"{self.name}: {kind} is not known in JavaScript")

    def _short(self, name: str, given: list[Node], indices: Indices) -> _Value:
        arguments, body = self.formulas.shorts[name]
        values = [self._value(part, indices) for part in given]
        value = self._value(body, {**indices, **dict(zip(arguments, values, strict=True))})
        return self._named(value) if value.scope is not self.home else value

    def _element(self, name: str, given: list[Node] | None, indices: Indices) -> _Value:
        if name in self.written:
            return self.written[name]
        if given is None:
            place, scope = indices[""].text, indices[""].scope
        else:
            at = [self._value(part, indices) for part in given]
            for axis, part in enumerate(given):
                if self._is_computed(part, indices):
                    self._within(at[axis], self.shapes[name][axis], self._is_divided(part, indices))
            place, scope = self._flat(name, at), self._innermost(*at)
        return _Value(f"{name}[{place}]", scope)

    def _is_computed(self, node: Node, indices: Indices) -> bool:
        """Whether an index is worked out from others, so that it may lie outside of its array."""
        if node[0] in ("name", "short") and node[1] not in indices:
            return self._is_computed(self.formulas.shorts[node[1]][1], indices)
        return node[0] in ("+", "-", "*", "/", "negative")

    def _is_divided(self, node: Any, indices: Indices) -> bool:
        """Whether an index may lie between the places of an array."""
        if not isinstance(node, tuple | list) or not node:
            return False
        if node[0] in ("name", "short") and node[1] not in indices:
            return self._is_divided(self.formulas.shorts[node[1]][1], indices)
        return node[0] == "/" or any(self._is_divided(part, indices) for part in node[1:])

    def _within(self, index: _Value, size: int, is_divided: bool) -> None:
        """Leaves a term out of its sum where an index lies outside, in the zeros around a picture, or in between."""
        if not any(index.scope is own for own in self.sums[-1] if self.sums):
            raise ValueError(f"{self.name}: an index that may lie outside, without a sum around it")
        between = f" || {index.text} % 1" if is_divided else ""
        test = f"if ({index.text} < 0 || {index.text} >= {self._size(size)}{between}) continue;"
        if test not in index.scope.known:
            index.scope.known[test] = ""
            index.scope.lines.append(test)

    def _reduced(self, node: Node, indices: Indices) -> _Value:
        """A loop in the innermost scope that the sum depends on."""
        kind, ranges, body = node
        scope = self._depends(node, indices)
        key = repr((node, sorted((name, indices[name].text) for name in names_in(node) if name in indices)))
        if key in scope.known:
            return _Value(scope.known[key], scope)
        inner = [scope]
        own = dict(indices)
        for name, size in ranges:
            own[name] = self._loop(name, size, inner)
        total = self._fresh("s")
        most = total if kind == "largest" else self._fresh("m")
        if kind != "largest":
            scope.lines.append(f"let {total} = 0;")
        if kind in ("largest", "argmax"):
            scope.lines.append(f"let {most} = -Infinity;")
        self.sums.append(inner[1:])
        value = self._value(body, own)
        self.sums.pop()
        if kind in ("largest", "argmax"):
            value = self._named(_Value(value.text, inner[-1]))
            place = self._counted(ranges, own)
            store = (
                f"{most} = {value.text};" if kind == "largest" else f"{{ {most} = {value.text}; {total} = {place}; }}"
            )
            inner[-1].lines.append(  # NaN exceeds every number, and the first one stays
                f"if ({value.text} > {most} || ({value.text} !== {value.text} && {most} === {most})) {store}"
            )
        else:
            inner[-1].lines.append(f"{total} += {value.text};")
        self._close(inner)
        if kind == "mean":
            scope.lines.append(f"{total} /= {' * '.join(self._size(size) for _, size in ranges)};")
        scope.known[key] = total
        return _Value(total, scope)

    def _counted(self, ranges: Sequence[tuple[str, int]], indices: Indices) -> str:
        """The place among all turns of some loops, counted row by row."""
        text = ""
        for name, size in ranges:
            text = f"({text} * {self._size(size)} + {indices[name].text})" if text else indices[name].text
        return text

    def _depends(self, node: Any, indices: Indices, bound: frozenset[str] = frozenset()) -> _Scope:
        """The innermost scope among those of the indices in a tree; ``bound`` are a sum's own."""
        if not isinstance(node, tuple | list) or not node:
            return self.home
        kind = node[0] if isinstance(node, tuple) else ""
        found = [self.home]
        if kind in REDUCTIONS:
            return self._depends(node[2], indices, bound | {name for name, _ in node[1]})
        if kind == "name" and node[1] in indices and node[1] not in bound:
            return indices[node[1]].scope
        if kind in ("name", "short") and node[1] in self.formulas.shorts and node[1] not in bound:
            arguments, tree = self.formulas.shorts[node[1]]
            found.append(self._depends(tree, indices, bound | set(arguments)))
        if kind == "array":
            found.append(self.written[node[1]].scope if node[1] in self.written else self.home)
            if node[2] is None:
                found.append(indices[""].scope)
        found += [self._depends(part, indices, bound) for part in node]
        return max(found, key=lambda scope: scope.depth)
