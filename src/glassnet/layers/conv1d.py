"""Convolutions of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.kernels.conv1d import conv1d_backward, conv1d_forward
from glassnet.kernels.lengths import window_lengths
from glassnet.kernels.steps import keep_step
from glassnet.layers.base import MASKED
from glassnet.layers.conv import _Convolution
from glassnet.layers.lengths import masked
from glassnet.layers.position import require_prediction
from glassnet.layers.windows import padding_setting_1d, places, slid, span, why_other_windows, windows_of_rows
from glassnet.runners import Runner


class Conv1D(_Convolution):
    """Filters that slide along a sequence; see ``glassnet.kernels.conv``.

    Args:
        filters: F, the number of output features.
        kernel_size: k, steps of time that a filter sees.
        stride: steps between two places of a filter.
        padding: zeros around the sequence: "valid" for none; "same" for as few as give ⌈T / stride⌉ steps, the odd one
            behind; "causal" for all of these in front, so that no output sees a later input; or a whole number for
            both sides.
        dilation: steps between two taps of a filter.
        groups: G; each group sees D/G features and gives F/G filters.
        use_bias: whether each filter has a bias.
        weight_init: initial W (k, D/G, F): a name, an initializer, a number or an array.
        bias_init: initial b (F,), likewise.

    Shape:
        (N, T, D) -> (N, T', F) with T' = ⌊(T + padding − dilation (k − 1) − 1) / stride⌋ + 1, padding here that of both
        sides. D is inferred when the network is built.

    Raises:
        ConfigurationError: a setting is no such number, or the groups do not divide the filters.
        ShapeError: at build: inputs that are no sequences, features that the groups do not divide, a sequence shorter
            than the kernel.

    Source: A. van den Oord et al., "WaveNet: a generative model for raw audio", arXiv 1609.03499 (2016), section 2.1,
    for causal convolutions.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Conv1D(16, 3, padding="causal", dilation=2), gn.Conv1D(8, 4, stride=2)).build((20, 6))
        (9, 8)
    """

    kernels = conv1d_forward, conv1d_backward
    with_lengths = MASKED

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: str | int = "valid",
        dilation: int = 1,
        groups: int = 1,
        use_bias: bool = True,
        weight_init: Any = "he_normal",
        bias_init: Any = "zeros",
    ) -> None:
        super().__init__(filters, groups, use_bias, weight_init, bias_init)
        self.kernel_size = places(kernel_size, "kernel_size", "Conv1D")
        self.stride = places(stride, "stride", "Conv1D")
        self.padding = (
            "causal" if isinstance(padding, str) and padding == "causal" else padding_setting_1d(padding, "Conv1D")
        )
        self.dilation = places(dilation, "dilation", "Conv1D")

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates W (k, D/G, F) and b (F,)."""
        fix = "use gn.Conv2D for images" if len(input_shape) == 3 else "put gn.Reshape((steps, features)) before it"
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", fix)
        steps, features = input_shape
        self.check_groups(features, input_shape)
        length, before = self._slid(steps)
        self.check_room(
            (length,),
            f"sequences of {steps} steps",
            f"{span(self.kernel_size, self.dilation)} at least, the reach of the kernel, with padding={self.padding!r}",
            'use padding="same" or a smaller kernel',
        )
        self.numbers = {"stride": self.stride, "pad": before, "dilation": self.dilation}
        shape = self.kernel_size, features // self.groups, self.filters
        self.declare(features, shape, self.kernel_size, unit_axis=2)
        return length, self.filters

    def _slid(self, steps: int) -> tuple[int, int]:
        """How many places the filters have on so many steps, and the steps of padding before them."""
        if self.padding == "causal":
            return (steps - 1) // self.stride + 1, span(self.kernel_size, self.dilation) - 1
        along = (steps,), (self.kernel_size,), (self.stride,), self.padding, (self.dilation,)
        (length,), (before,) = slid(*along)
        return length, before

    def shape_after(self, x: Array) -> Shape:
        """(T', F), by the steps that x has."""
        return self._slid(x.shape[1])[0], self.filters

    def why_no_lengths(self) -> str:
        """Padding before a row must not depend on its length."""
        steps = (self.input_shape or (1,))[0]
        is_causal = self.padding == "causal"
        why = "" if is_causal else why_other_windows(self.padding, steps, self.kernel_size, self.stride, self.dilation)
        return why or super().why_no_lengths()

    def steps_after(self, run: Runner, lengths: Array) -> Array:
        """How many places the filters have on each row."""
        after = run.empty(lengths.shape, np.int64)
        windows = windows_of_rows(self.kernel_size, self.stride, self.dilation, self.numbers["pad"], self.padding)
        run(self, window_lengths, lengths=lengths, after=after, **windows)
        return after

    def why_no_stream(self) -> str:
        """An output stands at each step, and sees none that is yet to come."""
        before = span(self.kernel_size, self.dilation) - 1
        is_causal = self.stride == 1 and self.numbers["pad"] == before and self.output_shape == self._like_input()
        return "" if is_causal else f"padding={self.padding!r} and stride={self.stride}, not causal and 1"

    def _like_input(self) -> Shape:
        return (self.input_shape or ())[0], self.filters

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Returns y (N, T', F) and, as the cache, x and the rows' lengths; behind a row there are zeros."""
        reach = span(self.kernel_size, self.dilation)
        kept = run.state(self, "kept", (x.shape[0], reach, x.shape[2]), x.dtype)
        if kept is not None:
            require_prediction(self, training=training)
            return self._step(run, x, kept), None
        lengths = run.lengths
        seen = x if lengths is None else masked(self, run, x, lengths)
        y, _ = super().forward(run, seen, training=training)
        return y, (seen, lengths)

    def _step(self, run: Runner, x: Array, kept: Array) -> Array:
        """Y of the next step of each sequence, by those that its filters see."""
        run(self, keep_step, x=x, kept=kept)
        y = run.empty((x.shape[0], 1, self.filters), x.dtype)
        given = {"weight": self.weight.value, "bias": self.bias.value if self.use_bias else None}
        run(self, conv1d_forward, x=kept, **given, y=y, **self.numbers | {"pad": 0})
        return y

    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Writes dW and db, returns dx (N, T, D)."""
        x, lengths = cache
        dx = super().backward(run, dy, x)
        return dx if lengths is None else masked(self, run, dx, lengths)
