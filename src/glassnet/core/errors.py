"""The errors of glassnet: each says where, what was received, what was expected and how to mend it."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from glassnet.core.catalogues import Translated, told

_OF_NUMPY = re.compile(
    r"""\bnp\.(?:(?:u?int|float|complex|bool|longdouble|u?longlong|u?intc)\d*_?\((?P<number>[^()]*)\)"""
    r"""|str_\((?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)|(?P<truth>True|False)_)"""
)


MOST_BITS = 1024
"""Of whole numbers that messages write out."""
LONGEST_NAME = 200
"""Letters of a name that is compared with others: the time for that grows with the square of them."""


class GlassnetError(Translated, Exception):
    """Base of every error that glassnet raises on purpose.

    Args:
        where: the place that noticed, in the user's words: ``"layer 0 (Dense(128))"``, ``"fit: targets y"``.
        received: what came.
        expected: what was needed.
        fix: one thing to do about it, as a sentence without its full stop.

    The four parts stay readable as attributes; the message joins them. They are English, and so is ``args``; ``str``
    tells the message in the language that was chosen: see ``gn.set_language``.

    Example:
        >>> print(ShapeError(where="fit", received="5 rows in x and 4 in y", expected="as many", fix="drop a row"))
        fit: received 5 rows in x and 4 in y, expected as many. To fix it: drop a row.
    """

    def __init__(self, *, where: str, received: str, expected: str, fix: str) -> None:
        self.where, self.received, self.expected, self.fix = map(plain_numbers, (where, received, expected, fix))
        super().__init__(f"{self.where}: received {self.received}, expected {self.expected}. To fix it: {self.fix}.")

    def __reduce__(self) -> tuple[Any, ...]:
        """How it comes from the process in which it was raised to the one that waits for it."""
        number = {"errno": self.errno} if isinstance(self, OSError) else {}  # which stands outside of __dict__
        return _arrived, (type(self), self.args), self.__dict__ | number

    def _in(self, language: str, text: str) -> str:
        """The message in another language; as it is where the parts did not come along."""
        return told(self.parts, language) if "fix" in self.__dict__ else text

    @property
    def parts(self) -> dict[str, str]:
        """The four parts by name, as another error takes them."""
        return {"where": self.where, "received": self.received, "expected": self.expected, "fix": self.fix}


def _arrived(kind: type[GlassnetError], args: tuple[Any, ...]) -> GlassnetError:
    """An error as it was made elsewhere, whatever its class is made from."""
    error = kind.__new__(kind)
    error.args = args
    return error


class ShapeError(GlassnetError, ValueError):
    """An array has the wrong shape or feature count.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(2))
        >>> _ = net.build(3)
        >>> try:
        ...     net(np.zeros((5, 4)))
        ... except gn.ShapeError as error:
        ...     print(f"{error.received}; {error.expected}")
        an array of shape (5, 4); (N, 3), the shape that layer 0 (Dense(2)) was built for
    """


class DataError(GlassnetError, ValueError):
    """The numbers themselves are unusable: empty, NaN, text, labels out of range.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        >>> try:
        ...     model.fit(np.array([[1.0], [np.nan]]), np.zeros((2, 1)), verbose=False)
        ... except gn.DataError as error:
        ...     print(error.received)
        nan at row 1, column 0, counted from 0 (1 such value in all)
    """


class ConfigurationError(GlassnetError, ValueError):
    """Settings that cannot work, alone or together.

    Example:
        >>> import glassnet as gn
        >>> try:
        ...     gn.Dropout(1.5)
        ... except gn.ConfigurationError as error:
        ...     print(error)
        Dropout: received rate=1.5, expected 0 ≤ rate < 1. To fix it: choose rate in that range.
    """


class UnknownSettingError(ConfigurationError, TypeError):
    """A call names a setting that does not exist, or gives more values than there are."""


class MissingAttributeError(ConfigurationError, AttributeError):
    """Something is asked for that objects of another kind have."""


class NotBuiltError(GlassnetError, RuntimeError):
    """A network is used before its shapes are known.

    Example:
        >>> import glassnet as gn
        >>> try:
        ...     gn.Sequential(gn.Dense(2)).summary()
        ... except gn.NotBuiltError as error:
        ...     print(error.fix)
        call net.build((features,)) first, or let model.fit(x, y) infer the shapes
    """


class FileFormatError(GlassnetError, ValueError):
    """A file is truncated, foreign, damaged or from a newer version.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "model.safetensors")
        ...     _ = file.write_bytes(b"cut off")
        ...     try:
        ...         gn.load(file)
        ...     except gn.FileFormatError as error:
        ...         print(error.received)
        a file of 7 bytes that safetensors cannot read (Error while deserializing header: header too small)
    """


class MissingExtraError(GlassnetError, ImportError):
    """An optional dependency is not installed.

    Example:
        >>> import glassnet as gn
        >>> from glassnet.core.errors import require_extra
        >>> try:
        ...     require_extra("pigments", extra="plots", expected="what draws", where="plot_roc")
        ... except gn.MissingExtraError as error:
        ...     print(error)
        plot_roc: received no pigments, expected what draws. To fix it: run pip install "glassnet[plots]".
    """


class DivergenceError(GlassnetError, ArithmeticError):
    """The loss became NaN or infinite, or the optimizer's memory; the weights of the last good epoch are kept.

    ``history`` (a ``History``) holds the epochs that were finished.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(1e6))
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> try:
        ...     model.fit(x, 3 * x, epochs=40, verbose=False)
        ... except gn.DivergenceError as error:
        ...     print(error.fix)
        lower the learning rate, scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer
    """

    history: object = None


class DistributedError(GlassnetError, RuntimeError):
    """Processes that train one network together have come apart: other data, an error in one of them, other numbers.

    Example:
        >>> import glassnet as gn
        >>> error = gn.DistributedError(
        ...     where="training: rank 1", received="other data", expected="what rank 0 has", fix="read the same file"
        ... )
        >>> isinstance(error, gn.GlassnetError), error.where
        (True, 'training: rank 1')
    """


class MissingFileError(GlassnetError, FileNotFoundError):
    """A file that should be read does not exist.

    Example:
        >>> import glassnet as gn
        >>> try:
        ...     gn.load("gone.safetensors")
        ... except FileNotFoundError as error:
        ...     print(type(error).__name__, error.received)
        MissingFileError no such file
    """


class WriteError(GlassnetError, OSError):
    """A disk did not take a file: it is full, failing or gone, or a quota is used up.

    The file that was there before is whole and as it was, and no other is left. ``errno`` is the system's number of
    what went wrong, such as ``errno.ENOSPC``.

    Example:
        >>> import errno, glassnet as gn
        >>> error = gn.WriteError(
        ...     where="model.save", received="a full disk", expected="room for it", fix="make room", number=errno.ENOSPC
        ... )
        >>> isinstance(error, OSError), error.errno == errno.ENOSPC
        (True, True)
    """

    def __init__(self, *, where: str, received: str, expected: str, fix: str, number: int = errno.EIO) -> None:
        super().__init__(where=where, received=received, expected=expected, fix=fix)
        self.errno = number


class NumpyFallbackWarning(Translated, UserWarning):
    """A part of the user's own cannot stand in a compiled program, so that NumPy carries the whole out.

    Example:
        >>> import warnings
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", gn.NumpyFallbackWarning)  # rather no training than a slow one
        ...     _ = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=1, verbose=False)
    """


class CheckpointWarning(Translated, UserWarning):
    """A checkpoint could not be written while training goes on, or an older one is read since the newest is damaged.

    Example:
        >>> import warnings
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        >>> with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     path = Path(folder, "run.safetensors")
        ...     checkpoint = gn.Checkpoint(path, keep=2, monitor=None)
        ...     _ = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, callbacks=[checkpoint], verbose=False)
        ...     _ = path.write_bytes(b"damaged")
        ...     gn.load(path).epochs_trained, caught[-1].category.__name__
        (2, 'CheckpointWarning')
    """


class DataWarning(Translated, UserWarning):
    """Data hold what training did not: gaps, categories, columns; the message counts them and says what they become.

    Example:
        >>> import warnings, glassnet as gn
        >>> table = gn.Table.from_data({"town": ["Rome", "Oslo", "Rome"]})
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     _ = table.apply({"town": ["Rome", "Paris"]})
        >>> print(str(caught[0].message).partition(": taken")[0])
        Table.apply: 1 of 2 rows of 'town' is a category never seen, such as 'Paris'
    """


class TrainingWarning(Translated, UserWarning):
    """Of many trainings some have failed; the message counts them and says why.

    Example:
        >>> import warnings
        >>> import numpy as np, glassnet as gn
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> models = [gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(rate)) for rate in (0.1, 1e6)]
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     histories = gn.fit_many(models, x, 3 * x, epochs=40, verbose=False)
        >>> caught[-1].category.__name__, [type(found).__name__ for found in histories]
        ('TrainingWarning', ['History', 'DivergenceError'])
    """


def plain_numbers(text: str) -> str:
    """A text in which NumPy's numbers look like Python's, as people write them.

    Example:
        >>> plain_numbers("scale=np.float64(inf), [np.int64(3), np.True_, np.str_('a')]")
        "scale=inf, [3, True, 'a']"
    """
    if "np." not in text:
        return text
    return _OF_NUMPY.sub(lambda found: found["number"] or found["text"] or found["truth"], text)


def shown(value: object, longest: int = 80) -> str:
    """How messages write something that was received, whatever it is: in one line, no longer than so many characters.

    Example:
        >>> shown([1, 2]), shown(10**5000), shown(range(10), 8)
        ('[1, 2]', 'a whole number of 16,610 bits', 'range(0…')
    """
    if isinstance(value, int) and value.bit_length() > MOST_BITS:  # Python writes no number of so many digits
        return f"a whole number of {value.bit_length():,} bits"
    try:
        text = " ".join(plain_numbers(repr(value)).split())
    except Exception:  # noqa: BLE001 - a repr of the user's, or a number in it that cannot be written
        text = f"a {type(value).__name__}"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def require_extra(*packages: str, extra: str, expected: str, where: str) -> None:
    """Refuses to go on without packages that are not always installed.

    Args:
        packages: as they are imported.
        extra: the set of glassnet's that they are in.
        expected: what they are for.
        where: for messages.

    Raises:
        MissingExtraError: one of them is not there.
    """
    missing = [{"PIL": "pillow"}.get(name, name) for name in packages if find_spec(name) is None]
    if missing:
        fix = f'run pip install "glassnet[{extra}]"'
        raise MissingExtraError(where=where, received=f"no {' and no '.join(missing)}", expected=expected, fix=fix)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a question with a space behind it, or nothing: how a ``fix`` begins.

    Example:
        >>> did_you_mean("specie", ["species", "width"]), did_you_mean("colour", ["species", "width"])
        ("did you mean 'species'? ", '')
    """
    from difflib import get_close_matches

    # Letter case is the commonest slip, and difflib counts it as a different letter.
    by_lower = {candidate.lower(): candidate for candidate in known if len(candidate) <= LONGEST_NAME}
    matches = get_close_matches(name.lower()[:LONGEST_NAME], by_lower, n=1)
    return f"did you mean {by_lower[matches[0]]!r}? " if matches else ""
