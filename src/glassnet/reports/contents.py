"""The sections on what the model was made from: columns, data, layers; and how to use it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from glassnet.derivatives.importance import Importance, usual_measure
from glassnet.model import Model
from glassnet.plots.figures import readable
from glassnet.preprocessing import Standardize
from glassnet.reports.answers import percent
from glassnet.reports.html import Bar, code, paragraph, section, table
from glassnet.reports.results import AMOUNTS, CLASSES, Results
from glassnet.reports.words import Words
from glassnet.tables import Table
from glassnet.training import History
from glassnet.version import __version__

MOST_COLUMNS, LISTED, LISTED_CLASSES = 200, 20, 30
IMPORTANCE_ROWS = 1000


def importance(found: Sequence[Importance], model: Model, rows: int, words: Words) -> str:
    """How much the answers depend on each column of a table.

    Args:
        found: what was measured; empty where there are too many columns.
        model: of tables.
        rows: that were measured.
        words: of the page.
    """
    title, count = words("importance"), len(columns_of(model))
    if not found:
        return section(title, paragraph(words("importance_too_many", count=f"{count:,}", most=MOST_COLUMNS)))
    largest = max((own.change for own in found), default=0.0)
    listed = [
        (own.column, own.change, Bar(max(0.0, own.change / largest) if largest > 0 else 0.0)) for own in found[:LISTED]
    ]
    name = usual_measure(model)
    how = {"measure": words.measure(name), "verb": words("falls" if name == "accuracy" else "rises")}
    if words.language == "en":
        how["measure"] = how["measure"].lower()
    text = words("importance_text", rows=f"{min(IMPORTANCE_ROWS, rows):,}", **how)
    left = words("importance_left", listed=LISTED, count=len(found)) if len(found) > LISTED else ""
    return section(
        title,
        paragraph(text),
        table((words("column"), words("verb_by", **how), ""), listed),
        left and paragraph(left),
    )


def data(model: Model, results: Results | None, rows: int, words: Words, *, training_rows: int | None) -> str:
    """Rows, classes and what was learned of each column."""
    if results is None:
        return section(words("data"), paragraph(words("new_rows", rows=f"{rows:,}")), _learned(model, words))
    sizes = words("held_out", rows=f"{rows:,}")
    sizes = (
        words("only_held_out", sizes=sizes)
        if training_rows is None
        else words("training_rows", rows=f"{training_rows:,}", sizes=sizes)
    )
    return section(words("data"), paragraph(sizes), _balance(results, training_rows, words), _learned(model, words))


def _balance(results: Results, training_rows: int | None, words: Words) -> str:
    """The classes' shares, or the spread of the amounts."""
    if results.kind == CLASSES:
        count = len(results.class_names)
        own, held = (np.bincount(part, minlength=count) for part in (results.known, results.actual))
        order = np.argsort(-own, kind="stable")[:LISTED_CLASSES] if count > LISTED_CLASSES else np.arange(count)
        shares, bars = own / own.sum(), own / max(1, own.max())
        rows: list[tuple[object, ...]] = [
            (results.class_names[k], int(own[k]), int(held[k]), percent(shares[k]), Bar(bars[k])) for k in order
        ]
        header: tuple[str, ...] = (words("class"), words("in_training"), words("held"), words("share"), "")
        if training_rows is None:
            rows = [(row[0], *row[2:]) for row in rows]
            header = (header[0], *header[2:])
        more = paragraph(words("most_frequent", listed=len(order), count=count)) if len(order) < count else ""
        return table(header, rows) + more
    if results.kind == AMOUNTS:
        amounts = results.known.astype(np.float64).reshape(len(results.known), -1)
        which = words("training" if training_rows is not None else "test")
        low, mean, high = (readable(float(f(amounts))) for f in (np.min, np.mean, np.max))
        return paragraph(words("amounts", which=which, low=low, high=high, mean=mean))
    return ""


def columns_of(model: Model) -> tuple[str, ...]:
    """The names of the columns of a model of tables; none for others."""
    if isinstance(model.preprocessing, Table):
        return tuple(column.name for column in model.preprocessing.columns)
    return model.feature_names or ()


def _learned(model: Model, words: Words) -> str:
    """A line for each column."""
    scaling, names = model.preprocessing, columns_of(model)
    title = f"<h3>{escape(words('learned'))}</h3>"
    if isinstance(scaling, Table):
        rows = [(c.name, scaling.describe(c)) for c in scaling.columns]
        return title + table((words("column"), words("what_it_is")), rows)
    if isinstance(scaling, Standardize) and names and scaling.mean.shape == scaling.scale.shape == (len(names),):
        numbers = [(n, float(m), float(s)) for n, m, s in zip(names, scaling.mean, scaling.scale, strict=True)]
        return title + table((words("column"), words("mean"), words("deviation")), numbers)
    return ""


def layers(model: Model, history: History | None, words: Words) -> str:
    """The table of layers, and how they were trained."""
    summary = model.summary()
    rows = [(row.path, row.layer, row.output, int(row.parameters)) for row in summary.rows]
    not_all = words("trained_parameters", count=f"{summary.trained:,}") if summary.not_trained else ""
    steps = {"epochs": f"{model.epochs_trained:,}", "steps": f"{model.optimizer.steps:,}"}
    timed = history is not None and history.seconds
    settings = [
        (words("input"), f"{summary.input}, {summary.dtype}"),
        (words("parameters"), f"{summary.parameters:,}{not_all}"),
        (words("flops"), words("for_a_row", count=f"{summary.flops:,}")),
        (words("loss"), repr(model.loss)),
        (words("optimizer"), repr(model.optimizer)),
        (words("trained"), words("epochs_steps", **steps)),
        *([(words("time"), words("seconds", seconds=readable(history.seconds)))] if history and timed else []),
        (words("seed"), str(model.seed)),
        (words("version"), f"glassnet {__version__}"),
    ]
    header = words("path"), words("layer"), words("output"), words("parameters")
    return section(words("model"), table(header, rows), "<br>", table(("", ""), settings))


def usage(model: Model, file: Path | None, words: Words) -> str:
    """Commands and a snippet."""
    name = "model.safetensors" if file is None else file.name
    quoted, shape = shlex.quote(name), model.network.input_shape or ()
    save = "" if file is not None else words("save_first", code=f"model.save({name!r})")
    new, test, size = "new.npz", "new.npz", ""
    read = (
        "import numpy as np\n",
        f'x = np.load("new.npz")["x"]  # {words("numbers_a_row", shape=" × ".join(map(str, shape)))}',
    )
    if isinstance(model.preprocessing, Table):
        new = test = "new.csv"
        read = "", f'x = gn.data.read_table("new.csv", like=model.preprocessing)  # {words("or_frame")}'
    elif model.feature_names is not None:
        new = test = "new.csv"
        read = "", 'x = gn.data.open_source("new.csv", columns=model.feature_names)[0].x'
    elif len(shape) == 3 and shape[0] in (1, 3):
        new, test, size = "new/*.png", "new/", f" --resize {shape[1]}x{shape[2]}"
    commands = (
        f"glassnet predict {quoted} {new}{size}     # {words('an_answer')}\n"
        f"glassnet evaluate {quoted} {test}{size}   # {words('how_good')}"
    )
    if isinstance(model.preprocessing, Table):
        commands += f"\nglassnet report {quoted} {new}      # {words('how_far_moved')}"
    ask = "print(model.predict_mean(x))" if model.loss.has_log_link else "print(model.predict(x))"
    if model.loss.decides_classes:
        ask = "print(model.predict_classes(x))" + (f"  # {words('places')}" * bool(model.class_names))
    snippet = f"{read[0]}import glassnet as gn\n\nmodel = gn.load({name!r})\n{read[1]}\n{ask}"
    return section(words("use"), escape(save) and f"<p>{escape(save)}</p>", code(commands), code(snippet))
