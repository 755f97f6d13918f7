"""Batch, layer and group normalisation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassnet.core.checks import unless_channels_last
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.settings import number, whole
from glassnet.core.shapes import Array, Shape, batch_shape, size_of
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
)
from glassnet.kernels.scale import scale_backward
from glassnet.layers.base import Layer
from glassnet.runners import Runner


class _Norm(Layer):
    """Adds γ and β, and counts operations."""

    def _scale_and_shift(self, size: int) -> None:
        self.gamma = self.add_parameter("gamma", (size,), "ones", is_weight=False)
        self.beta = self.add_parameter("beta", (size,), "zeros", is_weight=False)

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
        if len(input_shape) > 3:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected="features (N, D), sequences (N, T, D) or images (N, C, H, W)",
                fix="put gn.Flatten() or gn.Reshape before it",
            )
        channels = input_shape[0] if len(input_shape) == 3 else input_shape[-1]
        self._scale_and_shift(channels)
        self.running_mean = self.add_parameter("running_mean", (channels,), "zeros", is_weight=False, trainable=False)
        self.running_variance = self.add_parameter(
            "running_variance", (channels,), "ones", is_weight=False, trainable=False
        )
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, (x, μ, 1/√(σ² + ε))."""
        y = run.empty(x.shape, x.dtype)
        seen, out = self._by_channel(x), self._by_channel(y)
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
            raise ConfigurationError(
                where=self.where,
                received="a backward pass after a forward pass with training=False",
                expected="one with training=True, whose statistics the gradient follows",
                fix="write net.forward(run, x, training=True)",
            )
        if not isinstance(cache[0], np.ndarray):
            return self._backward_of_frozen(run, dy)
        x, mean, inverse_std = cache
        dx = run.empty(x.shape, dy.dtype)
        given = {"dy": self._by_channel(dy), "x": self._by_channel(x), "mean": mean, "inverse_std": inverse_std}
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        run(self, batch_norm_sums, **given, **gradients)
        run(
            self,
            batch_norm_backward,
            **given,
            gamma=self.gamma.value,
            **gradients,
            dx=self._by_channel(dx),
            count=self._count(x),
        )
        return dx

    def _backward_of_frozen(self, run: Runner, dy: Array) -> Array:
        """∂L/∂x = dy · γ / √(running σ² + ε): what prediction makes of dy without mean and shift."""
        dx = run.empty(dy.shape, dy.dtype)
        nothing = np.zeros(self.gamma.shape, dy.dtype)
        arrays = {"running_mean": nothing, "running_variance": self.running_variance.value}
        arrays |= {"gamma": self.gamma.value, "beta": nothing}
        run(self, batch_norm_predict, x=self._by_channel(dy), **arrays, y=self._by_channel(dx), epsilon=self.epsilon)
        return dx

    def _backward_of_prediction(self, run: Runner, dy: Array, x: Array) -> Array:
        """The same where the running statistics stand for the batch's: dx = γ dy / √(running_σ² + ε)."""
        inverse_std = 1 / np.sqrt(self.running_variance.value + self.epsilon)
        given = {"dy": self._by_channel(dy), "x": self._by_channel(x)}
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        run(self, batch_norm_sums, **given, mean=self.running_mean.value, inverse_std=inverse_std, **gradients)
        dx = run.empty(x.shape, dy.dtype)
        slope = self.gamma.value * inverse_std
        run(self, scale_backward, **given, gamma=slope, dx=self._by_channel(dx), dgamma=None, dbeta=None)
        return dx

    def _by_channel(self, x: Array) -> Array:
        """X as (N, C, S)."""
        if x.ndim == 4:
            return x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])
        return x.reshape(x.size // x.shape[-1], x.shape[-1], 1)  # (N, D) or (N, T, D): a feature is a channel

    def _count(self, x: Array) -> int:
        return int(x.size // self.gamma.value.size)


class LayerNorm(_Norm):
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

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        self.epsilon = number(epsilon, "epsilon", "LayerNorm", low=0, open_low=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ and β (D,)."""
        if len(input_shape) > 2:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected="features (N, D) or sequences (N, T, D)",
                fix="for images say gn.GroupNorm(1), which normalises all of an image together",
            )
        _more_than_one(input_shape[-1], input_shape, self.where)
        self._scale_and_shift(input_shape[-1])
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, (x, μ, 1/√(σ² + ε))."""
        y = run.empty(x.shape, x.dtype)
        rows = self._rows(x)
        mean, inverse_std = (run.empty(rows.shape[:2], x.dtype) for _ in range(2))
        run(
            self,
            layer_norm_forward,
            x=rows,
            gamma=self.gamma.value,
            beta=self.beta.value,
            y=self._rows(y),
            mean=mean,
            inverse_std=inverse_std,
            epsilon=self.epsilon,
        )
        return y, (x, mean, inverse_std)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dγ and dβ, returns dx."""
        x, mean, inverse_std = cache
        dx = run.empty(x.shape, dy.dtype)
        run(
            self,
            layer_norm_backward,
            dy=self._rows(dy),
            x=self._rows(x),
            mean=mean,
            inverse_std=inverse_std,
            gamma=self.gamma.value,
            dx=self._rows(dx),
            dgamma=self.gamma.gradient,
            dbeta=self.beta.gradient,
        )
        return dx

    def _rows(self, x: Array) -> Array:
        """X as (N, R, D)."""
        return x.reshape(x.shape[0], 1, x.shape[1]) if x.ndim == 2 else x


class GroupNorm(_Norm):
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

    def __init__(self, groups: int, *, epsilon: float = 1e-5) -> None:
        self.groups = whole(groups, "groups", "GroupNorm")
        self.epsilon = number(epsilon, "epsilon", "GroupNorm", low=0, open_low=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ and β (C,)."""
        if len(input_shape) not in (1, 3):
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected="images (N, C, H, W) or features (N, C)",
                fix="for sequences say gn.LayerNorm()",
            )
        channels = input_shape[0]
        if channels % self.groups:
            divisors = ", ".join(str(g) for g in range(1, channels + 1) if channels % g == 0)
            raise ShapeError(
                where=self.where,
                received=f"{channels} channels",
                expected=f"a multiple of {self.groups}, as many for each group",
                fix=unless_channels_last(input_shape, f"choose groups that divide {channels}: {divisors}"),
            )
        _more_than_one(size_of(input_shape) // self.groups, input_shape, self.where)
        self._scale_and_shift(channels)
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, (x, μ, 1/√(σ² + ε))."""
        y = run.empty(x.shape, x.dtype)
        mean, inverse_std = (run.empty((x.shape[0], self.groups), x.dtype) for _ in range(2))
        run(
            self,
            group_norm_forward,
            x=self._by_channel(x),
            gamma=self.gamma.value,
            beta=self.beta.value,
            y=self._by_channel(y),
            mean=mean,
            inverse_std=inverse_std,
            epsilon=self.epsilon,
        )
        return y, (x, mean, inverse_std)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dγ and dβ, returns dx."""
        x, mean, inverse_std = cache
        dx = run.empty(x.shape, dy.dtype)
        run(
            self,
            group_norm_backward,
            dy=self._by_channel(dy),
            x=self._by_channel(x),
            mean=mean,
            inverse_std=inverse_std,
            gamma=self.gamma.value,
            dx=self._by_channel(dx),
            dgamma=self.gamma.gradient,
            dbeta=self.beta.gradient,
        )
        return dx

    def _by_channel(self, x: Array) -> Array:
        """X as (N, C, S)."""
        return x.reshape(*x.shape[:2], size_of(x.shape[2:]))


def _more_than_one(values: int, input_shape: Shape, where: str) -> None:
    if values < 2:
        raise ShapeError(
            where=where,
            received=f"inputs of shape {batch_shape(input_shape)}, a single value to normalise",
            expected="at least 2 of them: one alone always becomes 0",
            fix="leave the layer out, or normalise more values together",
        )
