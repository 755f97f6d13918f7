"""Makes the pictures of the page about a model and of the page about a search in docs/images, a minute.

``python tools/make_report_pictures.py``. Needs Chromium, and what ``pip install ".[dev]"`` brings.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from make_trace_pictures import IMAGES, browser, save

import glassnet as gn

SIZES = {"report.png": 1575, "tuning.png": 1640}
"""Heights of what is shown of each page."""
TRIALS = 60


def main() -> None:
    digits = gn.data.digits()
    train, test = gn.data.split(digits, test_share=0.25, seed=0)
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
    model = gn.Model(net, "cross_entropy", gn.Adam(1e-3), ["accuracy"], seed=0)
    held_out = test.x / 16, test.y
    history = model.fit(train.x / 16, train.y, epochs=20, validation_data=held_out, verbose=False)
    found = gn.tune("tables", digits.x / 16, digits.y, trials=TRIALS, seed=0, verbose=False)
    with TemporaryDirectory() as folder, browser() as chromium:
        gn.report(model, *held_out, Path(folder, "report.html"), history=history, name="digits")
        found.report(Path(folder, "tuning.html"), name="digits")
        for name, height in SIZES.items():
            page = chromium.new_page(viewport={"width": 1240, "height": height})
            page.goto(Path(folder, name).with_suffix(".html").as_uri())
            save(page.screenshot(), IMAGES / name)


if __name__ == "__main__":
    main()
