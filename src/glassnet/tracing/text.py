"""A trace in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from glassnet.core.shapes import Array
from glassnet.runners import KernelCall
from glassnet.tracing.calls import arrays_of, formulas_for
from glassnet.tracing.formulas import Formulas
from glassnet.tracing.step import LoggedStep
from glassnet.tracing.symbols import axes

if TYPE_CHECKING:
    from rich.console import RenderableType

MARGIN = 12
ROWS, VALUES = 4, 24
"""Of so many rows so many values are shown with where they come from."""
SMALL = 1e-2
"""Arrays without a number of that size are written with exponents."""


def lines_of(trace: LoggedStep) -> Iterator[RenderableType]:
    """What ``print`` and ``rich.print`` show: a heading for each part of the step, then its calls."""
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    subject = trace.subject
    count = len(subject.rows)
    yield Text(f"one training step on {count} row{'s' if count > 1 else ''}: loss {trace.loss:.6g}", "bold")
    yield Text(f"{subject.network!r}, {subject.loss!r}, {subject.optimizer!r}, {subject.network.dtype}", "dim")
    yield from _beginnings(trace)
    number = 0
    for title, calls in (
        ("forward, from the inputs down to the outputs", [("", call) for call in trace.forward]),
        ("the loss", [("", call) for call in trace.loss_forward]),
        ("backward, from the loss back up to the inputs: dy = ∂L/∂y", [("", call) for call in trace.backward]),
        (f"update number {subject.optimizer.steps + 1}", list(trace.update)),
    ):
        yield Padding(Rule(title, align="left", style="dim"), (1, 0, 0, 0))
        for parameter, call in calls:
            number += 1
            yield from _call(number, parameter, call)


def _beginnings(trace: LoggedStep) -> Iterator[RenderableType]:
    """How the first values of the first rows became numbers, where something was done to them."""
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    found = trace.subject.inputs + trace.subject.targets
    if not any(own.expression for own in found):
        return
    yield Padding(Rule("the rows as they were given", align="left", style="dim"), (1, 0, 0, 0))
    for part in (trace.subject.inputs, trace.subject.targets):
        for own in [own for own in part if own.row < ROWS][:VALUES]:
            way = f"{own.expression} = {own.value:.6g}" if own.expression else f"{own.value:.6g}"
            yield Text.assemble(f"     row {own.row}  ", (own.name, "bold"), f"  {own.raw or 'missing'} → {way}")
        if len(part) > VALUES:
            yield Text(f"     and {len(part) - VALUES:,} more", "dim")


def _call(number: int, parameter: str, call: KernelCall) -> Iterator[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    whose = parameter or call.path
    yield Text.assemble((f"{number:>3}  {whose}  ", "bold"), f"{call.caller}  ", (call.kernel, "cyan"))
    about = [Text(call.equation, "italic")]
    if call.settings:
        values = {name: value if isinstance(value, bool) else f"{value:g}" for name, value in call.settings.items()}
        about.append(Text(", ".join(f"{name} {value}" for name, value in values.items()), "dim"))
    if call.settings.get("mean"):
        about.append(Text("here the 1/N of the mean comes in: every gradient carries it from now on", "dim"))
    yield from (Padding(line, (0, 0, 0, 5)) for line in about)
    formulas = formulas_for(call)
    for name, array in arrays_of(call).items():
        if name in call.outputs and name in call.inputs:
            role = "before"
        else:
            role = "after" if name.endswith("_") else "reads" if name in call.inputs else "writes"
        yield Text.assemble(
            f"     {role:<6} ", (name.removesuffix("_"), "bold"), f" {_shape(call, name, array, formulas)}"
        )
        yield Text(_indented(array))


def _shape(call: KernelCall, name: str, array: Array, formulas: Formulas) -> str:
    """The shape in letters and numbers, and what each element is summed over."""
    letters = axes(formulas.letters.get(name.removesuffix("_"), ()), call.entry)
    text = f"{array.shape}"
    if letters:
        text = f"({', '.join(letters)}{',' * (len(letters) == 1)}) = {text}"
    summed = formulas.outputs[name].summed if name in formulas.outputs else ()
    if summed:
        terms = int(np.prod([size for _, size in summed]))
        over = ", ".join(index.replace("_", "′") for index, _ in summed)
        text += f", summed over {over} ({terms:,} term{'s' if terms > 1 else ''})"
    return text


def _indented(array: Array) -> str:
    is_small = array.dtype.kind == "f" and 0 < np.abs(array).max(initial=0.0) < SMALL
    text = np.array2string(
        array, precision=5, suppress_small=not is_small, threshold=60, edgeitems=3, max_line_width=96
    )
    return "\n".join(" " * MARGIN + line for line in text.splitlines())
