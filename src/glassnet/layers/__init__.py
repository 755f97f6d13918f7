"""Layers: parameters plus the kernel calls of their forward and backward pass, one family a file.

Public layers are found in these files; only type checkers, which run nothing, have to be told the files' names.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from glassnet.layers.activation import ACTIVATIONS as ACTIVATIONS
from glassnet.layers.base import Layer as Layer
from glassnet.layers.numpy_layer import NumpyLayer as NumpyLayer

if TYPE_CHECKING:
    from glassnet.layers.activation import *
    from glassnet.layers.attention import *
    from glassnet.layers.augment import *
    from glassnet.layers.batch_norm import *
    from glassnet.layers.conv import *
    from glassnet.layers.conv1d import *
    from glassnet.layers.dense import *
    from glassnet.layers.dropout import *
    from glassnet.layers.embedding import *
    from glassnet.layers.global_pool import *
    from glassnet.layers.numpy_layer import *
    from glassnet.layers.pool import *
    from glassnet.layers.position import *
    from glassnet.layers.recurrent import *
    from glassnet.layers.resize import *
    from glassnet.layers.row_norm import *
    from glassnet.layers.scale import *
    from glassnet.layers.shape import *
    from glassnet.layers.tied import *


def _is_public(thing: object) -> bool:
    """Whether it is a layer that users make, or a base of theirs."""
    return isinstance(thing, type) and issubclass(thing, Layer) and not thing.__name__.startswith("_")


_families = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
_found = {name: thing for family in _families for name, thing in vars(family).items() if _is_public(thing)}
globals().update(_found)
__all__ = sorted(["ACTIVATIONS", "NumpyLayer", *_found])


def __dir__() -> list[str]:
    """The public names and no others."""
    return __all__
