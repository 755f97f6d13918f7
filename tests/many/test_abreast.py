"""Networks that are trained abreast, several in a pass, get the bits that each gets alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.core.errors import DivergenceError
from glassnet.many.lane import ABREAST, Lane
from glassnet.many.lanes import Lanes

RNG = np.random.default_rng(5)
X = RNG.normal(size=(70, 6))
Y = RNG.normal(size=(70, 2))
WEIGHTS = RNG.uniform(0.5, 2.0, size=70)
LABELS = RNG.integers(0, 3, 70)
pytestmark = pytest.mark.skipif(native() is None, reason="networks are trained abreast by the compiled engine")

Build = Callable[[int], gn.Model]


def of_units(*units: int, outputs: int = 2, loss: str = "mean_squared_error", optimizer: Any = None) -> Build:
    """Builds networks of these hidden layers."""

    def build(seed: int) -> gn.Model:
        layers = [layer for count in units for layer in (gn.Dense(count), gn.Tanh())]
        rule = gn.Adam(0.01) if optimizer is None else optimizer()
        return gn.Model(gn.Sequential(*layers, gn.Dense(outputs)), loss, rule, seed=seed)

    return build


def in_one_lane(build: Build, count: int = 12, **given: Any) -> tuple[list[gn.Model], list[Any], int]:
    """Trains so many models through one lane: the models, what came of them, and how many were trained abreast."""
    models = [build(seed) for seed in range(count)]
    lanes = Lanes()
    found = lanes.fit_each(models, [lambda: given] * count)
    programs: list[Lane] = lanes._own()._lanes
    abreast = sum(lane._engine._native.trained_abreast for lane in programs)
    lanes.close()
    return models, found, abreast


def assert_as_alone(build: Build, models: list[gn.Model], found: list[Any], **given: Any) -> None:
    for seed, (model, history) in enumerate(zip(models, found, strict=True)):
        alone = build(seed)
        expected = alone.fit(**given, verbose=False)
        assert history.metrics == expected.metrics
        assert model.network.parameters.tobytes() == alone.network.parameters.tobytes()
        assert model.network.gradients.tobytes() == alone.network.gradients.tobytes()
        for name, state in alone.optimizer.state.items():
            assert model.optimizer.state[name].tobytes() == state.tobytes()


@pytest.mark.parametrize(("units", "size"), [((1,), 20), ((2,), 7), ((3,), 20), ((5, 4), 7), ((8,), 20), ((33,), 19)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_width_gets_the_bits_of_a_network_alone(units: tuple[int, ...], size: int, dtype: str) -> None:
    """Blocks of one column and of several, narrow products, and sums of rows in one go or as long rows."""

    def build(seed: int) -> gn.Model:
        layers = [layer for count in units for layer in (gn.Dense(count), gn.ReLU())]
        return gn.Model(gn.Sequential(*layers, gn.Dense(2)), "mse", gn.Adam(0.01), seed=seed, dtype=dtype)

    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 1, "batch_size": size}
    models, found, abreast = in_one_lane(build, **given)
    assert abreast == len(models)
    assert_as_alone(build, models, found, **given)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: gn.SGD(0.01, momentum=0.9),
        lambda: gn.NAdam(0.01),
        lambda: gn.SGD(gn.schedules.CosineDecay(0.1, steps=30)),
        lambda: gn.Chain(gn.ClipByNorm(0.1), gn.AdamW(0.01)),
    ],
)
def test_updates_and_settings_of_each_kind(optimizer: Any) -> None:
    """Of elements; of each network by itself, such as norms; with numbers that change from step to step."""
    build = of_units(4, optimizer=optimizer)
    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 3, "batch_size": None, "shuffle": False}
    models, found, abreast = in_one_lane(build, **given)
    assert abreast == len(models)
    assert_as_alone(build, models, found, **given)


def test_classes_weighted_rows_and_single_outputs() -> None:
    classes = of_units(5, outputs=3, loss="cross_entropy")
    single = of_units(5, outputs=1)
    for build, y in ((classes, LABELS), (single, Y[:, :1])):
        given: dict[str, Any] = {"x": X, "y": y, "sample_weight": WEIGHTS, "epochs": 2, "batch_size": 20}
        models, found, abreast = in_one_lane(build, **given)
        assert abreast == len(models)
        assert_as_alone(build, models, found, **given)


def test_one_that_diverges_disturbs_none_of_those_beside_it() -> None:
    """Its numbers run over in the middle of a pass; it ends as a fit alone, with the same message."""
    build = of_units(4, optimizer=lambda: gn.SGD(0.01))
    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 3}

    def spoilt(seed: int) -> gn.Model:
        model = build(seed)
        model.network.build((6,), seed=seed)
        if seed == 2:
            model.network.parameters[-2:] = 1e30
        return model

    models, found, abreast = in_one_lane(spoilt, **given)
    assert abreast == len(models)
    assert isinstance(found[2], DivergenceError)
    with pytest.raises(DivergenceError) as alone:
        spoilt(2).fit(**given, verbose=False)
    assert str(found[2]) == str(alone.value)
    del models[2], found[2]
    others = [seed for seed in range(12) if seed != 2]
    assert_as_alone(lambda place: spoilt(others[place]), models, found, **given)


@pytest.mark.parametrize("seeds", [[3] * 8, range(8)])
def test_masks_of_dropout_are_each_networks_own(seeds: Any) -> None:
    """They are told by a seed, which is another number in each step's settings: such networks share no pass."""

    def build(place: int) -> gn.Model:
        layers = gn.Dense(4), gn.Dropout(0.5), gn.Dense(2)
        return gn.Model(gn.Sequential(*layers), "mse", gn.Adam(0.01), seed=seeds[place])

    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 2}
    models, found, abreast = in_one_lane(build, count=8, **given)
    assert abreast == (8 if len(set(seeds)) == 1 else 0)
    assert_as_alone(build, models, found, **given)


def test_masks_of_what_python_drops_are_each_networks_own() -> None:
    """Rows of more axes than the native module has."""

    def build(seed: int) -> gn.Model:
        layers = gn.Reshape((1, 2, 3, 1)), gn.Dropout(0.5), gn.Flatten(), gn.Dense(2)
        return gn.Model(gn.Sequential(*layers), "mse", gn.Adam(0.01), seed=seed)

    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 2}
    models, found, _ = in_one_lane(build, count=3, **given)
    assert_as_alone(build, models, found, **given)


def test_a_few_networks_and_large_ones_are_trained_one_by_one() -> None:
    given: dict[str, Any] = {"x": X, "y": Y, "epochs": 1}
    for build, count in ((of_units(4), 3), (of_units(256, 256), 5)):
        models, found, abreast = in_one_lane(build, count=count, **given)
        assert abreast == 0
        assert_as_alone(build, models, found, **given)


def test_the_native_module_takes_as_many_abreast_as_python_offers() -> None:
    module = native()
    assert module is not None
    assert module.ABREAST == ABREAST
