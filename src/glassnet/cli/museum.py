"""``glassnet museum``: sick networks to guess at, to diagnose and to cure."""

from __future__ import annotations

import argparse
from pathlib import Path

from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.telling import tell
from glassnet.core.files import write_atomically
from glassnet.core.kinds import PAGE
from glassnet.core.settings import language_of, one_of
from glassnet.diagnosis.museum import EXHIBITS, exhibit_of
from glassnet.reports.museum import museum_page, symptom, visit
from glassnet.reports.museum_words import MUSEUM, cause_in


def museum(options: argparse.Namespace) -> int:
    """Lists the exhibits, shows one, or writes a page of them."""
    language = language_of(options.language, "museum")
    words = MUSEUM[language]
    chosen = EXHIBITS if options.name is None else (exhibit_of(options.name, where="glassnet museum"),)
    if options.html is not None:
        target = Path(options.html)
        require_outputs([Output("--html", target, PAGE)], [])
        write_atomically(target, museum_page([visit(own) for own in chosen], language).encode(), PAGE)
        tell(f"page written to {target} ({target.stat().st_size / 1000:,.0f} kB)")
        return 0
    if options.name is None:
        width = max(len(own.name) for own in EXHIBITS)
        print("\n".join(f"{own.name:<{width}}  {own.shows[language]}" for own in EXHIBITS))
        return 0
    shown = visit(chosen[0])
    choices = shown.choices
    guess = None if options.guess is None else one_of(options.guess, "--guess", "glassnet museum", choices)
    print(symptom(shown, language), end="\n\n")
    if options.quiz:
        print(words["guess"], *(f"  --guess {name}  {cause_in(name, language)}" for name in choices), sep="\n")
        return 0
    if guess is not None:
        key = "right" if guess == shown.exhibit.cause else "wrong"
        print(words[key].format(cause_in(guess, language)), end="\n\n")
    print(words["diagnosis"], shown.diagnosis, sep="\n")
    if shown.exhibit.link:
        print(f"\n{words['playground']} {shown.exhibit.link}")
    return 0
