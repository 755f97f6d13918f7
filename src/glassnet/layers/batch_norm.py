"""Batch normalisation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.settings import number
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels.batch_norm import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_predict,
    batch_norm_statistics,
    batch_norm_sums,
    channel_sums,
)
from glassnet.kernels.lengths import step_norm_backward, step_statistics, step_sums
from glassnet.kernels.scale import scale_backward
from glassnet.layers.base import MASKED, Layer
from glassnet.layers.scale import by_channel, channels_of, scale_and_shift
from glassnet.runners import Runner


class _Predicted(NamedTuple):
    """The cache of a pass with running statistics."""

    x: Array


class BatchNorm(Layer):
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
    with_lengths = MASKED

    def __init__(self, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum = number(momentum, "momentum", "BatchNorm", low=0, high=1, open_low=True)
        self.epsilon = number(epsilon, "epsilon", "BatchNorm", low=0, open_low=True, in_float32=True)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ, β and the running statistics, each (C,)."""
        channels = channels_of(self, input_shape)
        self.gamma, self.beta = scale_and_shift(self, channels)
        self.running_mean = self.add_parameter("running_mean", (channels,), "zeros", is_weight=False, trainable=False)
        self.running_variance = self.add_parameter(
            "running_variance", (channels,), "ones", is_weight=False, trainable=False, least=0
        )
        return input_shape

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """8 for each element: the sums of mean and variance, and x̂, γ and β."""
        return 8 * size_of(output_shape)

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
        settings = {"momentum": self.momentum, "epsilon": self.epsilon}
        if run.lengths is not None:
            lengths, steps = run.lengths, run.empty(gamma.shape, np.float64)
            sums = {"total": total, "square_total": square_total, "count": steps}
            run(self, step_sums, x=x, lengths=lengths, shift=shift, **sums)
            run(self, step_statistics, **sums, mean=mean, inverse_std=inverse_std, **running, **settings)
            run(self, batch_norm_forward, x=seen, mean=mean, inverse_std=inverse_std, gamma=gamma, beta=beta, y=out)
            return y, (x, mean, inverse_std, lengths, steps)
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
            **settings,
        )
        run(self, batch_norm_forward, x=seen, mean=mean, inverse_std=inverse_std, gamma=gamma, beta=beta, y=out)
        return y, (x, mean, inverse_std, None, None)

    def why_no_lengths(self) -> str:
        """The first axis of images has channels, and of features (N, T) each would have statistics of its own."""
        is_sequence = len(self.input_shape or ()) == 2
        return super().why_no_lengths() if is_sequence else "its statistics are those of steps (N, T, D) alone"

    def why_no_stream(self) -> str:
        """Outside of training its statistics are constants."""
        return "" if len(self.input_shape or ()) == 2 else super().why_no_stream()

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
        x, mean, inverse_std, lengths, steps = cache
        dx = run.empty(x.shape, dy.dtype)
        given = {"dy": by_channel(dy), "x": by_channel(x), "mean": mean, "inverse_std": inverse_std}
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        run(self, batch_norm_sums, **given, **gradients)
        if lengths is not None:
            given |= {"dy": dy, "x": x, "lengths": lengths, "gamma": self.gamma.value, "count": steps}
            run(self, step_norm_backward, **given, **gradients, dx=dx)
            return dx
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
