"""Parameters: the weights and biases of layers, to read and write like arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from glassnet.core.calls import Closed
from glassnet.core.errors import ConfigurationError, DataError, NotBuiltError, ShapeError
from glassnet.core.numeric import numeric
from glassnet.core.settings import boolean, number
from glassnet.core.shapes import Array, Shape, size_of

if TYPE_CHECKING:  # the name alone would load numpy.random
    Draw = Callable[[Shape, np.random.Generator], Array]


class Watched:
    """Base of what programs are compiled from: whatever is set in it gets a number, which the networks around it keep.

    Attributes:
        latest: number of the latest change of anything in this process.
        unplaced: that of the latest one of what stands in no built network: nobody knows where it may stand.
        is_built: whether it is a network in use.
        home: the network that it stands in, or None.
    """

    latest: ClassVar[int] = 0
    unplaced: ClassVar[int] = 0
    is_built: Any = False
    home: Any = None
    _changed = 0

    @property
    def version(self) -> int:
        """The number of the latest change in it, or of what may stand in it: until then, what was compiled holds."""
        changed, unplaced = self._changed, Watched.unplaced
        return changed if changed > unplaced or not self.may_hold_unplaced(unplaced) else unplaced

    def may_hold_unplaced(self, number: int) -> bool:
        """Whether what stands in no built network, and changed with that number, may stand in it."""
        return True

    def note_change(self) -> None:
        """Counts a change, of itself and of the networks around it."""
        number = Watched.latest = next(_NUMBERS)
        around: Any = self
        while around is not None:
            around.__dict__["_changed"] = number  # which is no change by itself
            outermost, around = around, around.home
        if not outermost.is_built:
            Watched.unplaced = number


_NUMBERS = count(1)
NONE_YET: Array = np.empty(0)
NONE_YET.flags.writeable = False
"""What stands in the place of values before there are any."""


class Parameter(Closed, NDArrayOperatorsMixin):
    """One weight or bias of a layer; to read and write like an array.

    ``layer.weight[0]``, ``np.abs(layer.weight)`` and ``layer.weight * 2`` calculate with its values;
    ``layer.weight[0] = 1``, ``layer.weight *= 2``, ``layer.weight.value = array`` and ``layer.weight = array`` change
    them, wherever the parameter stands. Networks that share a layer share its parameters.

    Args:
        name: the layer's own name for it, such as ``"weight"``.
        shape: its shape.
        draw: gives the initial values, (shape, generator) -> array.
        is_weight: True for what penalties and decay act on; biases, scales and offsets are spared.
        unit_axis: the axis that counts the layer's units, for max-norm; None where there is no such axis.
        trainable: False for what a layer keeps itself, such as running statistics: no update rule moves it.
        least: the smallest number that it may hold, such as 0 for a variance; None for any.

    Attributes:
        is_statistic: whether the layer keeps it itself.
        where: how messages name it: its layer, and its name.
    """

    __array_priority__ = 1.0

    name: str
    shape: Shape
    draw: Draw
    least: float | None
    is_weight: bool
    unit_axis: int | None
    is_statistic: bool
    where: str
    _gradient: Array
    _value: Array
    _is_frozen: bool
    _rate_scale: float
    _store: Any
    _start: int

    def __init__(
        self,
        name: str,
        shape: Shape,
        draw: Draw,
        *,
        is_weight: bool = True,
        unit_axis: int | None = None,
        trainable: bool = True,
        least: float | None = None,
    ) -> None:
        vars(self).update(
            name=name,
            shape=tuple(shape),
            draw=draw,
            least=least,
            is_weight=is_weight,
            unit_axis=unit_axis,
            is_statistic=not trainable,
            where=f"parameter {name!r}",
            _gradient=NONE_YET,
            _value=NONE_YET,
            _is_frozen=False,
            _rate_scale=1.0,
            _store=None,
            _start=0,
        )
        self.close()

    def __repr__(self) -> str:
        frozen = "" if self.trainable or self.is_statistic else ", frozen"
        return f"Parameter({self.name!r}, {self.shape}{frozen})"

    def __getstate__(self) -> dict[str, Any]:
        """Its values without the memory of the network that it stands in, which gives it a place again."""
        return self.__dict__ | {"_store": None, "_value": np.array(self._value), "_gradient": np.array(self._gradient)}

    @property
    def value(self) -> Array:
        """The values: a view into the network's ``parameters`` once the network is built."""
        return self._value

    @value.setter
    def value(self, given: Any) -> None:
        self[...] = given

    @property
    def gradient(self) -> Array:
        """∂L/∂value in the same shape: a view into the network's ``gradients``; a backward pass writes it."""
        return self._gradient

    @gradient.setter
    def gradient(self, given: Any) -> None:
        if given is not self._gradient:  # as after ``gradient += dw``
            raise ConfigurationError(
                where=self.where,
                received="another array put into its gradient, which no update would ever see",
                expected="the values written into the array that is there",
                fix=f"write {self.name}.gradient[...] = ...",
            )

    @property
    def trainable(self) -> bool:
        """Whether updates move it; may be set at any time, but for what a layer keeps itself."""
        return not (self.is_statistic or self._is_frozen)

    @trainable.setter
    def trainable(self, given: bool) -> None:
        given = boolean(given, "trainable", self.where)
        if given and self.is_statistic:
            raise ConfigurationError(
                where=self.where,
                received="trainable=True for what the layer keeps itself",
                expected="a parameter with a gradient",
                fix="leave it: the layer's forward pass moves it while training",
            )
        self._is_frozen = not given
        if self._store is not None:
            self._store.bind(self)
        self._note_change()

    @property
    def learning_rate_scale(self) -> float:
        """Multiplies the learning rate of its updates (1); may be set at any time."""
        return self._rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, given: float) -> None:
        self._rate_scale = number(given, "learning_rate_scale", self.where, low=0)
        self._note_change()

    def _note_change(self) -> None:
        """Counts a change of all networks that it is in."""
        for network in () if self._store is None else self._store.networks:
            network.note_change()

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return size_of(self.shape)

    @property
    def T(self) -> Array:  # noqa: N802 - as arrays have it
        """The values with their axes reversed."""
        return self.value.T

    @property
    def source(self) -> Parameter:
        """The parameter that owns the values: itself, or the one that this is a view of."""
        return self

    @property
    def store(self) -> Any:
        """The memory in which it has its place; None where it has none yet."""
        return self._store

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __setitem__(self, key: Any, given: Any) -> None:
        """Changes values.

        Raises:
            ShapeError: another shape than that of the place, or what are no finite numbers; nothing is changed.
        """
        self._require_values()
        place = self.value[key]
        try:
            values = numeric(given.value if isinstance(given, Parameter) else given, where=self.where)
        except DataError as error:
            raise ShapeError(**error.parts) from error
        fits = values.shape == np.shape(place) or values.ndim == 0
        fault = self.fault_of(values) if fits else ""
        if not fits or fault:
            raise ShapeError(
                where=self.where,
                received=f"{values.dtype} of shape {values.shape}" + (f", {fault}" if fault else ""),
                expected=f"finite numbers of shape {np.shape(place)}, or one for all",
                fix="give an array of that shape; a dense weight is (inputs, outputs)",
            )
        self.value[key] = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._require_values()
        return np.array(self.value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        """Calculates with the values; in place it changes them."""
        arrays = [x.value if isinstance(x, Parameter) else x for x in inputs]
        out = settings.pop("out", None)
        result = getattr(ufunc, method)(*arrays, **settings)
        if out is None:
            return result
        for place, values in zip(out, result if isinstance(result, tuple) else (result,), strict=True):
            place[...] = values
        return out[0] if len(out) == 1 else out

    def fault_of(self, values: Array) -> str:
        """What is wrong with real numbers that are to be its values, such as ``"not all finite"``; "" for nothing."""
        if not _can_hold(self.dtype, values):
            return "not all finite"
        return f"some below {self.least:g}" if self.least is not None and (values < self.least).any() else ""

    def _require_values(self) -> None:
        if self.value.shape != self.shape:
            raise NotBuiltError(
                where=self.where,
                received="a parameter without values yet",
                expected="one of a built network",
                fix="call net.build((features,)) or model.fit(x, y) first",
            )

    @property
    def shown(self) -> tuple[Array, Array]:
        """What ``show`` was given last."""
        return self._value, self._gradient

    def show(self, value: Array, gradient: Array) -> None:
        """Lets layers see these arrays in its place."""
        self._value, self._gradient = value, gradient


class ParameterView(Parameter):
    """A parameter that stands in a second place: the same values, and a gradient of its own.

    Args:
        source: the one that owns the values.
        never_trained: whether it is not trained from here, whatever the source is.
    """

    def __init__(self, source: Parameter, *, never_trained: bool) -> None:
        self._source = source
        self.never_trained = never_trained
        super().__init__(
            source.name,
            source.shape,
            source.draw,
            is_weight=source.is_weight,
            unit_axis=source.unit_axis,
            trainable=not source.is_statistic,
            least=source.least,
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    @property
    def source(self) -> Parameter:
        """The one that owns the values."""
        return self._source

    @property
    def value(self) -> Array:
        """The source's values, unless others are shown in its place."""
        return self._source.value if self._value.shape != self.shape or not self.size else self._value

    @value.setter
    def value(self, given: Any) -> None:
        self._source[...] = given

    @property
    def trainable(self) -> bool:
        """Whether updates move the source, unless it is never trained from here."""
        return not self.never_trained and self._source.trainable

    @trainable.setter
    def trainable(self, given: bool) -> None:
        if given and self.never_trained:
            raise ConfigurationError(
                where=self.where,
                received="trainable=True for a layer that frozen() gave",
                expected="that it is never trained from here",
                fix="use twin() in its place, which shares the weights and is trained as the layer is",
            )
        if not self.never_trained:
            self._source.trainable = given

    @property
    def learning_rate_scale(self) -> float:
        """The source's."""
        return self._source.learning_rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, given: float) -> None:
        self._source.learning_rate_scale = given

    def bind(self) -> None:
        """Gives it a gradient in the values' shape and dtype."""
        self._value = np.empty(0)
        if self.gradient.shape != self.shape or self.gradient.dtype != self._source.dtype:
            self._gradient = np.zeros(self.shape, self._source.dtype)


def drawn(parameter: Parameter, rng: np.random.Generator, path: str, dtype: np.dtype[Any]) -> Array:
    """Its initial values in float64.

    Raises:
        ShapeError: an initializer of the user's gives another shape, or what are no numbers that the dtype can hold.
        ConfigurationError: there is no memory for so many.
    """
    try:
        values = np.asarray(parameter.draw(parameter.shape, rng))
    except MemoryError as error:
        raise ConfigurationError(
            where=f"initial values of {path}",
            received=f"{size_of(parameter.shape):,} values of shape {parameter.shape}",
            expected="as many as there is memory for",
            fix="choose fewer units, filters or vectors",
        ) from error
    if values.shape != parameter.shape or values.dtype.kind not in "fiub" or not _can_hold(dtype, values):
        raise ShapeError(
            where=f"initial values of {path}",
            received=f"{values.dtype} of shape {values.shape}"
            + ("" if values.shape != parameter.shape else f", not all finite in {dtype}"),
            expected=f"finite numbers of shape {parameter.shape}",
            fix="let the initializer return an array of the shape that it is asked for: rng.normal(size=shape)",
        )
    return values.astype(np.float64, copy=False)


def _can_hold(dtype: np.dtype[Any], values: Array) -> bool:
    with np.errstate(over="ignore"):
        return values.dtype.kind in "fiub" and bool(np.isfinite(values.astype(dtype)).all())
