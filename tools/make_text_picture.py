"""Makes the picture of the playground's page of texts in docs/images: ``python tools/make_text_picture.py``.

Needs Chromium, and what ``pip install ".[dev]"`` brings. Letters on it are those of the system's own fonts.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys

from make_trace_pictures import IMAGES, save
from playwright.sync_api import sync_playwright


def main() -> None:
    command = [sys.executable, "-m", "glassnet", "playground", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1240, "height": 790}, device_scale_factor=1.5)
            page.goto(found[0].replace("/?", "/text?"))
            page.wait_for_selector("body[data-epoch]")
            page.locator("#play").click()
            while float(page.locator("#perplexity").inner_text()) > 1.8:
                page.wait_for_timeout(200)
            page.locator("#play").click()
            page.locator("#prefix").fill("pea")
            page.wait_for_selector("body[data-prefix='pea']")
            page.wait_for_timeout(300)
            save(page.screenshot(), IMAGES / "playground-text.png")
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


if __name__ == "__main__":
    main()
