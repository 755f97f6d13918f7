"""Which models are alike, so that one recorded program does for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from glassnet.core.settings import Configurable, setting_names
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.runners.own import is_library_code, is_own
from glassnet.training import engine_class

PLAIN = frozenset((bool, int, str, type(None)))
"""Settings that are compared by their values."""
UNSET = attrgetter(
    *("preprocessing", "target_scaling", "feature_names", "target_name", "class_names", "vocabulary", "forecasting"),
    *("metrics", "memories", "ragged", "_state"),
)
"""Attributes of a model which must be empty: what they ask for is looked after by ``Model.fit``."""
MOST_SEED = 2**53
"""Larger ones are refused by the compiled engine where they draw masks."""


class Unlike(Exception):  # noqa: N818 - it is no error
    """A model has something of its own."""


def kind_of(model: Model) -> tuple[Any, ...] | None:
    """What tells models from others that train alike: equal for models that differ in numbers alone.

    Those numbers are the parameters, the seed, the epochs done, a constant learning rate and what the optimizer
    remembers. Which parameters are trained, and how fast, is known only when a network is built: its layout says so.

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
    layers = list(network.walk())
    if network.is_built:
        if len(network._store().networks) != 1 + sum(layer.is_network for _, layer in layers):
            return None
    elif any(layer.own_parameters() for _, layer in layers):
        return None  # which another network has given it
    try:
        rate = model.optimizer.learning_rate
        rates = type(rate) if type(rate) in (int, float) else _of(rate)
        beside = _of(model.loss), _of(model.optimizer, but="learning_rate")
        return model.dtype.str, rates, *beside, *[(path, *_of(layer)) for path, layer in layers]
    except Unlike:
        return None


def _of(thing: Any, but: str = "") -> tuple[Any, ...]:
    """What describes a layer, loss, optimizer or schedule, if it is the library's and has plain settings.

    Raises:
        Unlike: it is not, or has not.
    """
    kind: Any = type(thing)
    if is_own(thing) or not _is_ours(kind):
        raise Unlike
    labels = thing.labels()
    values = tuple(map(_value, _settings_of(kind, but)(thing)))
    return (kind, *values, *labels.items()) if labels else (kind, *values)


_is_ours = cache(is_library_code)


@cache
def _settings_of(kind: type[Configurable], but: str) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the settings of an object of that class, but one."""
    names = [name for name in setting_names(kind) if name != but]
    if len(names) < 2:  # with which attrgetter gives no tuple
        return lambda thing: tuple(getattr(thing, name) for name in names)
    return attrgetter(*names)


def _value(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return kind, value
    if kind is float:
        return repr(value)  # which tells -0.0 from 0.0
    if kind is tuple or kind is list:
        return kind, *map(_value, value)
    if isinstance(value, Configurable):
        return _of(value)
    raise Unlike
