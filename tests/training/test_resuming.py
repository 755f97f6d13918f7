"""What callbacks remember over fits, restarts and kills: a training with breaks does what the unbroken one does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from model_files import edited
from models import assert_same, classifier, state_of
from safetensors.numpy import load_file

import glassnet as gn
from glassnet.training import TrainingState

Blobs = tuple[np.ndarray, np.ndarray]
ENGINES = ["compiled", "numpy"]
Callbacks = Callable[[], list[gn.Callback]]


class Course(gn.Callback):
    """Puts a given course of a number before the callbacks that come after it."""

    def __init__(self, values: list[float], name: str = "val_loss") -> None:
        self.values, self.measure = values, name

    def on_epoch_end(self, state: TrainingState) -> None:
        state.logs[self.measure] = self.values[state.epoch - 1]


def fit(model: gn.Model, data: Blobs, epochs: int, callbacks: list[Any], split: float = 0.2) -> gn.History:
    return model.fit(*data, epochs=epochs, validation_split=split, callbacks=callbacks, verbose=False)


def reloaded(model: gn.Model, path: Path, engine: str = "auto") -> gn.Model:
    """The model out of a file of its own."""
    model.save(path)
    return opened(path, engine)


def opened(path: Path, engine: str = "auto") -> gn.Model:
    model = gn.load(path)
    model.engine = engine
    return model


FALLS_AND_RISES = [5.0, 3.0, 4.0, 2.5, 2.6, 2.7, 2.2, 2.3, 2.4, 2.5]
COURSES = {
    "falls and rises": FALLS_AND_RISES,
    "best before the break": [5.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
    "falls": [1 / n for n in range(1, 11)],
    "rises": [float(n) for n in range(1, 11)],
    "never a number": [float("nan")] * 10,
    "a number at last": [float("nan")] * 6 + [3.0, 2.0, float("nan"), 2.5],
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("patience", [2, 4, 20])
@pytest.mark.parametrize("restore_best", [True, False])
def test_a_break_changes_nothing(
    blobs: Blobs, tmp_path: Path, engine: str, course: str, patience: int, restore_best: bool
) -> None:
    def callbacks() -> list[gn.Callback]:
        return [
            Course(COURSES[course]),
            gn.ReduceOnPlateau(factor=0.5, patience=2),
            gn.EarlyStopping(patience=patience, restore_best=restore_best),
        ]

    def model() -> gn.Model:
        rate = gn.schedules.StepDecay(0.05, every=7, factor=0.9)
        return classifier(optimizer=[gn.ClipByNorm(1.0), gn.L2(1e-3), gn.Adam(rate)], engine=engine)

    unbroken = model()
    history = fit(unbroken, blobs, 10, callbacks())
    expected = state_of(unbroken, history)
    scale = unbroken.optimizer.learning_rate_scale

    broken = model()
    first = fit(broken, blobs, 5, callbacks())
    halves = [(broken, first)]
    restarted = reloaded(broken, tmp_path / "model.safetensors", engine)
    halves = [(broken, first), (restarted, first)]
    for one, earlier in halves:
        later = fit(one, blobs, 5, callbacks())
        for name, values in later.metrics.items():
            later.metrics[name] = earlier[name] + values
        for name in earlier.metrics:
            later.metrics.setdefault(name, earlier[name])
        later.epochs = earlier.epochs + later.epochs
        assert_same(state_of(one, later), expected)
        assert one.optimizer.learning_rate_scale == scale
        assert (later.stopped is None) == (history.stopped is None)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("killed", [1, 3, 5, 8])
def test_a_killed_training_goes_on_from_its_checkpoint(
    blobs: Blobs, tmp_path: Path, engine: str, place: int, killed: int
) -> None:
    def callbacks(folder: Path) -> list[gn.Callback]:
        found: list[gn.Callback] = [
            Course(FALLS_AND_RISES),
            gn.ReduceOnPlateau(factor=0.5, patience=1),
            gn.EarlyStopping(patience=4),
        ]
        found.insert(place, gn.Checkpoint(folder / "at-{epoch}.safetensors"))
        return [*found, gn.Checkpoint(folder / "best.safetensors", only_best=True)]

    folders = [tmp_path / name for name in ("unbroken", "killed")]
    for folder in folders:
        folder.mkdir()
    unbroken = classifier(engine=engine)
    history = fit(unbroken, blobs, 10, callbacks(folders[0]))

    class Kill(gn.Callback):
        def on_epoch_end(self, state: TrainingState) -> None:
            if state.epoch == killed:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(classifier(engine=engine), blobs, 10, [*callbacks(folders[1]), Kill()])
    back = opened(folders[1] / f"at-{killed}.safetensors", engine)
    later = fit(back, blobs, 10 - killed, callbacks(folders[1]))
    for name, values in later.metrics.items():
        later.metrics[name] = history[name][:killed] + values
    later.epochs = list(range(1, killed + 1)) + later.epochs
    assert_same(state_of(back, later), state_of(unbroken, history))
    for path in folders[0].iterdir():
        # All arrays, those of the optimizer and of the callbacks among them.
        assert_same(load_file(folders[1] / path.name), load_file(path))
        assert gn.load(folders[1] / path.name).epochs_trained == gn.load(path).epochs_trained


def test_many_breaks_are_as_good_as_none(blobs: Blobs, tmp_path: Path) -> None:
    def callbacks() -> list[gn.Callback]:
        return [Course(FALLS_AND_RISES), gn.EarlyStopping(patience=3), gn.ReduceOnPlateau(patience=1, factor=0.5)]

    unbroken, broken = classifier(), classifier()
    fit(unbroken, blobs, 10, callbacks())
    for _ in range(10):
        fit(broken, blobs, 1, callbacks())
        broken = reloaded(broken, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(broken.network.parameters, unbroken.network.parameters)
    assert broken.optimizer.learning_rate_scale == unbroken.optimizer.learning_rate_scale
    assert broken.epochs_trained == unbroken.epochs_trained


def test_what_a_training_stopped_by_patience_does_in_later_fits(blobs: Blobs) -> None:
    course = Course([2.0, 1.0, 3.0, 3.0, 3.0, 0.5, 0.4, 0.3, 0.2, 0.1])
    model = classifier()
    fit(model, blobs, 10, [course, gn.EarlyStopping(patience=2)])
    assert model.epochs_trained == 4
    best = model.network.parameters.copy()
    again = fit(model, blobs, 10, [course, gn.EarlyStopping(patience=2)])
    assert len(again) == 0
    assert again.stopped == "val_loss was best in epoch 2, 2 epochs before; a larger patience would go on"
    np.testing.assert_array_equal(model.network.parameters, best)
    longer = gn.EarlyStopping(patience=4)
    more = fit(model, blobs, 3, [course, longer])
    assert more.epochs == [5, 6, 7]
    assert (longer.best, longer.best_epoch, longer.waited) == (0.4, 7, 0)


def test_weights_of_another_training_are_not_replaced_by_the_best_of_an_older_one(blobs: Blobs) -> None:
    course = Course([2.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 0.5, 3.0, 3.0, 3.0, 3.0])
    model = classifier()
    fit(model, blobs, 10, [course, gn.EarlyStopping(patience=2)])
    model.fit(*blobs, epochs=3, verbose=False)  # without it
    stopping = gn.EarlyStopping(patience=2)
    history = fit(model, blobs, 1, [course, stopping])
    assert history.epochs == [8]
    assert (stopping.best, stopping.best_epoch) == (0.5, 8)

    by_hand = classifier()
    fit(by_hand, blobs, 3, [course, gn.EarlyStopping(patience=5)])
    by_hand.network.parameters[...] = 0.25
    seen: list[np.ndarray] = []

    class Look(gn.EarlyStopping):
        def remember(self, memory: Any, state: TrainingState) -> None:
            super().remember(memory, state)
            seen.append(state.network.parameters.copy())

        def memory_name(self) -> str:
            return "EarlyStopping(val_loss, auto) with weights"

    fit(by_hand, blobs, 1, [course, Look(patience=5)])
    np.testing.assert_array_equal(seen[0], 0.25)


def test_reduce_on_plateau_counts_on_over_fits(blobs: Blobs, tmp_path: Path) -> None:
    model = classifier(optimizer=gn.Chain(gn.L2(1e-3), gn.SGD(0.1)))
    rates: list[float] = []
    for _ in range(6):
        history = fit(model, blobs, 1, [Course([1.0] * 10), gn.ReduceOnPlateau(factor=0.5, patience=2)])
        rates += history["learning_rate"]
        model = reloaded(model, tmp_path / "m.safetensors")
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.025])


def test_a_number_that_is_to_rise(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    course = Course([0.5, 0.9, 0.6, 0.8, 0.95, 0.7], "val_accuracy")
    model = classifier()
    for _ in range(6):
        checkpoint = gn.Checkpoint(path, only_best=True, monitor="val_accuracy")
        stopping = gn.EarlyStopping("val_accuracy", patience=9, mode="max")
        fit(model, blobs, 1, [course, checkpoint, stopping])
    assert (stopping.best, stopping.best_epoch, stopping.waited) == (0.95, 5, 1)
    assert gn.load(path).epochs_trained == 5


def test_the_best_file_is_not_lost_to_a_second_fit(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    course = Course([3.0, 1.0, 2.0, 2.0, 1.5, 0.5])
    model = classifier()
    for epochs, best in ((3, 2), (2, 2), (1, 6)):
        history = fit(model, blobs, epochs, [course, gn.Checkpoint(path, only_best=True)])
        assert gn.load(path).epochs_trained == best
        assert history.notes == []


def test_the_best_file_is_not_lost_to_a_new_training(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    fit(classifier(), blobs, 3, [Course([3.0, 1.0, 2.0]), gn.Checkpoint(path, only_best=True)])
    before = path.read_bytes()
    history = fit(classifier(seed=1), blobs, 3, [Course([1.5, 2.0, 1.2]), gn.Checkpoint(path, only_best=True)])
    assert path.read_bytes() == before
    assert history.notes == [
        f"Checkpoint: {path} stays until val_loss is better than the 1 of an earlier training, measured on other rows; "
        "choose another path to begin anew"
    ]
    fit(classifier(), blobs, 3, [Course([1.5, 0.9, 1.2]), gn.Checkpoint(path, only_best=True)])
    assert path.read_bytes() != before
    assert gn.load(path).memories[f"Checkpoint(val_loss, auto) to {path}"]["best"] == 0.9


def test_a_file_that_went_away_leaves_nothing_to_protect(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    model, course = classifier(), Course([3.0, 1.0, 2.0, 2.5])
    fit(model, blobs, 2, [course, gn.Checkpoint(path, only_best=True)])
    path.unlink()
    fit(model, blobs, 2, [course, gn.Checkpoint(path, only_best=True)])
    assert gn.load(path).epochs_trained == 3


def test_best_files_with_their_epochs_numbers(blobs: Blobs, tmp_path: Path) -> None:
    model, course = classifier(), Course([3.0, 1.0, 2.0, 2.5, 0.5])
    for epochs in (2, 3):
        fit(model, blobs, epochs, [course, gn.Checkpoint(tmp_path / "{epoch}.safetensors", only_best=True)])
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["1", "2", "5"]


def test_a_moved_file_keeps_its_best_value(blobs: Blobs, tmp_path: Path) -> None:
    old, new = tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    fit(classifier(), blobs, 2, [Course([3.0, 1.0]), gn.Checkpoint(old, only_best=True)])
    old.rename(new)
    fit(classifier(), blobs, 2, [Course([3.0, 2.0]), gn.Checkpoint(new, only_best=True)])
    assert gn.load(new).memories[f"Checkpoint(val_loss, auto) to {old}"]["best"] == 1.0


def test_a_file_of_somebody_else_is_no_place_for_the_best(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    for content in (b"my notes", b""):
        path.write_bytes(content)
        with pytest.raises(gn.ConfigurationError, match=r"Checkpoint.*mine\.safetensors.*choose another path"):
            fit(classifier(), blobs, 1, [gn.Checkpoint(path, only_best=True)])
        assert path.read_bytes() == content


def test_every_also_says_when_to_compare(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    course = Course([3.0, 2.0, 0.1, 2.5, 0.2, 1.0])
    fit(classifier(), blobs, 6, [course, gn.Checkpoint(path, only_best=True, every=2)])
    assert gn.load(path).epochs_trained == 6


def test_other_rows_are_another_measure(blobs: Blobs) -> None:
    model, course = classifier(), Course([1.0, 2.0, 3.0, 4.0])
    fit(model, blobs, 2, [course, gn.EarlyStopping(patience=2), gn.ReduceOnPlateau(patience=3)])
    stopping, plateau = gn.EarlyStopping(patience=2), gn.ReduceOnPlateau(patience=3)
    history = fit(model, (blobs[0] + 1, blobs[1]), 1, [course, stopping, plateau])
    assert (stopping.best, stopping.waited, plateau.best, plateau.waited) == (3.0, 0, 3.0, 0)
    assert history.notes == [
        f"{name} begins anew: val_loss was measured on other rows before"
        for name in ("EarlyStopping(val_loss, auto) with weights", "ReduceOnPlateau(val_loss, auto)")
    ]


def test_another_monitor_begins_anew_and_says_so_while_the_first_stays(blobs: Blobs) -> None:
    model, course = classifier(), Course([1.0, 2.0, 3.0, 4.0])
    fit(model, blobs, 1, [course, gn.EarlyStopping(patience=3)])
    history = fit(model, blobs, 1, [gn.EarlyStopping("val_accuracy", patience=3)])
    assert history.notes == [
        "EarlyStopping(val_accuracy, auto) with weights begins anew; the model remembers "
        "EarlyStopping(val_loss, auto) with weights"
    ]
    stopping = gn.EarlyStopping(patience=3)
    fit(model, blobs, 1, [course, stopping])
    assert (stopping.best, stopping.best_epoch) == (1.0, 1)


def test_two_of_a_kind_are_told_apart_by_their_order(blobs: Blobs, tmp_path: Path) -> None:
    def callbacks() -> list[gn.Callback]:
        return [
            Course([1.0, 2.0, 0.9, 2.0, 2.0]),
            gn.ReduceOnPlateau(patience=3, min_delta=0.5),
            gn.ReduceOnPlateau(patience=3, min_delta=0.0),
        ]

    model = classifier()
    fit(model, blobs, 3, callbacks())
    model = reloaded(model, tmp_path / "m.safetensors")
    _, first, second = found = callbacks()
    fit(model, blobs, 1, found)
    assert isinstance(first, gn.ReduceOnPlateau)
    assert isinstance(second, gn.ReduceOnPlateau)
    assert (first.best, first.waited) == (1.0, 0)  # reduced in this epoch
    assert (second.best, second.waited) == (0.9, 1)


def test_numbers_that_are_none_are_told(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    for missing in (float("nan"), float("inf"), float("-inf")):
        callbacks = [Course([missing] * 3), gn.Checkpoint(path, only_best=True), gn.EarlyStopping(patience=2)]
        history = fit(classifier(), blobs, 3, callbacks)
        assert not path.exists()
        assert history.stopped == "val_loss was never a number, for 2 epochs"
        assert any(
            note.startswith("Checkpoint: val_loss was no finite number in 2 of 2 epochs") for note in history.notes
        )


def test_a_metric_of_ones_own_needs_a_mode(blobs: Blobs) -> None:
    class Kappa(gn.metrics.Metric):
        name = "kappa"

        def compute(self, outputs: Any, targets: Any, loss: Any, weights: Any = None) -> float:
            return 0.5

    model = classifier(metrics=[Kappa()])
    for monitor in ("kappa", "val_kappa"):
        with pytest.raises(gn.ConfigurationError, match=f"EarlyStopping.*{monitor}.*mode='max'"):
            fit(model, blobs, 1, [gn.EarlyStopping(monitor)])
        fit(model, blobs, 1, [gn.EarlyStopping(monitor, mode="max")])
    for name in gn.metrics.METRICS:
        stopping = gn.EarlyStopping(f"val_{name}")
        state: Any = type("State", (), {"available": (f"val_{name}",), "memories": {}, "validation": None})()
        stopping.on_fit_begin(state)


class Counting(gn.Callback):
    """A callback of the user's own, with a memory of all kinds of things."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def on_epoch_end(self, state: TrainingState) -> None:
        self.known = {
            "count": self.known.get("count", 0) + 1,
            "lowest": min(self.known.get("lowest", float("inf")), state.logs["loss"]),
            "not yet": float("inf"),
            "text": "Zürich, 苏黎世",
            "flags": [True, None, [1, 2.5]],
            "parameters": state.network.parameters.copy(),
            "one": np.float32(1.5),
            "vector": np.arange(3, dtype=np.float64),
        }

    def to_remember(self) -> dict[str, Any]:
        return self.known

    def remember(self, memory: Any, state: TrainingState) -> None:
        self.known = dict(memory)


def test_a_callback_of_ones_own_may_remember_too(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 2, [Counting()])
    model = reloaded(model, path)
    fit(model, blobs, 1, [gn.EarlyStopping()])  # it is not there, and its memory stays
    model = reloaded(model, path)
    counting = Counting()
    fit(model, blobs, 1, [counting])
    assert counting.known["count"] == 3
    back = gn.load(path).memories["Counting"]
    assert back["not yet"] == float("inf")
    assert (back["text"], back["flags"], back["one"]) == ("Zürich, 苏黎世", [True, None, [1, 2.5]], 1.5)
    np.testing.assert_array_equal(back["vector"], np.arange(3.0))
    model.memories.clear()
    anew = Counting()
    fit(model, blobs, 1, [anew])
    assert anew.known["count"] == 1


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array(["a"]), np.array([np.nan]), {1}, b"bytes", 1j])
def test_what_no_file_can_hold_is_named(blobs: Blobs, tmp_path: Path, value: Any) -> None:
    class Odd(gn.Callback):
        def to_remember(self) -> dict[str, Any]:
            return {"thing": value}

    model = classifier()
    fit(model, blobs, 1, [Odd()])
    with pytest.raises(gn.ConfigurationError, match="what Odd remembers, 'thing'"):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_memory_that_is_no_dict_is_refused(blobs: Blobs) -> None:
    class Odd(gn.Callback):
        def to_remember(self) -> Any:
            return [1]

    with pytest.raises(gn.ConfigurationError, match=r"Odd: to_remember.*\[1\].*dict"):
        fit(classifier(), blobs, 1, [Odd()])


def test_files_of_before_are_read(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 2, [])
    model.save(path)
    edited(path, lambda d: d.pop("callbacks"))
    back = gn.load(path)
    assert back.memories == {}
    fit(back, blobs, 1, [gn.EarlyStopping(), gn.Checkpoint(path, only_best=True)])
    assert gn.load(path).epochs_trained == 3


def test_without_the_optimizers_memory_there_is_none_of_callbacks(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 2, [gn.EarlyStopping()])
    model.save(path, include_optimizer=False)
    assert gn.load(path).memories == {}


def test_the_best_weights_stand_in_a_file_once(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 3, [Course([2.0, 1.0, 3.0]), gn.EarlyStopping(patience=1)])
    model.save(path)
    assert not any(name.startswith("callbacks/") for name in load_file(path))
    memory = gn.load(path).memories["EarlyStopping(val_loss, auto) with weights"]
    np.testing.assert_array_equal(memory["best_parameters"], model.network.parameters)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(best_epoch=-1),
        lambda m: m.update(waited="3"),
        lambda m: m.update(best=None),
        lambda m: m.update(best=[1]),
        lambda m: m.update(best_parameters=[1.0, 2.0]),
        lambda m: m.pop("best_parameters"),
        lambda m: m.pop("waited"),
        lambda m: m.update(last_parameters=3),
    ],
)
def test_an_edited_memory_is_refused_and_the_model_stays_as_it_was(
    blobs: Blobs, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 3, [Course([2.0, 1.0, 3.0]), gn.EarlyStopping(patience=5)])
    model.save(path)
    edited(path, lambda d: change(d["callbacks"][0]["memory"]))
    back = gn.load(path)
    before = back.network.parameters.copy()
    with pytest.raises(gn.GlassnetError, match="what the model remembers of EarlyStopping"):
        fit(back, blobs, 1, [gn.EarlyStopping(patience=5)])
    np.testing.assert_array_equal(back.network.parameters, before)
    assert back.epochs_trained == 3
    back.memories.clear()
    fit(back, blobs, 1, [gn.EarlyStopping(patience=5)])


@pytest.mark.parametrize(
    "callbacks",
    [
        3,
        [3],
        {"name": "Counting"},
        [{"name": 3, "memory": {}}],
        [{"name": "A", "memory": [1]}],
        [{"name": "A", "memory": {"x": {"array": "nowhere"}}}],
        [{"name": "A", "memory": {"x": {"number": "x"}}}],
    ],
)
def test_a_description_of_another_form_is_refused(blobs: Blobs, tmp_path: Path, callbacks: Any) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 1, [])
    model.save(path)
    edited(path, lambda d: d.update(callbacks=callbacks))
    with pytest.raises(gn.FileFormatError):
        gn.load(path)


def test_a_model_whose_numbers_are_lost_is_not_saved_over_a_good_one(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = classifier()
    fit(model, blobs, 1, [gn.Checkpoint(path)])
    before = path.read_bytes()
    model.network.parameters[3] = np.nan
    with pytest.raises(gn.DataError, match="NaN or infinity in the array"):
        model.save(path)
    assert path.read_bytes() == before


def test_what_other_threads_change_meanwhile_stops_no_training() -> None:
    """A callback may read what they fill, such as a queue."""
    waiting: deque[int] = deque(maxlen=500)
    counts: dict[int, int] = {}
    ended = Event()

    def fill() -> None:
        for number in count():
            waiting.append(number)
            counts[number % 3000] = number
            counts.pop((number - 1500) % 3000, None)
            if ended.is_set():
                return

    def look(state: gn.TrainingState) -> None:
        assert len(waiting) + len(counts) >= 0

    thread = Thread(target=fill)
    thread.start()
    try:
        for _ in range(20):
            model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
            model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=[look], verbose=False)
    finally:
        ended.set()
        thread.join()
