"""PyTorch modules as networks, and networks as PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from importlib.util import find_spec
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.errors import ConfigurationError, MissingExtraError, NotBuiltError, ShapeError
from glassnet.interop.state import from_state, names_of_state
from glassnet.layers.windows import padding_along, padding_of, pair
from glassnet.model import Model
from glassnet.network import Network, Residual, Sequential
from glassnet.shapes import Shape, as_shape


def from_torch(module: Any, input_shape: int | Shape | None = None) -> Network:
    """Makes a network of the same layers with the same weights.

    Args:
        module: a ``torch.nn.Sequential``, nested or not, or one of the layers that it may hold.
        input_shape: one row's shape, without the batch axis; may be left out where the first layer is ``Linear``.

    Returns:
        A built ``Sequential`` in the module's dtype (float32 or float64), whose predictions are those of
        ``module.eval()``.

    Raises:
        ConfigurationError: a module that is none of glassnet's layers; it is named. Modules with a ``forward`` of their
            own go by way of ONNX: ``torch.onnx.export``, ``gn.from_onnx``.
        ShapeError: ``input_shape`` is missing or does not fit.
        MissingExtraError: torch is not installed.
    """
    _require_torch("from_torch")
    import torch

    found = list(_layers(module, ""))
    if input_shape is None:
        first = next((m for _, m, _ in found if any(True for _ in m.parameters())), None)
        if not isinstance(first, torch.nn.Linear):
            raise ShapeError(
                where="from_torch",
                received="no input_shape",
                expected="the shape of one row, which these layers do not tell",
                fix="write gn.from_torch(module, (3, 32, 32)) for colour images of 32×32 pixels",
            )
        input_shape = (first.in_features,)
    network = Sequential(*(layer for _, _, layer in found))
    kinds = {parameter.dtype for parameter in module.parameters()}
    network.build(as_shape(input_shape, where="from_torch"), dtype="float64" if kinds == {torch.float64} else "float32")
    for prefix, source, layer in found:
        state = {name: tensor.detach().cpu().numpy() for name, tensor in source.state_dict().items()}
        from_state(layer, state, where=f"from_torch: {prefix or type(source).__name__}")
    return network


def to_torch(model: Model | Network) -> Any:
    """Makes a ``torch.nn.Sequential`` of the same layers with copies of the weights.

    Args:
        model: a model, of which the network counts (its preprocessing stays behind), or a built network.

    Returns:
        The module in evaluation mode; ``state_dict`` and training work as ever.

    Raises:
        NotBuiltError: the network's shapes are not known.
        ConfigurationError: a layer that PyTorch has not in this form; it is named.
        MissingExtraError: torch is not installed.
    """
    _require_torch("to_torch")
    import torch

    network = model.network if isinstance(model, Model) else model
    if not network.is_built:
        raise NotBuiltError(
            where="to_torch",
            received="a network whose shapes are not known",
            expected="a built one",
            fix="call network.build(input_shape), or model.fit(x, y), first",
        )
    module = to_module(network)
    if not isinstance(module, torch.nn.Sequential):
        module = torch.nn.Sequential(module)
    module = module.to(torch.float64 if network.dtype == np.float64 else torch.float32)
    return module.eval()


def _require_torch(where: str) -> None:
    if find_spec("torch") is None:
        raise MissingExtraError(
            where=where,
            received="no torch",
            expected="PyTorch, whose modules these are",
            fix="install it as https://pytorch.org says",
        )


def _layers(module: Any, prefix: str) -> Iterator[tuple[str, Any, gl.Layer]]:
    """(name, module, layer) for all modules in their order."""
    from torch import nn

    if isinstance(module, nn.Sequential):
        for name, child in module.named_children():
            yield from _layers(child, f"{prefix}.{name}" if prefix else name)
        return
    read = _READERS.get(type(module).__name__) if type(module).__module__.startswith("torch.nn.") else None
    layer = read(module) if read is not None else None
    if layer is None:
        raise ConfigurationError(
            where=f"from_torch: {prefix or 'module'}",
            received=f"{module!r:.200}",
            expected="torch.nn.Sequential of " + ", ".join(sorted(_READERS)),
            fix="export it with torch.onnx.export and read that with gn.from_onnx",
        )
    yield prefix, module, layer


def _shared(m: Any) -> dict[str, Any] | None:
    """What convolutions have in common; None where the border is not of zeros."""
    if m.padding_mode != "zeros":
        return None
    return {"stride": m.stride, "dilation": m.dilation, "groups": m.groups, "use_bias": m.bias is not None}


def _conv(m: Any) -> gl.Layer | None:
    shared = _shared(m)
    if shared is None:
        return None
    return gl.Conv2D(m.out_channels, m.kernel_size, padding=m.padding, **shared)


def _conv_transpose(m: Any) -> gl.Layer | None:
    shared = _shared(m)
    if shared is None:
        return None
    sizes = {"padding": m.padding, "output_padding": m.output_padding}
    return gl.ConvTranspose2D(m.out_channels, m.kernel_size, **sizes, **shared)


def _max_pool(m: Any) -> gl.Layer | None:
    if m.ceil_mode or m.return_indices or pair(m.dilation, "", "") != (1, 1):
        return None
    return gl.MaxPool2D(m.kernel_size, stride=m.stride, padding=m.padding)


def _average_pool(m: Any) -> gl.Layer | None:
    counts = m.count_include_pad and pair(m.padding, "", "", low=0) != (0, 0)
    if m.ceil_mode or counts or m.divisor_override:
        return None
    return gl.AveragePool2D(m.kernel_size, stride=m.stride, padding=m.padding)


def _adaptive(layer: Any) -> Callable[[Any], gl.Layer | None]:
    return lambda m: layer() if m.output_size in (1, (1, 1)) else None


def _batch_norm(m: Any) -> gl.Layer | None:
    if not (m.affine and m.track_running_stats and m.momentum):
        return None
    return gl.BatchNorm(momentum=m.momentum, epsilon=m.eps)


def _layer_norm(m: Any) -> gl.Layer | None:
    if len(m.normalized_shape) != 1 or not m.elementwise_affine or m.bias is None:
        return None
    return gl.LayerNorm(epsilon=m.eps)


def _upsample(m: Any) -> gl.Layer | None:
    factor = m.scale_factor if isinstance(m.scale_factor, tuple) else (m.scale_factor, m.scale_factor)
    if m.mode != "nearest" or m.size is not None or any(f != int(f) for f in factor):
        return None
    return gl.UpSample2D((int(factor[0]), int(factor[1])))


_READERS: dict[str, Callable[[Any], gl.Layer | None]] = {
    "AdaptiveAvgPool2d": _adaptive(gl.GlobalAveragePool),
    "AdaptiveMaxPool2d": _adaptive(gl.GlobalMaxPool),
    "AvgPool2d": _average_pool,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "Conv2d": _conv,
    "ConvTranspose2d": _conv_transpose,
    "Dropout": lambda m: gl.Dropout(m.p),
    "ELU": lambda m: gl.ELU(m.alpha),
    "Flatten": lambda m: gl.Flatten() if (m.start_dim, m.end_dim) == (1, -1) else None,
    "GELU": lambda m: gl.GELU(approximate=m.approximate == "tanh"),
    "GroupNorm": lambda m: gl.GroupNorm(m.num_groups, epsilon=m.eps) if m.affine else None,
    "Identity": lambda m: gl.Identity(),
    "LayerNorm": _layer_norm,
    "LeakyReLU": lambda m: gl.LeakyReLU(m.negative_slope),
    "Linear": lambda m: gl.Dense(m.out_features, use_bias=m.bias is not None),
    "MaxPool2d": _max_pool,
    "ReLU": lambda m: gl.ReLU(),
    "SiLU": lambda m: gl.SiLU(),
    "Sigmoid": lambda m: gl.Sigmoid(),
    "Softmax": lambda m: gl.Softmax() if m.dim in (-1, 1) else None,
    "Softplus": lambda m: gl.Softplus() if m.beta == 1 else None,
    "Tanh": lambda m: gl.Tanh(),
    "Upsample": _upsample,
    "ZeroPad2d": lambda m: gl.ZeroPad2D(((m.padding[2], m.padding[3]), (m.padding[0], m.padding[1]))),
}
"""How each module of torch.nn is read; None for settings that glassnet's layer has not."""


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


for _layer, _name in (
    (gl.Identity, "Identity"), (gl.ReLU, "ReLU"), (gl.SiLU, "SiLU"), (gl.Sigmoid, "Sigmoid"), (gl.Tanh, "Tanh"),
    (gl.Softplus, "Softplus"), (gl.Flatten, "Flatten"),
):  # fmt: skip
    to_module.register(_layer, _simple(_name))


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
            """As glassnet's."""
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

    return nn.Unflatten(1, layer.shape) if len(layer.input_shape or ()) == 1 else to_module.dispatch(gl.Layer)(layer)


@to_module.register
def _to_upsample(layer: gl.UpSample2D) -> Any:
    from torch import nn

    return nn.Upsample(scale_factor=pair(layer.factor, "", ""))


@to_module.register
def _to_zero_pad(layer: gl.ZeroPad2D) -> Any:
    from torch import nn

    (_, height, width), (_, rows, columns) = layer.input_shape or (), layer.output_shape or ()
    return nn.ZeroPad2d((layer.left, columns - width - layer.left, layer.top, rows - height - layer.top))
