"""Pages of the project as the site wants them: links that lead to pages of the site, formulas as MathML."""

from __future__ import annotations

import re
from collections.abc import Callable

CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
SOURCE = re.compile(r'(src=")([^":]+)(")')
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
CHARACTER = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
WRAPPED = re.compile(rf"(?<={CHARACTER})\n {{0,3}}(?={CHARACTER})")
INLINE = re.compile(r"(?<![\\$\w])\$(?=\S)([^$\n]+?)(?<=\S)\$(?![\w$])")


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Changes what is neither a code block nor code within a line; the links around such code are seen as well."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\x00{len(kept) - 1}\x00"

    changed = change(CODE.sub(keep, text))
    return re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], changed)


def links(text: str) -> list[str]:
    """Where the links and pictures of a page lead, those in code left out."""
    found: list[str] = []
    outside_code(text, lambda prose: ([found.append(one[3]) for one in LINK.finditer(prose)] and prose) or prose)
    return found


def with_links(text: str, place: Callable[[str], tuple[str, bool]]) -> str:
    """Each link led to where ``place`` says; the second thing it says is whether the builder should know the page."""

    def change(found: re.Match[str]) -> str:
        target, known = place(found[3])
        if known:
            return f"{found[1]}[{found[2]}]({target})"
        return f'<a href="{target}">{found[2]}</a>'

    def picture(found: re.Match[str]) -> str:
        return f"{found[1]}{place(found[2])[0]}{found[3]}"

    return outside_code(text, lambda prose: SOURCE.sub(picture, LINK.sub(change, prose)))


def with_mathml(text: str) -> str:
    """Formulas between dollars as MathML, which browsers set without a script and without fonts."""
    from latex2mathml.converter import convert  # only where the site is made

    def mathml(formula: str, display: str) -> str:
        return convert(formula.strip(), display=display).replace("*", "&#42;").replace("_", "&#95;")

    def change(prose: str) -> str:
        prose = DISPLAYED.sub(lambda found: f"\n\n<div>{mathml(found[1], 'block')}</div>\n\n", prose)
        # In a span: a line that begins with <math> would be a block of its own.
        return INLINE.sub(lambda found: f"<span>{mathml(found[1], 'inline')}</span>", prose)

    return outside_code(text, change)


def unwrapped(text: str) -> str:
    """Chinese lines joined: the end of a line would become a space between two characters."""
    return outside_code(text, lambda prose: WRAPPED.sub("", prose))
