"""Attention: each step of a sequence takes from all steps, by weights that the steps themselves decide on.

A dense layer makes of each step x_t a query q_t, a key k_t and a value v_t, each in H heads of E numbers. One head:

    a_ts = e^{q_t·k_s/√E} / Σ_r e^{q_t·k_r/√E}        y_t = Σ_s a_ts v_s

``causal`` attention lets no step see a later one: the sums run over s ≤ t. Of a row with a length, the steps from
there on are neither seen nor see anything; their weights and outputs are 0.

Going back, with δ = ∂L/∂y, the weights get δ_t·v_s, the softmax passes on what differs from its mean, and that reaches
the products z_ts = q_t·k_s:

    ∂L/∂z_ts = a_ts (δ_t·v_s − Σ_r a_tr δ_t·v_r) / √E
    ∂L/∂q_t = Σ_s ∂L/∂z_ts k_s        ∂L/∂k_s = Σ_t ∂L/∂z_ts q_t        ∂L/∂v_s = Σ_t a_ts δ_t

Arrays of weights have the step that is looked at before the one that looks: (N, H, S, T). Queries, keys and values
stand in one array (N, T, 3H, E), the heads of the queries first.

Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, arXiv:1706.03762, section 3.2.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import attention
    >>> scores, x = np.array([[0.0, 0.0, np.log(2.0)]]), np.array([[[1.0], [1.0], [5.0]]])
    >>> weights, y = np.empty((1, 3)), np.empty((1, 1))
    >>> attention.attention_pool_forward(scores, x, None, weights, y)
    >>> weights.round(6).tolist(), y.round(6).tolist()
    ([[0.25, 0.25, 0.5]], [[3.0]])
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array, Booleans, Geometry, Int64s
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import attention as why


def _sees(s: str, t: str) -> str:
    """What the element lines say of a step s that is seen by a step t: 1, or 0."""
    return f"(({s} <= {t} if causal else 1) * ({s} < lengths[n]) * ({t} < lengths[n]))"


def _seen(steps: int, lengths: Array | None, causal: int) -> Booleans:
    """Which steps s are seen by which steps t: (1, 1, S, T), or (N, 1, S, T) where rows have lengths."""
    s, t = np.arange(steps)[:, np.newaxis], np.arange(steps)
    seen = (s <= t if causal else s >= 0) & (t >= 0)
    if lengths is None:
        return seen[np.newaxis, np.newaxis]
    ends = lengths[:, np.newaxis, np.newaxis, np.newaxis]
    return np.asarray(seen & (s < ends) & (t < ends))


def _parts(qkv: Array) -> list[Array]:
    """Queries, keys and values, each head by head: (N, T, 3H, E) -> three of (N, H, T, E)."""
    return np.split(qkv.transpose(0, 2, 1, 3), 3, axis=1)


@kernel(
    "a_ts = exp(q_t·k_s/√E) / Σ_r exp(q_t·k_r/√E)",
    elements=f"""
        weights[n, h, s, t] = (exp(score[n, h, s, t] - top[n, h, t])
            / sum[r:T](exp(score[n, h, r, t] - top[n, h, t]) if {_sees("r", "t")} else 0) if {_sees("s", "t")} else 0)
        score[n, h, s, t] = sum[e](qkv[n, t, h, e] * qkv[n, s, H + h, e]) / sqrt(E)
        top[n, h, t] = largest[r:T](score[n, h, r, t] if {_sees("r", "t")} else score[n, h, t, t])
    """,
    writes="weights",
    flops=lambda arrays: arrays["weights"].size * (2 * arrays["qkv"].shape[3] + 20),
)
def attention_weights_forward(qkv: Array, lengths: Int64s | None, weights: Array, *, causal: Geometry) -> None:
    """Writes how much of each step s each step t takes.

    The largest product of a step is subtracted first, as in ``softmax_forward``.

    Args:
        qkv: queries, keys and values (N, T, 3H, E).
        lengths: how many steps of each row count (N,), or None for all.
        weights: output a (N, H, S, T), the sum of which over s is 1, or 0 for a step beyond its row's length.
        causal: whether a step sees itself and earlier ones alone.
    """
    queries, keys, _ = _parts(qkv)
    seen = _seen(qkv.shape[1], lengths, causal)
    scores = keys @ queries.swapaxes(2, 3) / np.sqrt(qkv.dtype.type(qkv.shape[3]))  # (N, H, S, T)
    top = np.max(np.where(seen, scores, -np.inf), axis=2, keepdims=True)
    exponentials = np.where(seen, np.exp(np.where(seen, scores - np.where(top > -np.inf, top, 0), 0)), 0)
    total = np.sum(exponentials, axis=2, keepdims=True)
    np.divide(exponentials, np.where(total > 0, total, 1), out=weights)


@kernel(
    "y_t = Σ_s a_ts v_s",
    elements=f"y[n, t, h, e] = sum[s](weights[n, h, s, t] * qkv[n, s, 2 * H + h, e] * {_sees('s', 't')})",
    writes="y",
    flops=lambda arrays: 2 * arrays["weights"].size * arrays["qkv"].shape[3],
)
def attention_forward(weights: Array, qkv: Array, lengths: Int64s | None, y: Array, *, causal: Geometry) -> None:
    """Writes the mean of the values of the steps that each step sees, by its weights.

    Args:
        weights: a (N, H, S, T), or what dropout has left of them; those of steps that are not seen count as 0.
        qkv: queries, keys and values (N, T, 3H, E), of which the values are read.
        lengths: as for the weights.
        y: output (N, T, H, E), 0 for steps beyond their row's length.
        causal: as for the weights.
    """
    values = _parts(qkv)[2]
    used = np.where(_seen(qkv.shape[1], lengths, causal), weights, 0)
    np.copyto(y, (used.swapaxes(2, 3) @ values).transpose(0, 2, 1, 3))  # (N, H, T, S) (N, H, S, E)


@kernel(
    "dz_ts = a_ts (dy_t·v_s − Σ_r a_tr dy_t·v_r) / √E;  dq_t = Σ_s dz_ts k_s,  dk_s = Σ_t dz_ts q_t,  "
    "dv_s = Σ_t a_ts dy_t",
    elements=f"""
        dproducts[n, h, s, t] = ((kept[n, h, s, t] * dweights[n, h, s, t] - weights[n, h, s, t]
            * sum[r:T](kept[n, h, r, t] * dweights[n, h, r, t] * {_sees("r", "t")})) / sqrt(E)) * {_sees("s", "t")}
        dqkv[n, t, p, e] = (
            sum[s](dproducts[n, p, s, t] * qkv[n, s, H + p, e]) if p // H == 0
            else sum[s](dproducts[n, p - H, t, s] * qkv[n, s, p - H, e]) if p // H == 1
            else sum[s](kept[n, p - 2 * H, t, s] * dy[n, s, p - 2 * H, e] * {_sees("t", "s")}))
        dweights[n, h, s, t] = sum[e](dy[n, t, h, e] * qkv[n, s, 2 * H + h, e])
        kept[n, h, s, t] = thinned[n, h, s, t] if thinned else weights[n, h, s, t]
    """,
    writes="dqkv dproducts",
    inner="dproducts",
    flops=lambda arrays: arrays["weights"].size * (8 * arrays["qkv"].shape[3] + 10),
    why=why.ATTENTION,
)
def attention_backward(
    dy: Array,
    qkv: Array,
    weights: Array,
    thinned: Array | None,
    lengths: Int64s | None,
    dproducts: Array,
    dqkv: Array,
    *,
    causal: Geometry,
) -> None:
    """Writes the gradients of queries, keys and values, through the weights and what dropout has left of them.

    With a' for what is left, ∂L/∂a = a'/a (δ·v), so that a'/a need not be known: a ∂L/∂a = a' (δ·v).

    Args:
        dy: ∂L/∂y (N, T, H, E).
        qkv: queries, keys and values (N, T, 3H, E).
        weights: a (N, H, S, T).
        thinned: a' (N, H, S, T), what dropout has left of the weights; None where there was none.
        lengths: as in the forward pass.
        dproducts: output ∂L/∂(q_t·k_s) (N, H, S, T).
        dqkv: output (N, T, 3H, E).
        causal: as in the forward pass.
    """
    seen = _seen(qkv.shape[1], lengths, causal)
    queries, keys, values = _parts(qkv)
    gradients = dy.transpose(0, 2, 1, 3)
    kept = np.where(seen, weights if thinned is None else thinned, 0)
    shares = kept * (values @ gradients.swapaxes(2, 3))  # a ∂L/∂a (N, H, S, T)
    mean = np.sum(shares, axis=2, keepdims=True)
    root = np.sqrt(qkv.dtype.type(qkv.shape[3]))
    np.copyto(dproducts, (shares - np.where(seen, weights, 0) * mean) / root)
    parts = dproducts.swapaxes(2, 3) @ keys, dproducts @ queries, kept @ gradients
    np.copyto(dqkv, np.concatenate(parts, axis=1).transpose(0, 2, 1, 3))


@kernel(
    "K_p = k,  V_p = v at the place p of the step in hand;  a_s = exp(q·K_s/√E) / Σ_r exp(q·K_r/√E) for s ≤ p;  "
    "y = Σ_s a_s V_s;  p ← p + 1",
    elements="""
        keys_[n, s, h, e] = qkv[n, 0, H + h, e] if s == places[n] else keys[n, s, h, e]
        values_[n, s, h, e] = qkv[n, 0, 2 * H + h, e] if s == places[n] else values[n, s, h, e]
        places_[n] = places[n] + 1
        weights[n, h, s] = (exp(score[n, h, s] - top[n, h])
            / sum[r:S](exp(score[n, h, r] - top[n, h]) if r <= places[n] else 0) if s <= places[n] else 0)
        y[n, t, h, e] = sum[s](weights[n, h, s] * values_[n, s, h, e])
        score[n, h, s] = sum[e](qkv[n, 0, h, e] * keys_[n, s, h, e]) / sqrt(E)
        top[n, h] = largest[r:S](score[n, h, r] if r <= places[n] else score[n, h, 0])
    """,
    writes="y weights",
    updates="keys values places",
    flops=lambda arrays: 4 * arrays["keys"].size + 20 * arrays["weights"].size,
)
def attention_step(qkv: Array, keys: Array, values: Array, places: Int64s, weights: Array, y: Array) -> None:
    """Causal attention of one step of each sequence to those before it, whose keys and values are kept.

    Args:
        qkv: query, key and value of the step (N, 1, 3H, E).
        keys: K (N, S, H, E), those of the steps before; this one's takes its place in it.
        values: V (N, S, H, E), likewise.
        places: p (N,), how many steps there were before, less than S.
        weights: output a (N, H, S).
        y: output (N, 1, H, E).
    """
    heads = keys.shape[2]
    rows, step = np.arange(len(qkv)), qkv[:, 0]
    keys[rows, places], values[rows, places] = step[:, heads : 2 * heads], step[:, 2 * heads :]
    seen = np.arange(keys.shape[1]) <= places[:, np.newaxis, np.newaxis]  # (N, 1, S)
    scores = np.sum(step[:, np.newaxis, :heads] * keys, axis=3).transpose(0, 2, 1) / np.sqrt(
        qkv.dtype.type(qkv.shape[3])
    )
    top = np.max(np.where(seen, scores, -np.inf), axis=2, keepdims=True)
    exponentials = np.where(seen, np.exp(np.where(seen, scores - top, 0)), 0)
    np.divide(exponentials, np.sum(exponentials, axis=2, keepdims=True), out=weights)
    shares = weights.transpose(0, 2, 1)[..., np.newaxis] * np.where(seen.transpose(0, 2, 1)[..., np.newaxis], values, 0)
    np.copyto(y[:, 0], np.sum(shares, axis=1))
    places += 1


@kernel(
    "a_t = e^{s_t} / Σ_r e^{s_r};  y = Σ_t a_t x_t",
    elements="""
        weights[n, t] = (exp(scores[n, t] - top[n]) / sum[r:T](exp(scores[n, r] - top[n]) * (r < lengths[n]))
            if t < lengths[n] else 0)
        y[n, d] = sum[t](weights[n, t] * x[n, t, d])
        top[n] = largest[r:T](scores[n, r] if r < lengths[n] else scores[n, 0])
    """,
    writes="y weights",
    flops=lambda arrays: arrays["weights"].size * (2 * arrays["x"].shape[2] + 20),
)
def attention_pool_forward(scores: Array, x: Array, lengths: Int64s | None, weights: Array, y: Array) -> None:
    """Writes the mean of the steps of each sequence, by weights that are the softmax of their scores.

    Args:
        scores: s (N, T).
        x: input (N, T, D).
        lengths: how many steps of each row count (N,), or None for all.
        weights: output a (N, T), 0 for steps beyond their row's length.
        y: output (N, D).

    Source: Z. Yang et al., "Hierarchical attention networks for document classification", NAACL 2016, equations 6, 7.
    """
    counts = np.arange(x.shape[1]) < (x.shape[1] if lengths is None else lengths[:, np.newaxis])
    top = np.max(np.where(counts, scores, -np.inf), axis=1, keepdims=True)
    np.copyto(weights, np.where(counts, np.exp(np.where(counts, scores - top, 0)), 0))
    weights /= np.sum(weights, axis=1, keepdims=True)
    np.copyto(y, (weights[:, np.newaxis] @ x)[:, 0])  # (N, 1, T) (N, T, D)


@kernel(
    "ds_t = a_t (dy·x_t − dy·y);  dx_t = a_t dy",
    elements="""
        dscores[n, t] = weights[n, t] * sum[d](dy[n, d] * (x[n, t, d] - y[n, d]))
        dx[n, t, d] = weights[n, t] * dy[n, d]
    """,
    writes="dscores dx",
    flops=lambda arrays: 5 * arrays["x"].size,
    why=why.ATTENTION_POOL,
)
def attention_pool_backward(dy: Array, x: Array, weights: Array, y: Array, dscores: Array, dx: Array) -> None:
    """Writes ∂L/∂scores, and the part of ∂L/∂x that does not come through the scores.

    Args:
        dy: ∂L/∂y (N, D).
        x: the input of the forward pass (N, T, D).
        weights: a (N, T), from the forward pass.
        y: the output of the forward pass (N, D).
        dscores: output (N, T).
        dx: output (N, T, D).
    """
    np.multiply(weights, np.sum(dy[:, np.newaxis] * (x - y[:, np.newaxis]), axis=2), out=dscores)
    np.multiply(weights[..., np.newaxis], dy[:, np.newaxis], out=dx)
