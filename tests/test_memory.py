"""Memory goes with what it belongs to: nothing waits for the cycle collector."""

from __future__ import annotations

import collections
import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import Any
from weakref import ref

import numpy as np
import pytest
from gradients import layer_cases, rows_for
from parts import LogCosh, MyAdam, MyDropout, Swish

import glassnet as gn

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 6))
LABELS = RNG.integers(0, 3, 40)
IMAGES = RNG.normal(size=(40, 2, 8, 8))


def shared() -> gn.Sequential:
    """A layer in two places, and a network within a network."""
    layer = gn.Dense(6)
    return gn.Sequential(layer, "relu", gn.Residual(gn.Dense(6), "tanh"), layer, gn.Sequential(gn.Dense(3)))


def branched() -> gn.Graph:
    nodes: dict[str, Any] = {"a": (gn.Dense(5), "x"), "b": ([gn.Dense(5), "tanh"], "x"), "y": ("concatenate", "a", "b")}
    return gn.Graph(inputs="x", nodes=nodes | {"z": (gn.Dense(3), "y")}, outputs="z")


NETWORKS: dict[str, tuple[Callable[[], Any], np.ndarray]] = {
    "dense": (lambda: gn.Sequential(gn.Dense(8), "relu", gn.Dropout(0.2), gn.Dense(3)), ROWS),
    "shared": (shared, ROWS),
    "graph": (branched, ROWS),
    "own layers": (lambda: gn.Sequential(gn.Dense(8), Swish(), MyDropout(0.1), gn.Dense(3)), ROWS),
    "images": (
        lambda: gn.Sequential(gn.Conv2D(4, 3), gn.BatchNorm(), "relu", gn.MaxPool2D(2), gn.Flatten(), gn.Dense(3)),
        IMAGES,
    ),
}


def is_ours(thing: Any) -> bool:
    """Whether it is an object, function or array that glassnet made; classes that tests define are cycles."""
    kind = thing if isinstance(thing, FunctionType) else type(thing)
    return isinstance(thing, np.ndarray) or str(getattr(kind, "__module__", "")).startswith(("glassnet", "parts"))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Nothing of what is dropped inside waits for the collector, which is switched off meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        left = [thing for thing in gc.garbage if is_ours(thing)]
        assert not left, f"{len(left)} objects in cycles: {sorted({f'{thing!r:.60}' for thing in left})}"
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def everything(make: Callable[[], Any], x: np.ndarray, engine: str, folder: Path) -> list[ref[Any]]:
    """A model's life, and references to what must be gone after it."""
    model = gn.Model(make(), "cross_entropy", gn.Adam(0.01), metrics=["accuracy"], engine=engine)
    callbacks = [
        gn.EarlyStopping(patience=5),
        gn.ReduceOnPlateau(),
        gn.Checkpoint(folder / "checkpoint.safetensors"),
        gn.Watch(every=2),
        lambda state: state.note("seen"),
    ]
    model.fit(x, LABELS, epochs=2, batch_size=16, validation_split=0.2, callbacks=callbacks, verbose=False)
    model.predict(x)
    model.predict(x[:1])
    model.evaluate(x, LABELS)
    for _ in range(2):
        model.step(x[:8], LABELS[:8])
    model.step_over([(x[:8], LABELS[:8]), (x[8:16], LABELS[8:16])])
    if engine == "compiled":
        str(model.plan())
    str(gn.trace(model, x[:2], LABELS[:2]))
    gn.gradients(model, x[:2], LABELS[:2])
    model.save(folder / "model.safetensors")
    with suppress(gn.ConfigurationError):  # own layers are not found in a file
        loaded = gn.load(folder / "model.safetensors")
        loaded.predict(x[:2])
        loaded.fit(x, LABELS, verbose=False)
    network = model.network
    return [ref(model), ref(network), ref(model.optimizer), *(ref(layer) for _, layer in network.walk())]


@pytest.mark.filterwarnings("ignore::glassnet.NumpyFallbackWarning")
@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_model_goes_at_once(name: str, engine: str, tmp_path: Path) -> None:
    make, x = NETWORKS[name]
    everything(make, x, engine, tmp_path)  # what is made once in a process is made now
    with nothing_left():
        gone = everything(make, x, engine, tmp_path)
        assert [found for found in (one() for one in gone) if found is not None] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in layer_cases()))
def test_every_layer_goes_at_once(name: str) -> None:
    def life() -> None:
        for kind, make, shape in layer_cases():
            if kind == name:
                net = gn.Sequential(make())
                outputs = net.build(shape)
                model = gn.Model(net, "mean_squared_error", "sgd")
                x = rows_for(net, np.random.default_rng(0), 4)
                model.fit(x, np.zeros((4, *outputs)), verbose=False)
                model.predict(x)

    life()
    with nothing_left():
        life()


def regression(**settings: Any) -> gn.Model:
    arguments = {"network": gn.Dense(1), "loss": "mean_squared_error", "optimizer": gn.Adam(0.01), **settings}
    return gn.Model(**arguments)


def own_parts() -> None:
    regression(loss=LogCosh(), optimizer=MyAdam(0.01)).fit(ROWS, ROWS[:, :1], verbose=False)


def diverging() -> None:
    model = regression(optimizer=gn.SGD(1e30))
    try:
        model.fit(ROWS, ROWS[:, :1], epochs=5, verbose=False)
    except gn.DivergenceError:
        return
    raise AssertionError("it did not diverge")


def refused() -> None:
    model = regression()
    for x, y in ((ROWS, ROWS[:3, :1]), (ROWS[:, :2] * np.nan, ROWS[:, :1])):
        try:
            model.fit(x, y, verbose=False)
        except gn.GlassnetError:
            continue
        raise AssertionError("it was not refused")


def scaled() -> None:
    model = regression()
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(ROWS), gn.Standardize.from_data(ROWS[:, :1])
    model.fit(ROWS, ROWS[:, :1], verbose=False)
    model.predict(ROWS)


def derivatives() -> None:
    model = regression()
    model.fit(ROWS, ROWS[:, :1], verbose=False)
    gn.check_gradients(model.network, ROWS[:4], ROWS[:4, :1], model.loss)
    gn.saliency(model, ROWS[:4])
    gn.diagnose(model, ROWS, ROWS[:, :1])


def in_a_browser() -> None:
    gn.trace(regression(dtype="float64"), ROWS[:2], ROWS[:2, :1]).to_html()


def estimator() -> None:
    from glassnet.estimators import MLPClassifier

    found = MLPClassifier(hidden_layer_sizes=(4,), max_iter=3).fit(ROWS, LABELS)
    found.partial_fit(ROWS, LABELS)
    found.predict_proba(ROWS)
    found.score(ROWS, LABELS)


def for_other_programs() -> None:
    pytest.importorskip("onnx")
    model = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(3)), "cross_entropy", "sgd")
    model.fit(ROWS, LABELS, verbose=False)
    with TemporaryDirectory() as folder:
        model.export_onnx(Path(folder, "model.onnx"))
        gn.interop.export_c(model, Path(folder, "model.c"))
        gn.from_onnx(Path(folder, "model.onnx"))


def several() -> None:
    for workers in (1, 2):
        models = [regression(seed=seed) for seed in range(4)]
        gn.fit_many(models, ROWS, ROWS[:, :1], workers=workers, verbose=False)
    ensemble = gn.Ensemble(lambda seed: regression(seed=seed), members=2)
    ensemble.fit(ROWS, ROWS[:, :1], verbose=False)
    ensemble.predict(ROWS)


def searched() -> None:
    gn.tune(lambda trial: regression(), ROWS, ROWS[:, :1], trials=2, epochs=2, verbose=False)


def broken_off() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "run.safetensors")
        callbacks = [gn.Checkpoint(path, every_steps=1, keep=2), gn.EarlyStopping("loss"), gn.Watch()]
        regression().fit(ROWS, ROWS[:, :1], callbacks=callbacks, verbose=False)
        model = regression()
        model.fit(ROWS, ROWS[:, :1], epochs=2, callbacks=[gn.EarlyStopping("loss")], resume=path, verbose=False)


LIVES = [own_parts, diverging, refused, scaled, derivatives, in_a_browser, estimator, for_other_programs, several]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("life", [*LIVES, searched, broken_off])
def test_other_lives(life: Callable[[], None]) -> None:
    life()
    with nothing_left():
        life()


def test_a_long_training_grows_by_its_history_alone() -> None:
    """Whatever is called again and again leaves nothing, and a fit some 40 bytes an epoch for each thing measured."""
    model = regression()
    model.fit(ROWS, ROWS[:, :1], batch_size=8, verbose=False)
    calls: list[Callable[[], Any]] = [
        lambda: model.step(ROWS[:8], ROWS[:8, :1]),
        lambda: model.predict(ROWS),
        lambda: model.evaluate(ROWS, ROWS[:, :1]),
    ]
    for call in calls:
        assert grown(lambda call=call: collections.deque((call() for _ in range(300)), maxlen=0)) < 3000
    epochs, kept = 500, []
    grew = grown(lambda: kept.append(model.fit(ROWS, ROWS[:, :1], epochs=epochs, verbose=False)))
    assert 3 * 8 * epochs < grew < 3 * 60 * epochs


def grown(work: Callable[[], object]) -> int:
    """How many bytes more are in use after some work than before it, when it has been done once."""
    tracemalloc.start()
    try:
        work()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
