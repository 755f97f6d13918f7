"""The section on thresholds: what comes of taking rows for the second of two classes from a probability on."""

from __future__ import annotations

from html import escape

import numpy as np

from glassnet.plots.figures import readable
from glassnet.reports.answers import MOST_PARTS, percent
from glassnet.reports.html import paragraph, section, table
from glassnet.reports.results import CLASSES, Results
from glassnet.reports.thresholds import SHOWN, Costs, at, best_threshold, cost_elsewhere
from glassnet.reports.words import Words


def thresholds(results: Results, costs: Costs, words: Words) -> str:
    """A table of thresholds for each answer of two classes."""
    parts = results.parts[:MOST_PARTS] if results.parts else (("", results),)
    shown = []
    for name, part in parts:
        if part.kind == CLASSES and part.probabilities is not None and len(part.class_names) == 2:
            shown.append((f"<h3>{escape(name)}</h3>" if name else "") + _thresholds(part, costs, words))
    return section(words("thresholds"), *shown) if shown else ""


def _thresholds(results: Results, costs: Costs, words: Words) -> str:
    shares, is_second = results.probabilities, results.actual == 1
    assert shares is not None
    scores = shares[:, 1]
    best = best_threshold(scores, is_second, costs)
    notes = dict.fromkeys(SHOWN.round(3).tolist(), "")
    notes[round(costs.threshold, 3)] = words("by_costs")
    marks = [(threshold, note) for threshold, note in notes.items() if abs(threshold - best) > 5e-4]
    rows = []
    for threshold, note in sorted([*marks, (best, words("least"))]):
        own = at(threshold, scores, is_second, costs)
        precision = "–" if np.isnan(own.precision) else percent(own.precision)
        recall = "–" if np.isnan(own.recall) else percent(own.recall)
        counts = own.false_alarms, own.misses, own.cost
        rows.append((f"{threshold:.3f}", percent(own.taken), precision, recall, *counts, note))
    names = {"first": results.class_names[0], "second": results.class_names[1]}
    text = words(
        "thresholds_text",
        **names,
        false_alarm=f"{costs.false_alarm:g}",
        miss=f"{costs.miss:g}",
        best=f"{best:.3f}",
        cost=readable(at(best, scores, is_second, costs).cost),
        half=readable(at(0.5, scores, is_second, costs).cost),
    )
    elsewhere = readable(cost_elsewhere(scores, is_second, costs))
    chosen = words("thresholds_chosen", elsewhere=elsewhere, elkan=f"{costs.threshold:.3f}")
    header = [words(key) for key in ("threshold", "precision", "recall", "false_alarms", "misses", "cost")]
    header.insert(1, words("taken", second=names["second"]))
    return paragraph(text) + paragraph(chosen) + table((*header, ""), rows)
