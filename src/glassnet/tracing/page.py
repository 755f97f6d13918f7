"""A trace as one page: the frame of layers and steps here, equations and arrays by the page's script."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from math import isfinite
from typing import Any

from glassnet.core.pages import as_json, page
from glassnet.core.shapes import batch_shape
from glassnet.derivatives.differences import AGREEMENT, rounding_of_differences
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.tracing.calls import parameters_of
from glassnet.tracing.content import Content
from glassnet.tracing.entry import Entry
from glassnet.tracing.memory import Memory, editable
from glassnet.tracing.step import LoggedStep
from glassnet.tracing.words import WORDS

SCRIPTS = (
    "numbers.js",
    "formulas.js",
    "typeset.js",
    "grids.js",
    "lights.js",
    "why.js",
    "verdict.js",
    "panel.js",
    "map.js",
    "steps.js",
    "closures.js",
    "replay.js",
    "central.js",
    "change.js",
)
Words = dict[str, str]
LONGEST = 400
"""Letters of what a network prints."""


def page_of(trace: LoggedStep, language: str) -> str:
    """The whole page.

    Args:
        trace: the step.
        language: "en" or "zh".
    """
    words = WORDS[language]
    content = Content(trace)
    data = _data(content, language) | {"memory": _memory(content)}
    body = "".join(
        [
            _header(content, words),
            f'<noscript><p class="lead">{escape(words["noscript"])}</p></noscript>',
            "<main>",
            *_columns(content, language),
            "</main>",
            _updates(content, language) if trace.subject.training else "",
            f'<div id="tip" hidden></div><div id="announced" aria-live="polite"></div>'
            f'<aside id="panel" aria-label="{escape(words["explain"])}" hidden></aside>',
            f'<script type="application/json" id="content">{as_json(data)}</script>',
        ]
    )
    title = words["title" if trace.subject.training else "title_of_use"]
    return page(title, body, language=language, style=_file("steps.css") + _file("page.css"), script=_script())


def _file(name: str) -> str:
    return files("glassnet.tracing").joinpath("web", name).read_text(encoding="utf-8")


def _script() -> str:
    """All scripts as one, in a scope of its own."""
    return '"use strict";\n{\n' + "\n".join(map(_file, (*SCRIPTS, "page.js"))) + "}\n"


def script_module() -> str:
    """The scripts as a JavaScript module, for pages that get a trace's steps from ``steps_of`` while they are open."""
    steps = "setContent, forgetChanges, readColours, repaintAll, fillCall, choose, closePanel, panelIsOpen, explain"
    return "\n".join(map(_file, SCRIPTS)) + f"export {{ {steps}, css, element, fill, rgbOf, write }};\n"


def style_of_steps() -> str:
    """The style of steps and their explanations."""
    return _file("steps.css")


def steps_of(trace: LoggedStep, language: str) -> dict[str, Any]:
    """What a page needs to show a trace step by step.

    Args:
        trace: the step.
        language: "en" or "zh".

    Returns:
        "content" for the scripts; "stages" in the order of the calculation, each with its "phase", "path", "title" and
        its "html"; "loss".
    """
    content = Content(trace)
    stages: list[dict[str, Any]] = []
    for number, entry in enumerate(content.entries):
        path = entry.parameter if entry.phase == "update" else entry.call.path
        if not stages or (stages[-1]["phase"], stages[-1]["path"]) != (entry.phase, path):
            title = _short(entry.call.caller)
            stages.append({"phase": entry.phase, "path": path, "title": title, "calls": [], "html": ""})
        stages[-1]["calls"].append(number)
        stages[-1]["html"] += _article(entry, number, language)
    data = _data(content, language) | {"memory": _memory(content)}
    return {"content": data, "stages": stages, "loss": float(f"{trace.loss:.6g}")}


def _data(content: Content, language: str) -> dict[str, Any]:
    """What the script reads: the content, which arrays are parameters and gradients, whose columns have names."""
    trace = content.trace
    layout = trace.subject.network.layout
    parameters: dict[str, str] = {}
    gradients: list[str] = []
    for number, entry in enumerate(content.entries):
        paths = parameters_of(entry.call, layout, trace.buffers)
        parameters |= {f"{number}:{name}": path for name, path in paths.items() if name in entry.call.inputs}
        if entry.phase == "backward":
            gradients += [f"{number}:{name}" for name in entry.written()]
    names = {"features": trace.subject.feature_names, "classes": trace.subject.class_names}
    about: dict[str, Any] = {"data": content.data(), "beginnings": content.beginnings()}
    about["checks"] = {
        "relative": AGREEMENT,
        "absolute": rounding_of_differences(trace.loss if isfinite(trace.loss) else 0.0),
    }
    about |= {"parameters": parameters, "gradients": gradients, "names": {k: v for k, v in names.items() if v}}
    return content.to_json(language) | {"words": WORDS[language]} | about


def _memory(content: Content) -> dict[str, Any]:
    """What the script needs to repeat the step with other numbers."""
    memory = Memory(content.entries)
    loss = [number for number, entry in enumerate(content.entries) if entry.phase == "loss"]
    whole = {"regions": memory.regions, "arrays": memory.arrays, "is_known": memory.is_known}
    return whole | editable(memory, content.trace.subject) | {"loss": loss}


def _header(content: Content, words: Words) -> str:
    trace, subject = content.trace, content.trace.subject
    count = len(subject.rows)
    of_use = "" if subject.training else "_of_use"
    facts = words[f"facts{of_use}"].format(
        rows=words["rows" if count == 1 else "many_rows"].format(f"{count:,}"),
        loss=f"{trace.loss:.6g}",
        update=f"{subject.optimizer.steps + 1:,}",
        dtype=subject.network.dtype,
    )
    names = ("network", "loss", "optimizer")
    about = [(name, _short(repr(getattr(subject, name)), LONGEST)) for name in names]
    if isinstance(subject.preprocessing, Standardize | Table):
        about.append(("preprocessing", type(subject.preprocessing).__name__))
    legend = "".join(f"<p>{escape(words[name])}</p>" for name in ("legend_delta", "legend_count", "keys"))
    left_out = content.store.size - content.store.kept_size
    note = escape(words["left_out"].format(f"{left_out:,}", f"{content.store.size:,}"))
    return (
        f'<header><h1>{escape(words[f"title{of_use}"])}</h1><p class="muted">{escape(facts)}</p>'
        f'<p class="lead">{escape(words[f"lead{of_use}"])}</p><dl class="facts">'
        + "".join(f"<div><dt>{escape(words[name])}</dt><dd>{escape(text)}</dd></div>" for name, text in about)
        + f'</dl><div class="legend"><p><span class="ramp"></span>{escape(words["legend_scale"])}</p>{legend}'
        + (f"<p>{note}</p>" if left_out else "")
        + "</div></header>"
    )


def _columns(content: Content, language: str) -> list[str]:
    """The cells in the order of the step; their rows put each layer's two passes side by side."""
    words = WORDS[language]
    rows: dict[str, int] = {}
    for entry in content.entries:
        if entry.phase == "forward":
            rows.pop(entry.call.path, None)
            rows[entry.call.path] = len(rows)
    rows = {path: 2 + place for place, path in enumerate(rows)}
    rows["loss"] = 2 + len(rows)
    parts = []
    for way, mark in (("forward", "↓"), ("backward", "↑"))[: 1 + content.trace.subject.training]:
        parts.append(
            f'<h2 class="{way}" style="--row:1">{escape(words[way])} {mark}'
            f"<small>{escape(words[way + '_note'])}</small></h2>"
        )
        groups: dict[str, list[int]] = {}
        phases = ("forward", "loss") if way == "forward" else ("backward",)
        for number, entry in enumerate(content.entries):
            if entry.phase in phases:
                groups.setdefault(entry.call.path, []).append(number)
        order = sorted(groups, key=lambda path: rows.get(path, 1)) if way == "forward" else list(groups)
        for path in order:
            parts.append(_cell(content, way, path, groups[path], rows.get(path, 1), language))
    return parts


def _cell(content: Content, way: str, path: str, numbers: list[int], row: int, language: str) -> str:
    entry = content.entries[numbers[0]]
    layer = dict(content.trace.subject.network.walk()).get(path)
    shape = ""
    if layer is not None and layer.input_shape and layer.output_shape:
        shape = f"{batch_shape(layer.input_shape)} → {batch_shape(layer.output_shape)}"
    title = WORDS[language]["loss_title"] if path == "loss" else path
    heading = (
        f'<h3><span class="path">{escape(title)}</span>{escape(_short(entry.call.caller))}'
        f'<span class="shape">{escape(shape)}</span></h3>'
    )
    articles = _articles(content, numbers, language)
    return f'<section class="cell {way}{" loss" * (path == "loss")}" style="--row:{row}">{heading}{articles}</section>'


def _articles(content: Content, numbers: list[int], language: str) -> str:
    return "".join(_article(content.entries[number], number, language) for number in numbers)


def _article(entry: Entry, number: int, language: str) -> str:
    call = entry.call
    key = "mean" if call.settings.get("mean") else "python" if call.entry.calls_python else ""
    hint = WORDS[language][key] if key else (call.entry.note or {}).get(language, "")
    return (
        f'<article id="step-{number + 1}" data-call="{number}"><div class="call-head">'
        f'<span class="count">{number + 1}</span><code>{escape(call.kernel)}</code>'
        f'<span class="plain">{escape(call.equation)}</span></div>'
        + (f'<p class="hint">{escape(hint)}</p>' if hint else "")
        + '<div class="math"></div><div class="reads"></div><div class="arrays"></div></article>'
    )


def _updates(content: Content, language: str) -> str:
    """A card for each parameter, one for what concerns all of them."""
    words = WORDS[language]
    groups: dict[str, list[int]] = {}
    for number, entry in enumerate(content.entries):
        if entry.phase == "update":
            groups.setdefault(entry.parameter, []).append(number)
    cards = []
    for path, numbers in groups.items():
        title = escape(path or words["all_parameters"])
        cards.append(f'<section class="cell"><h3>{title}</h3>{_articles(content, numbers, language)}</section>')
    return (
        f'<section class="update"><h2>{escape(words["update"])} <small>{escape(words["update_note"])}</small></h2>'
        f'<div class="parameters">{"".join(cards)}</div></section>'
    )


def _short(text: str, longest: int = 90) -> str:
    """What something prints, as far as it fits: networks print everything inside."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
