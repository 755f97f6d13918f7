"""``glassnet export``: models for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from glassnet.interop import export_c
from glassnet.model import load

FORMATS = ("c", "onnx")


def export(options: argparse.Namespace) -> int:
    """Writes the file and says what came of it."""
    model = load(options.model)
    output = options.output or str(Path(options.model).with_suffix(f".{options.to}"))
    if options.to == "onnx":
        print(model.export_onnx(output))
    else:
        source, header = export_c(model, output, function=options.function)
        print(f"{source}, {header}: void {options.function}(const float *x, float *y)")
    return 0
