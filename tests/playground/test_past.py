"""What is changed in the course of a training, and going back in it: to the last bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.changes import MOST_CHANGES, Change
from glassnet.playground.code import python_code
from glassnet.playground.past import MOST_STATES, Past
from glassnet.playground.resume import retrace
from glassnet.playground.settings import OPTIMIZERS


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_goes_on_from_an_earlier_state_as_it_did(optimizer: str) -> None:
    session = Session(Setting(dataset="moons", hidden=(3,), rows=60, optimizer=optimizer, learning_rate=0.01))
    past = Past(session)
    session.train(2)
    session.step()
    past.keep()
    session.change("learning_rate", 0.02)
    session.change("l2", 0.01)
    session.change("weight", 0.5, 1)
    session.train(3)
    past.keep()
    first = session.model.network.parameters.copy()
    past.go_to(1)
    assert (session.epochs, session.batch, session.now.l2, session.changes) == (2, 1, 0.0, ())
    past.go_to(2)
    np.testing.assert_array_equal(session.model.network.parameters, first)
    past.go_to(1)
    session.change("learning_rate", 0.02)
    session.change("l2", 0.01)
    session.change("weight", 0.5, 1)
    session.train(3)
    np.testing.assert_array_equal(session.model.network.parameters, first)
    past.go_to(0)
    assert session.model.optimizer.steps == 0
    np.testing.assert_array_equal(session.model.network.parameters, Session(session.setting).model.network.parameters)


def test_a_rate_that_changes_counts_from_there_on() -> None:
    session, plain = (Session(Setting(dataset="moons", hidden=(3,), rows=60, optimizer="sgd")) for _ in range(2))
    before = session.model.network.parameters.copy()
    session.change("learning_rate", 0.3)
    gradients = session.gradients()
    session.step()
    np.testing.assert_allclose(session.model.network.parameters, before - 0.3 * gradients, rtol=1e-5, atol=1e-7)
    plain.step()
    np.testing.assert_allclose(plain.model.network.parameters, before - 0.03 * gradients, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("first", [0, 1, 5])
def test_the_code_tells_the_changes_again(first: int) -> None:
    session = Session(Setting(dataset="circle", hidden=(4,), rows=60, batch_size=9))
    for _ in range(first):
        session.step()
    session.change("weight", -1.25, 3)
    session.change("learning_rate", 0.003)
    session.step()
    session.change("l1", 0.001)
    session.train(2)
    session.change("l1", 0.0)
    session.change("weight", 0.1, 0)
    session.train(3)
    session.step()
    session.step()
    namespace: dict[str, Any] = {}
    exec(compile(python_code(session), "network.py", "exec"), namespace)
    np.testing.assert_array_equal(namespace["model"].network.parameters, session.model.network.parameters)
    assert namespace["model"].epochs_trained == session.epochs


@pytest.mark.parametrize(
    ("name", "value", "place", "message"),
    [
        ("learning_rate", 0.0, -1, "learning_rate"),
        ("l1", -1.0, -1, "l1"),
        ("hidden", 3.0, -1, "learning_rate, l1, l2, weight"),
        ("weight", float("nan"), 0, "value"),
        ("weight", 1e7, 0, "value"),
        ("weight", 1.0, -1, "place"),
        ("weight", 1.0, 10_000, "place"),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(name: str, value: float, place: int, message: str) -> None:
    session = Session(Setting(hidden=(2,)))
    before = session.model.network.parameters.copy(), repr(session.model.optimizer)
    with pytest.raises(gn.ConfigurationError, match=message):
        session.change(name, value, place)
    np.testing.assert_array_equal(before[0], session.model.network.parameters)
    assert (repr(session.model.optimizer), session.changes, session.now) == (before[1], (), session.setting)


def test_changes_are_bounded() -> None:
    session = Session(Setting(hidden=(2,)))
    session.changes = (Change(0, 0, "weight", 1.0, 0),) * MOST_CHANGES
    with pytest.raises(gn.ConfigurationError, match="start again"):
        session.change("weight", 1.0, 0)


def test_states_stay_few_and_the_first_and_the_last_stay() -> None:
    session = Session(Setting(dataset="xor", hidden=(2,), rows=20, batch_size=16))
    past = Past(session)
    for _ in range(3 * MOST_STATES):
        session.step()
        past.keep()
    assert len(past.states) <= MOST_STATES
    assert past.states[0].updates == 0
    assert past.states[-1].updates == 3 * MOST_STATES
    gaps = np.diff([state.updates for state in past.states])
    assert 1 <= gaps.min() <= gaps.max() <= 8
    past.go_to(5)
    session.step()
    past.keep()
    assert (len(past.states), past.place) == (7, 6)


def test_the_state_in_which_a_unit_died_is_found() -> None:
    session = Session(Setting(dataset="circle", hidden=(4,), activation="relu"))
    past = Past(session)
    session.train(1)
    past.keep()
    bias = next(part for part in session.model.network.layout if part.path.endswith("bias"))
    session.change("weight", -1000.0, bias.start + 2)
    past.keep()
    session.train(2)
    past.keep()
    assert past.deaths() == [(2, 2)]
    past.go_to(1)
    assert past.deaths() == []


@pytest.mark.parametrize("first", [0, 4])
def test_a_training_is_told_again_to_the_same_bits(first: int) -> None:
    setting = Setting(dataset="circle", hidden=(4,), rows=60, batch_size=9)
    session = Session(setting)
    for _ in range(first):
        session.step()
    session.change("l2", 0.01)
    session.change("weight", -1.5, 2)
    session.change("weight", 2.5, 2)  # the same once more: one change
    session.train(3)
    session.change("learning_rate", 0.001)
    session.train(2)
    session.step()
    assert len(session.changes) == 3
    plan = [Change.from_dict(json.loads(json.dumps(change.to_dict()))) for change in session.changes]
    again = Session(setting)
    past = Past(again)
    assert retrace(again, past, plan, (session.epochs, session.batch), 20.0)
    np.testing.assert_array_equal(again.model.network.parameters, session.model.network.parameters)
    assert (again.changes, again.now, again.epochs, again.batch) == (session.changes, session.now, session.epochs, 1)
    assert len(past.states) > 3
    for goal in ((0, 0), (9, 60)):
        with pytest.raises(gn.ConfigurationError, match="moment"):
            retrace(again, past, [], goal, 20.0)
    assert not retrace(again, past, [], (10**9, 0), 0.1)
