"""Networks for sequences (N, T, D), T steps of D numbers each: each gives an unbuilt ``Sequential``.

They end in ``classes`` logits, for ``loss="cross_entropy"``. Rows of one number a step are given as x[:, :, None].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, shown
from glassnet.layers import LSTM, BatchNorm, Conv1D, Dense, GlobalAveragePool, Layer, ReLU
from glassnet.network import Residual, Sequential
from glassnet.zoo.settings import class_count, dropped, stage_widths

SIZES = (8, 5, 3)
"""Steps that the three convolutions see which follow one another in both networks of the paper."""


@suggests
def fcn1d(classes: int = 2, widths: Sequence[int] = (128, 256, 128)) -> Sequential:
    """Three convolutions, and the mean of each map over time: the fully convolutional network for sequences.

    (T, D) -> 128 maps (8 steps wide) -> 256 maps (5) -> 128 maps (3) -> mean of each map -> classes. Each convolution
    keeps T, and is followed by batch normalisation and ReLU; 264,450 trained parameters for two classes and one number
    a step.

    The paper trains it with Adam (0.001), which it halves where the training loss has been no less for 50 epochs, down
    to 0.0001; ``docs/sequences.md`` says for how long, and what comes of it.

    Args:
        classes: number of outputs K.
        widths: maps of the convolutions, three numbers.

    Source: Z. Wang, W. Yan, T. Oates, "Time series classification from scratch with deep neural networks: a strong
    baseline", IJCNN 2017, figure 1(b).

    Example:
        >>> fcn1d(classes=3).build((150, 1))
        (3,)
    """
    layers: list[Layer] = []
    for width, size in zip(_three(widths, "fcn1d"), SIZES, strict=True):
        layers += [*_convolution(width, size), ReLU()]
    return Sequential(*layers, GlobalAveragePool(), Dense(class_count(classes)))


@suggests
def resnet1d(classes: int = 2, widths: Sequence[int] = (64, 128, 128)) -> Sequential:
    """A residual network for sequences: three blocks of three convolutions, and the mean of each map over time.

    (T, D) -> 64 maps -> 128 maps -> 128 maps -> mean of each map -> classes. A block has convolutions of 8, 5 and 3
    steps, each batch-normalised, with ReLU between them and after the sum with the shortcut. The shortcut is a 1×1
    convolution where the number of maps changes, and is batch-normalised everywhere; 503,106 trained parameters for two
    classes and one number a step. It is trained like ``fcn1d``.

    Args:
        classes: number of outputs K.
        widths: maps of the blocks, one number or more.

    Source: as ``fcn1d``, figure 1(c).

    Example:
        >>> resnet1d(classes=3).build((150, 1))
        (3,)
    """
    layers: list[Layer] = []
    before = 0
    for width in stage_widths(widths, "resnet1d"):
        branch: list[Layer] = []
        for size in SIZES:
            branch += [*([ReLU()] if branch else []), *_convolution(width, size)]
        shortcut = BatchNorm() if width == before else Sequential(*_convolution(width, 1))
        layers += [Residual(*branch, shortcut=shortcut), ReLU()]
        before = width
    return Sequential(*layers, GlobalAveragePool(), Dense(class_count(classes)))


@suggests
def lstm_classifier(classes: int = 2, units: Sequence[int] = (64,), *, dropout: float = 0.0) -> Sequential:
    """LSTM layers one after another, and the mean of the last one's states over time.

    (T, D) -> states of 64 units at each step -> mean of each unit -> classes; 17,026 parameters for two classes and one
    number a step.

    Args:
        classes: number of outputs K.
        units: of each LSTM layer.
        dropout: share of the means that is dropped while training; 0 for none.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).

    Example:
        >>> lstm_classifier(classes=9).build((29, 12))
        (9,)
    """
    layers: list[Layer] = [LSTM(own, return_sequences=True) for own in _units(units)]
    share = dropped(dropout, "lstm_classifier")
    return Sequential(*layers, GlobalAveragePool(), *share, Dense(class_count(classes)))


SERIES_NETWORKS: Mapping[str, Callable[..., Sequential]] = MappingProxyType(
    {"fcn1d": fcn1d, "resnet1d": resnet1d, "lstm_classifier": lstm_classifier}
)
"""Those for sequences, by name."""


def _convolution(width: int, size: int) -> list[Layer]:
    """As long as what comes in, and normalised; without a bias, which the normalisation would take away again."""
    return [Conv1D(width, size, padding="same", use_bias=False), BatchNorm()]


def _three(widths: Sequence[int], where: str) -> Sequence[int]:
    found = stage_widths(widths, where)
    if len(found) != len(SIZES):
        raise ConfigurationError(
            where=where,
            received=f"widths={shown(widths)}",
            expected=f"{len(SIZES)} numbers of maps, for convolutions of {', '.join(map(str, SIZES))} steps",
            fix="write widths=(128, 256, 128)",
        )
    return found


def _units(units: Sequence[int]) -> Sequence[int]:
    if isinstance(units, list | tuple | range) and units:
        return list(units)
    raise ConfigurationError(
        where="lstm_classifier",
        received=f"units={shown(units)}",
        expected="the units of one LSTM layer or more",
        fix="write units=(64,) for one layer, units=(64, 64) for two",
    )
