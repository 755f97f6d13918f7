"""The layer that has the weights of another one, the other way round."""

from __future__ import annotations

from math import prod

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.kernels.dense import tied_backward, tied_forward
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.layers.dense import Dense, rows_of
from glassnet.layers.embedding import Embedding
from glassnet.runners import Runner

NAME_IT = 'name that layer, gn.Embedding(27, 16, name="tokens"), and write gn.Tied("tokens")'


class Tied(Layer):
    """y = x Wᵀ with the W of another layer: the outputs of a language model tied to its embedding.

    There is one W, in one place of the network's parameters: its gradient is the sum of what both layers make of it,
    and whatever is done to it (an update, ``freeze``, ``set_weights``) is done to both. There is no bias;
    ``gn.Scale()`` behind it has one.

    Args:
        to: name of an ``Embedding`` or ``Dense`` layer that comes before, as the network around this layer calls it, or
            one of the networks around that; the nearest of them counts.

    Shape:
        To an embedding with W (K, D): (N, D) -> (N, K), (N, T, D) -> (N, T, K). To a dense layer with W (D, M):
        (N, M) -> (N, D), (N, T, M) -> (N, T, D), as in the second half of an autoencoder.

    Attributes:
        is_to_dense: whether, once it is built, it is a ``Dense`` layer whose weights it has.

    Raises:
        ConfigurationError: ``to`` is no name; at build: there is no such layer before it, or one of another kind.
        ShapeError: at build: inputs of another width than the layer's vectors have.

    Source: O. Press, L. Wolf, "Using the output embedding to improve language models", EACL 2017.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Embedding(27, 16, name="tokens"), gn.LayerNorm(), gn.Tied("tokens"))
        >>> net.build((8,)), [name for name, _ in net.named_parameters()]
        ((8, 27), ['tokens.weight', '1.gamma', '1.beta'])
    """

    with_lengths = EACH_STEP
    needs_features = True

    def __init__(self, to: str) -> None:
        self.to, self.is_to_dense = to, False
        if not isinstance(to, str) or any(not part or part.isdigit() for part in to.split(".")):
            raise ConfigurationError(
                where="Tied",
                received=f"to={shown(to)}",
                expected="the name of a layer; numbers change where a part of a network is taken",
                fix=NAME_IT,
            )

    def tie(self, other: Layer | None) -> None:
        """Shares the weights of a layer, before it is built.

        Args:
            other: what has the name in the networks around; None for nothing, where it keeps the weights that it has.

        Raises:
            ConfigurationError: it is none of those that have such weights.
        """
        if isinstance(other, Embedding | Dense):
            self.share_weights(other)
            self.__dict__["is_to_dense"] = isinstance(other, Dense)
        elif other is not None or not self.weights_in_common.parameters:
            raise ConfigurationError(
                where=self.where,
                received=f"no layer {self.to!r} in the networks around it" if other is None else shown(other),
                expected="an Embedding or a Dense layer, by its name",
                fix=NAME_IT,
            )

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Takes over W (K, D)."""
        self.require_axes(input_shape, (1, 2), "features (N, D) or sequences (N, T, D)", "put gn.Flatten() before it")
        source = self.weights_in_common.parameters.get("weight")
        if source is None:
            raise ConfigurationError(
                where=self.where,
                received=f"{self.to!r}, which has no weights yet",
                expected="a layer that comes before this one",
                fix=f"put {self.to!r} before it, which reads what this one writes",
            )
        if source.shape[1] != input_shape[-1]:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected=f"{source.shape[1]} features, for the weight {source.shape} of {self.to!r}",
                fix=f"put gn.Dense({source.shape[1]}) before it",
            )
        self.weight = self.add_parameter("weight", source.shape, source.draw)
        return (*input_shape[:-1], source.shape[0])

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array]:
        """Returns y (N, K), or (N, T, K), and, as the cache, x."""
        y = run.empty((*x.shape[:-1], len(self.weight.value)), x.dtype)
        run(self, tied_forward, x=rows_of(x), weight=self.weight.value, y=rows_of(y))
        return y, x

    def backward(self, run: Runner, dy: Array, cache: Array) -> Array:
        """Writes its part of dW, returns dx, of the shape of x."""
        dx = run.empty(cache.shape, dy.dtype)
        arrays = {"dy": rows_of(dy), "x": rows_of(cache), "weight": self.weight.value, "dx": rows_of(dx)}
        run(self, tied_backward, **arrays, dweight=self.weight.gradient)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 D K multiplications and additions for each step."""
        return prod(output_shape) * 2 * input_shape[-1]
