"""The block that transformers are made of."""

from __future__ import annotations

from collections.abc import Callable

from glassnet.core.settings import boolean, one_of, whole
from glassnet.layers import Dense, Dropout, Layer, LayerNorm, RMSNorm, SelfAttention
from glassnet.network.residual import Residual
from glassnet.network.sequential import Sequential

_NORMS: dict[str, Callable[[], Layer]] = {
    "layer": LayerNorm,
    "rms": RMSNorm,
    "plain_rms": lambda: RMSNorm(use_scale=False),
}


def TransformerBlock(  # noqa: N802 - used like the classes that it is made of
    heads: int,
    units: int,
    *,
    hidden: int | None = None,
    norm: str = "layer",
    norm_first: bool = True,
    causal: bool = False,
    activation: Layer | str = "relu",
    dropout: float = 0.0,
    rotary: bool = False,
    use_bias: bool = True,
) -> Sequential:
    """Self-attention, then two dense layers for each step, each with a shortcut around it.

    With ``norm_first``: x ← x + attention(norm(x)), then x ← x + dense(f(dense(norm(x)))). Otherwise the norms follow
    the sums, as in the paper: x ← norm(x + attention(x)), and so on.

    Args:
        heads: of the attention, a divisor of ``units``.
        units: D, the width of a step, which the block leaves as it is.
        hidden: units of the first dense layer; None for 4 D.
        norm: ``"layer"`` for ``LayerNorm``, ``"rms"`` for ``RMSNorm``, ``"plain_rms"`` for one that learns no scale.
        norm_first: whether each norm stands before its layers, or behind the sum.
        causal: whether a step sees itself and earlier ones alone.
        activation: between the dense layers, a layer or its name.
        dropout: the share that is dropped of the attention's weights, of the hidden units, and of what comes to the
            sums, while training.
        rotary: whether the attention turns queries and keys by their places.
        use_bias: whether the dense layers and the attention have biases.

    Returns:
        A network for (N, T, D) -> (N, T, D).

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, steps of another width than ``units``.

    Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017; norms first: R. Xiong et al., "On layer
    normalization in the transformer architecture", ICML 2020, arXiv:2002.04745.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Embedding(65, 32), gn.TransformerBlock(4, 32, causal=True), gn.Dense(65)).build((16,))
        (16, 65)
    """
    units = whole(units, "units", "TransformerBlock")
    hidden = 4 * units if hidden is None else whole(hidden, "hidden", "TransformerBlock")
    normed = _NORMS[one_of(norm, "norm", "TransformerBlock", tuple(_NORMS))]
    first = boolean(norm_first, "norm_first", "TransformerBlock")
    attention = SelfAttention(heads, causal=causal, dropout=dropout, rotary=rotary, use_bias=use_bias)
    thinned = [Dropout(dropout)] if attention.dropout else []
    dense = [Dense(hidden, use_bias=use_bias), activation, *thinned, Dense(units, use_bias=use_bias)]
    layers: list[Layer] = []
    for part in ([attention], dense):
        before, behind = ([normed()], []) if first else ([], [normed()])
        layers += [Residual(*before, *part, *(Dropout(layer.rate) for layer in thinned)), *behind]
    return Sequential(*layers)
