r"""What is said, and where; and text for terminals and pipes that know few signs.

1. An answer that was asked for is returned; the command line prints it on the standard output, and nothing else.
2. Progress and hints are shown to those who watch, in a terminal or a notebook.
3. What else there is to say (hints where nobody watches, notes of callbacks, failures of a server) goes to the logger
   ``glassnet``: see ``logger``. The library alone prints nothing; the command line writes it on the standard error.
4. A ``warnings.warn`` is for results that are not quite what was asked for, which other code or other data would mend:
   a part of the user's own that only NumPy can carry out, pictures that were left out.

For streams that know few signs there is a plainer sign for each of glassnet's own, and escapes for the rest.

What stands in a formula or a table has a plain form that reads as well: ``×`` is ``x``, ``≤`` is ``<=``, frames are
made of ``-`` and ``|``. Words of the user's are no signs: a letter that a stream cannot hold is written as ``\u732b``,
so that nothing gets lost and nothing becomes something else.
"""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import logging

_PACKAGE = __file__.rpartition("core")[0]

LOG = "glassnet"
"""The name of the logger."""

PLAINER = "glassnet.plainer"
"""The name of the error handler, for ``errors=``."""

_SIGNS = {
    **{"−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "∗": "*", "⊙": "*", "±": "+-", "≈": "~"},
    **{"≤": "<=", "≥": ">=", "≠": "!=", "∈": "in", "∞": "inf", "‖": "||"},
    **{"∂": "d", "∇": "grad ", "Σ": "sum", "Π": "prod", "√": "sqrt"},
    **{"⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "½": "1/2", "¼": "1/4", "ℓ": "l", "µ": "mu", "λ": "lambda"},
    **{"←": "<-", "→": "->", "↑": "^", "↓": "v", "⇒": "=>", "…": "...", "•": "*", "\u00a0": " ", "\u202f": " "},
    **{"′": "'", "″": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "\u0302": "^", "\u0304": "_"},
    **{"ᵀ": "^T", "ᵗ": "^t", "ˣ": "^x", "ʸ": "^y", "ⁿ": "^n", "⁻": "^-", "⁺": "^+", "ₖ": "_k", "ⱼ": "_j", "ᵢ": "_i"},
}
_WORD = re.compile("[\u0370-\u03ff\u1f00-\u1fff]{2,}")
"""Greek letters side by side are no formula."""
_AMBIGUOUS = re.compile(r'[,"]|^\s|\s$')
_BYTES = re.compile("[\udc80-\udcff]+")
"""What stands in a name for bytes that the locale could not decode."""


def plainer(text: str) -> str:
    r"""The text in ASCII.

    Example:
        >>> plainer("½ λ ‖W‖² ≤ 3 × 10⁴, ┃猫┃")
        '1/2 lambda ||W||^2 <= 3 x 10^4, |\\u732b|'
    """
    return "".join(map(_plain, _WORD.sub(lambda word: _escaped(word.group()), text)))


def _escaped(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in _SIGNS:
        return _SIGNS[letter]
    kind, _, rest = unicodedata.name(letter, "").partition(" ")
    if kind == "GREEK" and rest.count(" ") == 2:  # such as SMALL LETTER ALPHA
        size, _, name = rest.split()
        return name.lower() if size == "SMALL" else name.capitalize()
    if kind in ("SUPERSCRIPT", "SUBSCRIPT"):
        return ("^" if kind == "SUPERSCRIPT" else "_") + unicodedata.normalize("NFKC", letter)
    if "\u2500" <= letter <= "\u257f":  # pieces of frames
        straight = {"HORIZONTAL": "-", "VERTICAL": "|"}
        return "+" if " AND " in rest else straight.get(rest.rpartition(" ")[2], "+")
    return _escaped(letter)


def _handle(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if _BYTES.search(text):  # which may be letters that the stream can hold
        return readable(text).encode(error.encoding, PLAINER), error.end
    return plainer(text), error.end


codecs.register_error(PLAINER, _handle)


def readable(text: str) -> str:
    r"""A name from the file system or the command line, as UTF-8 where the locale could not decode it.

    Bytes that are no UTF-8 either become escapes such as ``\xe9``, so that the text can be written everywhere.

    Example:
        >>> readable("caf\udcc3\udca9"), readable("caf\udce9"), readable("café")
        ('café', 'caf\\xe9', 'café')
    """
    return _BYTES.sub(
        lambda run: run.group().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), text
    )


def in_a_line(name: str) -> str:
    r"""A name with escapes for what would end the line or move the cursor.

    Example:
        >>> in_a_line("two\nlines of 猫")
        'two\\nlines of 猫'
    """
    controls = "Cc", "Zl", "Zp"
    return "".join(_controlled(c) if unicodedata.category(c) in controls else c for c in name)


def listed(names: Iterable[str]) -> str:
    r"""Names with commas between them, in quotation marks where a name would not be told from two.

    Example:
        >>> print(listed(["a", "b, c", "", " d", 'say "so"']))
        a, "b, c", "", " d", "say \"so\""
    """
    return ", ".join(_quoted(name) if _AMBIGUOUS.search(name) or not name else in_a_line(name) for name in names)


def _controlled(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _quoted(name: str) -> str:
    return '"' + in_a_line(name.replace("\\", r"\\").replace('"', r"\"")) + '"'


def logger() -> logging.Logger:
    """The logger ``glassnet``, which is silent unless the program sets up logging.

    ``logging.basicConfig()`` is enough for warnings; logging is imported where it is needed first.
    """
    import logging

    found = logging.getLogger(LOG)
    if not any(isinstance(handler, logging.NullHandler) for handler in found.handlers):
        found.addHandler(logging.NullHandler())  # otherwise warnings would be printed by logging's last resort
    return found


def is_heard() -> bool:
    """Whether a warning in the log would get anywhere: what takes time to find out need not be found out else."""
    if "logging" not in sys.modules:
        return False
    import logging

    found = logger()
    if not found.isEnabledFor(logging.WARNING):
        return False
    node: logging.Logger | None = found
    while node is not None:
        if any(not isinstance(own, logging.NullHandler) and own.level <= logging.WARNING for own in node.handlers):
            return True
        node = node.parent if node.propagate else None
    return False


def level_of_caller() -> int:
    """The ``stacklevel`` of a warning, given where this is called: the first line that is not the library's own."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_PACKAGE) or frame.f_code.co_filename.endswith("contextlib.py")
    ):
        level, frame = level + 1, frame.f_back
    return level


def for_stream(text: str, stream: IO[str] | None = None) -> str:
    """The text as the stream (standard output) can hold it."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    with suppress(LookupError):
        return text.encode(encoding, PLAINER).decode(encoding)
    return plainer(text)


def make_plainer(*streams: TextIO | None) -> None:
    """Makes these streams write plainer signs where they cannot hold what they are given."""
    for stream in streams:
        with suppress(AttributeError, OSError, ValueError):  # a stream of somebody else's
            stream.reconfigure(errors=PLAINER)  # type: ignore[union-attr]


@contextmanager
def answers_to(stream: TextIO) -> Iterator[TextIO]:
    """Lends the stream for data: UTF-8 whatever the locale, where another program or a file takes it.

    In a terminal letters that it does not know become escapes, which are no other letters.
    """
    encoding, errors = getattr(stream, "encoding", None), getattr(stream, "errors", None)
    other = {"errors": "backslashreplace"} if stream.isatty() else {"encoding": "utf-8", "errors": "backslashreplace"}
    try:
        stream.reconfigure(**other)  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        yield stream
        return
    try:
        yield stream
    finally:
        with suppress(OSError, ValueError):
            stream.reconfigure(encoding=encoding, errors=errors)  # type: ignore[attr-defined]
