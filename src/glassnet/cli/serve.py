"""``glassnet serve``: a saved model behind an address."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from glassnet.cli.telling import tell
from glassnet.core.errors import require_extra
from glassnet.many import load_as_one
from glassnet.serving import Limits, Service


def serve(options: argparse.Namespace) -> int:
    """Answers requests until Ctrl-C or SIGTERM."""
    expected = "a small web server, which the model is served by"
    require_extra("starlette", "uvicorn", extra="playground", expected=expected, where="serve")
    limits = Limits(options.max_rows, options.max_bytes, options.timeout, options.max_waiting)
    model = load_as_one(options.model)
    model.threads = options.threads
    service = Service(model, Path(options.model).stem, limits)
    from glassnet.serving.serve import serve as run

    run(service, options.host, options.port, workers=options.workers, names=options.allow_host or (), tell=_tell)
    return 0


def _tell(address: str) -> None:
    tell(f"The model is at {address}", flush=True)
    if sys.stdout.isatty():
        tell("Ctrl-C ends it.", flush=True)
