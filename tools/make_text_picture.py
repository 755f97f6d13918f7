"""Makes the picture of the playground's page of texts in docs/images: ``python tools/make_text_picture.py``.

Needs Chromium, and what ``pip install ".[dev]"`` brings. Letters on it are those of the system's own fonts.
"""

from __future__ import annotations

from make_playground_film import served
from make_trace_pictures import IMAGES, browser, save


def main() -> None:
    with served() as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1240, "height": 790}, device_scale_factor=1.5)
        page.goto(address.replace("/?", "/text?"))
        page.wait_for_selector("body[data-epoch]")
        page.locator("#play").click()
        while float(page.locator("#perplexity").inner_text()) > 1.8:
            page.wait_for_timeout(200)
        page.locator("#play").click()
        page.locator("#prefix").fill("pea")
        page.wait_for_selector("body[data-prefix='pea']")
        page.wait_for_timeout(300)
        save(page.screenshot(), IMAGES / "playground-text.png")


if __name__ == "__main__":
    main()
