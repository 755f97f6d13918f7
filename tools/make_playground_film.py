"""Makes the moving picture of the playground in docs/images: ``python tools/make_playground_film.py``, some minutes.

For twenty seconds a spiral is learned epoch by epoch, a weight's gradient is taken apart, and the tour goes over the
next step. Needs Chromium, and what ``pip install ".[dev]"`` brings.
"""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from make_trace_pictures import IMAGES, browser
from PIL import Image

SETTING = "dataset=spiral&noise=0.05&rows=400&hidden=8,8&batch_size=8&learning_rate=0.03&seed=1"
HIDDEN = "l1,l2,batch_norm,dropout,inputs,texts-page"  # what the film has no use for
VIEWPORT = {"width": 1280, "height": 840}
SIZE = (960, 630)
FRAME = 125
"""Milliseconds that each picture stays: 160 of them are twenty seconds."""
EPOCHS = (*[0] * 8, *[1] * 24, *[2] * 16, *[4] * 16, *[8] * 20, *[0] * 8)
"""How many go by before each picture of the first part."""
LOOK = 28
"""Pictures of the gradient's card."""
STAGES, PER_STAGE = 8, 5
"""Of the tour; with the 92 and the 28 before them 160 pictures."""
MOST_BYTES = 3_000_000


@contextmanager
def served() -> Iterator[str]:
    """The address of a playground while it runs."""
    command = [sys.executable, "-m", "glassnet", "playground", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


class Film:
    """Pictures of a page, one after another."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frames: list[Image.Image] = []

    def take(self) -> None:
        """The page as it is now."""
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(shot.resize(SIZE, Image.Resampling.LANCZOS))

    def train(self, epochs: int) -> None:
        """Goes on by some epochs, and waits until the page shows them."""
        for _ in range(epochs):
            before = self.page.locator("body").get_attribute("data-updates")
            self.page.keyboard.press("e")
            self.page.wait_for_selector(f"body:not([data-updates='{before}'])")
        self.page.wait_for_timeout(60)

    def save(self, path: Path) -> None:
        """As animated WebP, as good as the bytes allow."""
        for quality in (70, 55, 40, 25):
            target = io.BytesIO()
            self.frames[0].save(
                target, "WEBP", save_all=True, append_images=self.frames[1:], duration=FRAME, loop=0, quality=quality
            )
            if len(target.getvalue()) <= MOST_BYTES:
                break
        path.write_bytes(target.getvalue())
        seconds = len(self.frames) * FRAME / 1000
        print(f"{path}: {len(target.getvalue()) / 1000:.0f} kB, {seconds:.0f} s, quality {quality}")


def main() -> None:
    with served() as address, browser() as chromium:
        page = chromium.new_page(viewport=VIEWPORT)
        page.goto(f"{address}&hide={HIDDEN}#{SETTING}")
        page.wait_for_selector("body[data-updates]")
        page.wait_for_timeout(500)
        film = Film(page)
        for epochs in EPOCHS:
            film.train(epochs)
            film.take()

        # A weight of the first layer, the one with the most to say: its gradient as a sum over the batch's rows.
        wires = page.evaluate("playground.middles().filter((wire) => wire.layer === 0)")
        wire = wires[len(wires) // 3]
        page.mouse.move(wire["x"], wire["y"])
        for _ in range(4):
            film.take()
        page.mouse.click(wire["x"], wire["y"])
        page.wait_for_timeout(200)
        for _ in range(6):
            film.take()
        page.locator("#card-gradient").click()
        page.locator("#panel table.terms").wait_for()
        page.wait_for_timeout(300)
        for _ in range(LOOK - 10):
            film.take()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

        page.locator("#tour").click()
        page.locator("#tour-card").wait_for()
        for stage in range(STAGES):
            for _ in range(PER_STAGE):
                film.take()
            if stage + 1 < STAGES:
                page.keyboard.press("ArrowRight")
                page.wait_for_timeout(150)
        film.save(IMAGES / "playground.webp")


if __name__ == "__main__":
    main()
