"""Connections that say nothing, or take nothing, are closed after a stated time; what they had begun ends with them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.sync.client import connect

from glassnet.connections import Socket, connections
from glassnet.playground.server import build_app
from glassnet.web import listener

SECONDS = 0.4
PATIENCE = 15.0
"""Until a busy machine comes to it."""


class Running:
    """A playground that waits for less than a second, and an address with a large answer."""

    def __init__(self) -> None:
        self.socket = listener("127.0.0.1", 0, where="test")
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.app = build_app("secret", [self.host])
        self.app.router.routes.append(Route("/large", self._large))
        settings: dict[str, Any] = {"ws": Socket, "ws_ping_interval": SECONDS, "ws_ping_timeout": SECONDS}
        config = uvicorn.Config(self.app, http=connections(SECONDS), log_level="warning", lifespan="off", **settings)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()

    async def _large(self, _: Request) -> Response:
        return Response(b"x" * 50_000_000)

    def opened(self, buffer: int | None = None) -> socket.socket:
        found = socket.socket()
        if buffer:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        found.settimeout(PATIENCE)
        found.connect(self.socket.getsockname())
        return found

    def until(self, is_so: Any) -> None:
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    found = Running()
    yield found
    found.server.should_exit = True
    found.thread.join()
    found.socket.close()


def rest(of: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    try:
        while part := of.recv(1 << 16):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"GE"])
def test_half_a_request_is_waited_for_so_long_and_no_longer(running: Running, said: bytes) -> None:
    with running.opened() as client:
        client.sendall(said)
        assert rest(client) == b""


def test_bytes_that_trickle_in_keep_no_connection_open(running: Running) -> None:
    with running.opened() as client:
        client.settimeout(0.02)
        client.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                client.sendall(b"a")
                assert client.recv(10) == b""
                return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("it is still open")


def test_half_a_request_behind_a_whole_one_is_not_waited_for_either(running: Running) -> None:
    with running.opened() as client:
        client.sendall(f"GET /x HTTP/1.1\r\nHost: {running.host}\r\n\r\nGET / HTTP/1.1\r\nHo".encode())
        assert rest(client).startswith(b"HTTP/1.1 404")


def test_an_answer_that_nobody_takes_is_not_kept(running: Running) -> None:
    with running.opened(buffer=4096) as client:
        client.sendall(f"GET /large HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        running.until(lambda: not running.server.server_state.connections)


def _page(running: Running, buffer: int | None = None) -> socket.socket:
    """A page's WebSocket by hand, after the handshake."""
    client = running.opened(buffer)
    client.sendall(
        f"GET /socket?token=secret HTTP/1.1\r\nHost: {running.host}\r\nOrigin: http://{running.host}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert client.recv(12) == b"HTTP/1.1 101"
    running.until(lambda: running.app.state.workers)
    return client


def _frame(text: bytes) -> bytes:
    """A frame of text, masked with zeros."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


@pytest.mark.parametrize("said", [b"", _frame(b'{"kind": "step"}')[:9], b"\x81"])
def test_half_a_frame_of_a_socket_is_not_waited_for(running: Running, said: bytes) -> None:
    with _page(running) as client:
        client.sendall(said)
        rest(client)
        running.until(lambda: not running.app.state.workers)


def test_a_page_that_takes_nothing_is_closed_and_its_training_ends(running: Running) -> None:
    with _page(running, buffer=4096) as client:
        for text in (b'{"kind": "pace", "epochs_per_second": 100000}', b'{"kind": "play"}'):
            client.sendall(_frame(text))
        running.until(lambda: not running.app.state.workers)


def test_a_page_that_answers_stays(running: Running) -> None:
    address = f"ws://{running.host}/socket?token=secret"
    with connect(address, origin=f"http://{running.host}", max_size=None) as page:  # type: ignore[arg-type]
        until = time.monotonic() + 4 * SECONDS
        while time.monotonic() < until:
            page.send('{"kind": "step"}')
            page.recv()
            time.sleep(0.1)
        assert len(running.app.state.workers) == 1
    running.until(lambda: not running.app.state.workers)
    assert isinstance(running.app, Starlette)
