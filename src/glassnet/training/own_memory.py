"""What a training's own parts keep outside their parameters, so that one that is resumed goes on with it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.losses import Loss
from glassnet.metrics import Metric
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners.own import is_library_code, place_of
from glassnet.training.digests import Digests, attribute_digests, digest
from glassnet.training.elsewhere import elsewhere
from glassnet.training.kept import UNKNOWN, Description, moved_in, moved_to, unmoved
from glassnet.training.own_attributes import new_generator
from glassnet.training.parts import own_parts
from glassnet.training.put_back import is_state, problems, put_back, value_of_kept

Kept = dict[str, dict[str, Any]]
"""By the key of a part, what it keeps, by name; see ``kept``."""
CALLBACK = "callback "
GLOBALS = "generators of the process"
"""The key of the generators that everybody shares."""
ELSEWHERE, OF_CALLBACKS = "variables of parts", "variables of callbacks"
"""Keys of what the code of own parts, or callbacks, keeps outside of its objects."""


def own_things(network: Network, loss: Loss, optimizer: Optimizer, metrics: Sequence[Metric]) -> dict[str, Any]:
    """The user's own parts of a training that may keep something, by keys that are the same in every run."""
    measures = {f"metric {number}": metric for number, metric in enumerate(metrics)}
    own = {key: one for key, one in measures.items() if not is_library_code(type(one)) or hasattr(one, "function")}
    return own_parts(network, loss, optimizer) | own


class OwnMemory:
    """What own parts and callbacks keep, while a training lasts.

    Args:
        network: whose parameters are kept elsewhere.
        things: see ``own_things``.
        goes_on: what they had where this training goes on with another; the parts have it already.

    """

    def __init__(self, network: Network, things: Mapping[str, Any], goes_on: Kept) -> None:
        self._network, self._things, self._goes_on = network, dict(things), goes_on
        self._callbacks: dict[str, Any] = {}
        self._moving: dict[str, Digests] = {}
        self._before: dict[str, Digests] = {}
        self._went_back = False

    def begin(self, callbacks: Mapping[str, Any]) -> list[str]:
        """Notes how everything is before the first step; gives callbacks and shared generators what they had.

        Args:
            callbacks: those of which nothing else is remembered, by their names.

        Returns:
            What they do not get back, in words.
        """
        self._callbacks = {f"{CALLBACK}{name}": callback for name, callback in callbacks.items()}
        if not (self._things or self._callbacks):
            return []
        for key, thing in self._things.items():
            description = Description(self._network.parameters)
            description.attributes(thing)
            self._before[key] = unmoved(self._goes_on[key]) if key in self._goes_on else description.digests
        moving = {key: attribute_digests(thing) for key, thing in (self._things | self._callbacks).items()}
        moving[ELSEWHERE] = _all_elsewhere(self._things)
        moving[OF_CALLBACKS] = now = _all_elsewhere(self._callbacks)
        moving[GLOBALS] = {name: digest(state) for name, state in _shared_states().items()}
        self._moving = moving
        lost = [
            f"callbacks go on with another {name}"
            for name, value in self._goes_on.get(OF_CALLBACKS, {}).items()
            if name in now and now[name] != value["digest"]
        ]
        for key, callback in self._callbacks.items():
            for name, value in self._goes_on.get(key, {}).items():
                found = list(problems(callback, {name: value}))
                lost += [f"{key} goes on without its {problem}" for problem in found]
                if not found:
                    put_back(callback, {name: value})
        _share({name: value_of_kept(state) for name, state in self._goes_on.get(GLOBALS, {}).items()})
        return lost

    def not_in_files(self) -> list[str]:
        """What would be missing in a file that is written now, in words."""
        found = []
        for key, described in self.kept().items():
            names = ", ".join(moved_in(described))
            if names and not key.startswith(CALLBACK) and key != OF_CALLBACKS:
                where = place_of(self._things[key]) if key in self._things else "code of its own"
                found.append(
                    f"{where} keeps {names}, which no file holds: a training that is to go on from one is refused"
                )
        return found

    def go_back(self) -> None:
        """Notes that the training went back to weights of before: what its parts had by then is not known."""
        self._went_back = True

    def kept(self) -> Kept:
        """What is kept now."""
        found: Kept = {}
        if not self._moving:
            return found
        for key, thing in self._things.items():
            if self._went_back and attribute_digests(thing) != self._moving[key]:
                found[key] = {"what it kept before the training diverged": UNKNOWN}
            else:
                found[key] = Description(self._network.parameters, self._before[key]).attributes(thing)
        for key, callback in self._callbacks.items():
            moved = self._moved(key, attribute_digests(callback))
            described = Description(None, {}).attributes(callback)
            found[key] = {name: value for name, value in described.items() if name in moved}
        states = _shared_states()
        moved = self._moved(GLOBALS, {name: digest(state) for name, state in states.items()})
        found[GLOBALS] = {name: Description().of(states[name], name) for name in sorted(moved)}
        for key, things in ((ELSEWHERE, self._things), (OF_CALLBACKS, self._callbacks)):
            around = _all_elsewhere(things)
            found[key] = {name: moved_to(around[name]) for name in sorted(self._moved(key, around))}
        return {key: kept for key, kept in found.items() if kept}

    def _moved(self, key: str, now: Digests) -> set[str]:
        """Names of what is another thing than when the training began."""
        before = self._moving[key]
        return {name for name in now if now[name] != before.get(name)} | set(self._goes_on.get(key, {})) & set(now)


def what_cannot_be_put_back(things: Mapping[str, Any], kept: Kept) -> list[str]:
    """What own parts would go on without, in words.

    Args:
        things: see ``own_things``.
        kept: what they had.
    """
    around = _all_elsewhere(things) if ELSEWHERE in kept else {}
    other = [name for name, value in kept.get(ELSEWHERE, {}).items() if around.get(name) != value["digest"]]
    found = [f"code of its own, which kept {', '.join(other)} outside of its objects"] if other else []
    shared = {"numpy.random": "RandomState", "random": "Random"}
    for name, state in kept.get(GLOBALS, {}).items():
        if name not in shared or not is_state(new_generator(f"{shared[name]} MT19937"), state):
            found.append(f"a state of {name} that is none")
    for key, described in kept.items():
        if key not in (ELSEWHERE, OF_CALLBACKS, GLOBALS) and not key.startswith(CALLBACK):
            lost = list(problems(things.get(key), described))
            where = place_of(things[key]) if key in things else key
            found += [f"{where}, which kept {', '.join(lost)}"] if lost else []
    return found


def put_back_into(things: Mapping[str, Any], kept: Kept) -> None:
    """Gives own parts what they had."""
    for key, described in kept.items():
        if key in things:
            put_back(things[key], described)


def _all_elsewhere(things: Mapping[str, Any]) -> Digests:
    found: Digests = {}
    for thing in things.values():
        found |= elsewhere(thing)
    return found


def _shared_states() -> dict[str, Any]:
    """The states of the generators that everybody shares."""
    return {"numpy.random": np.random.get_state(legacy=False), "random": random.getstate()}  # noqa: NPY002


def _share(states: Mapping[str, Any]) -> None:
    if "numpy.random" in states:
        np.random.set_state(states["numpy.random"])  # noqa: NPY002 - own parts draw from it
    if "random" in states:
        random.setstate(states["random"])
