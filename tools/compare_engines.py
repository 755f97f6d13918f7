"""Trains random networks by NumPy and compiled, in float64, and says where the two differ.

    python tools/compare_engines.py 1000             # so many networks
    python tools/compare_engines.py --only 573       # one of them

Sums are added up in different orders, so that the last digits differ. A network may make much of the last digits: a
gradient that is 0 but for rounding decides the first step of AdaGrad and Adam; a value at a kink takes one side or the
other; 1 − tanh² of a large number is a rounding error. So where the engines differ by more than ``LIMIT``, NumPy trains
some times more, and each kernel rounds another way and changes the last digit of its results, at random. What comes of
that explains the difference, or it is a fault of an engine.

Ends with exit code 1 where there is a difference that rounding does not explain. Each case depends on the seed and its
number alone.
"""

from __future__ import annotations

import argparse
import ctypes
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.kernels import info
from glassnet.runners import NumpyRunner

LIMIT = 1e-10
"""Differences, for the largest number of an array, that need no explanation."""
LAST_DIGIT = 2.0**-52
ROUNDED_RUNS = 6
EXPLAINED = 20.0
"""By how much the engines may differ beyond what other last digits make of it."""

WAYS_OF_ROUNDING = {"x86_64": (0, 0x400, 0x800, 0xC00), "aarch64": (0, 0x400000, 0x800000, 0xC00000)}
"""What ``fesetround`` takes: to the nearest, and three others."""

Arrays = dict[str, np.ndarray]

ACTIVATIONS = (
    gn.ReLU, gn.LeakyReLU, gn.ReLU6, gn.ELU, gn.SELU, gn.GELU, gn.SiLU, gn.HardSwish, gn.Mish, gn.Sigmoid, gn.Tanh,
    gn.Softplus, gn.Softmax, gn.Clip, gn.Scale, gn.BatchNorm, gn.LayerNorm, gn.RMSNorm, gn.Identity,
)  # fmt: skip


def main() -> int:
    """Goes through the cases and prints those that differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=200, help="how many networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="number of the one case")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.count) if options.only is None else [options.only]
    faults = explained = 0
    for number in numbers:
        found = differences(options.seed, number)
        if found is None:
            continue
        is_fault, text = found
        faults, explained = faults + is_fault, explained + (not is_fault)
        print(f"case {number}: {'NOT EXPLAINED: ' if is_fault else ''}{text}", flush=True)
    print(f"{len(numbers)} networks: {explained} differences that rounding explains, {faults} that it does not")
    return 1 if faults else 0


def differences(seed: int, number: int) -> tuple[bool, str] | None:
    """Whether a case differs in a way that rounding does not explain, and how; None where it hardly differs."""
    one, other = (trained(seed, number, engine) for engine in ("numpy", "compiled"))
    found = {name: distance(one.get(name), other.get(name)) for name in one | other}
    name = max(found, key=lambda name: found[name])
    if found[name] <= LIMIT:
        return None
    text = f"{name} by {found[name]:.1e} in {case(seed, number)['model']!r}"
    responses = []
    for run in range(ROUNDED_RUNS):
        with rounding_otherwise(run):
            responses.append(trained(seed, number, "numpy"))
    response = {n: max(distance(one.get(n), run.get(n)) for run in responses) for n in one | other}
    unexplained = [n for n in found if found[n] > LIMIT and found[n] > EXPLAINED * response[n]]
    if not unexplained:
        return False, f"{text}; other last digits: {response[name]:.1e}"
    shown = ", ".join(f"{n} by {found[n]:.1e} (other last digits: {response[n]:.1e})" for n in unexplained)
    return True, f"{text}: {shown}"


def distance(one: np.ndarray | None, other: np.ndarray | None) -> float:
    """The largest difference, for the largest number; infinite where it cannot be told."""
    if one is None or other is None or one.shape != other.shape:
        return np.inf
    if not one.size:
        return 0.0
    is_same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(is_same, 0.0, np.abs(one - other))
    return float(np.nan_to_num(apart, nan=np.inf).max() / max(1.0, np.abs(one[np.isfinite(one)]).max(initial=0.0)))


@contextmanager
def rounding_otherwise(seed: int) -> Iterator[None]:
    """Lets the NumPy engine round up, down or to zero within kernels, and err in the last digit of what they write."""
    rng, usual = np.random.default_rng(seed), NumpyRunner.__call__
    set_rounding = ctypes.CDLL(None).fesetround
    ways = WAYS_OF_ROUNDING.get(platform.machine(), (0,))

    def call(self: NumpyRunner, caller: Any, kernel: Any, **arguments: Any) -> None:
        set_rounding(ways[rng.integers(len(ways))])
        try:
            usual(self, caller, kernel, **arguments)
        finally:
            set_rounding(ways[0])
        for name in info(kernel).writes:
            array = arguments[name]
            if isinstance(array, np.ndarray) and array.dtype == np.float64:
                array *= 1 + LAST_DIGIT * rng.choice([-1, 0, 1], array.shape)

    NumpyRunner.__call__ = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        NumpyRunner.__call__ = usual  # type: ignore[method-assign]


def trained(seed: int, number: int, engine: str) -> Arrays:
    """What a training leaves behind."""
    drawn = case(seed, number)
    model, x, y = drawn["model"], drawn["x"], drawn["y"]
    model.engine = engine
    found: Arrays = {}
    try:
        history = model.fit(x, y, verbose=False, **drawn["fit"])
    except gn.GlassnetError as error:
        found[f"{type(error).__name__} {error.where}"] = np.zeros(1)
        return found
    found |= {f"history {name}": np.array(values) for name, values in history.metrics.items()}
    found["parameters"] = model.network.parameters.copy()
    found |= {f"optimizer {name}": array.copy() for name, array in model.optimizer.state.items()}
    found["step"] = np.array([model.step(x[:7], y[:7])])
    found["predictions"], found["one row"] = model.predict(x), model.predict(x[:1])
    found |= {f"evaluate {name}": np.array([value]) for name, value in model.evaluate(x, y).items()}
    return found


def case(seed: int, number: int) -> dict[str, Any]:
    """A model, its data and how it is trained."""
    rng = np.random.default_rng([seed, number])
    while True:
        outputs = int(rng.integers(1, 5))
        try:
            shape, layers = network(rng)
            last = [] if len(shape) == 1 else [[gn.Flatten, gn.GlobalAveragePool, gn.GlobalMaxPool][rng.integers(3)]()]
            net = gn.Sequential(*layers, *last, gn.Dense(outputs))
            net.copy().build(shape, seed=0)
        except gn.GlassnetError:  # what does not fit together
            continue
        break
    rows = int(rng.integers(4, 70))
    x = rng.normal(size=(rows, *shape)) * 10.0 ** rng.uniform(-3, 2)
    if rng.random() < 0.15:
        x = np.round(x)  # ties
    if rng.random() < 0.1:
        x[:, 0] = 0.0  # columns that say nothing
    loss, y = loss_of(rng, rows, outputs)
    model = gn.Model(net, loss, optimizer_of(rng), seed=int(rng.integers(99)), dtype="float64", metrics=())
    fit = {"epochs": int(rng.integers(1, 5)), "batch_size": int(rng.integers(1, 40)), "shuffle": bool(rng.integers(2))}
    if rng.random() < 0.2:
        fit["sample_weight"] = rng.integers(0, 4, rows) + 0.5
    return {"model": model, "x": x, "y": y, "fit": fit}


def network(rng: np.random.Generator) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of a row, and layers that probably take it."""
    kind = rng.integers(4)
    if kind < 2:
        return (int(rng.integers(1, 40)),), list(_layers(rng, int(rng.integers(0, 6)), _flat))
    if kind == 2:
        return (int(rng.integers(1, 5)), *map(int, rng.integers(3, 13, 2))), list(
            _layers(rng, int(rng.integers(1, 6)), _image)
        )
    return (int(rng.integers(1, 5)), int(rng.integers(3, 20))), list(_layers(rng, int(rng.integers(1, 5)), _sequence))


def _layers(rng: np.random.Generator, count: int, draw: Any) -> Iterator[Any]:
    for _ in range(count):
        chance = rng.random()
        if chance < 0.08 and count > 1:
            yield gn.Residual(*_layers(rng, 1 + int(rng.integers(2)), draw))
        elif chance < 0.14 and count > 1:
            yield gn.Concat(*_layers(rng, 2, draw))
        elif chance < 0.6:
            yield _activation(rng)
        else:
            yield draw(rng)


def _activation(rng: np.random.Generator) -> Any:
    if rng.random() < 0.1:
        return gn.Dropout(float(rng.uniform(0, 0.6)))
    return ACTIVATIONS[rng.integers(len(ACTIVATIONS))]()


def _flat(rng: np.random.Generator) -> Any:
    return gn.Dense(int(rng.integers(1, 60)), use_bias=bool(rng.random() < 0.8))


def _image(rng: np.random.Generator) -> Any:
    size, stride = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    padding = ["valid", "same", 1][rng.integers(3)]
    filters = int(rng.integers(1, 20))
    kinds = (
        lambda: gn.Conv2D(filters, size, stride=stride, padding=padding),
        lambda: gn.Conv2D(filters, 3, padding="same"),
        lambda: gn.Conv2D(filters, size, dilation=int(rng.integers(1, 3))),
        lambda: gn.Conv2D(2 * filters, size, groups=int(rng.integers(1, 3))),
        lambda: gn.ConvTranspose2D(filters, size, stride=stride),
        lambda: gn.MaxPool2D(int(rng.integers(1, 4)), stride=stride, padding=padding),
        lambda: gn.AveragePool2D(int(rng.integers(1, 4)), stride=stride, padding=padding),
        lambda: gn.UpSample2D(2),
        lambda: gn.ZeroPad2D(1),
        lambda: gn.GroupNorm(int(rng.integers(1, 4))),
    )
    return kinds[rng.integers(len(kinds))]()


def _sequence(rng: np.random.Generator) -> Any:
    size, stride = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    padding = ["valid", "same", 1][rng.integers(3)]
    kinds = (
        lambda: gn.Conv1D(int(rng.integers(1, 20)), size, stride=stride, padding=padding),
        lambda: gn.Conv1D(int(rng.integers(1, 20)), size, dilation=int(rng.integers(1, 3))),
        lambda: gn.MaxPool1D(int(rng.integers(1, 4)), stride=stride, padding=padding),
        lambda: gn.AveragePool1D(int(rng.integers(1, 4)), stride=stride, padding=padding),
    )
    return kinds[rng.integers(len(kinds))]()


def loss_of(rng: np.random.Generator, rows: int, outputs: int) -> tuple[Any, np.ndarray]:
    """A loss, and targets for it."""
    reduction = "sum" if rng.random() < 0.2 else "mean"
    if outputs > 1 and rng.random() < 0.4:
        smoothing = float(rng.choice([0.0, 0.1]))
        return gn.losses.CrossEntropy(label_smoothing=smoothing, reduction=reduction), rng.integers(0, outputs, rows)
    numbers = rng.normal(size=(rows, outputs))
    kinds: tuple[tuple[Any, np.ndarray], ...] = (
        (gn.losses.MeanSquaredError(reduction), numbers),
        (gn.losses.SumSquaredError(), numbers),
        (gn.losses.MeanAbsoluteError(reduction), numbers),
        (gn.losses.Huber(0.7, reduction), numbers),
        (gn.losses.Quantile(0.3, reduction), numbers),
        (gn.losses.Poisson(reduction), np.round(np.abs(numbers) * 3)),
        (gn.losses.Gamma(reduction), np.abs(numbers) + 0.1),
        (gn.losses.BinaryCrossEntropy(reduction=reduction), (numbers > 0).astype(float)),
    )
    return kinds[rng.integers(len(kinds))]


def optimizer_of(rng: np.random.Generator) -> Any:
    """An optimizer, perhaps with steps before and after."""
    rate = float(10 ** rng.uniform(-4, -1))
    kinds = (
        lambda: gn.SGD(rate),
        lambda: gn.SGD(rate, momentum=0.9),
        lambda: gn.SGD(rate, momentum=0.9, nesterov=True),
        lambda: gn.Adam(rate),
        lambda: gn.AdamW(rate),
        lambda: gn.NAdam(rate),
        lambda: gn.RMSProp(rate),
        lambda: gn.AdaGrad(rate),
        lambda: gn.Lion(rate),
    )
    rule = kinds[rng.integers(len(kinds))]()
    steps = (
        lambda: gn.Chain(gn.L2(0.01), rule),
        lambda: gn.Chain(gn.L1(0.001), rule),
        lambda: gn.Chain(gn.ClipByNorm(0.5), rule),
        lambda: gn.Chain(gn.ClipByValue(0.1), rule),
        lambda: gn.Chain(gn.WeightDecay(0.01), rule),
        lambda: gn.Chain(rule, gn.MaxNorm(1.0)),
    )
    return steps[rng.integers(len(steps))]() if rng.random() < 0.3 else rule


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
