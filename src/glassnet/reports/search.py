"""The page about a search for good settings."""

from __future__ import annotations

from datetime import date
from functools import partial
from html import escape
from pathlib import Path
from statistics import median

from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import PAGE
from glassnet.core.pages import page
from glassnet.core.settings import language_of
from glassnet.plots.figures import readable
from glassnet.reports.answers import grid
from glassnet.reports.html import STYLE, Bar, paragraph, section, table
from glassnet.reports.pictures import can_draw, picture
from glassnet.reports.search_pictures import MOST_SLICES, best_first, drawn_curves, drawn_history, drawn_slices
from glassnet.reports.search_words import SEARCH
from glassnet.reports.words import Words
from glassnet.training.live_curve import in_words
from glassnet.tuning import Tuning
from glassnet.version import __version__

LISTED, FAILURES = 20, 10


def report_tuning(tuning: Tuning, path: str | Path, *, name: str = "data", language: str | None = None) -> Path:
    """Writes the page; see ``Tuning.report``."""
    target = require_writable(path, PAGE, where="report")
    own = language_of(language, "report")
    words = Words(own, SEARCH)
    title = words("title", name=name)
    body = "".join(
        [
            _top(tuning, words, title),
            _headline(tuning, words),
            _history(tuning, words),
            _importance(tuning, words),
            section(words("settings"), _settings(tuning, words)),
            _trials(tuning, words),
            _failures(tuning, words),
        ]
    )
    write_atomically(target, page(title, body, language=own, style=STYLE).encode(), PAGE)
    return target


def _top(tuning: Tuning, words: Words, title: str) -> str:
    top = words("top", trials=f"{len(tuning.trials):,}", date=date.today().isoformat(), version=__version__)
    missing = "" if can_draw() else paragraph(words("missing"), "notice")
    return f"<h1>{escape(title)}</h1>\n" + paragraph(top, "muted") + missing


def _headline(tuning: Tuning, words: Words) -> str:
    best, complete = tuning.best, [t.value for t in tuning.trials if t.state == "complete" and t.value is not None]
    text = words(
        "best",
        trials=f"{len(tuning.trials):,}",
        number=best.number,
        held=f"{tuning.rows[1]:,}",
        metric=_metric(tuning, words),
        value=readable(best.value or 0.0),
        epoch=best.best_epoch,
    )
    if len(complete) > 1:
        text += words("typical", value=readable(float(median(complete))))
    cards = [
        (words("card_best", metric=_metric(tuning, words)), readable(best.value or 0.0)),
        *(
            (words(f"card_{state}"), f"{sum(trial.state == state for trial in tuning.trials):,}")
            for state in ("complete", "pruned", "failed")
        ),
        (words("card_seconds"), readable(sum(trial.seconds for trial in tuning.trials))),
    ]
    drawn = "".join(f"<div class=card><span>{escape(n)}</span><strong>{escape(v)}</strong></div>" for n, v in cards)
    stopped = "" if tuning.stopped is None else words("stopped", reason=words(tuning.stopped))
    return (
        paragraph(text, "lead")
        + f'<div class="cards">{drawn}</div>'
        + (paragraph(stopped, "notice") if stopped else "")
        + paragraph(words("chosen_by"))
    )


def _history(tuning: Tuning, words: Words) -> str:
    rows = words("rows", training=f"{tuning.rows[0]:,}", held=f"{tuning.rows[1]:,}")
    metric = _metric(tuning, words)
    drawn = [
        picture(partial(drawn_history, tuning), words("history_caption", metric=metric), words=words),
        picture(partial(drawn_curves, tuning), words("curves_caption", metric=metric), words=words),
    ]
    return section(words("history"), paragraph(rows), grid(*filter(None, drawn)))


def _importance(tuning: Tuning, words: Words) -> str:
    shares = tuning.importance()
    if not shares:
        return ""
    most = max(shares.values()) or 1.0
    rows = [(name, share, Bar(share / most)) for name, share in shares.items()]
    names = [name for name, share in shares.items() if share > 0][:MOST_SLICES]
    caption = words("slices_caption", metric=_metric(tuning, words))
    drawn = picture(lambda: drawn_slices(tuning, names), caption, words=words) if names else ""
    header = (words("setting"), words("share"), "")
    return section(words("importance"), paragraph(words("importance_text")), table(header, rows), drawn)


def _settings(tuning: Tuning, words: Words) -> str:
    rows = [(name, _plain(value)) for name, value in tuning.best.settings.items()]
    return table((words("setting"), words("value")), rows)


def _trials(tuning: Tuning, words: Words) -> str:
    ordered = [trial for trial in best_first(tuning) if trial.state != "failed"]
    names = list(dict.fromkeys(name for trial in tuning.trials for name in trial.settings))
    columns = (words("number"), _metric(tuning, words), words("state"), words("epochs"), words("seconds"))
    rows = [
        (
            trial.number,
            trial.value or 0.0,
            words(trial.state),
            len(trial.values),
            round(trial.seconds, 1),
            *(_plain(trial.settings.get(name, "")) for name in names),
        )
        for trial in ordered[:LISTED]
    ]
    text = words("trials_text", listed=len(rows), trials=len(tuning.trials)) if len(ordered) > LISTED else ""
    return section(words("trials"), paragraph(text) if text else "", table((*columns, *names), rows))


def _failures(tuning: Tuning, words: Words) -> str:
    failed = [(trial.number, trial.reason or "") for trial in tuning.trials if trial.state == "failed"]
    return section(words("failures"), table((words("number"), words("reason")), failed[:FAILURES])) if failed else ""


def _metric(tuning: Tuning, words: Words) -> str:
    return in_words(tuning.metric, words.language).replace("_", " ")


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
