"""A service behind HTTP: which address gives what, how much is read, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glassnet.serving.refusals import (
    BUSY,
    FORBIDDEN,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_JSON,
    TOO_LARGE,
    TOO_SLOW,
    Refusal,
    failed,
    language_of,
    shown,
)
from glassnet.serving.service import OK, Service

SHORT_BODY = 2048
"""Bytes of a body that is answered at once where the model is small: handing it to a thread takes longer."""
SMALL_WORK = 300_000
"""Floating-point operations for a row of such a model: some hundred microseconds in NumPy."""
ADDRESSES = {"/": "GET", "/model": "GET", "/health": "GET", "/openapi.json": "GET", "/predict": "POST"}
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept-language"),
)


def build_app(service: Service, hosts: Container[str], *, workers: int = 4) -> Starlette:
    """The application.

    Args:
        service: the model.
        hosts: values of the header Host that are served, in small letters; see ``glassnet.web.Names``.
        workers: threads that predict.

    Returns:
        An ASGI application.
    """
    door = _Door(service, workers)
    gives = {"/": service.description, "/model": service.description, "/health": service.health}
    routes = [Route(path, _giving(give)) for path, give in (gives | {"/openapi.json": service.openapi}).items()]
    app = Starlette(
        routes=[*routes, Route("/predict", door.predict, methods=["POST"])],
        exception_handlers={HTTPException: _no_such_place, Refusal: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False
    app.add_middleware(_Guard, hosts=hosts)
    return app


class _Guard:
    """Lets in what asks for this server by its name, and marks answers as what they are.

    There are no headers of CORS: pages of other sites can read no answer, and with the type application/json, which
    /predict asks for, they cannot even ask.
    """

    def __init__(self, app: ASGIApp, hosts: Container[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        if host not in self._hosts:
            name = shown(host)
            refusal = Refusal(
                FORBIDDEN,
                ("header Host", name, "a name of this server", f"start it with --allow-host {name} if it is one"),
                ("请求头 Host", name, "本服务器的名称", f"如果它确是本服务器的名称，启动时请加上 --allow-host {name}"),
            )
            return await _answer_to(Request(scope), refusal)(scope, receive, send_marked)
        return await self._app(scope, receive, send_marked)


class _Door:
    """The door where rows come in."""

    def __init__(self, service: Service, workers: int) -> None:
        self._service, self._limits = service, service.limits
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="glassnet serve")
        self._is_small = service.is_small(SMALL_WORK)
        self._inside = 0

    async def predict(self, request: Request) -> Response:
        """Answers ``POST /predict``."""
        if self._inside >= self._limits.waiting:
            raise _busy(self._limits.waiting)
        self._inside += 1
        try:
            body = await self._body(request)
            language = language_of(request.headers.get("accept-language"))
            if self._is_small and len(body) <= SHORT_BODY:
                status, content = self._service.predict(body, language)
            else:
                loop = asyncio.get_running_loop()
                status, content = await loop.run_in_executor(self._workers, self._service.predict, body, language)
        except ClientDisconnect:
            return Response(status_code=TOO_SLOW)  # which nobody reads
        finally:
            self._inside -= 1
        return Response(content, status, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        """The body, no longer than it may be, whatever its header says."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise _no_json(kind)
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > self._limits.bytes:
            raise _too_large(length, self._limits.bytes)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > self._limits.bytes:
                        raise _too_large(f"{size}", self._limits.bytes)
                    parts.append(part)
        except TimeoutError:
            raise _too_slow(size, self._limits.seconds) from None
        return b"".join(parts)


def _giving(give: Callable[[], bytes]) -> Callable[[Request], Awaitable[Response]]:
    content = give()

    async def endpoint(_request: Request) -> Response:
        return Response(content, OK, media_type="application/json")

    return endpoint


def _answer_to(request: Request, refusal: Refusal) -> Response:
    language = language_of(request.headers.get("accept-language"))
    headers = {"content-language": language}
    if refusal.status in (TOO_LARGE, TOO_SLOW):
        headers["connection"] = "close"  # what is left of the body is not read
    return Response(refusal.body(language), refusal.status, headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _answer_to(request, error)


async def _failed(request: Request, _error: Exception) -> Response:
    return _answer_to(request, failed())


async def _no_such_place(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = shown(request.url.path), shown(request.method)
    places = ", ".join(f"{way} {place}" for place, way in ADDRESSES.items())
    if error.status_code == NOT_ALLOWED:
        way = ADDRESSES.get(request.url.path, "GET")
        refusal = Refusal(
            NOT_ALLOWED,
            (f"address {path}", method, way, f"send {way} {request.url.path}"),
            (f"地址 {path}", method, way, f"请发送 {way} {request.url.path}"),
        )
    else:
        refusal = Refusal(
            NOT_FOUND,
            ("address", path, f"one of {places}", "send rows to POST /predict"),
            ("地址", path, f"下列之一：{places}", "数据请发送到 POST /predict"),
        )
    answer = _answer_to(request, refusal)
    answer.headers.update(error.headers or {})
    return answer


def _busy(most: int) -> Refusal:
    return Refusal(
        BUSY,
        ("server", "more requests than it answers at once", f"at most {most}", "send it again in a moment"),
        ("服务器", "超出同时处理能力的请求", f"至多 {most} 个", "请稍后重新发送"),
    )


def _no_json(kind: str) -> Refusal:
    name, right = shown(kind), "application/json"
    return Refusal(
        NOT_JSON,
        ("header Content-Type", name, right, f"send the header Content-Type: {right}; with curl write --json"),
        ("请求头 Content-Type", name, right, f"请发送请求头 Content-Type: {right}；用 curl 时写 --json"),
    )


def _too_large(length: str, most: int) -> Refusal:
    size = shown(length).strip('"')
    return Refusal(
        TOO_LARGE,
        ("body", f"{size} bytes", f"at most {most:,}", "send fewer rows in a request"),
        ("请求体", f"{size} 字节", f"至多 {most:,} 字节", "请减少一个请求中的行数"),
    )


def _too_slow(size: int, seconds: float) -> Refusal:
    return Refusal(
        TOO_SLOW,
        ("body", f"{size:,} bytes and no end", f"all of it in {seconds:g} seconds", "send it at once"),
        ("请求体", f"{size:,} 字节之后便没有下文", f"在 {seconds:g} 秒内发送完", "请一次发送完整的请求体"),
    )
