"""``glassnet playground``: a page where a network learns before one's eyes."""

from __future__ import annotations

import argparse
from pathlib import Path

from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.tables import reading_of
from glassnet.cli.telling import tell
from glassnet.core.errors import ConfigurationError, DataError, MissingFileError, require_extra
from glassnet.core.files import write_atomically
from glassnet.core.kinds import PAGE
from glassnet.playground.examples import ENDINGS, MOST_BYTES, Table
from glassnet.tables import Reading


def playground(options: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C, or writes it as a file that needs no server."""
    if options.static is not None:
        return _write(Path(options.static), options)
    expected = "a small web server, which the page is served by"
    require_extra("starlette", "uvicorn", "websockets", extra="playground", expected=expected, where="playground")
    table = None if options.data is None else _read(options.data, reading_of(options))
    from glassnet.playground.serve import serve

    serve(options.host, options.port, table=table, open_browser=not options.no_browser, tell=_tell)
    return 0


def _write(path: Path, options: argparse.Namespace) -> int:
    if options.data is not None:
        raise ConfigurationError(
            where="playground",
            received=f"a table ({options.data}) with --static",
            expected="one of the two: a page without a server has the built-in data alone",
            fix="leave the table out, or leave --static out",
        )
    of_server = {"--port": options.port != 0, "--host": options.host != "127.0.0.1", "--no-browser": options.no_browser}
    given = [name for name, is_given in of_server.items() if is_given]
    if given:
        raise ConfigurationError(
            where="playground",
            received=f"{' and '.join(given)} with --static",
            expected="one of the two: --static serves nothing",
            fix=f"leave {' and '.join(given)} out, or leave --static out",
        )
    require_outputs([Output("--static", path, PAGE)], [])
    from glassnet.playground.static import static_page

    write_atomically(path, static_page().encode(), PAGE)
    tell(f"page written to {path} ({path.stat().st_size / 1000:,.0f} kB); it opens in any browser")
    return 0


def _read(name: str, reading: Reading) -> Table:
    path = Path(name)
    if not path.is_file():
        raise MissingFileError(
            where=name,
            received="a folder" if path.is_dir() else "no such file",
            expected=f"a table ({', '.join(ENDINGS)})",
            fix="check the path; without one the page begins with built-in data",
        )
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(
            where=name,
            received=f"{size:,} bytes",
            expected=f"at most {MOST_BYTES:,}",
            fix="take some of the rows; glassnet train reads tables of any size",
        )
    return Table(path.read_bytes(), path.name, reading if any(reading.settings().values()) else None)


def _tell(address: str) -> None:
    tell(f"The playground is at {address}\nCtrl-C ends it.", flush=True)
