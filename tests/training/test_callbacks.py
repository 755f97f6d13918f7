"""Callbacks, the history and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import classifier
from terminal import in_a_terminal

import glassnet as gn
from glassnet.training import TrainingState, epoch_order, validation_rows

Blobs = tuple[np.ndarray, np.ndarray]


def scripted(values: list[float]) -> gn.Callback:
    """Puts a given course of val_loss before the callbacks that come after it."""

    class Script(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            state.logs["val_loss"] = values[state.epoch - 1]

    return Script()


def test_early_stopping_stops_and_restores_the_best_epoch(blobs: Blobs) -> None:
    kept: dict[int, np.ndarray] = {}
    model = classifier()
    stopping = gn.EarlyStopping(patience=2)
    history = model.fit(
        *blobs,
        epochs=10,
        validation_split=0.2,
        callbacks=[
            scripted([5, 3, 4, 3, 1, 1, 1, 1, 1, 1]),
            lambda state: kept.update({state.epoch: state.network.parameters.copy()}),
            stopping,
        ],
        verbose=False,
    )
    assert len(history) == 4
    assert stopping.best_epoch == 2
    assert "epoch 2" in str(history.stopped)
    np.testing.assert_array_equal(model.network.parameters, kept[2])
    assert not np.array_equal(kept[2], kept[4])


def test_early_stopping_may_keep_the_last_weights_and_watch_accuracy(blobs: Blobs) -> None:
    model = classifier(optimizer=gn.SGD(0.0))
    history = model.fit(
        *blobs, epochs=9, callbacks=[gn.EarlyStopping("accuracy", patience=3, restore_best=False)], verbose=False
    )
    assert len(history) < 9


def test_min_delta_is_how_much_better_counts(blobs: Blobs) -> None:
    model = classifier()
    stopping = gn.EarlyStopping(patience=2, min_delta=0.5)
    course = scripted([5, 4.9, 4.8, 1, 1])
    history = model.fit(*blobs, epochs=5, validation_split=0.2, callbacks=[course, stopping], verbose=False)
    assert len(history) == 3


def test_reduce_on_plateau_lowers_the_rate(blobs: Blobs) -> None:
    model = classifier(optimizer=gn.SGD(0.1))
    history = model.fit(
        *blobs,
        epochs=6,
        validation_split=0.2,
        callbacks=[scripted([1.0] * 6), gn.ReduceOnPlateau(factor=0.5, patience=2, min_rate=0.05)],
        verbose=False,
    )
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.1, 0.1, 0.05, 0.05, 0.05])


def test_checkpoints_hold_the_model_of_their_epoch(blobs: Blobs, tmp_path: Path) -> None:
    kept: dict[int, np.ndarray] = {}
    model = classifier()
    model.fit(
        *blobs,
        epochs=4,
        callbacks=[
            lambda state: kept.update({state.epoch: state.network.parameters.copy()}),
            gn.Checkpoint(tmp_path / "at-{epoch}.safetensors", every=2),
        ],
        verbose=False,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at-2.safetensors", "at-4.safetensors"]
    loaded = gn.load(tmp_path / "at-2.safetensors")
    np.testing.assert_array_equal(loaded.network.parameters, kept[2])
    assert loaded.epochs_trained == 2
    assert loaded.optimizer.steps == 2 * 3
    loaded.fit(*blobs, epochs=2, verbose=False)
    np.testing.assert_array_equal(loaded.network.parameters, model.network.parameters)


def test_a_checkpoint_of_the_best_only(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    course = scripted([3, 1, 2, 2])
    checkpoint = gn.Checkpoint(path, only_best=True)
    classifier().fit(*blobs, epochs=4, validation_split=0.2, callbacks=[course, checkpoint], verbose=False)
    assert gn.load(path).epochs_trained == 2


def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(blobs: Blobs, tmp_path: Path) -> None:
    model = classifier()
    with pytest.raises(gn.ConfigurationError, match="mkdir"):
        model.fit(*blobs, callbacks=[gn.Checkpoint(tmp_path / "missing" / "m.safetensors")], verbose=False)
    assert model.epochs_trained == 0


def test_a_function_may_stop_training(blobs: Blobs) -> None:
    def stop_at_two(state: TrainingState) -> None:
        if state.epoch == 2:
            state.stop("enough")

    history = classifier().fit(*blobs, epochs=5, callbacks=[stop_at_two], verbose=False)
    assert len(history) == 2
    assert history.stopped == "enough"


def test_on_fit_end_is_called_when_a_callback_fails(blobs: Blobs) -> None:
    ended: list[int] = []

    class Watch(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            raise RuntimeError("mine")

        def on_fit_end(self, state: TrainingState) -> None:
            ended.append(state.epoch)

    model = classifier()
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(*blobs, callbacks=[Watch()], verbose=False)
    assert ended == [1]
    assert model.epochs_trained == 1


def test_ctrl_c_ends_training_after_the_step_and_the_model_is_usable(blobs: Blobs) -> None:
    def press(state: TrainingState) -> None:
        if state.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    model = classifier()
    before = signal.getsignal(signal.SIGINT)
    history = model.fit(*blobs, epochs=100_000, callbacks=[press], verbose=False)
    assert signal.getsignal(signal.SIGINT) is before
    assert history.stopped == "interrupted"
    assert len(history) in (3, 4)
    assert np.isfinite(model.predict(blobs[0])).all()
    model.fit(*blobs, epochs=1, verbose=False)


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
def test_a_ctrl_c_that_is_ignored_stays_ignored(blobs: Blobs, engine: str) -> None:
    def press(_: TrainingState) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        model = classifier(engine=engine)
        history = model.fit(*blobs, epochs=3, callbacks=[press], verbose=False)
        assert (len(history), history.stopped) == (3, None)
        model.step_over([blobs, blobs])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_in_another_thread_works(blobs: Blobs) -> None:
    model = classifier()
    thread = threading.Thread(target=lambda: model.fit(*blobs, epochs=2, verbose=False))
    thread.start()
    thread.join()
    assert model.epochs_trained == 2


def test_nothing_is_printed_in_a_pipe(blobs: Blobs) -> None:
    code = (
        "import numpy as np, glassnet as gn\n"
        "m = gn.Model(gn.Sequential(gn.Dense(1)), 'mean_squared_error', 'sgd')\n"
        "m.fit(np.ones((3, 1)), np.ones((3, 1)), epochs=3)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert result.stderr == ""


def test_a_terminal_gets_a_progress_bar(blobs: Blobs) -> None:
    code = (
        "import numpy as np, glassnet as gn\n"
        "m = gn.Model(gn.Sequential(gn.Dense(1)), 'mean_squared_error', 'sgd')\n"
        "m.fit(np.ones((3, 1)), np.ones((3, 1)), epochs=3, verbose={verbose})\n"
    )
    for verbose, expected in ((True, "epoch 3/3"), (False, "")):
        status, shown = in_a_terminal([sys.executable, "-c", code.format(verbose=verbose)])
        assert status == 0
        assert (expected in shown.decode()) if expected else shown == b""


def test_how_far_it_came_stands_there_at_the_end_however_fast_it_was() -> None:
    code = (
        "import numpy as np, glassnet as gn\n"
        "from glassnet.training import progress\n"
        "progress.REFRESH_SECONDS = 1e9\n"  # nothing is shown on the way
        "new = lambda: gn.Model(gn.Sequential(gn.Dense(1)), 'mean_squared_error', 'sgd')\n"
        "x = np.ones((3, 1))\n"
        "new().fit(x, x, epochs=3)\n"
        "gn.fit_many([new(), new()], x, x, epochs=2)\n"
    )
    _, shown = in_a_terminal([sys.executable, "-c", code])
    counts = [found.group() for found in re.finditer(r"(epoch|model) \d/\d", shown.decode())]
    assert list(dict.fromkeys(counts)) == ["epoch 3/3", "model 2/2"]


def test_the_progress_line_speaks_the_language_that_was_chosen() -> None:
    code = (
        "import numpy as np, glassnet as gn\n"
        "x = np.arange(9.0).reshape(9, 1)\n"
        "y = np.arange(9) % 2\n"
        "new = lambda: gn.Model(gn.Sequential(gn.Dense(2)), 'cross_entropy', 'adam', metrics=['accuracy'])\n"
        "new().fit(x, y, epochs=3, validation_split=0.34)\n"
        "gn.fit_many([new(), new()], x, y, epochs=2)\n"
    )
    status, shown = in_a_terminal([sys.executable, "-c", code], more={"GLASSNET_LANGUAGE": "zh"})
    text = shown.decode()
    assert status == 0
    for said in ("第 3/3 轮", " 损失 ", " 准确率 ", " 验证损失 ", " 验证准确率 ", "模型 2/2"):
        assert said in text
    assert re.findall("epoch|model|loss|accuracy", text) == []


def test_the_history_draws_itself(blobs: Blobs, tmp_path: Path) -> None:
    history = classifier().fit(*blobs, epochs=3, validation_split=0.2, verbose=False)
    figure = history.plot(tmp_path / "curves.png")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["training", "validation"]
    np.testing.assert_array_equal(lines[0].get_ydata(), history["loss"])
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_missing_matplotlib_is_said_with_its_mend(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    history = classifier().fit(*blobs, verbose=False)
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    with pytest.raises(gn.MissingExtraError, match=r"pip install \"glassnet\[plots\]\""):
        history.plot()


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    first = epoch_order(50, seed=1, epoch=2, shuffle=True)
    assert first is not None
    np.testing.assert_array_equal(first, epoch_order(50, seed=1, epoch=2, shuffle=True))
    np.testing.assert_array_equal(np.sort(first), np.arange(50))
    for seed, epoch in ((1, 3), (2, 2)):
        assert not np.array_equal(first, epoch_order(50, seed=seed, epoch=epoch, shuffle=True))
    assert epoch_order(50, seed=1, epoch=2, shuffle=False) is None


def test_validation_rows_take_the_same_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    training, held_out = validation_rows(100, 0.2, labels, seed=0)
    assert sorted([*training, *held_out]) == list(range(100))
    np.testing.assert_array_equal(np.bincount(labels[held_out]), [12, 6, 2])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 0.001, "a"])
def test_a_share_that_leaves_a_side_empty_is_refused(share: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="validation_split"):
        validation_rows(10, share, None, seed=0)
