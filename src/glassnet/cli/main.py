"""What ``glassnet`` understands, and how it fails."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassnet.cli.notes import notes_to_stderr
from glassnet.cli.numbers import (
    COUNT,
    HEAT,
    PLACE,
    PORT,
    SECONDS,
    SEED,
    THREADS,
    Whole,
)
from glassnet.cli.options import DATA_HELP, Commands, add_force, add_page_settings, add_pictures, add_texts
from glassnet.cli.parser import Parser
from glassnet.cli.streams import require_streams
from glassnet.cli.telling import argparse_speaks, put_into_words, tell
from glassnet.cli.train_options import add_train
from glassnet.cli.tune_options import add_tune
from glassnet.core.catalogues import LANGUAGES, translated
from glassnet.core.errors import GlassnetError
from glassnet.core.files import as_told, replacing_all
from glassnet.core.languages import require_known_language
from glassnet.core.output import make_plainer, readable
from glassnet.version import __version__

EXAMPLES = """\
examples:
  glassnet train digits                                 handwritten digits, built in
  glassnet train flowers.csv --target species           a table; the last word is the column to learn
  glassnet train customers.csv --target buys,rating     several columns at once, of classes or of amounts
  glassnet train sensors.csv --target load --past 48 --future 24    a series: 24 steps ahead from the last 48
  glassnet train digits --hidden 128 64 --dropout 0.2 --epochs 30 --output digits.safetensors
  glassnet tune flowers.csv --target species --trials 100    search for good settings first
  glassnet evaluate flowers.safetensors new.csv         how good is it on other rows?
  glassnet predict flowers.safetensors new.csv --output answers.csv            or answers.parquet; of any length
  glassnet report flowers.safetensors new.csv           whether rows are like the training's, as a page
  glassnet summary digits.safetensors                   layers, shapes, parameters
  glassnet trace digits.safetensors digits --row 3      every number of one training step
  glassnet trace digits.safetensors digits --rows 0:4 --html step.html   as a page that explains each of them
  glassnet export digits.safetensors --to onnx          for other programs; --to c writes C source
  glassnet train pets/ --resize 32x32 --network resnet --augment flip,crop     a folder of photos for each class
  glassnet predict pets.safetensors new/*.jpg --resize 32x32                   what do other photos show?
  glassnet train names.txt --task text                  learn to write more of them; then:
  glassnet generate names.safetensors --prompt Em --count 5
  glassnet serve flowers.safetensors --port 8000        predictions over HTTP, JSON in and out
  glassnet playground                                   a page where a network learns before your eyes
  glassnet museum bottleneck --quiz                     a sick network: guess, diagnose, cure
"""

FIRST = """\
glassnet: neural networks that you can see through. Try:

  glassnet playground      a page where a network learns before your eyes
  glassnet train digits    handwritten digits, built in: a network reads them after some seconds
  glassnet examples        lessons to read and to run, from one step by hand to attention
  glassnet --help          all commands, with examples
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status.

    0 for success, 1 where nobody reads the output any more, 2 for an error that the message explains, 128 + n where
    signal number n asked for the end.
    """
    require_streams()
    make_plainer(sys.stdout, sys.stderr)
    try:
        require_known_language()
        if not (sys.argv[1:] if arguments is None else arguments):
            tell(FIRST, end="", flush=True)
            return 0
        with argparse_speaks():
            parser = build_parser()
            put_into_words(parser)
            options = parser.parse_args(arguments)
        options.typed = list(sys.argv[1:] if arguments is None else arguments)
        with notes_to_stderr(), replacing_all(getattr(options, "force", False)):
            status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has gone away, as head does; what is left of it must not be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        tell("glassnet: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (GlassnetError, OSError) as error:
        told = as_told(error, "the standard output") if isinstance(error, OSError) else error
        notes = "".join(f" ({translated(note)})" for note in getattr(error, "__notes__", ()))
        print(f"glassnet: {told}{notes}", file=sys.stderr)
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
    add_train(commands)
    add_tune(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_report(commands)
    _add_generate(commands)
    _add_summary(commands)
    _add_trace(commands)
    _add_export(commands)
    _add_serve(commands)
    _add_playground(commands)
    _add_museum(commands)
    _add_examples(commands)
    _add_completion(commands)
    return parser


def _add_evaluate(commands: Commands) -> None:
    from glassnet.cli.use import evaluate

    parser = commands.add_parser(
        "evaluate", help="measure a saved model on data", description="Measures a saved model."
    )
    parser.set_defaults(run=evaluate)
    _add_model_and_data(parser, several=True)


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
    add_pictures(parser)
    add_texts(parser)
    parser.add_argument(
        "--output", metavar="FILE", help="where to write the answers, .csv or .parquet; standard output if not given"
    )
    parser.add_argument("--probabilities", action="store_true", help="add a column with the probability of each class")
    add_force(parser)


def _add_report(commands: Commands) -> None:
    from glassnet.cli.report import write_report

    parser = commands.add_parser(
        "report",
        help="write a page about a saved model and other rows",
        description="Writes a page about a saved model on rows that it was not trained on: how far they are from the "
        "training's, what the model answers and why; and, where the right answers stand beside them, how good it is.",
    )
    parser.set_defaults(run=write_report)
    _add_model_and_data(parser)
    parser.add_argument(
        "--output", metavar="FILE", help="where to write the page (default: beside the model, MODEL-DATA.html)"
    )
    add_page_settings(parser)
    add_force(parser)


def _add_generate(commands: Commands) -> None:
    from glassnet.cli.texts import generate

    parser = commands.add_parser(
        "generate",
        help="let a model of texts write some",
        description="Lets a model of 'glassnet train --task text' go on with a text; the same seed gives the same.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=generate)
    parser.add_argument("model", help="a file saved by 'glassnet train --task text' or model.save")
    parser.add_argument("--prompt", type=readable, default="", metavar="TEXT", help="how the text begins")
    parser.add_argument("--count", type=COUNT, default=1, metavar="N", help="how many texts to write")
    parser.add_argument(
        "--max-tokens",
        type=COUNT,
        metavar="N",
        help="how many tokens to add at most; as many as the network sees at once if not given",
    )
    parser.add_argument(
        "--temperature",
        type=HEAT,
        default=1.0,
        metavar="T",
        help="above 1 bolder, below tamer; 0 the likeliest each time",
    )
    parser.add_argument("--top-k", type=COUNT, metavar="K", help="draw among the K likeliest tokens only")
    parser.add_argument(
        "--seed", type=SEED, default=0, metavar="N", help="of the first text; of each further one 1 more"
    )


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
    parser.add_argument("--why", action="store_true", help="tell how the formulas come about, with the numbers in them")
    parser.add_argument(
        "--evaluation", action="store_true", help="no training step, but what evaluate does: no dropout, no update"
    )
    parser.add_argument("--language", choices=LANGUAGES, help="of text and page (the one that glassnet speaks)")
    add_force(parser)


def _add_model_and_data(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    from glassnet.cli.blocks import Sources

    parser.add_argument("model", help="a file saved by 'glassnet train' or model.save")
    how: dict[str, Any] = {"nargs": "+", "action": Sources} if several else {}
    parser.add_argument("data", help=f"{DATA_HELP}; or several tables" if several else DATA_HELP, **how)
    add_pictures(parser)
    add_texts(parser)
    parser.add_argument(
        "--target", type=readable, metavar="COLUMN", help="for a table: the target column, if not named as in training"
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
    add_force(parser)


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


def _add_museum(commands: Commands) -> None:
    from glassnet.cli.museum import museum

    parser = commands.add_parser(
        "museum",
        help="sick networks: guess, diagnose, cure",
        description="Twenty networks that do not learn as they should. Without a name it lists them; with one it "
        "trains that network for a moment, shows its curves, what gn.diagnose says of it, and the cure with its proof.",
    )
    parser.set_defaults(run=museum)
    parser.add_argument("name", nargs="?", metavar="NAME", help="an exhibit, such as bottleneck")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--quiz", action="store_true", help="show the symptom alone, and four causes to choose from")
    asked.add_argument("--guess", metavar="CAUSE", help="one of the four causes; says whether it is the right one")
    asked.add_argument("--html", metavar="FILE", help="where to write a page to guess on, of one or of all")
    parser.add_argument("--language", choices=LANGUAGES, help="of text and page (the one that glassnet speaks)")
    add_force(parser)


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
    add_texts(parser)
    parser.add_argument("--port", type=PORT, default=0, metavar="N", help="where to listen; any free one if not given")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen at (127.0.0.1, which only this computer can reach)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    parser.add_argument(
        "--static", metavar="FILE", help="serve nothing and write the page as a file that computes everything itself"
    )


def _add_examples(commands: Commands) -> None:
    from glassnet.cli.examples import examples

    parser = commands.add_parser(
        "examples",
        help="list the lessons, or copy some",
        description="Lists the lessons: scripts to read from top to bottom and to run. With numbers it copies them.",
    )
    parser.set_defaults(run=examples)
    parser.add_argument("number", nargs="*", type=COUNT, metavar="N", help="which ones to copy")
    parser.add_argument(
        "--output", type=Path, default=Path("examples"), metavar="FOLDER", help="where to put the copies (examples)"
    )
    add_force(parser)


def _add_completion(commands: Commands) -> None:
    from glassnet.cli.completion import SHELLS, completion

    parser = commands.add_parser(
        "completion",
        help="print a script that lets a shell complete commands",
        description="Prints a script after which the shell completes commands, options and choices. For bash: "
        "glassnet completion bash > ~/.local/share/bash-completion/completions/glassnet",
    )
    parser.set_defaults(run=completion, parser=build_parser)
    parser.add_argument("shell", choices=SHELLS, help="which shell")
