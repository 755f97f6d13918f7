"""What several commands take alike."""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

from glassnet.cli.numbers import STRENGTH, Whole
from glassnet.cli.parser import Parser
from glassnet.core.catalogues import LANGUAGES
from glassnet.core.errors import ConfigurationError, shown

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

DATA_HELP = (
    "what to read: 'digits' (built in), a table with a header row (.csv, .tsv, either with .gz; .parquet, .xlsx), a "
    ".npz with arrays x and y, a folder with MNIST files, CIFAR-10's cifar-10-binary.tar.gz or its unpacked folder, or "
    "a folder with a folder of pictures for each class"
)


DEFAULTS = {"epochs": 20, "batch_size": 32, "optimizer": "adam", "activation": "relu", "dropout": 0.0, "l2": 0.0}
"""What holds where nothing is given, of all data but tables, of which a preset decides."""


def fill_in(options: argparse.Namespace) -> None:
    """Sets what was not given; what was is kept in ``options.chosen``, None for what was not."""
    options.chosen = {name: getattr(options, name) for name in DEFAULTS}
    for name, default in DEFAULTS.items():
        if getattr(options, name) is None:
            setattr(options, name, default)


def add_force(group: argparse._ActionsContainer) -> None:
    """Adds what lets a command replace files of the user's own."""
    group.add_argument(
        "--force",
        action="store_true",
        help="replace files that glassnet did not write; what the command reads is never replaced",
    )


def add_page_settings(group: argparse._ActionsContainer) -> None:
    """Adds what a page about a model is told; None stands for what is not given."""
    group.add_argument(
        "--costs",
        metavar="A:B",
        help="for the page, of two classes: what it costs to take a row of the first for the second, and one of the "
        "second for the first, such as 1:5 (1:1)",
    )
    group.add_argument("--language", choices=LANGUAGES, help="of the page (the one that glassnet speaks)")


def page_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of them, as ``gn.report`` takes it.

    Raises:
        ConfigurationError: --costs are no pair of numbers.
    """
    settings: dict[str, Any] = {} if options.language is None else {"language": options.language}
    return settings if options.costs is None else settings | {"costs": _costs_of(options.costs)}


def _costs_of(text: str) -> tuple[float, float]:
    first, colon, second = text.partition(":")
    try:
        if colon:
            return STRENGTH(first), STRENGTH(second)
    except ValueError:
        pass
    raise ConfigurationError(
        where="--costs",
        received=shown(text, 40),
        expected="two numbers from 0 on with a colon between them, such as 1:5",
        fix="write --costs 1:5 where a miss costs five times as much as a false alarm",
    )


def add_pictures(group: argparse._ActionsContainer) -> None:
    """Adds how pictures, and compressed files, are read."""
    group.add_argument(
        "--resize", metavar="HxW", help="for pictures: bring all to this height and width, such as 32x32"
    )
    group.add_argument(
        "--on-error", default="stop", choices=("stop", "skip"), help="what to do at a picture that cannot be read"
    )
    group.add_argument(
        "--max-bytes",
        type=Whole(),
        metavar="N",
        help="how much a compressed file may unpack to (a hundred times its size, and 256 MiB at least)",
    )


def add_texts(group: argparse._ActionsContainer) -> None:
    """Adds how the texts of a table are read."""
    group.add_argument("--delimiter", metavar="SIGN", help="what parts the fields of a table: , ; | or tab; else found")
    group.add_argument("--encoding", metavar="NAME", help="of a table: utf-8, utf-16, gb18030, cp1252, ...; else found")
    group.add_argument(
        "--decimal", choices=(".", ","), help="sign before the fraction of a table's numbers; else found"
    )
    group.add_argument(
        "--date-format", metavar="ORDER", help="of a table's dates: dmy, mdy, ymd, or such as %%d.%%m.%%Y; else found"
    )
    group.add_argument(
        "--missing",
        action="append",
        metavar="TEXT",
        help="a text that stands for a missing value, beside NA and the like",
    )
