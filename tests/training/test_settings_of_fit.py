"""Settings that would be wrong without a word: each is refused, or means what it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import classifier

import glassnet as gn
from glassnet.training import TrainingState

Blobs = tuple[np.ndarray, np.ndarray]


def fit(blobs: Blobs, **settings: Any) -> gn.History:
    return classifier().fit(*blobs, verbose=False, **settings)


@pytest.mark.parametrize("callbacks", [None, (), [], iter(())])
def test_no_callbacks(blobs: Blobs, callbacks: Any) -> None:
    assert len(fit(blobs, callbacks=callbacks)) == 1


@pytest.mark.parametrize("callbacks", ["early", 3, {"a": 1}, [None], gn.EarlyStopping, [gn.EarlyStopping], b"x"])
def test_what_is_no_callback(blobs: Blobs, callbacks: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match=r"callbacks=\[gn\.EarlyStopping"):
        fit(blobs, callbacks=callbacks)


def test_the_same_callback_twice(blobs: Blobs) -> None:
    stopping = gn.EarlyStopping("loss")
    with pytest.raises(gn.ConfigurationError, match="the same EarlyStopping twice"):
        fit(blobs, callbacks=[stopping, gn.Watch(), stopping])


@pytest.mark.parametrize("method", ["on_epoch_begin", "on_train_begin", "on_train_end", "on_train_batch_end"])
def test_methods_that_nobody_calls(blobs: Blobs, method: str) -> None:
    ported = type("Ported", (gn.Callback,), {method: lambda self, *_: None})
    with pytest.raises(gn.ConfigurationError, match=f"Ported: received the method {method}, which is never called"):
        fit(blobs, callbacks=[ported()])
    helper = type("Helper", (gn.Callback,), {"on_improvement": lambda self: None})
    fit(blobs, callbacks=[helper()])


@pytest.mark.parametrize("path", [None, 3, b"m", "m-{epoch:03d}.safetensors", "m-{epoc}.safetensors", "{}.safetensors"])
def test_paths_of_checkpoints(path: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match=r'"\{epoch\}"'):
        gn.Checkpoint(path)


def test_a_checkpoint_in_place_of_a_folder_is_refused_before_training(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "{x}").mkdir()
    gn.Checkpoint(tmp_path / "{x}" / "m.safetensors")  # a folder may be called what it likes
    for path in (tmp_path, "", "."):
        model = classifier()
        with pytest.raises(gn.ConfigurationError, match="Checkpoint.*a folder"):
            model.fit(*blobs, callbacks=[gn.Checkpoint(path)], verbose=False)
        assert model.epochs_trained == 0
    assert not (Path(os.curdir) / "None").exists()


@pytest.mark.parametrize("reason", [None, "", "enough"])
def test_stopping_for_whatever_reason(blobs: Blobs, reason: Any) -> None:
    history = fit(blobs, epochs=5, callbacks=[lambda state: state.stop(reason)])
    assert len(history) == 1
    assert history.stopped == str(reason)
    assert fit(blobs, epochs=5, callbacks=[lambda state: state.stop()]).stopped == "a callback asked for it"


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf")])
def test_a_rate_that_climbs_is_refused(blobs: Blobs, engine: str, rate: float) -> None:
    def change(state: TrainingState) -> None:
        state.optimizer.learning_rate = rate

    def scale(state: TrainingState) -> None:
        state.optimizer.learning_rate_scale = rate

    for callback in (change, scale):
        model = classifier(engine=engine)
        with pytest.raises(gn.ConfigurationError, match=r"step 4: received a learning rate of (-|nan|inf)"):
            model.fit(*blobs, epochs=3, callbacks=[callback], verbose=False)
        assert model.epochs_trained == 1

    class Below(gn.schedules.Schedule):
        def __call__(self, step: int) -> float:
            return 0.1 if step < 4 else rate

    for callbacks in ([], [lambda state: None]):
        model = classifier(engine=engine, optimizer=gn.SGD(Below()))
        with pytest.raises(gn.ConfigurationError, match=r"Below\(\) at step 4: received rate=(-|nan|inf)"):
            model.fit(*blobs, epochs=3, callbacks=callbacks, verbose=False)


@pytest.mark.parametrize("shuffle", ["no", None, 0, "False"])
def test_shuffle_is_true_or_false(blobs: Blobs, shuffle: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="shuffle"):
        fit(blobs, shuffle=shuffle)


def test_rows_of_which_none_counts(blobs: Blobs) -> None:
    x, y = blobs
    held = gn.training.validation_rows(len(x), 0.2, y, seed=0)[1]
    weights = np.ones(len(x))
    weights[held] = 0
    with pytest.raises(gn.DataError, match="validation_split: received 18 rows with a weight of 0"):
        fit(blobs, validation_split=0.2, sample_weight=weights)
    with pytest.raises(gn.DataError, match="what validation_split leaves: received 72 rows with a weight of 0"):
        fit(blobs, validation_split=0.2, sample_weight=1 - weights)
    model = classifier(loss=gn.losses.CrossEntropy(class_weight=[0.0, 1.0, 1.0]))
    nought = x[y == 0], y[y == 0]
    with pytest.raises(gn.DataError, match="fit: received 30 rows with a weight of 0 each.*class_weight"):
        model.fit(*nought, verbose=False)
    with pytest.raises(gn.DataError, match="validation_data: received 30 rows with a weight of 0"):
        model.fit(x, y, validation_data=nought, verbose=False)
    model.fit(x, y, verbose=False)
    with pytest.raises(gn.DataError, match="evaluate: received 30 rows with a weight of 0"):
        model.evaluate(*nought)


def test_a_share_of_numpys_own_is_a_share(blobs: Blobs) -> None:
    share = np.float32(0.2)
    assert fit(blobs, validation_split=share)["val_loss"] == fit(blobs, validation_split=0.2)["val_loss"]
