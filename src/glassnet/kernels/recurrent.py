"""Recurrent layers: what a step gives depends on the step before it.

Each kernel takes what the inputs contribute, a = x W + b (N, T, ...), which the dense kernel computes for all steps at
once, and goes through the steps one after another. The state before the first step is 0, or ``initial``, to which no
gradient goes back. ``before`` holds the state that each step began with, so that the gradient of the recurrent weights
is that of a dense layer: dU = beforeᵀ da.

Rows may end before T: of ``lengths`` (N,), from 1 to T, or None where all are whole. The steps after a row's own are
padding: whatever is written there is 0, and a row that goes backwards through time begins at its own last step.

Backward goes through the steps in the opposite order: a state is read by its own step's output and by the next step,

    dh_t = dy_t + da_{t+1} Uᵀ

and what comes back is multiplied by Uᵀ and a slope once for each step, which is why it vanishes or explodes.

Sources: J. Elman, "Finding structure in time" (1990); S. Hochreiter, J. Schmidhuber, "Long short-term memory" (1997),
with the forget gate of F. Gers, J. Schmidhuber, F. Cummins (2000); K. Cho et al., "Learning phrase representations
using RNN encoder-decoder" (2014), in the form of cuDNN and PyTorch, which multiply by the reset gate after the product
with U (Keras's ``reset_after``).

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import recurrent
    >>> a, weight = np.array([[[1.0], [0.0], [0.0]]]), np.array([[0.5]])  # what comes in; how a state goes on
    >>> before, y = np.empty((1, 3, 1)), np.empty((1, 3, 1))
    >>> recurrent.simple_rnn_forward(a, weight, None, None, before, y, reverse=False)
    >>> y.ravel().round(3).tolist()  # tanh 1, then tanh of half of it, and again
    [0.762, 0.363, 0.18]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Geometry, Int64s
from glassnet.kernels.functions import logistic
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import recurrent as why

_STEPS = """
earlier = t + 1 if reverse else t - 1
later = t - 1 if reverse else t + 1
first = (lengths[n] if lengths else T) - 1 if reverse else 0
last = 0 if reverse else (lengths[n] if lengths else T) - 1
"""
_BEFORE = """
before[n, t, h] = (((initial[n, h] if t == first else y[n, earlier, h]) if initial else y[n, earlier, h])
    if t < lengths[n] else 0)
"""


def _steps(steps: int, reverse: int) -> list[tuple[int, int | None, int | None]]:
    """Each step with the one before and the one after it, in the order in which they are taken."""
    order = list(range(steps))[:: -1 if reverse else 1]
    return list(zip(order, [None, *order[:-1]], [*order[1:], None], strict=True))


def _begun(
    states: Array, t: int, earlier: int | None, initial: Array | None, lengths: Array | None, reverse: int
) -> Array | float:
    """The state (N, H) that step t begins with: that of the step before, or the initial one."""
    first = 0.0 if initial is None else initial
    if earlier is None:
        return first
    if reverse and lengths is not None:
        return np.where((lengths - 1 == t)[:, np.newaxis], first, states[:, earlier]).astype(states.dtype, copy=False)
    return states[:, earlier]


def _clear(lengths: Array | None, t: int, *arrays: Array) -> None:
    """Writes 0 at step t of the rows for which it is padding."""
    if lengths is not None:
        for array in arrays:
            array[lengths <= t, t] = 0


def _put(array: Array, t: int, values: Array, lengths: Array | None) -> None:
    """Writes step t: the values, and 0 in the rows for which it is padding."""
    array[:, t] = values if lengths is None else np.where((t < lengths)[:, np.newaxis], values, 0)


@kernel(
    "h_t = tanh(a_t + h_{t−1} U)",
    elements="""
        y[n, t, h] = tanh(a[n, t, h] + sum[j](before[n, t, j] * recurrent[j, h])) if t < lengths[n] else 0
    """
    + _BEFORE
    + _STEPS,
    writes="y before",
    shared="recurrent",
    flops=lambda arrays: 2 * arrays["y"].size * (len(arrays["recurrent"]) + 4),
)
def simple_rnn_forward(
    a: Array,
    recurrent: Array,
    initial: Array | None,
    lengths: Int64s | None,
    before: Array,
    y: Array,
    *,
    reverse: Geometry,
) -> None:
    """Writes ``h_t = tanh(a_t + h_{t−1} U)``.

    Args:
        a: what the inputs contribute, x W + b (N, T, H).
        recurrent: U (H, H).
        initial: h before the first step (N, H), or None for 0.
        lengths: how many steps each row has (N,), or None where all have T.
        before: output h_{t−1} (N, T, H).
        y: output h (N, T, H).
        reverse: whether the steps are taken from the last to the first.
    """
    for t, earlier, _ in _steps(a.shape[1], reverse):
        before[:, t] = _begun(y, t, earlier, initial, lengths, reverse)
        np.tanh(a[:, t] + before[:, t] @ recurrent, out=y[:, t])  # (N, H) (H, H) -> (N, H)
        _clear(lengths, t, before, y)


@kernel(
    "dh_t = dy_t + da_{t+1} Uᵀ;  da_t = dh_t ⊙ (1 − h_t²)",
    elements="""
        da[n, t, h] = dh[n, t, h] * (1 - y[n, t, h] ** 2) if t < lengths[n] else 0
        dh[n, t, h] = dy[n, t, h] + sum[q](da[n, later, q] * recurrent[h, q])
    """
    + _STEPS,
    writes="da",
    shared="recurrent",
    flops=lambda arrays: 2 * arrays["y"].size * (len(arrays["recurrent"]) + 2),
    why=why.SIMPLE_RNN,
)
def simple_rnn_backward(
    dy: Array, recurrent: Array, lengths: Int64s | None, y: Array, da: Array, *, reverse: Geometry
) -> None:
    """Writes da, from the last step that was taken to the first.

    Args:
        dy: ∂L/∂h of each step's output (N, T, H).
        recurrent: U (H, H).
        lengths: as in the forward pass.
        y: h (N, T, H).
        da: output ∂L/∂a (N, T, H).
        reverse: as in the forward pass.
    """
    for t, _, later in reversed(_steps(dy.shape[1], reverse)):
        dh = dy[:, t] if later is None else dy[:, t] + da[:, later] @ recurrent.T  # (N, H) (H, H) -> (N, H)
        np.multiply(dh, 1 - y[:, t] * y[:, t], out=da[:, t])
        _clear(lengths, t, da)


@kernel(
    "(i, f, g, o)_t = σ, σ, tanh, σ of a_t + h_{t−1} U;  c_t = f_t c_{t−1} + i_t g_t;  h_t = o_t tanh(c_t)",
    elements="""
        gates[n, t, q] = (tanh(s[n, t, q]) if q // H == 2 else sigma(s[n, t, q])) if t < lengths[n] else 0
        cell[n, t, h] = (gates[n, t, h] * gates[n, t, 2 * H + h] + (
            (gates[n, t, H + h] * initial_cell[n, h] if initial_cell else 0) if t == first
            else gates[n, t, H + h] * cell[n, earlier, h]) if t < lengths[n] else 0)
        y[n, t, h] = gates[n, t, 3 * H + h] * tanh(cell[n, t, h])
        s[n, t, q] = a[n, t, q] + sum[j](before[n, t, j] * recurrent[j, q])
    """
    + _BEFORE
    + _STEPS,
    writes="y before gates cell",
    shared="recurrent",
    flops=lambda arrays: 8 * arrays["y"].size * (len(arrays["recurrent"]) + 6),
)
def lstm_forward(
    a: Array,
    recurrent: Array,
    initial: Array | None,
    initial_cell: Array | None,
    lengths: Int64s | None,
    before: Array,
    gates: Array,
    cell: Array,
    y: Array,
    *,
    reverse: Geometry,
) -> None:
    """Writes the gates, the cell and the output of each step.

    Args:
        a: what the inputs contribute, x W + b (N, T, 4H), for the gates in the order i, f, g, o.
        recurrent: U (H, 4H).
        initial: h before the first step (N, H), or None for 0.
        initial_cell: c before the first step (N, H), or None for 0.
        lengths: how many steps each row has (N,), or None where all have T.
        before: output h_{t−1} (N, T, H).
        gates: output: the input gate i, the forget gate f, the candidate g, the output gate o (N, T, 4H).
        cell: output c (N, T, H).
        y: output h (N, T, H).
        reverse: whether the steps are taken from the last to the first.
    """
    units = y.shape[2]
    for t, earlier, _ in _steps(a.shape[1], reverse):
        before[:, t] = _begun(y, t, earlier, initial, lengths, reverse)
        s = a[:, t] + before[:, t] @ recurrent  # (N, H) (H, 4H) -> (N, 4H)
        gates[:, t] = logistic(s)
        np.tanh(s[:, 2 * units : 3 * units], out=gates[:, t, 2 * units : 3 * units])
        i, f, g, o = np.split(gates[:, t], 4, axis=1)
        cell[:, t] = f * _begun(cell, t, earlier, initial_cell, lengths, reverse) + i * g
        np.multiply(o, np.tanh(cell[:, t]), out=y[:, t])
        _clear(lengths, t, before, gates, cell, y)


@kernel(
    "dh_t = dy_t + da_{t+1} Uᵀ;  dc_t = dh_t o_t (1 − tanh²(c_t)) + dc_{t+1} f_{t+1};  da = "
    "(dc g i(1 − i), dc c_{t−1} f(1 − f), dc i (1 − g²), dh tanh(c) o(1 − o))",
    elements="""
        dcell[n, t, h] = (dh[n, t, h] * gates[n, t, 3 * H + h] * (1 - tanh(cell[n, t, h]) ** 2)
            + (0 if t == last else dcell[n, later, h] * gates[n, later, H + h]) if t < lengths[n] else 0)
        da[n, t, q] = slope[n, t, q] * (
            dcell[n, t, u] * gates[n, t, 2 * H + u] if q // H == 0 else dcell[n, t, u] * (
                (initial_cell[n, u] if t == first else cell[n, earlier, u]) if initial_cell else cell[n, earlier, u])
            if q // H == 1 else dcell[n, t, u] * gates[n, t, u] if q // H == 2 else dh[n, t, u] * tanh(cell[n, t, u]))
        slope[n, t, q] = 1 - gates[n, t, q] ** 2 if q // H == 2 else gates[n, t, q] * (1 - gates[n, t, q])
        u = q % H
        dh[n, t, h] = dy[n, t, h] + sum[p](da[n, later, p] * recurrent[h, p])
    """
    + _STEPS,
    writes="da dcell",
    inner="dcell",
    shared="recurrent",
    flops=lambda arrays: 8 * arrays["cell"].size * (len(arrays["recurrent"]) + 6),
    why=why.LSTM,
)
def lstm_backward(
    dy: Array,
    recurrent: Array,
    initial_cell: Array | None,
    lengths: Int64s | None,
    gates: Array,
    cell: Array,
    da: Array,
    dcell: Array,
    *,
    reverse: Geometry,
) -> None:
    """Writes da and dc, from the last step that was taken to the first.

    Args:
        dy: ∂L/∂h of each step's output (N, T, H).
        recurrent: U (H, 4H).
        initial_cell: as in the forward pass, like the next one.
        lengths: how many steps each row has.
        gates: i, f, g, o (N, T, 4H), from the forward pass.
        cell: c (N, T, H), likewise.
        da: output ∂L/∂a (N, T, 4H).
        dcell: output ∂L/∂c (N, T, H).
        reverse: as in the forward pass.
    """
    for t, earlier, later in reversed(_steps(dy.shape[1], reverse)):
        i, f, g, o = np.split(gates[:, t], 4, axis=1)
        tanh_cell = np.tanh(cell[:, t])
        dh, dc = dy[:, t], 0
        if later is not None:
            dh = dh + da[:, later] @ recurrent.T  # (N, 4H) (4H, H) -> (N, H)
            dc = dcell[:, later] * np.split(gates[:, later], 4, axis=1)[1]
        dc = dh * o * (1 - tanh_cell * tanh_cell) + dc
        old = _begun(cell, t, earlier, initial_cell, lengths, reverse)
        parts = dc * g * i * (1 - i), dc * old * f * (1 - f), dc * i * (1 - g * g), dh * tanh_cell * o * (1 - o)
        _put(dcell, t, dc, lengths)
        _put(da, t, np.concatenate(parts, axis=1), lengths)


@kernel(
    "s = h_{t−1} U + v;  r, z = σ(a + s) of their thirds;  n = tanh(a + r ⊙ s);  h_t = (1 − z) n + z h_{t−1}",
    elements="""
        states[n, t, q] = sum[j](before[n, t, j] * recurrent[j, q]) + recurrent_bias[q] if t < lengths[n] else 0
        gates[n, t, q] = ((sigma(a[n, t, q] + states[n, t, q]) if q // H < 2
            else tanh(a[n, t, q] + gates[n, t, q - 2 * H] * states[n, t, q])) if t < lengths[n] else 0)
        y[n, t, h] = (1 - gates[n, t, H + h]) * gates[n, t, 2 * H + h] + gates[n, t, H + h] * before[n, t, h]
    """
    + _BEFORE
    + _STEPS,
    writes="y before states gates",
    shared="recurrent recurrent_bias",
    left_out={"recurrent_bias": " + v"},
    flops=lambda arrays: 6 * arrays["y"].size * (len(arrays["recurrent"]) + 6),
)
def gru_forward(
    a: Array,
    recurrent: Array,
    recurrent_bias: Array | None,
    initial: Array | None,
    lengths: Int64s | None,
    before: Array,
    states: Array,
    gates: Array,
    y: Array,
    *,
    reverse: Geometry,
) -> None:
    """Writes the gates and the output of each step.

    Args:
        a: what the inputs contribute, x W + b (N, T, 3H), for r, z, n in this order.
        recurrent: U (H, 3H).
        recurrent_bias: v (3H,), or None for a layer without biases.
        initial: h before the first step (N, H), or None for 0.
        lengths: how many steps each row has (N,), or None where all have T.
        before: output h_{t−1} (N, T, H).
        states: output: what the states contribute, s = h_{t−1} U + v (N, T, 3H).
        gates: output: the reset gate r, the update gate z, the candidate n (N, T, 3H).
        y: output h (N, T, H).
        reverse: whether the steps are taken from the last to the first.
    """
    units = y.shape[2]
    for t, earlier, _ in _steps(a.shape[1], reverse):
        before[:, t] = _begun(y, t, earlier, initial, lengths, reverse)
        s = states[:, t]
        np.matmul(before[:, t], recurrent, out=s)  # (N, H) (H, 3H) -> (N, 3H)
        if recurrent_bias is not None:
            s += recurrent_bias
        gates[:, t] = logistic(a[:, t] + s)
        r, z, candidate = np.split(gates[:, t], 3, axis=1)
        np.tanh(a[:, t, 2 * units :] + r * s[:, 2 * units :], out=candidate)
        y[:, t] = (1 - z) * candidate + z * before[:, t]
        _clear(lengths, t, before, states, gates, y)


@kernel(
    "dh_t = dy_t + dh_{t+1} z_{t+1} + ds_{t+1} Uᵀ;  da = (da_n s r(1 − r), dh (h_{t−1} − n) z(1 − z), "
    "dh (1 − z)(1 − n²));  ds = da, its last third times r",
    elements="""
        dh[n, t, h] = (dy[n, t, h] + sum[p](dstates[n, later, p] * recurrent[h, p]) + (
            0 if t == last else dh[n, later, h] * gates[n, later, H + h]) if t < lengths[n] else 0)
        da[n, t, q] = (
            da[n, t, q + 2 * H] * states[n, t, q + 2 * H] * gates[n, t, q] * (1 - gates[n, t, q]) if q // H == 0
            else dh[n, t, u] * (before[n, t, u] - gates[n, t, u + 2 * H]) * gates[n, t, q] * (1 - gates[n, t, q])
            if q // H == 1 else dh[n, t, u] * (1 - gates[n, t, u + H]) * (1 - gates[n, t, q] ** 2))
        dstates[n, t, q] = da[n, t, q] * gates[n, t, u] if q // H == 2 else da[n, t, q]
        u = q % H
    """
    + _STEPS,
    writes="da dstates dh",
    inner="dh",
    shared="recurrent",
    flops=lambda arrays: 6 * arrays["before"].size * (len(arrays["recurrent"]) + 6),
    why=why.GRU,
)
def gru_backward(
    dy: Array,
    recurrent: Array,
    lengths: Int64s | None,
    before: Array,
    states: Array,
    gates: Array,
    da: Array,
    dstates: Array,
    dh: Array,
    *,
    reverse: Geometry,
) -> None:
    """Writes da, ds and dh, from the last step that was taken to the first.

    Args:
        dy: ∂L/∂h of each step's output (N, T, H).
        recurrent: U (H, 3H).
        lengths: as in the forward pass.
        before: h_{t−1} (N, T, H), like the next two from the forward pass.
        states: s (N, T, 3H).
        gates: r, z, n (N, T, 3H).
        da: output ∂L/∂a (N, T, 3H).
        dstates: output ∂L/∂s (N, T, 3H).
        dh: output ∂L/∂h of each state, by all that read it (N, T, H).
        reverse: as in the forward pass.
    """
    units = dy.shape[2]
    for t, _, later in reversed(_steps(dy.shape[1], reverse)):
        r, z, candidate = np.split(gates[:, t], 3, axis=1)
        dh[:, t] = dy[:, t]
        if later is not None:
            dh[:, t] += dh[:, later] * gates[:, later, units : 2 * units]
            dh[:, t] += dstates[:, later] @ recurrent.T  # (N, 3H) (3H, H) -> (N, H)
        dr, dz, dcandidate = np.split(da[:, t], 3, axis=1)
        np.multiply(dh[:, t] * (1 - z), 1 - candidate * candidate, out=dcandidate)
        np.multiply(dh[:, t] * (before[:, t] - candidate), z * (1 - z), out=dz)
        np.multiply(dcandidate * states[:, t, 2 * units :], r * (1 - r), out=dr)
        dstates[:, t] = da[:, t]
        dstates[:, t, 2 * units :] *= r
        _clear(lengths, t, da, dstates, dh)
