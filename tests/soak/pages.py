"""Pages of the playground: opened, fed with a table, trained and closed; the server holds no more at the end.

    python tests/soak/pages.py [--pages 1000]

A page is its web socket here; ``tests/playground`` has real browsers. Some hundred come first, unmeasured, until
the allocator has what so many threads want of it; over the others the server may neither take a megabyte more, nor keep
a thread or an open file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from resource import getpagesize
from typing import Any
from urllib.request import urlopen

import numpy as np
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode
from websockets.sync.client import connect

MOST_GROWTH = 1.0
"""MB."""
UNMEASURED = 800
"""Pages that come before."""
TOGETHER = 4
"""Pages that are open at once."""
COMMAND = [sys.executable, "-m", "glassnet", "playground", "--no-browser"]


def table(rows: int) -> str:
    """A table of so many rows, as a page sends it."""
    rng = np.random.default_rng(rows)
    lines = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in rng.normal(size=(rows, 2))]
    return b64encode("\n".join(["a,b,kind", *lines, ""]).encode()).decode()


def hear(socket: Any, kind: str) -> None:
    """Waits for a message of that kind."""
    for _ in range(500):
        message = socket.recv(timeout=60)
        header = json.loads(message[4 : 4 + int.from_bytes(message[:4], "little")])
        if header["kind"] == kind:
            return
        assert header["kind"] in ("frame", "structure", "columns"), header
    raise AssertionError(f"no {kind}")


def use(address: str, number: int) -> None:
    """Some pages: each is loaded, opens its socket, sends a table, sees a frame of it, and goes in one of two ways."""
    origin, token = re.fullmatch(r"(http://[^/]+)/\?token=(\S+)", address).groups()  # type: ignore[union-attr]
    with urlopen(address) as answer:
        assert answer.status == 200
    place = f"{origin.replace('http', 'ws')}/socket?token={token}"
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(place, origin=origin, max_size=None)) for _ in range(TOGETHER)]
        for own, socket in enumerate(sockets):
            socket.send(json.dumps({"kind": "table", "content": table(50 + (number + own) % 100), "name": "a.csv"}))
            socket.send(json.dumps({"kind": "play"}))
        for socket in sockets:
            hear(socket, "frame")
        for socket in sockets[number % TOGETHER :: 3]:
            socket.socket.close()  # a computer that is switched off; the others say goodbye


def use_in_turn(address: str, number: int) -> None:
    """The same; a server that has not yet noticed that others have gone asks to come again later."""
    for _ in range(100):
        try:
            return use(address, number)
        except ConnectionClosedError as closed:
            if closed.rcvd is None or closed.rcvd.code != CloseCode.TRY_AGAIN_LATER:
                raise
            time.sleep(0.5)
    raise AssertionError("no place in 100 tries")


def held(process: int) -> tuple[float, int, int]:
    """MB of memory, threads and open files of a process."""
    own = Path(f"/proc/{process}")
    pages = int((own / "statm").read_text().split()[1])
    return pages * getpagesize() / 1e6, len(os.listdir(own / "task")), len(os.listdir(own / "fd"))


def at_rest(process: int) -> tuple[float, int, int]:
    """The same once nothing changes any more."""
    before = held(process)
    for _ in range(60):
        time.sleep(0.5)
        now = held(process)
        if now[1:] == before[1:]:
            return now
        before = now
    return before


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    pages = parser.parse_args().pages
    server = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", server.stdout.readline())
        assert found
        times = max(1, pages // TOGETHER)
        for number in range(UNMEASURED // TOGETHER):
            use_in_turn(found[0], number)
        before = at_rest(server.pid)
        for number in range(times):
            use_in_turn(found[0], number)
        after = at_rest(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=60)
    grown = after[0] - before[0]
    print(f"{times * TOGETHER:,} pages: {before[0]:.0f} MB at first, grown by {grown:+.2f} MB; "
          f"threads {before[1]} and then {after[1]}, open files {before[2]} and then {after[2]}")  # fmt: skip
    return int(grown >= MOST_GROWTH or after[1] > before[1] or after[2] > before[2])


if __name__ == "__main__":
    sys.exit(main())
