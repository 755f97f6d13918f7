"""The arithmetic of windows that slide over an axis: what convolutions and pooling share.

Along an axis of ``size`` elements, with ``before`` and ``after`` more of padding, a window of ``kernel`` elements that
lie ``dilation`` apart spans d (k − 1) + 1 places and finds room at

    ⌊(before + size + after − d (k − 1) − 1) / stride⌋ + 1

places, ``stride`` apart.

Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning" (2016), on dilated
convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import whole

Pair = tuple[int, int]
Padding = str | int | Pair
LARGEST = 2**31 - 1
"""Of what is counted in places of an axis: sums and products of these must fit into 64 bits."""


def places(value: Any, name: str, where: str, *, low: int = 1) -> int:
    """Checks a setting that counts places of an axis: ``whole`` with an upper bound."""
    return whole(value, name, where, low=low, high=LARGEST)


def pair(value: Any, name: str, where: str, *, low: int = 1) -> Pair:
    """Checks a setting that has a value for height and one for width.

    Args:
        value: a whole number for both, or a pair (height, width).
        name: of the setting, for messages.
        where: whose setting it is, for messages.
        low: the smallest number that is allowed.

    Raises:
        ConfigurationError: anything else.

    Example:
        >>> pair(3, "kernel_size", "Conv2D"), pair((1, 5), "kernel_size", "Conv2D")
        ((3, 3), (1, 5))
    """
    if not isinstance(value, tuple | list):
        number = places(value, name, where, low=low)
        return number, number
    if len(value) != 2:
        raise ConfigurationError(
            where=where,
            received=f"{name}={value!r}",
            expected="a whole number, or a pair (height, width)",
            fix=f"write {name}=(3, 5) for 3 rows and 5 columns",
        )
    height, width = (places(number, name, where, low=low) for number in value)
    return height, width


def short(both: Pair) -> int | Pair:
    """A pair as one would write it: the number alone where both are the same."""
    return both[0] if both[0] == both[1] else both


def padding_setting(value: Any, where: str) -> Padding:
    """Checks the setting ``padding`` of a layer on images: "valid", "same", a number or a pair (height, width).

    Raises:
        ConfigurationError: anything else.
    """
    if isinstance(value, str):
        return _named(value, where)
    return short(pair(value, "padding", where, low=0))


def padding_setting_1d(value: Any, where: str) -> str | int:
    """Checks the setting ``padding`` of a layer on sequences: "valid", "same" or a number.

    Raises:
        ConfigurationError: anything else.
    """
    return _named(value, where) if isinstance(value, str) else places(value, "padding", where, low=0)


def _named(value: str, where: str) -> str:
    if value not in ("valid", "same"):
        raise ConfigurationError(
            where=where,
            received=f"padding={value!r}",
            expected="'valid', 'same' or whole numbers",
            fix="write padding='valid' for none, padding='same' to keep the size, or padding=1",
        )
    return value


def padding_along(padding: Padding | tuple[str | int, str | int], axis: int) -> str | int:
    """What a padding says of one axis: 0 for height, 1 for width."""
    return padding[axis] if isinstance(padding, tuple) else padding


def padding_of(padding: str | int, size: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """How many elements of padding stand before and after an axis.

    "valid" is none, a number that many on both sides. "same" is as little as gives ⌈size / stride⌉ windows, half of it
    on each side and the odd one after, below or to the right; that is TensorFlow's rule.

    Args:
        padding: "valid", "same" or a number.
        size: of the axis.
        kernel: elements of the window.
        stride: from one window to the next.
        dilation: from one element of a window to the next.

    Example:
        >>> padding_of("same", 5, 3, 1), padding_of("same", 5, 2, 2), padding_of(2, 5, 3, 1)
        ((1, 1), (0, 1), (2, 2))
    """
    if padding == "same":
        missing = max(0, (-(-size // stride) - 1) * stride + span(kernel, dilation) - size)
        return missing // 2, missing - missing // 2
    number = 0 if isinstance(padding, str) else padding
    return number, number


def windows_of_rows(kernel: int, stride: int, dilation: int, before: int, padding: str | int) -> dict[str, int]:
    """The settings of ``window_lengths``, of windows that slide along the steps of rows.

    Args:
        kernel: steps in a window.
        stride: from one window to the next.
        dilation: from one step of a window to the next.
        before: steps of padding before each row.
        padding: "valid", "same", "causal" or a number.
    """
    reach = span(kernel, dilation)
    both = {"valid": 0, "same": reach - 1, "causal": reach - 1}[padding] if isinstance(padding, str) else 2 * before
    return {"reach": reach, "stride": stride, "padding": both}


def why_other_windows(padding: str | int, steps: int, kernel: int, stride: int, dilation: int = 1) -> str:
    """Why windows on a padded row do not stand where they stand on the row alone; empty where they do.

    With "same" and a stride, how many steps of padding stand before a row depends on its length.
    """
    before = {padding_of(padding, length, kernel, stride, dilation)[0] for length in range(1, steps + 1)}
    if padding != "same" or len(before) == 1:
        return ""
    return f"padding='same' with stride={stride} puts windows elsewhere on shorter rows, as no number of steps does"


def window_count(padding: str | int, size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """How many windows find room along an axis; 0 or less where none does. Arguments as in ``padding_of``.

    Example:
        >>> window_count("valid", 5, 2, 2), window_count("same", 5, 2, 2), window_count("valid", 2, 3, 1)
        (2, 3, 0)
    """
    before, after = padding_of(padding, size, kernel, stride, dilation)
    return (before + size + after - span(kernel, dilation)) // stride + 1


def span(kernel: int, dilation: int) -> int:
    """From the first element of a window to its last, both counted."""
    return dilation * (kernel - 1) + 1


def slid(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Padding | tuple[str | int, str | int],
    dilation: Sequence[int] = (1, 1),
) -> tuple[list[int], list[int]]:
    """How many windows find room along each axis, and how many elements of padding stand before it.

    Example:
        >>> slid((5, 7), (3, 3), (1, 2), "same")
        ([5, 4], [1, 1])
    """
    axes = zip(sizes, kernel, stride, dilation, strict=True)
    along = [(padding_along(padding, number), *axis) for number, axis in enumerate(axes)]
    return [window_count(*axis) for axis in along], [padding_of(*axis)[0] for axis in along]


def by_axis(**pairs: Sequence[int]) -> dict[str, int]:
    """The settings of kernels on images, by name.

    Example:
        >>> by_axis(stride=(1, 2), pad=(0, 1))
        {'stride_height': 1, 'stride_width': 2, 'pad_top': 0, 'pad_left': 1}
    """
    sides = {"pad": ("top", "left")}
    return {
        f"{name}_{side}": number
        for name, both in pairs.items()
        for side, number in zip(sides.get(name, ("height", "width")), both, strict=True)
    }
