"""Modules of ``torch.nn`` as layers: what each becomes, and which of its settings no layer has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

from glassnet import layers as gl
from glassnet.core.shapes import Shape, batch_shape

EXPORTED = "glassnet.interop.torch.layers"
"""The module of the classes that ``to_torch`` adds to those of torch.nn."""


class UnreadError(Exception):
    """A setting, or a shape, that glassnet's layer has not; its text says which."""


@dataclass(frozen=True)
class Rows:
    """Shapes without the batch axis of what a module takes and of what it gives, and which of several things that is.

    Attributes:
        inputs: the shape of a row that it takes.
        outputs: the shape of a row that it gives, or that is made of what it gives.
        taken: what is taken of the outputs of a recurrence, see ``sequences``.
    """

    inputs: Shape
    outputs: Shape
    taken: str | int | None = None


Reader: TypeAlias = Callable[[Any, Rows], list[gl.Layer]]


def only(m: Any, **wanted: Any) -> None:
    """Refuses other values of settings; a number stands for a pair of it too."""
    for name, value in wanted.items():
        found = getattr(m, name)
        alone = found[0] if isinstance(found, tuple) and len(set(found)) == 1 else found
        if alone != value or isinstance(alone, bool) != isinstance(value, bool):
            raise UnreadError(f"{name}={' '.join(repr(found).split()):.80}")


def require_axes(rows: Rows, *known: int) -> None:
    """Refuses inputs of other numbers of axes."""
    if len(rows.inputs) not in known:
        raise UnreadError(f"inputs of shape {batch_shape(rows.inputs)}")


def _plain(make: Callable[[Any], gl.Layer]) -> Reader:
    """A module that becomes one layer, whatever the shapes."""
    return lambda m, rows: [make(m)]


def _alone(layer: type[gl.Layer]) -> Reader:
    """A module that becomes one layer without settings."""
    return lambda m, rows: [layer()]


def _images(make: Reader) -> Reader:
    """A module for images (N, C, H, W) alone."""

    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        require_axes(rows, 3)
        return make(m, rows)

    return read


def _as_images(make: Reader) -> Reader:
    """A module for sequences (N, C, L), which lie in torch as images of one row: (N, C, 1, L)."""

    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        if len(rows.inputs) != 2:
            return make(m, rows)
        (channels, steps), outputs = rows.inputs, rows.outputs
        across = Rows((channels, 1, steps), (outputs[0], 1, *outputs[1:]))
        return [gl.Reshape(across.inputs), *make(m, across), gl.Reshape(outputs)]

    return read


def _across(value: Any, other: int) -> tuple[Any, Any]:
    """A setting of a module for sequences as the pair of one for images."""
    return other, value[0] if isinstance(value, tuple) else value


def _pair(value: Any, other: int, axes: int) -> Any:
    """A setting of height and width; that of a module for sequences concerns the width."""
    if axes == 2 or isinstance(value, str):
        return value
    return _across(value, other)


def _conv(layer: type[gl.Conv2D | gl.ConvTranspose2D], axes: int) -> Reader:
    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        only(m, padding_mode="zeros")
        settings = {
            "stride": _pair(m.stride, 1, axes),
            "padding": _pair(m.padding, 0, axes),
            "dilation": _pair(m.dilation, 1, axes),
        }
        if layer is gl.ConvTranspose2D:
            settings["output_padding"] = _pair(m.output_padding, 0, axes)
        kernel = _pair(m.kernel_size, 1, axes)
        return [layer(m.out_channels, kernel, groups=m.groups, use_bias=m.bias is not None, **settings)]

    return read


def _max_pool(axes: int) -> Reader:
    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        only(m, ceil_mode=False, return_indices=False, dilation=1)
        stride, padding = _pair(m.stride, 1, axes), _pair(m.padding, 0, axes)
        return [gl.MaxPool2D(_pair(m.kernel_size, 1, axes), stride=stride, padding=padding)]

    return read


def _average_pool(axes: int) -> Reader:
    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        only(m, ceil_mode=False)
        if m.padding not in (0, (0,), (0, 0)):
            only(m, count_include_pad=False)
        if getattr(m, "divisor_override", None) is not None:
            raise UnreadError(f"divisor_override={m.divisor_override!r}")
        stride, padding = _pair(m.stride, 1, axes), _pair(m.padding, 0, axes)
        return [gl.AveragePool2D(_pair(m.kernel_size, 1, axes), stride=stride, padding=padding)]

    return read


def _limit(value: float) -> float | None:
    """A limit; None for an infinite one."""
    return float(value) if isfinite(value) else None


def _adaptive(whole: type[gl.Layer], windows: Callable[[Any], gl.Layer]) -> Reader:
    def read(m: Any, rows: Rows) -> list[gl.Layer]:
        if getattr(m, "return_indices", False):
            raise UnreadError("return_indices=True")
        if rows.outputs[1:] == (1, 1):
            return [whole(), gl.Reshape(rows.outputs)]
        if any(size % count for size, count in zip(rows.inputs, rows.outputs, strict=True)):
            raise UnreadError(f"output_size={m.output_size!r}, which windows of one size do not give")
        height, width = (size // count for size, count in zip(rows.inputs[1:], rows.outputs[1:], strict=True))
        return [windows((height, width))]

    return read


def _batch_norm(m: Any, rows: Rows) -> list[gl.Layer]:
    only(m, affine=True, track_running_stats=True)
    if m.momentum is None:
        raise UnreadError("momentum=None")
    return [gl.BatchNorm(momentum=m.momentum, epsilon=m.eps)]


def _of_vectors(m: Any) -> None:
    """Refuses a norm over several axes."""
    if len(m.normalized_shape) != 1:
        raise UnreadError(f"normalized_shape={m.normalized_shape!r}")


def _rms_norm(m: Any, rows: Rows) -> list[gl.Layer]:
    from torch import finfo

    _of_vectors(m)
    if m.weight is None:
        if m.eps is None:
            raise UnreadError("eps=None and no weights, which depends on the dtype of the rows")
        return [gl.RMSNorm(epsilon=m.eps, use_scale=False)]
    return [gl.RMSNorm(epsilon=finfo(m.weight.dtype).eps if m.eps is None else m.eps)]


def _layer_norm(m: Any, rows: Rows) -> list[gl.Layer]:
    _of_vectors(m)
    only(m, elementwise_affine=True)
    if m.bias is None:
        raise UnreadError("bias=None")
    return [gl.LayerNorm(epsilon=m.eps)]


def _group_norm(m: Any, rows: Rows) -> list[gl.Layer]:
    only(m, affine=True)
    return [gl.GroupNorm(m.num_groups, epsilon=m.eps)]


def _embedding(m: Any, rows: Rows) -> list[gl.Layer]:
    if m.max_norm is not None:
        raise UnreadError(f"max_norm={m.max_norm!r}")
    return [gl.Embedding(*m.weight.shape)]


def _softmax(m: Any, rows: Rows) -> list[gl.Layer]:
    if m.dim not in (-1, len(rows.inputs)):
        raise UnreadError(f"dim={m.dim!r} for inputs of shape {batch_shape(rows.inputs)}, not the last axis")
    return [gl.Softmax()]


def _softplus(m: Any, rows: Rows) -> list[gl.Layer]:
    only(m, beta=1)
    if m.threshold < 20:  # from where on torch takes x itself: e⁻²⁰ is what it leaves out
        raise UnreadError(f"threshold={m.threshold!r}")
    return [gl.Softplus()]


def _flatten(m: Any, rows: Rows) -> list[gl.Layer]:
    axes = len(rows.inputs) + 1
    first, last = m.start_dim % axes, m.end_dim % axes
    if first < 1:
        raise UnreadError(f"start_dim={m.start_dim}, which takes the batch's axis away")
    return [gl.Flatten() if (first, last) == (1, axes - 1) else gl.Reshape(rows.outputs)]


def _unflatten(m: Any, rows: Rows) -> list[gl.Layer]:
    if isinstance(m.dim, str) or m.dim % (len(rows.inputs) + 1) < 1:
        raise UnreadError(f"dim={m.dim!r}")
    return [gl.Reshape(rows.outputs)]


def _upsample(m: Any, rows: Rows) -> list[gl.Layer]:
    only(m, mode="nearest")
    channels, *sizes = rows.inputs
    factors = [new // old for new, old in zip(rows.outputs[1:], sizes, strict=True)]
    given = m.scale_factor if isinstance(m.scale_factor, tuple) else (m.scale_factor,) * 2
    is_whole = rows.outputs == (channels, *(old * factor for old, factor in zip(sizes, factors, strict=True)))
    if not is_whole or (m.size is None and given != tuple(factors)):
        raise UnreadError(f"size={m.size!r}, scale_factor={m.scale_factor!r} for images of {sizes[0]}×{sizes[1]}")
    return [gl.UpSample2D((factors[0], factors[1]))]


def _zero_pad(m: Any, rows: Rows) -> list[gl.Layer]:
    left, right, top, bottom = m.padding
    return [gl.ZeroPad2D(((top, bottom), (left, right)))]


READERS: dict[str, Reader] = {
    "AdaptiveAvgPool1d": _as_images(_adaptive(gl.GlobalAveragePool, gl.AveragePool2D)),
    "AdaptiveAvgPool2d": _images(_adaptive(gl.GlobalAveragePool, gl.AveragePool2D)),
    "AdaptiveMaxPool1d": _as_images(_adaptive(gl.GlobalMaxPool, gl.MaxPool2D)),
    "AdaptiveMaxPool2d": _images(_adaptive(gl.GlobalMaxPool, gl.MaxPool2D)),
    "AvgPool1d": _as_images(_average_pool(1)),
    "AvgPool2d": _images(_average_pool(2)),
    "BatchNorm1d": _as_images(_batch_norm),
    "BatchNorm2d": _images(_batch_norm),
    "Columns": _plain(lambda m: gl.Columns(m.indices)),
    "Conv1d": _as_images(_conv(gl.Conv2D, 1)),
    "Conv2d": _images(_conv(gl.Conv2D, 2)),
    "ConvTranspose1d": _as_images(_conv(gl.ConvTranspose2D, 1)),
    "ConvTranspose2d": _images(_conv(gl.ConvTranspose2D, 2)),
    "Dropout": _plain(lambda m: gl.Dropout(m.p)),
    "ELU": _plain(lambda m: gl.ELU(m.alpha)),
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GELU": _plain(lambda m: gl.GELU(approximate=m.approximate == "tanh")),
    "GroupNorm": _as_images(_group_norm),
    "Hardtanh": _plain(lambda m: gl.Clip(_limit(m.min_val), _limit(m.max_val))),
    "LayerNorm": _layer_norm,
    "LeakyReLU": _plain(lambda m: gl.LeakyReLU(m.negative_slope)),
    "Linear": _plain(lambda m: gl.Dense(m.out_features, use_bias=m.bias is not None)),
    "MaxPool1d": _as_images(_max_pool(1)),
    "MaxPool2d": _images(_max_pool(2)),
    "Permute": _plain(lambda m: gl.Permute(*m.order)),
    "RMSNorm": _rms_norm,
    "Scale": _plain(lambda m: gl.Scale()),
    "Softmax": _softmax,
    "Softplus": _softplus,
    "Unflatten": _unflatten,
    "Upsample": _images(_upsample),
    "ZeroPad2d": _images(_zero_pad),
    **{layer.in_torch: _alone(layer) for layer in gl.ACTIVATIONS.values() if layer.in_torch},
}
"""How each module is read."""

_HARMLESS = {
    "__init__", "__module__", "__doc__", "__qualname__", "__annotations__", "__constants__", "__parameters__",
    "__repr__", "__firstlineno__", "__static_attributes__", "extra_repr", "reset_parameters",
}  # fmt: skip
"""What a subclass may define without changing what the module calculates."""


def kind_of(module: Any) -> str | None:
    """The name of the class of torch.nn that a module calculates as, or of one that ``to_torch`` added.

    A subclass counts as its base where it changes nothing but how it is made and shown; None where it may calculate
    something else.
    """
    from torch import nn

    if "forward" in getattr(module, "__dict__", {}):
        return None
    for cls in type(module).__mro__:
        if getattr(nn, cls.__name__, None) is cls or cls.__module__ == EXPORTED:
            return cls.__name__
        if set(vars(cls)) - _HARMLESS:
            return None
    return None
