"""Several models that are trained together have checkpoints of their own, and go on from them to the unbroken bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int)
DATA = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": np.array(["no", "yes"])[LABELS]}


def build(seed: int) -> gn.Model:
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dropout(0.2), gn.Dense(2))
    return gn.Model(net, "cross_entropy", "adam", seed=seed)


class BrokenError(Exception):
    """What a power cut would be."""


def breaking(after: int) -> Any:
    """Breaks the training of every member off, once so many epochs are done in it."""

    def told(state: Any) -> None:
        if state.epoch == after:
            raise BrokenError

    return told


@pytest.mark.parametrize("lost", [(), (1,)])
def test_an_ensemble_goes_on_from_its_checkpoints(tmp_path: Path, lost: tuple[int, ...]) -> None:
    path = tmp_path / "run.safetensors"
    settings: dict[str, Any] = {"epochs": 6, "batch_size": 7, "verbose": False}
    unbroken = gn.Ensemble(build, 3)
    unbroken.fit(X, LABELS, callbacks=[lambda state: None], **settings)
    saving = gn.Checkpoint(path, every_steps=4, keep=2, monitor=None)
    with pytest.raises((BrokenError, gn.ConfigurationError)):
        gn.Ensemble(build, 3).fit(X, LABELS, callbacks=[saving, breaking(3)], **settings)
    files = sorted(own.name for own in tmp_path.iterdir())
    assert [name for name in files if name.count(".") == 2] == [f"run.member-{k}.safetensors" for k in range(3)]
    assert gn.load(tmp_path / "run.member-0.safetensors").optimizer.steps == 24
    for number in lost:  # which had not begun, as it were
        for own in tmp_path.glob(f"run.member-{number}.*"):
            own.unlink()
    again = gn.Ensemble(build, 3)
    again.fit(X, LABELS, callbacks=[saving, lambda state: None], resume=path, **settings)
    assert again.fingerprint() == unbroken.fingerprint()
    np.testing.assert_array_equal(again.predict(X), unbroken.predict(X))


def test_what_an_ensemble_cannot_go_on_from(tmp_path: Path) -> None:
    ensemble = gn.Ensemble(build, 2)
    with pytest.raises(gn.ConfigurationError, match=r"no run.member-0.safetensors nor another member's file.*anew"):
        ensemble.fit(X, LABELS, resume=tmp_path / "run.safetensors")
    ensemble.fit(X, LABELS, epochs=2, verbose=False)
    ensemble.save(tmp_path / "run.safetensors")
    with pytest.raises(gn.ConfigurationError, match=r"gn.load\(path\)"):
        ensemble.fit(X, LABELS, resume=tmp_path / "run.safetensors")
    path = tmp_path / "one.safetensors"
    gn.Ensemble(build, 2).fit(X, LABELS, epochs=2, callbacks=[gn.Checkpoint(path)], verbose=False)
    (tmp_path / "one.member-1.safetensors").unlink()
    other = gn.Ensemble(build, 2)
    with pytest.raises(gn.ConfigurationError, match="rows"):
        other.fit(X[:50], LABELS[:50], epochs=4, resume=path, callbacks=[gn.Checkpoint(path)], verbose=False)
    assert not any(member.network.is_built for member in other)
    assert not (tmp_path / "one.member-1.safetensors").exists()


@pytest.mark.parametrize(
    ("preset", "members", "y"), [("best", 2, "y"), ("best", 1, "y"), ("quick", 1, "y"), ("best", 2, "c")]
)
def test_a_table_model_goes_on_from_its_checkpoints(tmp_path: Path, preset: str, members: int, y: str) -> None:
    path = tmp_path / "run.safetensors"
    unbroken, again = (gn.TableModel(preset, members=members, epochs=5) for _ in range(2))
    unbroken.fit(DATA, y, verbose=False)
    with pytest.raises((BrokenError, gn.ConfigurationError)):
        gn.TableModel(preset, members=members, epochs=5).fit(
            DATA, y, callbacks=[gn.Checkpoint(path, monitor=None), breaking(2)], verbose=False
        )
    histories = again.fit(DATA, y, resume=path, verbose=False)
    assert [len(history) for history in histories] == [5] * members
    for own, other in ((again, unbroken),):
        assert own.model is not None
        assert other.model is not None
        np.testing.assert_array_equal(own.model.predict(DATA), other.model.predict(DATA))
    with pytest.raises(gn.ConfigurationError, match=r"callbacks=\[gn.Checkpoint"):
        again.fit(DATA, y, resume=True)


def test_members_that_are_done_stay_so(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    settings: dict[str, Any] = {"epochs": 4, "validation_split": 0.3, "verbose": False}
    stopping = gn.EarlyStopping(patience=2)
    done = gn.Ensemble(build, 2)
    done.fit(X, LABELS, callbacks=[stopping, gn.Checkpoint(path, monitor=None)], **settings)
    again = gn.Ensemble(build, 2)
    again.fit(X, LABELS, callbacks=[stopping], resume=path, **settings)
    np.testing.assert_array_equal(again.predict(X), done.predict(X))
