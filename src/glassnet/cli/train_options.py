"""What ``glassnet train`` takes."""

from __future__ import annotations

import argparse

from glassnet.cli.numbers import COUNT, DROPPED, FOLDS, MEMBERS, PAUSE, RATE, SEED, SHARE, STRENGTH, THREADS, UNITS
from glassnet.cli.options import DATA_HELP, Commands, add_force, add_page_settings, add_pictures, add_texts
from glassnet.core.output import readable
from glassnet.layers import ACTIVATIONS
from glassnet.model.model import ENGINES
from glassnet.optimizers import OPTIMIZERS
from glassnet.tabular import PRESETS


def add_train(commands: Commands) -> None:
    """Adds ``glassnet train``."""
    from glassnet.cli.blocks import LARGE_BYTES, Sources
    from glassnet.cli.networks import AUGMENTATIONS, HIDDEN, NETWORK_NAMES, SCHEDULES
    from glassnet.cli.train import train

    parser = commands.add_parser(
        "train",
        help="train a network on data and save it",
        description="Trains a network, tests it on rows it has not seen, saves it in one file, and writes a page about "
        "it: how good it is, where it errs, what its answers depend on.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=train)
    parser.add_argument(
        "data",
        nargs="+",
        action=Sources,
        help=f"{DATA_HELP}; several tables with the same columns, or a folder of them, are read block by block, as is "
        f"one of {LARGE_BYTES // 1_000_000} MB or more; with --task text a text file",
    )
    _add_sides(add_data(parser))
    _add_language(parser)
    group = parser.add_argument_group("forecasts of series, a row of the table for each step")
    group.add_argument("--past", type=COUNT, metavar="STEPS", help="how many steps a forecast looks back on")
    group.add_argument("--future", type=COUNT, metavar="STEPS", help="how many steps it goes ahead")
    group.add_argument(
        "--series", type=readable, metavar="COLUMN", help="the column that tells several series apart, such as shop"
    )
    group.add_argument(
        "--period",
        type=COUNT,
        metavar="STEPS",
        help="after how many steps things are much as before; a day, a week of days or a year of months if not given",
    )
    group = parser.add_argument_group("the network")
    group.add_argument(
        "--hidden",
        type=UNITS,
        nargs="*",
        metavar="UNITS",
        help=f"units of each hidden layer, in order; {', '.join(map(str, HIDDEN))} if not given",
    )
    group.add_argument(
        "--network", metavar="NAME", help=f"for images, in place of hidden layers: {', '.join(NETWORK_NAMES)}"
    )
    group.add_argument(
        "--augment",
        metavar="LIST",
        help=f"images are changed at random in training; some of {','.join(AUGMENTATIONS)}, commas between them",
    )
    group.add_argument("--activation", choices=sorted(ACTIVATIONS), help="after each hidden layer (relu)")
    group.add_argument("--dropout", type=DROPPED, metavar="RATE", help="dropped after each hidden layer (none)")
    group = parser.add_argument_group(
        "the training",
        "Of a table the preset decides what is not given here; numbers in brackets are those of all other data.",
    )
    group.add_argument(
        "--preset",
        choices=sorted(PRESETS, reverse=True),
        help="for a table: quick (if not given), one small network; best, four larger ones in the manner of RealMLP, "
        "whose answers are averaged",
    )
    group.add_argument(
        "--members", type=MEMBERS, metavar="N", help="for a table: train so many networks and average their answers"
    )
    group.add_argument(
        "--log-target",
        action="store_true",
        help="for a table of amounts of 0 or more: learn their logarithms, so that shares count, not differences",
    )
    group.add_argument("--epochs", type=COUNT, help="passes over the training rows (20)")
    group.add_argument("--batch-size", type=COUNT, metavar="ROWS", help="rows in a step (32)")
    group.add_argument("--optimizer", choices=sorted(OPTIMIZERS), help="the update rule (adam)")
    group.add_argument("--learning-rate", type=RATE, metavar="RATE", help="step size; the optimizer's own if not given")
    group.add_argument("--l2", type=STRENGTH, metavar="STRENGTH", help="penalty ½ λ ‖W‖² on weights (none)")
    group.add_argument(
        "--schedule", choices=("constant", *SCHEDULES), help="how the learning rate changes over the training"
    )
    group.add_argument(
        "--label-smoothing",
        type=DROPPED,
        metavar="SHARE",
        help="this share of each answer goes to all classes alike, so that none is learned to be certain",
    )
    group.add_argument(
        "--class-weight", choices=("balanced",), help="balanced: rare classes weigh as much as frequent ones"
    )
    group.add_argument(
        "--patience",
        type=COUNT,
        metavar="EPOCHS",
        help="stop when the rows set aside (a fifth of those of a table, else a tenth) got no better so long; of a "
        "table the best epoch is kept in any case",
    )
    group.add_argument("--engine", default="auto", choices=ENGINES, help="what carries out the training steps")
    group.add_argument(
        "--threads", type=THREADS, metavar="N", help="upper limit of threads; all processors if not given"
    )
    group.add_argument(
        "--distributed",
        action="store_true",
        help="train one model with all processes that mpiexec has started, such as mpiexec -n 2 glassnet train ...; "
        "NAME.done.json says when it is done",
    )
    group.add_argument("--seed", type=SEED, default=0, help="the same seed gives the same model")
    group = parser.add_argument_group("a training that is broken off")
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on where the last training with this output was broken off, with the same data and settings; it ends "
        "in the same model, to the bit, as the unbroken one",
    )
    group.add_argument(
        "--even-if-changed",
        action="store_true",
        help="with --resume: go on from the end of an epoch with other data or settings than it began with",
    )
    group.add_argument(
        "--checkpoint-seconds",
        type=PAUSE,
        default=60.0,
        metavar="N",
        help="save the training every N seconds beside the output, NAME.checkpoint.safetensors, which is removed at "
        "the end; 0 for never",
    )
    group = parser.add_argument_group("the results")
    group.add_argument("--output", metavar="FILE", help="where to save the model (default: NAME.safetensors)")
    group.add_argument(
        "--plot", metavar="FILE", help="where to save a picture of the learning curves (.png, .svg, .pdf)"
    )
    page = group.add_mutually_exclusive_group()
    page.add_argument(
        "--report", metavar="FILE", help="where to write a page about the model (default: beside it, NAME.html)"
    )
    page.add_argument("--no-report", action="store_true", help="write no page")
    add_page_settings(group)
    add_force(group)
    group.add_argument("--quiet", action="store_true", help="print the result only")


def _add_sides(group: argparse._ActionsContainer) -> None:
    """Adds which rows of a table are held out, and whether folds are."""
    group.add_argument(
        "--group",
        type=readable,
        metavar="COLUMN",
        help="rows of a table that are alike here, such as a person's, stay on one side: to train, to choose the epoch "
        "or to test; the column is no input",
    )
    group.add_argument(
        "--time",
        type=readable,
        metavar="COLUMN",
        help="of a table: the latest rows by this column are the test, the latest of the others choose the epoch; with "
        "--past and --future: the column of dates, where there are several, which sets the order",
    )
    group.add_argument(
        "--cross-validate",
        type=FOLDS,
        metavar="FOLDS",
        help="of a table: first train a model for each of so many parts of the rows to train with on the other parts, "
        "and print the mean and deviation of each measure; the test rows stay out of it, and then one model is trained "
        "and tested as ever",
    )


def add_data(parser: argparse.ArgumentParser) -> argparse._ActionsContainer:
    """Adds what is read and learned, and what is held out."""
    group = parser.add_argument_group("the data")
    group.add_argument(
        "--target",
        type=readable,
        action="append",
        metavar="COLUMN",
        help="for a table: the column to learn; several, all of classes or all of amounts, with commas between them",
    )
    group.add_argument(
        "--categories", action="append", metavar="COLUMN", help="columns of a table whose values are names, not amounts"
    )
    group.add_argument("--ignore", action="append", metavar="COLUMN", help="columns of a table to leave out")
    group.add_argument(
        "--regression", action="store_true", help="whole-number targets are amounts, not the numbers of classes"
    )
    group.add_argument("--test-share", type=SHARE, default=0.25, metavar="SHARE", help="share of rows held out to test")
    group.add_argument("--subset", metavar="TRAIN,TEST", help="use so many rows only, such as 5000,500")
    group.add_argument(
        "--drop-missing-targets", action="store_true", help="leave out rows of a table that have no answer"
    )
    add_pictures(group)
    add_texts(group)
    return group


def _add_language(parser: argparse.ArgumentParser) -> None:
    """Adds what a language model takes; nothing stands for what is not given, so that other data can refuse it."""
    from glassnet.cli.texts import TOKENS
    from glassnet.data.texts import DOCUMENTS

    group = parser.add_argument_group("a text")
    group.add_argument(
        "--task",
        choices=("text",),
        help="text: learn to go on with a text, a transformer that foretells the next token",
    )
    group.add_argument(
        "--documents",
        choices=DOCUMENTS,
        help="whether each line is a text of its own (lines) or all of it one (whole); auto: lines if none is blank",
    )
    group.add_argument(
        "--tokens", choices=TOKENS, help="what a text is made of: characters (if not given) or byte_pair"
    )
    group.add_argument("--vocabulary", type=COUNT, metavar="N", help="how many tokens byte_pair may learn (1000)")
    group.add_argument(
        "--context", type=UNITS, metavar="STEPS", help="tokens that it sees at once (the longest document, or 64)"
    )
    group.add_argument("--width", type=UNITS, metavar="UNITS", help="numbers in a step (64)")
    group.add_argument("--blocks", type=UNITS, metavar="N", help="blocks of attention and dense layers (2)")
    group.add_argument("--heads", type=UNITS, metavar="N", help="of the attention; they divide the width (4)")
