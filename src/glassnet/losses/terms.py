"""What a weighted sum of losses is made of, and how that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import is_real, number
from glassnet.losses.base import Loss
from glassnet.losses.named import single_loss


@dataclass(frozen=True)
class Term:
    """One loss of the sum: of which output, and its weight."""

    output: str
    loss: Loss
    weight: float


def pairs_of(given: Any, name: Any) -> list[tuple[Loss, float]]:
    """(loss, weight) of what was given for an output.

    Raises:
        ConfigurationError: no name, no loss, a weight below 0, or losses that are a sum already.
    """
    if not isinstance(name, str):
        raise ConfigurationError(
            where="loss", received=f"the key {name!r}", expected="names of outputs", fix="write them as texts"
        )
    if isinstance(given, list | tuple) and not given:
        raise ConfigurationError(
            where=f"loss of {name!r}", received="no loss", expected="one or more", fix='write "mean_squared_error"'
        )
    is_pair = isinstance(given, list | tuple) and len(given) == 2 and is_real(given[1])
    if is_pair:
        weight = number(given[1], "weight", f"loss of {name!r}", low=0, in_float32=True)
        if isinstance(given[0], Mapping) or (isinstance(given[0], Loss) and given[0].parts()):
            raise ConfigurationError(
                where=f"loss of {name!r}",
                received=f"{shown(given[0])}",
                expected="a loss of that output alone",
                fix="write its weights at its losses",
            )
        return [(single_loss(given[0]), weight)]
    if isinstance(given, list | tuple):
        return [pair for one in given for pair in pairs_of(one, name)]
    return pairs_of((given, 1.0), name)


def written(terms: Sequence[Term]) -> Any:
    """The terms of an output, as short as they can be written."""
    found = tuple(term.loss if term.weight == 1 else (term.loss, term.weight) for term in terms)
    return found[0] if len(found) == 1 else found
