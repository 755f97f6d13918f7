"""Each sentence of docs/determinism.md about what is promised and what is not, held by the test of its name."""

from __future__ import annotations

import json
import os
import pickle
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.compile.binding import VARIANTS
from glassnet.training import TrainingState

ROOT = Path(__file__).parents[1]
PAGES = ("docs/determinism.md", "docs/determinism.zh-CN.md")
ENGINES = ("compiled", "numpy") if native() is not None else ("numpy",)
ENGINE = pytest.mark.parametrize("engine", ENGINES)
COMPILED = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6))
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
SETTINGS: dict[str, Any] = {"batch_size": 16, "verbose": False}


def new(engine: str, **settings: Any) -> gn.Model:
    """A model in which much is drawn: weights, masks, the order of rows."""
    net = gn.Sequential(gn.Dense(12), gn.BatchNorm(), gn.ReLU(), gn.Dropout(0.2), gn.Dense(3))
    optimizer = gn.Adam(gn.schedules.CosineDecay(0.02, steps=60))
    return gn.Model(
        net, "cross_entropy", optimizer, **{"metrics": ["accuracy"], "seed": 5, "engine": engine} | settings
    )


def images(dtype: str, engine: str = "compiled") -> gn.Model:
    """A convolution that has been trained for some steps."""
    net = gn.Sequential(gn.Conv2D(4, 3, padding="same"), gn.ReLU(), gn.Flatten(), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", gn.SGD(0.05), dtype=dtype, engine=engine)  # type: ignore[arg-type]
    x = np.random.default_rng(1).normal(size=(40, 2, 9, 9))
    model.fit(x, np.arange(40) % 3, epochs=2, batch_size=8, verbose=False)
    return model


def trained(engine: str, epochs: int = 4, **settings: Any) -> gn.Model:
    model = new(engine)
    model.fit(X, Y, epochs=epochs, **SETTINGS | settings)
    return model


def in_another_process(code: str, **environment: str) -> str:
    """What the code prints there, after an import of this file."""
    own = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_determinism import *; {code}"
    done = subprocess.run(
        [sys.executable, "-c", own], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# The page and its tests


def sentences(page: str) -> list[tuple[str, str]]:
    """Each item of the page's lists: its text, and the test that is named behind it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    _, _, promised, refused, *_ = re.split(r"^## .*\n", text, flags=re.M)
    items = [line for part in (promised, refused) for line in part.splitlines() if line.startswith("- ")]
    found = [re.fullmatch(r"- (.+) <!-- (\w+) -->", item) for item in items]
    assert all(found), [item for item, own in zip(items, found, strict=True) if own is None]
    return [(own[1], own[2]) for own in found if own is not None]


@pytest.mark.parametrize("page", PAGES)
def test_every_sentence_has_its_test(page: str) -> None:
    beside = ("every_sentence_has_its_test", "both_languages_say_the_same", "fingerprint_")
    tests = [name.removeprefix("test_") for name in globals() if name.startswith("test_")]
    assert [name for _, name in sentences(page)] == [name for name in tests if not name.startswith(beside)]
    for text, _ in sentences(page):
        plain = re.sub(r"`[^`]*`", "", text)
        assert len(re.findall(r"[.!?](?= |$)|[。！？]", plain)) == 1, text  # one sentence each


def test_both_languages_say_the_same() -> None:
    english, chinese = map(sentences, PAGES)
    assert [name for _, name in english] == [name for _, name in chinese]
    figures = [[re.findall(r"\de-\d+", text) for text, _ in own] for own in (english, chinese)]
    assert figures[0] == figures[1]


# What is promised


@ENGINE
def test_same_seed(engine: str) -> None:
    model = new(engine)
    history = model.fit(X, Y, epochs=2, validation_split=0.2, **SETTINGS)
    again = new(engine)
    assert again.fit(X, Y, epochs=2, validation_split=0.2, **SETTINGS).metrics == history.metrics
    assert again.network.parameters.tobytes() == model.network.parameters.tobytes()
    code = f"m = new({engine!r}); m.fit(X, Y, epochs=2, validation_split=0.2, **SETTINGS); print(m.fingerprint())"
    assert in_another_process(code) == model.fingerprint()


@COMPILED
def test_threads() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, 64)), np.arange(300) % 10
    found = []
    for threads in (1, 2, 3, 8):
        net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dropout(0.2), gn.Dense(10))
        model = gn.Model(net, "cross_entropy", gn.Adam(0.01), engine="compiled", threads=threads)
        model.fit(x, y, epochs=2, batch_size=128, verbose=False)
        found.append((model.fingerprint(), model.predict(np.concatenate([x] * 4)).tobytes()))
    assert len(set(found)) == 1


@ENGINE
def test_slices(engine: str) -> None:
    whole = trained(engine, 5)
    for parts in ((3, 2), (1, 1, 1, 1, 1), (4, 1)):
        sliced = new(engine)
        for epochs in parts:
            sliced.fit(X, Y, epochs=epochs, **SETTINGS)
        assert sliced.fingerprint() == whole.fingerprint()


@ENGINE
def test_steps(engine: str) -> None:
    fitted, stepped = trained(engine, 2, shuffle=False), new(engine)
    for _ in range(2):
        for start in range(0, len(X), 16):
            stepped.step(X[start : start + 16], Y[start : start + 16])
    stepped.epochs_trained = 2
    assert stepped.fingerprint() == fitted.fingerprint()


@ENGINE
def test_resumed(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"

    def watching() -> list[gn.Callback]:
        return [
            gn.ReduceOnPlateau("loss", patience=1, min_delta=0.2, factor=0.5),
            gn.EarlyStopping("loss", patience=3, min_delta=0.1),
        ]

    unbroken, broken = new(engine), new(engine)
    whole = unbroken.fit(X, Y, epochs=12, callbacks=watching(), **SETTINGS)
    assert 5 < len(whole.epochs) < 12  # it has been stopped

    class Breaks(gn.Callback):
        every_steps = 9

        def between_steps(self, state: TrainingState) -> None:
            if state.step == self.every_steps:
                state.interrupt()

    broken.fit(X, Y, epochs=4, callbacks=[*watching(), gn.Checkpoint(file)], **SETTINGS)
    middle = new(engine)
    middle.fit(X, Y, epochs=12, callbacks=[*watching(), Breaks()], **SETTINGS)
    assert middle.latest_fit is not None
    assert middle.latest_fit.position is not None
    assert middle.latest_fit.position.step
    middle.save(tmp_path / "middle.safetensors")
    for path in (file, tmp_path / "middle.safetensors"):
        resumed = new(engine)
        rest = resumed.fit(X, Y, epochs=12, callbacks=watching(), resume=path, **SETTINGS)
        assert resumed.fingerprint() == unbroken.fingerprint()
        assert (rest.epochs, rest.metrics, rest.stopped) == (whole.epochs, whole.metrics, whole.stopped)


class Counts(gn.NumpyLayer):
    """Shifts its input while it is trained, by a count, a mean and two draws."""

    def __init__(self, window: Any = None) -> None:
        self.window, self.count, self.mean, self.rng = window, 0, np.zeros(12), np.random.default_rng(1)

    def forward(self, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, None]:
        if training:
            self.count, self.mean = self.count + 1, 0.9 * self.mean + 0.1 * x.mean(axis=0)
            x = x + 0.01 * self.count + self.mean + 0.1 * self.rng.normal() + 0.1 * np.random.normal()
        return x, None

    def backward(self, dy: np.ndarray, cache: None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy, {}


class Streams(Counts):
    """Keeps a place in a stream, which no file holds."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = (0.01 * number for number in range(1000))

    def forward(self, x: np.ndarray, *, training: bool) -> tuple[np.ndarray, None]:
        return x + (next(self.stream) if training else 0), None


class Cools(gn.Callback):
    """Lowers the rate after the second epoch that it sees."""

    epochs = 0

    def on_epoch_end(self, state: TrainingState) -> None:
        self.epochs += 1
        if self.epochs == 2:
            state.optimizer.learning_rate_scale = 0.1


@ENGINE
def test_own_parts(engine: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"

    def trained_with(kind: type[Counts], seed: int = 0, epochs: int = 4, **settings: Any) -> str:
        model = gn.Model(gn.Sequential(gn.Dense(12), kind(), gn.Dense(3)), "cross_entropy", "adam", engine=engine)
        np.random.seed(seed)
        model.fit(X, Y, epochs=epochs, **SETTINGS | {"callbacks": [Cools()]} | settings)
        return model.fingerprint()

    def breaks(state: TrainingState) -> None:
        if state.epoch == 1:
            state.interrupt()

    unbroken = trained_with(Counts)
    trained_with(Counts, callbacks=[Cools(), gn.Checkpoint(file), breaks])
    assert trained_with(Counts, seed=9, resume=file) == unbroken
    trained_with(Streams, callbacks=[Cools(), gn.Checkpoint(file), breaks])
    with pytest.raises(gn.ConfigurationError, match="resume.*stream"):
        trained_with(Streams, resume=file)


@ENGINE
def test_saved(engine: str, tmp_path: Path) -> None:
    model = trained(engine, 2)
    model.save(tmp_path / "model.safetensors")
    _goes_on_alike(model, gn.load(tmp_path / "model.safetensors"))


@ENGINE
@pytest.mark.parametrize("copy", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"])
def test_copied(engine: str, copy: Callable[[gn.Model], gn.Model]) -> None:
    model = trained(engine, 2)
    _goes_on_alike(model, copy(model))


def _goes_on_alike(model: gn.Model, other: gn.Model) -> None:
    other.engine = model.engine
    assert other.fingerprint() == model.fingerprint()
    assert other.predict(X).tobytes() == model.predict(X).tobytes()
    for own in (model, other):
        own.fit(X, Y, epochs=2, **SETTINGS)
    assert other.fingerprint() == model.fingerprint()


@ENGINE
def test_looked_at(engine: str) -> None:
    looked_at = new(engine)
    for _ in range(4):
        looked_at.fit(X, Y, epochs=1, **SETTINGS)
        gn.trace(looked_at, X[:4], Y[:4])
        looked_at.gradients(X[:8], Y[:8], training=True)
        looked_at.activations(X[:3], training=True)
        looked_at.evaluate(X, Y)
        looked_at.predict(X)
    assert looked_at.fingerprint() == trained(engine).fingerprint()


@ENGINE
def test_watched(engine: str, tmp_path: Path) -> None:
    looking = [gn.Watch(every=1), gn.Checkpoint(tmp_path / "model.safetensors")]
    watched = new(engine, metrics=["f1", "log_loss"])
    watched.fit(X, Y, epochs=4, callbacks=looking, validation_data=(X[:20], Y[:20]), **SETTINGS)
    plain = trained(engine)
    assert watched.network.parameters.tobytes() == plain.network.parameters.tobytes()
    assert watched.fingerprint("predictions") == plain.fingerprint("predictions")


@COMPILED
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows(dtype: str) -> None:
    rng = np.random.default_rng(4)
    for model, x in (
        (new("compiled", dtype=dtype), rng.normal(size=(1000, 6))),
        (images(dtype), rng.normal(size=(100, 2, 9, 9))),
    ):
        model.step(x[:8], np.arange(8) % 3)
        together = model.predict(x)
        for one in (0, 1, 17, len(x) - 1):
            assert model.predict(x[one : one + 1]).tobytes() == together[one].tobytes()
        order = rng.permutation(len(x))
        assert model.predict(x[order]).tobytes() == together[order].tobytes()


@ENGINE
def test_at_once(engine: str) -> None:
    model = trained(engine, 1)
    parts = [X[start : start + 9] for start in range(0, 81, 9)]
    alone = [model.predict(part).tobytes() for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert [found.tobytes() for found in pool.map(model.predict, parts)] == alone


def in_other_forms(x: np.ndarray) -> Iterable[Any]:
    yield x.tolist()
    yield x.astype(object)
    yield x.astype(x.dtype.newbyteorder(">"))
    yield np.asfortranarray(x)
    yield np.repeat(x, 2, axis=0)[::2]
    yield x.astype(np.longdouble)
    yield np.ma.array(x, mask=False)
    fixed = x.copy()
    fixed.flags.writeable = False
    yield fixed


@ENGINE
def test_forms(engine: str) -> None:
    expected = trained(engine, 1)
    for form, labels in zip(in_other_forms(X), in_other_forms(Y), strict=True):
        model = new(engine)
        model.fit(form, labels, epochs=1, **SETTINGS)
        assert model.fingerprint() == expected.fingerprint()
        assert model.predict(form).tobytes() == expected.predict(X).tobytes()


@ENGINE
def test_fingerprints(engine: str) -> None:
    one, other = trained(engine, 2), new(engine)
    other.fit(X, Y, epochs=2, callbacks=[gn.Watch(every=1)], **SETTINGS)
    assert one.fingerprint() == other.fingerprint()
    for model in (one, other):
        model.step(X[:30], Y[:30])
        model.fit(X[::-1], Y[::-1], epochs=1, **SETTINGS)
    assert one.fingerprint() == other.fingerprint()


@cache
def by_variant(variant: str) -> dict[str, str]:
    """What that build of the compiled engine learns, by name; nothing where it cannot run."""
    code = (
        "import json; from hashlib import sha256; "
        "models = {'dense': trained('compiled', 2)} | {dtype: images(dtype) for dtype in ('float32', 'float64')}; "
        "hashes = {name: sha256(model.network.parameters.tobytes()).hexdigest() for name, model in models.items()}; "
        "print(json.dumps({name: text[:16] for name, text in hashes.items()}))"
    )
    try:
        return dict(json.loads(in_another_process(code, GLASSNET_VARIANT=variant)))
    except AssertionError as error:
        if "GLASSNET_VARIANT" not in str(error):
            raise
        return {}


@COMPILED
def test_processors() -> None:
    """Each variant that runs here calculates what is stored; ``make test-arm64`` tries another family of processors."""
    stored = {"dense": "79fb29a8a6b8979d", "float32": "4aea12819afd916a", "float64": "b951fcc7ef08dfac"}
    found = [by_variant(variant) for variant in VARIANTS]
    assert [own for own in found if own and own != stored] == []
    assert any(found)


# What is not promised


@COMPILED
@pytest.mark.skipif(platform.machine() != "x86_64", reason="another family of processors")
def test_older_processors() -> None:
    """Where the processor's own answer is that of one without AVX2."""
    code = (
        "from glassnet import _native_processor; _native_processor.best_variant = lambda: None; native.cache_clear(); "
        "assert trained('auto', 2).fingerprint() == trained('numpy', 2).fingerprint(); "
        "gn.Model(gn.Dense(1), 'mean_squared_error', 'sgd', engine='compiled')"
    )
    with pytest.raises(
        AssertionError, match="received an x86-64 processor without AVX2 and FMA, expected the compiled"
    ):
        in_another_process(code)


def on_digits(dtype: str, steps: int, *layers: Any) -> tuple[gn.Model, gn.Model, Callable[[str], float]]:
    """Models of both engines after some steps, and how far their parameters or outputs are apart."""
    data = gn.data.digits()
    x, rng, models = data.x[:400] / 16, np.random.default_rng(0), []
    order = rng.integers(0, len(x), size=(steps, 32))
    for engine in ENGINES:
        net = gn.Sequential(*(layer.copy() for layer in layers), gn.Dense(10))
        model = gn.Model(net, "cross_entropy", gn.Adam(0.001), dtype=dtype, engine=engine)  # type: ignore[arg-type]
        for rows in order:
            model.step(x[rows], data.y[rows])
        models.append(model)

    def apart(what: str) -> float:
        one, other = (model.predict(x) if what == "outputs" else model.network.parameters for model in models)
        exact = other.astype(np.float64)
        return float(np.abs(one - exact).max() / np.abs(exact).max())

    return models[0], models[1], apart


@COMPILED
def test_engines_in_float64() -> None:
    for layers in ((gn.Dense(64), gn.ReLU()), (gn.Reshape((1, 8, 8)), gn.Conv2D(4, 3), gn.ReLU(), gn.Flatten())):
        *_, apart = on_digits("float64", 100, *layers)
        assert apart("outputs") < 1e-10


@COMPILED
def test_engines_in_float32() -> None:
    *_, first = on_digits("float32", 1, gn.Dense(64), gn.ReLU())
    *_, later = on_digits("float32", 400, gn.Dense(64), gn.ReLU())
    assert first("parameters") < 5e-7
    assert first("parameters") < later("parameters") < 1e-5


@COMPILED
def test_rounding_alone() -> None:
    first, *rest = gn.Reshape((1, 8, 8)), gn.BatchNorm(), gn.ReLU(), gn.Flatten()
    one, other, apart = on_digits("float32", 20, first, gn.Conv2D(4, 3), *rest)
    biases = [dict(model.network.named_parameters())["1.bias"] for model in (one, other)]
    assert np.abs(biases[0] - biases[1]).max() > 1e-4
    assert apart("outputs") > 1e-4
    *_, apart = on_digits("float32", 20, first, gn.Conv2D(4, 3, use_bias=False), *rest)
    assert apart("parameters") < 1e-5
    assert apart("outputs") < 1e-5


def test_blas() -> None:
    """What another number of BLAS's threads does to NumPy's bits is seen where there are two and the BLAS heeds it."""
    code = (
        "x, y = np.random.default_rng(0).normal(size=(512, 256)), np.arange(512) % 10; "
        "new = lambda e: gn.Model(gn.Sequential(gn.Dense(300), gn.Dense(10)), 'cross_entropy', 'adam', engine=e); "
        "models = [new(engine) for engine in ('numpy', ENGINES[0])]; "
        "[m.fit(x, y, batch_size=256, verbose=False) for m in models]; print(*[m.fingerprint() for m in models])"
    )
    found = [in_another_process(code, OPENBLAS_NUM_THREADS=threads).split() for threads in ("1", "2")]
    numpy_, compiled = (set(own) for own in zip(*found, strict=True))
    if native() is not None:
        assert len(compiled) == 1
    if len(numpy_) == 1:
        about: Any = np.show_config(mode="dicts")
        pytest.skip(f"the BLAS here, {about['Build Dependencies']['blas']['name']}, gives the same bits on two threads")
    assert len(numpy_) == 2


@ENGINE
def test_other_training(engine: str) -> None:
    others = [trained(engine, 1), trained(engine, 1, batch_size=18), trained(engine, 1, shuffle=False)]
    seeded = new(engine, seed=6)
    seeded.fit(X, Y, epochs=1, **SETTINGS)
    assert len({model.network.parameters.tobytes() for model in (*others, seeded)}) == 4


def test_older_files() -> None:
    folder = ROOT / "tests" / "formats" / "files"
    files = sorted(folder.rglob("*.safetensors"))
    assert files
    for file in files:
        known = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        if isinstance(known.get("x"), list) and isinstance(known.get("predictions"), list):
            found = gn.load(file).predict(np.array(known["x"]))
            np.testing.assert_allclose(found, known["predictions"], rtol=1e-4, atol=1e-5)


# The fingerprint


def fingerprint_of(change: Callable[[gn.Model], object], of: str = "training") -> str:
    model = new("numpy")
    model.network.build((6,))
    change(model)
    return model.fingerprint(of)


def _next_bit(model: gn.Model) -> None:
    model.network.parameters[0] = np.nextafter(model.network.parameters[0], np.float32(np.inf))


ANSWERING: dict[str, Callable[[gn.Model], object]] = {
    "a bit of a parameter": _next_bit,
    "preprocessing": lambda model: setattr(model, "preprocessing", gn.Standardize(1.0, 2.0)),
    "target scaling": lambda model: setattr(model, "target_scaling", gn.Standardize(1.0, 2.0)),
    "names of classes": lambda model: setattr(model, "class_names", ("a", "b", "c")),
    "names of columns": lambda model: setattr(model, "feature_names", tuple("abcdef")),
    "a setting of a layer": lambda model: setattr(model.network.layers[3], "rate", 0.3),
    "the loss": lambda model: setattr(model, "loss", gn.losses.CrossEntropy(label_smoothing=0.1)),
}
TRAINING: dict[str, Callable[[gn.Model], object]] = {
    "seed": lambda model: setattr(model, "seed", 6),
    "epochs": lambda model: setattr(model, "epochs_trained", 1),
    "metrics": lambda model: setattr(model, "metrics", ()),
    "the optimizer": lambda model: setattr(model, "optimizer", gn.SGD(0.1)),
    "steps": lambda model: setattr(model.optimizer, "steps", 1),
    "the rate's scale": lambda model: setattr(model.optimizer, "learning_rate_scale", 0.5),
    "the optimizer's memory": lambda model: model.optimizer.state.update(m=np.ones_like(model.network.parameters)),
    "what is frozen": lambda model: model.network.layers[0].freeze(),
    "a callback's memory": lambda model: model.memories.update({"EarlyStopping(loss, min)": {"waited": 2}}),
}
NEITHER: dict[str, Callable[[gn.Model], object]] = {
    "engine": lambda model: setattr(model, "engine", "auto"),
    "threads": lambda model: setattr(model, "threads", 3),
    "a checkpoint's memory": lambda model: model.memories.update({"Checkpoint(loss, min) to /tmp/x": {"best": 1.0}}),
    "an answer": lambda model: model.predict(X),
    "zeros of a rule that has not begun": lambda model: model.optimizer.prepare(model.network.parameters),
}


def test_fingerprint_covers_what_decides() -> None:
    training, predictions = fingerprint_of(lambda model: None), fingerprint_of(lambda model: None, "predictions")
    assert re.fullmatch(r"[0-9a-f]{16}", training)
    assert re.fullmatch(r"[0-9a-f]{16}", predictions)
    for name, change in NEITHER.items():
        assert fingerprint_of(change) == training, name
        assert fingerprint_of(change, "predictions") == predictions, name
    for name, change in TRAINING.items():
        assert fingerprint_of(change) != training, name
        assert fingerprint_of(change, "predictions") == predictions, name
    for name, change in ANSWERING.items():
        assert fingerprint_of(change) != training, name
        assert fingerprint_of(change, "predictions") != predictions, name
    everything = [fingerprint_of(change) for change in (TRAINING | ANSWERING).values()]
    assert len(set(everything)) == len(everything)


def test_fingerprint_is_the_same_everywhere() -> None:
    """On every machine, in every version that means it so: the parameters here are no draws and no sums."""
    model = gn.Model(gn.Sequential(gn.Dense(2), gn.Tanh()), "mean_squared_error", gn.SGD(1))
    model.network.build((3,))
    model.network.set_weights({"0.weight": np.arange(6).reshape(3, 2) / 4, "0.bias": [1, -1]})
    assert (model.fingerprint(), model.fingerprint("predictions")) == FIXED


FIXED = ("4950836f6284779f", "eed8d8282964ea15")


def test_fingerprint_refuses_what_it_cannot_tell() -> None:
    model = gn.Model(gn.Dense(2), "mean_squared_error", gn.SGD(lambda step: 0.1))
    with pytest.raises(gn.NotBuiltError):
        model.fingerprint()
    model.network.build((3,))
    with pytest.raises(gn.ConfigurationError, match=r"fingerprint: optimizer\.learning_rate"):
        model.fingerprint()
    with pytest.raises(gn.ConfigurationError, match="one of 'training', 'predictions'"):
        model.fingerprint("answers")
