"""Starting the playground: an address, a token, a browser."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from glassnet.errors import ConfigurationError
from glassnet.playground.examples import Table
from glassnet.playground.messages import MOST_MESSAGE_BYTES
from glassnet.playground.server import build_app

ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104 - what a user may ask for, not what is asked for


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    table: Table | None = None,
    open_browser: bool = True,
    tell: Callable[[str], None] = print,
) -> None:
    """Serves the page until Ctrl-C.

    Args:
        host: where to listen; other computers can reach only what is not 127.0.0.1.
        port: 0 for any that is free.
        table: what the page begins with, or None for the built-in data.
        open_browser: whether to open the page.
        tell: is given the page's address, token included.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    shown = "127.0.0.1" if host in ALL_ADDRESSES else host
    shown = f"[{shown}]" if ":" in shown else shown
    token = secrets.token_urlsafe(24)
    hosts = {f"{name}:{port}".lower() for name in (shown, "127.0.0.1", "localhost", "[::1]")}
    app = build_app(token, hosts, any_address=host in ALL_ADDRESSES, table=table)
    address = f"http://{shown}:{port}/?token={token}"
    tell(address)
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=4 * MOST_MESSAGE_BYTES,  # in UTF-8 a letter takes up to four bytes
        timeout_graceful_shutdown=2,
    )
    with listener, suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            where="playground",
            received=f"--host {host} --port {port} ({error})",
            expected="an address of this computer and a port that is free",
            fix="leave out --port for any that is free, and --host for this computer alone",
        ) from error
