"""Each layer as a PyTorch module with its weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.interop.state import names_of_state
from glassnet.layers.windows import padding_along, padding_of, pair
from glassnet.network import Residual, Sequential


@singledispatch
def to_module(layer: gl.Layer) -> Any:
    """The layer as a module with its weights.

    Raises:
        ConfigurationError: PyTorch has it not in this form.
    """
    raise ConfigurationError(
        where=f"to_torch: layer {layer.path}",
        received=f"{layer!r}",
        expected="layers that torch.nn has in the same form",
        fix="use model.export_onnx, or rebuild that layer in PyTorch",
    )


def _filled(layer: gl.Layer, module: Any) -> Any:
    """The module with copies of the layer's parameters."""
    import torch

    module = module.to(torch.float64)
    state = {theirs: own.value for theirs, own in names_of_state(layer).items()}
    values = {
        name: torch.from_numpy(
            np.array(array.T if isinstance(layer, gl.Dense) and array.ndim == 2 else array, np.float64)
        )
        for name, array in state.items()
    }
    module.load_state_dict(values, strict=False)
    return module


def _simple(name: str) -> Callable[[gl.Layer], Any]:
    def make(layer: gl.Layer) -> Any:
        from torch import nn

        return getattr(nn, name)()

    return make


to_module.register(gl.Flatten, _simple("Flatten"))
to_module.register(gl.Softplus, _simple("Softplus"))  # read with care: torch's has settings
for _layer in gl.ACTIVATIONS.values():
    if _layer.in_torch:
        to_module.register(_layer, _simple(_layer.in_torch))


@to_module.register
def _sequential(layer: Sequential) -> Any:
    from torch import nn

    return nn.Sequential(*(to_module(child) for child in layer.layers))


@to_module.register
def _residual(layer: Residual) -> Any:
    from torch import nn

    class Residual(nn.Module):
        """y = shortcut(x) + residual(x)."""

        def __init__(self) -> None:
            super().__init__()
            self.residual = to_module(layer.residual)
            self.shortcut = nn.Identity() if layer.shortcut is None else to_module(layer.shortcut)

        def forward(self, x: Any) -> Any:
            """Does what glassnet's does."""
            return self.shortcut(x) + self.residual(x)

    return Residual()


@to_module.register
def _dense(layer: gl.Dense) -> Any:
    from torch import nn

    inputs, units = layer.weight.value.shape
    return _filled(layer, nn.Linear(inputs, units, bias=layer.use_bias))


@to_module.register
def _to_conv(layer: gl.Conv2D) -> Any:
    from torch import nn

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
def _to_conv_transpose(layer: gl.ConvTranspose2D) -> Any:
    from torch import nn

    if layer.padding == "same":
        return to_module.dispatch(gl.Layer)(layer)
    assert layer.input_shape is not None
    padding: Any = 0 if layer.padding == "valid" else layer.padding
    return _filled(
        layer,
        nn.ConvTranspose2d(
            layer.input_shape[0], layer.filters, layer.kernel_size, layer.stride, padding, layer.output_padding,
            layer.groups, layer.use_bias, layer.dilation,
        ),
    )  # fmt: skip


def _to_pool(layer: Any, module: Any, **settings: Any) -> Any:
    """A pooling whose padding is the same on both sides."""
    window, stride, padding = layer._sides()
    sides = [padding_of(padding[i], layer.input_shape[1 + i], window[i], stride[i]) for i in (0, 1)]
    if any(before != after for before, after in sides):
        return to_module.dispatch(gl.Layer)(layer)
    return module(window, stride, tuple(before for before, _ in sides), **settings)


@to_module.register
def _to_max_pool(layer: gl.MaxPool2D) -> Any:
    from torch import nn

    return _to_pool(layer, nn.MaxPool2d)


@to_module.register
def _to_average_pool(layer: gl.AveragePool2D) -> Any:
    from torch import nn

    return _to_pool(layer, nn.AvgPool2d, count_include_pad=False)


def _over_images(layer: gl.Layer, name: str) -> Any:
    from torch import nn

    if len(layer.input_shape or ()) != 3:
        return to_module.dispatch(gl.Layer)(layer)
    return nn.Sequential(getattr(nn, name)(1), nn.Flatten())


@to_module.register
def _to_global_average(layer: gl.GlobalAveragePool) -> Any:
    return _over_images(layer, "AdaptiveAvgPool2d")


@to_module.register
def _to_global_max(layer: gl.GlobalMaxPool) -> Any:
    return _over_images(layer, "AdaptiveMaxPool2d")


@to_module.register
def _to_batch_norm(layer: gl.BatchNorm) -> Any:
    from torch import nn

    shape = layer.input_shape or ()
    if len(shape) == 2:
        return to_module.dispatch(gl.Layer)(layer)
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return _filled(layer, kind(shape[0], eps=layer.epsilon, momentum=layer.momentum))


@to_module.register
def _to_layer_norm(layer: gl.LayerNorm) -> Any:
    from torch import nn

    return _filled(layer, nn.LayerNorm((layer.input_shape or (1,))[-1], eps=layer.epsilon))


@to_module.register
def _to_group_norm(layer: gl.GroupNorm) -> Any:
    from torch import nn

    return _filled(layer, nn.GroupNorm(layer.groups, (layer.input_shape or (1,))[0], eps=layer.epsilon))


@to_module.register
def _to_dropout(layer: gl.Dropout) -> Any:
    from torch import nn

    return nn.Dropout(layer.rate)


@to_module.register
def _to_leaky_relu(layer: gl.LeakyReLU) -> Any:
    from torch import nn

    return nn.LeakyReLU(layer.slope)


@to_module.register
def _to_clip(layer: gl.Clip) -> Any:
    from torch import nn

    return nn.Hardtanh(*layer.kernel_settings().values())


@to_module.register
def _to_elu(layer: gl.ELU) -> Any:
    from torch import nn

    return nn.ELU(layer.alpha)


@to_module.register
def _to_gelu(layer: gl.GELU) -> Any:
    from torch import nn

    return nn.GELU("tanh" if layer.approximate else "none")


@to_module.register
def _to_softmax(layer: gl.Softmax) -> Any:
    from torch import nn

    return nn.Softmax(dim=-1)


@to_module.register
def _to_reshape(layer: gl.Reshape) -> Any:
    from torch import nn

    parts = [nn.Flatten()] if len(layer.input_shape or ()) > 1 else []
    parts += [nn.Unflatten(1, layer.shape)] if len(layer.shape) > 1 else []
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)


@to_module.register
def _to_upsample(layer: gl.UpSample2D) -> Any:
    from torch import nn

    return nn.Upsample(scale_factor=pair(layer.factor, "", ""))


@to_module.register
def _to_zero_pad(layer: gl.ZeroPad2D) -> Any:
    from torch import nn

    (_, height, width), (_, rows, columns) = layer.input_shape or (), layer.output_shape or ()
    return nn.ZeroPad2d((layer.left, columns - width - layer.left, layer.top, rows - height - layer.top))


@to_module.register
def _to_embedding(layer: gl.Embedding) -> Any:
    from torch import nn

    class Embedding(nn.Embedding):
        """Takes whole numbers of any dtype, so that they may stand beside amounts."""

        def forward(self, x: Any) -> Any:
            """Does what PyTorch's does."""
            return super().forward(x.long())

    return _filled(layer, Embedding(layer.count, layer.units))


@to_module.register
def _to_columns(layer: gl.Columns) -> Any:
    from torch import nn

    class Columns(nn.Module):
        """Some columns alone."""

        def __init__(self) -> None:
            super().__init__()
            self.indices = list(layer.indices)

        def forward(self, x: Any) -> Any:
            """Does what glassnet's does."""
            return x[:, self.indices]

    return Columns()


@to_module.register
def _to_permute(layer: gl.Permute) -> Any:
    from torch import nn

    class Permute(nn.Module):
        """Another order of the axes."""

        def __init__(self) -> None:
            super().__init__()
            self.order = layer.order

        def forward(self, x: Any) -> Any:
            """Does what glassnet's does."""
            return x.permute(0, *self.order)

    return Permute()


@to_module.register
def _to_scale(layer: gl.Scale) -> Any:
    import torch
    from torch import nn

    is_image = len(layer.input_shape or ()) == 3

    class Scale(nn.Module):
        """y = weight x + bias."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(layer.gamma.value.shape))
            self.bias = nn.Parameter(torch.zeros(layer.beta.value.shape))

        def forward(self, x: Any) -> Any:
            """Does what glassnet's does."""
            weight, bias = (own[:, None, None] if is_image else own for own in (self.weight, self.bias))
            return x * weight + bias

    return _filled(layer, Scale())
