"""Models that workers of other processes train come home as a training here would leave them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from models import middling
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from travellers import KINDS, SEEN, Counting, Failing, Kill, Locked, Outside, Slow, Threads, build

import glassnet as gn
from glassnet.estimators import MLPClassifier
from glassnet.many import elsewhere
from glassnet.many.fitting import fit_here
from glassnet.many.travel import Shared, train_group

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
Chosen = Callable[[], AbstractContextManager[Any]]

pytestmark = pytest.mark.filterwarnings("ignore")  # of the engines


def loky() -> AbstractContextManager[Any]:
    return joblib.parallel_config("loky", n_jobs=2, max_nbytes=1000, inner_max_num_threads=1)  # maps X from a file


@pytest.fixture(scope="module", params=["loky", "dask", "ray"])
def chosen(request: pytest.FixtureRequest) -> Iterator[Chosen]:
    """A context in which an engine is chosen, of two processes."""
    if request.param == "loky":
        yield loky
    elif request.param == "dask":
        distributed = pytest.importorskip("dask.distributed")  # tests/distributed has that one's own name
        settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
        with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
            yield lambda: joblib.parallel_config("dask")
    else:
        ray = pytest.importorskip("ray")
        pytest.importorskip("ray.util.joblib").register_ray()
        environment = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
        yield lambda: joblib.parallel_config("ray", n_jobs=2)
        ray.shutdown()


def assert_same(found: gn.Model, expected: gn.Model) -> None:
    assert found.fingerprint() == expected.fingerprint()
    for name in ("parameters", "gradients"):
        np.testing.assert_array_equal(getattr(found.network, name), getattr(expected.network, name))
    assert found.latest_fit is not None
    assert expected.latest_fit is not None
    assert found.latest_fit.settings == expected.latest_fit.settings
    assert str(found.latest_fit) == str(expected.latest_fit)
    for name, array in expected.optimizer.state.items():
        np.testing.assert_array_equal(found.optimizer.state[name], array)
    assert found.memories.keys() == expected.memories.keys()


def test_models_and_callbacks_are_what_a_training_here_leaves(chosen: Chosen) -> None:
    kinds = [*KINDS, "plain"]
    sent, here = ([build(kind, seed) for seed, kind in enumerate(kinds)] for _ in range(2))
    watching, expected = (
        [[Counting(), gn.Watch(every=3), gn.EarlyStopping("val_loss", patience=3)] for _ in kinds] for _ in range(2)
    )
    lists = [own[0].losses for own in watching]  # type: ignore[attr-defined]
    nets, rules, layer = [m.network for m in sent], [m.optimizer for m in sent], sent[1].network[1].layer
    settings: dict[str, Any] = {"epochs": gn.Each([3, 4, 5, 3, 4, 5]), "validation_split": 0.25, "batch_size": 16}
    for _ in range(2):
        with chosen():
            found = gn.fit_many(sent, X, Y, callbacks=gn.Each(watching), **settings)
        wanted = gn.fit_many(here, X, Y, callbacks=gn.Each(expected), **settings)
        for history, other in zip(found, wanted, strict=True):
            assert type(history) is type(other)
            assert str(history) == str(other)
            histories = [getattr(result, "history", result) for result in (history, other)]
            assert histories[0].metrics == histories[1].metrics  # type: ignore[union-attr]
        assert type(found[4]) is gn.DivergenceError
        for number, (model, other) in enumerate(zip(sent, here, strict=True)):
            assert_same(model, other)
            own, theirs = watching[number], expected[number]
            assert own[0].losses == theirs[0].losses  # type: ignore[attr-defined]
            assert [record.step for record in own[1].records] == [  # type: ignore[attr-defined]
                record.step
                for record in theirs[1].records  # type: ignore[attr-defined]
            ]
            assert own[2].best_epoch == theirs[2].best_epoch  # type: ignore[attr-defined]
    assert [m.network for m in sent] == nets
    assert [m.optimizer for m in sent] == rules
    assert all(own[0].losses is listed for own, listed in zip(watching, lists, strict=True))  # type: ignore[attr-defined]
    twin = here[1].network[1].layer
    assert sent[1].network[1].layer is layer
    np.testing.assert_array_equal(layer.scale, twin.scale)
    assert (layer.calls, layer._rows, layer.total.tolist()) == (twin.calls, twin._rows, twin.total.tolist())
    for model, other in zip(sent, here, strict=True):
        if model.optimizer.steps:  # which did not diverge
            for one in (model, other):
                one.fit(X, Y, epochs=2, verbose=False)
            assert_same(model, other)


def test_models_of_a_killed_worker_are_trained_again(chosen: Chosen, tmp_path: Path) -> None:
    sent, here = ([build("plain", seed) for seed in range(6)] for _ in range(2))
    killers = [[Kill(str(tmp_path / "killed") if seed == 3 else None)] for seed in range(6)]
    with chosen():
        found = gn.fit_many(sent, X, Y, epochs=4, callbacks=gn.Each(killers))
    assert (tmp_path / "killed").is_file()
    gn.fit_many(here, X, Y, epochs=4)
    assert [len(history) for history in found if isinstance(history, gn.History)] == [4] * 6
    assert [own[0].epochs for own in killers] == [4] * 6
    for model, other in zip(sent, here, strict=True):
        np.testing.assert_array_equal(model.network.parameters, other.network.parameters)
        assert model.fingerprint() == other.fingerprint()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc to count threads in")
def test_workers_have_no_more_threads_than_their_share(chosen: Chosen) -> None:
    """Models that would take two threads have one each."""
    _, x, y = middling(1)
    settings: dict[str, Any] = {"epochs": 5, "batch_size": 128}
    counting = [[Threads()] for _ in range(4)]
    with chosen():
        gn.fit_many([middling(2, seed)[0] for seed in range(4)], x, y, callbacks=gn.Each(counting), **settings)
    assert os.getpid() not in [own[0].process for own in counting]
    assert [own[0].most for own in counting] == [1] * 4
    if chosen is loky:  # Dask and Ray begin and end threads of their own
        assert [own[0].within - own[0].before for own in counting] == [0] * 4


@pytest.mark.parametrize(("variable", "share"), [("", 1), ("2", 2), ("64", 6)])
def test_a_worker_keeps_to_what_it_is_told(variable: str, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is told nothing has one thread."""
    monkeypatch.delenv("GLASSNET_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(6), raising=False)
    sent = Shared({"x": X, "y": Y, "rows": None})
    (trained,) = train_group(fit_here, sent, [build("plain", 0)], {"callbacks": [[Threads()]]})
    assert trained.callbacks[0]["most"] == share


def test_a_worker_of_another_version_trains_nothing() -> None:
    sent = Shared({"x": X, "y": Y, "rows": None})
    sent.version = "0.0.1"
    (trained,) = train_group(fit_here, sent, [build("plain", 0)], {})
    assert isinstance(trained.result, gn.ConfigurationError)
    assert "a model of glassnet 0.0.1 at a worker that has glassnet" in str(trained.result)
    assert trained.parameters is None


def test_a_search_of_scikit_learn_finds_the_same(chosen: Chosen) -> None:
    def search() -> GridSearchCV:
        grid = {"hidden_layer_sizes": [(5,), (9,)]}
        return GridSearchCV(MLPClassifier(max_iter=5, random_state=0), grid, cv=2).fit(*load_iris(return_X_y=True))

    with chosen():
        found = search()
    expected = search()
    assert found.best_params_ == expected.best_params_
    assert found.cv_results_["mean_test_score"].tolist() == expected.cv_results_["mean_test_score"].tolist()
    np.testing.assert_array_equal(found.best_estimator_.coefs_[0], expected.best_estimator_.coefs_[0])
    with chosen(), pytest.raises(gn.ConfigurationError, match="whole number"):
        GridSearchCV(MLPClassifier(max_iter=-3), {"alpha": [0.1, 1.0]}, cv=2, error_score="raise").fit(X, Y)


def test_what_cannot_be_sent_or_come_home_stands_in_its_place() -> None:
    sent, here = ([build("plain", seed) for seed in range(4)] for _ in range(2))
    SEEN.clear()
    callbacks = [[Counting()], [Locked()], [Failing()], [Outside()]]
    with loky():
        found = gn.fit_many(sent, X, Y, epochs=2, callbacks=gn.Each(callbacks))
    assert isinstance(found[0], gn.History)
    assert isinstance(found[1], Exception)
    assert "pickle" in str(found[1])
    assert "model 1 of 4 was sent to workers several times" in found[1].__notes__[-1]
    assert not sent[1].network.is_built
    assert str(found[2]) == "OddError: code 7"
    assert "on_epoch_end" in found[2].__notes__[0]  # type: ignore[union-attr]
    assert isinstance(found[3], gn.History)
    assert any("SEEN changed at the worker alone" in note for note in found[3].notes)
    assert SEEN == []
    gn.fit_many(here, X, Y, epochs=2)
    for number in (0, 3):
        np.testing.assert_array_equal(sent[number].network.parameters, here[number].network.parameters)


def test_a_model_that_no_worker_survives_is_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are lost with it are sent again; it is not trained here, nor sent for ever."""
    sent, here = ([build("plain", seed) for seed in range(6)] for _ in range(2))
    groups: list[list[int]] = []

    def by_joblib(self: Any, tasks: Any) -> Any:
        for group, *task in tasks:
            groups.append(group)
            if 3 in group:
                raise RuntimeError("a worker was terminated")
            yield elsewhere._with_numbers(group, self._train, self._shared, *task)

    monkeypatch.setattr(elsewhere._Post, "_by_joblib", by_joblib)
    monkeypatch.setattr(elsewhere, "GROUPS_FOR_EACH", 1)
    before = elsewhere.standing
    monkeypatch.setattr(elsewhere, "require_same", lambda *_: None)  # these workers are this process
    with loky():
        found = gn.fit_many(sent, X, Y, epochs=2)
    assert before is elsewhere.standing
    assert groups == [[0, 1, 2], [3, 4, 5], [3], [3], [4], [5]]
    assert str(found[3]) == "a worker was terminated"
    gn.fit_many(here, X, Y, epochs=2)
    for number in (0, 1, 2, 4, 5):
        np.testing.assert_array_equal(sent[number].network.parameters, here[number].network.parameters)
    assert not sent[3].network.is_built


def test_neither_a_dask_without_workers_nor_a_model_that_kills_each_of_them_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("dask.distributed")
    monkeypatch.setattr(elsewhere, "COUNT_SECONDS", 0.1)
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    patient = dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with patient, distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster):
        with monkeypatch.context() as without, joblib.parallel_config("dask"):
            without.setattr(elsewhere, "PATIENCE_SECONDS", 1.0)
            without.setattr(distributed.Client, "nthreads", lambda client: {})
            slow = [[Slow(str(tmp_path / "begun"))]]
            lost = gn.fit_many([build("plain", 0)], X, Y, epochs=20, callbacks=gn.Each(slow))
        assert isinstance(lost[0], gn.DistributedError)
        assert "after all of them were lost" in str(lost[0])
        sent = [build("plain", seed) for seed in range(2)]
        with joblib.parallel_config("dask"):
            found = gn.fit_many(sent, X, Y, epochs=2, callbacks=gn.Each([[], [Kill(None, always=True)]]))
        assert isinstance(found[0], gn.History)
        assert type(found[1]).__name__ == "KilledWorker"
        assert not sent[1].network.is_built


def test_what_would_do_something_else_elsewhere_is_refused(tmp_path: Path) -> None:
    model = build("plain", 0)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("a function, for a worker.*derive a class from gn.Callback", {"callbacks": [lambda state: None]}),
        (r"relative path 'run.safetensors'.*resolve\(\)", {"callbacks": gn.Each([[gn.Checkpoint("run.safetensors")]])}),
        ("resume: received the relative path", {"resume": "run.safetensors"}),
        ("resume: received the relative path", {"resume": gn.Each([Path("run.safetensors")])}),
    ]
    body = gn.Sequential(gn.Dense(3))
    first, second = (gn.Sequential(body, gn.Dense(units)) for units in (3, 2))
    for net in (first, second):
        net.build((4,))
    partly = gn.Model(second, "cross_entropy", "sgd")
    with loky():
        for message, settings in refused:
            with pytest.raises(gn.ConfigurationError, match=message):
                gn.fit_many([model], X, Y, **settings)
        with pytest.raises(gn.ConfigurationError, match=r"model 1: received a network that has layers in common"):
            gn.fit_many([model, partly], X, Y)
    assert not model.network.is_built


def test_ctrl_c_leaves_models_whole_and_says_so(tmp_path: Path) -> None:
    sent = [build("plain", seed) for seed in range(6)]
    here = build("plain", 0)
    path = tmp_path / "begun"
    slow = [[Slow(str(path))] if seed else [] for seed in range(6)]

    def interrupt() -> None:
        while not path.is_file():
            time.sleep(0.02)
        time.sleep(0.3)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with loky():
        found = gn.fit_many(sent, X, Y, epochs=gn.Each([1] + [1_000] * 5), callbacks=gn.Each(slow))
    histories = [history for history in found if isinstance(history, gn.History)]
    assert [history.stopped for history in histories] == [None] + ["interrupted"] * 5
    assert [model.epochs_trained for model in sent] == [1, 0, 0, 0, 0, 0]
    here.fit(X, Y, verbose=False)
    np.testing.assert_array_equal(sent[0].network.parameters, here.network.parameters)


def test_a_model_that_was_trained_here_meanwhile_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [build("plain", seed) for seed in range(2)]

    def by_joblib(self: Any, tasks: Any) -> Any:
        for group, *task in tasks:
            sent[group[0]].fit(X, Y, verbose=False)
            yield elsewhere._with_numbers(group, self._train, self._shared, *task)

    monkeypatch.setattr(elsewhere._Post, "_by_joblib", by_joblib)
    with loky(), warnings.catch_warnings():
        found = gn.fit_many(sent, X, Y)
    assert ["trained here while a worker" in str(error) for error in found] == [True, True]


def test_without_another_process_everything_stays_here() -> None:
    seen: list[int] = []
    here = [build("plain", seed) for seed in range(2)]
    for config in ({"backend": "threading", "n_jobs": 2}, {"n_jobs": 2}, {"backend": "loky", "n_jobs": 1}):
        with joblib.parallel_config(**config):
            gn.fit_many(here, X, Y, callbacks=[lambda state: seen.append(os.getpid())])
    assert seen == [os.getpid()] * 6


def test_joblib_is_not_needed() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np, glassnet as gn\n"
        "models = [gn.Model(gn.Dense(1), 'mean_squared_error', 'sgd', seed=seed) for seed in range(2)]\n"
        "print(gn.fit_many(models, np.ones((4, 2)), np.ones((4, 1))), 'joblib' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.rstrip().endswith("False")
