"""What ``glassnet tune`` takes."""

from __future__ import annotations

import argparse

from glassnet.cli.numbers import COUNT, SECONDS, SEED, SHARE, THREADS
from glassnet.cli.options import DATA_HELP, Commands, add_force
from glassnet.cli.train_options import add_data
from glassnet.core.catalogues import LANGUAGES
from glassnet.core.output import readable


def add_tune(commands: Commands) -> None:
    """Adds ``glassnet tune``."""
    from glassnet.cli.tune import search

    parser = commands.add_parser(
        "tune",
        help="search for good settings, and save the best model",
        description="Trains many networks with different settings, judges each on rows set aside, trains one with the "
        "best settings on all of them, tests it on rows that took no part, saves it, and writes a page about the "
        "search. Broken off, it goes on when it is called again.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=search)
    parser.add_argument("data", help=DATA_HELP)
    add_data(parser)
    group = parser.add_argument_group("the search")
    group.add_argument("--trials", type=COUNT, default=50, metavar="N", help="how many, those of --study included")
    group.add_argument(
        "--kind",
        default="auto",
        choices=("auto", "tables", "images"),
        help="dense networks, or small convolutional ones; auto: by the data",
    )
    group.add_argument(
        "--space",
        type=readable,
        action="append",
        metavar="NAME=VALUES",
        help="what may be chosen for a setting: units=16:64, learning_rate=1e-4:1e-2:log, activation=relu,tanh",
    )
    group.add_argument("--epochs", type=COUNT, default=30, help="of a trial that is not ended early")
    group.add_argument(
        "--metric", metavar="NAME", help="what trials are judged by, such as accuracy; the loss if not given"
    )
    group.add_argument(
        "--validation-share",
        type=SHARE,
        default=0.2,
        metavar="SHARE",
        help="share of the rows to train with that trials are judged by",
    )
    group.add_argument("--patience", type=COUNT, metavar="EPOCHS", help="end a trial that got no better so long")
    group.add_argument("--no-halving", action="store_true", help="train each trial to its end, however bad it is")
    group.add_argument(
        "--wave", type=COUNT, default=8, metavar="N", help="trials that are chosen before any of them is known"
    )
    group.add_argument(
        "--workers", type=THREADS, metavar="N", help="trials trained at once; as many as processors if not given"
    )
    group.add_argument("--timeout", type=SECONDS, metavar="SECONDS", help="begin no more trials after so long")
    group.add_argument(
        "--no-refit", action="store_true", help="keep the best trial's own weights, of the rows it was trained on"
    )
    group.add_argument("--seed", type=SEED, default=0, help="the same seed gives the same trials and model")
    group = parser.add_argument_group("the results")
    group.add_argument("--output", metavar="FILE", help="where to save the model (default: NAME.safetensors)")
    group.add_argument(
        "--study",
        metavar="FILE",
        help="where to keep the trials; if it is there, the search goes on from it (default: NAME.study)",
    )
    page = group.add_mutually_exclusive_group()
    page.add_argument("--report", metavar="FILE", help="where to write a page about the search (default: NAME.html)")
    page.add_argument("--no-report", action="store_true", help="write no page")
    group.add_argument("--language", choices=LANGUAGES, help="of the page (the one that glassnet speaks)")
    add_force(group)
    group.add_argument("--quiet", action="store_true", help="print the result only")
