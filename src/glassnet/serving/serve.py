"""Starting a server for a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glassnet.connections import connections
from glassnet.serving.app import build_app
from glassnet.serving.service import Service
from glassnet.web import Names, listener, run_server, shown_address

MOST_CONNECTIONS = 1000
"""So many are served at once; more get the status 503."""


def serve(
    service: Service,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int = 4,
    names: Sequence[str] = (),
    tell: Callable[[str], None] = print,
) -> None:
    """Answers until Ctrl-C or SIGTERM; what has been asked by then is answered still.

    Args:
        service: the model.
        host: where to listen; other computers can reach only what is not 127.0.0.1.
        port: 0 for any that is free.
        workers: threads that predict.
        names: further names that the server is asked for by, such as "models.example.com".
        tell: is given the address.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    socket = listener(host, port, where="serve")
    port = socket.getsockname()[1]
    app = build_app(service, Names.at(host, port, *names), workers=workers)
    tell(shown_address(host, port))
    run_server(
        app,
        socket,
        http=connections(service.limits.seconds),
        ws="none",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=10,
    )
