"""Recurrent layers: simple RNN, LSTM and GRU on sequences."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from math import inf
from typing import Any, ClassVar

import numpy as np

from glassnet.core.parameters import Parameter
from glassnet.core.settings import boolean, number, whole
from glassnet.core.shapes import Array, Shape
from glassnet.initializers import Initializer, as_initializer, init_setting
from glassnet.kernels.activation import identity_forward
from glassnet.kernels.dense import dense_forward
from glassnet.kernels.recurrent import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    simple_rnn_backward,
    simple_rnn_forward,
)
from glassnet.kernels.steps import last_step_backward, last_step_forward
from glassnet.layers.base import MASKED, Layer
from glassnet.layers.dense import product_back, rows_of
from glassnet.runners import Runner

Begun = dict[str, Array | None]
"""What a recurrence begins with, by the names of its kernels' arguments: first states, or None, and ``lengths``."""
States = dict[str, Array]
"""What a recurrence writes in its forward pass, by the names of its kernels' arguments."""


class _Recurrent(Layer):
    """What recurrent layers have in common: a dense layer of all inputs at once, a recurrence, and which steps count.

    Attributes:
        gates: how many numbers each unit has in the recurrence.
        carried: what goes from step to step, by the kernels' names for what there is before the first one.
    """

    with_lengths = MASKED
    carries_in_training = True
    gates: ClassVar[int]
    carried: ClassVar[tuple[str, ...]] = ("initial",)
    bias: Parameter

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        reverse: bool = False,
        use_bias: bool = True,
        weight_init: Any = "glorot_uniform",
        recurrent_init: Any = "orthogonal",
        bias_init: Any = "zeros",
    ) -> None:
        name = type(self).__name__
        self.units = whole(units, "units", name)
        self.return_sequences = boolean(return_sequences, "return_sequences", name)
        self.reverse = boolean(reverse, "reverse", name)
        self.use_bias = boolean(use_bias, "use_bias", name)
        self.weight_init = init_setting(weight_init)
        self.recurrent_init = init_setting(recurrent_init)
        self.bias_init = init_setting(bias_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (D, G·H), U (H, G·H) and, where there are biases, b (G·H,), for G gates of H units."""
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", "give each row a time axis: x[:, :, None]")
        steps, features = input_shape
        width = self.gates * self.units
        fans = features, self.units
        self.weight = self.add_parameter("weight", (features, width), self.weight_init, unit_axis=1, fans=fans)
        own = self.recurrent_init
        self.recurrent = self.add_parameter("recurrent_weight", (self.units, width), own, unit_axis=1)
        if self.use_bias:
            self.bias = self.add_parameter("bias", (width,), self.first_bias(), is_weight=False)
        return (steps, self.units) if self.return_sequences else (self.units,)

    def first_bias(self) -> Any:
        """What the initial b (G·H,) is; nothing of the layer's own, which its parameter would refer back to."""
        return self.bias_init

    @abstractmethod
    def recur(self, run: Runner, a: Array, begun: Begun, before: Array, y: Array) -> States:
        """Goes through the steps: from a (N, T, G·H) to ``before`` and y (N, T, H); returns what backward needs."""

    @abstractmethod
    def recur_back(
        self, run: Runner, dy: Array, begun: Begun, before: Array, y: Array, states: States, da: Array
    ) -> Array:
        """Goes back through the steps: from dy (N, T, H) to da (N, T, G·H); returns ∂L/∂(before U), of that shape."""

    def why_no_stream(self) -> str:
        """What goes backwards begins with the last step."""
        return "it goes from the last step to the first" if self.reverse else ""

    def ends(self, y: Array, states: States) -> dict[str, Array]:
        """What is ``carried``, after every step (N, T, H)."""
        return {"initial": y}

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y and, as the cache, x, the states and what the recurrence keeps."""
        rows, steps, _ = x.shape
        a = run.empty((rows, steps, self.gates * self.units), x.dtype)
        bias = self.bias.value if self.use_bias else None
        run(self, dense_forward, x=rows_of(x), weight=self.weight.value, bias=bias, y=rows_of(a))
        before, y = (run.empty((rows, steps, self.units), x.dtype) for _ in range(2))
        begun, carried = self._begin(run, rows, x.dtype, training=training)
        states = self.recur(run, a, begun, before, y)
        ends, places = self.ends(y, states), {"lengths": begun["lengths"], "reverse": self.reverse}
        for name, array in carried.items():
            run(self, last_step_forward, x=ends[name], y=array, **places)
        cache = x, begun, before, y, states
        if self.return_sequences:
            return y, cache
        last = run.empty((rows, self.units), x.dtype)
        run(self, last_step_forward, x=y, y=last, **places)
        return last, cache

    def _begin(self, run: Runner, rows: int, dtype: np.dtype[Any], *, training: bool) -> tuple[Begun, dict[str, Array]]:
        """What a call begins with, and those arrays that are to hold what it ends with."""
        begun: Begun = {"lengths": run.lengths}
        carried = {}
        for name in self.carried:
            state = begun[name] = run.state(self, name, (rows, self.units), dtype)
            if state is not None:
                carried[name] = state
                if training:  # backward reads it after what the call ends with has taken its place
                    begun[name] = run.empty(state.shape, dtype)
                    run(self, identity_forward, x=state, y=begun[name])
        return begun, carried

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dW, dU and db, returns dx (N, T, D)."""
        x, begun, before, y, states = cache
        if not self.return_sequences:
            dlast, dy = dy, run.empty(y.shape, dy.dtype)
            run(self, last_step_backward, dy=dlast, lengths=begun["lengths"], dx=dy, reverse=self.reverse)
        da = run.empty((*x.shape[:2], self.gates * self.units), dy.dtype)
        dstates = self.recur_back(run, dy, begun, before, y, states, da)
        product_back(run, self, dstates, before, self.recurrent, None, self.recurrent_bias_gradient())
        dx = run.empty(x.shape, dy.dtype)
        product_back(run, self, da, x, self.weight, dx, self.bias.gradient if self.use_bias else None)
        return dx

    def steps_after(self, run: Runner, lengths: Array) -> Array | None:
        """The steps stay, or there is the last alone."""
        return lengths if self.return_sequences else None

    def recurrent_bias_gradient(self) -> Array | None:
        """Where the gradient of what is added to h U goes, if anything is."""
        return None

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """2 (D + H) G H for each step, and some 10 for each number of the gates."""
        steps, features = input_shape
        return 2 * steps * (features + self.units + 5) * self.gates * self.units


class SimpleRNN(_Recurrent):
    """h_t = tanh(x_t W + b + h_{t−1} U), with h₀ = 0.

    Args:
        units: H, the numbers that the layer carries from step to step.
        return_sequences: whether it gives the states of all steps, or the last alone.
        reverse: whether it goes from the last step to the first; the last that it takes is then the first.
        use_bias: whether there is a b.
        weight_init: initial W (D, H): a name, an initializer, a number or an array.
        recurrent_init: initial U (H, H), likewise.
        bias_init: initial b (H,), likewise.

    Shape:
        (N, T, D) -> (N, H), or (N, T, H) with ``return_sequences``.

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, inputs that are no sequences.

    Source: J. Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.SimpleRNN(8, return_sequences=True), gn.SimpleRNN(4)).build((12, 3))
        (4,)
    """

    gates = 1

    def recur(self, run: Runner, a: Array, begun: Begun, before: Array, y: Array) -> States:
        """Writes h."""
        arrays = {"a": a, "recurrent": self.recurrent.value, **begun, "before": before, "y": y}
        run(self, simple_rnn_forward, **arrays, reverse=self.reverse)
        return {}

    def recur_back(
        self, run: Runner, dy: Array, begun: Begun, before: Array, y: Array, states: States, da: Array
    ) -> Array:
        """Writes da, which is ∂L/∂(before U), too."""
        arrays = {"dy": dy, "recurrent": self.recurrent.value, "lengths": begun["lengths"], "y": y, "da": da}
        run(self, simple_rnn_backward, **arrays, reverse=self.reverse)
        return da


def _first_bias(init: Initializer, more: Array, shape: Shape, rng: np.random.Generator) -> Array:
    """What an initializer draws, and more."""
    return np.asarray(init(shape, rng)) + more


class LSTM(_Recurrent):
    """Long short-term memory: a cell c that gates write, keep and read.

    With s = x_t W + b + h_{t−1} U in four parts of H: i = σ(s_i), f = σ(s_f), g = tanh(s_g), o = σ(s_o), and

        c_t = f c_{t−1} + i g        h_t = o tanh(c_t)        h₀ = c₀ = 0

    The parts stand in W, U and b in the order i, f, g, o, as in PyTorch, which has two biases b_ih and b_hh; b is their
    sum. The biases of the forget gate begin as 1, so that the cell keeps what it has at first.

    Args:
        units: H.
        return_sequences: whether it gives h of all steps, or the last alone.
        reverse: whether it goes from the last step to the first; the last that it takes is then the first.
        use_bias: whether there is a b.
        weight_init: initial W (D, 4H): a name, an initializer, a number or an array.
        recurrent_init: initial U (H, 4H), likewise.
        bias_init: initial b (4H,), likewise.
        forget_bias: what is added to the initial biases of the forget gate.

    Shape:
        (N, T, D) -> (N, H), or (N, T, H) with ``return_sequences``.

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, inputs that are no sequences.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory" (1997); F. Gers, J. Schmidhuber, F. Cummins,
    "Learning to forget" (2000); the bias of 1: R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of
    recurrent network architectures", ICML 2015.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.LSTM(32), gn.Dense(3)).build((100, 6))
        (3,)
    """

    gates = 4
    carried = ("initial", "initial_cell")

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        reverse: bool = False,
        use_bias: bool = True,
        weight_init: Any = "glorot_uniform",
        recurrent_init: Any = "orthogonal",
        bias_init: Any = "zeros",
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(
            units,
            return_sequences=return_sequences,
            reverse=reverse,
            use_bias=use_bias,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
            bias_init=bias_init,
        )
        self.forget_bias = number(forget_bias, "forget_bias", "LSTM", low=-inf)

    def first_bias(self) -> Any:
        """The initial b, with more for the forget gate."""
        more = np.repeat([0.0, self.forget_bias, 0.0, 0.0], self.units)
        return partial(_first_bias, as_initializer(self.bias_init), more)

    def recur(self, run: Runner, a: Array, begun: Begun, before: Array, y: Array) -> States:
        """Writes the gates, c and h."""
        states = {"gates": run.empty(a.shape, a.dtype), "cell": run.empty(y.shape, y.dtype)}
        arrays = {"a": a, "recurrent": self.recurrent.value, **begun, "before": before, **states, "y": y}
        run(self, lstm_forward, **arrays, reverse=self.reverse)
        return states

    def recur_back(
        self, run: Runner, dy: Array, begun: Begun, before: Array, y: Array, states: States, da: Array
    ) -> Array:
        """Writes da, which is ∂L/∂(before U), too."""
        places = {name: begun[name] for name in ("initial_cell", "lengths")}
        arrays = {"dy": dy, "recurrent": self.recurrent.value, **places, **states, "da": da}
        run(self, lstm_backward, **arrays, dcell=run.empty(y.shape, dy.dtype), reverse=self.reverse)
        return da

    def ends(self, y: Array, states: States) -> dict[str, Array]:
        """H and c."""
        return {"initial": y, "initial_cell": states["cell"]}


class GRU(_Recurrent):
    """Gated recurrent unit: a reset gate r and an update gate z decide how much of the state stays.

    With a = x_t W + b and s = h_{t−1} U + v in three parts of H: r = σ(a_r + s_r), z = σ(a_z + s_z) and

        n = tanh(a_n + r s_n)        h_t = (1 − z) n + z h_{t−1}        h₀ = 0

    The parts stand in W, U, b and v in the order r, z, n, as in PyTorch. Keras has z first, and this form as
    ``reset_after=True``, its default; the one of the paper, which multiplies h by r before the product with U, is not
    offered.

    Args:
        units: H.
        return_sequences: whether it gives h of all steps, or the last alone.
        reverse: whether it goes from the last step to the first; the last that it takes is then the first.
        use_bias: whether there are b and v.
        weight_init: initial W (D, 3H): a name, an initializer, a number or an array.
        recurrent_init: initial U (H, 3H), likewise.
        bias_init: initial b and v (3H,), likewise.

    Shape:
        (N, T, D) -> (N, H), or (N, T, H) with ``return_sequences``.

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, inputs that are no sequences.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.GRU(64), gn.Dense(1)).build((48, 6))
        (1,)
    """

    gates = 3

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (D, 3H), U (H, 3H) and, where there are biases, b and v (3H,)."""
        output_shape = super().build(input_shape, rng)
        if self.use_bias:
            shape = (3 * self.units,)
            self.recurrent_bias = self.add_parameter("recurrent_bias", shape, self.bias_init, is_weight=False)
        return output_shape

    def recur(self, run: Runner, a: Array, begun: Begun, before: Array, y: Array) -> States:
        """Writes s, the gates and h."""
        states = {name: run.empty(a.shape, a.dtype) for name in ("states", "gates")}
        weights = {
            "recurrent": self.recurrent.value,
            "recurrent_bias": self.recurrent_bias.value if self.use_bias else None,
        }
        run(self, gru_forward, a=a, **weights, **begun, before=before, **states, y=y, reverse=self.reverse)
        return states

    def recur_back(
        self, run: Runner, dy: Array, begun: Begun, before: Array, y: Array, states: States, da: Array
    ) -> Array:
        """Writes da and returns ds."""
        new = {"dstates": run.empty(da.shape, da.dtype), "dh": run.empty(y.shape, dy.dtype)}
        given = {"dy": dy, "recurrent": self.recurrent.value, "lengths": begun["lengths"], "before": before}
        run(self, gru_backward, **given, **states, da=da, **new, reverse=self.reverse)
        return new["dstates"]

    def recurrent_bias_gradient(self) -> Array | None:
        """That of v."""
        return self.recurrent_bias.gradient if self.use_bias else None
