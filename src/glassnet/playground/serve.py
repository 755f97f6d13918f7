"""Starting the playground: an address, a token, a browser."""

from __future__ import annotations

import secrets
import webbrowser
from collections.abc import Callable

from glassnet.connections import SECONDS, Socket, connections
from glassnet.playground.examples import Table
from glassnet.playground.messages import MOST_MESSAGE_BYTES
from glassnet.playground.server import build_app
from glassnet.web import Names, listener, run_server, shown_address

MOST_CONNECTIONS = 100
"""So many are served at once; more get the status 503."""


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
    socket = listener(host, port, where="playground")
    port = socket.getsockname()[1]
    token = secrets.token_urlsafe(24)
    app = build_app(token, Names.at(host, port), table=table)
    address = f"{shown_address(host, port)}/?token={token}"
    tell(address)
    if open_browser:
        webbrowser.open(address)
    run_server(
        app,
        socket,
        http=connections(),
        ws=Socket,
        ws_ping_interval=SECONDS / 2,
        ws_ping_timeout=SECONDS / 2,
        limit_concurrency=MOST_CONNECTIONS,
        ws_max_size=4 * MOST_MESSAGE_BYTES,  # in UTF-8 a letter takes up to four bytes
        timeout_graceful_shutdown=2,
    )
