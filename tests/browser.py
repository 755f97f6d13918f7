"""A real browser for the tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SWITCH = "GLASSNET_NO_BROWSER"
REQUIRED = "GLASSNET_REQUIRE_BROWSER"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one has no window around the page, and shows it in a third of the time."""


def found() -> str | None:
    """Where Chromium is on this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium, driven by playwright.

    Tests that need it are left out where it is missing, and where GLASSNET_NO_BROWSER=1 says so; with
    GLASSNET_REQUIRE_BROWSER=1, which .ci/run sets, they fail there.
    """
    if os.environ.get(SWITCH) == "1":
        pytest.skip(f"{SWITCH}=1")
    path = found()
    if path is None and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"no Chromium, and {REQUIRED}=1: apt-get install chromium")
    if path is None:
        pytest.skip("no Chromium: sudo apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page in a window, with everything that went wrong and everything that it asked the network for."""

    def __init__(self, browser: Any, **settings: Any) -> None:
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(120_000)  # milliseconds: other tests may keep the processors busy
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def show(self, text: str, folder: Path) -> Any:
        """Opens the page from a file, as a person would."""
        path = folder / "page.html"
        path.write_text(text, encoding="utf-8")
        self.page.goto(path.as_uri())
        assert self.errors == []
        return self.page


if __name__ == "__main__":
    if os.environ.get(SWITCH) == "1" or found() is None:
        print("Left out: the tests of pages, which need Chromium. For them: sudo apt install chromium")
