"""One training at a time of a model, in threads, callbacks, forks; predictions beside it."""

from __future__ import annotations

import copy
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from models import classifier

import glassnet as gn
from glassnet.core import turns
from glassnet.estimators import MLPClassifier

Blobs = tuple[np.ndarray, np.ndarray]


@contextmanager
def training_elsewhere(fit: Callable[[Callable[[Any], None]], Any]) -> Iterator[None]:
    """Within it another thread is in the first epoch's end of a fit."""
    is_there, may_go = threading.Event(), threading.Event()

    def pause(state: Any) -> None:
        is_there.set()
        assert may_go.wait(20)

    thread = threading.Thread(target=fit, args=[pause])
    thread.start()
    assert is_there.wait(20)
    try:
        yield
    finally:
        may_go.set()
        thread.join()


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_a_second_thread_that_trains_is_refused_and_changes_nothing(blobs: Blobs, engine: str) -> None:
    x, y = blobs
    model, alone = classifier(engine=engine), classifier(engine=engine)
    seconds: list[Callable[[], Any]] = [
        lambda: model.fit(x, y, verbose=False),
        lambda: model.step(x, y),
        lambda: model.train_on_batch(x, y),
        lambda: model.step_over([(x, y), (x, y)]),
        lambda: gn.Sequential(model.network, gn.Dense(2)).build((x.shape[1],)),
        lambda: gn.Model(gn.Sequential(model.network), "cross_entropy", "sgd").fit(x, y, verbose=False),
    ]
    with training_elsewhere(lambda pause: model.fit(x, y, epochs=2, callbacks=[pause], verbose=False)):
        for second in seconds:
            with pytest.raises(gn.ConfigurationError, match=r"being trained in another thread.*deepcopy"):
                second()
        assert model.predict(x).shape == (len(x), 3)
        assert model.evaluate(x, y)["loss"] > 0
        assert copy.deepcopy(model).fit(x, y, verbose=False).epochs == [2]
    alone.fit(x, y, epochs=2, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, alone.network.parameters)
    assert model.epochs_trained == 2
    for again in seconds[:4]:
        again()


def test_models_that_share_layers_take_turns(blobs: Blobs) -> None:
    x, y = blobs
    trunk = gn.Dense(8)
    one, other = (gn.Model(gn.Sequential(trunk, gn.Dense(3)), "cross_entropy", "sgd") for _ in range(2))
    one.fit(x, y, verbose=False)
    other.fit(x, y, verbose=False)
    with (
        training_elsewhere(lambda pause: one.fit(x, y, callbacks=[pause], verbose=False)),
        pytest.raises(gn.ConfigurationError, match="being trained in another thread"),
    ):
        other.step(x, y)
    other.step(x, y)


def test_networks_that_are_built_while_they_are_trained_elsewhere(blobs: Blobs) -> None:
    """Both come before either is built."""
    x, y = blobs
    trunk = gn.Sequential(gn.Dense(8))
    one, other = (gn.Model(gn.Sequential(trunk, gn.Dense(3)), "cross_entropy", "sgd") for _ in range(2))
    with (
        training_elsewhere(lambda pause: one.fit(x, y, callbacks=[pause], verbose=False)),
        pytest.raises(gn.ConfigurationError, match="being trained in another thread"),
    ):
        other.fit(x, y, verbose=False)
    other.fit(x, y, verbose=False)


@pytest.mark.parametrize("how", ["fit", "step", "step_over"])
def test_a_callback_trains_a_copy_and_not_its_own_model(blobs: Blobs, how: str) -> None:
    x, y = blobs
    model = classifier()

    def train(which: gn.Model) -> None:
        if how == "fit":
            which.fit(x, y, verbose=False)
        else:
            which.step(x, y) if how == "step" else which.step_over([(x, y)])

    with pytest.raises(gn.ConfigurationError, match=rf"{how}.*by the very call that leads here"):
        model.fit(x, y, callbacks=[lambda _: train(model)], verbose=False)
    model.fit(x, y, callbacks=[lambda _: train(copy.deepcopy(model))], verbose=False)


def test_a_generator_of_batches_trains_no_model_of_its_own_step(blobs: Blobs) -> None:
    model = classifier()
    model.fit(*blobs, verbose=False)

    def batches() -> Iterator[Blobs]:
        model.step(*blobs)
        yield blobs

    with pytest.raises(gn.ConfigurationError, match="by the very call that leads here"):
        model.step_over(batches())


@pytest.mark.filterwarnings("ignore:The training ended after max_iter")
def test_estimators_refuse_a_second_thread(blobs: Blobs) -> None:
    x, y = blobs
    estimator = MLPClassifier((4,), max_iter=2)
    estimator.fit(x, y)
    seconds = [lambda: estimator.fit(x, y), lambda: estimator.partial_fit(x, y)]

    def fit(pause: Callable[[Any], None]) -> None:
        estimator.set_params(callbacks=[pause]).fit(x, y)

    with training_elsewhere(fit):
        for second in seconds:
            with pytest.raises(gn.ConfigurationError, match="being trained in another thread"):
                second()
        assert len(estimator.predict(x)) == len(x)
    estimator.set_params(callbacks=None).partial_fit(x, y)


def test_many_threads_at_once_and_one_trains(blobs: Blobs) -> None:
    model = classifier()
    model.fit(*blobs, verbose=False)
    steps = model.optimizer.steps
    refused: list[gn.ConfigurationError] = []
    done: list[float] = []
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(100):
            try:
                done.append(model.step(*blobs))
            except gn.ConfigurationError as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(refused) == 400
    assert model.optimizer.steps == steps + len(done)


def test_a_turn_ends_however_the_training_ends(blobs: Blobs) -> None:
    x, y = blobs
    model = classifier()

    def fail(_: Any) -> None:
        raise KeyboardInterrupt

    for data, callbacks, error in (
        ((x, y[:-1]), [], gn.ShapeError),
        ((x, y), [fail], KeyboardInterrupt),
        ((x * np.inf, y), [], gn.DataError),
    ):
        with pytest.raises(error):
            model.fit(*data, callbacks=callbacks, verbose=False)
        assert turns.TURNS == {}
    model.fit(x, y, verbose=False)
    assert turns.TURNS == {}


def test_a_turn_that_nobody_gave_back_counts_for_nothing(blobs: Blobs) -> None:
    model = classifier()
    model.fit(*blobs, verbose=False)

    def gone() -> Any:
        return sys._getframe()

    turns.TURNS[id(model._trained_thing())] = gone()
    model.fit(*blobs, verbose=False)
    assert turns.TURNS == {}


def test_a_child_of_a_fork_is_free_of_its_parents_threads(blobs: Blobs) -> None:
    x, y = blobs
    model = classifier(engine="numpy")
    model.fit(x, y, verbose=False)
    with training_elsewhere(lambda pause: model.fit(x, y, callbacks=[pause], verbose=False)):
        child = os.fork()
        if child == 0:
            try:
                model.step(x, y)
            except BaseException:  # noqa: BLE001 - a child must not come back
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_turns_leave_no_cycles(blobs: Blobs) -> None:
    model = classifier()
    model.fit(*blobs, verbose=False)
    model.step(*blobs)
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            model.step(*blobs)
        assert gc.collect() < 50
    finally:
        gc.enable()
