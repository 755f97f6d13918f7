"""Small pieces of HTML: tables, cards, bars. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from glassnet.plots.figures import readable

STYLE = """
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; }
.card strong { display: block; font-size: 1.65rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card span { display: block; color: var(--muted); font-size: .92rem; }
.card .better { color: var(--good); } .card .worse { color: var(--bad); }
.lead { font-size: 1.1rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); gap: 0 1.4rem;
  align-items: start; }
.wide { grid-column: 1 / -1; }
.pictures.three { grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
figure { margin: .8rem 0; min-width: 0; }
.panel { border: 1px solid var(--line); border-radius: 8px; padding: .6rem; overflow-x: auto; }
.panel img { display: block; margin: 0 auto; }
figcaption { margin-top: .35rem; max-width: 46rem; }
.scroll { overflow-x: auto; }
.scroll table { min-width: 22rem; }
th { color: var(--muted); font-weight: 600; font-size: .92rem; white-space: nowrap; }
td { overflow-wrap: break-word; }
td.number { white-space: nowrap; overflow-wrap: normal; }
td.bar { width: 40%; min-width: 7rem; padding-right: 0; vertical-align: middle; }
td.bar i { display: block; height: .7rem; border-radius: 2px; background: var(--accent); min-width: 1px; }
td.bar i.warm { background: var(--positive); } td.bar i.cold { background: var(--negative); }
.effects td { white-space: nowrap; } .effects td.bar { width: 30%; min-width: 5rem; }
th.number { text-align: right; }
.number { font: inherit; font-variant-numeric: tabular-nums; }
th.number { font-size: .92rem; font-weight: 600; }
.notice { border-left: 4px solid var(--positive); background: var(--panel); padding: .6rem .9rem; max-width: none; }
@media print { .panel { break-inside: avoid; } }
"""


class Bar(float):
    """A share from 0 to 1 that a table shows as a bar."""


class SignedBar(Bar):
    """A share from −1 to 1 that a table shows as a warm bar, or below 0 as a cold one."""


class Signed(float):
    """A number that a table shows with its sign, also where that is +."""


def section(title: str, *parts: str) -> str:
    """A headline and what follows; nothing where nothing follows."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n" if body else ""


def paragraph(text: str, kind: str = "") -> str:
    """Plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """Lines as they are typed."""
    return f"<pre><code>{escape(text)}</code></pre>"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Numbers stand right, words left, a ``Bar`` is drawn; a header in which no word stands is left out."""
    numeric = [bool(rows) and isinstance(cell, int | float) and not isinstance(cell, Bar) for cell in rows[0]]
    kinds = [' class="number"' if is_number else "" for is_number in numeric]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, header, strict=True))
    body = "\n".join(
        "<tr>" + "".join(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)) + "</tr>" for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(header) else ""
    return f'<div class="scroll"><table>{top}<tbody>\n{body}\n</tbody></table></div>'


def _cell(cell: object, kind: str) -> str:
    if isinstance(cell, SignedBar):
        kind = "warm" if cell > 0 else "cold"
        return f'<td class="bar"><i class="{kind}" style="width:{100 * min(1.0, abs(cell)):.1f}%"></i></td>'
    if isinstance(cell, Bar):
        return f'<td class="bar"><i style="width:{100 * min(1.0, max(0.0, cell)):.1f}%"></i></td>'
    text = readable(cell) if isinstance(cell, int | float) else str(cell)
    return f"<td{kind}>{'+' * (isinstance(cell, Signed) and cell > 0)}{escape(text)}</td>"
