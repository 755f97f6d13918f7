"""Pictures of more than 8 bits a channel: what black and white are in them, and their pixels from 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.errors import DataError
from glassnet.core.shapes import Array

if TYPE_CHECKING:
    from PIL import Image

# Of TIFF 6.0, section 8 and "sample format".
_BITS, _PHOTOMETRIC, _FORMAT, _LOWEST, _HIGHEST = 258, 262, 339, 340, 341
_WHITE_IS_ZERO = 0
_UNSIGNED, _SIGNED, _REAL = 1, 2, 3
_SIXTEEN_BITS = 65535
_PNG_COLORS = {2: "red, green and blue", 4: "grey and transparency", 6: "red, green, blue and transparency"}


@dataclass(frozen=True)
class Depth:
    """What a file says of the numbers in a picture of one channel.

    Args:
        black: the number for black.
        white: the number for white.
        is_unsigned: whether 32-bit numbers have no sign.
        words: how messages call such numbers.
    """

    black: float
    white: float
    is_unsigned: bool = False
    words: str = "16-bit numbers"

    def pixels(self, picture: Image.Image, file: Path) -> Array:
        """The picture from 0 to 255, float32 (H, W), with every step that the file has.

        Raises:
            DataError: numbers that are darker than black or brighter than white.
        """
        given = np.asarray(picture)
        values = (given.view(np.uint32) if self.is_unsigned and given.dtype == np.int32 else given).astype(np.float64)
        transparent = picture.info.get("transparency")
        is_transparent = values == transparent if isinstance(transparent, int) else False
        low, high = values.min(), values.max()
        between = sorted((self.black, self.white))
        if not between[0] <= low <= high <= between[1]:  # NaN is neither
            raise DataError(
                where=str(file),
                received=f"{self.words} as pixels, from {low:g} to {high:g}",
                expected=f"numbers between {self.black:g} for black and {self.white:g} for white",
                fix="save the picture as 16-bit PNG, or as TIFF with the tags SMinSampleValue and SMaxSampleValue",
            )
        shares = values  # which take eight bytes a pixel: what is done to them is done in place
        shares -= self.black
        shares /= self.white - self.black
        if isinstance(transparent, int):
            shares[is_transparent] = 1  # over white
        shares *= 255
        return shares.astype(np.float32)


def depth_of(picture: Image.Image, file: Path) -> Depth | None:
    """What an opened picture's numbers mean where they have more than 8 bits; None for those of 8 or fewer.

    Raises:
        DataError: pillow would keep 8 bits of what the file has, or take signed bytes for unsigned ones.
    """
    if picture.format == "PNG":
        _check_png(file)
    tags: Any = getattr(picture, "tag_v2", {})
    bits, kinds = tags.get(_BITS, (8,)), tags.get(_FORMAT, (_UNSIGNED,))
    if picture.format == "TIFF" and ((len(bits) > 1 and max(bits) > 8) or (max(bits) <= 8 and _SIGNED in kinds)):
        raise _squashed(
            file, f"{max(bits)} {'signed ' if _SIGNED in kinds else ''}bits for each of {len(bits)} channels"
        )
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return None
    kind = _REAL if picture.mode == "F" else kinds[0]
    size = bits[0] if picture.format == "TIFF" else 16
    depth = _range(kind, size, tags)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return Depth(depth.white, depth.black, depth.is_unsigned, depth.words)
    return depth


def resized(pixels: Array, size: tuple[int, int]) -> Array:
    """Pixels with another height and width, as pictures of 8 bits are resized."""
    from PIL import Image

    height, width = size
    picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)


def _range(kind: int, size: int, tags: Any) -> Depth:
    """The numbers from black to white: what the tags say, else their whole range, 0 to 1 for real ones.

    Numbers of 32 bits are counted as if they had 16, as which they nearly always began; larger ones are refused.
    """
    words = "real numbers" if kind == _REAL else f"{size}-bit numbers"
    lowest, highest = tags.get(_LOWEST, (0,)), tags.get(_HIGHEST, ())
    if highest and lowest[0] < highest[0]:
        return Depth(float(lowest[0]), float(highest[0]), kind == _UNSIGNED, words)
    if kind == _REAL:
        return Depth(0.0, 1.0, words=words)
    most = _SIXTEEN_BITS if size > 16 else 2 ** (size - (kind == _SIGNED)) - 1
    return Depth(0.0, float(most), kind == _UNSIGNED, words)


def _check_png(file: Path) -> None:
    """Refuses several channels of 16 bits, of which pillow keeps the upper 8."""
    with open(file, "rb") as stream:
        start = stream.read(26)  # 8 of signature, 8 of the first chunk's length and name, 8 of width and height
    bits, color = start[24], start[25]
    if bits == 16 and color in _PNG_COLORS:
        raise _squashed(file, f"16 bits for each channel of {_PNG_COLORS[color]}")


def _squashed(file: Path, received: str) -> DataError:
    return DataError(
        where=str(file),
        received=received,
        expected="8 bits for each of several channels, or one channel of up to 32 bits: pillow reads no others whole",
        fix="save it with 8 bits a channel if that is enough, or put the arrays into an .npz file",
    )
