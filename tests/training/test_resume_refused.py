"""What is refused where a training is to go on, and what is done at the user's word."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited
from models import assert_same, classifier, state_of

import glassnet as gn
from glassnet.training import TrainingState, compiled_engine

Blobs = tuple[np.ndarray, np.ndarray]
ENGINES = ["compiled", "numpy"]


class Interrupts(gn.Callback):
    """Breaks a training off between two steps, after so many updates."""

    def __init__(self, step: int) -> None:
        self.every_steps = self.step = step

    def between_steps(self, state: TrainingState) -> None:
        if state.step == self.step:
            state.interrupt()


def fit(model: gn.Model, data: Blobs, **settings: Any) -> gn.History:
    return model.fit(*data, verbose=False, **{"epochs": 4, "validation_split": 0.2, "batch_size": 16} | settings)


@pytest.fixture
def broken(blobs: Blobs, tmp_path: Path) -> Path:
    """The file of a training of 4 epochs of 5 steps that was broken off in the second one."""
    model = classifier()
    fit(model, blobs, callbacks=[Interrupts(7), gn.EarlyStopping(patience=9)], sample_weight=np.linspace(1, 2, 90))
    assert str(model.latest_fit) == "stopped in epoch 2 of 4, after 2 of 5 steps"
    path = tmp_path / "broken.safetensors"
    model.save(path)
    return path


def given(blobs: Blobs) -> dict[str, Any]:
    """What the broken training was given."""
    return {"data": blobs, "callbacks": [gn.EarlyStopping(patience=9)], "sample_weight": np.linspace(1, 2, 90)}


def changed(array: np.ndarray, place: int) -> np.ndarray:
    array = array.copy()
    array[place] = array[place - 1]
    return array


SETTINGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "inputs": (lambda s: s.update(data=(changed(s["data"][0], 61), s["data"][1])), "other inputs"),
    "targets": (lambda s: s.update(data=(s["data"][0], changed(s["data"][1], 30))), "other targets"),
    "order": (lambda s: s.update(data=tuple(a[::-1] for a in s["data"])), "other inputs"),
    "rows": (
        lambda s: s.update(data=tuple(a[:80] for a in s["data"]), sample_weight=np.linspace(1, 2, 80)),
        "64 rows to train on instead of 72",
    ),
    "batch size": (lambda s: s.update(batch_size=8), "batch_size=8 instead of 16"),
    "shuffle": (lambda s: s.update(shuffle=False), "shuffle=False instead of True"),
    "weights": (lambda s: s.update(sample_weight=np.ones(90)), "other weights of the rows"),
    "no weights": (lambda s: s.pop("sample_weight"), "other weights of the rows"),
    "validation": (lambda s: s.update(validation_split=0.3), "63 rows to train on instead of 72; 27 rows to validate"),
    "other validation": (
        lambda s: s.update(validation_split=0.0, validation_data=tuple(a[:18] for a in s["data"])),
        "90 rows to train on instead of 72",
    ),
    "callbacks": (
        lambda s: s.update(callbacks=[gn.ReduceOnPlateau()]),
        r"callbacks that remember: ReduceOnPlateau\(val_loss, auto\) instead of EarlyStopping\(val_loss, auto\) with",
    ),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_other_rows_and_settings_are_named_and_refused_or_taken_at_the_users_word(
    what: str, blobs: Blobs, broken: Path
) -> None:
    change, words = SETTINGS[what]
    settings = given(blobs)
    change(settings)
    model = classifier()
    with pytest.raises(gn.ConfigurationError, match=rf"fit: resume: received .*{words}"):
        fit(model, resume=broken, **settings)
    assert (model.epochs_trained, model.optimizer.steps, model.latest_fit, model.memories) == (0, 0, None, {})
    history = fit(model, resume=broken, even_if_changed=True, **settings)
    assert history.epochs == [1, 2, 3, 4]
    assert {len(values) for values in history.metrics.values()} == {4}
    assert any(note.startswith("resumed after epoch 1 with ") for note in history.notes)
    assert history.notes[0].endswith("; epoch 2 began anew")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"network": gn.Dense(3)}, "network Sequential(Dense(3)) instead of"),
        ({"loss": gn.losses.CrossEntropy(label_smoothing=0.1)}, "loss CrossEntropy(label_smoothing=0.1) instead of"),
        ({"optimizer": gn.Adam(0.02)}, "optimizer Adam(0.02) instead of Adam(0.01)"),
        ({"metrics": []}, "metrics () instead of (Accuracy(),)"),
        ({"seed": 3}, "seed 3 instead of 0"),
        ({"dtype": "float64"}, "dtype float64 instead of float32"),
        ({"engine": "numpy"}, "engine='numpy' instead of 'compiled'"),
    ],
)
def test_another_model_is_refused(settings: dict[str, Any], words: str, blobs: Blobs, broken: Path) -> None:
    model = classifier(**settings)
    with pytest.raises(gn.ConfigurationError, match="fit: resume") as caught:
        fit(model, resume=broken, **given(blobs))
    assert words in caught.value.received
    assert (model.epochs_trained, model.optimizer.steps, model.latest_fit) == (0, 0, None)


def test_a_network_frozen_in_another_way_is_refused(blobs: Blobs, broken: Path) -> None:
    model = classifier()
    model.network.build((2,), seed=0)
    model.network.layers[0].freeze()
    with pytest.raises(gn.ConfigurationError, match="frozen or given rates in another way"):
        fit(model, resume=broken, **given(blobs))


def test_there_must_be_something_to_go_on_with(blobs: Blobs, broken: Path, tmp_path: Path) -> None:
    with pytest.raises(gn.ConfigurationError, match="the model, of which no fit is known"):
        fit(classifier(), blobs, resume=True)
    with pytest.raises(gn.MissingFileError, match="nowhere"):
        fit(classifier(), blobs, resume=tmp_path / "nowhere.safetensors")
    with pytest.raises(gn.ConfigurationError, match="resume: received 3"):
        fit(classifier(), blobs, resume=3)
    model = gn.load(broken)
    model.save(tmp_path / "bare.safetensors", include_optimizer=False)
    with pytest.raises(gn.ConfigurationError, match=r"bare.safetensors', of which no fit is known"):
        fit(classifier(), blobs, resume=tmp_path / "bare.safetensors")
    model.step(*blobs)
    with pytest.raises(gn.ConfigurationError, match="trained on since its latest fit"):
        fit(model, resume=True, **given(blobs))
    model.save(tmp_path / "on.safetensors")
    with pytest.raises(gn.ConfigurationError, match="trained on since its latest fit"):
        fit(classifier(), resume=tmp_path / "on.safetensors", **given(blobs))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_place_within_a_step_is_not_taken_for_one_between_steps(
    blobs: Blobs, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def fails(model: gn.Model) -> None:
        update = type(model.optimizer).rate_at

        def rate_at(self: Any, at: Any) -> Any:
            steps.append(at)
            if len(steps) > 30:
                raise MemoryError
            return update(self, at)

        monkeypatch.setattr(gn.Adam, "rate_at", rate_at)

    model = classifier(engine=engine)
    fit(model, blobs, epochs=1)
    fails(model)
    with pytest.raises(MemoryError):
        fit(model, blobs, epochs=100)
    assert str(model.latest_fit) == "broke off within a step, of epochs 2 to 101"
    monkeypatch.undo()
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(gn.ConfigurationError, match="whose training broke off within a step"):
        fit(gn.load(tmp_path / "m.safetensors"), blobs, resume=True)


def test_a_callback_that_missed_an_epoch_is_not_gone_on_with(blobs: Blobs) -> None:
    class Fails(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            raise ZeroDivisionError

    for callbacks, is_known in (([Fails(), gn.EarlyStopping()], False), ([gn.EarlyStopping(), Fails()], True)):
        model = classifier()
        with pytest.raises(ZeroDivisionError):
            fit(model, blobs, callbacks=callbacks)
        assert model.latest_fit is not None
        assert (model.latest_fit.position is not None) == is_known


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_is_over_ends_at_once(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    class Stops(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            if state.epoch == 3:
                state.stop("enough")

    path = tmp_path / "m.safetensors"
    for callbacks, stopped, said in (
        ([], None, "finished after epoch 4"),
        (
            [gn.EarlyStopping(patience=2, min_delta=9.0)],
            "val_loss was best in epoch 1, 2 epochs before",
            "finished after",
        ),
        ([Stops()], "enough", "finished after epoch 3: enough"),
    ):
        model = classifier(engine=engine)
        history = fit(model, blobs, callbacks=callbacks)
        model.save(path)
        expected = state_of(model, history)
        assert str(model.latest_fit).startswith(said)
        again = classifier(engine=engine)
        later = fit(again, blobs, callbacks=[type(c)(**vars_of(c)) for c in callbacks], resume=path)
        assert_same(state_of(again, later), expected)
        assert later.stopped == history.stopped == stopped
        assert (later.notes, str(again.latest_fit)) == (history.notes, str(model.latest_fit))


def vars_of(callback: gn.Callback) -> dict[str, Any]:
    return {"patience": 2, "min_delta": 9.0} if isinstance(callback, gn.EarlyStopping) else {}


@pytest.mark.parametrize("engine", ENGINES)
def test_more_epochs_than_were_asked_for(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "m.safetensors"
    longer = classifier(engine=engine)
    expected = state_of(longer, fit(longer, blobs, epochs=6, callbacks=[gn.EarlyStopping(patience=9)]))
    model = classifier(engine=engine)
    fit(model, blobs, epochs=4, callbacks=[gn.EarlyStopping(patience=9)])
    model.save(path)
    again = classifier(engine=engine)
    assert_same(
        state_of(again, fit(again, blobs, epochs=6, callbacks=[gn.EarlyStopping(patience=9)], resume=path)), expected
    )
    assert fit(gn.load(path), blobs, epochs=None, callbacks=[gn.EarlyStopping(patience=9)], resume=True).epochs == [
        1,
        2,
        3,
        4,
    ]


def test_a_file_that_a_callback_writes_at_the_end_is_gone_on_with(blobs: Blobs, tmp_path: Path) -> None:
    class SavesAtEnd(gn.Callback):
        def on_fit_end(self, state: TrainingState) -> None:
            state.save(tmp_path / "end.safetensors")

    unbroken = classifier()
    expected = state_of(unbroken, fit(unbroken, blobs, epochs=8, callbacks=[gn.EarlyStopping(patience=9)]))
    # The best weights have been put back there.
    fit(classifier(), blobs, epochs=8, callbacks=[gn.EarlyStopping(patience=9), Interrupts(23), SavesAtEnd()])
    model = classifier()
    history = fit(model, blobs, epochs=8, callbacks=[gn.EarlyStopping(patience=9)], resume=tmp_path / "end.safetensors")
    assert_same(state_of(model, history), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_among_epochs_that_are_done_together(
    blobs: Blobs, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without callbacks and metrics the compiled engine does several epochs at once."""

    class Slices(gn.Watch):
        every_steps = 7

    def model() -> gn.Model:
        rate = gn.schedules.OneCycle(0.05, steps=60)
        return classifier(engine=engine, metrics=[], optimizer=gn.Adam(rate))

    def train(model: gn.Model, **settings: Any) -> gn.History:
        return fit(model, blobs, epochs=10, validation_split=0.0, callbacks=[Slices(every=50)], **settings)

    unbroken = model()
    expected = state_of(unbroken, train(unbroken))
    calls = []

    def step(self: Any, epoch: int, done: int) -> None:
        calls.append((epoch, done))
        if sum(1 for e, d in calls if (e - 1) * 6 + d == 21):  # in the fourth epoch of 6 steps
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("glassnet.training.loop.ProgressBar.step", step)
    broken = model()
    history = train(broken)
    monkeypatch.undo()
    assert history.epochs == [1, 2, 3]
    assert str(broken.latest_fit) == "stopped in epoch 4 of 10, after 3 of 6 steps"
    assert (broken.epochs_trained, broken.optimizer.steps) == (3, 21)
    broken.save(tmp_path / "m.safetensors")
    again = model()
    assert_same(state_of(again, train(again, resume=tmp_path / "m.safetensors")), expected)


def test_a_fit_that_does_not_go_on_says_so(blobs: Blobs, broken: Path) -> None:
    model = gn.load(broken)
    history = fit(model, blobs)
    assert history.epochs == [2, 3, 4, 5]
    assert history.notes == [
        "the latest fit stopped in epoch 2 of 4, after 2 of 5 steps; that epoch begins anew here, where resume=True "
        "would have gone on with it"
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_diverges_after_the_break_goes_back_to_it(blobs: Blobs, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "m.safetensors"

    def model() -> gn.Model:
        net = gn.Sequential(gn.Dense(8), gn.Dense(3))
        return gn.Model(
            net, "mean_squared_error", gn.SGD(gn.schedules.StepDecay(1e-3, every=9, factor=1e30)), engine=engine
        )

    data = blobs[0], np.eye(3)[blobs[1]]
    first = model()
    fit(first, data, callbacks=[Interrupts(7)])
    first.save(path)
    again = model()
    with pytest.raises(gn.DivergenceError, match="weights after 2 steps of epoch 2, with which it went on"):
        fit(again, data, resume=path)
    np.testing.assert_array_equal(again.network.parameters, first.network.parameters)
    assert again.optimizer.steps == 7
    assert str(again.latest_fit) == "stopped in epoch 2 of 4, after 2 of 5 steps"
    with pytest.raises(gn.DivergenceError):
        fit(again, data, resume=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_that_diverges_in_a_later_epoch_goes_back_as_the_unbroken_one_does(blobs: Blobs, engine: str) -> None:
    def model() -> gn.Model:
        rate = gn.schedules.StepDecay(1e-3, every=17, factor=1e30)  # in the fourth epoch of 5 steps
        return gn.Model(gn.Dense(3), "mean_squared_error", gn.Adam(rate), engine=engine)

    data = blobs[0], np.eye(3)[blobs[1]]
    unbroken, broken = model(), model()
    with pytest.raises(gn.DivergenceError) as expected:
        fit(unbroken, data, epochs=6)
    fit(broken, data, epochs=6, callbacks=[Interrupts(7)])
    with pytest.raises(gn.DivergenceError) as found:
        fit(broken, data, epochs=6, resume=True)
    assert str(found.value) == str(expected.value)
    assert isinstance(found.value.history, gn.History)
    assert isinstance(expected.value.history, gn.History)
    assert_same(state_of(broken, found.value.history), state_of(unbroken, expected.value.history))
    assert str(broken.latest_fit) == str(unbroken.latest_fit)


def test_the_best_file_stays_the_best_after_resuming(blobs: Blobs, tmp_path: Path) -> None:
    class Course(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            state.logs["val_loss"] = [3.0, 1.0, 2.0, 0.5, 1.5][state.epoch - 1]

    def callbacks(folder: Path) -> list[gn.Callback]:
        folder.mkdir(exist_ok=True)
        best = gn.Checkpoint(folder / "best.safetensors", only_best=True)
        return [Course(), best, gn.Checkpoint(folder / "{epoch}.safetensors")]

    unbroken = classifier()
    expected = fit(unbroken, blobs, epochs=5, callbacks=callbacks(tmp_path / "unbroken"))
    fit(classifier(), blobs, epochs=5, callbacks=callbacks(tmp_path / "killed"))
    # Whether the file is that of epoch 2, or already that of epoch 4, which comes again:
    for epoch in (3, 4):
        history = fit(
            classifier(), blobs, epochs=5, callbacks=callbacks(tmp_path / "killed"),
            resume=tmp_path / "killed" / f"{epoch}.safetensors",
        )  # fmt: skip
        assert history.notes == expected.notes == []
        for name in ("best", "4", "5"):
            one, other = (gn.load(tmp_path / f / f"{name}.safetensors") for f in ("killed", "unbroken"))
            np.testing.assert_array_equal(one.network.parameters, other.network.parameters)
            assert one.epochs_trained == other.epochs_trained
            own, others = ({n.partition(" to ")[0]: m for n, m in model.memories.items()} for model in (one, other))
            assert own == others


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(first_epoch=0),
        lambda d: d.update(steps="5"),
        lambda d: d.pop("updates"),
        lambda d: d["position"].update(epoch=3),
        lambda d: d["position"].update(step=5),
        lambda d: d["position"].update(step=1),
        lambda d: d["position"].update(losses=None),
        lambda d: d["position"].update(outputs={"array": "0.weight"}),
        lambda d: d["metrics"].update(loss=[1.0, 2.0]),
        lambda d: d["metrics"].update(loss=["a"]),
        lambda d: d.update(parameters={"array": "0.bias"}),
        lambda d: d.update(is_ended=2),
        lambda d: d["settings"].update(rows={}),
        lambda d: d.update(callbacks=[1]),
        lambda d: d.update(notes=3),
        lambda d: d.update(stopped=-1),
        lambda d: d["position"].update(step=0),
    ],
)
def test_an_edited_place_is_refused(change: Callable[[dict[str, Any]], Any], broken: Path) -> None:
    gn.load(edited(broken, lambda _: None))
    edited(broken, lambda description: change(description["latest_fit"]))
    with pytest.raises(gn.FileFormatError):
        gn.load(broken)


def test_a_file_whose_outputs_are_not_those_of_its_steps_is_refused(blobs: Blobs, broken: Path) -> None:
    model = gn.load(broken)
    assert model.latest_fit is not None
    assert model.latest_fit.position is not None
    assert model.latest_fit.position.outputs is not None
    fit_before = model.latest_fit
    for outputs in (model.latest_fit.position.outputs[:-1], None):
        model.latest_fit = replace(fit_before, position=replace(model.latest_fit.position, outputs=outputs))
        with pytest.raises(gn.ConfigurationError, match="fit: resume: received a place after 2 steps"):
            fit(model, resume=True, **given(blobs))


def test_slices_end_where_a_callback_asks_for_it(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_engine, "FIRST_SLICE_FLOPS", 1e9)
    seen: list[tuple[int, int, int]] = []

    class Looks(gn.Callback):
        every_steps = 4

        def between_steps(self, state: TrainingState) -> None:
            seen.append((state.step, state.epoch, state.steps_in_epoch))

    fit(classifier(), blobs, callbacks=[Looks()])
    assert seen == [(4, 0, 4), (8, 1, 3), (12, 2, 2), (16, 3, 1)]
