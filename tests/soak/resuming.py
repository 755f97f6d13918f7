"""A random attack on resuming: trainings of all kinds are broken off anywhere, once or twice, and gone on with.

    python tests/soak/resuming.py [--seconds 60] [--seed 0]

Parameters, history, notes, fingerprint, records of a Watch and the file of the best model must be those of the
training that nobody has broken off. Exits with 1 where any of them is not.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np

import glassnet as gn


class Break(gn.Callback):
    """Breaks the training off after so many updates."""

    def __init__(self, at: int) -> None:
        self.every_steps = at

    def between_steps(self, state: gn.TrainingState) -> None:
        if state.step == self.every_steps:
            state.interrupt()

    on_epoch_end = between_steps


class Averaged(gn.Callback):
    """Ends with a running mean of the parameters, which it has to remember."""

    def __init__(self) -> None:
        self.mean: Any = None

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        now = state.network.parameters.copy()
        self.mean = now if self.mean is None else 0.5 * self.mean + 0.5 * now

    def on_fit_end(self, state: gn.TrainingState) -> None:
        if self.mean is not None:
            state.network.put_back(self.mean.astype(state.network.dtype))

    def to_remember(self) -> dict[str, Any]:
        return {} if self.mean is None else {"mean": self.mean}

    def remember(self, memory: Any, state: gn.TrainingState) -> None:
        self.mean = memory["mean"]


class OtherRate(gn.Callback):
    """Changes the optimizer in the middle of a training."""

    def on_epoch_end(self, state: gn.TrainingState) -> None:
        if state.epoch == 2:
            state.optimizer.learning_rate = 0.005  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Case:
    """A training, drawn."""

    images: bool
    engine: str
    dtype: str
    seed: int
    rows: int
    batch_size: int | None
    epochs: int
    shuffle: bool
    rule: int
    callbacks: tuple[int, ...]
    metrics: bool
    validation: str | float
    weighted: bool
    batch_norm: bool
    dropout: bool
    loss: str
    residual: bool
    standardized: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Case:
        def one(*choices: Any) -> Any:
            return choices[rng.integers(len(choices))]

        def chance(share: float) -> bool:
            return bool(rng.random() < share)

        return cls(
            images=chance(0.3),
            engine=one("compiled", "numpy"),
            dtype=one("float32", "float64"),
            seed=int(rng.integers(9)),
            rows=int(rng.integers(17, 70)),
            batch_size=one(2, 5, 8, 16, None),
            epochs=int(rng.integers(1, 6)),
            shuffle=chance(0.8),
            rule=int(rng.integers(8)),
            callbacks=tuple(number for number in range(7) if chance(0.3)),
            metrics=chance(0.5),
            validation=one(0.0, 0.2, "data"),
            weighted=chance(0.3),
            batch_norm=chance(0.4),
            dropout=chance(0.5),
            loss=one("cross_entropy", "mean_squared_error", "huber", "sum_squared_error"),
            residual=chance(0.3),
            standardized=chance(0.3),
        )

    def model(self) -> gn.Model:
        """New, and not built."""
        layers: list[Any]
        if self.images:
            norm: Any = gn.BatchNorm() if self.batch_norm else gn.GroupNorm(1)
            augment = gn.Augment(shift=1, flip=True, rotation=5, cutout=2)
            layers = [augment, gn.Conv2D(3, 3), norm, gn.ReLU(), gn.MaxPool2D(2), gn.Flatten()]
        else:
            layers = [gn.Dense(7), gn.BatchNorm() if self.batch_norm else gn.RMSNorm(), gn.GELU()]
        layers += [gn.Dropout(0.3)] if self.dropout else []
        layers += [gn.Dense(6), gn.Residual(gn.Dense(6), gn.Tanh())] if self.residual else []
        net = gn.Sequential(*layers, gn.Dense(3 if self.is_of_classes else 1))
        metrics = (["accuracy"] if self.is_of_classes else ["r2"]) if self.metrics else []
        model = gn.Model(
            net, self.loss, self._optimizer(), metrics, seed=self.seed, dtype=self.dtype, engine=self.engine
        )
        if self.standardized:
            model.preprocessing = gn.Standardize.from_data(self.data()[0])
        return model

    @property
    def is_of_classes(self) -> bool:
        return self.loss == "cross_entropy"

    def _optimizer(self) -> Any:
        rates = gn.schedules
        decay = rates.LinearWarmup(rates.ExponentialDecay(0.02, every=5, factor=0.9), steps=5)
        return (
            gn.Adam(rates.OneCycle(0.02, steps=30)),
            gn.SGD(rates.CosineDecay(0.05, steps=40), momentum=0.9, nesterov=True),
            gn.AdaGrad(0.05),
            gn.RMSProp(rates.StepDecay(0.01, every=7, factor=0.5)),
            gn.NAdam(0.01),
            gn.Lion(0.003),
            [gn.ClipByNorm(1.0), gn.L2(1e-3), gn.AdamW(decay), gn.MaxNorm(2.0)],
            [gn.L1(1e-4), gn.Adam(0.01)],
        )[self.rule]

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        x = rng.normal(size=(self.rows, 1, 8, 8) if self.images else (self.rows, 5))
        return x, rng.integers(0, 3, self.rows) if self.is_of_classes else rng.normal(size=(self.rows, 1))

    def fit(self, model: gn.Model, best: Path, extra: Sequence[gn.Callback] = (), **own: Any) -> list[gn.Callback]:
        """Trains, and returns the callbacks of the case."""
        x, y = self.data()
        monitor = "val_loss" if self.validation else "loss"
        makers: tuple[Any, ...] = (
            lambda: gn.EarlyStopping(monitor, patience=2),
            lambda: gn.ReduceOnPlateau(monitor, patience=1, factor=0.5),
            lambda: gn.Watch(every=3),
            Averaged,
            OtherRate,
            lambda: gn.EarlyStopping("loss", patience=1, min_delta=0.1, restore_best=False),
            lambda: gn.Checkpoint(best, only_best=True, monitor=monitor),
        )
        callbacks: list[gn.Callback] = [makers[number]() for number in self.callbacks]
        settings: dict[str, Any] = {"batch_size": self.batch_size, "shuffle": self.shuffle, "epochs": self.epochs}
        if self.validation == "data":
            settings["validation_data"] = x[:9], y[:9]
        elif self.validation:
            settings["validation_split"] = self.validation
        if self.weighted:
            settings["sample_weight"] = np.linspace(0.1, 2, self.rows)
        model.fit(x, y, callbacks=[*callbacks, *extra], verbose=False, **settings, **own)
        return callbacks


def result_of(model: gn.Model, callbacks: list[gn.Callback], best: Path) -> dict[str, Any]:
    """All that must be the same, by name."""
    fit = model.latest_fit
    assert fit is not None
    return {
        "parameters": model.network.parameters.tobytes(),
        "fingerprint": model.fingerprint(),
        "epochs": (model.epochs_trained, str(fit)),
        "history": (fit.history.epochs, repr(fit.history.metrics), fit.history.stopped, fit.history.notes),
        "records": [repr(callback.records) for callback in callbacks if isinstance(callback, gn.Watch)],
        "best": gn.load(best).network.parameters.tobytes() if best.exists() else b"",
    }


def differing(case: Case, rng: np.random.Generator, folder: Path) -> list[str] | None:
    """What a broken training has not in common with the unbroken one; None where that diverges."""
    best, path = folder / "best.safetensors", folder / "m.safetensors"
    best.unlink(missing_ok=True)
    unbroken = case.model()
    try:
        callbacks = case.fit(unbroken, best)
    except gn.DivergenceError:
        return None
    expected = result_of(unbroken, callbacks, best)
    best.unlink(missing_ok=True)
    steps = unbroken.optimizer.steps
    first = int(rng.integers(1, steps + 1))
    second = int(rng.integers(first, steps + 1))
    model = case.model()
    case.fit(model, best, [Break(first)])
    model.save(path)
    model = case.model() if rng.random() < 0.5 else gn.load(path)
    resume: Any = True if model.latest_fit is not None else path
    if rng.random() < 0.5 and second > first:
        case.fit(model, best, [Break(second)], resume=resume)
        model.save(path)
        model, resume = case.model(), path
    callbacks = case.fit(model, best, resume=resume)
    found = result_of(model, callbacks, best)
    return [name for name in expected if found[name] != expected[name]]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, until = np.random.default_rng(options.seed), monotonic() + options.seconds
    failed = tried = 0
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # NumPy's own words are for nobody
        while monotonic() < until:
            case = Case.drawn(rng)
            found = differing(case, rng, Path(folder))
            tried += found is not None
            if found:
                failed += 1
                print(f"{', '.join(found)} of {case}", flush=True)
    print(f"{tried:,} trainings broken off, {failed:,} of them ended otherwise")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
