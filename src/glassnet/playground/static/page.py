"""The page in one file: markup, style and scripts of the playground, and a worker in the place of its server."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np

from glassnet.core.pages import POLICY, STYLE, as_json
from glassnet.data import digits
from glassnet.derivatives.differences import AGREEMENT, ROUNDING, STEP
from glassnet.playground import advice
from glassnet.playground.frames import NAMES
from glassnet.playground.session import Session
from glassnet.playground.settings import (
    ACTIVATIONS,
    DATASETS,
    LOSSES,
    MOST_LAYERS,
    MOST_UNITS,
    OPTIMIZERS,
    RANGES,
    Setting,
)
from glassnet.playground.static.bundle import bundled
from glassnet.playground.static.recipes import recipes
from glassnet.tracing.memory import limits_of_targets
from glassnet.tracing.page import script_module, style_of_steps
from glassnet.tracing.words import WORDS

SHARES = {"noise": (0, 0.5), "held_out": (0.1, 0.9), "learning_rate": (0, 10), "l1": (0, 1), "l2": (0, 1)}
SHARES |= {"dropout": (0, 0.9)}
"""The ranges of other numbers, as ``Setting`` checks them."""

ADVICE = (
    "BETTER",
    "GOOD",
    "MOST_EPOCHS",
    "SECONDS",
    "MOST_CURES",
    "WAIT_SECONDS",
    "WAIT_EPOCHS",
    "PROGRESS",
    "MOST_DEAD",
)
"""When a mend is looked for, and what is asked of it."""

NO_DIFFERENCE = {
    "en": "No central difference is computed for this number: intermediate sums have none.",
    "zh": "这个数没有中心差分：中间的和不做差分。",
}
"""What an explanation says in the place of a central difference: this page works out the others itself."""


def static_page() -> str:
    """The playground as one HTML file, which opens from a disk or any web server and asks nobody for anything.

    The page's script is what the served page runs, with a worker behind it that makes the same data, weights and
    batches and trains with the kernels' element lines, written in JavaScript when the file is made.
    """
    script = bundled(_page_modules(), "main")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = POLICY.replace("script-src 'unsafe-inline'", f"script-src 'sha256-{digest}'; worker-src blob:")
    assert digest in policy
    text = _web("index.html")
    text = re.sub(r'<(link rel="stylesheet"|script type="module")[^\n]*\n', "", text)
    icon = f"data:image/svg+xml;base64,{b64encode(_web('icon.svg').encode()).decode()}"
    text = text.replace("/web/icon.svg", icon)
    styles = [STYLE, style_of_steps(), *(_web(f"{name}.css") for name in ("layout", "controls", "card", "walk"))]
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{"".join(styles)}</style>\n'
    text = text.replace("<title>", head + "<title>", 1)
    worker = f'<script type="application/json" id="worker">{as_json(worker_script())}</script>\n'
    return text.replace("</body>", f"{worker}<script>{script}</script>\n</body>", 1)


def worker_script(entry: str = 'import { serve } from "./server.js";\nserve(self);\n') -> str:
    """What the worker runs: data, network, training, frames.

    Args:
        entry: the module that begins.
    """
    found = recipes()
    facts = f"const RECIPES = {json.dumps(found.to_json())};\nconst FACTS = {json.dumps(_facts())};\n"
    modules = _modules("local") | {
        "kernels": found.script(),
        "recipes": f"{facts}export {{ RECIPES, FACTS }};\n",
        "digits": f'const DIGITS = "{_digits()}";\nexport {{ DIGITS }};\n',
        "worker": entry,
    }
    return bundled(modules, "worker")


def _page_modules() -> dict[str, str]:
    modules = _modules("")
    return modules | {"socket": _modules("local")["connect"], "explain": script_module()}


def _facts() -> dict[str, Any]:
    """What settings there are."""
    choices = {"dataset": [name for name in DATASETS if name != "table"], "activation": ACTIVATIONS}
    losses = ["", *dict.fromkeys(name for names in LOSSES.values() for name in names)]
    return {
        "setting": Setting().to_dict(),
        "losses": LOSSES,
        "targets": dict(_targets()),
        "inputs": NAMES,
        "ranges": RANGES,
        "shares": SHARES,
        "choices": choices | {"optimizer": OPTIMIZERS, "loss": losses},
        "most": {"layers": MOST_LAYERS, "units": MOST_UNITS},
        "words": {language: words | {"no_difference": NO_DIFFERENCE[language]} for language, words in WORDS.items()},
        "checks": {"relative": AGREEMENT, "rounding": ROUNDING, "step": STEP},
        "advice": {name.lower(): getattr(advice, name) for name in ADVICE},
    }


def _targets() -> Iterator[tuple[str, dict[str, Any]]]:
    """What targets may be changed to by hand, for each loss; of classes the page knows how many there are."""
    for dataset, task in (("blobs", "classes"), ("plane", "numbers"), ("circle", "binary")):
        for loss in LOSSES[task]:
            yield loss, limits_of_targets(Session(Setting(dataset=dataset, rows=20, loss=loss)).trace().subject)


def _digits() -> str:
    data = digits()
    assert data.y is not None
    return b64encode(data.x.astype(np.uint8).tobytes() + data.y.astype(np.uint8).tobytes()).decode()


def _modules(folder: str) -> dict[str, str]:
    home = files("glassnet.playground").joinpath("web", folder)
    return {f.name[:-3]: f.read_text(encoding="utf-8") for f in home.iterdir() if f.name.endswith(".js")}


def _web(name: str) -> str:
    return files("glassnet.playground").joinpath("web", name).read_text(encoding="utf-8")
