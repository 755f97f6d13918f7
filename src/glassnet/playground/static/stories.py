"""What a recorded call is, for the page's script to tell a step by: its equation, formulas, symbols and derivations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassnet.core.shapes import Shape
from glassnet.kernels import KernelInfo
from glassnet.runners.recorder import RecordedCall
from glassnet.tracing.formulas import REDUCTIONS, Formulas, names_in
from glassnet.tracing.symbols import axes, symbol
from glassnet.tracing.words import WORDS


def story_of(call: RecordedCall, formulas: Formulas, shapes: Mapping[str, Shape], sizes: Mapping[int, str]) -> Any:
    """A call as ``glassnet.tracing.content`` describes it, without its numbers.

    Args:
        call: as it was recorded.
        formulas: fitted to it.
        shapes: of its arrays.
        sizes: the names of sizes that are free; they stand in the place of these sizes.

    Returns:
        What JSON takes. A sum's size is a name where it is free, and so is each size of a shape; ``roles`` are those of
        ``glassnet.tracing.entry``, with ``name_`` for what an update leaves.
    """
    kernel = call.kernel
    trees = [formula.expression for formula in formulas.outputs.values()]
    trees += [tree for _, tree in formulas.shorts.values()]
    derived = {target: [(step, sides) for step, sides in steps] for target, steps in formulas.why.items()}
    trees += [side for steps in derived.values() for _, sides in steps for side in sides]
    names = {name for tree in trees for name in names_in(tree)} | set(formulas.shorts)
    names |= {name for formula in formulas.outputs.values() for name in formula.indices or ()}
    names |= {name for arguments, _ in formulas.shorts.values() for name in arguments}
    arrays = {}
    for name, shape in shapes.items():
        own = {"shape": [sizes.get(size, size) for size in shape], "dtype": str(call.arrays[name].dtype)}
        letters = axes(formulas.letters.get(name, ()), kernel)
        for role, key in _roles(kernel, name):
            arrays[key] = (
                own | {"role": role, "symbol": symbol(key, kernel)} | ({"letters": letters} if letters else {})
            )
    hint = {language: words["mean"] for language, words in WORDS.items()} if call.settings.get("mean") else kernel.note
    return {
        "kernel": kernel.name,
        "equation": kernel.equation_of(call.arrays),
        "hint": dict(hint or {}),
        "unexplained": "random" if kernel.draws else "unexplained",
        "arrays": arrays,
        "settings": list(formulas.settings),
        "formulas": {
            target: {"indices": formula.indices, "tree": _free(formula.expression, sizes)}
            for target, formula in formulas.outputs.items()
        },
        "why": {
            target: [[{"en": step.en, "zh": step.zh}, [_free(side, sizes) for side in sides]] for step, sides in steps]
            for target, steps in derived.items()
        },
        "shorts": {
            name: {"arguments": given, "tree": _free(tree, sizes)} for name, (given, tree) in formulas.shorts.items()
        },
        "symbols": {name: symbol(name, kernel) for name in sorted(names)},
    }


def _roles(kernel: KernelInfo, name: str) -> list[tuple[str, str]]:
    """An array's role, and its name in formulas; of one that is updated those before and after."""
    if name in kernel.updates:
        return [("before", name), ("after", f"{name}_")]
    return [("writes" if name in kernel.writes else "reads", name)]


def _free(tree: Any, sizes: Mapping[int, str]) -> Any:
    """A tree with the names of the sizes that are free, in sums and as numbers."""
    if isinstance(tree, tuple) and tree and tree[0] in REDUCTIONS:
        return [tree[0], [[name, sizes.get(size, size)] for name, size in tree[1]], _free(tree[2], sizes)]
    if isinstance(tree, tuple) and tree[:1] == ("number",):
        whole = [name for size, name in sizes.items() if tree[1] == size]
        inverse = [name for size, name in sizes.items() if tree[1] == 1 / size]  # worked out when it was read
        return ["/", ["number", 1], ["number", inverse[0]]] if inverse else ["number", *(whole or [tree[1]])]
    return [_free(part, sizes) for part in tree] if isinstance(tree, tuple | list) else tree
