"""``glassnet tune``."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT
from typing import Any

from glassnet.cli import tables
from glassnet.cli.breaks import save
from glassnet.cli.ending import Ending
from glassnet.cli.numbers import MOST_LETTERS
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.pictures import picture_options
from glassnet.cli.rows import read_arrays, read_parts
from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError, require_extra
from glassnet.core.kinds import MODEL, PAGE, STUDY
from glassnet.core.locks import PathLock
from glassnet.core.output import logger
from glassnet.data import Dataset, parse_subset
from glassnet.data.sources import refuse_size
from glassnet.data.tables import is_table, name_of
from glassnet.metrics import as_metrics
from glassnet.reports import can_draw
from glassnet.tabular.plan import metrics_for
from glassnet.training.progress import is_watched
from glassnet.tuning import Range, Tried, Tuning, tune

PRINTED = 20
"""Lines about trials where there is no terminal for a progress bar."""
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"


def search(options: argparse.Namespace) -> int:
    """Reads the data, searches, tests the best model, saves it; every path is checked before the work begins.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.
    """
    require_extra("optuna", extra="tune", expected="Optuna, which searches", where="tune")
    output, study, page = require_paths(options)
    space = dict(map(_entry, options.space or ()))
    with PathLock(output, where="tune") as lock, Ending():
        if lock.warning is not None:
            logger().warning(lock.warning)
        return _search(options, output, study, page, space)


def require_paths(options: argparse.Namespace) -> tuple[Path, Path, Path | None]:
    """Where the model, the study and the page go.

    Raises:
        ConfigurationError, WriteError: one of them cannot be written, see ``require_outputs``.
    """
    stem = name_of(options.data) if is_table(options.data) else Path(options.data).name.split(".")[0] or "model"
    output = Path(options.output or f"{stem}.safetensors")
    study = Path(options.study) if options.study else output.with_suffix(".study")
    page = None if options.no_report else Path(options.report) if options.report else output.with_suffix(".html")
    outputs = [Output("--output", output, MODEL), Output("--study", study, STUDY)]
    outputs += [] if page is None else [Output("--report", page, PAGE)]
    require_outputs(outputs, [options.data])
    return output, study, page


def _search(options: argparse.Namespace, output: Path, study: Path, page: Path | None, space: dict[str, Any]) -> int:
    say: Callable[..., None] = (lambda *_, **__: None) if options.quiet else tell
    kind, x, y, test, name = _rows(options)
    if study.exists() and study.stat().st_size:
        say(f"going on from {study}")
    found = tune(
        kind,
        x,
        y,
        trials=options.trials,
        space=space,
        epochs=options.epochs,
        validation=options.validation_share,
        metric=options.metric,
        seed=options.seed,
        halving=None if options.no_halving else 3,
        patience=options.patience,
        wave=options.wave,
        workers=options.workers,
        timeout=options.timeout,
        storage=study,
        refit=not options.no_refit,
        callbacks=[] if options.quiet else [_Lines(options.trials)],
        verbose=not options.quiet,
    )
    model = found.model
    if y is not None:
        model.metrics = as_metrics(metrics_for(y))
    save(model, output)  # before anything is printed: a reader of the output may have gone away
    _tell(found, say)
    tell(*(f"test {measure}: {value:.4f}" for measure, value in tables.measured(model, *test).items()), sep="\n")
    tell(f"model saved to {output} ({output.stat().st_size / 1000:,.0f} kB)")
    if found.stopped == "interrupted":
        tell(f"to go on: {shlex.join(['glassnet', *options.typed])}")
    if page is not None:
        found.report(page, name=name, language=options.language)
        tell(f"report saved to {page}" + ("" if can_draw() else ', without pictures: pip install "glassnet[plots]"'))
    return 128 + SIGINT if found.stopped == "interrupted" else 0


def _rows(options: argparse.Namespace) -> tuple[str, Any, Any, tuple[Any, Any], str]:
    """The kind, the rows to search with and their targets, the pair to test with, the data's name."""
    targets = tables.target_names(options)
    if is_table(options.data):
        refuse_size(options.data, picture_options(options))
        _require_kind(options, ("auto", "tables"))
        subset = None if options.subset is None else parse_subset(options.subset)
        parts = read_parts(options, targets, subset, "tune")
        return "tables", parts.training, parts.table, (parts.test, parts.table.targets(parts.test)), parts.training.name
    data, test = read_arrays(options, "tune")
    kind = options.kind if options.kind != "auto" else _kind_of(data)
    return kind, data, None, (test.x, test.y), data.name


def _kind_of(data: Dataset) -> str:
    return "images" if data.x.ndim in (3, 4) else "tables"


def _require_kind(options: argparse.Namespace, kinds: tuple[str, ...]) -> None:
    if options.kind not in kinds:
        raise ConfigurationError(
            where="tune: --kind",
            received=f"{options.kind} for {options.data}, a table",
            expected=f"{' or '.join(kinds)}",
            fix="leave --kind out",
        )


def _tell(found: Tuning, say: Callable[..., None]) -> None:
    say()
    say(found)
    failed = [trial for trial in found.trials if trial.state == "failed"]
    if failed:
        say(f"{len(failed)} failed; the first, trial {failed[0].number}: {failed[0].reason}")
    say()
    say(found.model.summary())


class _Lines:
    """A line for some of the trials, where there is no terminal for a progress bar."""

    def __init__(self, trials: int) -> None:
        self._trials = trials

    def __call__(self, trial: Tried) -> None:
        every = max(1, self._trials // PRINTED)
        if is_watched() or ((trial.number + 1) % every and trial.number + 1 != self._trials):
            return
        value = "" if trial.value is None else f", {trial.value:.4g} after epoch {trial.best_epoch}"
        tell(f"{trial.number + 1}/{self._trials} trial {trial.number}: {trial.state}{value}", flush=True)


def _entry(text: str) -> tuple[str, Any]:
    """What --space says of one setting: NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=CHOICE,CHOICE.

    Raises:
        ConfigurationError: something else.
    """
    name, _, values = text.partition("=")
    ends = values.split(":")
    bounds = [number for number in map(_value, ends[:2]) if not isinstance(number, str)]
    if len(bounds) == 2 and ends[2:] in ([], ["log"]):
        return name, Range(*bounds, log=len(ends) == 3)
    if len(ends) > 1 or not name or not values:
        raise ConfigurationError(
            where="tune: --space",
            received=repr(text),
            expected="NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=CHOICE,CHOICE",
            fix="write --space units=16:64:log --space activation=relu,tanh",
        )
    return name, [_value(choice) for choice in values.split(",")]


def _value(text: str) -> int | float | str:
    if len(text) > MOST_LETTERS or not re.fullmatch(_NUMBER, text):
        return text
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else float(text)
