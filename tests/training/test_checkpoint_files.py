"""The files of a ``Checkpoint``: when they are written, which stay, which is taken, who may write them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import assert_same, classifier, state_of

import glassnet as gn
from glassnet.core import files
from glassnet.training import TrainingState

Blobs = tuple[np.ndarray, np.ndarray]
ENGINES = ["compiled", "numpy"]
NAME = "m.safetensors"


def fit(model: gn.Model, data: Blobs, callbacks: Any, **settings: Any) -> gn.History:
    given: dict[str, Any] = {"epochs": 3, "batch_size": 8, "verbose": False, **settings}
    return model.fit(*data, callbacks=callbacks, **given)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def updates(path: Path) -> int:
    return gn.load(path).optimizer.steps


def steps_of(data: Blobs) -> int:
    """In an epoch."""
    return -(-len(data[0]) // 8)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    changed = {
        "bit": content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :],
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "other": b"something else " * 100,
        "zeros": bytes(len(content)),
    }
    path.write_bytes(changed[how])


@pytest.mark.parametrize("engine", ENGINES)
def test_every_so_many_steps(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    fit(classifier(engine=engine), blobs, gn.Checkpoint(tmp_path / "{epoch}-{step}.safetensors", every_steps=5))
    last = 3 * steps_of(blobs)
    expected = sorted({*range(5, last + 1, 5), last})
    assert sorted(int(name.split("-")[1].split(".")[0]) for name in names(tmp_path)) == expected
    for step in expected:
        (file,) = tmp_path.glob(f"*-{step}.safetensors")
        model = gn.load(file)
        assert model.latest_fit is not None
        assert model.latest_fit.position is not None
        assert (model.optimizer.steps, model.epochs_trained) == (step, step // steps_of(blobs))
        assert model.latest_fit.position.step == step % steps_of(blobs)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_so_many_seconds(blobs: Blobs, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("glassnet.training.checkpoint.monotonic", lambda: now[0])

    class Passing(gn.Callback):
        every_steps = 1

        def between_steps(self, state: TrainingState) -> None:
            now[0] += 1.0

        def on_epoch_end(self, state: TrainingState) -> None:
            now[0] += 1.0

    every = gn.Checkpoint(tmp_path / "{step}.safetensors", every_seconds=4)
    fit(classifier(engine=engine), blobs, [Passing(), every])
    last = 3 * steps_of(blobs)
    assert sorted(int(Path(name).stem) for name in names(tmp_path)) == sorted({*range(4, last + 1, 4), last})


@pytest.mark.parametrize("engine", ENGINES)
def test_when_it_saves_changes_no_bit(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    results = []
    for number, settings in enumerate(({}, {"every_steps": 1}, {"every_seconds": 1e-9}, {"every_steps": 3, "keep": 2})):
        model = classifier(engine=engine)
        checkpoint: Any = gn.Checkpoint(tmp_path / f"{number}.safetensors", **settings)
        history = fit(model, blobs, [checkpoint] if settings else [], validation_split=0.2)
        results.append(state_of(model, history))
    for result in results[1:]:
        assert_same(result, results[0])


def test_the_last_ones_and_the_best_stay(blobs: Blobs, tmp_path: Path) -> None:
    course = iter([3.0, 1.0, 2.0, 2.5, 2.6, 2.7])

    class Course(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            state.logs["val_loss"] = next(course)

    callbacks = [Course(), gn.Checkpoint(tmp_path / NAME, keep=3)]
    fit(classifier(), blobs, callbacks, epochs=6, validation_split=0.2)
    assert names(tmp_path) == ["m.1.safetensors", "m.2.safetensors", "m.best.safetensors", NAME]
    trained = [gn.load(tmp_path / name).epochs_trained for name in names(tmp_path)]
    assert trained == [5, 4, 2, 6]


def test_the_last_ones_of_numbered_files_stay(blobs: Blobs, tmp_path: Path) -> None:
    fit(classifier(), blobs, gn.Checkpoint(tmp_path / "{step}.safetensors", every_steps=2, keep=2, monitor=None))
    last = 3 * steps_of(blobs)
    kept = sorted({*range(2, last + 1, 2), last})[-2:]
    assert sorted(int(Path(name).stem) for name in names(tmp_path)) == kept
    fit(classifier(), blobs, gn.Checkpoint(tmp_path / "e{epoch}.safetensors", keep=1, monitor="loss"))
    assert {"e3.safetensors", "ebest.safetensors"} < set(names(tmp_path))


def test_only_the_best_ones_may_be_several(blobs: Blobs, tmp_path: Path) -> None:
    callbacks = [gn.Checkpoint(tmp_path / NAME, only_best=True, monitor="loss", keep=2)]
    fit(classifier(), blobs, callbacks, epochs=5)
    assert names(tmp_path) == ["m.1.safetensors", NAME]
    assert updates(tmp_path / NAME) > updates(tmp_path / "m.1.safetensors")


def test_without_validation_there_is_no_best_one_and_that_is_said(blobs: Blobs, tmp_path: Path) -> None:
    history = fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME, keep=2))
    assert names(tmp_path) == ["m.1.safetensors", NAME]
    assert any("keeps no best one: this fit does not measure val_loss" in note for note in history.notes)
    history = fit(classifier(), blobs, gn.Checkpoint(tmp_path / "n.safetensors", keep=2, monitor=None))
    assert not any("best" in note for note in history.notes)


@pytest.mark.parametrize("how", ["bit", "truncated", "empty", "other", "zeros"])
@pytest.mark.parametrize("name", [NAME, "{step}.safetensors"])
def test_the_newest_that_is_whole_is_taken_in_words(blobs: Blobs, tmp_path: Path, how: str, name: str) -> None:
    unbroken = classifier()
    expected = state_of(unbroken, fit(unbroken, blobs, []))
    path = tmp_path / name

    def checkpoint() -> gn.Checkpoint:
        return gn.Checkpoint(path, every_steps=4, keep=3, monitor=None)

    def stop(state: TrainingState) -> None:
        if state.epoch == 2:
            state.interrupt()

    fit(classifier(), blobs, [checkpoint(), stop])
    files_there = sorted(tmp_path.iterdir(), key=lambda file: updates(file))
    newest, before = files_there[-1], files_there[-2]
    damage(newest, how)
    with pytest.warns(gn.CheckpointWarning, match=rf"{newest.name}.*the newest that is whole is taken, {before.name}"):
        assert gn.load(path).optimizer.steps == updates(before)
    model = classifier()
    with pytest.warns(gn.CheckpointWarning, match=f"is taken, {before.name}"):
        history = fit(model, blobs, checkpoint(), resume=path)
    assert any(f"is taken, {before.name}" in note for note in history.notes)
    assert_same(state_of(model, history), expected)
    gn.load(path)  # without a warning


def test_where_none_is_whole_the_newest_ones_error_is_raised(blobs: Blobs, tmp_path: Path) -> None:
    fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME, keep=3, monitor=None))
    for file in tmp_path.iterdir():
        damage(file, "bit")
    with pytest.raises(gn.FileFormatError, match=rf"load .*/{NAME}"):
        gn.load(tmp_path / NAME)
    with pytest.raises(gn.MissingFileError):
        gn.load(tmp_path / "{step}.safetensors")


def test_a_model_of_somebody_else_is_no_older_checkpoint(blobs: Blobs, tmp_path: Path) -> None:
    other = classifier(seed=5)
    fit(other, blobs, [])
    other.save(tmp_path / "m.1.safetensors")
    before = (tmp_path / "m.1.safetensors").read_bytes()
    with pytest.raises(gn.ConfigurationError, match=r"m\.1\.safetensors.*no Checkpoint has written"):
        fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME, keep=2))
    fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME))
    damage(tmp_path / NAME, "bit")
    with pytest.raises(gn.FileFormatError):
        gn.load(tmp_path / NAME)
    assert (tmp_path / "m.1.safetensors").read_bytes() == before


def full_disk(monkeypatch: pytest.MonkeyPatch, is_full: Callable[[], bool]) -> None:
    """Lets the disk take nothing while that is so."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if is_full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)


@pytest.mark.parametrize("keep", [None, 2])
def test_a_full_disk_stops_the_training_or_not(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int | None
) -> None:
    model, until = classifier(), 100
    full_disk(monkeypatch, lambda: steps_of(blobs) < model.optimizer.steps < until * steps_of(blobs))
    with pytest.raises(gn.WriteError, match="No space left"):
        fit(model, blobs, gn.Checkpoint(tmp_path / NAME, keep=keep, monitor=None))
    assert names(tmp_path) == [NAME]
    assert gn.load(tmp_path / NAME).epochs_trained == 1
    assert model.epochs_trained == 2
    assert model.latest_fit is not None
    assert not model.latest_fit.is_finished

    model, until = classifier(), 3
    checkpoint = gn.Checkpoint(tmp_path / NAME, keep=keep, monitor=None, if_disk_fails="go_on")
    with pytest.warns(gn.CheckpointWarning, match="nothing was saved after epoch 2, step"):
        history = fit(model, blobs, checkpoint)
    assert len(history) == 3
    assert any("the disk did not take 1 files" in note for note in history.notes)
    assert gn.load(tmp_path / NAME).epochs_trained == 3
    assert names(tmp_path) == ([NAME] if keep is None else ["m.1.safetensors", NAME])


def test_a_best_one_that_was_not_saved_is_not_the_best(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = [3.0, 1.0, 2.0]

    class Course(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            state.logs["loss"] = course[state.epoch - 1]

    model = classifier()
    full_disk(monkeypatch, lambda: steps_of(blobs) < model.optimizer.steps < 3 * steps_of(blobs))
    checkpoint = gn.Checkpoint(tmp_path / NAME, only_best=True, monitor="loss", if_disk_fails="go_on")
    with pytest.warns(gn.CheckpointWarning):
        fit(model, blobs, [Course(), checkpoint])
    assert (checkpoint.best, checkpoint.best_epoch) == (2.0, 3)
    assert gn.load(tmp_path / NAME).epochs_trained == 3


def test_a_place_where_saving_failed_is_still_known(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = classifier()
    fit(expected, blobs, [])
    model, room = classifier(), [False]
    full_disk(monkeypatch, lambda: not room[0] and model.optimizer.steps > steps_of(blobs) + 1)
    checkpoint = gn.Checkpoint(tmp_path / NAME, every_steps=2, keep=2, monitor="loss")
    with pytest.raises(gn.WriteError):
        fit(model, blobs, checkpoint)
    room[0] = True
    for one in (classifier(), gn.load(tmp_path / NAME)):
        fit(one, blobs, gn.Checkpoint(tmp_path / NAME, every_steps=2, keep=2, monitor="loss"), resume=tmp_path / NAME)
        np.testing.assert_array_equal(one.network.parameters, expected.network.parameters)


def test_one_training_at_a_time_writes_to_a_path(blobs: Blobs, tmp_path: Path) -> None:
    refused: list[str] = []

    def train_another(state: TrainingState) -> None:
        def work() -> None:
            with pytest.raises(gn.ConfigurationError) as error:
                fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME))
            refused.append(str(error.value))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert names(tmp_path) == [f".{NAME}.lock"]

    class First(gn.Callback):
        def on_fit_begin(self, state: TrainingState) -> None:
            train_another(state)

    fit(classifier(), blobs, [gn.Checkpoint(tmp_path / NAME), First()])
    assert f"this very process ({os.getpid()})" in refused[0]
    assert names(tmp_path) == [NAME]


def test_another_process_is_told_who_writes(blobs: Blobs, tmp_path: Path) -> None:
    script = f"""
import time, numpy as np, glassnet as gn
model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
class Wait(gn.Callback):
    def on_epoch_end(self, state):
        print("there", flush=True)
        time.sleep(60)
checkpoint = gn.Checkpoint({str(tmp_path / NAME)!r})
model.fit(np.ones((4, 1)), np.ones((4, 1)), callbacks=[checkpoint, Wait()], verbose=False)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "there\n"
        with pytest.raises(gn.ConfigurationError, match=f"process {process.pid} is writing"):
            fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME))
    assert names(tmp_path) == [NAME]


def test_a_lock_goes_however_the_fit_ends(blobs: Blobs, tmp_path: Path) -> None:
    def fail(_: TrainingState) -> None:
        raise RuntimeError("mine")

    class Late(gn.Callback):
        def on_fit_begin(self, state: TrainingState) -> None:
            raise RuntimeError("mine")

    for other in (fail, Late()):
        with pytest.raises(RuntimeError, match="mine"):
            fit(classifier(), blobs, [gn.Checkpoint(tmp_path / NAME), other])
        assert not list(tmp_path.glob(".*"))
    with pytest.raises(gn.ConfigurationError, match="twice in one fit"):
        fit(classifier(), blobs, [gn.Checkpoint(tmp_path / NAME), gn.Checkpoint(f"{tmp_path}/./{NAME}")])
    assert not list(tmp_path.glob(".*"))


def test_a_child_of_a_fork_does_not_write_its_parents_files(blobs: Blobs, tmp_path: Path) -> None:
    model = classifier(engine="numpy")
    read, write = os.pipe()

    def fork(state: TrainingState) -> None:
        if state.epoch == 1 and os.fork() == 0:
            try:
                state.save(tmp_path / NAME)
                os.write(write, b"saved")
            except gn.ConfigurationError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.close(write) if state.epoch == 1 else None

    fit(model, blobs, [gn.Checkpoint(tmp_path / NAME), fork], epochs=2)
    with os.fdopen(read) as pipe:
        assert "in a child process, whose parent writes it" in pipe.read()
    os.wait()
    assert gn.load(tmp_path / NAME).epochs_trained == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_saved_by_a_callback_holds_the_place(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    unbroken, model = classifier(engine=engine), classifier(engine=engine)
    expected = state_of(unbroken, fit(unbroken, blobs, gn.EarlyStopping("loss", patience=1)))

    class Save(gn.Callback):
        every_steps = 5

        def between_steps(self, state: TrainingState) -> None:
            model.save(tmp_path / f"{state.step}.safetensors")

        def on_epoch_end(self, state: TrainingState) -> None:
            model.save(tmp_path / f"{state.step}.safetensors")

        def on_fit_end(self, state: TrainingState) -> None:
            model.save(tmp_path / "end.safetensors")

    fit(model, blobs, [Save(), gn.EarlyStopping("loss", patience=1)])
    for step in ("5", str(steps_of(blobs)), "end"):
        one = classifier(engine=engine)
        history = fit(one, blobs, gn.EarlyStopping("loss", patience=1), resume=tmp_path / f"{step}.safetensors")
        assert_same(state_of(one, history), expected)
    end = gn.load(tmp_path / "end.safetensors")
    assert end.epochs_trained == model.epochs_trained
    assert end.latest_fit is not None
    assert end.latest_fit.is_finished


def test_a_model_saved_by_another_thread_says_where_it_stands(blobs: Blobs, tmp_path: Path) -> None:
    model = classifier()

    def save_elsewhere(_: TrainingState) -> None:
        thread = threading.Thread(target=model.save, args=[tmp_path / NAME])
        thread.start()
        thread.join()

    fit(model, blobs, [save_elsewhere, lambda state: state.interrupt()])
    one, unbroken = classifier(), classifier()
    fit(one, blobs, [], resume=tmp_path / NAME)
    fit(unbroken, blobs, [])
    np.testing.assert_array_equal(one.network.parameters, unbroken.network.parameters)


@pytest.mark.parametrize(
    "settings",
    [
        {"every_steps": 0},
        {"every_steps": 1.5},
        {"every_seconds": 0},
        {"every_seconds": -1},
        {"every_seconds": float("nan")},
        {"every_seconds": float("inf")},
        {"every_seconds": "60"},
        {"keep": 0},
        {"keep": True},
        {"if_disk_fails": "ignore"},
        {"only_best": True, "every_steps": 5},
        {"only_best": True, "every_seconds": 5},
        {"monitor": 3},
        {"monitor": None, "only_best": True},
        {"every": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="Checkpoint"):
        gn.Checkpoint("m.safetensors", **settings)


def test_a_path_with_other_braces_is_refused() -> None:
    for path in ("{loss}.safetensors", "{epoch}-{}.safetensors"):
        with pytest.raises(gn.ConfigurationError, match=r"\{step\}"):
            gn.Checkpoint(path)


def test_a_slow_disk_does_not_take_all_the_time(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = [0.0], [0]
    monkeypatch.setattr("glassnet.training.checkpoint.monotonic", lambda: now[0])
    save = TrainingState.save

    def slow(state: TrainingState, path: Any) -> None:
        save(state, path)
        now[0] += 100.0
        saved[0] += 1

    monkeypatch.setattr(TrainingState, "save", slow)
    fit(classifier(engine="numpy"), blobs, gn.Checkpoint(tmp_path / NAME, every_seconds=50), epochs=2)
    assert saved[0] == 1  # at the end


def test_a_file_of_the_users_that_has_the_name_of_the_previous_one_stays(blobs: Blobs, tmp_path: Path) -> None:
    own = tmp_path / ".m.safetensors.previous"
    own.write_text("my notes")
    with pytest.raises(gn.WriteError, match="File exists"):
        fit(classifier(), blobs, gn.Checkpoint(tmp_path / NAME, keep=3))
    assert own.read_text() == "my notes"
