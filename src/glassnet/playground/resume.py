"""A training told again: from its setting and what was changed in its course, to the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from glassnet.core.errors import ConfigurationError
from glassnet.playground.changes import Change
from glassnet.playground.past import Past
from glassnet.playground.session import Session

AT_ONCE = 0.05
"""Seconds of training between two states that are kept."""


def retrace(session: Session, past: Past, plan: Sequence[Change], goal: tuple[int, int], seconds: float) -> bool:
    """Trains a fresh session as another one was trained.

    Args:
        session: fresh.
        past: its states.
        plan: what was changed, each at its moment.
        goal: whole epochs, and batches of the next one, that are to be done.
        seconds: how long it may take.

    Returns:
        Whether the goal was reached in that time.

    Raises:
        ConfigurationError: moments that do not follow each other, or that no epoch has.
    """
    until = perf_counter() + seconds
    for change in (*plan, None):
        moment = goal if change is None else (change.epoch, change.batch)
        if moment < (session.epochs, session.batch) or moment[1] >= session.batches:
            raise ConfigurationError(
                where="message",
                received=f"the moment {moment} after {session.epochs, session.batch}",
                expected=f"later ones, with batches from 0 to {session.batches - 1}",
                fix="send what the page was sent",
            )
        while session.epochs < moment[0]:
            if perf_counter() > until:
                return False
            session.train_for(AT_ONCE, most_epochs=moment[0] - session.epochs)
            past.keep()
        while session.batch < moment[1]:
            session.step()
        if change is not None:
            session.change(change.name, change.value, change.place)
        past.keep()
    return True
