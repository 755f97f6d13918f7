"""What ``glassnet`` understands, and how it fails."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import TypeAlias

from glassnet.cli.notes import notes_to_stderr
from glassnet.cli.numbers import (
    COUNT,
    DROPPED,
    PAUSE,
    PLACE,
    PORT,
    RATE,
    SECONDS,
    SEED,
    SHARE,
    STRENGTH,
    THREADS,
    UNITS,
    Whole,
)
from glassnet.cli.parser import Parser
from glassnet.cli.streams import require_streams
from glassnet.core.errors import GlassnetError
from glassnet.core.files import as_told, replacing_all
from glassnet.core.output import make_plainer, readable
from glassnet.layers import ACTIVATIONS
from glassnet.model.model import ENGINES
from glassnet.optimizers import OPTIMIZERS
from glassnet.tracing.words import LANGUAGES
from glassnet.version import __version__

EXAMPLES = """\
examples:
  glassnet train digits                                 handwritten digits, built in
  glassnet train flowers.csv --target species           a table; the last word is the column to learn
  glassnet train customers.csv --target buys,rating     several columns at once, of classes or of amounts
  glassnet train digits --hidden 128 64 --dropout 0.2 --epochs 30 --output digits.safetensors
  glassnet evaluate flowers.safetensors new.csv         how good is it on other rows?
  glassnet predict flowers.safetensors new.csv --output answers.csv            or answers.parquet; of any length
  glassnet summary digits.safetensors                   layers, shapes, parameters
  glassnet trace digits.safetensors digits --row 3      every number of one training step
  glassnet trace digits.safetensors digits --rows 0:4 --html step.html   as a page that explains each of them
  glassnet export digits.safetensors --to onnx          for other programs; --to c writes C source
  glassnet train pets/ --resize 32x32 --network resnet --augment flip,crop     a folder of photos for each class
  glassnet predict pets.safetensors new/*.jpg --resize 32x32                   what do other photos show?
  glassnet serve flowers.safetensors --port 8000        predictions over HTTP, JSON in and out
  glassnet playground                                   a page where a network learns before your eyes
"""

DATA_HELP = (
    "what to read: 'digits' (built in), a table with a header row (.csv, .tsv, either with .gz; .parquet, .xlsx), a "
    ".npz with arrays x and y, a folder with MNIST files, CIFAR-10's cifar-10-binary.tar.gz or its unpacked folder, or "
    "a folder with a folder of pictures for each class"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status.

    0 for success, 1 where nobody reads the output any more, 2 for an error that the message explains, 128 + n where
    signal number n asked for the end.
    """
    require_streams()
    make_plainer(sys.stdout, sys.stderr)
    try:
        options = build_parser().parse_args(arguments)
        options.typed = list(sys.argv[1:] if arguments is None else arguments)
        with notes_to_stderr(), replacing_all(getattr(options, "force", False)):
            status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has gone away, as head does; what is left of it must not be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("glassnet: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (GlassnetError, OSError) as error:
        told = as_told(error, "the standard output") if isinstance(error, OSError) else error
        print(f"glassnet: {told}" + "".join(f" ({note})" for note in getattr(error, "__notes__", ())), file=sys.stderr)
        return 2
    return status


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = Parser(
        prog="glassnet",
        description="Train neural networks on tables and images, see through them, use them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"glassnet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_summary(commands)
    _add_trace(commands)
    _add_export(commands)
    _add_serve(commands)
    _add_playground(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _add_train(commands: Commands) -> None:
    from glassnet.cli.networks import AUGMENTATIONS, HIDDEN, NETWORK_NAMES
    from glassnet.cli.train import train

    parser = commands.add_parser(
        "train",
        help="train a network on data and save it",
        description="Trains a network, tests it on rows it has not seen, saves it in one file, and writes a page about "
        "it: how good it is, where it errs, what its answers depend on.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=train)
    parser.add_argument("data", help=DATA_HELP)
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
    _add_pictures(group)
    _add_texts(group)
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
    group.add_argument("--activation", default="relu", choices=sorted(ACTIVATIONS), help="after each hidden layer")
    group.add_argument("--dropout", type=DROPPED, default=0.0, metavar="RATE", help="dropped after each hidden layer")
    group = parser.add_argument_group("the training")
    group.add_argument("--epochs", type=COUNT, default=20, help="passes over the training rows")
    group.add_argument("--batch-size", type=COUNT, default=32, metavar="ROWS", help="rows in a step")
    group.add_argument("--optimizer", default="adam", choices=sorted(OPTIMIZERS), help="the update rule")
    group.add_argument("--learning-rate", type=RATE, metavar="RATE", help="step size; the optimizer's own if not given")
    group.add_argument("--l2", type=STRENGTH, default=0.0, metavar="STRENGTH", help="penalty ½ λ ‖W‖² on weights")
    group.add_argument(
        "--patience",
        type=COUNT,
        metavar="EPOCHS",
        help="stop when a tenth of the rows, set aside, got no better so long",
    )
    group.add_argument("--engine", default="auto", choices=ENGINES, help="what carries out the training steps")
    group.add_argument(
        "--threads", type=THREADS, metavar="N", help="upper limit of threads; all processors if not given"
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
    _add_force(group)
    group.add_argument("--quiet", action="store_true", help="print the result only")


def _add_evaluate(commands: Commands) -> None:
    from glassnet.cli.use import evaluate

    parser = commands.add_parser(
        "evaluate", help="measure a saved model on data", description="Measures a saved model."
    )
    parser.set_defaults(run=evaluate)
    _add_model_and_data(parser)


def _add_predict(commands: Commands) -> None:
    from glassnet.cli.use import predict

    parser = commands.add_parser(
        "predict",
        help="predict with a saved model",
        description="Predicts each row and writes a table of the answers; for pictures a line each with the class, its "
        "probability and the runners-up.",
    )
    parser.set_defaults(run=predict)
    parser.add_argument("model", help="a file saved by 'glassnet train' or model.save")
    parser.add_argument(
        "data", nargs="+", help=f"{DATA_HELP}; or any number of pictures and folders of them, without classes"
    )
    _add_pictures(parser)
    _add_texts(parser)
    parser.add_argument(
        "--output", metavar="FILE", help="where to write the answers, .csv or .parquet; standard output if not given"
    )
    parser.add_argument("--probabilities", action="store_true", help="add a column with the probability of each class")
    _add_force(parser)


def _add_summary(commands: Commands) -> None:
    from glassnet.cli.use import summary

    parser = commands.add_parser("summary", help="show a saved model's layers", description="Shows a saved model.")
    parser.set_defaults(run=summary)
    parser.add_argument("model", help="a file saved by 'glassnet train' or model.save")
    parser.add_argument(
        "--plan", type=COUNT, metavar="ROWS", help="also the compiled training step for batches of ROWS"
    )


def _add_trace(commands: Commands) -> None:
    from glassnet.cli.use import trace

    parser = commands.add_parser(
        "trace",
        help="show every number of one training step",
        description="Takes one training step of a saved model on some rows, without changing the model, and shows "
        "every array on the way: forward, loss, backward, update. With --html as a page on which each number explains "
        "itself.",
    )
    parser.set_defaults(run=trace)
    _add_model_and_data(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--row", type=PLACE, default=0, help="number of the row, from 0")
    which.add_argument("--rows", metavar="FIRST:STOP", help="several rows as one batch, such as 0:4")
    parser.add_argument("--html", metavar="FILE", help="where to write the page; needs no network to be looked at")
    parser.add_argument("--language", default="en", choices=LANGUAGES, help="of the page (en)")
    _add_force(parser)


def _add_model_and_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a file saved by 'glassnet train' or model.save")
    parser.add_argument("data", help=DATA_HELP)
    _add_pictures(parser)
    _add_texts(parser)
    parser.add_argument(
        "--target", type=readable, metavar="COLUMN", help="for a table: the target column, if not named as in training"
    )


def _add_force(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--force",
        action="store_true",
        help="replace files that glassnet did not write; what the command reads is never replaced",
    )


def _add_pictures(group: argparse._ActionsContainer) -> None:
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


def _add_texts(group: argparse._ActionsContainer) -> None:
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


def _add_export(commands: Commands) -> None:
    from glassnet.cli.export import FORMATS, export

    parser = commands.add_parser(
        "export",
        help="write a model for other programs",
        description="Writes a model's prediction, preprocessing included, as an ONNX file or as C source.",
    )
    parser.set_defaults(run=export)
    parser.add_argument("model", help="a model file that train wrote")
    parser.add_argument("--to", required=True, choices=FORMATS, help="an ONNX file, or C99 source and its header")
    parser.add_argument("--output", metavar="FILE", help="where to write it (default: beside the model, .onnx or .c)")
    parser.add_argument("--function", default="predict", metavar="NAME", help="for C: name of the function (predict)")
    _add_force(parser)


def _add_serve(commands: Commands) -> None:
    from glassnet.cli.serve import serve

    parser = commands.add_parser(
        "serve",
        help="answer requests for predictions over HTTP",
        description="Serves a saved model: JSON in, predictions out. GET / says what the model takes and gives.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=serve)
    parser.add_argument("model", help="a model file that train wrote")
    parser.add_argument("--port", type=PORT, default=8000, metavar="N", help="where to listen; 0 for any free one")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 0.0.0.0 for other computers")
    parser.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a further name that requests may call the server by, such as models.example.com",
    )
    parser.add_argument("--threads", type=THREADS, metavar="N", help="upper limit of threads of one prediction")
    parser.add_argument("--workers", type=THREADS, default=4, metavar="N", help="predictions at once")
    parser.add_argument("--max-rows", type=COUNT, default=1000, metavar="N", help="rows in a request")
    parser.add_argument("--max-bytes", type=Whole(), default=10_000_000, metavar="N", help="size of a request")
    parser.add_argument("--max-waiting", type=COUNT, default=100, metavar="N", help="requests at once; more get 503")
    parser.add_argument("--timeout", type=SECONDS, default=30.0, metavar="SECONDS", help="for a request to arrive")


def _add_playground(commands: Commands) -> None:
    from glassnet.cli.playground import playground

    parser = commands.add_parser(
        "playground",
        help="open a page where a network learns before your eyes",
        description="Serves a page on this computer: choose data and layers, watch the network learn, and see the sum "
        "that made each gradient.",
    )
    parser.set_defaults(run=playground)
    parser.add_argument(
        "data", nargs="?", metavar="data.csv", help="a table to begin with: .csv or .tsv, either with .gz; .xlsx"
    )
    _add_texts(parser)
    parser.add_argument("--port", type=PORT, default=0, metavar="N", help="where to listen; any free one if not given")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen at (127.0.0.1, which only this computer can reach)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
