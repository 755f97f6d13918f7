"""The search: the same bits however it is carried out, whatever fails in it, and nothing from another study's file."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import glassnet as gn
from glassnet.tuning.halving import PRUNED, Halving

optuna = pytest.importorskip("optuna")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)
SMALL: dict[str, Any] = {"units": (2, 8), "layers": [1, 2], "batch_size": [16, 32]}
SETTINGS: dict[str, Any] = {"trials": 10, "epochs": 4, "wave": 4, "space": SMALL, "verbose": False}


def build(units: int = 4, rate: float = 0.01) -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(units), gn.Tanh(), gn.Dense(2)), "cross_entropy", gn.Adam(rate), seed=3)


def bits(found: gn.Tuning) -> Any:
    """Everything that a search comes to, but the time."""
    trials = [(t.number, t.state, t.settings, t.value, t.best_epoch, t.values, t.reason) for t in found.trials]
    return trials, found.model.fingerprint()


@pytest.fixture(scope="module")
def unbroken() -> Any:
    return bits(gn.tune("tables", X, Y, **SETTINGS, workers=1))


@pytest.mark.parametrize("workers", [2, 4])
def test_the_number_of_workers_moves_no_bit(workers: int, unbroken: Any) -> None:
    assert bits(gn.tune("tables", X, Y, **SETTINGS, workers=workers)) == unbroken


def test_a_search_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path, unbroken: Any) -> None:
    """Wherever its file ends: after a wave, in the middle of one, in the middle of a line."""
    file = tmp_path / "a.study"
    gn.tune("tables", X, Y, **SETTINGS, storage=file)
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 12  # the study, its settings, a line for each trial
    for kept, torn in ((0, 5), (2, 0), (3, 40), (6, 0), (8, 200), (12, 0)):
        file.write_bytes(b"".join(lines[:kept]) + b"".join(lines[kept : kept + 1])[:torn])
        again = []
        assert bits(gn.tune("tables", X, Y, **SETTINGS, storage=file, callbacks=[again.append])) == unbroken
        assert len(file.read_bytes().splitlines()) == 12
        assert [trial.number for trial in again] == list(range(10))


def test_what_is_over_is_not_trained_again(tmp_path: Path) -> None:
    built: list[int] = []

    def counted(units: int) -> gn.Model:
        model = build(units)
        fit = model.fit
        model.__dict__["fit"] = lambda *given, **more: (built.append(units), fit(*given, **more))[1]
        return model

    own: dict[str, Any] = {"space": {"units": (2, 9)}, "epochs": 2, "wave": 3, "verbose": False}
    gn.tune(counted, X, Y, trials=4, **own, storage=tmp_path / "a.study")
    assert len(built) == 5  # and the last model
    more = gn.tune(counted, X, Y, trials=7, **own, storage=tmp_path / "a.study")
    assert len(built) == 5 + 3 + 1
    assert bits(more) == bits(gn.tune(counted, X, Y, trials=7, **own))


def test_an_interrupted_search_gives_what_it_has(tmp_path: Path, unbroken: Any) -> None:
    file = tmp_path / "a.study"

    def press(trial: Any) -> None:
        if trial.number == 5:
            os.kill(os.getpid(), signal.SIGINT)

    found = gn.tune("tables", X, Y, **SETTINGS, storage=file, callbacks=[press])
    assert found.stopped == "interrupted"
    assert len(found.trials) in (5, 6)
    assert bits(found)[0] == unbroken[0][: len(found.trials)]
    assert bits(gn.tune("tables", X, Y, **SETTINGS, storage=file)) == unbroken


def test_time_that_is_up_ends_after_the_wave() -> None:
    found = gn.tune("tables", X, Y, **SETTINGS, timeout=0)
    assert (found.stopped, len(found.trials)) == ("the time was up", 4)


def test_trials_that_fail_say_why() -> None:
    def sometimes(trial: Any) -> gn.Model:
        rate = trial.suggest_categorical("rate", [0.01, 3e38])
        if trial.number == 2:
            raise RuntimeError("no third one")
        return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.SGD(rate))

    found = gn.tune(sometimes, X, Y, trials=8, epochs=3, verbose=False)
    failed = {trial.number: trial.reason for trial in found.trials if trial.state == "failed"}
    assert failed.pop(2) == "RuntimeError: no third one"
    assert failed
    for number, reason in failed.items():
        assert found.trials[number].settings["rate"] == 3e38
        assert "a finite loss" in str(reason)
    assert found.best.settings == {"rate": 0.01}
    assert "failed" in repr(found)


def test_where_nothing_works_the_first_reason_is_said() -> None:
    def never(trial: Any) -> gn.Model:
        return gn.Model(gn.Sequential(gn.Dense(1)), "cross_entropy", "adam")

    with pytest.raises(gn.ConfigurationError, match=r"8 trials that failed, all of them; the first: .*output"):
        gn.tune(never, X, Y, trials=50, verbose=False)


def test_bad_trials_end_early_and_are_compared_with_those_before() -> None:
    def by_rate(trial: Any) -> gn.Model:
        rate = [0.05, 0.05, 0.0, 0.05][trial.number]
        trial.suggest_float("unused", 0, 1)
        return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.SGD(rate), seed=0)

    found = gn.tune(by_rate, X, Y, trials=4, epochs=9, wave=1, verbose=False)
    assert [trial.state for trial in found.trials] == ["complete", "complete", "pruned", "complete"]
    assert len(found.trials[2].values) == 1  # a ninth of the epochs
    assert found.study.trials[2].state == optuna.trial.TrialState.PRUNED
    side_by_side = gn.tune(by_rate, X, Y, trials=4, epochs=9, wave=4, verbose=False)
    assert [trial.state for trial in side_by_side.trials] == ["complete"] * 4  # there is none before
    whole = gn.tune(by_rate, X, Y, trials=4, epochs=9, wave=1, halving=None, verbose=False)
    assert [len(trial.values) for trial in whole.trials] == [9] * 4


def test_in_another_process_a_trial_ends_where_it_would_here() -> None:
    """What is sent there knows the earlier trials, and nothing of who waits for the end."""
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE, value=0.0, system_attrs={"completed_rung_0": 0.001}
    )
    settings: dict[str, Any] = {"rises": False, "earlier": [trial] * 3, "factor": 3, "epochs": 9, "patience": None}
    for finished in (None, lambda history: None):
        callback = pickle.loads(pickle.dumps(Halving("val_loss", **settings, finished=finished)))
        history = build().fit(X, Y, epochs=9, validation_split=0.2, callbacks=[callback], verbose=False)
        assert (len(history), history.stopped) == (1, PRUNED)


def test_patience_ends_a_trial_that_counts() -> None:
    def still(trial: Any) -> gn.Model:
        return gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.SGD(0.0))

    found = gn.tune(still, X, Y, trials=1, epochs=9, patience=2, verbose=False)
    assert (found.best.state, len(found.best.values), found.best.best_epoch) == ("complete", 3, 1)


def test_the_last_model_is_the_best_trial_on_all_rows_or_on_its_own() -> None:
    own: dict[str, Any] = {"space": {"units": (2, 9), "rate": gn.tuning.Range(0.001, 0.3, log=True)}, "trials": 5}
    own |= {"epochs": 6, "verbose": False, "seed": 4}
    validation = X[:20], Y[:20]
    found = gn.tune(build, X[20:], Y[20:], validation=validation, refit=False, **own)
    assert found.model.evaluate(*validation)["loss"] == found.best.value
    by_hand = build(**found.best.settings)
    by_hand.fit(X[20:], Y[20:], epochs=found.best.best_epoch, verbose=False)
    assert np.array_equal(by_hand.network.parameters, found.model.network.parameters)
    share = gn.tune(build, X, Y, **own)
    by_hand = build(**share.best.settings)
    by_hand.fit(X, Y, epochs=share.best.best_epoch, verbose=False)
    assert np.array_equal(by_hand.network.parameters, share.model.network.parameters)
    assert share.rows == (72, 18)


def test_a_function_may_choose_what_fit_gets() -> None:
    def both(trial: Any) -> Any:
        return build(4), {"batch_size": trial.suggest_int("rows", 5, 9)}

    found = gn.tune(both, X, Y, trials=2, epochs=1, verbose=False)
    assert found.model.optimizer.steps == -(-90 // found.best.settings["rows"])
    shared = build()
    for wrong in (lambda trial: 3, lambda trial: (build(), {"epochs": 3}), lambda trial: shared):
        with pytest.raises(gn.ConfigurationError, match="tune"):
            gn.tune(wrong, X, Y, trials=2, epochs=1, wave=1, verbose=False).trials[1].reason.index("!")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": X + 1}, "other inputs"),
        ({"y": 1 - Y}, "other targets"),
        ({"x": X[1:], "y": Y[1:]}, "rows to train on instead of"),
        ({"space": SMALL | {"units": (2, 9)}}, "units=Range"),
        ({"metric": "accuracy"}, "metric='val_accuracy' instead of 'val_loss'"),
        ({"seed": 1}, "seed=1 instead of 0"),
        ({"epochs": 5}, "epochs=5 instead of 4"),
        ({"wave": 5}, "wave=5 instead of 4"),
        ({"halving": None}, "halving=None instead of 3"),
    ],
)
def test_a_study_of_something_else_is_refused(change: dict[str, Any], said: str, studied: Path) -> None:
    settings = {"x": X, "y": Y} | SETTINGS | change
    before = studied.read_bytes()
    with pytest.raises(gn.ConfigurationError, match="tune: ") as refused:
        gn.tune("tables", **settings, storage=studied)
    assert said in refused.value.received
    assert studied.read_bytes() == before


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("study") / "a.study"
    gn.tune("tables", X, Y, **(SETTINGS | {"trials": 4}), storage=file)
    return file


def test_another_function_is_refused(tmp_path: Path) -> None:
    own: dict[str, Any] = {"trials": 2, "epochs": 1, "verbose": False, "storage": tmp_path / "a.study"}

    def first(trial: Any) -> gn.Model:
        return build(trial.suggest_int("units", 2, 4))

    def wider(trial: Any) -> gn.Model:
        return build(trial.suggest_int("units", 2, 5))

    def other(trial: Any) -> gn.Model:
        return build(1 + trial.suggest_int("units", 2, 4))

    gn.tune(first, X, Y, **own)
    with pytest.raises(gn.ConfigurationError, match=r"units: IntDistribution\(high=5.*instead of IntDistribution"):
        gn.tune(wider, X, Y, **own)
    with pytest.raises(gn.ConfigurationError, match="another model for the settings"):
        gn.tune(other, X, Y, **own)


def test_every_damaged_file_is_refused_and_left_alone(studied: Path, tmp_path: Path) -> None:
    whole = studied.read_bytes()
    file = tmp_path / "b.study"
    settings = SETTINGS | {"trials": 4}
    for place in np.random.default_rng(1).integers(20, len(whole) - 1, 12):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        with pytest.raises((gn.FileFormatError, gn.ConfigurationError)):
            gn.tune("tables", X, Y, **settings, storage=file)
        assert file.read_bytes() == damaged
    for foreign in (b"name,age\nann,3\n", b"\x80\x04pickle", b"{}\n", b'{"op_code": 0}\n'):
        file.write_bytes(foreign)
        with pytest.raises(gn.ConfigurationError, match="not a study of glassnet"):
            gn.tune("tables", X, Y, **settings, storage=file)
        assert file.read_bytes() == foreign


@pytest.mark.parametrize(
    "change",
    [
        {"value": -9.0},
        {"intermediate_values": {str(epoch): 0.1 for epoch in range(1, 9)}},
        {"intermediate_values": {"1": "x"}},
        {"user_attrs": {"number": True, "seconds": 0, "reason": None, "model": ""}},
        {"params": {"units": 3}},
        {"state": 0},
        {"state": 77},
        {"op_code": 99},
        {"distributions": {"units": "{}"}},
    ],
)
def test_a_line_that_somebody_else_wrote_is_refused(change: dict[str, Any], studied: Path, tmp_path: Path) -> None:
    """With the right checksum."""
    lines = studied.read_bytes().splitlines(keepends=True)
    part = json.dumps(json.loads(b"{" + lines[2].split(b",", 1)[1]) | change).encode()[1:]
    file = tmp_path / "c.study"
    file.write_bytes(b"".join([*lines[:2], b'{"glassnet study":"%08x",%s\n' % (crc32(part), part), *lines[3:]]))
    with pytest.raises(gn.FileFormatError, match="tune"):
        gn.tune("tables", X, Y, **(SETTINGS | {"trials": 4}), storage=file)


def test_a_full_disk_ends_the_search_and_spoils_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.study"
    written, sync = [], os.fsync

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 6:
            raise OSError(errno.ENOSPC, "no space left")
        sync(descriptor)

    monkeypatch.setattr("glassnet.tuning.journal.os.fsync", full)
    with pytest.raises(gn.WriteError):
        gn.tune("tables", X, Y, **SETTINGS, storage=file, workers=1)
    monkeypatch.undo()
    assert len(file.read_bytes().splitlines()) == 5
    again = gn.tune("tables", X, Y, **SETTINGS, storage=file)
    assert bits(again) == bits(gn.tune("tables", X, Y, **SETTINGS))


def test_no_two_searches_write_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "a.study"
    said: list[str] = []

    def meanwhile(trial: Any) -> None:
        with pytest.raises(gn.ConfigurationError) as refused:
            gn.tune("tables", X, Y, **SETTINGS, storage=file)
        said.append(str(refused.value))

    gn.tune("tables", X, Y, **(SETTINGS | {"trials": 1}), storage=file, callbacks=[meanwhile])
    assert "is writing" in said[0]
    assert list(tmp_path.iterdir()) == [file]


def test_optuna_reads_the_file(studied: Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(studied))
    study = optuna.load_study(study_name="glassnet", storage=optuna.storages.JournalStorage(backend))
    assert sorted(trial.user_attrs["number"] for trial in study.trials) == [0, 1, 2, 3]


def test_a_missing_optuna_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[tune\]"):
        gn.tune("tables", X, Y)
