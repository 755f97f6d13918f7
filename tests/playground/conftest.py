"""The playground in a real browser."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import Opened, chromium
from playground_messages import COMMAND


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The command as it is typed, and Ctrl-C at the end."""
    process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", line)
    assert found, line
    yield found[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors == ""
    assert process.returncode == 0


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Opened]]:
    windows = []

    def open_one(hash: str = "", **options: Any) -> Opened:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "accept_downloads": True} | options
        window = Opened(browser, **settings)
        windows.append(window)
        window.page.goto(address + hash)
        window.page.wait_for_selector("body[data-updates]")
        return window

    yield open_one
    for window in windows:
        assert window.errors == []
        assert [url for url in window.requests if not url.startswith((address.split("?")[0], "blob:"))] == []
        window.context.close()
