"""``glassnet report``: a page about a saved model on rows that it was not trained on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from glassnet.cli import series
from glassnet.cli.networks import DIGITS_SHAPE
from glassnet.cli.options import page_settings
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.tables import answers_in, reading_of
from glassnet.cli.telling import tell
from glassnet.cli.texts import refuse_text
from glassnet.cli.use import refuse_other_target, with_targets
from glassnet.core.errors import ConfigurationError
from glassnet.core.kinds import PAGE
from glassnet.data.tables import is_table, name_of, read_header, read_like
from glassnet.many import load_as_one
from glassnet.model import Model
from glassnet.reports import can_draw, report
from glassnet.tables import Table


def write_report(options: argparse.Namespace) -> int:
    """Writes the page, with the figures where the data have the answers."""
    name = name_of(options.data) if is_table(options.data) else Path(options.data).name or "data"
    model_file = Path(options.model)
    output = Path(options.output or model_file.with_name(f"{model_file.stem}-{name}.html"))
    require_outputs([Output("--output", output, PAGE)], [options.model, options.data])
    settings = page_settings(options)
    model = load_as_one(options.model)
    model.require_one_output("glassnet report")
    refuse_other_target(model, options)
    x, y = _rows(model, options)
    image_shape = DIGITS_SHAPE if options.data == "digits" else None
    page = report(model, x, y, output, name=name, model_file=model_file, image_shape=image_shape, **settings)
    tell(f"report saved to {page}" + ("" if can_draw() else ', without pictures: pip install "glassnet[plots]"'))
    return 0


def _rows(model: Model, options: argparse.Namespace) -> tuple[Any, Any]:
    """The rows, and the right answers where they are known."""
    if model.forecasting is not None:
        return series.windows_of(options, model), None
    table = model.preprocessing
    if not isinstance(table, Table) or not is_table(options.data):
        refuse_text(model, options.data, "report")
        data = with_targets(model, options)
        return data.x, data.y
    reading = reading_of(options)
    frame = read_like(options.data, table, reading, options.max_bytes)
    names = () if table.target is None else table.target.names
    header = read_header(options.data, reading, options.max_bytes)
    there = [name for name in names if name in header]
    if there and len(there) < len(names):
        raise ConfigurationError(
            where=f"report {options.data}",
            received=f"the column {', '.join(there)}, but not {', '.join(set(names) - set(there))}",
            expected=f"all that is predicted, {', '.join(names)}, or nothing of it",
            fix="add the columns that are missing, or leave out those that are there",
        )
    raws = table.read(frame, there, where="report") if there else {}
    known = any(not raw.missing.all() for raw in raws.values())
    tell(f"{name_of(options.data)}: {frame.height:,} rows" + ("" if known else ", without the answers"))
    return frame, answers_in(frame, table, model) if known else None
