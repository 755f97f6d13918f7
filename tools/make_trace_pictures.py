"""Makes the pictures of a trace and of a watched training in docs/images: ``python tools/make_trace_pictures.py``.

Needs Chromium, and what ``pip install ".[dev]"`` brings.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import glassnet as gn

IMAGES = Path(__file__).parents[1] / "docs" / "images"
NAMES = {"en": "trace.png", "zh": "trace.zh-CN.png"}


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


def main() -> None:
    digits = gn.data.digits()
    net = gn.Sequential(gn.Dense(16), gn.ReLU(), gn.Dense(10))
    model = gn.Model(net, "cross_entropy", gn.Adam(3e-3), seed=0)
    model.fit(digits.x / 16, digits.y, epochs=2, verbose=False)
    trace = gn.trace(model, digits.x[:4] / 16, digits.y[:4])
    # The weight that moves most: from the hidden unit and to the class with the largest gradient.
    number = next(i for i, call in enumerate(trace.calls) if call.kernel == "dense_backward" and call.path == "2")
    place = int(abs(trace.calls[number].outputs["dweight"]).argmax())
    with TemporaryDirectory() as folder, browser() as chromium:
        for language, name in NAMES.items():
            page = chromium.new_page(viewport={"width": 1240, "height": 820}, device_scale_factor=1.5)
            path = Path(folder) / name
            trace.to_html(path.with_suffix(".html"), language)
            page.goto(path.with_suffix(".html").as_uri())
            page.evaluate(f"glassnet.choose({number}, 'dweight', {place})")
            page.evaluate(f"scrollBy(0, document.getElementById('step-{number + 1}').getBoundingClientRect().top - 70)")
            page.wait_for_timeout(1000)
            save(page.screenshot(), IMAGES / name)

    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(64), gn.Tanh(), gn.Dense(10))
    watched = gn.Model(net, "cross_entropy", gn.Adam(3e-3), seed=0)
    watched.fit(digits.x / 16, digits.y, epochs=20, callbacks=[watch := gn.Watch(every=20)], verbose=False)
    picture = io.BytesIO()
    watch.plot().savefig(picture, dpi=110)
    save(picture.getvalue(), IMAGES / "watch.png")


def save(png: bytes, path: Path) -> None:
    """With few colours, which flat surfaces do not miss."""
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, kmeans=2).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
