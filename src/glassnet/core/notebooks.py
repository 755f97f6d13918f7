"""What notebooks show of results: tables and curves as HTML, for light and dark, that asks nobody for anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from glassnet.core.pages import printable

STYLE = """<style>
.glassnet { --gn-muted: color-mix(in srgb, currentColor 72%, transparent);
  --gn-line: color-mix(in srgb, currentColor 20%, transparent);
  --gn-first: color-mix(in srgb, currentColor 25%, #1f5fa8);
  --gn-second: color-mix(in srgb, currentColor 25%, #d1662b); --gn-bad: color-mix(in srgb, currentColor 25%, #d92d20); }
.glassnet table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.glassnet table th, .glassnet table td { text-align: left !important; vertical-align: top;
  border-bottom: 1px solid var(--gn-line); padding: .2rem .8rem .2rem 0; background: none; white-space: normal;
  overflow-wrap: anywhere; }
.glassnet table .number { text-align: right !important; white-space: nowrap; }
.glassnet .bad { color: var(--gn-bad); font-weight: 700; }
.glassnet pre { overflow-x: auto; line-height: 1.25; background: none; }
.glassnet p { margin: .3rem 0; color: var(--gn-muted); }
.glassnet .glassnet-drawing > .paper { fill: none; }
.glassnet .glassnet-drawing text, .glassnet .glassnet-drawing .ink { fill: currentColor; }
.glassnet .glassnet-drawing .pale { fill: var(--gn-muted); }
.glassnet .glassnet-drawing .line { stroke: color-mix(in srgb, currentColor 45%, transparent); }
.glassnet .glassnet-drawing .box { fill: color-mix(in srgb, currentColor 7%, transparent); }
.glassnet .glassnet-drawing .trained { fill: color-mix(in srgb, currentColor 7%, rgb(31 111 235 / 22%)); }
.glassnet .glassnet-drawing .positive { stroke: color-mix(in srgb, currentColor 15%, #c8551b); }
.glassnet .glassnet-drawing .negative { stroke: color-mix(in srgb, currentColor 15%, #2166ac); }
.glassnet .glassnet-drawing .unit { fill: var(--jp-layout-color0, Canvas); stroke: currentColor; }
</style>"""
"""Every colour is mixed with that of the text around it, so that it suits the notebook's theme, light or dark. Jupyter
has rules of its own for the cells of tables, which !important overrules."""
WIDTH, HEIGHT, LEFT, LOW = 520, 180, 56, 24
"""Of a curve, in pixels, and of its margins."""
MOST_POINTS = 500


def table_html(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, above: str = "", below: str = "", numbers: int = 0
) -> str:
    """A table of plain texts, which are escaped here.

    Args:
        headers: of the columns.
        rows: their cells.
        above: a line before the table.
        below: one after it.
        numbers: how many columns at the right hold numbers.
    """
    from html import escape  # which takes 2 ms to load, and few programs show anything

    first = len(headers) - numbers
    kinds = ["" if column < first else ' class="number"' for column in range(len(headers))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, headers, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    lines = [f"<p>{escape(text)}</p>" if text else "" for text in (above, below)]
    return framed(f"{lines[0]}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines[1]}")


def text_html(text: str) -> str:
    """A text whose lines stand as they are."""
    from html import escape  # which takes 2 ms to load, and few programs show anything

    return framed(f"<pre>{escape(text)}</pre>")


def framed(inner: str) -> str:
    """HTML with the style of glassnet's results."""
    return printable(f'{STYLE}<div class="glassnet">{inner}</div>')


FOLLOW = """<script>{
const frame = document.currentScript?.previousElementSibling;
const tell = () => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = getComputedStyle(frame).color;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  frame.contentWindow?.postMessage({ glassnetScheme: red + green + blue > 384 ? "dark" : "light" }, "*");
};
frame?.addEventListener("load", tell);
for (const own of frame ? [document.documentElement, document.body] : [])
  new MutationObserver(() => setTimeout(tell, 300)).observe(own, { attributes: true });
}</script>"""
"""Tells a page in a frame whether the letters around it are light; where scripts are not run, it asks the system."""


def frame_html(page: str) -> str:
    """A whole page in a frame, where its style stays with it; light or dark as the notebook is."""
    from html import escape  # which takes 2 ms to load, and few programs show anything

    style = "width:100%;height:44rem;border:1px solid #8886;border-radius:6px"
    document = escape(page, quote=True)
    return f'<iframe style="{style}" sandbox="allow-scripts" title="glassnet" srcdoc="{document}"></iframe>{FOLLOW}'


def curves_html(title: str, curves: Mapping[str, Sequence[float]], first: int) -> str:
    """Up to two curves in one picture, one value an epoch, and what was measured last.

    Args:
        title: a line above, plain text.
        curves: by name.
        first: the number of the first epoch.
    """
    from html import escape  # which takes 2 ms to load, and few programs show anything

    values = [value for curve in curves.values() for value in curve if isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span, count = (high - low) or 1.0, max(map(len, curves.values()), default=1)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width:100%;max-width:{WIDTH}px" role="img" '
        f'aria-label="{escape(title, quote=True)}" font-size="11" fill="var(--gn-muted)">',
        f'<path d="M{LEFT} 8V{HEIGHT - LOW}H{WIDTH - 8}" fill="none" stroke="var(--gn-line)"/>',
        f'<text x="{LEFT - 6}" y="14" text-anchor="end">{high:.4g}</text>',
        f'<text x="{LEFT - 6}" y="{HEIGHT - LOW}" text-anchor="end">{low:.4g}</text>',
        f'<text x="{LEFT}" y="{HEIGHT - 6}">{first}</text>',
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 6}" text-anchor="end">{first + count - 1}</text>',
    ]
    for (name, curve), colour in zip(curves.items(), ("var(--gn-first)", "var(--gn-second)"), strict=False):
        step = max(1, len(curve) // MOST_POINTS)
        places = [*range(0, len(curve), step)] + [len(curve) - 1] * (len(curve) > 0)
        path, pen = "", "M"
        for place in places:
            if not isfinite(curve[place]):
                pen = "M"
                continue
            x = LEFT + (WIDTH - 8 - LEFT) * place / max(1, count - 1)
            path += f"{pen}{x:.1f} {8 + (HEIGHT - LOW - 8) * (high - curve[place]) / span:.1f}"
            pen = "L"
        parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"><title>{escape(name)}</title></path>'
        )
    legend = " ".join(
        f'<span style="color:{colour}">{escape(name)} {curve[-1]:.4g}</span>'
        for (name, curve), colour in zip(curves.items(), ("var(--gn-first)", "var(--gn-second)"), strict=False)
        if len(curve)
    )
    return framed(f"<p>{escape(title)} {legend}</p>{''.join(parts)}</svg>")


class Output:
    """A place in a notebook's output that is written anew; made by ``notebook_output``.

    Args:
        module: ``IPython.display``.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Puts HTML in the place of what was there."""
        shown = self._module.HTML(text)
        if self._handle is None:
            self._handle = self._module.display(shown, display_id=True)
        else:
            self._handle.update(shown)


def notebook_output() -> Output | None:
    """A place in the output of the notebook that runs this; None where none does.

    IPython is asked only where it is running already.
    """
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:  # IPython in a terminal has none
        return None
    from importlib import import_module

    return Output(import_module("IPython.display"))
