"""What every server of glassnet's shares: where it listens, by which names it is asked for, how it ends.

Needs starlette and uvicorn; who imports it has made sure that they are there.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from glassnet.core.errors import ConfigurationError

ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104 - what a user may ask for, not what is asked for


def listener(host: str, port: int, *, where: str) -> socket.socket:
    """A socket that listens.

    Args:
        host: an address of this computer.
        port: 0 for any that is free.
        where: for messages.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            where=where,
            received=f"--host {host} --port {port} ({error})",
            expected="an address of this computer and a port that is free",
            fix="leave out --port for any that is free, and --host for this computer alone",
        ) from error


def shown_address(host: str, port: int) -> str:
    """The address that people open, without its path.

    Example:
        >>> shown_address("0.0.0.0", 8000), shown_address("::1", 8000)
        ('http://127.0.0.1:8000', 'http://[::1]:8000')
    """
    shown = "127.0.0.1" if host in ALL_ADDRESSES else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


class Names:
    """The values of the header Host by which a server may be asked for.

    A page of another site can have its own name lead to this computer: with that name it must get nothing.

    Args:
        hosts: those that are served, in small letters, such as "127.0.0.1:8080".
        any_address: whether an address in figures is served too, whichever it is: for a server that listens on all.

    Example:
        >>> names = Names(["127.0.0.1:80"], any_address=True)
        >>> [host in names for host in ("127.0.0.1:80", "10.0.0.7:80", "example.com")]
        [True, True, False]
    """

    def __init__(self, hosts: Collection[str], *, any_address: bool = False) -> None:
        self._hosts, self._any_address = frozenset(hosts), any_address

    @classmethod
    def at(cls, host: str, port: int, *others: str) -> Names:
        """The names of a server that listens there, and others, each with that port or none."""
        shown = shown_address(host, port).removeprefix("http://")
        own = {shown, *(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", *others)), *others}
        return cls({name.lower() for name in own}, any_address=host in ALL_ADDRESSES)

    def __contains__(self, host: object) -> bool:
        if not isinstance(host, str) or host in self._hosts:
            return isinstance(host, str)
        with suppress(ValueError):  # a name in letters
            return self._any_address and bool(ip_address(host.rpartition(":")[0].strip("[]") or host))
        return False


def run_server(app: ASGIApp, socket: socket.socket, **settings: Any) -> None:
    """Serves until Ctrl-C or SIGTERM; requests that have begun are answered first. An ignored signal stays ignored.

    Args:
        app: the application.
        socket: what it listens at; it is closed at the end.
        settings: of ``uvicorn.Config``.
    """
    config = uvicorn.Config(app, log_level="warning", lifespan="off", **settings)
    server = _Server(config)
    with socket, _sigterm_ends(), suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        server.run(sockets=[socket])


class _Server(uvicorn.Server):
    """Does not listen to signals that were ignored when it was made, as by ``nohup``."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ignored = {s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is signal.SIG_IGN}

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends for any other signal."""
        if sig not in self._ignored:
            super().handle_exit(sig, frame)


@contextmanager
def _sigterm_ends() -> Iterator[None]:
    """Lets the SIGTERM reach nobody that uvicorn, once it has ended for one, sends again to what was there before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
