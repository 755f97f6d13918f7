"""``glassnet export``: models for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.telling import tell
from glassnet.core.kinds import C_SOURCE, ONNX
from glassnet.interop import export_c
from glassnet.many import load_as_one

FORMATS = ("c", "onnx")


def export(options: argparse.Namespace) -> int:
    """Writes the file and says what came of it."""
    model = load_as_one(options.model)
    output = Path(options.output or Path(options.model).with_suffix(f".{options.to}"))
    written = [Output("--output", output, ONNX if options.to == "onnx" else C_SOURCE)]
    if options.to == "c" and output.suffix == ".c":
        written.append(Output("--output, for the header", output.with_suffix(".h"), C_SOURCE))
    require_outputs(written, [options.model])
    if options.to == "onnx":
        tell(model.export_onnx(output))
    else:
        source, header = export_c(model, output, function=options.function)
        declared = next(line for line in header.read_text("ascii").splitlines() if line.startswith("void "))
        tell(f"{source}, {header}: {declared.removesuffix(';')}")
    return 0
