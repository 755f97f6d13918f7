"""The training so far: states to go back to, thinned out so that they stay few, and when units died."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.core.shapes import Array
from glassnet.playground.changes import Change
from glassnet.playground.models import retune
from glassnet.playground.picture import hidden_outputs
from glassnet.playground.session import Session
from glassnet.playground.settings import Setting

MOST_STATES = 240
"""So many are kept; then the one without which the gap is the smallest is let go."""
LOOKED_AT = 200
"""Training rows by which a unit is told to be dead."""


@dataclass(frozen=True, eq=False)
class State:
    """One moment of a training, to the last bit.

    Attributes:
        epochs, batch: how far it was.
        parameters: the network's (P,).
        memory: the optimizer's arrays by name, and ``updates``, how many updates it had done.
        setting, changes: what held, and what had been changed.
        is_dead: for each hidden unit, and each map of a convolution, whether it put out the same for all training rows
            (units,).
    """

    epochs: int
    batch: int
    parameters: Array
    memory: dict[str, Array]
    updates: int
    setting: Setting
    changes: tuple[Change, ...]
    is_dead: Array


class Past:
    """The states of a session.

    Args:
        session: as it is now, which is the first state.

    Attributes:
        states: from the first to the last.
        place: which of them the session is in.

    Example:
        >>> session = Session(Setting(dataset="circle", hidden=(4,)))
        >>> past = Past(session)
        >>> session.train(5)
        >>> past.keep()
        >>> past.go_to(0)
        >>> session.epochs, len(past.states)
        (0, 2)
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = session.rows.take(slice(0, LOOKED_AT)).x
        self.states = [self._state()]
        self.place = 0

    def keep(self) -> None:
        """Takes the session as it is now in; where it went on from an earlier state, what came after that is gone."""
        session, known = self._session, self.states[self.place]
        now = session.model.optimizer.steps, session.epochs, session.batch, session.changes
        if now == (known.updates, known.epochs, known.batch, known.changes):
            return
        self.states[self.place + 1 :] = [self._state()]
        if len(self.states) > MOST_STATES:
            updates = np.array([state.updates for state in self.states])
            del self.states[1 + int(np.argmin(updates[2:] - updates[:-2]))]
        self.place = len(self.states) - 1

    def go_to(self, place: int) -> None:
        """Brings a state back, the nearest to that place; the later ones stay until the training goes on."""
        self.keep()
        self.place = int(np.clip(place, 0, len(self.states) - 1))
        state, session = self.states[self.place], self._session
        model = session.model
        model.network.parameters[:] = state.parameters
        retune(model, state.setting)
        model.optimizer.steps = state.updates
        model.optimizer.state = {name: array.copy() for name, array in state.memory.items()}
        model.epochs_trained, session.batch = state.epochs, state.batch
        session.now, session.changes = state.setting, state.changes

    def deaths(self) -> list[tuple[int, int]]:
        """The hidden units that are dead now, each with the place of the state in which it first was, for good."""
        found = []
        for unit in np.flatnonzero(self.states[self.place].is_dead):
            place = self.place
            while place and self.states[place - 1].is_dead[unit]:
                place -= 1
            found.append((int(unit), place))
        return found

    def _state(self) -> State:
        session = self._session
        optimizer = session.model.optimizer
        hidden, _ = hidden_outputs(session, self._rows)
        return State(
            session.epochs,
            session.batch,
            session.model.network.parameters.copy(),
            {name: array.copy() for name, array in optimizer.state.items()},
            optimizer.steps,
            session.now,
            session.changes,
            np.concatenate([np.zeros(0, bool), *map(_is_dead, hidden)]),
        )


def _is_dead(outputs: Array) -> Array:
    """Of units (N, units) or maps (N, filters, height, width): whether each is the same for all rows."""
    varies = np.ptp(outputs, axis=0).reshape(outputs.shape[1], -1).any(axis=1)
    return np.asarray(~varies)
