"""The illness museum shown: a sick network trained, guessed at, diagnosed and cured, as text and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

import numpy as np

from glassnet.core.errors import DivergenceError
from glassnet.core.pages import page
from glassnet.core.randomness import generator
from glassnet.diagnosis.diagnose import Diagnosis, diagnose
from glassnet.diagnosis.finding import bars
from glassnet.diagnosis.museum import EXHIBITS, Exhibit
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.reports.museum_words import MUSEUM, cause_in
from glassnet.training import History

EPOCHS, HELD = 20, 0.25
"""Of the training that shows the symptom, and the share of its rows that are held out."""
CHOICES = 4
MEASURES = ("loss", "val_loss", "accuracy", "val_accuracy")
STYLE = """
.exhibit { border-bottom: 1px solid var(--line); padding-bottom: 1rem; }
.exhibit dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
.curves { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.exhibit dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.exhibit p code { overflow-wrap: anywhere; }
.exhibit details { overflow-wrap: anywhere; }
.guesses { display: flex; flex-wrap: wrap; gap: .5rem; border: 0; padding: 0; margin: .6rem 0; }
.guesses legend { font-weight: 600; padding: 0; }
.guesses button { font: inherit; padding: .3rem .7rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--panel); color: inherit; cursor: pointer; }
.guesses button.right { border-color: var(--good); color: var(--good); }
.guesses button.wrong { border-color: var(--bad); color: var(--bad); }
pre { white-space: pre-wrap; }
"""
SCRIPT = """"use strict";
let guessed = 0, right = 0;
const score = document.getElementById("score");
for (const exhibit of document.querySelectorAll(".exhibit")) {
  const said = exhibit.querySelector(".said");
  for (const button of exhibit.querySelectorAll(".guesses button")) {
    button.addEventListener("click", () => {
      const isRight = button.dataset.right === "yes";
      if (!exhibit.dataset.guessed) {
        exhibit.dataset.guessed = "yes";
        guessed += 1;
        right += Number(isRight);
        score.textContent = score.dataset.text.replace("{}", right).replace("{}", guessed);
      }
      button.classList.add(isRight ? "right" : "wrong");
      said.textContent = button.dataset.said;
      if (isRight) exhibit.querySelector("details").open = true;
    });
  }
}
"""


@dataclass(frozen=True)
class Visit:
    """An exhibit after a training.

    Attributes:
        exhibit: the sick network.
        model: trained, as far as it went.
        rows, columns: of its data.
        history: of the epochs that ended.
        diagnosis: of the network as it was before.
    """

    exhibit: Exhibit
    model: Model
    rows: int
    columns: int
    history: History
    diagnosis: Diagnosis

    @property
    def choices(self) -> list[str]:
        """Four causes, its own among them, in an order that its name decides."""
        others = list(dict.fromkeys(own.cause for own in EXHIBITS if own.cause != self.exhibit.cause))
        rng = generator(sum(self.exhibit.name.encode()), "museum")
        chosen = [self.exhibit.cause, *(others[place] for place in rng.permutation(len(others))[: CHOICES - 1])]
        return [chosen[place] for place in rng.permutation(CHOICES)]


def model_of(exhibit: Exhibit, seed: int = 0) -> Model:
    """The sick network, untrained."""
    metrics = [] if exhibit.loss == "mean_squared_error" else ["accuracy"]
    return Model(Sequential(*exhibit.layers()), exhibit.loss, exhibit.optimizer, metrics, seed=seed)


def visit(exhibit: Exhibit, seed: int = 0) -> Visit:
    """Trains a sick network for a moment, and diagnoses it.

    Args:
        exhibit: which.
        seed: of its data and its weights.
    """
    x, y = exhibit.data(seed)
    model = model_of(exhibit, seed)
    found = diagnose(model, x, y)
    try:
        history = model.fit(x, y, epochs=EPOCHS, validation_split=HELD, verbose=False)
    except DivergenceError as error:
        history = error.history if isinstance(error.history, History) else History()
    return Visit(exhibit, model, len(x), x.shape[1], history, found)


def symptom(shown: Visit, language: str) -> str:
    """What somebody sees who knows nothing yet: the network, its data and its curves.

    Args:
        shown: the visit.
        language: "en" or "zh".
    """
    from rich.cells import cell_len, set_cell_size

    words, exhibit = MUSEUM[language], shown.exhibit
    about, column = _about(shown, language), max(cell_len(words[f"{name}_of"]) for name in MEASURES)
    lines = [exhibit.name, f"  {exhibit.shows[language]}", "", *(f"  {name}: {text}" for name, text in about), ""]
    lines.append(words["training"].format(EPOCHS))
    for name, values in _curves(shown):
        drawn = bars(np.array(values), min(values), max(values))
        said = set_cell_size(words[f"{name}_of"], column)
        lines.append(f"  {said}  {drawn}  {values[0]:.4g} → {values[-1]:.4g}")
    if len(shown.history) < EPOCHS:
        lines.append(f"  {words['stopped'].format(len(shown.history) + 1)}")
    return "\n".join(lines)


def museum_page(visits: Sequence[Visit], language: str = "en") -> str:
    """All of them as one page to guess on, which asks the network for nothing.

    Args:
        visits: the exhibits.
        language: "en" or "zh".
    """
    words = MUSEUM[language]
    score = escape(words["score"], quote=True)
    body = (
        f"<header><h1>{escape(words['title'])}</h1><p>{escape(words['lead'])}</p>"
        f'<p id="score" class="muted" aria-live="polite" data-text="{score}">{escape(words["score"].format(0, 0))}</p>'
        "</header><main>" + "".join(_section(own, language) for own in visits) + "</main>"
    )
    return page(words["title"], body, language=language, style=STYLE, script=SCRIPT)


def _about(shown: Visit, language: str) -> list[tuple[str, str]]:
    words, model = MUSEUM[language], shown.model
    layers = ", ".join(map(repr, shown.exhibit.layers()))
    rows = words["rows"].format(rows=shown.rows, columns=shown.columns)
    optimizer = repr(model.optimizer)
    return [
        (words["network"], layers),
        (words["loss"], shown.exhibit.loss),
        (words["optimizer"], optimizer),
        (words["data"], rows),
    ]


def _curves(shown: Visit) -> list[tuple[str, list[float]]]:
    found = []
    for name in MEASURES:
        values = [value for value in shown.history.metrics.get(name, []) if isfinite(value)]
        if values:
            found.append((name, values))
    return found


def _section(shown: Visit, language: str) -> str:
    words, exhibit = MUSEUM[language], shown.exhibit
    about = "".join(
        f"<dt>{escape(name)}</dt><dd><code>{escape(text)}</code></dd>" for name, text in _about(shown, language)
    )
    buttons = []
    for cause in shown.choices:
        is_right = cause == exhibit.cause
        text = cause_in(cause, language)
        said = escape(words["right" if is_right else "wrong"].format(text), quote=True)
        right = "yes" if is_right else "no"
        buttons.append(f'<button type="button" data-right="{right}" data-said="{said}">{escape(text)}</button>')
    stopped = ""
    if len(shown.history) < EPOCHS:
        stopped = f"<p>{escape(words['stopped'].format(len(shown.history) + 1))}</p>"
    proof = next((finding.proof for finding in shown.diagnosis.findings if finding.proof is not None), None)
    link = ""
    if exhibit.link:
        link = f"<p>{escape(words['playground'])} <code>{escape(exhibit.link)}</code></p>"
    return (
        f'<section class="exhibit" id="{escape(exhibit.name)}"><h2>{escape(exhibit.name)}</h2>'
        f"<p>{escape(exhibit.shows[language])}</p><dl>{about}</dl>"
        + '<div class="curves">'
        + "".join(_drawn(words[f"{name}_of"], values) for name, values in _curves(shown))
        + f"</div>{stopped}"
        + f'<fieldset class="guesses"><legend>{escape(words["guess"])}</legend>{"".join(buttons)}</fieldset>'
        f'<p class="said" aria-live="polite"></p><details><summary>{escape(words["diagnosis"])}</summary>'
        f"<pre>{escape(str(shown.diagnosis))}</pre>{'' if proof is None else proof._repr_html_()}</details>"
        f"{link}</section>"
    )


def _drawn(name: str, values: list[float]) -> str:
    """A curve as a small picture, with its first and last number."""
    low, high = min(values), max(values)
    places = np.linspace(4, 216, max(2, len(values)))
    heights = [60 - 52 * (value - low) / ((high - low) or 1) for value in (values if len(values) > 1 else values * 2)]
    points = " ".join(f"{x:.0f},{y:.1f}" for x, y in zip(places, heights, strict=True))
    said = f"{name}: {values[0]:.4g} → {values[-1]:.4g}"
    return (
        f'<figure><svg viewBox="0 0 220 64" width="220" height="64" role="img" aria-label="{escape(said, quote=True)}">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"/></svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )
