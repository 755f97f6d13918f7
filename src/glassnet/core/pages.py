"""One self-contained HTML page: its style and scripts inside it, nothing fetched, no address called."""

from __future__ import annotations

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""A page may not ask anybody for anything."""
_DARK = """--paper: #12171d; --ink: #e3e8ed; --muted: #9aa7b4; --line: #303b46;
  --panel: #1a2129; --accent: #6cb0ff; --positive: #f0914e; --negative: #6aaee8; --good: #57c470; --bad: #ff8a7d;"""
STYLE = (
    """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2733; --muted: #5b6875; --line: #d5dbe1; --panel: #f4f6f8;
  --accent: #1f6feb; --positive: #c8551b; --negative: #2166ac; --good: #1a7f37; --bad: #b42318; }
"""
    + f"""@media (prefers-color-scheme: dark) {{ :root:not([data-scheme="light"]) {{ {_DARK} }} }}
:root[data-scheme="light"] {{ color-scheme: light; }} :root[data-scheme="dark"] {{ color-scheme: dark; {_DARK} }}
"""
    + """* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 76rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p, li { max-width: 46rem; }
a { color: var(--accent); }
code, pre, .number { font: .92em/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
  overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; }
figure { margin: 1rem 0; }
figure img, figure svg { max-width: 100%; height: auto; }
figcaption, .muted { color: var(--muted); font-size: .92rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""
)
"""What all pages share: colours for light and dark, by what the system prefers or, in a frame, by what is around it
(``glassnet.core.notebooks``); numbers in columns, positive warm and negative cold."""


def page(title: str, body: str, *, language: str = "en", style: str = "", script: str = "") -> str:
    """The whole page.

    Args:
        title: plain text.
        body: HTML; whatever comes from data must have gone through ``html.escape``.
        language: of the text, "en" or "zh".
        style: CSS beside ``STYLE``.
        script: JavaScript; no word of it may come from data, which belong in a ``<script type="application/json">``.

    Returns:
        A document that opens without a network. Its content policy forbids every request, so that a hole in the
        escaping could send nothing anywhere.
    """
    from html import escape  # which takes 2 ms to load, and few programs show anything

    return printable(
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )


def printable(text: str) -> str:
    """The text with a mark in the place of what neither HTML nor SVG can hold: control characters, lone surrogates."""
    return "".join("\ufffd" if (c < " " and c not in "\t\n\r") or "\ud800" <= c <= "\udfff" else c for c in text)


def as_json(data: object) -> str:
    """JSON that may stand inside a ``<script type="application/json">``: no text in it can end the element."""
    import json

    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
