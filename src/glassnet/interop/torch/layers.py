"""Each layer as a PyTorch module with its weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.interop.state import state_of
from glassnet.layers.windows import padding_along, padding_of, pair
from glassnet.network import Bidirectional, Residual, Sequential

THERE: dict[type[gl.Layer], str] = {gl.SimpleRNN: "RNN", gl.LSTM: "LSTM", gl.GRU: "GRU"}
"""PyTorch's names of recurrences."""


@singledispatch
def to_module(layer: gl.Layer, nn: Any) -> Any:
    """The layer as a module of ``nn``, which is torch.nn, with its weights.

    Raises:
        ConfigurationError: PyTorch has it not in this form.
    """
    raise ConfigurationError(
        where=f"to_torch: layer {layer.path}",
        received=f"{layer!r}",
        expected="layers that torch.nn has in the same form",
        fix="use model.export_onnx, or rebuild that layer in PyTorch",
    )


_SIMPLE: dict[type[gl.Layer], Callable[[Any, Any], Any]] = {
    gl.Clip: lambda layer, nn: nn.Hardtanh(*layer.kernel_settings().values()),
    gl.Dropout: lambda layer, nn: nn.Dropout(layer.rate),
    gl.ELU: lambda layer, nn: nn.ELU(layer.alpha),
    gl.Flatten: lambda layer, nn: nn.Flatten(),
    gl.GELU: lambda layer, nn: nn.GELU("tanh" if layer.approximate else "none"),
    gl.LeakyReLU: lambda layer, nn: nn.LeakyReLU(layer.slope),
    gl.Softmax: lambda layer, nn: nn.Softmax(dim=-1),
    gl.Softplus: lambda layer, nn: nn.Softplus(),  # read with care: torch's has settings
    gl.UpSample2D: lambda layer, nn: nn.Upsample(scale_factor=pair(layer.factor, "", "")),
    Sequential: lambda layer, nn: nn.Sequential(*(to_module(child, nn) for child in layer.layers)),
    **{kind: lambda layer, nn: getattr(nn, layer.in_torch)() for kind in gl.ACTIVATIONS.values() if kind.in_torch},
}
for _kind, _make in _SIMPLE.items():
    to_module.register(_kind, _make)


def _own(nn: Any, name: str, forward: Callable[[Any, Any], Any], **parts: Any) -> Any:
    """A module with these parts and that forward pass, of a further class, which ``from_torch`` knows by its name."""
    module = type(name, (nn.Module,), {"__module__": __name__, "forward": forward})()
    for part, value in parts.items():
        setattr(module, part, value)
    return module


def _filled(layer: gl.Layer, module: Any) -> Any:
    """The module with copies of the layer's parameters."""
    import torch

    module = module.to(torch.float64)
    values = {name: torch.from_numpy(np.array(array, np.float64)) for name, array in state_of(layer).items()}
    module.load_state_dict(values, strict=False)
    return module


@to_module.register
def _residual(layer: Residual, nn: Any) -> Any:
    shortcut = nn.Identity() if layer.shortcut is None else to_module(layer.shortcut, nn)
    residual = to_module(layer.residual, nn)
    return _own(nn, "Residual", lambda own, x: own.shortcut(x) + own.residual(x), residual=residual, shortcut=shortcut)


@to_module.register
def _dense(layer: gl.Dense, nn: Any) -> Any:
    inputs, units = layer.weight.value.shape
    return _filled(layer, nn.Linear(inputs, units, bias=layer.use_bias))


@to_module.register
def _conv(layer: gl.Conv2D, nn: Any) -> Any:
    assert layer.input_shape is not None
    kernel, stride, dilation = (pair(value, "", "") for value in (layer.kernel_size, layer.stride, layer.dilation))
    (top, bottom), (left, right) = (
        padding_of(padding_along(layer.padding, i), layer.input_shape[1 + i], kernel[i], stride[i], dilation[i])
        for i in (0, 1)
    )
    even = (top, left) == (bottom, right)
    module = _filled(
        layer,
        nn.Conv2d(
            layer.input_shape[0], layer.filters, kernel, stride, (top, left) if even else 0, dilation, layer.groups,
            bias=layer.use_bias,
        ),
    )  # fmt: skip
    return module if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), module)


@to_module.register
def _conv_transpose(layer: gl.ConvTranspose2D, nn: Any) -> Any:
    if layer.padding == "same":
        return to_module.dispatch(gl.Layer)(layer, nn)
    assert layer.input_shape is not None
    padding: Any = 0 if layer.padding == "valid" else layer.padding
    return _filled(
        layer,
        nn.ConvTranspose2d(
            layer.input_shape[0], layer.filters, layer.kernel_size, layer.stride, padding, layer.output_padding,
            layer.groups, layer.use_bias, layer.dilation,
        ),
    )  # fmt: skip


@to_module.register
def _pool(layer: gl.MaxPool2D | gl.AveragePool2D, nn: Any) -> Any:
    """A pooling whose padding is the same on both sides."""
    assert layer.input_shape is not None
    window, stride, padding = layer._sides()
    sides = [padding_of(padding[i], layer.input_shape[1 + i], window[i], stride[i]) for i in (0, 1)]
    if any(before != after for before, after in sides):
        return to_module.dispatch(gl.Layer)(layer, nn)
    along = window, stride, tuple(before for before, _ in sides)
    return nn.MaxPool2d(*along) if isinstance(layer, gl.MaxPool2D) else nn.AvgPool2d(*along, count_include_pad=False)


@to_module.register
def _pool_over_all(layer: gl.GlobalAveragePool | gl.GlobalMaxPool, nn: Any) -> Any:
    if len(layer.input_shape or ()) != 3:
        return to_module.dispatch(gl.Layer)(layer, nn)
    kind = nn.AdaptiveMaxPool2d if isinstance(layer, gl.GlobalMaxPool) else nn.AdaptiveAvgPool2d
    return nn.Sequential(kind(1), nn.Flatten())


@to_module.register
def _batch_norm(layer: gl.BatchNorm, nn: Any) -> Any:
    shape = layer.input_shape or ()
    if len(shape) == 2:
        return to_module.dispatch(gl.Layer)(layer, nn)
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return _filled(layer, kind(shape[0], eps=layer.epsilon, momentum=layer.momentum))


@to_module.register
def _layer_norm(layer: gl.LayerNorm, nn: Any) -> Any:
    return _filled(layer, nn.LayerNorm((layer.input_shape or (1,))[-1], eps=layer.epsilon))


@to_module.register
def _rms_norm(layer: gl.RMSNorm, nn: Any) -> Any:
    return _filled(
        layer, nn.RMSNorm((layer.input_shape or (1,))[-1], eps=layer.epsilon, elementwise_affine=layer.use_scale)
    )


@to_module.register
def _group_norm(layer: gl.GroupNorm, nn: Any) -> Any:
    return _filled(layer, nn.GroupNorm(layer.groups, (layer.input_shape or (1,))[0], eps=layer.epsilon))


@to_module.register
def _reshape(layer: gl.Reshape, nn: Any) -> Any:
    parts = [nn.Flatten()] if len(layer.input_shape or ()) > 1 else []
    parts += [nn.Unflatten(1, layer.shape)] if len(layer.shape) > 1 else []
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)


@to_module.register
def _zero_pad(layer: gl.ZeroPad2D, nn: Any) -> Any:
    (_, height, width), (_, rows, columns) = layer.input_shape or (), layer.output_shape or ()
    return nn.ZeroPad2d((layer.left, columns - width - layer.left, layer.top, rows - height - layer.top))


@to_module.register
def _embedding(layer: gl.Embedding, nn: Any) -> Any:
    class Embedding(nn.Embedding):
        """Takes whole numbers of any dtype, so that they may stand beside amounts."""

        def forward(self, x: Any) -> Any:
            return super().forward(x.long())

    return _filled(layer, Embedding(layer.count, layer.units))


def _recurrence(kind: str) -> Callable[[Any, Any], Any]:
    """What makes a recurrent layer a module that gives its outputs alone, of all steps or the last."""

    def make(layer: Any, nn: Any) -> Any:
        module = _of_steps(kind, layer, nn, bidirectional=False)
        return _filled(layer, module)

    return make


def _of_steps(kind: str, layer: Any, nn: Any, *, bidirectional: bool) -> Any:
    """A module of that kind, which goes one way or both, without the layer's weights."""
    import torch

    plain: Any = getattr(nn, kind)

    def forward(own: Any, x: Any) -> Any:
        y, _ = plain.forward(own, x.flip(1) if own.reverse else x)
        if own.return_sequences:
            return y.flip(1) if own.reverse else y
        units = own.hidden_size
        return torch.cat([y[:, -1, :units], y[:, 0, units:]], 1) if own.bidirectional else y[:, -1]

    assert layer.input_shape is not None
    made = type(kind, (plain,), {"__module__": __name__, "forward": forward})
    settings = {"bias": layer.use_bias, "batch_first": True, "bidirectional": bidirectional}
    module = made(layer.input_shape[-1], layer.units, **settings)
    module.reverse, module.return_sequences = layer.reverse, layer.return_sequences
    return module


for _layer, _kind_there in THERE.items():
    to_module.register(_layer, _recurrence(_kind_there))


@to_module.register
def _both_ways(layer: Bidirectional, nn: Any) -> Any:
    """Of the second one the weights end in _reverse."""
    import torch

    module = _of_steps(THERE[type(layer.layer)], layer.layer, nn, bidirectional=True).to(torch.float64)
    state = {
        f"{name}{ending}": torch.from_numpy(np.array(array, np.float64))
        for own, ending in zip(layer.branches, ("", "_reverse"), strict=True)
        for name, array in state_of(own).items()
    }
    module.load_state_dict(state)
    return module


@to_module.register
def _self_attention(layer: gl.SelfAttention, nn: Any) -> Any:
    """Attention of PyTorch's on one sequence, which gives what comes of it alone."""
    import torch

    if layer.rotary:
        return to_module.dispatch(gl.Layer)(layer, nn)

    def forward(own: Any, x: Any) -> Any:
        steps = x.shape[1]
        later = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1) if own.causal else None
        return nn.MultiheadAttention.forward(own, x, x, x, need_weights=False, attn_mask=later)[0]

    assert layer.input_shape is not None
    made = type("SelfAttention", (nn.MultiheadAttention,), {"__module__": __name__, "forward": forward})
    settings = {"dropout": layer.dropout, "bias": layer.use_bias, "batch_first": True}
    module = made(layer.input_shape[-1], layer.heads, **settings)
    module.causal = layer.causal
    return _filled(layer, module)


@to_module.register
def _attention(layer: gl.Attention, nn: Any) -> Any:
    import torch

    def forward(own: Any, x: Any) -> Any:
        scored = x if own.units is None else (x @ own.weight + own.bias).tanh()
        return ((scored @ own.query).softmax(1) * x).sum(1)

    weights = {name: nn.Parameter(torch.zeros(p.value.shape)) for name, p in layer.own_parameters().items()}
    return _filled(layer, _own(nn, "Attention", forward, units=layer.units, **weights))


@to_module.register
def _positions(layer: gl.PositionalEncoding, nn: Any) -> Any:
    import torch

    def forward(own: Any, x: Any) -> Any:
        return x + own.weight[: x.shape[1]].to(x)

    if layer.kind == "learned":
        table = nn.Parameter(torch.zeros(layer.weight.value.shape))
        return _filled(layer, _own(nn, "PositionalEncoding", forward, weight=table, most_steps=layer.most_steps))
    fixed = torch.from_numpy(layer.table(np.dtype(np.float64)).copy())
    return _own(nn, "PositionalEncoding", forward, weight=fixed, most_steps=layer.most_steps)


@to_module.register
def _tied(layer: gl.Tied, nn: Any) -> Any:
    """A product with a weight as the other layer's module has it: (K, D), of an Embedding or of a Linear."""
    weight = nn.Linear(*layer.weight.shape, bias=False).weight
    if layer.is_to_dense:
        return _filled(layer, _own(nn, "Tied", lambda own, x: x @ own.weight, weight=weight))
    return _filled(layer, nn.Linear(*reversed(layer.weight.shape), bias=False))


@to_module.register
def _columns(layer: gl.Columns, nn: Any) -> Any:
    return _own(nn, "Columns", lambda own, x: x[:, own.indices], indices=list(layer.indices))


@to_module.register
def _permute(layer: gl.Permute, nn: Any) -> Any:
    return _own(nn, "Permute", lambda own, x: x.permute(0, *own.order), order=layer.order)


@to_module.register
def _scale(layer: gl.Scale, nn: Any) -> Any:
    import torch

    axes = (1, 1) if len(layer.input_shape or ()) == 3 else ()
    weight, bias = (nn.Parameter(torch.zeros(p.value.shape)) for p in (layer.gamma, layer.beta))

    def forward(own: Any, x: Any) -> Any:
        return x * own.weight.reshape(-1, *axes) + own.bias.reshape(-1, *axes)

    return _filled(layer, _own(nn, "Scale", forward, weight=weight, bias=bias))
