"""Which models are alike, so that one recorded program does for all of them."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from glassnet.core.settings import Configurable, setting_names
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.runners.own import METHODS, is_library_code, is_own
from glassnet.training import engine_class

PLAIN = frozenset((bool, int, float, str, type(None)))
"""Settings that are told by how they are written, which tells 1 from 1.0 and True, and -0.0 from 0.0."""
UNSET = attrgetter(
    *("preprocessing", "target_scaling", "feature_names", "target_name", "class_names", "vocabulary", "forecasting"),
    *("metrics", "memories", "ragged", "_state"),
)
"""Attributes of a model which must be empty: what they ask for is looked after by ``Model.fit``."""
MOST_SEED = 2**53
"""Larger ones are refused by the compiled engine where they draw masks."""

MOST_KNOWN = 256
"""So many settings, and so many kinds, are remembered at a time."""


class Unlike(Exception):  # noqa: N818 - it is no error
    """A model has something of its own."""


class Kinds:
    """Tells which of some models are alike; it looks at each class once."""

    def __init__(self) -> None:
        self._getters: dict[tuple[type, str], Callable[[Any], tuple[Any, ...]]] = {}
        self._known: dict[tuple[type, str, tuple[Any, ...]], tuple[list[type], tuple[Any, ...]]] = {}
        self._kinds: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # of those that are equal always the same one

    def of(self, model: Model) -> tuple[Any, ...] | None:
        """What tells models from others that train alike: equal for models that differ in numbers alone.

        Those numbers are the parameters, the seed, the epochs done, a constant learning rate and what the optimizer
        remembers. Which parameters are trained, and how fast, is known only when a network is built: its layout says
        so.

        Returns:
            None for a model that is like no other: with code of the user's own, layers that other networks share,
            preprocessing, metrics or callbacks' memories, without the compiled engine, or in the middle of an epoch.
        """
        if type(model) is not Model or any(UNSET(model)) or model.seed > MOST_SEED:
            return None
        network, fit = model.network, model.latest_fit
        if type(network) is not Sequential or engine_class(model.engine).name != "compiled":
            return None
        if fit is not None and (fit.position is None or fit.position.step):
            return None
        layers = network.layers_inside()
        if network.is_built:
            networks = 1
            for _, layer in layers:
                networks += layer.is_network
            if len(network._store().networks) != networks:
                return None
        elif any(layer.own_parameters() for _, layer in layers):
            return None  # which another network has given it
        try:
            optimizer = model.optimizer
            rate, told = optimizer.learning_rate, self._told
            rates = type(rate) if type(rate) in (int, float) else told(rate)
            found = [model.dtype.str, rates, told(model.loss), told(optimizer, "learning_rate")]
            for path, layer in layers:
                found += path, told(layer)
        except Unlike:
            return None
        kind = tuple(found)
        if len(self._kinds) > MOST_KNOWN:
            self._kinds.clear()
        return self._kinds.setdefault(kind, kind)

    def _told(self, thing: Any, but: str = "") -> tuple[Any, ...]:
        """What describes a layer, loss, optimizer or schedule, if it is the library's and has plain settings.

        Raises:
            Unlike: it is not, or has not.
        """
        kind = type(thing)
        getter = self._getters.get((kind, but))
        if getter is None:
            if is_own(thing) or not is_library_code(kind):
                raise Unlike
            getter = self._getters[kind, but] = _getter(kind, but)
        elif not thing.__dict__.keys().isdisjoint(METHODS) and is_own(thing):
            raise Unlike
        values = getter(thing)
        types = list(map(type, values))
        if not PLAIN.issuperset(types):
            return kind, *map(self._value, values)
        key = kind, but, values
        known, told = self._known.get(key, (None, ()))
        if known == types:
            return told
        told = kind, repr(values)
        if not any(value == 0 and type(value) is float for value in values):  # of which there are two that are equal
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known[key] = types, told
        return told

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return repr(value)
        if kind is tuple or kind is list:
            return kind, *map(self._value, value)
        if isinstance(value, Configurable):
            return self._told(value)
        raise Unlike


def kind_of(model: Model) -> tuple[Any, ...] | None:
    """See ``Kinds.of``."""
    return Kinds().of(model)


def _getter(kind: type[Configurable], but: str) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the settings of an object of that class but one, and what was said of it beside them."""
    names = [name for name in (*setting_names(kind), *kind.label_names) if name != but]
    if len(names) < 2:  # with which attrgetter gives no tuple
        return lambda thing: tuple(getattr(thing, name) for name in names)
    return attrgetter(*names)
