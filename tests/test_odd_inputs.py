"""Every public name that takes arrays, numbers, names or paths is given odd ones, by a table and by Hypothesis.

Each call ends in the answer that plain values get or in an error of glassnet's own: nothing raw of NumPy's or of
another library comes through, and no warning. GLASSNET_ODD_INPUTS=all tries the whole table, and
GLASSNET_FUZZ_EXAMPLES says how many examples Hypothesis draws.
"""

from __future__ import annotations

import ast
import inspect
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from odd_values import EITHER, NO_NUMBERS, NO_WHOLES, REFUSED, SAME, SETTINGS, TRUTH, of_array, paths

import glassnet as gn
from glassnet.compile import native
from glassnet.core.settings import Configurable
from glassnet.losses import LOSSES

WHOLE_TABLE = os.environ.get("GLASSNET_ODD_INPUTS") == "all"
EXAMPLES = int(os.environ.get("GLASSNET_FUZZ_EXAMPLES", "40"))
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
pytestmark = [
    pytest.mark.filterwarnings("ignore::glassnet.DataWarning"),
    pytest.mark.filterwarnings("ignore::glassnet.NumpyFallbackWarning"),
]
ENGINES = ("compiled", "numpy") if native() is not None else ("numpy",)

RNG = np.random.default_rng(0)
X = RNG.integers(-8, 8, size=(12, 5)) / 4
LABELS = np.arange(12) % 3
AMOUNTS = RNG.integers(-8, 8, size=(12, 3)) / 4
WEIGHTS = np.arange(1, 13) / 4
IMAGES = RNG.integers(-8, 8, size=(12, 1, 6, 6)) / 4
PEOPLE = {"age": [31.0, 47, 22, 60, 19, 38] * 4, "town": ["Ulm", "Bern", "Ulm", "Graz", "Ulm", "Bern"] * 4}
ANSWERS = ["no", "yes"] * 12
QUIET: dict[str, Any] = {"verbose": False}


def new(loss: Any = "cross_entropy", engine: str = "auto", inputs: int = 5, outputs: int = 3) -> gn.Model:
    """A small model that has seen data."""
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(outputs))
    model = gn.Model(net, loss, "adam", engine=engine)
    net.build((inputs,))
    return model


@cache
def known(engine: str = "auto", loss: str = "cross_entropy") -> gn.Model:
    """One that may be asked again and again."""
    return new(loss, engine)


@cache
def together(loss: str = "cross_entropy") -> gn.Ensemble:
    """Two of them."""
    return gn.Ensemble.of([new(loss), new(loss)])


class Door(NamedTuple):
    """A place where something odd is given.

    Attributes:
        name: the public name, and after a colon what of it.
        call: gives it one value, all others being good.
        plain: a good value; an array, for which other forms are tried, or of a setting.
        no: names of odd settings that must be refused.
        finite: whether NaN and infinity must be refused.
        loose: whether other shapes may mean something there, and some forms may be refused.
        in_its_dtype: whether it calculates in the dtype of what it is given.
    """

    name: str
    call: Callable[[Any], Any]
    plain: Any = None
    no: frozenset[str] = frozenset()
    finite: bool = True
    loose: bool = False
    in_its_dtype: bool = False


# Arrays


def of_models(engine: str) -> Iterator[Door]:
    labelled, amounts = known(engine), known(engine, "mean_squared_error")

    def fit(x: Any = X, y: Any = LABELS, loss: str = "cross_entropy", **more: Any) -> Any:
        model = new(loss, engine)
        return model.fit(x, y, **QUIET | more).metrics, model.network.parameters

    yield Door("Model.fit: x", lambda v: fit(v), X)
    yield Door("Model.fit: labels", lambda v: fit(y=v), LABELS)
    yield Door("Model.fit: amounts", lambda v: fit(y=v, loss="mean_squared_error"), AMOUNTS)
    yield Door("Model.fit: truths", lambda v: fit(y=v, loss="binary_cross_entropy"), (AMOUNTS > 0) * 1.0)
    yield Door("Model.fit: sample_weight", lambda v: fit(sample_weight=v), WEIGHTS)
    yield Door("Model.fit: validation x", lambda v: fit(validation_data=(v, LABELS)), X)
    yield Door("Model.fit: validation y", lambda v: fit(validation_data=(X, v)), LABELS)
    for name in ("predict", "predict_proba", "predict_classes", "activations", "inputs"):
        yield Door(f"Model.{name}: x", getattr(labelled, name), X)
    yield Door("Model.predict_mean: x", amounts.predict_mean, X)

    def of(name: str, model: gn.Model, *given: Any) -> Any:
        """What it gives, from the same model each time."""
        copy = model if name in ("evaluate", "gradients") else new(model.loss, engine)
        found = getattr(copy, name)(*given)
        return (found, copy.network.parameters) if name == "step" else getattr(found, "flat", found)

    for name in ("evaluate", "gradients", "step", "train_on_batch"):
        yield Door(f"Model.{name}: x", lambda v, name=name: of(name, labelled, v, LABELS), X)
        yield Door(f"Model.{name}: labels", lambda v, name=name: of(name, labelled, X, v), LABELS)
        yield Door(f"Model.{name}: amounts", lambda v, name=name: of(name, amounts, X, v), AMOUNTS)
        yield Door(f"Model.{name}: weights", lambda v, name=name: of(name, labelled, X, LABELS, v), WEIGHTS)
    yield Door("Model.step_over: x", lambda v: new(engine=engine).step_over([(v, LABELS), (X, LABELS)]), X)
    yield Door("Model.step_over: y", lambda v: new(engine=engine).step_over([(X, v), (X, LABELS)]), LABELS)


def of_ensembles() -> Iterator[Door]:
    def fit(x: Any = X, y: Any = LABELS) -> Any:
        ensemble = gn.Ensemble.of([new(), new()])
        return ensemble.fit(x, y, **QUIET)[0].metrics, ensemble.members[1].network.parameters

    labelled, amounts = together(), together("mean_squared_error")
    yield Door("Ensemble.fit: x", lambda v: fit(v), X)
    yield Door("Ensemble.fit: labels", lambda v: fit(y=v), LABELS)
    for name in ("predict", "predict_classes", "predict_members", "spread", "mean_outputs"):
        yield Door(f"Ensemble.{name}: x", getattr(labelled, name), X)
    yield Door("Ensemble.entropies: x", lambda v: labelled.entropies(v).total, X)
    yield Door("Ensemble.evaluate: x", lambda v: labelled.evaluate(v, LABELS), X)
    yield Door("Ensemble.evaluate: amounts", lambda v: amounts.evaluate(X, v), AMOUNTS)
    yield Door("Ensemble.evaluate: weights", lambda v: labelled.evaluate(X, LABELS, v), WEIGHTS)


def of_functions() -> Iterator[Door]:
    model, small = known(), known("auto", "mean_squared_error")
    flat = np.ones(model.network.parameters.shape)
    yield Door("tune: x", lambda v: search(x=v), X, loose=True)
    yield Door("tune: y", lambda v: search(y=v), AMOUNTS)
    yield Door("trace: x", lambda v: gn.trace(model, v, LABELS).loss, X)
    yield Door("trace: y", lambda v: gn.trace(model, X, v).loss, LABELS)
    yield Door("trace: sample_weight", lambda v: gn.trace(model, X, LABELS, v).loss, WEIGHTS)
    yield Door("gradients: x", lambda v: gn.gradients(model, v, LABELS).flat, X)
    yield Door("gradients: y", lambda v: gn.gradients(model, X, v).flat, LABELS)
    yield Door("hvp: x", lambda v: gn.hvp(model, v, LABELS, flat), X)
    yield Door("hvp: y", lambda v: gn.hvp(model, X, v, flat), LABELS)
    yield Door("hvp: v", lambda v: gn.hvp(model, X, LABELS, v), flat)
    yield Door("jvp: x", lambda v: gn.jvp(model, v, X), X)
    yield Door("jvp: v", lambda v: gn.jvp(model, X, v), X)
    yield Door("vjp: x", lambda v: gn.vjp(model, v, AMOUNTS), X)
    yield Door("vjp: u", lambda v: gn.vjp(model, X, v), AMOUNTS)
    for function in (gn.saliency, gn.integrated_gradients, gn.smooth_grad):
        yield Door(f"{function.__name__}: x", lambda v, function=function: function(model, v), X)
    yield Door("integrated_gradients: baseline", lambda v: gn.integrated_gradients(model, X, baseline=v), X, loose=True)
    net = gn.Sequential(gn.Dense(3))
    yield Door("check_gradients: x", lambda v: bool(gn.check_gradients(net.copy(), v)), X)
    check: dict[str, Any] = {"loss": "mean_squared_error", "max_elements": 5}
    yield Door("check_gradients: y", lambda v: bool(gn.check_gradients(net.copy(), X, v, **check)), AMOUNTS)
    yield Door("permutation_importance: x", lambda v: gn.permutation_importance(model, v, LABELS, repeats=1), X)
    yield Door("permutation_importance: y", lambda v: gn.permutation_importance(model, X, v, repeats=1), LABELS)
    yield Door("explain: x", lambda v: [own.effect for own in gn.explain(model, v).effects], X)
    yield Door("explain: background", lambda v: gn.explain(model, X, background=v).base, X)
    yield Door("diagnose: x", lambda v: str(gn.diagnose(model, v, LABELS)), X)
    yield Door("diagnose: y", lambda v: str(gn.diagnose(model, X, v)), LABELS)
    yield Door("compare_losses: x", lambda v: str(gn.compare_losses(model, v, LABELS)), X)
    yield Door("compare_losses: y", lambda v: str(gn.compare_losses(model, X, v)), LABELS)
    yield Door("learning_rate_range: x", lambda v: gn.learning_rate_range(small, v, AMOUNTS, steps=5).losses, X)
    yield Door("learning_rate_range: y", lambda v: gn.learning_rate_range(small, X, v, steps=5).losses, AMOUNTS)
    own = gn.Standardize.from_data(X)
    yield Door("Standardize.from_data: x", lambda v: gn.Standardize.from_data(v).mean, X, loose=True)
    yield Door("Standardize.by_channel: x", lambda v: gn.Standardize.by_channel(v).mean, IMAGES, loose=True)
    yield Door("Standardize.apply: x", lambda v: own.apply(v, np.float64), X, finite=False, loose=True)
    yield Door("Standardize.invert: x", lambda v: own.invert(v, np.float64), X, finite=False, loose=True)
    yield Door("Standardize: mean", lambda v: gn.Standardize(v).mean, X[0], loose=True)
    yield Door("Standardize: scale", lambda v: gn.Standardize(0.0, v).scale, np.abs(X[0]) + 1, loose=True)
    scaled = gn.TargetScaling.from_data(X)
    yield Door("TargetScaling.from_data: y", lambda v: gn.TargetScaling.from_data(v).mean, X, loose=True)
    yield Door("TargetScaling.apply: x", lambda v: scaled.apply(v, np.float64), X, finite=False, loose=True)
    yield Door("TargetScaling.invert: x", lambda v: scaled.invert(v, np.float64), X, finite=False, loose=True)
    yield Door("TargetScaling: mean", lambda v: gn.TargetScaling(v).mean, X[0], loose=True)
    yield Door("TargetScaling: scale", lambda v: gn.TargetScaling(0.0, v).scale, np.abs(X[0]) + 1, loose=True)
    yield Door("TargetScaling: low", lambda v: gn.TargetScaling(low=v).mean, X[0], loose=True)
    yield Door("TargetScaling: high", lambda v: gn.TargetScaling(high=v).mean, X[0], loose=True)
    table = gn.Table.from_data({"a": [1.0, 2, 3], "b": ["x", "y", "x"]}, "b")
    yield Door("Table.words: labels", table.words, LABELS % 2, loose=True)
    weight = np.ones((5, 3)) / 2

    def net_with(values: Any, *, init: bool = False) -> Any:
        made = gn.Sequential(gn.Dense(3, weight_init=values if init else "zeros"))
        made.build((5,))
        if not init:
            made.set_weights({"0.weight": values})
        return made.parameters

    yield Door("Network.set_weights: array", net_with, weight, loose=True)
    yield Door("Dense: weight_init", lambda v: net_with(v, init=True), weight, loose=True)

    def step(parameters: Any, gradients: Any) -> Any:
        gn.SGD(0.5).step(parameters, gradients)
        return parameters

    yield Door("SGD.step: gradients", lambda v: step(np.ones(4), v), np.ones(4), finite=False, loose=True)
    yield Door("SGD.step: parameters", lambda v: step(v, np.ones(4)), np.ones(4), finite=False, loose=True)
    for name, loss in LOSSES.items():
        targets = LABELS if name == "cross_entropy" else (AMOUNTS > 0) + 1.0 if name == "gamma" else (AMOUNTS > 0) * 1.0
        yield Door(
            f"{loss.__name__}: outputs",
            lambda v, loss=loss, targets=targets: loss()(v, targets),
            AMOUNTS,
            finite=False,
            loose=True,
            in_its_dtype=True,
        )
        yield Door(f"{loss.__name__}: targets", lambda v, loss=loss: loss()(AMOUNTS, v), targets)
        yield Door(
            f"{loss.__name__}: weights", lambda v, loss=loss, targets=targets: loss()(AMOUNTS, targets, v), WEIGHTS
        )
    yield Door("metrics.roc_curve: scores", lambda v: gn.metrics.roc_curve(v, LABELS > 1), WEIGHTS)
    yield Door("metrics.roc_curve: right", lambda v: gn.metrics.roc_curve(WEIGHTS, v), (LABELS > 1) * 1.0)
    yield Door("metrics.roc_curve: weights", lambda v: gn.metrics.roc_curve(WEIGHTS, LABELS > 1, v), WEIGHTS)
    weighed = gn.losses.check_weights
    yield Door("losses.check_weights: weights", lambda v: weighed(v, 12, np.dtype(np.float32), where="w"), WEIGHTS)
    yield Door("losses.check_labels: labels", lambda v: gn.losses.check_labels(v, 3, where="y"), LABELS, loose=True)
    class_weight = np.array([0.5, 1.0, 2.0])

    def weigh(values: Any) -> Any:
        model = new(gn.losses.CrossEntropy(class_weight=values))
        return model.evaluate(X, LABELS)

    yield Door("CrossEntropy: class_weight", weigh, class_weight, loose=True)
    plots = gn.plots
    for draw in (plots.plot_confusion_matrix, plots.plot_calibration):
        yield Door(f"plots.{draw.__name__}: x", lambda v, draw=draw: shown_and_closed(draw(model, v, LABELS)), X)
        yield Door(f"plots.{draw.__name__}: y", lambda v, draw=draw: shown_and_closed(draw(model, X, v)), LABELS)
    for draw in (plots.plot_residuals,):
        yield Door(f"plots.{draw.__name__}: x", lambda v, draw=draw: shown_and_closed(draw(small, v, AMOUNTS)), X)
    yield Door(
        "plots.plot_loss_surface: x", lambda v: shown_and_closed(plots.plot_loss_surface(model, v, LABELS, points=3)), X
    )


def shown_and_closed(figure: Any) -> None:
    import matplotlib.pyplot as plt

    plt.close(figure)


def seen(found: Any) -> Any:
    """What two answers are compared by; None where nothing can be said."""
    if isinstance(found, np.ndarray):
        return found.dtype.newbyteorder("=").str, found.shape, np.ascontiguousarray(found).tobytes()
    if isinstance(found, tuple | list):
        return [seen(one) for one in found]
    if isinstance(found, dict):
        return {name: seen(one) for name, one in found.items()}
    return found if isinstance(found, bool | int | float | str) or found is None else None


ALL_ARRAYS = [(f"{engine} ", door) for engine in ENGINES for door in of_models(engine)] + [
    ("", door) for door in (*of_ensembles(), *of_functions())
]
FORMS = [name for name, _, _ in of_array(X)]
TELLING = ("float16", "objects", "a hidden value", "complex without an imaginary part", "stretches of time", "ragged")


def some(name: str, names: list[str], telling: tuple[str, ...], share: int) -> set[str]:
    """The odd values for a door: all of them, or some, others for each door."""
    if WHOLE_TABLE:
        return set(names)
    start = crc32(name.encode())
    return {*telling, *(one for number, one in enumerate(names, start) if number % share == 0)}


@pytest.mark.parametrize(("engine", "door"), ALL_ARRAYS, ids=[engine + door.name for engine, door in ALL_ARRAYS])
def test_odd_arrays(engine: str, door: Door, tmp_path: Path) -> None:
    expected = seen(door.call(door.plain.astype(np.float64)))
    slow = door.name.startswith(("plots.", "diagnose", "hvp", "check_gradients", "permutation"))
    chosen = some(engine + door.name, FORMS, () if slow else TELLING, 20 if slow else 12)
    for form, fate, value in of_array(door.plain):
        if form not in chosen:
            continue
        if form in ("NaN", "infinity", "10**400") and not door.finite:
            fate = EITHER
        if fate in (SAME, REFUSED) and door.loose and not form.startswith(("complex", "texts", "moments", "stretches")):
            fate = EITHER
        try:
            found = door.call(value)
        except gn.GlassnetError as error:
            if fate == SAME:
                pytest.fail(f"{door.name} given {form}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is
            pytest.fail(f"{door.name} given {form}: {type(error).__name__}: {error}")
        else:
            assert fate != REFUSED, form
            if not door.in_its_dtype and (fate == SAME or (door.loose and form in FORMS[:13])):
                assert seen(found) == expected, form


# Settings


def constructors() -> Iterator[tuple[str, type]]:
    """The public classes that settings describe, and callbacks, by how one types them."""
    found: dict[type, str] = {}
    rooms = [getattr(gn, name) for name in gn.__all__ if isinstance(getattr(gn, name), ModuleType)]
    for room in (gn, *rooms):
        for name in dir(room):
            if name.startswith("_"):
                continue
            cls = getattr(room, name)
            if inspect.isclass(cls) and issubclass(cls, Configurable | gn.Callback):
                found.setdefault(cls, name if room is gn else f"{room.__name__.rpartition('.')[2]}.{name}")
    for cls, name in found.items():
        yield name, cls


GOOD: dict[str, Any] = {
    "filters": 2, "kernel_size": 3, "units": 3, "count": 5, "groups": 1, "indices": [0, 1], "factor": 0.5,
    "rate": 0.1, "steps": 10, "every": 2, "learning_rate": 0.1, "limit": 1.0, "strength": 0.1, "padding": 1,
    "peak": 0.1, "value": 0.1, "after": 0.1, "path": "odd.safetensors", "class_counts": [2, 3], "columns": [],
    "losses": {"a": "mean_squared_error"}, "shape": 4, "output": "a", "metric": gn.metrics.Accuracy(),
    "layer": None, "function": lambda *given: 0.1, "array": [1.0], "axes": (1,), "inputs": {"x": 3},
    "nodes": {"y": (gn.Dense(2), "x")}, "outputs": "y", "boundaries": [3], "main": gn.Dense(3), "mean": 0.0,
    "low": -1.0, "high": 1.0, "to": "tokens", "characters": "abc",
}  # fmt: skip
GOOD_FOR = {("UpSample2D", "factor"): 2, ("AdaGrad", "rate"): 0.1}
BY_PLACE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def of_constructors() -> Iterator[Door]:
    for name, cls in constructors():
        parameters = inspect.signature(cls).parameters
        needed = {
            own.name: GOOD_FOR.get((name, own.name), GOOD.get(own.name))
            for own in parameters.values()
            if own.default is own.empty and own.kind not in BY_PLACE
        }
        for own in parameters.values():
            if own.kind is inspect.Parameter.VAR_POSITIONAL:
                yield Door(f"{name}: {own.name}", lambda v, cls=cls: repr(cls(v)))
                continue

            def make(value: Any, cls: type = cls, needed: dict[str, Any] = needed, given: str = own.name) -> Any:
                return repr(cls(**needed | {given: value}))

            words = str(own.annotation)
            no = NO_WHOLES if words in ("int", "Sequence[int]") else NO_NUMBERS if words == "float" else set()
            if words == "bool":
                no = set(SETTINGS) - TRUTH
            yield Door(f"{name}: {own.name}", make, no=frozenset(no))


def language() -> gn.Model:
    """A model of three letters."""
    network = gn.Sequential(gn.Embedding(4, 2), gn.GRU(2, return_sequences=True), gn.Dense(4))
    network.build((5,))
    model = gn.Model(network, "cross_entropy", "adam")
    model.vocabulary = gn.text.Characters("abc")
    return model


def with_vocabulary(value: Any) -> Any:
    """What a model makes of letters, with something else in the place of its vocabulary."""
    model = language()
    model.vocabulary = value
    return model.predict(np.zeros((1, 5)))


def few(value: Any) -> Any:
    """Whole numbers up to 49; larger ones, which would take for ever, become 3."""
    return 3 if isinstance(value, int | np.integer) and value >= 50 else value


def search(**given: Any) -> Any:
    """What a search of one short trial learns."""
    plain: dict[str, Any] = {"build": "tables", "x": X, "y": LABELS, "trials": 1, "epochs": 1, "space": {"units": 2}}
    return gn.tune(**plain | QUIET | given).model.network.parameters


def of_searches(whole: frozenset[str], number: frozenset[str], flag: frozenset[str]) -> Iterator[Door]:
    positive = whole | {"0", "-1", "None"}
    for name, no in {
        "trials": positive,
        "epochs": positive,
        "wave": positive,
        "seed": whole | {"-1"},
        "halving": positive - {"None"},
        "patience": positive - {"None"},
        "workers": positive - {"None"},
        "timeout": number - {"None"},
        "validation": number,
        "metric": frozenset(set(SETTINGS) - {"None"}),
        "mode": frozenset(SETTINGS),
        "refit": flag,
        "build": frozenset(SETTINGS),
        "space": number - {"None"},
    }.items():
        yield Door(f"tune: {name}", lambda v, name=name: search(**{name: few(v)}), no=frozenset(no - {"10**400"}))
    yield Door("tune: callbacks", lambda v: search(callbacks=v), no=number)
    yield Door("tune: a choice", lambda v: search(space={"units": 2, "dropout": v}))


def of_settings() -> Iterator[Door]:
    whole, number, flag = frozenset(NO_WHOLES), frozenset(NO_NUMBERS), frozenset(set(SETTINGS) - TRUTH - {"0"})
    positive = whole | {"0", "-1", "None"}
    large_allowed = positive - {"10**400"}  # since few() makes 3 of it
    model, deep = known(), known("auto", "mean_squared_error")

    def fit(**given: Any) -> Any:
        return new().fit(X, LABELS, **QUIET | given).metrics

    yield Door("set_language: language", gn.set_language, no=frozenset(set(SETTINGS) - {"None"}))
    yield Door("Model.fit: epochs", lambda v: fit(epochs=few(v)), no=positive - {"None", "10**400"})
    yield Door("Model.fit: batch_size", lambda v: fit(batch_size=v), no=positive - {"None"})
    yield Door("Model.fit: shuffle", lambda v: fit(shuffle=v), no=flag)
    yield Door("Model.fit: validation_split", lambda v: fit(validation_split=v), no=number - {"None"})
    yield Door("Model.fit: validation_data", lambda v: fit(validation_data=v), no=number)
    yield Door("Model.fit: callbacks", lambda v: fit(callbacks=v))
    yield Door("Model.fit: verbose", lambda v: fit(verbose=False if v is True or v is np.True_ else v))
    yield Door("Model.fit: resume", lambda v: fit(resume=v), no=frozenset(set(SETTINGS) - {"None"}))
    yield Door("Model.fit: even_if_changed", lambda v: fit(even_if_changed=v))
    yield Door("Model.fit: distributed", lambda v: fit(distributed=False if v is True or v is np.True_ else v), no=flag)
    yield Door("Model.fit: unknown", lambda v: fit(callback=v), no=frozenset(SETTINGS))
    for name, no in {"seed": whole | {"-1"}, "dtype": number, "engine": number, "threads": positive - {"None"}}.items():

        def model_with(v: Any, name: str = name) -> Any:
            return repr(gn.Model(gn.Dense(2), "mean_squared_error", "sgd", **{name: v}))

        yield Door(f"Model: {name}", model_with, no=frozenset(no))
    for name in ("network", "loss", "optimizer", "metrics"):
        good: dict[str, Any] = {"network": gn.Dense(2), "loss": "mean_squared_error", "optimizer": "sgd"}

        def made_of(v: Any, name: str = name, good: dict[str, Any] = good) -> Any:
            return repr(gn.Model(**good | {"network": gn.Dense(2)} | {name: v}))

        yield Door(f"Model: {name}", made_of, no=number - {"np.ma.masked"})
    yield Door("Model.predict_classes: names", lambda v: model.predict_classes(X, names=v))
    yield Door("Model.activations: names", lambda v: model.activations(X, v))
    yield Door("Model.plan: batch_size", lambda v: str(model.plan(v))[:9], no=positive)
    yield Door("Model.fingerprint: of", model.fingerprint, no=frozenset(SETTINGS))
    yield Door("Model.step_over: batches", new().step_over, no=frozenset(SETTINGS))
    yield Door("Model.untrained: optimizer", lambda v: repr(model.untrained(v)), no=number)
    yield Door(
        "Network.build: input_shape",
        lambda v: gn.Sequential(gn.Dense(2)).build(few(v)),
        no=positive - {"2.5", "10**400"},
    )
    yield Door("Network.build: seed", lambda v: gn.Sequential(gn.Dense(2)).build((3,), seed=v), no=whole | {"-1"})
    yield Door("Network.build: dtype", lambda v: gn.Sequential(gn.Dense(2)).build((3,), dtype=v), no=number)
    yield Door("Network.set_weights: values", lambda v: model.network.copy().set_weights(v), no=number)
    yield Door("Network.copy: dtype", lambda v: model.network.copy(v), no=number)
    yield Door("Layer.named: name", lambda v: repr(gn.Dense(2).named(v)))
    yield Door("Table.from_data: data", gn.Table.from_data, no=frozenset(TRUTH | {"complex", "NaN", "2.5"}))
    data = {"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "y"]}
    for name in ("target", "task", "quantiles", "categories", "embeddings", "ignore", "reading"):
        yield Door(f"Table.from_data: {name}", lambda v, name=name: str(gn.Table.from_data(data, **{name: v})))
    table = gn.Table.from_data(data, "b")
    yield Door("Table.apply: data", table.apply, no=frozenset(TRUTH | {"complex", "NaN", "2.5", "text"}))
    yield Door("Table.targets: data", table.targets, no=frozenset(TRUTH | {"complex", "NaN", "2.5", "text"}))
    yield Door("jvp: wrt", lambda v: gn.jvp(model, X, X, wrt=v), no=frozenset(SETTINGS))
    yield Door("vjp: wrt", lambda v: gn.vjp(model, X, AMOUNTS, wrt=v), no=frozenset(SETTINGS))
    yield Door("saliency: target", lambda v: gn.saliency(model, X, v), no=frozenset(TRUTH | {"complex", "2.5"}))
    yield Door("saliency: layer", lambda v: gn.saliency(model, X, layer=v))
    yield Door("saliency: times_input", lambda v: gn.saliency(model, X, times_input=v), no=flag)
    yield Door(
        "integrated_gradients: steps",
        lambda v: gn.integrated_gradients(model, X, steps=few(v)),
        no=positive - {"10**400"},
    )
    yield Door("explain: row", lambda v: gn.explain(model, X, v).answer, no=whole - {"None"})
    yield Door("explain: target", lambda v: gn.explain(model, X, target=v).answer, no=frozenset({"complex", "2.5"}))
    yield Door("explain: method", lambda v: gn.explain(model, X, method=v).answer, no=frozenset(SETTINGS))
    yield Door("explain: seed", lambda v: gn.explain(model, X, seed=v).answer, no=whole)
    yield Door("smooth_grad: samples", lambda v: gn.smooth_grad(model, X, samples=few(v)), no=large_allowed)
    yield Door("smooth_grad: noise", lambda v: gn.smooth_grad(model, X, noise=v, samples=2), no=number)
    yield Door("smooth_grad: seed", lambda v: gn.smooth_grad(model, X, seed=v, samples=2), no=whole)
    for name, no in {"max_elements": positive, "tolerance": number, "seed": whole}.items():

        def check(v: Any, name: str = name) -> Any:
            return bool(gn.check_gradients(gn.Sequential(gn.Dense(1)), X[:2], **{"max_elements": 2, name: v}))

        yield Door(f"check_gradients: {name}", check, no=frozenset(no))
    for name, no in {"rows": positive, "repeats": positive, "seed": whole, "measure": number - {"None"}}.items():

        def importance(v: Any, name: str = name) -> Any:
            return gn.permutation_importance(
                model, X, LABELS, **{"repeats": 1, name: few(v) if name == "repeats" else v}
            )

        yield Door(f"permutation_importance: {name}", importance, no=frozenset(no - {"10**400"}))
    for name, no in {"low": number, "high": number, "steps": positive - {"10**400"}}.items():

        def rates(v: Any, name: str = name) -> Any:
            return gn.learning_rate_range(
                deep, X, AMOUNTS, **{"steps": 5, name: few(v) if name == "steps" else v}
            ).losses

        yield Door(f"learning_rate_range: {name}", rates, no=frozenset(no))
    yield from of_searches(whole, number, flag)
    letters, writer = gn.text.Characters("abc"), language()
    for name, no in {
        "prompt": frozenset(SETTINGS) - {"no text"},
        "max_tokens": whole - {"None", "10**400"},
        "temperature": number,
        "top_k": positive - {"None", "10**400"},
        "seed": whole | {"-1"},
    }.items():
        yield Door(f"generate: {name}", lambda v, name=name: gn.generate(writer, **{name: few(v)}), no=no - {"10**400"})
    for method in ("encode", "decode", "rows"):
        yield Door(f"text.Characters: {method}", getattr(letters, method), no=frozenset(TRUTH | {"complex", "2.5"}))
    yield Door("text.Characters: context", lambda v: letters.next_tokens(["ab"], few(v)), no=large_allowed)
    yield Door("text.Characters: from_data", gn.text.Characters.from_data, no=frozenset(TRUTH | {"complex", "2.5"}))
    yield Door("Model: vocabulary", with_vocabulary, no=frozenset(set(SETTINGS) - {"None"}))
    yield Door("gradients: training", lambda v: gn.gradients(model, X, LABELS, training=v).flat, no=flag)
    yield Door("TracingRunner: seed", lambda v: gn.TracingRunner(v))
    yield Door("load: custom", lambda v: gn.load("nothing.safetensors", custom=v), no=frozenset(SETTINGS))
    for name, make in (gn.zoo.NETWORKS | gn.zoo.SERIES_NETWORKS).items():
        for own in inspect.signature(make).parameters.values():
            no = whole if own.name == "classes" else number if own.annotation == "float" else TRUTH

            def network(v: Any, make: Any = make, given: str = own.name) -> Any:
                return repr(make(**{given: few(v)}))

            yield Door(f"zoo.{name}: {own.name}", network, no=frozenset(no - {"10**400"}))
    for own in inspect.signature(gn.TransformerBlock).parameters.values():
        no = {"int": positive - {"10**400"}, "float": number, "bool": flag | {"0"}}.get(
            str(own.annotation), frozenset()
        )

        def block(v: Any, given: str = own.name) -> Any:
            return repr(gn.TransformerBlock(**{"heads": 1, "units": 3, given: few(v)}))

        yield Door(f"TransformerBlock: {own.name}", block, no=frozenset(no))
    series = np.arange(40.0)
    for name, no in {"past": positive, "future": positive, "targets": number - {"None"}, "time": number - {"None"},
                     "by": number - {"None"}, "period": positive - {"None"}}.items():  # fmt: skip

        def windows(v: Any, name: str = name) -> Any:
            return len(gn.data.windows(series, **{"past": 4, "future": 2, name: few(v)}))

        yield Door(f"data.windows: {name}", windows, no=frozenset(no - {"10**400"}))
    yield Door("data.windows: series", lambda v: gn.data.windows(v, 4, 2), no=frozenset(SETTINGS))
    for name, no in {
        "workers": positive - {"None", "10**400"},
        "verbose": flag,
        "models": number - {"[]", "()"},
    }.items():

        def train_many(v: Any, name: str = name) -> Any:
            return gn.fit_many(**{"models": [new()], "x": X, "y": LABELS, "verbose": False, name: few(v)})

        yield Door(f"fit_many: {name}", train_many, no=frozenset(no))
    yield Door("fit_many: unknown", lambda v: gn.fit_many([new()], X, LABELS, epoch=v), no=frozenset(SETTINGS))
    for name in ("epochs", "rows"):

        def tried(v: Any, name: str = name) -> Any:
            with suppress(gn.TrainingWarning):  # which has the error's words
                return gn.fit_many([new()], X, LABELS, verbose=False, **{name: few(v)})

        yield Door(f"fit_many: {name}", tried)
    for name, no in {"build": frozenset(SETTINGS), "members": positive - {"10**400"}, "seed": whole | {"-1"}}.items():

        def ensemble_of(v: Any, name: str = name) -> Any:
            given = {"build": lambda seed: gn.Model(gn.Dense(2), "mean_squared_error", "sgd", seed=seed), "members": 2}
            return [member.seed for member in gn.Ensemble(**given | {name: few(v) if name == "members" else v})]

        yield Door(f"Ensemble: {name}", ensemble_of, no=frozenset(no))
    yield Door("Ensemble.of: models", lambda v: gn.Ensemble.of(v), no=frozenset(SETTINGS))
    yield Door("Ensemble.without: members", lambda v: together().without(v), no=frozenset(SETTINGS))
    yield Door("Ensemble.predict_classes: names", lambda v: together().predict_classes(X, names=v), no=flag)
    yield Door("Ensemble.fingerprint: of", together().fingerprint, no=frozenset(SETTINGS))
    for name in ("x", "y", "sample_weight"):

        def calibrated(v: Any, name: str = name) -> Any:
            with suppress(gn.DataWarning):  # of a bound
                return gn.calibrate(**{"model": new(), "x": X, "y": LABELS, name: v})

        yield Door(f"calibrate: {name}", calibrated, no=number - {"None"} if name == "y" else frozenset())
    for name, no in {
        "source": frozenset(SETTINGS) - {"5-d"}, "target": number - {"None"}, "weight": number - {"None"},
        "rows": positive - {"10**400"}, "buffer": positive - {"10**400"}, "categories": number, "ignore": number,
        "max_bytes": positive - {"None", "10**400"},
    }.items():  # fmt: skip

        def in_blocks(v: Any, name: str = name) -> Any:
            source = gn.data.blocks(**{"source": X, "target": LABELS, name: few(v)})
            return new().evaluate(source, None)

        yield Door(f"data.blocks: {name}", in_blocks, no=frozenset(no))
    for name in inspect.signature(gn.TableModel).parameters:

        def of_a_table(v: Any, name: str = name) -> Any:
            return gn.TableModel(**{"epochs": 1, name: few(v)}).fit(PEOPLE, ANSWERS, verbose=False)

        takes_none = {"None"} if name in ("group", "time", "class_weight") else set()
        is_closed = name in ("preset", "task", "group", "time", "class_weight", "dtype", "engine")
        yield Door(f"TableModel: {name}", of_a_table, no=frozenset(SETTINGS) - takes_none if is_closed else frozenset())
    for name in ("data", "y", "sample_weight", "validation_data", "callbacks"):

        def fit_a_table(v: Any, name: str = name) -> Any:
            return gn.TableModel(epochs=1).fit(**{"data": PEOPLE, "y": ANSWERS, "verbose": False, name: v})

        yield Door(f"TableModel.fit: {name}", fit_a_table, no=number if name == "callbacks" else frozenset())
    answering = gn.TableModel(epochs=1)
    answering.fit(PEOPLE, ANSWERS, verbose=False)
    yield Door("TableModel.predict: data", answering.predict, no=number)
    yield Door("TableModel.evaluate: y", lambda v: answering.evaluate(PEOPLE, v), no=number)
    yield Door("predict_many: method", lambda v: gn.predict_many([model], X, method=v), no=frozenset(SETTINGS))
    yield Door(
        "predict_many: workers",
        lambda v: gn.predict_many([model], X, workers=few(v)),
        no=positive - {"None", "10**400"},
    )
    yield Door("Each: values", lambda v: repr(gn.Each(v)), no=number)
    data_set = gn.data.digits()
    yield Door("data.split: test_share", lambda v: len(gn.data.split(data_set, v)[0]), no=number)
    yield Door("data.pad: steps", lambda v: gn.data.pad([[1], [1, 2]], v), no=whole - {"None"})
    yield Door("data.split: seed", lambda v: len(gn.data.split(data_set, 0.2, v)[0]), no=whole)
    yield Door("data.parse_subset: text", gn.data.parse_subset, no=frozenset(SETTINGS))
    yield Door("data.open_source: subset", lambda v: gn.data.open_source("digits", subset=v), no=number)
    yield Door("data.open_source: target", lambda v: gn.data.open_source("digits", target=v), no=number)
    lookups = {"losses": gn.losses.as_loss, "metrics": gn.metrics.as_metrics, "optimizers": gn.optimizers.as_optimizer}
    for room, lookup in lookups.items():
        name = f"{room}.{lookup.__name__}"
        yield Door(f"{name}: given", lambda v, lookup=lookup: repr(lookup(v)), no=number - {"np.ma.masked"})


ALL_SETTINGS = [*of_constructors(), *of_settings()]


@pytest.mark.parametrize("door", ALL_SETTINGS, ids=[door.name for door in ALL_SETTINGS])
def test_odd_settings(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick = door.name.partition(":")[0] in {name for name, _ in constructors()}
    chosen = some(door.name, list(SETTINGS), (), 1 if quick else 8)
    for name in SETTINGS:
        if name in chosen:
            given_a_setting(door, name, SETTINGS[name])


def given_a_setting(door: Door, name: str, value: Any) -> None:
    try:
        door.call(value)
    except (gn.GlassnetError, NotImplementedError):  # the latter of bases, which do nothing by themselves
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is
        pytest.fail(f"{door.name} given {name}: {type(error).__name__}: {error}")
    else:
        assert name not in door.no, f"{door.name} takes {name}"


# Paths


@cache
def searched() -> gn.Tuning:
    return gn.tune("tables", X, LABELS, trials=1, epochs=1, space={"units": 2}, **QUIET)


def writers() -> Iterator[tuple[str, Callable[[Any], Any], str]]:
    model = known()
    watch = gn.Watch(every=1)
    history = new().fit(X, LABELS, callbacks=[watch], **QUIET)
    plots = gn.plots
    yield "Model.save", model.save, "safetensors"
    yield "Model.export_onnx", model.export_onnx, "onnx"
    yield "Ensemble.save", together().save, "safetensors"
    yield "interop.export_onnx", lambda path: gn.interop.export_onnx(model, path), "onnx"
    yield "interop.export_c", lambda path: gn.interop.export_c(model, path), "c"
    yield "report", lambda path: gn.report(model, X, LABELS, path), "html"
    yield "tune: storage", lambda path: search(storage=path), "study"
    yield "Tuning.report", searched().report, "html"
    yield "Trace.to_html", gn.trace(model, X, LABELS).to_html, "html"
    yield "Checkpoint", lambda path: new().fit(X, LABELS, callbacks=[gn.Checkpoint(path)], **QUIET), "safetensors"
    yield "History.plot", lambda path: shown_and_closed(history.plot(path)), "png"
    yield "Watch.plot", lambda path: shown_and_closed(watch.plot(path)), "png"
    yield "plots.network_diagram", lambda path: plots.network_diagram(model, path), "svg"
    for name in ("plot_distributions", "plot_gradient_flow", "plot_update_ratios", "plot_watch"):
        draw = getattr(plots, name)
        yield f"plots.{name}", lambda path, draw=draw: shown_and_closed(draw(watch, path=path)), "png"


def readers() -> Iterator[tuple[str, Callable[[Any], Any], str]]:
    data = gn.data
    yield "load", gn.load, "safetensors"
    yield "load_state", lambda path: gn.load_state(known().network, path), "safetensors"
    yield "from_onnx", gn.from_onnx, "onnx"
    yield "data.open_source", data.open_source, "csv"
    yield "data.read_table", data.read_table, "xlsx"
    endings = {"read_npz": "npz", "read_csv": "csv"}
    for name in (
        "read_cifar10",
        "read_cifar100",
        "read_csv",
        "read_idx",
        "read_image_folder",
        "read_npz",
        "read_table",
        "read_texts",
    ):
        yield f"data.{name}", getattr(data, name), endings.get(name, "csv")
    yield "report: model_file", lambda path: gn.report(known(), X, LABELS, "page.html", model_file=path), "safetensors"


def test_odd_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()
    for (name, use, ending), reads in [(one, False) for one in writers()] + [(one, True) for one in readers()]:
        is_slow = name.startswith(("plots", "report", "Tuning", "History", "Watch"))
        chosen = some(name, list(paths(ending)), ("bytes", "a number") * (not is_slow), 10 if is_slow else 3)
        for form, path in paths(ending).items():
            if form not in chosen:
                continue
            folder = tmp_path / str(next(numbers))
            (folder / "folder").mkdir(parents=True)
            (folder / "file").write_text("a,b\n1,2\n", encoding="utf-8")
            (folder / f"loop.{ending}").symlink_to(f"loop.{ending}")
            monkeypatch.chdir(folder)
            before = {own.name for own in folder.iterdir()}
            try:
                use(path)
            except gn.GlassnetError:
                left = {own.name for own in folder.iterdir()} - before
                assert left <= {"page.html"}, (name, form, left)
            except Exception as error:  # noqa: BLE001 - whatever it is
                pytest.fail(f"{name} given {form}: {type(error).__name__}: {error}")
            else:
                assert isinstance(path, str | Path), (name, form)
                assert reads or len(list(folder.iterdir())) > len(before), (name, form)
            monkeypatch.chdir(tmp_path)
            shutil.rmtree(folder)


# Drawn


DTYPES = arrays.scalar_dtypes() | st.just(np.dtype(object)) | st.just(np.dtype("longdouble"))
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6) | st.just((4, 5))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def odd_arrays(draw: st.DrawFn) -> Any:
    dtype = draw(DTYPES)
    elements = ANYTHING if dtype.kind == "O" else None
    return draw(arrays.arrays(dtype, draw(SHAPES), elements=elements, fill=st.nothing()))


@given(value=odd_arrays() | ANYTHING)
@QUICK
def test_drawn_arrays(value: Any) -> None:
    found = []
    for engine in ENGINES:
        try:
            found.append(known(engine).predict(value))
        except gn.GlassnetError:
            found.append(None)
    kinds = {type(one) for one in found}
    assert len(kinds) == 1  # both engines alike
    if found[0] is not None:
        plain = np.asarray(value).astype(np.float64)
        assert plain.shape[1:] == (5,)
        assert np.isfinite(found[0]).all()
        assert seen(found[0]) == seen(known(ENGINES[0]).predict(plain))


FITTED = [door for door in of_models(ENGINES[0]) if door.name.startswith(("Model.fit", "Model.evaluate"))]


@given(value=odd_arrays() | ANYTHING, door=st.sampled_from(FITTED))
@QUICK
def test_drawn_data(value: Any, door: Door) -> None:
    with suppress(gn.GlassnetError):
        door.call(value)


@given(value=ANYTHING, door=st.sampled_from(ALL_SETTINGS[: len(list(of_constructors()))]))
@settings(parent=QUICK, max_examples=EXAMPLES * 4)
def test_drawn_settings(value: Any, door: Door) -> None:
    given_a_setting(door, "", value)


# Nothing is left out


NOT_DRIVEN = {
    **dict.fromkeys(
        ("CheckpointWarning", "ConfigurationError", "DataError", "DataWarning", "DistributedError",
         "DivergenceError", "FileFormatError",
         "GlassnetError", "MissingExtraError", "MissingFileError", "NotBuiltError", "NumpyFallbackWarning",
         "ShapeError", "TrainingWarning", "WriteError"),
        "raised, not called",
    ),
    **dict.fromkeys(("Explanation", "GradientReport", "Trace", "History", "Gradients", "Tuning"),
                    "made by others, and given nothing"),
    **dict.fromkeys(("Layer", "Network", "Callback", "NumpyLayer", "NumpyLoss", "Runner"), "bases without settings"),
    **dict.fromkeys(("kernels", "layers"), "kernels trust what layers hand them; layers are driven as classes"),
    "NumpyRunner": "takes nothing",
    "from_torch": "needs PyTorch: tests/interop/test_torch.py",
    "to_torch": "needs PyTorch: tests/interop/test_torch.py",
    "__version__": "a text",
    "estimators": "held to scikit-learn's own checks: tests/estimators/test_scikit_learns_own.py",
}  # fmt: skip
NOT_DRIVEN_INSIDE = {
    "data.Dataset": "made by readers",
    "data.Blocks": "made by data.blocks",
    "data.Padded": "tests/test_ragged_rows.py",
    **dict.fromkeys(("data.Windows", "data.ForecastErrors"), "made by others"),
    "data.PictureOptions": "tests/data/test_images.py",
    "data.digits": "takes nothing",
    "data.lanes": "tests/training/test_stateful.py",
    "data.test_rows": "what data.split calls",
    "data.read_image_folder": "below, by its path",
    "interop.OnnxReport": "made by others",
    "tuning.Tried": "made by others",
    **dict.fromkeys(
        ("initializers.as_initializer", "initializers.init_setting", "initializers.fans", "schedules.as_schedule",
         "schedules.rate_of", "schedules.require_repeatable"),
        "what layers and optimizers call with their settings, which are driven",
    ),
    "losses.targets_by_loss": "called by models with what they were given",
    **dict.fromkeys(
        ("plots.plot_decision_boundary", "plots.plot_feature_maps", "plots.plot_filters", "plots.plot_mistakes",
         "plots.plot_roc", "plots.plot_precision_recall",
         "plots.plot_learning_rate_range", "plots.plot_attention", "plots.plot_gates",
         "plots.plot_gradient_by_step", "plots.plot_forecast"),
        "their doors are those of the plots above: tests/plots",
    ),
}  # fmt: skip


def test_no_public_name_is_left_out() -> None:
    driven = {door.name.partition(":")[0] for _, door in ALL_ARRAYS} | {d.name.partition(":")[0] for d in ALL_SETTINGS}
    driven |= {name.partition(":")[0] for name, *_ in (*writers(), *readers())}
    driven |= {name.partition(".")[0] for name in driven if not name.partition(".")[0].islower()}
    stub = ast.parse(Path(gn.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    names = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    without_settings = {name for name, cls in constructors() if not inspect.signature(cls).parameters}
    missing = []
    for name in names:
        public = getattr(gn, name)
        if not isinstance(public, ModuleType):
            missing += [name] if name not in {*driven, *NOT_DRIVEN, *without_settings} else []
            continue
        for inside in () if name in NOT_DRIVEN else getattr(public, "__all__", dir(public)):
            own, path = getattr(public, inside), f"{name}.{inside}"
            if not hasattr(public, "__all__") and getattr(own, "__module__", "") != public.__name__:
                continue  # what a file imports is nothing of its own
            is_known = {inside, path} & (driven | without_settings) or path in NOT_DRIVEN_INSIDE or hasattr(gn, inside)
            if callable(own) and not is_known and not inside.startswith("_"):
                missing.append(path)
    assert missing == []
    methods = {name for cls in (gn.Model, gn.Table, gn.Standardize) for name in vars(cls) if not name.startswith("_")}
    assert {"fit", "predict", "fingerprint"} <= {name.partition(".")[2] for name in driven} | methods
