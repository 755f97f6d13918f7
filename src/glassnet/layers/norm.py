"""Batch, layer and group normalisation."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ShapeError
from glassnet.core.parameters import Parameter
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array, Shape, batch_shape, size_of
from glassnet.kernels import Kernel
from glassnet.kernels.batch_norm import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_predict,
    batch_norm_statistics,
    batch_norm_sums,
    channel_sums,
)
from glassnet.kernels.row_norm import (
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    rms_norm_backward,
    rms_norm_forward,
)
from glassnet.kernels.scale import scale_backward
from glassnet.layers.base import Layer
from glassnet.layers.scale import by_channel, channels_of, scale_and_shift
from glassnet.runners import Runner


class _Norm(Layer):
    """Normalises, then scales and shifts."""

    gamma: Parameter
    beta: Parameter

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """8 for each element: the sums of mean and variance, and x̂, γ and β."""
        return 8 * size_of(output_shape)


class _Predicted(NamedTuple):
    """The cache of a pass with running statistics."""

    x: Array


class BatchNorm(_Norm):
    """y = γ (x − μ) / √(σ² + ε) + β with each channel's mean and variance over the batch.

    While training, μ and σ² are those of the batch, and the running statistics follow them:

        running ← (1 − momentum) running + momentum batch

    with the batch's unbiased variance. Outside training the running statistics take their place, so that no row's
    output depends on the other rows; so they do where the layer is frozen. They are parameters ``running_mean`` and
    ``running_variance``, saved and copied like the others, but never trained. Keras calls 1 − momentum what is
    momentum here, as in PyTorch.

    A layer before it needs no bias: the mean takes it away again.

    Args:
        momentum: the batch's share in the running statistics, 0 < momentum < 1.
        epsilon: ε > 0.

    Shape:
        (N, D) -> (N, D), each feature a channel; (N, C, H, W) -> (N, C, H, W); (N, T, D) -> (N, T, D), each feature a
        channel, its statistics over rows and steps.

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, rows of more axes; while training, a batch with a single value for each channel. Where
            a last batch would have but one row, ``fit`` joins it to the one before.

    Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.BatchNorm())
        >>> _ = net.build((2,), dtype="float64")
        >>> y, _ = net.forward(gn.NumpyRunner(), np.array([[1.0, 0.0], [3.0, 8.0]]), training=True)
        >>> np.round(y, 3).tolist(), dict(net.named_parameters())["0.running_mean"].tolist()
        ([[-1.0, -1.0], [1.0, 1.0]], [0.2, 0.4])
    """

    mixes_rows = True

    def __init__(self, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum = number(momentum, "momentum", "BatchNorm", low=0, high=1, open_low=True)
        self.epsilon = number(epsilon, "epsilon", "BatchNorm", low=0, open_low=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ, β and the running statistics, each (C,)."""
        channels = channels_of(self, input_shape)
        self.gamma, self.beta = scale_and_shift(self, channels)
        self.running_mean = self.add_parameter("running_mean", (channels,), "zeros", is_weight=False, trainable=False)
        self.running_variance = self.add_parameter(
            "running_variance", (channels,), "ones", is_weight=False, trainable=False
        )
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, (x, μ, 1/√(σ² + ε))."""
        y = run.empty(x.shape, x.dtype)
        seen, out = by_channel(x), by_channel(y)
        gamma, beta = self.gamma.value, self.beta.value
        running = {"running_mean": self.running_mean.value, "running_variance": self.running_variance.value}
        is_frozen = not (self.gamma.trainable or self.beta.trainable)
        if not training or is_frozen:
            run(self, batch_norm_predict, x=seen, **running, gamma=gamma, beta=beta, y=out, epsilon=self.epsilon)
            return y, x.shape if training else None
        count = self._count(x)
        if count < 2:
            raise ShapeError(
                where=self.where,
                received=f"a training batch of shape {x.shape}, a single value for each channel",
                expected="at least 2, of which to take the variance",
                fix="train on batches of two rows or more: a larger batch_size, and at least two rows of data",
            )
        total, square_total = (run.empty(gamma.shape, np.float64) for _ in range(2))
        mean, inverse_std = (run.empty(gamma.shape, x.dtype) for _ in range(2))
        shift = self.running_mean.value
        run(self, channel_sums, x=seen, shift=shift, total=total, square_total=square_total)
        run(
            self,
            batch_norm_statistics,
            total=total,
            square_total=square_total,
            mean=mean,
            inverse_std=inverse_std,
            **running,
            count=count,
            momentum=self.momentum,
            epsilon=self.epsilon,
        )
        run(self, batch_norm_forward, x=seen, mean=mean, inverse_std=inverse_std, gamma=gamma, beta=beta, y=out)
        return y, (x, mean, inverse_std)

    def differentiable(self, run: Runner, x: Array) -> tuple[Array, Any]:
        """As in prediction mode, with x for the gradient: there the statistics are constants."""
        y, _ = self.forward(run, x, training=False)
        return y, _Predicted(x)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dγ and dβ, returns dx."""
        if isinstance(cache, _Predicted):
            return self._backward_of_prediction(run, dy, cache.x)
        if cache is None:
            raise self._not_trained("whose statistics the gradient follows")
        if not isinstance(cache[0], np.ndarray):
            return self._backward_of_frozen(run, dy)
        x, mean, inverse_std = cache
        dx = run.empty(x.shape, dy.dtype)
        given = {"dy": by_channel(dy), "x": by_channel(x), "mean": mean, "inverse_std": inverse_std}
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        run(self, batch_norm_sums, **given, **gradients)
        run(
            self,
            batch_norm_backward,
            **given,
            gamma=self.gamma.value,
            **gradients,
            dx=by_channel(dx),
            count=self._count(x),
        )
        return dx

    def _backward_of_frozen(self, run: Runner, dy: Array) -> Array:
        """∂L/∂x = dy · γ / √(running σ² + ε): what prediction makes of dy without mean and shift."""
        dx = run.empty(dy.shape, dy.dtype)
        nothing = np.zeros(self.gamma.shape, dy.dtype)
        arrays = {"running_mean": nothing, "running_variance": self.running_variance.value}
        arrays |= {"gamma": self.gamma.value, "beta": nothing}
        run(self, batch_norm_predict, x=by_channel(dy), **arrays, y=by_channel(dx), epsilon=self.epsilon)
        return dx

    def _backward_of_prediction(self, run: Runner, dy: Array, x: Array) -> Array:
        """The same where the running statistics stand for the batch's: dx = γ dy / √(running_σ² + ε)."""
        inverse_std = 1 / np.sqrt(self.running_variance.value + self.epsilon)
        given = {"dy": by_channel(dy), "x": by_channel(x)}
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        run(self, batch_norm_sums, **given, mean=self.running_mean.value, inverse_std=inverse_std, **gradients)
        dx = run.empty(x.shape, dy.dtype)
        slope = self.gamma.value * inverse_std
        run(self, scale_backward, **given, gamma=slope, dx=by_channel(dx), dgamma=None, dbeta=None)
        return dx

    def _count(self, x: Array) -> int:
        return int(x.size // self.gamma.value.size)


class _RowNorm(_Norm):
    """Normalises rows by statistics of their own: its kernels' statistics, and how they look at the rows, tell which.

    The forward kernel takes x, what is learned, y, the statistics and ε; the backward kernel ∂L/∂y, x, the statistics,
    γ, ∂L/∂x and the gradients of what is learned.
    """

    kernels: ClassVar[tuple[Kernel, Kernel]]
    learned: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    statistics: ClassVar[tuple[str, ...]] = ("mean", "inverse_std")
    epsilon: float

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
        parameters = {name: getattr(self, name).value for name in self.learned}
        arrays = {"x": self._seen(x), **parameters, "y": self._seen(y), **statistics}
        run(self, self.kernels[0], **arrays, epsilon=self.epsilon)
        return y, (x, statistics)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dγ and dβ, returns dx."""
        x, statistics = cache
        dx = run.empty(x.shape, dy.dtype)
        arrays = {"dy": self._seen(dy), "x": self._seen(x), **statistics, "gamma": self.gamma.value}
        gradients = {f"d{name}": getattr(self, name).gradient for name in self.learned}
        run(self, self.kernels[1], **arrays, dx=self._seen(dx), **gradients)
        return dx

    def require_several(self, values: int, input_shape: Shape) -> None:
        """Refuses rows of which a single value would be normalised alone."""
        if values < 2:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}, a single value to normalise",
                expected="at least 2 of them: one alone always becomes 0",
                fix="leave the layer out, or normalise more values together",
            )


class _VectorNorm(_RowNorm):
    """Normalises each vector along a row's last axis."""

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        self.epsilon = number(epsilon, "epsilon", type(self).__name__, low=0, open_low=True)

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

    Shape:
        (N, D) -> (N, D), (N, T, D) -> (N, T, D)

    Raises:
        ConfigurationError: epsilon outside its range.
        ShapeError: at build, images; or a last axis of one element.

    Source: B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019, arXiv:1910.07467.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.RMSNorm())
        >>> net.build((12, 64)), [name for name, _ in net.named_parameters()]
        ((12, 64), ['0.gamma'])
    """

    kernels = rms_norm_forward, rms_norm_backward
    learned = ("gamma",)
    statistics = ("inverse_rms",)


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
        self.epsilon = number(epsilon, "epsilon", "GroupNorm", low=0, open_low=True)

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
