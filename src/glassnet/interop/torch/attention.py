"""Attention of ``torch.nn`` as layers: MultiheadAttention on one sequence, and encoders made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from glassnet import layers as gl
from glassnet.interop.torch.modules import READERS, Reader, Rows, UnreadError, kind_of, only, require_axes
from glassnet.interop.torch.sequences import leaves_of
from glassnet.network import Residual

ATTENTION, LAYER, ENCODER = "MultiheadAttention", "TransformerEncoderLayer", "TransformerEncoder"
INSIDE = {"self_attn": ATTENTION, "linear1": "Linear", "linear2": "Linear", "norm1": "LayerNorm", "norm2": "LayerNorm",
          "dropout": "Dropout", "dropout1": "Dropout", "dropout2": "Dropout"}  # fmt: skip
"""What an encoder's layer is made of."""


def attends(module: Any) -> bool:
    """Whether a module is attention, or made of it."""
    return kind_of(module) in (ATTENTION, LAYER, ENCODER, "SelfAttention")


def _attention(m: Any, rows: Rows) -> list[gl.Layer]:
    require_axes(rows, 2)
    only(m, add_zero_attn=False, bias_k=None, bias_v=None, kdim=m.embed_dim, vdim=m.embed_dim)
    if m.in_proj_weight is None:
        raise UnreadError("weights for queries, keys and values of different widths")
    if kind_of(m.out_proj) not in ("Linear", "NonDynamicallyQuantizableLinear"):
        raise UnreadError(f"out_proj={m.out_proj!r:.80}")
    settings = {"dropout": m.dropout, "use_bias": m.in_proj_bias is not None, "causal": getattr(m, "causal", False)}
    return [gl.SelfAttention(m.num_heads, **settings)]


def _positions(m: Any, rows: Rows) -> list[gl.Layer]:
    return [gl.PositionalEncoding("learned" if m._parameters else "sinusoidal", most_steps=m.most_steps)]


def _activation(function: Any) -> gl.Layer:
    """The layer for an activation that is a function or a module."""
    import torch
    from torch import nn
    from torch.nn import functional

    known: list[tuple[Any, Callable[[], gl.Layer]]] = [
        (functional.relu, gl.ReLU), (torch.relu, gl.ReLU), (functional.gelu, gl.GELU), (functional.silu, gl.SiLU),
        (torch.tanh, gl.Tanh), (torch.sigmoid, gl.Sigmoid),
    ]  # fmt: skip
    for own, make in known:
        if function is own:
            return make()
    kind = kind_of(function) if isinstance(function, nn.Module) else None
    if kind in READERS and not list(function.parameters()):
        (layer,) = READERS[kind](function, Rows((1, 1), (1, 1)))
        return layer
    raise UnreadError(f"activation={function!r:.80}")


def _layer(m: Any, rows: Rows) -> list[gl.Layer]:
    require_axes(rows, 2)
    for name, kind in INSIDE.items():
        if kind_of(getattr(m, name)) != kind:
            raise UnreadError(f"{name}={getattr(m, name)!r:.80}")
    attention = [*_attention(m.self_attn, rows), *_dropout(m.dropout1)]
    further = gl.Dense(m.linear1.out_features), _activation(m.activation), *_dropout(m.dropout)
    products = [*further, gl.Dense(m.linear2.out_features), *_dropout(m.dropout2)]
    norms = [layer for own in (m.norm1, m.norm2) for layer in READERS["LayerNorm"](own, rows)]
    if m.linear1.bias is None or m.linear2.bias is None:
        raise UnreadError("bias=False")
    if m.norm_first:
        return [Residual(norms[0], *attention), Residual(norms[1], *products)]
    return [Residual(*attention), norms[0], Residual(*products), norms[1]]


def _dropout(m: Any) -> list[gl.Layer]:
    return [gl.Dropout(m.p)] if m.p else []


def _encoder(m: Any, rows: Rows) -> list[gl.Layer]:
    found: list[gl.Layer] = []
    for own in m.layers:
        if kind_of(own) != LAYER:
            raise UnreadError(f"the layer {own!r:.80}")
        found += _layer(own, rows)
    if m.norm is not None:
        if kind_of(m.norm) not in READERS:
            raise UnreadError(f"norm={m.norm!r:.80}")
        found += READERS[str(kind_of(m.norm))](m.norm, rows)
    return found


def parts(module: Any, layers: Sequence[gl.Layer]) -> Iterator[tuple[gl.Layer, dict[str, Any]]]:
    """Each layer with parameters that a module became, with those of the module inside that it was."""
    yield from zip(leaves_of(layers), map(_state, _inside(module)), strict=True)


def _inside(module: Any) -> Iterator[Any]:
    """The modules with parameters, in the order of the layers."""
    kind = kind_of(module)
    if kind == ENCODER:
        for own in (*module.layers, *([] if module.norm is None else [module.norm])):
            yield from _inside(own)
    elif kind == LAYER:
        names = "self_attn norm1 linear1 linear2 norm2"
        if module.norm_first:
            names = "norm1 self_attn norm2 linear1 linear2"
        yield from (getattr(module, name) for name in names.split())
    else:
        yield module


def _state(module: Any) -> dict[str, Any]:
    return {name: tensor for name, tensor in module.named_parameters() if tensor is not None}


_MADE: dict[str, Reader] = {
    ATTENTION: _attention,
    LAYER: _layer,
    ENCODER: _encoder,
    "SelfAttention": _attention,  # these are made by ``to_torch``
    "Attention": lambda m, rows: [gl.Attention(m.units)],
    "PositionalEncoding": _positions,
}
READERS.update(_MADE)
