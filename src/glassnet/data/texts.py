"""Text files as texts to learn from: one long one, or a document in each line."""

from __future__ import annotations

from pathlib import Path

from glassnet.core.calls import suggests
from glassnet.core.errors import DataError, FileFormatError
from glassnet.core.paths import readable_path
from glassnet.core.settings import one_of
from glassnet.data.textfiles import encoding_of, opened

TEXT_ENDINGS = (".txt", ".txt.gz", ".md", ".text")
DOCUMENTS = ("auto", "lines", "whole")


def is_text(path: str | Path) -> bool:
    """Whether it is the name of a text's file."""
    return str(path).lower().endswith(TEXT_ENDINGS)


@suggests
def read_texts(
    path: str | Path, *, documents: str = "auto", encoding: str | None = None, max_bytes: int | None = None
) -> list[str]:
    r"""The texts in a text file.

    Args:
        path: the file; .gz is decompressed.
        documents: ``"lines"`` for a text in each line (blank lines are none, spaces around a line are no part of it),
            ``"whole"`` for one long text; ``"auto"`` takes lines where no line is blank, as in lists, but for the end
            of the file, and one long text where some are, as between paragraphs.
        encoding: of the file, such as ``"utf-8"``; None to find it out.
        max_bytes: how much a compressed file may unpack to.

    Returns:
        The texts, with ``"\n"`` at the ends of lines.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is no text, is damaged, or its encoding cannot be told.
        DataError: there is nothing in it.
        ConfigurationError: settings that cannot be.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "names.txt")
        ...     _ = file.write_text("emma\nnoah\n")
        ...     gn.data.read_texts(file), gn.data.read_texts(file, documents="whole")
        (['emma', 'noah'], ['emma\nnoah\n'])
    """
    documents = one_of(documents, "documents", "read_texts", DOCUMENTS)
    path = readable_path(path, where="read_texts")
    with opened(path, encoding_of(path, asked=encoding, max_bytes=max_bytes), max_bytes) as file:
        text = file.read()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileFormatError(
            where=f"{path.name}, line {line}",
            received="a character of code 0, which texts have not",
            expected="a text file",
            fix="give a file of text; export it as one from the program that wrote this",
        )
    if not text.strip():
        raise DataError(
            where=path.name,
            received="no text" if not text else "nothing but spaces and blank lines",
            expected="a text, or several, each in a line",
            fix="look whether it is the file that you mean",
        )
    if documents == "auto":
        documents = "whole" if any(not line.strip() for line in text.strip("\n").split("\n")) else "lines"
    if documents == "whole":
        return [text]
    return [line.strip() for line in text.split("\n") if line.strip()]
