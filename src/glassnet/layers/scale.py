"""A factor and a summand for each channel, learned."""

from __future__ import annotations

import numpy as np

from glassnet.core.parameters import Parameter
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.kernels.scale import scale_backward, scale_forward
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner


class Scale(Layer):
    """y = γ x + β with a γ and a β for each feature or channel, learned like any other weight.

    They begin as 1 and 0. What other programs write as a product and a sum with constants, such as a change of the
    data's unit inside the network, is read as this layer.

    Shape:
        (N, D) -> (N, D), (N, T, D) -> (N, T, D), each feature a channel; (N, C, H, W) -> (N, C, H, W).

    Raises:
        ShapeError: at build, rows of more axes.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Scale())
        >>> _ = net.build((3, 8, 8))
        >>> [name for name, _ in net.named_parameters()], net.parameters.tolist()
        (['0.gamma', '0.beta'], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    """

    with_lengths = EACH_STEP

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates γ and β, each (C,)."""
        self.gamma, self.beta = scale_and_shift(self, channels_of(self, input_shape))
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns y and, as the cache, x."""
        y = run.empty(x.shape, x.dtype)
        parameters = {"gamma": self.gamma.value, "beta": self.beta.value}
        run(self, scale_forward, x=by_channel(x), **parameters, y=by_channel(y))
        return y, x

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes dγ and dβ, returns dx."""
        dx = run.empty(cache.shape, dy.dtype)
        gradients = {"dgamma": self.gamma.gradient, "dbeta": self.beta.gradient}
        given = {"dy": by_channel(dy), "x": by_channel(cache), "gamma": self.gamma.value}
        run(self, scale_backward, **given, dx=by_channel(dx), **gradients)
        return dx

    def why_no_lengths(self) -> str:
        """The first axis of images has channels."""
        return "images have no steps" if len(self.input_shape or ()) == 3 else super().why_no_lengths()

    def why_no_stream(self) -> str:
        """Features (N, T) have a factor each."""
        return "each step has a factor of its own" if len(self.input_shape or ()) == 1 else super().why_no_stream()

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 for each element."""
        return 2 * size_of(output_shape)


def scale_and_shift(layer: Layer, channels: int) -> tuple[Parameter, Parameter]:
    """Declares a layer's γ (C,) of ones and β (C,) of zeros."""
    gamma = layer.add_parameter("gamma", (channels,), "ones", is_weight=False)
    return gamma, layer.add_parameter("beta", (channels,), "zeros", is_weight=False)


def channels_of(layer: Layer, input_shape: Shape) -> int:
    """How many channels a layer's rows have.

    Raises:
        ShapeError: they have too many axes.
    """
    expected = "features (N, D), sequences (N, T, D) or images (N, C, H, W)"
    layer.require_axes(input_shape, range(4), expected, "put gn.Flatten() or gn.Reshape before it")
    return input_shape[channel_axis(input_shape)]


def channel_axis(shape: Shape) -> int:
    """Which axis of a row has the channels: the first of images, the last of everything else."""
    return 0 if len(shape) == 3 else len(shape) - 1


def by_channel(x: Array) -> Array:
    """X as (N, C, S)."""
    if x.ndim == 4:
        return x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])
    return x.reshape(x.size // x.shape[-1], x.shape[-1], 1)  # (N, D) or (N, T, D)
