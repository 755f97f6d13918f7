"""Numbers that run over in an optimizer's memory, while loss and weights stay finite: that is divergence, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.stepping import LOOK_EVERY

ENGINES = ["compiled", "numpy"]
RULES: dict[str, Callable[[], Any]] = {
    "adam": lambda: gn.Adam(1e-4),
    "adamw": lambda: gn.AdamW(1e-4),
    "nadam": lambda: gn.NAdam(1e-4),
    "rmsprop": lambda: gn.RMSProp(1e-4),
    "adagrad": lambda: gn.AdaGrad(1e-4),
    "chain": lambda: [gn.L2(1e-4), gn.Adam(1e-4)],
}


def rows(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A column of moments in nanoseconds since 1970 beside one of small numbers."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=count), 1.7e18 + 1e17 * rng.random(count)])
    return x, rng.normal(size=(count, 1))


def frozen_by_infinity(rule: Callable[[], Any], engine: str) -> gn.Model:
    """A network whose second input has a weight that is 0, and gradients whose squares are infinite in float32."""
    net = gn.Sequential(gn.Dense(1))
    model = gn.Model(net, "mean_squared_error", rule(), engine=engine)
    net.build((2,))
    net[0].weight[...] = 0
    return model


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", RULES)
def test_a_memory_that_runs_over_is_divergence_and_no_checkpoint_is_lost(
    rule: str, engine: str, tmp_path: Path
) -> None:
    x, y = rows()
    path = tmp_path / "m.safetensors"
    model = frozen_by_infinity(RULES[rule], engine)
    model.fit(x * [1, 1e-20], y, epochs=2, callbacks=[gn.Checkpoint(path)], verbose=False)
    before, content = model.network.parameters.copy(), path.read_bytes()
    memory = {name: array.copy() for name, array in model.optimizer.state.items()}
    steps = model.optimizer.steps
    with pytest.raises(
        gn.DivergenceError, match=r"epoch 3, step 1: .*optimizer's '\w+' for 0\.weight.*epoch 2 are kept"
    ):
        model.fit(x, y, epochs=3, callbacks=[gn.Checkpoint(path)], verbose=False, batch_size=24)
    assert model.epochs_trained == 2
    assert model.optimizer.steps == steps
    np.testing.assert_array_equal(model.network.parameters, before)
    for name, array in memory.items():
        np.testing.assert_array_equal(model.optimizer.state[name], array)
    assert path.read_bytes() == content
    model.save(path)
    gn.load(path).fit(x * [1, 1e-20], y, verbose=False)


class Creeping(gn.NumpyOptimizer):
    """Remembers a number that doubles with each update, and trains by none of it."""

    slots = ("sum",)

    def rule(self, parameters: np.ndarray, gradients: np.ndarray, learning_rate: float) -> np.ndarray:
        self.state["sum"] *= 2
        self.state["sum"] += 1
        return parameters - learning_rate * gradients


@pytest.mark.parametrize("engine", ENGINES)
def test_the_epoch_is_found_whatever_an_engine_does_at_once(engine: str) -> None:
    """A rule of the user's; 2^n is infinite in float32 from n = 128 on: with one update an epoch in epoch 128."""
    x, y = rows()
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", Creeping(1e-3), engine=engine)
    watch = gn.Watch(every=1)
    with pytest.raises(gn.DivergenceError, match=r"epoch 128, step 1: .*'sum' for 0\.weight.*weights of epoch 127"):
        model.fit(x * [1, 1e-20], y, epochs=400, batch_size=24, callbacks=[watch], verbose=False)
    assert model.epochs_trained == model.optimizer.steps == 127
    assert np.isfinite(model.optimizer.state["sum"]).all()
    assert [record.step for record in watch.records] == list(range(128))


def test_many_epochs_at_once_stop_at_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """AdaGrad adds 4·10³⁶ with each update; the compiled engine does hundreds of epochs of one update at once."""
    asked: list[tuple[int, int]] = []
    run = CompiledEngine.run

    def noted(self: CompiledEngine, task: Any, epoch: int, count: int, *begun: Any) -> Any:
        result = run(self, task, epoch, count, *begun)
        asked.append((epoch, len(result.losses)))
        return result

    monkeypatch.setattr(CompiledEngine, "run", noted)
    x = np.array([[-1.0], [1.0]] * 12)

    def trained(engine: str, callbacks: Any = ()) -> tuple[gn.Model, str]:
        model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", gn.AdaGrad(1e-4), engine=engine)
        with pytest.raises(gn.DivergenceError) as caught:
            model.fit(x, 1e18 * x, epochs=5000, batch_size=24, callbacks=callbacks, verbose=False)
        return model, str(caught.value)

    watches = [gn.Watch(every=5) for _ in range(3)]
    at_once, said = trained("compiled", [watches[0]])
    assert asked[0][1] == 1  # the first of those that were done again
    assert len(asked) == at_once.epochs_trained + 2
    singly, said_singly = trained("compiled", [gn.Callback(), watches[1]])
    by_numpy, said_by_numpy = trained("numpy", [watches[2]])
    assert said == said_singly == said_by_numpy
    assert 80 < at_once.epochs_trained == singly.epochs_trained == by_numpy.epochs_trained < 90
    np.testing.assert_array_equal(at_once.network.parameters, singly.network.parameters)
    np.testing.assert_array_equal(at_once.optimizer.state["square_sum"], singly.optimizer.state["square_sum"])
    steps = [[record.step for record in watch.records] for watch in watches]
    assert steps[0] == steps[1] == steps[2] == list(range(0, at_once.epochs_trained + 1, 5))


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_of_ones_own_look_now_and_then(engine: str) -> None:
    x, y = rows()
    model = frozen_by_infinity(RULES["adam"], engine)
    for _ in range(LOOK_EVERY - 1):
        model.step(x, y)
    with pytest.raises(gn.DivergenceError, match=rf"update {LOOK_EVERY}, or one of the {LOOK_EVERY} before.*'v' for 0"):
        model.step(x, y)
    assert model.optimizer.steps == LOOK_EVERY
    with pytest.raises(gn.DivergenceError, match=r"fit: .*from before.*optimizer\.reset"):
        model.fit(x * [1, 1e-20], y, verbose=False)
    model.optimizer.reset()
    model.fit(x * [1, 1e-20], y, verbose=False)


@pytest.mark.parametrize("engine", ENGINES)
def test_large_numbers_that_are_finite_are_no_divergence(engine: str) -> None:
    """Their sum is infinite in float32, and they are not."""
    x, y = rows()
    model = frozen_by_infinity(RULES["adagrad"], engine)
    model.optimizer.prepare(model.network.parameters)
    model.optimizer.state["square_sum"][...] = 3e38
    model.fit(x * [1, 1e-20], y, epochs=3, verbose=False)
    assert np.isfinite(model.optimizer.state["square_sum"]).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", [*RULES, "sgd"])
def test_a_save_in_the_middle_of_an_epoch_finds_divergence(rule: str, engine: str, tmp_path: Path) -> None:
    x, y = rows()
    path = tmp_path / "m.safetensors"
    model = frozen_by_infinity((RULES | {"sgd": lambda: gn.SGD(1e25)})[rule], engine)
    before = model.network.parameters.copy()
    checkpoint = gn.Checkpoint(path, every_steps=1)
    with pytest.raises(gn.DivergenceError, match="initial weights are kept"):
        model.fit(x, y, epochs=3, callbacks=[checkpoint], batch_size=4, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, before)
    assert model.optimizer.steps == model.epochs_trained == 0
    model.save(path)
