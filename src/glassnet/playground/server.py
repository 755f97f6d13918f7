"""The local web server: a few files, one WebSocket, and who may use them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Container
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from glassnet.core.errors import DataError, GlassnetError
from glassnet.core.pages import STYLE
from glassnet.playground.examples import Table
from glassnet.playground.frames import pack
from glassnet.playground.messages import Allowance, read_message
from glassnet.playground.outbox import Outbox
from glassnet.playground.text_worker import TextWorker
from glassnet.playground.thread import PageThread, error_message, too_many_messages
from glassnet.playground.worker import Worker
from glassnet.tracing.page import script_module, style_of_steps

MOST_SESSIONS = 8
MOST_REFUSALS = 200
"""Messages of one page that are refused before it is sent away."""
LETTERS = 500_000
"""Of a message that count as much as another message: a table of the largest size as some fifty."""
FORBIDDEN, TRY_AGAIN_LATER = 1008, 1013
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def build_app(token: str, hosts: Container[str], *, table: Table | None = None) -> Starlette:
    """The application.

    Args:
        token: what the page's address must hold.
        hosts: values of the header Host that are served, in small letters, such as "127.0.0.1:8080"; see ``Names``.
        table: what each page begins with, or None for the built-in data.

    Returns:
        An ASGI application; ``state.workers`` holds the pages' workers until their threads have ended.
    """
    pages = [Route("/", _index), Route("/text", _text), Route("/web/{name}", _file)]
    app = Starlette(routes=[*pages, WebSocketRoute("/socket", _socket), WebSocketRoute("/text-socket", _text_socket)])
    app.state.token, app.state.table, app.state.workers = token, table, set()
    app.state.assets = _assets()
    app.add_middleware(Guard, hosts=hosts)
    return app


class Guard:
    """Lets in what asks for this server by its name; a WebSocket only from a page of its own.

    Args:
        app: what is behind it.
        hosts: as ``build_app`` takes them.
    """

    def __init__(self, app: ASGIApp, hosts: Container[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1").lower() for name, value in scope["headers"]}
        host = headers.get("host", "")
        if host not in self._hosts:
            return await _refuse(scope, receive, send, "This server does not go by that name.")
        if scope["type"] == "websocket" and headers.get("origin") not in (f"http://{host}", f"https://{host}"):
            return await _refuse(scope, receive, send, "Another site's page may not connect.")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_security_headers(host)]
            await send(message)

        return await self._app(scope, receive, send_guarded)


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": FORBIDDEN})
    else:
        await PlainTextResponse(reason, status_code=403)(scope, receive, send)


def _security_headers(host: str) -> list[tuple[bytes, bytes]]:
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    ]


def _assets() -> dict[str, tuple[str, str]]:
    """The files of the page by name, with their media types: the package's own, and what the trace's page shares."""
    found = {}
    for file in files("glassnet.playground").joinpath("web").iterdir():
        kind = KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            found[file.name] = (file.read_text(encoding="utf-8"), kind)
    found["explain.js"] = (script_module(), KINDS["js"])
    found["shared.css"] = (STYLE + style_of_steps(), KINDS["css"])
    return found


def _has_token(app: Starlette, given: str | None) -> bool:
    return secrets.compare_digest((given or "").encode(), app.state.token.encode())


async def _index(request: Request) -> Response:
    return _page(request, "index.html")


async def _text(request: Request) -> Response:
    return _page(request, "text.html")


def _page(request: Request, name: str) -> Response:
    if not _has_token(request.app, request.query_params.get("token")):
        text = (
            "Open the address that `glassnet playground` printed; it ends in ?token=... .\n"
            "If you were sent a link to a setting, put its part from # on behind that address.\n"
        )
        return PlainTextResponse(text, status_code=403)
    text, kind = request.app.state.assets[name]
    return Response(text, media_type=kind)


async def _file(request: Request) -> Response:
    found = request.app.state.assets.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is no such file.\n", status_code=404)
    return Response(found[0], media_type=found[1])


async def _socket(socket: WebSocket) -> None:
    state = socket.app.state
    await _serve(socket, lambda send: Worker(send, state.table, state.workers.discard))


async def _text_socket(socket: WebSocket) -> None:
    await _serve(socket, lambda send: TextWorker(send, socket.app.state.workers.discard))


async def _serve(socket: WebSocket, make: Callable[[Callable[[bytes], None]], PageThread]) -> None:
    app = socket.app
    if not _has_token(app, socket.query_params.get("token")):
        await socket.close(FORBIDDEN)
        return
    await socket.accept()
    if len(app.state.workers) >= MOST_SESSIONS:
        await socket.send_bytes(pack({"kind": "error", "code": "too_many_pages", "most": MOST_SESSIONS}))
        await socket.close(TRY_AGAIN_LATER)
        return
    outbox = Outbox(socket)
    worker = make(outbox.send)
    app.state.workers.add(worker)
    delivery = asyncio.create_task(outbox.deliver())
    worker.start()
    try:
        await _listen(socket, worker)
    finally:  # the worker counts until its thread has ended
        outbox.close()
        delivery.cancel()
        worker.close()  # not to be waited for: what is cancelled here might never begin


async def _listen(socket: WebSocket, worker: PageThread) -> None:
    """Hands over what the page says, until it goes away or says too much that is refused."""
    allowance, refusals = Allowance(), 0
    while refusals < MOST_REFUSALS:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return
        text = received.get("text")
        try:
            if not allowance.take(1 + len(text or "") / LETTERS):
                raise too_many_messages()
            if text is None:
                raise DataError(where="message", received="bytes", expected="text", fix="send JSON as text")
            worker.put(read_message(text, worker.fields))
        except GlassnetError as error:
            refusals += 1
            await socket.send_bytes(error_message(error))
    await socket.close(FORBIDDEN)
