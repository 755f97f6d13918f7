"""Series on the command line: windows of a table's rows in time, forecasts after its end, and how good they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.cli.networks import build_network
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.streams import STANDARD_OUTPUT, Answers, is_parquet, kind_of_answers, write_answers
from glassnet.cli.tables import listed, reading_of
from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError
from glassnet.data import Dataset, Windows, windows
from glassnet.data.tables import TABLE_ENDINGS, is_table, name_of, read_like, read_table, require_polars
from glassnet.layers import Reshape
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.series import ForecastErrors, Forecasting
from glassnet.series.given import Given
from glassnet.series.stamps import shown_stamp
from glassnet.series.windows import of_series

NOT_FOR_SERIES = ("network", "augment", "subset", "regression", "categories")
BESIDE = ("series", "time", "period")


def is_asked(options: argparse.Namespace) -> bool:
    """Whether a series is to be forecast.

    Raises:
        ConfigurationError: options that do not go together, or data that are no table.
    """
    given = [name for name in ("past", "future", *BESIDE) if getattr(options, name) is not None]
    if not given or given == ["time"]:  # the order of a table's rows, see ``tables.sides_of``
        return False
    for name in ("past", "future"):
        if name not in given:
            raise ConfigurationError(
                where=f"--{given[0]}",
                received=f"--{given[0]} without --{name}",
                expected="how many steps to look back, and how many to forecast",
                fix="write for instance --past 48 --future 24",
            )
    for name in NOT_FOR_SERIES:
        if getattr(options, name):
            raise ConfigurationError(
                where=f"--{name}",
                received=f"--{name} together with --past and --future",
                expected="one of them: series are numbers in time, whose latest part is held out",
                fix=f"leave out --{name}, or --past and --future",
            )
    if not is_table(options.data):
        raise ConfigurationError(
            where="--past",
            received=f"--past for {options.data}",
            expected=f"a table only ({', '.join(TABLE_ENDINGS)}), a row for each step",
            fix="write the series into a .csv file, a column for each quantity",
        )
    return True


def read_windows(options: argparse.Namespace, targets: Sequence[str]) -> Windows:
    """All windows of a file that is trained with."""
    ignored = listed(options, options.ignore, "--ignore")
    frame = read_table(options.data, reading=reading_of(options), ignore=ignored, max_bytes=options.max_bytes)
    return windows(
        frame,
        options.past,
        options.future,
        targets=list(targets) or None,
        time=options.time,
        by=options.series,
        period=options.period,
    )


def network_for(options: argparse.Namespace, forecasting: Forecasting) -> Sequential:
    """Dense layers on all numbers of the past."""
    row = Dataset(np.zeros((1, *forecasting.input_shape), np.float32), None, name=name_of(options.data))
    outputs = forecasting.output_shape
    network = build_network(options, row, int(np.prod(outputs)))
    return network if len(outputs) == 1 else Sequential(*network.layers, Reshape(outputs))


def described(found: Windows, test: Windows, name: str) -> str:
    """What is trained with and tested, in a line."""
    return f"{name}: {len(found):,} windows to train, {len(test):,} later ones to test, {found.forecasting.describe()}"


def lines_of(errors: ForecastErrors, part: str = "test ") -> list[str]:
    """The errors of forecasts, beside those of the forecasts that need no model; of several targets each."""
    found, parts = [], errors.by_target()
    for target, own in parts.items():
        of = f" of {target}" if len(parts) > 1 else ""
        naive = own.naive_errors()
        found.append(f"{part}mean absolute error{of}: {own.mean_absolute_error:.5g}")
        found += [f"{part}mean absolute error{of}, {name}: {error:.5g}" for name, error in naive.items()]
        found.append(f"{part}root mean squared error{of}: {own.root_mean_squared_error:.5g}")
        if not own.is_better:
            better = min(naive, key=lambda name: naive[name])
            found.append(f"the model's forecast{of} is no better than {better}: more epochs, data or past may help")
    return found


def evaluate(options: argparse.Namespace, model: Model) -> int:
    """Prints how far forecasts of a file's steps are off."""
    found = windows_of(options, model)
    tell(f"{name_of(options.data)}: {len(found):,} windows, {found.forecasting.describe()}")
    tell(*lines_of(found.errors(model.predict(found.x)), part=""), sep="\n")
    return 0


def windows_of(options: argparse.Namespace, model: Model) -> Windows:
    """All windows of a file for a model that was trained before."""
    return of_series(model.require_forecasting("read"), _read(options, options.data, model))


def predict(options: argparse.Namespace, model: Model) -> int:
    """Writes what comes after the end of a file, a row for each step of each series."""
    forecasting = model.require_forecasting("glassnet predict")
    if len(options.data) > 1:
        raise ConfigurationError(
            where="predict",
            received=f"{len(options.data)} names",
            expected="one table, after whose end the forecast begins",
            fix="predict each on its own",
        )
    if options.probabilities:
        raise ConfigurationError(
            where="--probabilities",
            received="a model of forecasts",
            expected="a model that decides classes",
            fix="leave --probabilities out",
        )
    output, kind = None if options.output in STANDARD_OUTPUT else Path(options.output), None
    if output is not None:
        kind = kind_of_answers(output, _header(forecasting), None, are_amounts=True)
        require_outputs([Output("--output", output, kind)], [options.model, *options.data])
        if is_parquet(output):
            require_polars(where="--output")
    given = _read(options, options.data[0], model)
    outputs = model.predict(forecasting.latest(given, where="predict"))
    rows = write_answers(iter([_answers(forecasting, given, outputs)]), output, kind)
    if output is not None:
        tell(f"{rows:,} predictions written to {output}")
    return 0


def _read(options: argparse.Namespace, source: str, model: Model) -> Given:
    """The series of a file, read as in training."""
    forecasting = model.require_forecasting("read")
    if not is_table(source) or forecasting.table is None:
        raise ConfigurationError(
            where=f"read {source}",
            received="a model of forecasts",
            expected=f"a table ({', '.join(TABLE_ENDINGS)}), and a model that was trained on one",
            fix="write the series into a .csv file; in Python: model.forecast(series)",
        )
    frame = read_like(source, forecasting.table, reading_of(options), options.max_bytes)
    return forecasting.read(frame, where=name_of(source))


def _header(forecasting: Forecasting) -> list[str]:
    """The names of the columns of forecasts; those of the file, unless a forecast is called so."""
    targets = forecasting.targets
    predictions = ["prediction"] if len(targets) == 1 else [f"prediction_{name}" for name in targets]
    series = [] if forecasting.by is None else [_free(forecasting.by, "series", predictions)]
    return [*series, _free(forecasting.time or "step", "time", [*predictions, *series]), *predictions]


def _free(name: str, otherwise: str, taken: Sequence[str]) -> str:
    return otherwise if name in taken else name


def _answers(forecasting: Forecasting, given: Given, outputs: np.ndarray) -> Answers:
    """Columns by name: the series, the stamp or number of each step, a forecast of each target."""
    names: list[str] = []
    moments: list[Any] = []
    values = [forecasting.in_unit(own, one.name) for own, one in zip(outputs, given.series, strict=True)]
    for one in given.series:
        names += [one.name] * forecasting.future
        if one.stamps is not None and forecasting.step is not None:
            moments += map(shown_stamp, forecasting.step.after(one.stamps[-1], forecasting.future))
        else:
            moments += range(1, forecasting.future + 1)
    columns = [*([] if forecasting.by is None else [names]), moments, *np.concatenate(values).T.tolist()]
    return dict(zip(_header(forecasting), columns, strict=True))
