"""``gn.Watch``: what it keeps is what the steps computed, and the training is the same without it."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
from gradients import Affine
from models import assert_same, state_of

import glassnet as gn
from glassnet.compile import native

ENGINES = [
    "numpy",
    pytest.param("compiled", marks=pytest.mark.skipif(native() is None, reason="a pure-Python installation")),
]


def data(rows: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 6)), rng.integers(0, 3, rows)


def mixed(engine: str, **settings: Any) -> gn.Model:
    """Every sort of layer that a watch treats in its own way, and steps around the rule."""
    net = gn.Sequential(
        *(gn.Dense(24), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.3), gn.Residual(gn.Dense(24), gn.Sigmoid())),
        *(gn.Reshape((2, 3, 4)), gn.Conv2D(2, 2), gn.Tanh(), gn.Flatten(), gn.Dense(3)),
    )
    optimizer = gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-3), gn.Adam(0.01))
    return gn.Model(net, "cross_entropy", optimizer, seed=5, engine=engine, **settings)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("every", [1, 3, 50])
def test_training_is_the_same_bits_with_and_without(engine: str, every: int) -> None:
    """With a short batch at the end of each epoch, a metric, and further callbacks or none."""
    x, y = data()
    for metrics in ([], ["accuracy"]):
        states = []
        for callbacks in ([], [gn.Watch(every=every)], [gn.Watch(every=every), lambda state: None, gn.Watch(every=7)]):
            model = mixed(engine, metrics=metrics)
            history = model.fit(x, y, epochs=4, batch_size=32, callbacks=callbacks, verbose=False)
            states.append(state_of(model, history))
        assert_same(states[1], states[0])
        assert_same(states[2], states[0])


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_threads_change_no_bit_either() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 64)), rng.integers(0, 10, 300)
    states, records = [], []
    for threads, watches in ((1, []), (2, [gn.Watch(every=2)]), (1, [gn.Watch(every=2)])):
        net = gn.Sequential(gn.Dense(256), gn.ReLU(), gn.Dropout(0.2), gn.Dense(256), gn.ReLU(), gn.Dense(10))
        model = gn.Model(net, "cross_entropy", gn.Adam(0.01), engine="compiled", threads=threads)
        history = model.fit(x, y, epochs=3, batch_size=128, callbacks=watches, verbose=False)
        states.append(state_of(model, history))
        records += [watch.records for watch in watches]
    assert_same(states[1], states[0])
    for first, second in zip(*records, strict=True):
        np.testing.assert_array_equal(list(first.update_ratios.values()), list(second.update_ratios.values()))


@pytest.mark.parametrize("engine", ENGINES)
def test_records_are_what_the_step_computed(engine: str) -> None:
    """Against the trace of the same step: arrays with no more elements than the sample are looked at whole."""
    x, y = data(rows=8)
    model = mixed(engine, dtype="float64")
    model.network.build((6,), dtype="float64")
    trace = gn.trace(model, x, y)
    watch = gn.Watch(every=1, elements=4096)
    before = dict(model.network.copy().named_parameters())
    model.fit(x, y, batch_size=None, shuffle=False, callbacks=[watch], verbose=False)
    (record,) = watch.records
    assert (record.step, record.epoch) == (0, 1)
    assert record.loss == pytest.approx(trace.loss)
    outputs = {
        call.path: call.outputs["y"] for call in trace.forward if "y" in call.outputs and "view" not in call.kernel
    }
    outputs.pop("4")  # the sum of the two branches belongs to no layer
    assert list(record.activations) == list(outputs) == list(record.deltas)
    for path, array in outputs.items():
        found = record.activations[path]
        assert found.mean == pytest.approx(array.mean(), abs=1e-12), path
        assert found.std == pytest.approx(array.std()), path
        np.testing.assert_allclose(
            found.quantiles[[0, 3, 6]], np.quantile(array, [0, 0.5, 1], method="nearest"), atol=1e-6
        )
    for path, found in record.deltas.items():
        error = next(call.inputs["dy"] for call in trace.backward if call.path == path and "dy" in call.inputs)
        assert found.rms == pytest.approx(np.sqrt((error**2).mean())), path
    updates = {path: call for path, call in trace.update if call.kernel == "adam_update"}
    assert list(record.gradients) == list(record.update_ratios) == list(updates)
    for path, call in updates.items():
        assert record.gradients[path].mean == pytest.approx(call.inputs["gradients"].mean(), abs=1e-12), path
        moved = np.linalg.norm(call.outputs["parameters"] - before[path])
        size = np.linalg.norm(before[path])
        assert (
            np.isnan(record.update_ratios[path])
            if size == 0
            else record.update_ratios[path] == pytest.approx(moved / size)
        )
    relu = outputs["2"]
    assert record.dead == {"2": pytest.approx(np.mean((relu == 0).all(axis=0)))}
    sigmoid, tanh = outputs["4.residual.1"], outputs["7"]
    assert record.saturated == {
        "4.residual.1": pytest.approx(np.mean((sigmoid < 0.01) | (sigmoid > 0.99))),
        "7": pytest.approx(np.mean(np.abs(tanh) > 0.98)),
    }
    assert watch.layers["7"] == "Tanh"


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
def test_both_engines_see_the_same() -> None:
    x, y = data()
    seen = []
    for engine in ("numpy", "compiled"):
        watch = gn.Watch(every=3)
        mixed(engine, dtype="float64").fit(x, y, epochs=3, callbacks=[watch], verbose=False)
        seen.append(watch.records)
    assert [record.step for record in seen[0]] == [record.step for record in seen[1]] == [0, 3, 6, 9]
    assert [record.epoch for record in seen[1]] == [1, 1, 2, 3]
    for ours, theirs in zip(*seen, strict=True):
        for name in ("activations", "deltas", "gradients"):
            first, second = getattr(ours, name), getattr(theirs, name)
            assert list(first) == list(second)
            for path in first:
                np.testing.assert_allclose(first[path].quantiles, second[path].quantiles, rtol=1e-4, atol=1e-7)
        assert ours.dead == theirs.dead


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
@pytest.mark.parametrize("first", [lambda: gn.Augment(shift=1, flip=True), lambda: gn.Dropout(0.2), gn.ReLU])
def test_the_delta_of_a_first_layer_is_calculated_though_nothing_is_trained_there(first: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 1, 8, 8)), rng.integers(0, 3, 20)
    seen, trained = [], []
    for engine, watches in (("compiled", [gn.Watch(every=1)]), ("numpy", [gn.Watch(every=1)]), ("compiled", [])):
        net = gn.Sequential(first(), gn.Conv2D(3, 3), gn.ReLU(), gn.Flatten(), gn.Dense(3))
        model = gn.Model(net, "cross_entropy", gn.SGD(0.01), engine=engine)
        model.fit(x, y, epochs=3, callbacks=watches, verbose=False)
        seen += [[record.deltas["0"].quantiles for record in watch.records] for watch in watches]
        trained.append(model.network.parameters)
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(trained[0], trained[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_dead_and_saturated_units_are_counted(engine: str) -> None:
    x = np.abs(data(40)[0])
    weight = np.ones((6, 5))
    weight[:, :2] = -1  # two of five units never see anything above 0
    net = gn.Sequential(
        gn.Dense(5, weight_init=weight), gn.ReLU(), gn.Dense(3, weight_init=100.0), gn.Tanh(), gn.Dense(3)
    )
    watch = gn.Watch(every=1)
    gn.Model(net, "cross_entropy", gn.SGD(1e-6), engine=engine).fit(
        x, np.arange(40) % 3, callbacks=[watch], verbose=False
    )
    assert watch.records[0].dead == {"1": pytest.approx(0.4)}
    assert watch.records[0].saturated == {"3": 1.0}
    images = gn.Sequential(
        gn.Reshape((1, 2, 3)), gn.Conv2D(4, 1, weight_init=-1.0), gn.ReLU(), gn.Flatten(), gn.Dense(3)
    )
    gn.Model(images, "cross_entropy", "sgd", engine=engine).fit(x, np.arange(40) % 3, callbacks=[watch], verbose=False)
    assert watch.records[-1].dead == {"2": 1.0}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interruption_leaves_the_records(engine: str) -> None:
    x, y = data()
    watch = gn.Watch(every=2)

    def interrupt(state: Any) -> None:
        if state.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    model = mixed(engine)
    history = model.fit(x, y, epochs=10, callbacks=[watch, interrupt], verbose=False)
    assert history.stopped == "interrupted"
    steps = [record.step for record in watch.records]
    assert steps[:4] == [0, 2, 4, 6]
    model.fit(x, y, epochs=1, callbacks=[watch], verbose=False)  # goes on, by the model's own count of steps
    assert [record.step for record in watch.records][-1] > steps[-1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_diverging_training_ends_with_the_last_good_step(engine: str) -> None:
    x, y = data()
    watch = gn.Watch(every=1)
    model = gn.Model(gn.Sequential(gn.Dense(3)), "cross_entropy", gn.SGD(1e38), engine=engine)
    with pytest.raises(gn.DivergenceError):
        model.fit(x, y, epochs=5, callbacks=[watch], verbose=False)
    assert watch.records
    assert all(np.isfinite(record.loss) for record in watch.records)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("dtype", "power"), [("float64", 700), ("float64", -700), ("float32", 110), ("float32", -110)])
def test_numbers_whose_squares_are_too_large_or_too_small(engine: str, dtype: str, power: int) -> None:
    """What is a power of two larger is exactly that much larger in the record; the pull of L2 is alike for all."""
    x, y = data()
    records = []
    for exponent in (0, power):
        watch = gn.Watch(every=1)
        net = gn.Sequential(gn.Dense(3, use_bias=False))
        net.build((6,), dtype=dtype)
        model = gn.Model(net, "cross_entropy", gn.Chain(gn.L2(0.1), gn.SGD(0.5)), engine=engine, dtype=dtype)
        start = np.random.default_rng(1).normal(size=net.parameters.shape).astype(dtype)
        net.put_back(np.ldexp(start, exponent))
        still = np.zeros_like(x)  # nothing but the penalty moves the weights
        still[:, 0] = 1.0
        model.fit(still, y, epochs=1, batch_size=100, callbacks=[watch], verbose=False)
        records.append(watch.records[0])
    usual, scaled = records
    assert scaled.activations["0"].std == np.ldexp(usual.activations["0"].std, power) > 0
    assert scaled.activations["0"].mean == np.ldexp(usual.activations["0"].mean, power)
    if power > 0:  # where gradients of the loss, which stay as they are, count for nothing
        assert scaled.update_ratios["0.weight"] == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_in_python_and_networks_without_parameters(engine: str) -> None:
    x, y = data()
    watch = gn.Watch(every=2)
    net = gn.Sequential(gn.Dense(3), Affine(), gn.Dense(3))
    gn.Model(net, "cross_entropy", "adam", engine=engine).fit(x, y, epochs=2, callbacks=[watch], verbose=False)
    assert list(watch.records[0].activations) == ["0", "1", "2"]
    assert "1.scale" in watch.records[0].update_ratios
    bare = gn.Watch(every=1)
    gn.Model(gn.Sequential(gn.Tanh()), "sum_squared_error", "sgd", engine=engine).fit(
        x, x, callbacks=[bare], verbose=False
    )
    assert bare.records[0].gradients == {}
    assert list(bare.records[0].activations) == ["0"]


def test_samples_are_summed_up_before_they_take_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import glassnet.training.watch as module

    x, y = data()
    kept = []
    for most in (module.MOST_BYTES, 1):
        monkeypatch.setattr(module, "MOST_BYTES", most)
        watch = gn.Watch(every=1)
        mixed("auto").fit(x, y, epochs=2, callbacks=[watch], verbose=False)
        assert (len(watch._samples) == 0) == (most == 1)
        kept.append(watch.records)
    for first, second in zip(*kept, strict=True):
        assert first.update_ratios.keys() == second.update_ratios.keys()
        for path, found in first.activations.items():
            np.testing.assert_array_equal(found.quantiles, second.activations[path].quantiles)


@pytest.mark.parametrize(("settings", "words"), [({"every": 0}, "every=0"), ({"elements": 3}, "elements=3")])
def test_settings_that_cannot_work(settings: dict[str, int], words: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=words):
        gn.Watch(**settings)
