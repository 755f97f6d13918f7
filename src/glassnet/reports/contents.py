"""The sections on what the model was made from: columns, data, layers; and how to use it."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.derivatives.importance import permutation_importance, usual_measure
from glassnet.model import Model
from glassnet.plots.figures import readable
from glassnet.preprocessing import Standardize
from glassnet.reports.answers import title_of
from glassnet.reports.html import Bar, code, paragraph, section, table
from glassnet.reports.results import AMOUNTS, CLASSES, OTHER, Results
from glassnet.tables import Table
from glassnet.training import History
from glassnet.version import __version__

MOST_COLUMNS, LISTED, LISTED_CLASSES = 200, 20, 30
IMPORTANCE_ROWS = 1000


def importance(model: Model, x: Any, y: Any, results: Results) -> str:
    """How much the answers depend on each column of a table."""
    if results.kind == OTHER or not (isinstance(model.preprocessing, Table) or model.feature_names is not None):
        return ""
    count = len(_columns(model))
    title = "What its answers depend on"
    if count > MOST_COLUMNS:
        return section(title, paragraph(f"Not measured: {count:,} columns, more than {MOST_COLUMNS}."))
    found = permutation_importance(model, x, y, rows=IMPORTANCE_ROWS)
    largest = max((own.change for own in found), default=0.0)
    rows = [(own.column, own.change, Bar(own.change / largest if largest > 0 else 0.0)) for own in found[:LISTED]]
    measure = title_of(usual_measure(model))
    verb = "falls" if measure == "Accuracy" else "rises"
    text = (
        f"Each column’s values were shuffled among {min(IMPORTANCE_ROWS, len(results.actual)):,} held-out rows, three "
        f"times: so much the {measure.lower()} {verb}. About 0 means that the column is hardly used, or that "
        "another one says the same."
    )
    left = f"The {LISTED} most important of {len(found)} columns." if len(found) > LISTED else ""
    return section(
        title, paragraph(text), table(("column", f"{measure.lower()} {verb} by", ""), rows), left and paragraph(left)
    )


def data(model: Model, results: Results, *, training_rows: int | None) -> str:
    """Rows, classes and what was learned of each column."""
    held = len(results.actual)
    sizes = f"{held:,} rows were held out to test"
    sizes = f"{training_rows:,} rows to train with; {sizes}." if training_rows is not None else f"{sizes}."
    return section("The data", paragraph(sizes), _balance(results, training_rows), _learned(model))


def _balance(results: Results, training_rows: int | None) -> str:
    """The classes' shares, or the spread of the amounts."""
    if results.kind == CLASSES:
        count = len(results.class_names)
        own, held = (np.bincount(part, minlength=count) for part in (results.known, results.actual))
        order = np.argsort(-own, kind="stable")[:LISTED_CLASSES] if count > LISTED_CLASSES else np.arange(count)
        shares, bars = own / own.sum(), own / max(1, own.max())
        rows: list[tuple[object, ...]] = [
            (results.class_names[k], int(own[k]), int(held[k]), f"{100 * shares[k]:.1f}\u00a0%", Bar(bars[k]))
            for k in order
        ]
        header: tuple[str, ...] = ("class", "in training", "held out", "share", "")
        if training_rows is None:
            rows = [(row[0], *row[2:]) for row in rows]
            header = ("class", "held out", "share", "")
        more = paragraph(f"The {len(order)} most frequent of {count} classes.") if len(order) < count else ""
        return table(header, rows) + more
    if results.kind == AMOUNTS:
        amounts = results.known.astype(np.float64).reshape(len(results.known), -1)
        which = "training" if training_rows is not None else "held out"
        low, mean, high = (float(f(amounts)) for f in (np.min, np.mean, np.max))
        return paragraph(f"Amounts ({which}): {readable(low)} to {readable(high)}, mean {readable(mean)}.")
    return ""


def _columns(model: Model) -> tuple[str, ...]:
    if isinstance(model.preprocessing, Table):
        return tuple(column.name for column in model.preprocessing.columns)
    return model.feature_names or ()


def _learned(model: Model) -> str:
    """A line for each column."""
    scaling, names = model.preprocessing, _columns(model)
    title = "<h3>What was learned of each column</h3>"
    if isinstance(scaling, Table):
        return title + table(("column", "what it is"), [(c.name, scaling.describe(c)) for c in scaling.columns])
    if isinstance(scaling, Standardize) and names and scaling.mean.shape == scaling.scale.shape == (len(names),):
        rows = [(n, float(m), float(s)) for n, m, s in zip(names, scaling.mean, scaling.scale, strict=True)]
        return title + table(("column", "mean", "deviation"), rows)
    return ""


def layers(model: Model, history: History | None) -> str:
    """The table of layers, and how they were trained."""
    summary = model.summary()
    rows = [(row.path, row.layer, row.output, int(row.parameters)) for row in summary.rows]
    settings = [
        ("input", f"{summary.input}, {summary.dtype}"),
        ("parameters", f"{summary.parameters:,}" + (f", {summary.trained:,} trained" if summary.not_trained else "")),
        ("FLOPs", f"{summary.flops:,} for a row"),
        ("loss", repr(model.loss)),
        ("optimizer", repr(model.optimizer)),
        ("trained", f"{model.epochs_trained:,} epochs, {model.optimizer.steps:,} steps"),
        *([("time", f"{readable(history.seconds)} seconds")] if history is not None and history.seconds else []),
        ("seed", str(model.seed)),
        ("version", f"glassnet {__version__}"),
    ]
    layers_table = table(("path", "layer", "output", "parameters"), rows)
    return section("The model", layers_table, "<br>", table(("", ""), settings))


def usage(model: Model, file: Path | None) -> str:
    """Two commands and a snippet."""
    name = "model.safetensors" if file is None else file.name
    quoted, shape = shlex.quote(name), model.network.input_shape or ()
    save = "" if file is not None else f"Save it first: model.save({name!r})."
    new, test, size = "new.npz", "new.npz", ""
    read = "import numpy as np\n", f'x = np.load("new.npz")["x"]  # {" × ".join(map(str, shape))} numbers a row'
    if isinstance(model.preprocessing, Table):
        new = test = "new.csv"
        read = "", 'x = gn.data.read_table("new.csv", like=model.preprocessing)  # or any frame with these columns'
    elif model.feature_names is not None:
        new = test = "new.csv"
        read = "", 'x = gn.data.open_source("new.csv", columns=model.feature_names)[0].x'
    elif len(shape) == 3 and shape[0] in (1, 3):
        new, test, size = "new/*.png", "new/", f" --resize {shape[1]}x{shape[2]}"
    commands = (
        f"glassnet predict {quoted} {new}{size}     # an answer for each\n"
        f"glassnet evaluate {quoted} {test}{size}   # how good it is on other data"
    )
    ask = "print(model.predict_mean(x))" if model.loss.has_log_link else "print(model.predict(x))"
    if model.loss.decides_classes:
        ask = "print(model.predict_classes(x))" + ("  # places in model.class_names" * bool(model.class_names))
    snippet = f"{read[0]}import glassnet as gn\n\nmodel = gn.load({name!r})\n{read[1]}\n{ask}"
    return section("Use it", escape(save) and f"<p>{escape(save)}</p>", code(commands), code(snippet))
