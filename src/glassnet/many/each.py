"""Arguments of a call for many models: one for all, or one for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from glassnet.core.errors import ConfigurationError, shown
from glassnet.model import Model

NO_LISTS = str, bytes, bytearray, memoryview, dict
"""What could be gone through, and is hardly meant to be."""


class Each:
    """A value for each model of a call for many, in their order; any other value is one for all.

    Args:
        values: one for each model.

    Raises:
        ConfigurationError: no list.

    Example:
        >>> import glassnet as gn
        >>> gn.Each([16, 32, 64])
        Each([16, 32, 64])
    """

    def __init__(self, values: Iterable[Any]) -> None:
        try:
            found = None if isinstance(values, NO_LISTS) else list(values)
        except TypeError:
            found = None
        if found is None:
            raise ConfigurationError(
                where="Each",
                received=shown(values),
                expected="a list with a value for each model",
                fix="write gn.Each([16, 32, 64]); what is the same for all models is given as it is",
            )
        self.values = found

    def __repr__(self) -> str:
        return f"Each({self.values!r:.70})"

    def __len__(self) -> int:
        return len(self.values)


def by_model(given: Any, name: str, count: int, where: str) -> list[Any]:
    """The value of an argument for each of so many models.

    Raises:
        ConfigurationError: an ``Each`` of another length.
    """
    if not isinstance(given, Each):
        return [given] * count
    if len(given) != count:
        raise ConfigurationError(
            where=f"{where}: {name}",
            received=f"gn.Each of {len(given):,} values",
            expected=f"{count:,}, one for each model",
            fix="give each model its own, or all of them the same without gn.Each",
        )
    return given.values


def as_models(given: Any, where: str) -> list[Model]:
    """A list of models that can be trained side by side.

    Raises:
        ConfigurationError: something else; the same model, or layers that two of them share.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(own, Model) for own in given):
        other = next((own for own in given if not isinstance(own, Model)), given) if _is_list(given) else given
        raise ConfigurationError(
            where=f"{where}: models",
            received=shown(other),
            expected="a list of gn.Model",
            fix=f"write gn.{where}([build(seed) for seed in range(10)], x, ...)",
        )
    return list(given)


def require_apart(models: Sequence[Model], where: str) -> None:
    """Refuses models of which a training would change another.

    Raises:
        ConfigurationError: the same twice, or two with the same layers.
    """
    seen: dict[int, int] = {}
    for number, model in enumerate(models):
        things = [model._trained_thing(), *(layer.weights_in_common for _, layer in model.network.layers_inside())]
        first = min([seen.setdefault(id(thing), number) for thing in things])
        if first != number:
            raise ConfigurationError(
                where=f"{where}: models",
                received=f"models {first} and {number}, which are the same or have the same layers",
                expected="models that have nothing in common",
                fix="build each anew: [build(seed) for seed in range(10)]; or take copies: copy.deepcopy(model)",
            )


def _is_list(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)
