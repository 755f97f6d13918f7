"""Functions that want a model, a network or a watch, and get something else: each says what it wants."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
OBJECT = re.compile(r"\b(Model|Network|Layer|Watch|RateTest|Dataset|Trainable|Comparable|Differentiable)\b")


def of_objects() -> dict[str, Callable[..., Any]]:
    """Every public function whose first parameter is an object of glassnet's."""
    found = {}
    for room in (gn, gn.data, gn.interop, gn.plots):
        for name in room.__all__:
            function = getattr(room, name)
            parameters = list(inspect.signature(function).parameters.values()) if inspect.isfunction(function) else []
            if parameters and OBJECT.search(str(parameters[0].annotation)):
                found[name] = function
    return found


FUNCTIONS = of_objects()


def fitted() -> gn.Model:
    net = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(2))
    model = gn.Model(net, "cross_entropy", "adam")
    model.fit(X, Y, verbose=False)
    return model


MODEL = fitted()
OTHERS: dict[str, Any] = {
    "a path": "m.safetensors",
    "a Path": Path("m.safetensors"),
    "a number": 3,
    "nothing": None,
    "rows": X,
    "a class": gn.Model,
    "a function": lambda seed: MODEL,
    "an estimator": gn.estimators.MLPClassifier(),
    "an optimizer": MODEL.optimizer,
    "a loss": MODEL.loss,
    "an object": object(),
    "a dict": {"model": 3},
}


def test_there_are_many() -> None:
    assert len(FUNCTIONS) > 25
    assert {"trace", "diagnose", "load_state", "plot_gates", "plot_watch", "split"} <= {*FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_refuses_what_it_does_not_want(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    function = FUNCTIONS[name]
    _, *more = inspect.signature(function).parameters.values()
    rest = [p.name for p in more if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    values = {"x": X, "y": Y, "path": "m.safetensors"}
    for form, other in OTHERS.items():
        if name == "permutation_importance" and form == "an estimator":
            continue  # it predicts, and that is enough
        with pytest.raises(gn.GlassnetError) as caught:
            function(other, **{p: values.get(p, X) for p in rest})
        assert "To fix it:" in str(caught.value), (name, form)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gn.trace("m.safetensors", X, Y), r"trace: received model='m\.safetensors' \(a str\).*gn\.load"),
        (lambda: gn.diagnose(MODEL.network, X, Y), r"diagnose: received model=Seq.*an object of gn\.Model\. "),
        (lambda: gn.load_state(MODEL, "m.safetensors"), r"load_state: .*an object of gn\.Network.*pass \.network"),  # type: ignore[arg-type]
        (lambda: gn.plots.plot_watch(MODEL), r"expected an object of gn\.Watch"),  # type: ignore[arg-type]
        (lambda: gn.data.split(X), r"split: .*expected an object of Dataset"),  # type: ignore[arg-type]
        (lambda: gn.Ensemble(MODEL.network), "expected a function that makes a new model"),  # type: ignore[arg-type]
        (lambda: gn.Ensemble(MODEL.loss), "expected a function that makes a new model"),  # type: ignore[arg-type]
    ],
)
def test_it_is_said_what_is_wanted(
    call: Callable[[], Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    MODEL.save("m.safetensors")
    with pytest.raises(gn.ConfigurationError, match=words) as caught:
        call()
    assert len(str(caught.value)) < 400


def test_errors_of_a_users_own_code_stay_what_they_are() -> None:
    class Broken(gn.Callback):
        def on_epoch_end(self, state: Any) -> None:
            raise AttributeError("of the user's")

    with pytest.raises(AttributeError, match="^of the user's$"):
        MODEL.fit(X, Y, callbacks=[Broken()], verbose=False)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        gn.trace(MODEL, X)  # type: ignore[call-arg]
