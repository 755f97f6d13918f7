"""Normalisation of values of one row: layer, RMS and group norm."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ShapeError
from glassnet.core.parameters import Parameter
from glassnet.core.settings import boolean, number, whole
from glassnet.core.shapes import Array, Shape, batch_shape, size_of
from glassnet.kernels import Kernel
from glassnet.kernels.row_norm import (
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    rms_norm_backward,
    rms_norm_forward,
)
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.layers.scale import by_channel, scale_and_shift
from glassnet.runners import Runner


class _RowNorm(Layer):
    """Normalises rows by statistics of their own: its kernels' statistics, and how they look at the rows, tell which.

    The forward kernel takes x, what is learned, y, the statistics and ε; the backward kernel ∂L/∂y, x, the statistics,
    γ, ∂L/∂x and the gradients of what is learned.
    """

    kernels: ClassVar[tuple[Kernel, Kernel]]
    may_learn: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    """What the kernels take and may be learned."""
    statistics: ClassVar[tuple[str, ...]] = ("mean", "inverse_std")
    alone: ClassVar[str] = "0"
    """What becomes of a value that is normalised by itself."""
    epsilon: float
    gamma: Parameter
    beta: Parameter

    @property
    def learned(self) -> tuple[str, ...]:
        """What of it is learned: as a rule all."""
        return self.may_learn

    @abstractmethod
    def _seen(self, x: Array) -> Array:
        """X as the kernels take it."""

    @abstractmethod
    def _groups(self, x: Array) -> Shape:
        """The shape of each statistic: what of x is normalised together has one."""

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, x and the statistics: μ and 1/√(σ² + ε)."""
        y = run.empty(x.shape, x.dtype)
        statistics = {name: run.empty(self._groups(x), x.dtype) for name in self.statistics}
        parameters = {n: getattr(self, n).value if n in self.learned else None for n in self.may_learn}
        arrays = {"x": self._seen(x), **parameters, "y": self._seen(y), **statistics}
        run(self, self.kernels[0], **arrays, epsilon=self.epsilon)
        return y, (x, statistics)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dγ and dβ, returns dx."""
        x, statistics = cache
        dx = run.empty(x.shape, dy.dtype)
        gamma = self.gamma.value if "gamma" in self.learned else None
        arrays = {"dy": self._seen(dy), "x": self._seen(x), **statistics, "gamma": gamma}
        gradients = {f"d{n}": getattr(self, n).gradient if n in self.learned else None for n in self.may_learn}
        run(self, self.kernels[1], **arrays, dx=self._seen(dx), **gradients)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """8 for each element, or 5 without μ and β: the sums of the statistics, x̂, and what is learned."""
        return (8 if "beta" in self.may_learn else 5) * size_of(output_shape)

    def require_several(self, values: int, input_shape: Shape) -> None:
        """Refuses rows of which a single value would be normalised alone."""
        if values < 2:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}, a single value to normalise",
                expected=f"at least 2 of them: one alone always becomes {self.alone}",
                fix="leave the layer out, or normalise more values together",
            )


class _VectorNorm(_RowNorm):
    """Normalises each vector along a row's last axis."""

    with_lengths = EACH_STEP
    needs_features = True

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        self.epsilon = number(epsilon, "epsilon", type(self).__name__, low=0, open_low=True, in_float32=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates what is learned, γ of ones and β of zeros (D,)."""
        fix = "for images say gn.GroupNorm(1), which normalises all of an image together"
        self.require_axes(input_shape, range(3), "features (N, D) or sequences (N, T, D)", fix)
        self.require_several(input_shape[-1], input_shape)
        for name, start in zip(self.learned, ("ones", "zeros"), strict=False):
            setattr(self, name, self.add_parameter(name, (input_shape[-1],), start, is_weight=False))
        return input_shape

    def _seen(self, x: Array) -> Array:
        """X as (N, R, D)."""
        return x.reshape(x.shape[0], 1, x.shape[1]) if x.ndim == 2 else x

    def _groups(self, x: Array) -> Shape:
        """One for each vector."""
        return self._seen(x).shape[:2]


class LayerNorm(_VectorNorm):
    """y = γ (x − μ) / √(σ² + ε) + β with mean and variance of each row along its last axis.

    Args:
        epsilon: ε > 0.

    Shape:
        (N, D) -> (N, D), (N, T, D) -> (N, T, D)

    Raises:
        ConfigurationError: epsilon outside its range.
        ShapeError: at build, images, for which there is ``GroupNorm(1)``; or a last axis of one element.

    Source: J. Ba, J. Kiros, G. Hinton, "Layer normalization" (2016).

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.LayerNorm()).build((12, 64))
        (12, 64)
    """

    kernels = layer_norm_forward, layer_norm_backward


class RMSNorm(_VectorNorm):
    """y = γ x / √(mean(x²) + ε), the mean of each row along its last axis: layer norm that leaves the mean where it is.

    Args:
        epsilon: ε > 0.
        use_scale: whether there is a γ, which is learned; it counts as 1 otherwise.

    Shape:
        (N, D) -> (N, D), (N, T, D) -> (N, T, D)

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, images; or a last axis of one element.

    Source: B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019, arXiv:1910.07467.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.RMSNorm())
        >>> net.build((12, 64)), [name for name, _ in net.named_parameters()]
        ((12, 64), ['0.gamma'])
    """

    kernels = rms_norm_forward, rms_norm_backward
    may_learn = ("gamma",)
    statistics = ("inverse_rms",)
    alone = "1 or −1"

    def __init__(self, *, epsilon: float = 1e-5, use_scale: bool = True) -> None:
        super().__init__(epsilon=epsilon)
        self.use_scale = boolean(use_scale, "use_scale", "RMSNorm")

    @property
    def learned(self) -> tuple[str, ...]:
        """γ, unless the layer goes without."""
        return self.may_learn if self.use_scale else ()


class GroupNorm(_RowNorm):
    """y = γ (x − μ) / √(σ² + ε) + β with mean and variance of each group of channels of one image.

    Channels 0 to C/G − 1 are the first of the G groups. ``GroupNorm(1)`` normalises all of an image together.

    Args:
        groups: G, which divides C.
        epsilon: ε > 0.

    Shape:
        (N, C, H, W) -> (N, C, H, W), (N, C) -> (N, C)

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, C is no multiple of G; a group has one element; or sequences, for which there is
            ``LayerNorm``.

    Source: Y. Wu, K. He, "Group normalization", ECCV 2018.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.GroupNorm(4)).build((32, 8, 8))
        (32, 8, 8)
    """

    kernels = group_norm_forward, group_norm_backward

    def __init__(self, groups: int, *, epsilon: float = 1e-5) -> None:
        self.groups = whole(groups, "groups", "GroupNorm")
        self.epsilon = number(epsilon, "epsilon", "GroupNorm", low=0, open_low=True, in_float32=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ and β (C,)."""
        expected = "images (N, C, H, W) or features (N, C)"
        self.require_axes(input_shape, (1, 3), expected, "for sequences say gn.LayerNorm()")
        channels = input_shape[0]
        if channels % self.groups:
            divisors = ", ".join(str(g) for g in range(1, channels + 1) if channels % g == 0)
            raise ShapeError(
                where=self.where,
                received=f"{channels} channels",
                expected=f"a multiple of {self.groups}, as many for each group",
                fix=unless_channels_last(input_shape, f"choose groups that divide {channels}: {divisors}"),
            )
        self.require_several(size_of(input_shape) // self.groups, input_shape)
        self.gamma, self.beta = scale_and_shift(self, channels)
        return input_shape

    def _seen(self, x: Array) -> Array:
        """X as (N, C, S)."""
        return by_channel(x)

    def _groups(self, x: Array) -> Shape:
        """One for each group of each row."""
        return x.shape[0], self.groups
