"""One training at a time: what a thread trains, no other may train meanwhile, nor may the same one within it.

Whose turn it is, is told by the frame of the function that trains. A frame that runs in no thread any more counts for
nothing: so what an exception between two instructions left behind, or a fork while other threads trained, keeps nobody
away for ever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from threading import get_ident
from types import FrameType
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from glassnet.core.errors import ConfigurationError


class Trained(Protocol):
    """What is trained."""

    def _trained_thing(self) -> object:
        """What only one training at a time may write into, told by identity."""


P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Trained)
TURNS: dict[int, FrameType] = {}
"""By the identity of a thing the frame of the function that trains it."""


def one_at_a_time(train: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], R]:
    """A method that trains; it refuses to begin while the same is trained elsewhere. Nobody waits.

    Raises:
        ConfigurationError: it is.
    """

    @wraps(train)
    def in_turn(model: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        frame, thing = sys._getframe(), model._trained_thing()
        try:
            if TURNS.setdefault(id(thing), frame) is not frame:
                _take(thing, frame, train.__name__.lstrip("_"))
            return train(model, *args, **kwargs)
        finally:
            if len(TURNS) == 1 and TURNS.get(id(thing)) is frame:  # as nearly always: there is no other turn
                TURNS.pop(id(thing), None)
            else:
                _give_back(frame)
            del frame  # which else would refer to itself

    return in_turn


def share_turn(model: Trained, *, where: str) -> None:
    """Takes the turn, in a method that has one, also for what its thing has become since it began.

    Raises:
        ConfigurationError: that is trained elsewhere.
    """
    frame, thing = sys._getframe(2), model._trained_thing()
    if TURNS.setdefault(id(thing), frame) is not frame:
        _take(thing, frame, where)


def _give_back(frame: FrameType) -> None:
    """Ends all turns of a frame: its thing may have become others, one after another, since it began."""
    for thing in [thing for thing, owner in list(TURNS.items()) if owner is frame]:
        del TURNS[thing]


def require_rest(thing: object, *, where: str | Callable[[], str]) -> None:
    """Refuses to go on while another thread trains that.

    Args:
        thing: what is trained.
        where: for the message, or what gives it.

    Raises:
        ConfigurationError: it does.
    """
    owner = TURNS.get(id(thing))
    thread = None if owner is None else _thread_of(owner)
    if thread not in (None, get_ident()):
        place = where if isinstance(where, str) else where()
        raise _refusal(place, "in another thread", "wait for its end, or take a copy: copy.deepcopy(model)")


def _take(thing: object, frame: FrameType, where: str) -> None:
    """Takes the turn from a frame that does not run any more.

    Raises:
        ConfigurationError: it runs.
    """
    require_rest(thing, where=where)
    owner = TURNS.get(id(thing), frame)
    if owner is not frame and _thread_of(owner) is not None:
        fix = "let a callback change state.network in place, or let it train a copy: copy.deepcopy(model)"
        raise _refusal(where, "by the very call that leads here", fix)
    TURNS[id(thing)] = frame


def _refusal(where: str, who: str, fix: str) -> ConfigurationError:
    return ConfigurationError(
        where=where,
        received=f"a model that is being trained {who}",
        expected="one training at a time of a model, and of models that share layers",
        fix=fix,
    )


def _thread_of(wanted: FrameType) -> int | None:
    """The thread in which a frame runs."""
    at: FrameType | None = None
    frames = sys._current_frames()
    frames[get_ident()] = sys._getframe(1)  # without the frame of this call, which else would refer to itself
    for thread, at in frames.items():
        while at is not None:
            if at is wanted:
                return thread
            at = at.f_back
    return None
