"""PyTorch modules as networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from glassnet import layers as gl
from glassnet.errors import ConfigurationError, MissingExtraError, ShapeError
from glassnet.interop.state import from_state
from glassnet.layers.windows import pair
from glassnet.network import Network, Sequential
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
    require_torch("from_torch")
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


def require_torch(where: str) -> None:
    """Says so where PyTorch is missing."""
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
    is_known = type(module).__module__.startswith(("torch.nn.", "glassnet.interop."))
    read = _READERS.get(type(module).__name__) if is_known else None
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
    "Columns": lambda m: gl.Columns(m.indices),
    "Conv2d": _conv,
    "ConvTranspose2d": _conv_transpose,
    "Dropout": lambda m: gl.Dropout(m.p),
    "Embedding": lambda m: gl.Embedding(*m.weight.shape) if m.max_norm is None else None,
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
