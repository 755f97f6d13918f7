"""Sessions of the playground without the page: training, gradients, pictures, messages."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from playground_messages import CARS, PRICES, unpack

import glassnet as gn
from glassnet.cli.main import main
from glassnet.compile import native
from glassnet.playground import Session, Setting
from glassnet.playground.code import python_code
from glassnet.playground.examples import Table
from glassnet.playground.frames import Frames, pack
from glassnet.playground.past import Past
from glassnet.playground.picture import SIDE, UNIT_SIDE, Picture, grid
from glassnet.playground.settings import DATASETS, LOSSES, OPTIMIZERS


@pytest.mark.parametrize("name", DATASETS[:-1])
def test_every_data_set_is_learned(name: str) -> None:
    own = {"hidden": (16,), "batch_size": 32, "learning_rate": 0.01} if name == "digits" else {}
    session = Session(Setting(dataset=name, seed=1, **own))
    before = session.scores()
    session.train(30 if name == "digits" else 200)
    after = session.scores()
    assert after.loss[0] < before.loss[0] / 2
    assert after.metric[1] > 0.93
    assert session.epochs in (30, 200)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_offered(optimizer: str) -> None:
    rate = {"sgd": 0.1, "adagrad": 0.1, "lion": 0.003}.get(optimizer, 0.01)
    session = Session(Setting(dataset="circle", optimizer=optimizer, learning_rate=rate, l1=1e-4, l2=1e-4))
    before = session.scores().loss[0]
    session.train(40)
    assert session.scores().loss[0] < 0.7 * before


@pytest.mark.parametrize(("task", "dataset"), [("binary", "moons"), ("classes", "blobs"), ("numbers", "plane")])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "leaky_relu", "linear"])
def test_every_loss_and_activation_is_offered(task: str, dataset: str, activation: str) -> None:
    for loss in LOSSES[task]:
        session = Session(Setting(dataset=dataset, loss=loss, activation=activation, hidden=(8,), rows=200))
        session.train(60)
        assert session.scores().metric[1] > 0.8, loss
        answers, _ = Picture(session).draw()
        assert len(np.unique(answers)) > 1


def test_a_loss_for_another_task_is_refused() -> None:
    with pytest.raises(gn.ConfigurationError, match="cross_entropy"):
        Session(Setting(dataset="blobs", loss="huber"))


# 225 rows in batches of 32: the last row has no variance of its own, and goes with the batch before it.
@pytest.mark.parametrize("own", [{}, {"batch_norm": True, "dropout": 0.2}, {"batch_norm": True, "batch_size": 32}])
def test_steps_make_the_same_epoch_as_one_fit(own: dict[str, Any]) -> None:
    steps, whole = (Session(Setting(**{"batch_size": 64, "rows": 300} | own)) for _ in range(2))
    whole.train(3)
    for _ in range(steps.batches):
        steps.step()
    assert (steps.epochs, steps.batch) == (1, 0)
    steps.step()
    steps.train(2)  # the rest of the second epoch, and the third
    assert steps.epochs == 3
    np.testing.assert_array_equal(steps.model.network.parameters, whole.model.network.parameters)


def test_the_gradients_are_those_of_the_next_batch() -> None:
    session = Session(Setting(batch_size=4, hidden=(5, 3)))
    session.train(2)
    session.step()
    gradients = session.gradients()
    rows = session.next_batch()
    x, y = session.rows.x[rows].astype(np.float64), session.rows.targets[rows].astype(np.float64)
    network = session.model.network.copy("float64")
    assert gn.check_gradients(network, x, y, loss="binary_cross_entropy")
    loss = gn.losses.BinaryCrossEntropy()
    for place in range(0, len(gradients), 7):
        values = []
        for shift in (1e-5, -1e-5):
            network.parameters[place] += shift
            outputs, _ = network.forward(gn.NumpyRunner(), x, training=False)
            values.append(loss(outputs, y)[0])
            network.parameters[place] -= shift
        assert gradients[place] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("own", [{}, {"batch_norm": True, "dropout": 0.2}])
def test_looking_changes_nothing(own: dict[str, Any]) -> None:
    looked_at, alone = (Session(Setting(dataset="circle", **own)) for _ in range(2))
    frames = Frames(looked_at, Past(looked_at))
    for _ in range(3):
        looked_at.train(2)
        frames.frame(is_playing=True)
        looked_at.trace()
        looked_at.model_file()
        python_code(looked_at)
    alone.train(6)
    np.testing.assert_array_equal(looked_at.model.network.parameters, alone.model.network.parameters)


def test_the_spiral_trains_fast_enough() -> None:
    """300 epochs of 2-8-8-1 are to take less than 0.3 s; best of three, since other work goes on beside."""
    if native() is None:
        pytest.skip("no native module")
    times = []
    for _ in range(3):
        session = Session(Setting(dataset="spiral", hidden=(8, 8), activation="tanh", batch_size=16))
        started = perf_counter()
        session.train(300)
        times.append(perf_counter() - started)
    assert min(times) < 0.3


def test_training_for_a_time_keeps_to_it() -> None:
    session = Session(Setting())
    for _ in range(4):
        session.train_for(0.02, most_epochs=10**6)
    started, before = perf_counter(), session.epochs
    session.train_for(0.02, most_epochs=10**6)
    assert session.epochs > before
    assert perf_counter() - started < 1.0
    before = session.epochs
    session.train_for(10.0, most_epochs=2)
    assert session.epochs == before + 2


def test_divergence_is_said_and_leaves_good_weights() -> None:
    session = Session(
        Setting(dataset="plane", optimizer="sgd", activation="linear", learning_rate=10.0, hidden=(16,) * 4)
    )
    with pytest.raises(gn.DivergenceError):
        session.train(50)
    assert np.isfinite(session.model.network.parameters).all()
    header, _ = unpack(Frames(session, Past(session)).frame(is_playing=False))
    assert header["kind"] == "frame"


def test_the_picture_shows_what_predict_says() -> None:
    session = Session(Setting(dataset="moons", hidden=(6,)))
    session.train(30)
    answers, units = Picture(session).draw()
    points = grid(session)
    chances = session.model.predict_proba(points).reshape(SIDE, SIDE)
    np.testing.assert_allclose(answers / 255, chances, atol=0.6 / 255)
    assert units.shape == (6, UNIT_SIDE, UNIT_SIDE)
    # The first row of the picture is its upper edge: the moon of class 1 opens downwards, so that it is up there.
    assert points[0, 1] > points[-1, 1]
    assert points[0, 0] < points[SIDE - 1, 0]
    first = np.tanh(
        points @ session.model.network.parameters[:12].reshape(2, 6) + session.model.network.parameters[12:18]
    )
    unit = first[:, 2].reshape(SIDE, SIDE)[::3, ::3]
    np.testing.assert_allclose(units[2], 127.5 + 127 * unit / np.abs(unit).max(), atol=1)


def test_several_classes_show_the_likeliest_one() -> None:
    session = Session(Setting(dataset="blobs"))
    session.train(20)
    (best, sure), _ = Picture(session).draw()
    chances = session.model.predict_proba(grid(session))
    np.testing.assert_array_equal(best.reshape(-1), chances.argmax(axis=1))
    np.testing.assert_allclose(sure.reshape(-1) / 255, chances.max(axis=1), atol=0.6 / 255)


@pytest.mark.parametrize("name", DATASETS[:-1])
def test_messages_hold_what_they_name(name: str) -> None:
    session = Session(Setting(dataset=name, hidden=(3, 2)))
    frames = Frames(session, Past(session))
    header, arrays = unpack(frames.structure())
    assert header["units"][1:-1] == [3, 2]
    assert Setting.from_dict(header["setting"]).dataset == name
    assert len(arrays["labels"]) == (40 if name == "digits" else 400)
    header, arrays = unpack(frames.frame(is_playing=True))
    assert header["playing"] is True
    np.testing.assert_array_equal(arrays["parameters"], session.model.network.parameters)
    np.testing.assert_array_equal(arrays["gradients"], session.gradients())


def test_pack_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"loss": float("inf")})


def test_the_model_file_predicts_the_same(tmp_path: Path) -> None:
    table = Table(PRICES.encode())
    session = Session(Setting(dataset="table", hidden=(4,)), table)
    session.train(20)
    path = tmp_path / "model.safetensors"
    path.write_bytes(session.model_file())
    model = gn.load(path)
    rows = session.examples.test.x
    held_out = gn.data.test_rows(80, None, session.setting.held_out, session.setting.seed)
    np.testing.assert_array_equal(model.predict(table.read("").rows(held_out)), session.model.predict(rows))
    assert model.target_name == "price"


@pytest.mark.parametrize("target", ["Preis", "Ort", "neu"])
def test_the_command_line_predicts_with_the_model_of_a_table(target: str, tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_bytes(CARS.encode("cp1252"))
    session = Session(Setting(dataset="table", hidden=(4,), target=target), Table(path.read_bytes(), "cars.csv"))
    session.train(10)
    (tmp_path / "model.safetensors").write_bytes(session.model_file())
    answers = tmp_path / "answers.csv"
    assert main(["predict", str(tmp_path / "model.safetensors"), str(path), "--output", str(answers)]) == 0
    model = gn.load(tmp_path / "model.safetensors")
    frame = gn.data.read_table(path, like=model.preprocessing)
    written = answers.read_text(encoding="utf-8").splitlines()[1:]
    if target == "Preis":
        np.testing.assert_allclose([float(own) for own in written], model.predict(frame)[:, 0], rtol=1e-6)
    else:
        assert written == [(model.class_names or ())[k] for k in model.predict_classes(frame).reshape(-1)]


def test_extra_inputs_are_made_of_the_plane() -> None:
    """A circle is no straight line of x₁ and x₂, but one of their squares."""
    plain, squared = (
        Session(Setting(dataset="circle", hidden=(), inputs=inputs, learning_rate=0.1))
        for inputs in (("x1", "x2"), ("x1_squared", "x2_squared"))
    )
    for session in (plain, squared):
        session.train(60)
    assert plain.scores().metric[1] < 0.8
    assert squared.scores().metric[1] > 0.95
    header, arrays = unpack(Frames(squared, Past(squared)).structure())
    assert (header["features"], header["axis_names"]) == (["x₁²", "x₂²"], ["x₁", "x₂"])
    plane = plain.examples.train.x
    np.testing.assert_array_equal(squared.examples.train.x, plane**2)
    np.testing.assert_array_equal(arrays["points"][: len(plane)], plane)
    middle = squared.model.predict_proba(grid(squared)).reshape(SIDE, SIDE)[SIDE // 2, SIDE // 2]
    assert middle > 0.9
