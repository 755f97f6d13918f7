"""A trace in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from glassnet.core.settings import language_of
from glassnet.core.shapes import Array
from glassnet.runners import KernelCall
from glassnet.tracing.calls import arrays_of, formulas_for
from glassnet.tracing.evaluation import Evaluation
from glassnet.tracing.formulas import Formulas
from glassnet.tracing.lines import equality, most_telling, name_of, wrapped
from glassnet.tracing.step import LoggedStep
from glassnet.tracing.symbols import axes
from glassnet.tracing.words import WORDS

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

MARGIN, REASONS = 12, 7
ROWS, VALUES = 4, 24
"""Of so many rows so many values are shown with where they come from."""
SMALL = 1e-2
"""Arrays without a number of that size are written with exponents."""


class TraceText:
    """What ``print`` and ``rich.print`` show: a heading for each part of the step, then its calls.

    Args:
        trace: the step.
        language: of the words, "en" or "zh"; None for the one that glassnet speaks.
        why: whether derivations are told, with the numbers of one element.
    """

    def __init__(self, trace: LoggedStep, language: str | None = None, *, why: bool = False) -> None:
        self._trace, self._language, self._why = trace, language_of(language, "trace"), why
        self._words = WORDS[self._language]
        self._told: dict[tuple[str, str], int] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        subject, words, loss = self._trace.subject, self._words, f"{self._trace.loss:.6g}"
        count = len(subject.rows)
        rows = words["rows" if count == 1 else "many_rows"].format(f"{count:,}")
        yield Text(
            words["text_title" if subject.training else "text_title_of_use"].format(rows=rows, loss=loss), "bold"
        )
        yield Text(f"{subject.network!r}, {subject.loss!r}, {subject.optimizer!r}, {subject.network.dtype}", "dim")
        yield from self._beginnings()
        number = 0
        for title, calls in (
            (words["text_forward"], [("", call) for call in self._trace.forward]),
            (words["text_loss"], [("", call) for call in self._trace.loss_forward]),
            (words["text_backward"], [("", call) for call in self._trace.backward]),
            (words["text_update"].format(f"{subject.optimizer.steps + 1:,}"), list(self._trace.update)),
        ):
            if calls:
                yield _rule(title)
            if calls and title == words["text_backward"]:
                yield Text(f"     {words['legend_delta']}", "dim")
            for parameter, call in calls:
                number += 1
                yield from self._call(number, parameter, call, options.max_width)

    def _beginnings(self) -> Iterator[RenderableType]:
        """How the first values of the first rows became numbers, where something was done to them."""
        from rich.text import Text

        subject, words = self._trace.subject, self._words
        if not any(own.expression for own in subject.inputs + subject.targets):
            return
        yield _rule(words["text_given"])
        for part in (subject.inputs, subject.targets):
            for own in [own for own in part if own.row < ROWS][:VALUES]:
                way = f"{own.expression} = {own.value:.6g}" if own.expression else f"{own.value:.6g}"
                row = words["text_row"].format(own.row)
                yield Text.assemble(f"     {row}  ", (own.name, "bold"), f"  {own.raw or words['missing']} → {way}")
            if len(part) > VALUES:
                yield Text(f"     {words['text_more'].format(f'{len(part) - VALUES:,}')}", "dim")

    def _call(self, number: int, parameter: str, call: KernelCall, width: int) -> Iterator[RenderableType]:
        from rich.cells import cell_len, set_cell_size
        from rich.padding import Padding
        from rich.text import Text

        whose = parameter or call.path
        yield Text.assemble((f"{number:>3}  {whose}  ", "bold"), f"{call.caller}  ", (call.kernel, "cyan"))
        about = [Text(call.equation, "italic")]
        if call.settings:
            values = {name: value if isinstance(value, bool) else f"{value:g}" for name, value in call.settings.items()}
            about.append(Text(", ".join(f"{name} {value}" for name, value in values.items()), "dim"))
        if call.settings.get("mean"):
            about.append(Text(self._words["text_mean"], "dim"))
        yield from (Padding(line, (0, 0, 0, 5)) for line in about)
        formulas = formulas_for(call)
        column = max(cell_len(self._words[role]) for role in ("reads", "writes", "before", "after"))
        for name, array in arrays_of(call).items():
            if name in call.outputs and name in call.inputs:
                role = "before"
            else:
                role = "after" if name.endswith("_") else "reads" if name in call.inputs else "writes"
            yield Text.assemble(
                f"     {set_cell_size(self._words[role], column)} ",
                (name.removesuffix("_"), "bold"),
                f" {self._shape(call, name, array, formulas)}",
            )
            yield Text(_indented(array))
            if self._why and role in ("writes", "after"):
                yield from self._reasons(number, call, name, formulas, width)

    def _reasons(
        self, number: int, call: KernelCall, target: str, formulas: Formulas, width: int
    ) -> Iterator[RenderableType]:
        """How the line of an output comes about, with the numbers of its largest element; once for each kernel."""
        from rich.padding import Padding
        from rich.text import Text

        steps, array = formulas.why.get(target, ()), arrays_of(call)[target]
        if not steps or not array.size:
            return
        first = self._told.setdefault((call.kernel, target), number)
        if first != number:
            why = self._words["text_why_as_before"].format(name_of(target, call.entry), first)
            yield Padding(Text(why, "dim"), (0, 0, 0, REASONS))
            return
        evaluation = Evaluation(formulas, arrays_of(call))
        places = np.arange(array.size)
        has_formula = target in formulas.outputs
        if has_formula:
            _, written = evaluation(target, places)
            places = np.flatnonzero(written)
        if not len(places):
            return
        before = call.inputs.get(target.removesuffix("_")) if target.endswith("_") else None
        place = most_telling(array if before is None else array - before, places)
        at = [str(int(index)) for index in np.unravel_index(place, array.shape)] if has_formula else []
        yield Padding(Text(self._words["text_why"].format(name_of(target, call.entry, at)), "bold"), (0, 0, 0, REASONS))
        scope = evaluation.scope(target, np.array([place])) if has_formula else {}
        room = width - REASONS - 2
        for count, (step, sides) in enumerate(steps, start=1):
            sentence = wrapped(f"{count}. {getattr(step, self._language)}", room, 3)
            yield Padding(Text("\n".join(sentence)), (0, 0, 0, REASONS + 2))
            for line in equality(sides, evaluation, call.entry, scope) if sides else ():
                yield Padding(Text(line, "italic"), (0, 0, 0, REASONS + 5))

    def _shape(self, call: KernelCall, name: str, array: Array, formulas: Formulas) -> str:
        """The shape in letters and numbers, and what each element is summed over."""
        letters = axes(formulas.letters.get(name.removesuffix("_"), ()), call.entry)
        text = f"{array.shape}"
        if letters:
            text = f"({', '.join(letters)}{',' * (len(letters) == 1)}) = {text}"
        summed = formulas.outputs[name].summed if name in formulas.outputs else ()
        if summed:
            terms = int(np.prod([size for _, size in summed]))
            over = ", ".join(index.replace("_", "′") for index, _ in summed)
            terms_in_words = self._words["term" if terms == 1 else "terms"].format(f"{terms:,}")
            text += self._words["text_summed"].format(over=over, terms=terms_in_words)
        return text


def _rule(title: str) -> RenderableType:
    from rich.padding import Padding
    from rich.rule import Rule

    return Padding(Rule(title, align="left", style="dim"), (1, 0, 0, 0))


def _indented(array: Array) -> str:
    is_small = array.dtype.kind == "f" and 0 < np.abs(array).max(initial=0.0) < SMALL
    text = np.array2string(
        array, precision=5, suppress_small=not is_small, threshold=60, edgeitems=3, max_line_width=96
    )
    return "\n".join(" " * MARGIN + line for line in text.splitlines())
