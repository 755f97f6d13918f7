"""What keeps a training from getting on: likely causes, each proven by a training without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import DivergenceError
from glassnet.diagnosis.diagnose import diagnose
from glassnet.diagnosis.finding import Mend
from glassnet.playground.session import Scores, Session
from glassnet.playground.settings import Setting

BETTER = 0.8
"""A mend must bring the losses below this share of the present ones."""
GOOD = 0.95
"""Nothing is looked for where so much of the training rows is right, or explained."""
MOST_EPOCHS, SECONDS = 150, 0.25
"""How long a mend is tried."""
WAIT_SECONDS, WAIT_EPOCHS, PROGRESS = 4.0, 30, 0.02
"""How long nothing may happen, and the fall of the loss that counts as something."""
MOST_CURES = 2
MOST_DEAD = 0.25
"""Share of the hidden units that may have died."""


@dataclass(frozen=True)
class Cure:
    """A cause, and what it is like without it.

    Attributes:
        cause: a name, of the page's text.
        field, value: of the setting, to be changed.
        loss: what the training rows' loss has become with that, from new weights.
        epochs: in so many epochs.
    """

    cause: str
    field: str
    value: Any
    loss: float
    epochs: int


class Stall:
    """Whether a training gets on.

    Example:
        >>> stall = Stall()
        >>> [stall.saw(epochs, loss, 3.0) for epochs, loss in ((20, 0.7), (60, 0.699), (90, 0.7), (95, 0.5))]
        [False, False, True, False]
    """

    def __init__(self) -> None:
        self._best, self._epochs, self._seconds = np.inf, 0, 0.0

    def saw(self, epochs: int, loss: float, seconds: float) -> bool:
        """Takes in what the loss is after so many epochs, and so many seconds since the last time."""
        if loss < (1 - PROGRESS) * self._best:
            self._best, self._epochs, self._seconds = loss, epochs, 0.0
            return False
        self._seconds += seconds
        return self._seconds > WAIT_SECONDS and epochs - self._epochs >= WAIT_EPOCHS


def cures_of(session: Session, scores: Scores, dead: float = 0.0) -> list[Cure]:
    """Tries what could be wrong, each by a training of its own from new weights.

    Args:
        session: after some epochs.
        scores: its losses and measures now.
        dead: the share of its hidden units that are dead.

    Returns:
        What makes both losses clearly smaller in no more epochs, the best first, at most two.
    """
    if not session.epochs or scores.metric[0] >= GOOD:
        return []
    found = []
    for cause, field, value in dict.fromkeys(_suspects(session, dead)):
        trial = Session(session.now.having(field, value), session.table)
        epochs = min(session.epochs, MOST_EPOCHS)
        try:
            trial.train(1)
            trial.train_for(SECONDS, most_epochs=epochs - 1) if epochs > 1 else None
        except DivergenceError:
            continue
        losses = trial.scores().loss
        if all(new < BETTER * old for new, old in zip(losses, scores.loss, strict=True)):
            found.append(Cure(cause, field, value, losses[0], trial.epochs))
    return sorted(found, key=lambda cure: cure.loss)[:MOST_CURES]


def _suspects(session: Session, dead: float) -> Iterator[tuple[str, str, Any]]:
    """Causes that this training may suffer from, with the field and the value without each.

    They are those of ``gn.diagnose`` as far as it has a mend; dropout and units that died in the course of the training
    are the playground's own.
    """
    found = diagnose(session.model, session.examples.train.x, session.targets).findings
    mended = [(finding.name, finding.mend) for finding in found if finding.mend is not None]
    for name, mend in mended:
        yield from _in_the_setting(name, mend, session.now)
    if not mended:  # a rate that leaps from good to bad and back is good at times
        for rate in (session.now.learning_rate / 10, session.now.learning_rate / 100):
            yield "rate_too_high", "learning_rate", float(f"{rate:.3g}")
    if dead >= MOST_DEAD:
        yield "dead_units", "activation", "leaky_relu"
    if session.now.dropout:
        yield "too_much_dropout", "dropout", 0.0


def _in_the_setting(name: str, mend: Mend, setting: Setting) -> Iterator[tuple[str, str, Any]]:
    """A mend as the fields of a setting have it: several where it may be more or less; none where no field says it."""
    match mend.setting:
        case "learning_rate":
            cause = "rate_too_high" if mend.value < setting.learning_rate else "rate_too_low"
            yield cause, "learning_rate", float(f"{mend.value:.3g}")
            further = mend.value * (0.1 if cause == "rate_too_high" else 3)
            yield cause, "learning_rate", float(f"{min(1.0, further):.3g}")
        case "hidden" if setting.hidden:
            yield "linear_activation", "activation", "tanh"
        case "hidden":
            yield "no_hidden_layer", "hidden", (8,)
            yield "no_hidden_layer", "hidden", (8, 8)
        case "units":
            yield "bottleneck", "hidden", tuple(max(8, units) for units in setting.hidden)
        case "activation":
            cause = "dead_units" if name == "dead_relu" else "vanishing"
            yield cause, "activation", mend.value
            yield from [(cause, "activation", "tanh")] * (setting.activation == "sigmoid")
        case "penalties":
            for penalty in ("l1", "l2"):
                if getattr(setting, penalty):
                    yield f"too_much_{penalty}", penalty, 0.0
