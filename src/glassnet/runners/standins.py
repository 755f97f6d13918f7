"""Arrays that stand for data to come, handed to a user's own code while a training step is recorded.

What is recorded are calls of kernels. Code that calculates with such an array by itself would calculate with nothing,
once, and the replay would repeat the result for ever; so these arrays refuse everything but being looked at in another
shape and handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import numpy as np

from glassnet.core.shapes import Array

VIEWS = ("reshape", "ravel", "transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims", "broadcast_to", "diagonal")
ASKED = ("shape", "ndim", "size", "iscomplexobj", "isrealobj", "result_type", "can_cast", "shares_memory")
"""NumPy's functions that look at an array, and those that ask for no number in it."""
REFUSED = (
    *("all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "byteswap", "choose", "clip", "compress"),
    *("conj", "conjugate", "copy", "cumprod", "cumsum", "dot", "dump", "dumps", "fill", "flatten", "item", "max"),
    *("mean", "min", "nonzero", "partition", "prod", "put", "repeat", "resize", "round", "searchsorted", "setfield"),
    *("sort", "std", "sum", "take", "tobytes", "tofile", "tolist", "trace", "var"),
    *("__array__", "__bool__", "__complex__", "__contains__", "__copy__", "__deepcopy__", "__float__", "__index__"),
    *("__int__", "__iter__", "__reduce__", "__reduce_ex__", "__setitem__"),
)
"""Methods that read numbers or write them."""


class NotRecorded(Exception):  # noqa: N818 - never seen by a user
    """A user's own code did what no recording holds.

    Attributes:
        part: the layer, loss or optimizer whose code it was.
        reason: what it did.
    """

    def __init__(self, part: Any, reason: str) -> None:
        super().__init__(f"{part!r} {reason}")
        self.part, self.reason = part, reason


class Refusing(Protocol):
    """The recorder, to its stand-ins."""

    def refusal(self, reason: str) -> NotRecorded:
        """The exception for what a user's own code did."""


class StandIn(np.ndarray[Any, Any]):
    """A buffer that refuses arithmetic; ``plain`` is the buffer itself, None for a view of one."""

    recorder: Refusing | None = None
    plain: Array | None = None

    def __array_finalize__(self, obj: Any) -> None:
        self.recorder = getattr(obj, "recorder", None)

    def refuse(self, what: str) -> NoReturn:
        """Raises ``NotRecorded``, and sees to it that the recorder learns of it even where that is swallowed."""
        assert self.recorder is not None
        raise self.recorder.refusal(f"calls {what} on data that a kernel has yet to compute")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> NoReturn:
        self.refuse(f"numpy.{ufunc.__name__}")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func.__name__ in VIEWS:
            return self._view(func.__name__, super().__array_function__(func, types, args, kwargs))
        if func.__name__ not in ASKED:
            self.refuse(f"numpy.{func.__name__}")
        return super().__array_function__(func, types, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if not all(part is None or part is Ellipsis or isinstance(part, slice | int | np.integer) for part in parts):
            self.refuse("[...] with an array of places")
        found = super().__getitem__(index)
        if not isinstance(found, StandIn):
            self.refuse("[...] for a single number")
        return found

    def reshape(self, *shape: Any, **settings: Any) -> Any:
        """A view in another shape."""
        return self._view("reshape", super().reshape(*shape, **settings))

    def ravel(self, *order: Any) -> Any:
        """A flat view."""
        return self._view("ravel", super().ravel(*order))

    def __repr__(self) -> str:
        return f"<{self.dtype} array of shape {self.shape} that a kernel has yet to compute>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def _view(self, name: str, found: Any) -> Any:
        if found.size and not np.may_share_memory(found.view(np.ndarray), self.view(np.ndarray)):
            self.refuse(f"numpy.{name}, which has to copy here,")
        return found


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refused(self: StandIn, *_: Any, **__: Any) -> NoReturn:
        self.refuse(f"ndarray.{name}")

    return refused


for _name in REFUSED:
    setattr(StandIn, _name, _refusing(_name))


def stand_in(buffer: Array, recorder: Refusing) -> Array:
    """The stand-in for a buffer."""
    found = buffer.view(StandIn)
    found.recorder, found.plain = recorder, buffer
    return found


def plain(value: Any) -> Any:
    """The buffer behind a stand-in, or the like in a list; anything else as it is."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, StandIn):
        return value
    return value.view(np.ndarray) if value.plain is None else value.plain


def kept_by(part: Any) -> bool:
    """Whether an object keeps a stand-in in an attribute, directly or in a list, tuple or dict."""
    return any(_holds(value, depth=3) for value in vars(part).values())


def _holds(value: Any, depth: int) -> bool:
    if isinstance(value, StandIn):
        return True
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return depth > 0 and any(_holds(item, depth - 1) for item in inside)
