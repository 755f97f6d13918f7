"""Several models in one file: what all have in common stands in it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.core.errors import FileFormatError
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.formats.description import MOST_COUNTED, MOST_LAYERS, ModelParts, describe, layers_in
from glassnet.formats.model_file import ENSEMBLE, OF_ENSEMBLES, contradiction
from glassnet.version import __version__

MOST_MEMBERS = 1000
_KEYS = {"seed", "waiting", "common", "members"}
"""What the description of an ensemble consists of; what a newer version adds must not be overlooked by this one."""


def describe_ensemble(
    members: Sequence[ModelParts], seed: int, waiting: Mapping[int, int], *, include_optimizer: bool
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The description and the arrays of several models; those of each begin with its number.

    Args:
        members: of the ensemble.
        seed: of the ensemble.
        waiting: by their numbers, for how many epochs members wait to be trained.
        include_optimizer: see ``describe``.

    Raises:
        ConfigurationError: a setting that no file can hold.
    """
    described = [describe(parts, include_optimizer=include_optimizer) for parts in members]
    first = described[0][0]
    common = {
        name: value
        for name, value in first.items()
        if all(name in own and _is_same(own[name], value) for own, _ in described)
    }
    own = [{name: value for name, value in one.items() if name not in common} for one, _ in described]
    description = {
        "format_version": OF_ENSEMBLES,
        "glassnet_version": __version__,
        ENSEMBLE: {"seed": seed, "waiting": sorted(waiting.items()), "common": common, "members": own},
    }
    tensors = {f"{i}/{name}": array for i, (_, arrays) in enumerate(described) for name, array in arrays.items()}
    return description, tensors


def members_of(
    description: Mapping[str, Any], tensors: Mapping[str, Array], where: str
) -> tuple[int, dict[int, int], list[tuple[dict[str, Any], dict[str, Array]]]]:
    """What ``describe_ensemble`` was given; of each member the description and arrays that ``reconstruct`` takes.

    Raises:
        FileFormatError: there is no ensemble in the file; or it contradicts itself.
    """
    try:
        given = description[ENSEMBLE]
        if set(given) != _KEYS:
            raise ValueError(f"an ensemble of {sorted(given)}")
        common, own = given["common"], given["members"]
        if not isinstance(common, dict) or not isinstance(own, list) or not all(isinstance(m, dict) for m in own):
            raise TypeError("members that are none")
        if not 2 <= len(own) <= MOST_MEMBERS:
            raise ValueError(f"an ensemble of {len(own):,} members")
        beside = {name: description[name] for name in ("glassnet_version", "written") if name in description}
        found: list[tuple[dict[str, Any], dict[str, Array]]] = [(beside | common | one, {}) for one in own]
        layers = sum(layers_in(one["network"]) for one, _ in found)
        if layers > MOST_LAYERS:
            raise ValueError(f"{layers:,} layers of all members together, more than {MOST_LAYERS:,}")
        numbers = {str(number): arrays for number, (_, arrays) in enumerate(found)}
        for name, array in tensors.items():
            number, _, rest = name.partition("/")
            numbers[number][rest] = array
        waiting = {
            whole(number, "waiting", where, low=0, high=len(own) - 1): whole(epochs, "epochs", where, high=MOST_COUNTED)
            for number, epochs in given["waiting"]
        }
        return whole(given["seed"], "seed", where, low=0), waiting, found
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise contradiction(where, error) from error


def _is_same(one: Any, other: Any) -> bool:
    """Whether two parts of descriptions are written alike: 1 and 1.0, or True, are not."""
    return repr(one) == repr(other)
