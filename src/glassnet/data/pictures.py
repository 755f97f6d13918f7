"""Pictures: from the bytes of a file to pixels, and what is said of those that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassnet.core.errors import ConfigurationError, DataError, FileFormatError, GlassnetError, require_extra
from glassnet.core.settings import one_of, whole
from glassnet.core.shapes import Array
from glassnet.data.depths import depth_of, resized
from glassnet.data.files import unreadable
from glassnet.data.sizes import Limit

if TYPE_CHECKING:
    from PIL import Image

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "WEBP", "TIFF", "JPEG2000", "AVIF", "PPM")
"""What a file with such an ending may hold, as pillow calls it."""
COLORS = ("grey", "rgb")
ON_ERROR = ("stop", "skip")

_MOST_PIXELS = 10_000
_NAMED = 5


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read.

    Args:
        size: height and width to which every picture is resized, whatever its proportions (pillow's bilinear filter
            over the whole area that a new pixel covers); None leaves them as they are.
        color: ``"grey"`` for one channel, ``"rgb"`` for three; None for one where all pictures are grey, else three.
        on_error: ``"stop"`` raises at the first picture that cannot be read; ``"skip"`` leaves such pictures out.
        tell: is called with a line of text for what the reader passed over; None for a ``UserWarning``.
        required: height and width that every picture must have in the end; None for those of the first.
        max_bytes: how much a picture may unpack to, and all that are kept; None for a hundred times the size of the
            files, and 256 MiB at least.

    Raises:
        ConfigurationError: a setting outside these.

    Example:
        >>> import glassnet as gn
        >>> gn.data.PictureOptions(size=(32, 32), color="grey", on_error="skip")
        PictureOptions(size=(32, 32), color='grey', on_error='skip', required=None, max_bytes=None)
    """

    size: tuple[int, int] | None = None
    color: str | None = None
    on_error: str = "stop"
    tell: Callable[[str], None] | None = field(default=None, repr=False)
    required: tuple[int, int] | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            _check_size(self.size)
        if self.color is not None:
            one_of(self.color, "color", "read pictures", COLORS)
        one_of(self.on_error, "on_error", "read pictures", ON_ERROR)
        if self.max_bytes is not None:
            whole(self.max_bytes, "max_bytes", "read pictures")

    def note(self, text: str) -> None:
        """Says something that the caller may want to know."""
        if self.tell is not None:
            self.tell(text)
            return
        import warnings

        warnings.warn(text, UserWarning, stacklevel=4)


def is_picture(path: Path) -> bool:
    """Whether a file's name ends as pictures' names do; hidden files are none."""
    return path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")


def read_pictures(files: Sequence[Path], options: PictureOptions, *, most: int | None = None) -> tuple[Array, Array]:
    """Decodes pictures of one size.

    Args:
        files: their paths.
        options: size, channels, and what to do with damaged ones.
        most: stops after so many.

    Returns:
        x (N, C, H, W) float32 from 0 to 255, and the place of each in ``files``, int64 (N,).

    Raises:
        MissingExtraError: pillow is not installed.
        MissingFileError: a file does not exist, whatever ``on_error`` says.
        DataError: a picture is empty or damaged; all of them are; or their sizes differ.
        FileFormatError: those that are kept are larger than ``max_bytes``, whatever ``on_error`` says.
    """
    require_extra("PIL", extra="images", expected="pillow for reading pictures", where="read pictures")
    pixels: list[Array] = []
    kept: list[int] = []
    failed: list[DataError] = []
    limit = Limit(files, options.max_bytes, where=f"{len(files):,} pictures")
    for place, file in enumerate(files):
        if most is not None and len(kept) == most:
            break
        try:
            picture = decode(file, options)
        except DataError as error:
            if options.on_error == "stop":
                raise
            failed.append(error)
            continue
        wanted = options.required or (pixels[0].shape[1:] if pixels else picture.shape[1:])
        if picture.shape[1:] != wanted:
            first = "" if options.required else f"{files[kept[0]]} has {_pixels(wanted)} pixels (height × width), "
            raise _wrong_size(file, picture, wanted, first)
        limit.take(picture.nbytes, what="pixels")
        pixels.append(picture)
        kept.append(place)
    if failed and not kept:
        raise failed[0]
    if failed:
        names = [f"{error.where} ({error.received})" for error in failed[:_NAMED]]
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        options.note(f"left out {len(failed)} of {len(failed) + len(kept)} pictures: {', '.join(names)}{more}")
    channels = max((len(picture) for picture in pixels), default=1)
    x = np.empty((len(pixels), channels, *(pixels[0].shape[1:] if pixels else (0, 0))), np.float32)
    for row, picture in zip(x, pixels, strict=True):
        row[...] = picture  # (1, H, W) or (C, H, W) -> (C, H, W)
    return x, np.array(kept, dtype=np.int64)


def decode(file: Path, options: PictureOptions) -> Array:
    """One picture (C, H, W) with C 1 or 3, uint8 or, where the file has more than 8 bits, float32.

    It is turned upright as its EXIF data say; of an animation the first frame is taken; what is transparent lies over
    white. A grey one of more bits keeps its depth: float32 with fractions, from 0 for black to 255 for white.

    Raises:
        MissingFileError: no such file.
        DataError: empty, damaged, in another format, of more bytes than ``max_bytes`` or more pixels than pillow
            takes for safe, of several channels of
            16 bits, or of numbers whose black and white are not known.
    """
    import warnings
    from logging import NullHandler, getLogger

    from PIL import Image, ImageOps, UnidentifiedImageError

    if not getLogger("PIL").handlers:  # else Python prints what pillow logs, where nobody asked for logs
        getLogger("PIL").addHandler(NullHandler())
    _silence_libtiff()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF data and the like: the pixels are what counts
            if options.max_bytes is None:
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            # From a stream: of a path pillow maps uncompressed TIFFs into memory, and takes those turned on their side
            # for upright ones of the other shape.
            with open(file, "rb") as stream, Image.open(stream) as opened:
                _check_opened(opened, file, options.max_bytes)
                depth = depth_of(opened, file)
                upright = ImageOps.exif_transpose(opened)
                if depth is not None:
                    return _deep(depth.pixels(upright, file), options)
                picture = _over_white(upright)
                is_grey = options.color == "grey" or (options.color is None and _is_grey(picture))
                picture = picture.convert("L" if is_grey else "RGB")
                if options.size is not None and picture.size != options.size[::-1]:
                    picture = picture.resize(options.size[::-1], Image.Resampling.BILINEAR)
                array = np.asarray(picture, dtype=np.uint8)
    except GlassnetError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            where=str(file),
            received=f"a picture of more pixels than is safe ({error})",
            expected=f"at most {Image.MAX_IMAGE_PIXELS or 0:,} pixels",
            fix="make the picture smaller; or, if you trust it, name a max_bytes that is large enough (--max-bytes), "
            "and for more than twice as many pixels raise PIL.Image.MAX_IMAGE_PIXELS as well",
        ) from error
    except Exception as error:  # decoders raise whatever they stumble over in a damaged file
        if not file.is_file():
            raise unreadable(file) from error
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "no picture that pillow knows" if unknown else f"a picture that cannot be decoded ({error})"
        raise DataError(
            where=str(file),
            received=reason if file.stat().st_size else "an empty file",
            expected="a whole picture",
            fix='copy it again or take it away, or leave out such files: on_error="skip", --on-error skip',
        ) from error
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)  # (H, W) or (H, W, 3) -> (C, H, W)


@cache
def _silence_libtiff() -> None:
    """Ends what libtiff prints of damaged files on the standard error, beside the errors that pillow raises of them."""
    from ctypes import CDLL

    from PIL import _imaging

    with suppress(OSError, AttributeError):  # a pillow that hides its libtiff, or has none
        CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _check_opened(picture: Image.Image, file: Path, max_bytes: int | None) -> None:
    """Refuses a picture by what its head says, before its pixels are decoded.

    Some of pillow's formats are programs: it hands PostScript to an interpreter.
    """
    if picture.format not in FORMATS:
        raise DataError(
            where=str(file),
            received=f"a file in the format {picture.format}",
            expected=f"one of {', '.join(FORMATS)}",
            fix="save the picture as PNG",
        )
    size = 8 if picture.mode == "F" or picture.mode.startswith("I") else len(picture.getbands())
    limit = Limit(file, max_bytes, where=str(file))
    try:
        limit.check(picture.width * picture.height * size, what=f"{picture.width} × {picture.height} pixels")
    except FileFormatError as error:
        raise DataError(**error.parts) from None  # one of many, which may be left out


def parse_size(text: str, *, where: str) -> tuple[int, int]:
    """Reads a height and a width as the command line takes them; one number stands for both.

    Raises:
        ConfigurationError: anything else, or a size outside 1 to 10,000.

    Example:
        >>> parse_size("24x32", where="--resize"), parse_size("32", where="--resize")
        ((24, 32), (32, 32))
    """
    match = re.fullmatch(r"([0-9]{1,9})(?:[xX×]([0-9]{1,9}))?", text.strip())
    if match is None:
        raise ConfigurationError(
            where=where, received=repr(text), expected="height x width in pixels", fix="write 32x32"
        )
    size = int(match[1]), int(match[2] or match[1])
    _check_size(size, where=where)
    return size


def _check_size(size: tuple[int, int], *, where: str = "read pictures") -> None:
    whole = len(size) == 2 and all(isinstance(n, int | np.integer) and 0 < n <= _MOST_PIXELS for n in size)
    if not whole:
        raise ConfigurationError(
            where=where,
            received=f"the size {size!r}",
            expected=f"height and width in pixels, each from 1 to {_MOST_PIXELS:,}",
            fix="write (32, 32), on the command line 32x32",
        )


def _over_white(picture: Image.Image) -> Image.Image:
    """The picture without transparency, grey if it was grey."""
    from PIL import Image

    if picture.mode not in ("RGBA", "LA", "PA", "RGBa", "La") and "transparency" not in picture.info:
        return picture
    solid = picture.convert("RGBA")
    over = Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid).convert("RGB")
    return over.convert("L") if picture.mode in ("L", "LA", "La", "1") else over


def _deep(pixels: Array, options: PictureOptions) -> Array:
    """A grey picture (H, W) of many steps in the size and the channels that the options want."""
    if options.size is not None and pixels.shape != options.size:
        pixels = resized(pixels, options.size)
    return np.repeat(pixels[None], 3 if options.color == "rgb" else 1, axis=0)  # (H, W) -> (C, H, W)


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode != "P":
        return picture.mode in ("1", "L")
    colors = np.asarray(picture.convert("RGB"))  # a palette may hold nothing but greys: GIF knows no others
    return bool((colors == colors[..., :1]).all())


def _wrong_size(file: Path, picture: Array, wanted: tuple[int, ...], first: str) -> DataError:
    height, width = wanted
    return DataError(
        where=str(file),
        received=f"pictures of different sizes: {first}{file} {_pixels(picture.shape[1:])}"
        if first
        else f"a picture of {_pixels(picture.shape[1:])} pixels (height × width)",
        expected="one size for all" if first else f"{_pixels(wanted)}, the size that the model was trained on",
        fix=f"resize them: size=({height}, {width}), on the command line --resize {height}x{width}",
    )


def _pixels(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
