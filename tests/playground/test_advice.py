"""What keeps a training from getting on: causes by their names, and none where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from glassnet.playground import Session, Setting
from glassnet.playground.advice import BETTER, cures_of

SICK: dict[str, tuple[str, dict[str, Any]]] = {
    "high": ("rate_too_high", {"dataset": "moons", "learning_rate": 3.0}),
    "low": ("rate_too_low", {"dataset": "moons", "learning_rate": 1e-5}),
    "flat": ("no_hidden_layer", {"dataset": "circle", "hidden": ()}),
    "narrow": ("bottleneck", {"dataset": "circle", "hidden": (1,)}),
    "linear": ("linear_activation", {"dataset": "xor", "activation": "linear"}),
    "deep": ("vanishing", {"dataset": "circle", "activation": "sigmoid", "hidden": (8,) * 6}),
    "l1": ("too_much_l1", {"dataset": "circle", "l1": 0.3}),
    "l2": ("too_much_l2", {"dataset": "xor", "l2": 1.0}),
}


@pytest.mark.parametrize("name", SICK)
def test_the_cause_is_named_and_its_mend_helps(name: str) -> None:
    cause, own = SICK[name]
    session = Session(Setting(**own))
    session.train(40)
    scores = session.scores()
    first, *_ = cures_of(session, scores)
    assert first.cause == cause
    mended = Session(session.setting.having(first.field, first.value))
    mended.train(first.epochs)
    assert mended.scores().loss[0] == pytest.approx(first.loss)
    assert first.loss < BETTER * scores.loss[0]


@pytest.mark.parametrize("dataset", ["xor", "circle", "moons", "spiral", "blobs", "plane"])
def test_what_is_healthy_gets_no_advice(dataset: str) -> None:
    session = Session(Setting(dataset=dataset, hidden=(8, 8), learning_rate=0.03, noise=0.03))
    session.train(200)
    assert cures_of(session, session.scores()) == []
