"""Attention: steps of a sequence that look at each other, and pooling over time by learned weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ShapeError
from glassnet.core.parameters import Parameter
from glassnet.core.room import require_room
from glassnet.core.settings import boolean, number, whole
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.initializers import init_setting
from glassnet.kernels.activation import tanh_backward, tanh_forward
from glassnet.kernels.attention import (
    attention_backward,
    attention_forward,
    attention_pool_backward,
    attention_pool_forward,
    attention_step,
    attention_weights_forward,
)
from glassnet.kernels.combine import accumulate
from glassnet.kernels.dense import dense_backward, dense_forward
from glassnet.kernels.dropout import dropout_forward
from glassnet.kernels.position import rotary_backward, rotary_forward, rotations
from glassnet.layers.base import MASKED, Layer
from glassnet.layers.dense import product_back, rows_of
from glassnet.layers.position import require_prediction
from glassnet.runners import Runner


class SelfAttention(Layer):
    """Each step of a sequence takes from all steps, by weights that its query and their keys decide on.

    A dense layer makes of each step its query q, key k and value v, in H heads of E = D/H numbers each. In each head

        a_ts = e^{q_t·k_s/√E} / Σ_r e^{q_t·k_r/√E}        m_t = Σ_s a_ts v_s

    and the heads' m side by side go through a second dense layer: y = m W_out + b_out.

    Args:
        heads: H, which divides D.
        causal: whether a step sees itself and earlier ones alone, as what predicts the next step must.
        dropout: the share of the weights a that is dropped while training, 0 ≤ dropout < 1.
        rotary: whether queries and keys are turned by the places of their steps, so that weights depend on distances;
            E is then even.
        use_bias: whether there are biases.
        weight_init: initial W (D, 3D), for queries, keys and values in this order, and W_out (D, D): a name, an
            initializer, a number or an array.
        bias_init: initial b (3D,) and b_out (D,), likewise.

    Shape:
        (N, T, D) -> (N, T, D)

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, inputs that are no sequences, or a D that is no multiple of ``heads``, or of twice as many
            with ``rotary``.

    Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2; rotary: J. Su et al., "RoFormer"
    (2021), arXiv:2104.09864.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.SelfAttention(4, causal=True))
        >>> net.build((12, 32))
        (12, 32)
        >>> [name for name, _ in net.named_parameters()]
        ['0.weight', '0.bias', '0.output_weight', '0.output_bias']
    """

    with_lengths = MASKED

    def __init__(
        self,
        heads: int,
        *,
        causal: bool = False,
        dropout: float = 0.0,
        rotary: bool = False,
        use_bias: bool = True,
        weight_init: Any = "glorot_uniform",
        bias_init: Any = "zeros",
    ) -> None:
        self.heads = whole(heads, "heads", "SelfAttention")
        self.causal = boolean(causal, "causal", "SelfAttention")
        self.dropout = number(dropout, "dropout", "SelfAttention", low=0, high=1)
        self.rotary = boolean(rotary, "rotary", "SelfAttention")
        self.use_bias = boolean(use_bias, "use_bias", "SelfAttention")
        self.weight_init = init_setting(weight_init)
        self.bias_init = init_setting(bias_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (D, 3D), W_out (D, D) and, where there are biases, b (3D,) and b_out (D,)."""
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", "give each row a time axis: x[:, :, None]")
        steps, width = input_shape
        multiple = self.heads * (2 if self.rotary else 1)
        if width % multiple:
            each = "an even number, whose pairs are turned," if self.rotary else "as many"
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected=f"(N, T, D) with D a multiple of {multiple}: {each} for each head",
                fix=f"choose heads that divide {width}, or bring the steps to another width: gn.Dense({multiple * 8})",
            )
        self.weight, self.bias = self._add_dense("", width, 3 * width)
        self.output_weight, self.output_bias = self._add_dense("output_", width, width)
        self.stream_limit = steps
        self._turns: dict[np.dtype[Any], tuple[Array, Array]] = {}
        return input_shape

    def turns(self, dtype: np.dtype[Any]) -> tuple[Array, Array]:
        """Cosines and sines (T, E/2) of the angles, made when rows come in: a file may say any shape."""
        if dtype not in self._turns:
            steps, width = self.input_shape or (0, 0)
            require_room((steps, width), np.float64, where=self.where)
            cosines, sines = rotations(steps, width // self.heads)
            self._turns[dtype] = cosines.astype(dtype), sines.astype(dtype)
        return self._turns[dtype]

    def _add_dense(self, name: str, width: int, units: int) -> tuple[Parameter, Parameter | None]:
        weight = self.add_parameter(f"{name}weight", (width, units), self.weight_init, unit_axis=1)
        if not self.use_bias:
            return weight, None
        return weight, self.add_parameter(f"{name}bias", (units,), self.bias_init, is_weight=False)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, x, q with k and v, the weights, what dropout has left of them, and m."""
        rows, steps, width = x.shape
        size = width // self.heads
        lengths = run.lengths
        qkv = run.empty((rows, steps, 3 * self.heads, size), x.dtype)
        self._dense(run, x, self.weight, self.bias, qkv.reshape(rows, steps, 3 * width))
        places = run.state(self, "places", (rows,), np.int64)
        if self.rotary:
            cosines, sines = self.turns(x.dtype)
            turned = run.empty(qkv.shape, x.dtype)
            run(self, rotary_forward, x=qkv, cosines=cosines, sines=sines, first=places, y=turned)
            qkv = turned
        if places is not None:
            require_prediction(self, training=training)
            return self._step(run, qkv, places), None
        weights = run.empty((rows, self.heads, steps, steps), x.dtype)
        run(self, attention_weights_forward, qkv=qkv, lengths=lengths, weights=weights, causal=self.causal)
        thinned = None
        if training and self.dropout:
            thinned, mask = run.empty(weights.shape, x.dtype), run.empty(weights.shape, bool)
            run(self, dropout_forward, x=weights, y=thinned, mask=mask, rate=self.dropout, **run.draw(self))
        mixed = run.empty(x.shape, x.dtype)
        arrays = {"weights": weights if thinned is None else thinned, "qkv": qkv, "lengths": lengths}
        of_heads = mixed.reshape(rows, steps, self.heads, size)
        run(self, attention_forward, **arrays, y=of_heads, causal=self.causal)
        y = run.empty(x.shape, x.dtype)
        self._dense(run, mixed, self.output_weight, self.output_bias, y)
        return y, (x, qkv, weights, thinned, lengths, mixed)

    def _step(self, run: Runner, qkv: Array, places: Array) -> Array:
        """Y of the next step of each sequence, by the keys and values of those before."""
        rows, _, _, size = qkv.shape
        steps, width = self.input_shape or (0, 0)
        kept = {name: run.state(self, name, (rows, steps, self.heads, size), qkv.dtype) for name in ("keys", "values")}
        weights = run.empty((rows, self.heads, steps), qkv.dtype)
        mixed, y = (run.empty((rows, 1, width), qkv.dtype) for _ in range(2))
        of_heads = mixed.reshape(rows, 1, self.heads, size)
        run(self, attention_step, qkv=qkv, **kept, places=places, weights=weights, y=of_heads)
        self._dense(run, mixed, self.output_weight, self.output_bias, y)
        return y

    def why_no_stream(self) -> str:
        """Each step sees later ones, unless it is causal."""
        return "" if self.causal else "each step looks at later ones, causal=False"

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes the gradients of weights and biases, returns dx."""
        x, qkv, weights, thinned, lengths, mixed = cache
        rows, steps, width = x.shape
        dmixed = run.empty(x.shape, dy.dtype)
        self._product_back(run, dy, mixed, self.output_weight, self.output_bias, dmixed)
        dqkv, dproducts = run.empty(qkv.shape, dy.dtype), run.empty(weights.shape, dy.dtype)
        given = {"qkv": qkv, "weights": weights, "thinned": thinned, "lengths": lengths}
        of_heads = dmixed.reshape(rows, steps, self.heads, width // self.heads)
        run(self, attention_backward, dy=of_heads, **given, dproducts=dproducts, dqkv=dqkv, causal=self.causal)
        if self.rotary:
            cosines, sines = self.turns(dy.dtype)
            turned, dqkv = dqkv, run.empty(qkv.shape, dy.dtype)
            run(self, rotary_backward, dy=turned, cosines=cosines, sines=sines, dx=dqkv)
        dx = run.empty(x.shape, dy.dtype)
        self._product_back(run, dqkv.reshape(rows, steps, 3 * width), x, self.weight, self.bias, dx)
        return dx

    def _dense(self, run: Runner, x: Array, weight: Parameter, bias: Parameter | None, y: Array) -> None:
        given = {"weight": weight.value, "bias": None if bias is None else bias.value}
        run(self, dense_forward, x=rows_of(x), **given, y=rows_of(y))

    def _product_back(
        self, run: Runner, dy: Array, x: Array, weight: Parameter, bias: Parameter | None, dx: Array
    ) -> None:
        product_back(run, self, dy, x, weight, dx, None if bias is None else bias.gradient)

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """8 D² for each step in the dense layers, 4 D for each pair of steps, and some 20 for each weight."""
        steps, width = input_shape
        return steps * (8 * width * width + steps * (4 * width + 20 * self.heads))


class Attention(Layer):
    """Pooling over time by learned weights: y = Σ_t a_t x_t, where a is the softmax of the steps' scores.

    A score is the product with a learned query, s_t = x_t·q, or, with ``units``, s_t = tanh(x_t W + b)·q.

    Args:
        units: U, numbers of the layer between a step and its score; None for none.
        weight_init: initial q (D, 1), or W (D, U) and q (U, 1): a name, an initializer, a number or an array.
        bias_init: initial b (U,), likewise.

    Shape:
        (N, T, D) -> (N, D)

    Raises:
        ConfigurationError: ``units`` is no positive integer.
        ShapeError: at build, inputs that are no sequences.

    Source: Z. Yang et al., "Hierarchical attention networks for document classification", NAACL 2016, equations 5 to 7.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.LSTM(16, return_sequences=True), gn.Attention(), gn.Dense(2)).build((30, 4))
        (2,)
    """

    with_lengths = MASKED

    def __init__(
        self, units: int | None = None, *, weight_init: Any = "glorot_uniform", bias_init: Any = "zeros"
    ) -> None:
        self.units = None if units is None else whole(units, "units", "Attention")
        self.weight_init = init_setting(weight_init)
        self.bias_init = init_setting(bias_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates q (D, 1), or W (D, U), b (U,) and q (U, 1)."""
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", "give each row a time axis: x[:, :, None]")
        width = input_shape[1]
        if self.units is not None:
            self.weight = self.add_parameter("weight", (width, self.units), self.weight_init, unit_axis=1)
            self.bias = self.add_parameter("bias", (self.units,), self.bias_init, is_weight=False)
        self.query = self.add_parameter("query", (self.units or width, 1), self.weight_init, unit_axis=1)
        return (width,)

    def steps_after(self, run: Runner, lengths: Array) -> None:
        """There are no steps any more."""

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, x, what is scored, the weights and y."""
        rows, steps, width = x.shape
        scored = rows_of(x)
        if self.units is not None:
            inner, scored = (run.empty((rows * steps, self.units), x.dtype) for _ in range(2))
            run(self, dense_forward, x=rows_of(x), weight=self.weight.value, bias=self.bias.value, y=inner)
            run(self, tanh_forward, x=inner, y=scored)
        scores, weights = (run.empty((rows, steps), x.dtype) for _ in range(2))
        run(self, dense_forward, x=scored, weight=self.query.value, bias=None, y=scores.reshape(-1, 1))
        y = run.empty((rows, width), x.dtype)
        run(
            self,
            attention_pool_forward,
            scores=scores,
            x=x,
            lengths=run.lengths,
            weights=weights,
            y=y,
        )
        return y, (x, scored, weights, y)

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes the gradients of what is learned, returns dx (N, T, D)."""
        x, scored, weights, y = cache
        dscores, dx, through = (run.empty(shape, dy.dtype) for shape in (weights.shape, x.shape, x.shape))
        run(self, attention_pool_backward, dy=dy, x=x, weights=weights, y=y, dscores=dscores, dx=dx)
        given = {"dy": dscores.reshape(-1, 1), "x": scored, "weight": self.query.value}
        back = {"dweight": self.query.gradient, "dbias": None}
        if self.units is None:
            run(self, dense_backward, **given, **back, dx=rows_of(through))
        else:
            dscored, dinner = (run.empty(scored.shape, dy.dtype) for _ in range(2))
            run(self, dense_backward, **given, **back, dx=dscored)
            run(self, tanh_backward, dy=dscored, y=scored, dx=dinner)
            given = {"dy": dinner, "x": rows_of(x), "weight": self.weight.value}
            back = {"dweight": self.weight.gradient, "dbias": self.bias.gradient}
            run(self, dense_backward, **given, **back, dx=rows_of(through))
        run(self, accumulate, dpart=through, dx=dx)
        return dx

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 (D + 1) U for what is scored, 2 U or 2 D for the score, 2 D for the sum, and some 20, for each step."""
        steps, width = input_shape
        units = self.units or 0
        return steps * (2 * (width + 1) * units + 2 * (units or width) + 2 * width + 20)
