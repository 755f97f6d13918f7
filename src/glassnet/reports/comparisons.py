"""The sections that compare rows: where the model is worse, and how far rows are from the training's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassnet.derivatives.by_columns import ByColumns, value_text
from glassnet.model import Model
from glassnet.plots.figures import readable
from glassnet.reports.answers import percent
from glassnet.reports.html import paragraph, section, table
from glassnet.reports.results import AMOUNTS, CLASSES, Results
from glassnet.reports.slices import Slice, worse_slices
from glassnet.reports.words import Words
from glassnet.tables import Drift, Profile, Table
from glassnet.tables.kinds import DAYTIME, DURATION, NUMBER, TIME

LISTED = 20


def slices(own: ByColumns, results: Results, words: Words) -> str:
    """The groups of rows in which the model errs more than chance explains."""
    if results.kind not in (CLASSES, AMOUNTS) and not results.parts:
        return ""
    errors = results.errors
    if len(errors) != len(own):
        return ""
    found, looked, rows = worse_slices(own, errors)
    if not looked:
        return ""
    text = words("slices_text" if found else "slices_none", looked=f"{looked:,}")
    if rows < len(errors):
        text += words("slices_rows", rows=f"{rows:,}")
    if not found:
        return section(words("slices"), paragraph(text))
    are_shares = results.kind != AMOUNTS
    name = "wrong" if are_shares else "relative_error" if results.parts else "mean_error"
    show = percent if are_shares else readable
    listed = [
        (
            one.column,
            _which(one, words),
            one.rows,
            show(one.error),
            "" if one.interval is None else " – ".join(map(show, one.interval)),
            show(one.elsewhere),
            "< 0.002" if one.chance < 0.002 else f"{one.chance:.3f}",
        )
        for one in found[:LISTED]
    ]
    header = [words(key) for key in ("column", "group", "rows", name, "interval_95", "elsewhere", "chance")]
    left = words("slices_left", listed=LISTED, count=len(found)) if len(found) > LISTED else ""
    return section(words("slices"), paragraph(text), table(header, listed), left and paragraph(left))


def _which(one: Slice, words: Words) -> str:
    if one.word is not None:
        return words("quoted", name=one.word)
    if one.low is None or one.high is None:
        return words("missing_value")
    return one.low if one.low == one.high else words("from_to", low=one.low, high=one.high)


def drift(model: Model, found: Sequence[Drift], words: Words) -> str:
    """How far the rows are from those of the training, column by column.

    Args:
        model: of tables.
        found: what ``Table.drift`` says; empty where nothing is known of the training.
        words: of the page.
    """
    if not found:
        return section(words("drift"), paragraph(words("drift_unknown")))
    moved = [own for own in found if own.verdict != "none"]
    text = words("drift_some" if moved else "drift_none", moved=len(moved), count=len(found))
    table_ = model.preprocessing
    assert isinstance(table_, Table)
    targets = () if table_.target is None else table_.target.names
    rows = [
        (
            words("and_to_be_predicted", name=own.column) if own.column in targets else own.column,
            words(f"verdict_{own.verdict}"),
            round(own.index, 4),
            round(own.noise, 4),
            f"{percent(own.missing[0])} → {percent(own.missing[1])}" if any(own.missing) else "",
            _new(own, table_, words),
        )
        for own in found[:LISTED]
    ]
    header = [words(key) for key in ("column", "verdict", "psi", "noise", "gaps", "remarks")]
    left = words("slices_left", listed=LISTED, count=len(found)) if len(found) > LISTED else ""
    return section(
        words("drift"), paragraph(text), table(header, rows), paragraph(words("drift_text")), left and paragraph(left)
    )


def _new(own: Drift, known: Table, words: Words) -> str:
    """Words that are new, or how many numbers lie outside of what training had."""
    if own.new_words:
        return words("new_words", words=", ".join(f"{name} ({count:,})" for name, count in own.new_words))
    profile = known.profiles[own.column]
    if not own.outside or profile.low is None or profile.high is None:
        return ""
    low, high = (_shown(known, own.column, value) for value in (profile.low, profile.high))
    return words("outside", count=f"{own.outside:,}", low=low, high=high)


def _shown(known: Table, name: str, value: float) -> str:
    """A number of a profile as a value of its column."""
    kind = next((own.kinds[0] for own in known.columns if own.name == name), NUMBER)
    if kind == TIME:
        return value_text(TIME, np.datetime64(round(value * 86_400e6), "us"))
    return value_text(kind if kind in (DAYTIME, DURATION) else NUMBER, value)


def predictions(model: Model, outputs: np.ndarray, words: Words) -> str:
    """What a model answers to rows whose right answers are not known, beside the training's."""
    known = model.preprocessing
    profiles = known.profiles if isinstance(known, Table) else {}
    questions = dict(known.questions) if isinstance(known, Table) else {}
    if model.class_names is not None and len(questions) < 2:
        questions = {model.target_name or words("the_class"): tuple(model.class_names)}
    parts = []
    if model.loss.decides_classes:
        said = model.loss.classes(outputs)
        if said.ndim > 2 or said.size != len(said) * max(1, len(questions)):
            return ""
        if not questions:
            questions = {words("the_class"): tuple(map(str, range(max(2, outputs.shape[1]))))}
        for (name, classes), own in zip(questions.items(), said.reshape(len(said), -1).T, strict=True):
            counts = np.bincount(own.astype(np.intp), minlength=len(classes))
            order = np.argsort(-counts, kind="stable")[:LISTED]
            shares = _shares(profiles.get(name))
            then = [percent(shares[classes[k]]) if classes[k] in shares else "" for k in order]
            of_classes = [
                (classes[k], int(counts[k]), percent(counts[k] / len(said)), known_share)
                for k, known_share in zip(order, then, strict=True)
            ]
            parts.append(table((name, words("predicted_rows"), words("share"), words("share_training")), of_classes))
    else:
        amounts = model.loss.means(outputs).reshape(len(outputs), -1).astype(np.float64)
        is_of_table = isinstance(known, Table) and known.target is not None
        names = known.target.names if is_of_table else (model.target_name,) * amounts.shape[1]  # type: ignore[union-attr]
        if len(names) != amounts.shape[1]:
            return ""
        places = ("smallest", "quarter", "half", "three_quarters", "largest")
        rows = [
            (name or words("the_amount"), *map(float, np.quantile(own, [0, 0.25, 0.5, 0.75, 1])))
            for name, own in zip(names, amounts.T, strict=True)
        ]
        parts.append(table((words("answer"), *map(words, places)), rows))
    return section(words("predictions"), *parts)


def _shares(profile: Profile | None) -> dict[str, float]:
    """The shares of the classes in training."""
    if profile is None or not profile.words:
        return {}
    return dict(zip(profile.words, np.array(profile.counts[:-1]) / sum(profile.counts), strict=True))
