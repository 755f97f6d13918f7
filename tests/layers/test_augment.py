"""The layer that changes images at random: on in training alone, keyed by seed and step, checked settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native

OPTIONS: dict[str, Any] = {"flip": True, "shift": 1, "rotation": 15.0, "brightness": 0.1, "contrast": 0.2, "cutout": 2}


def built(shape: tuple[int, ...] = (3, 6, 5), **options: Any) -> gn.Sequential:
    net = gn.Sequential(gn.Augment(**(options or OPTIONS)))
    net.build(shape, dtype="float64")
    return net


def images(rows: int = 10) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 3, 6, 5))


def changed(net: gn.Network, x: np.ndarray, **key: int) -> np.ndarray:
    return net.forward(gn.NumpyRunner(**key), x, training=True)[0]


def test_the_same_seed_and_step_give_the_same_images() -> None:
    net, x = built(), images()
    first = changed(net, x, seed=1, step=2)
    np.testing.assert_array_equal(changed(net, x, seed=1, step=2), first)
    for other in ({"seed": 2, "step": 2}, {"seed": 1, "step": 3}):
        assert not np.isclose(changed(net, x, **other), first).all(axis=(1, 2, 3)).any()


def test_two_layers_draw_each_for_itself() -> None:
    net = gn.Sequential(gn.Augment(brightness=1.0), gn.Augment(brightness=1.0))
    net.build((3, 6, 5), dtype="float64")
    x = images()
    one = changed(built(brightness=1.0), x, step=0) - x
    assert not np.isclose(changed(net, x, step=0) - x, 2 * one).any()


def test_outside_training_x_itself_is_passed_on() -> None:
    layer, x = gn.Augment(**OPTIONS), images()
    y, cache = layer.forward(gn.NumpyRunner(), x, training=False)
    assert y is x
    assert layer.backward(gn.NumpyRunner(), y, cache) is y
    idle = gn.Augment()
    assert idle.forward(gn.NumpyRunner(), x, training=True)[0] is x


def test_each_option_alone_acts() -> None:
    x = images()
    for name, value in OPTIONS.items():
        y = changed(built(**{name: value}), x, step=0)
        assert y.shape == x.shape
        assert not np.array_equal(y, x), name


def test_it_is_printed_with_what_is_on() -> None:
    assert repr(gn.Augment(shift=2, cutout=8)) == "Augment(shift=2, cutout=8)"


@pytest.mark.parametrize(
    "settings",
    [
        {"flip": 1},
        {"shift": 1.5},
        {"shift": -1},
        {"shift": True},
        {"rotation": -1},
        {"rotation": 360},
        {"rotation": "10"},
        {"brightness": -0.1},
        {"brightness": float("nan")},
        {"contrast": 1},
        {"cutout": 2.0},
        {"cutout": -2},
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(gn.ConfigurationError, match=f"Augment: received {name}="):
        gn.Augment(**settings)


def test_settings_are_keywords() -> None:
    with pytest.raises(TypeError):
        gn.Augment(True)  # type: ignore[misc]


def test_what_leaves_nothing_of_the_image_is_refused() -> None:
    for settings in ({"shift": 5}, {"cutout": 6}):
        with pytest.raises(gn.ConfigurationError, match=r"layer 0 .*6×5 pixels"):
            built(**settings)
    built(shift=4, cutout=5)


@pytest.mark.parametrize("shape", [(30,), (6, 5), (2, 3, 6, 5)])
def test_inputs_must_be_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(gn.ShapeError, match=r"images \(N, C, H, W\)"):
        built(shape)


def model(engine: str, dtype: str = "float64") -> gn.Model:
    net = gn.Sequential(gn.Augment(**OPTIONS), gn.Flatten(), gn.Dense(8), gn.Tanh(), gn.Dense(3))
    return gn.Model(net, "cross_entropy", gn.Adam(0.01), dtype=dtype, engine=engine, seed=5)


def data() -> tuple[np.ndarray, np.ndarray]:
    return images(50), np.random.default_rng(1).integers(0, 3, 50)


def test_a_resumed_training_equals_an_unbroken_one(tmp_path: Path) -> None:
    unbroken, broken = model("auto"), model("auto")
    unbroken.fit(*data(), epochs=4, batch_size=16, verbose=False)
    broken.fit(*data(), epochs=2, batch_size=16, verbose=False)
    broken.save(tmp_path / "m.safetensors")
    resumed = gn.load(tmp_path / "m.safetensors")
    assert repr(resumed.network) == repr(unbroken.network)
    resumed.fit(*data(), epochs=2, batch_size=16, verbose=False)
    np.testing.assert_array_equal(resumed.network.parameters, unbroken.network.parameters)


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_the_compiled_engine_trains_on_the_same_images() -> None:
    trained = [model(engine) for engine in ("numpy", "compiled")]
    histories = [m.fit(*data(), epochs=3, batch_size=16, verbose=False) for m in trained]
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-9)
    expected = trained[0].network.parameters
    np.testing.assert_allclose(trained[1].network.parameters, expected, rtol=1e-9, atol=1e-9)
