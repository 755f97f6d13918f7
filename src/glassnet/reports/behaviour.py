"""The sections on what the model does: how its answers change with a column, and what moved single ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.derivatives.by_columns import ByColumns
from glassnet.derivatives.dependence import ROWS, Dependence, dependence
from glassnet.derivatives.explanations import SHAPLEY, Explanation, explanations
from glassnet.losses import JointCrossEntropy
from glassnet.plots.figures import FIRST, SMALL, label_axes, new_figure, readable, short
from glassnet.reports.answers import MOST_PARTS, grid, percent
from glassnet.reports.html import Signed, SignedBar, paragraph, section, table
from glassnet.reports.pictures import picture
from glassnet.reports.results import CLASSES, Results
from glassnet.reports.words import Words
from glassnet.tables import Table
from glassnet.tables.kinds import TIME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS, OF_SEVERAL = 4, 2
"""Columns that are drawn for one answer, and for each of several."""
LISTED, LONGEST = 8, 40
"""Columns of a row whose effects are listed."""
ROUNDING = 1e-9
WORST = 2
"""Rows that are explained since their answers are worst; one more is typical."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One of a model's answers to a row.

    Attributes:
        name: of the question or the amount; empty where there is only one.
        what: it is a number of, in words.
        of: features (N, D) as the number for each row (N,).
        target: how ``gn.explain`` names it.
    """

    name: str
    what: str
    of: Callable[[Array], Array]
    target: Any


def answers_of(own: ByColumns, results: Results | None, words: Words) -> list[Answer]:
    """The model's answers as numbers: the probability of a class, or an amount; none where it gives neither."""
    model, loss = own.given, own.given.loss
    shape = model.network.output_shape or ()
    if len(shape) != 1 or loss.is_by_step(shape):
        return []
    known = model.preprocessing

    def outputs(features: Array) -> Array:
        return np.asarray(own.model.predict(features))

    def probability(features: Array, place: int) -> Array:
        found = np.asarray(loss.probabilities(outputs(features)), np.float64)
        return found[:, place]

    def amount(features: Array, place: int) -> Array:
        return np.asarray(loss.means(outputs(features)), np.float64)[:, place]

    if not loss.decides_classes:
        is_of_table = isinstance(known, Table) and known.target is not None
        names = list(known.target.names) if is_of_table else [str(i) for i in range(shape[0])]  # type: ignore[union-attr]
        if shape[0] == 1:
            name = model.target_name or (names[0] if is_of_table else words("the_amount"))
            return [Answer("", words("dependence_of_amount", name=name), partial(amount, place=0), None)]
        return [
            Answer(name, words("dependence_of_amount", name=name), partial(amount, place=place), place)
            for place, name in enumerate(names[:MOST_PARTS])
        ]
    try:
        loss.probabilities(np.zeros((1, *shape)))
    except ConfigurationError:
        return []
    if isinstance(loss, JointCrossEntropy):
        questions = dict(known.questions) if isinstance(known, Table) else {}
        found, start = [], 0
        for number, count in enumerate(loss.class_counts):
            name = list(questions)[number] if len(questions) == len(loss.class_counts) else str(number)
            classes = questions.get(name, tuple(map(str, range(count))))
            part = dict(results.parts).get(name) if results is not None else None
            place = _class_shown(part, count)
            what = words("dependence_of_class", name=classes[place])
            found.append(Answer(name, what, partial(probability, place=start + place), (name, classes[place])))
            start += count
        return found[:MOST_PARTS]
    names = list(model.class_names or map(str, range(max(2, shape[0]))))
    if shape[0] == 1 or len(names) != shape[0]:
        return [Answer("", words("dependence_of_class", name=names[-1]), partial(probability, place=0), None)]
    if results is not None and results.parts:  # labels, of which any may hold
        return [
            Answer(name, words("dependence_of_class", name=name), partial(probability, place=place), place)
            for place, name in enumerate(names[:MOST_PARTS])
        ]
    place = _class_shown(results, shape[0])
    return [Answer("", words("dependence_of_class", name=names[place]), partial(probability, place=place), None)]


def _class_shown(results: Results | None, count: int) -> int:
    """The second of two classes; of more the most frequent."""
    if count == 2 or results is None or results.kind != CLASSES:
        return 1 if count == 2 else 0
    return int(np.argmax(np.bincount(results.known, minlength=count)))


def dependences(own: ByColumns, answers: Sequence[Answer], columns: Sequence[str], words: Words) -> str:
    """How answers change with the most important columns.

    Args:
        own: the rows by columns.
        answers: of the model.
        columns: the most important first; empty to take those along which the answers move most.
        words: of the page.
    """
    drawn: list[str] = []
    rows: list[tuple[str, ...]] = []
    for answer in answers:
        count = MOST_COLUMNS if len(answers) == 1 else OF_SEVERAL
        names = [name for name in (columns or list(own.groups)) if not own.raws[name].missing.all()]
        found = [dependence(own, name, answer.of) for name in (names[:count] if columns else names)]
        found = sorted((one for one in found if len(one.labels) > 1), key=lambda one: -one.range)[:count]
        for one in found:
            low, high = int(np.argmin(one.mean)), int(np.argmax(one.mean))
            ends = {"low": readable(float(one.mean[low])), "high": readable(float(one.mean[high]))}
            at = {"low_at": one.labels[low], "high_at": one.labels[high]}
            caption = words("dependence_caption", what=answer.what, column=one.column, **ends, **at)
            is_time = own.raws[one.column].kind == TIME
            caption = caption[:1].upper() + caption[1:]
            drawn.append(picture(partial(_drawn, one, answer.what, is_time), caption, words=words))
            rows.append(
                (answer.what, one.column, f"{ends['low']} ({at['low_at']})", f"{ends['high']} ({at['high_at']})")
            )
    if not rows:
        return ""
    what = answers[0].what if len(answers) == 1 else words("dependence_of_several")
    text = words("dependence_text", rows=f"{min(ROWS, len(own)):,}", what=what)
    header = [words(key) for key in ("answer", "column", "dependence_range", "dependence_to")]
    if len(answers) == 1:
        header, rows = header[1:], [row[1:] for row in rows]
    return section(words("dependence"), paragraph(text), grid(*filter(None, drawn)), table(header, rows))


def _drawn(one: Dependence, what: str, is_time: bool) -> Figure:
    """A line and a band over numbers, points and whiskers over words."""
    figure = new_figure(4.4, 3.2)
    axes = figure.subplots()
    if one.places is None:
        places = np.arange(len(one.labels))[::-1]
        axes.hlines(places, one.low, one.high, color=FIRST, alpha=0.3, linewidth=6)
        axes.plot(one.mean, places, "o", color=FIRST, markersize=5)
        axes.set_yticks(places, [short(label) for label in one.labels], parse_math=False)
        label_axes(axes, what, one.column, is_open=True)
        return figure
    axes.fill_between(one.places, one.low, one.high, color=FIRST, alpha=0.18, linewidth=0)
    axes.plot(one.places, one.mean, color=FIRST, marker="o", markersize=3, linewidth=1.6)
    label_axes(axes, one.column, what, is_open=True)
    if is_time:
        axes.xaxis_date()
        axes.tick_params(axis="x", rotation=30, labelsize=SMALL)
    else:
        axes.locator_params(axis="x", nbins=6)
    return figure


def explained(own: ByColumns, answers: Sequence[Answer], results: Results | None, words: Words) -> str:
    """What moved the worst answers, and a typical one."""
    shape = own.given.network.output_shape or ()
    if len(shape) != 1 or own.given.loss.is_by_step(shape) or len(own) < 2:
        return ""
    answer = answers[0] if answers else None
    part = results
    if results is not None and results.parts and answer is not None:
        part = dict(results.parts).get(answer.name)
    chosen = _chosen(own, part, answer)
    target = None if answer is None else answer.target
    if isinstance(target, tuple):
        target = target[0]
    rows = np.array(list(chosen))
    found = list(explanations(own, rows, own, target=target))
    first = found[0]
    text = words("explanations_text", background=f"{first.background:,}") + " " + words(f"by_{first.method}")
    cards = [_explanation(one, chosen[one.row], _said(one, part, words), words) for one in found]
    return section(words("explanations"), paragraph(text), f'<div class="pictures">{"".join(cards)}</div>')


def _chosen(own: ByColumns, results: Results | None, answer: Answer | None) -> dict[int, str]:
    """The rows that are explained, with what they are: the worst, and one in the middle."""
    if results is not None and results.kind == CLASSES and results.probabilities is not None:
        losses: Array | None = -np.log(np.maximum(results.probabilities[np.arange(len(own)), results.actual], 1e-12))
    elif results is not None:
        losses = results.errors
    else:
        losses = None if answer is None else answer.of(own.features)
    if losses is None:
        return {0: "typical"}
    order = np.argsort(-losses, kind="stable")
    found = {} if results is None else {int(row): "worst" for row in order[:WORST]}
    return found | {int(order[len(order) // 2]): "typical"}


def _said(one: Explanation, results: Results | None, words: Words) -> str:
    """The answer and the right one, in a sentence."""
    if results is None:
        return "" if one.kind != "amount" else words("said_amount_alone", said=readable(one.answer))
    if results.kind == CLASSES:
        said, actual = (results.class_names[own[one.row]] for own in (results.predicted, results.actual))
        if results.probabilities is None:
            return words("said_score", said=said, actual=actual)
        share = percent(float(results.probabilities[one.row, results.predicted[one.row]]))
        return words("said_class", said=said, actual=actual, share=share)
    said, actual = (readable(float(np.ravel(own[one.row])[0])) for own in (results.predicted, results.actual))
    return words("said_amount", said=said, actual=actual)


def short_text(text: str) -> str:
    """A value that a line has room for."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _explanation(one: Explanation, which: str, said: str, words: Words) -> str:
    largest = max((abs(own.effect) for own in one.effects), default=0.0) or 1.0
    rows: list[tuple[object, ...]] = [
        (
            own.column,
            short_text(own.value) or words("missing_value"),
            Signed(own.effect),
            *((f"±\u00a0{readable(own.deviation)}",) if one.method == SHAPLEY else ()),
            SignedBar(own.effect / largest),
        )
        for own in one.effects[:LISTED]
    ]
    wide = len(rows[0]) - 3 if rows else 1
    rest = one.effects[LISTED:]
    more = [(words("others", count=len(rest)), "", Signed(sum(own.effect for own in rest)))] if rest else []
    unit = words(f"unit_{one.kind}", name=one.name)
    left = 0.0 if abs(one.residual) < ROUNDING * max(abs(one.answer), largest) else one.residual
    ends = [(words("not_explained"), "", Signed(left)), (words("the_answer"), "", one.answer)]
    begin = [(words("base"), "", one.base)]
    blank: tuple[object, ...] = ("",) * wide
    body = [*rows, *((*line, *blank) for line in (*more, *begin, *ends))]
    header = [words("column"), words("value"), unit, *("" for _ in range(wide))]
    title = f"<h3>{escape(words(which, row=f'{one.row:,}'))}</h3>"
    return f'<div class="effects">{title}{paragraph(said) if said else ""}{table(header, body)}</div>'
