"""The cost of a deeper network, step by step, and why the learning rate decides whether anything is learned.

100 inputs, two hidden layers of 5 and 4 sigmoid units and one sigmoid output a learn from m = 200 examples whose
targets y are not yes or no but numbers between 0 and 1. The cost is the cross-entropy

    C = −(1/m) Σ (y log a + (1 − y) log(1 − a)),        ∂C/∂a = (1/m) ((1 − y)/(1 − a) − y/a)

and backward propagation carries it through each layer: δ = ∂C/∂a · a (1 − a), dW = xᵀ δ, db = Σ δ, dx = δ Wᵀ.
Inputs and targets are random, so there is little to find. The network finds the mean of y, one answer for all examples,
and stays there: through weights this small hardly anything of the error term arrives at the first layer.

The second lesson has one number and no network: gradient descent on x², x ← x − η 2x, started at 5. With η = 1 it
jumps to −5 and back for ever; with η = 0.1 every step keeps 0.8 of x.

Run it:  python examples/3_cost_curve.py
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import glassnet as gn
from glassnet.core.shapes import Array


class Result(NamedTuple):
    """What the script found."""

    costs: list[float]
    """The cost before each step, and at the end."""
    parameters: dict[str, Array]
    too_fast: list[float]
    """The path of x on x² with the learning rate 1."""
    converging: list[float]
    """Its path with the learning rate 0.1."""
    picture: Path


def main(steps: int = 10_000, seed: int = 1, output: str | Path = "output") -> Result:
    random = np.random.RandomState(seed)
    x = random.rand(100, 200).T  # drawn with an example in each column; here a row is an example, (200, 100)
    y = random.rand(1, 200).T
    net = gn.Sequential()
    for inputs, units in ((100, 5), (5, 4), (4, 1)):
        # Drawn (units, inputs) for columns, hence transposed for rows.
        net.add(gn.Dense(units, weight_init=0.01 * random.rand(units, inputs).T)).add(gn.Sigmoid())
    net.build(100, dtype="float64")
    print(net.summary(), "\n")

    cost_function = gn.losses.BinaryCrossEntropy(from_logits=False)
    optimizer = gn.SGD(0.1)
    run = gn.NumpyRunner()
    costs = []
    for step in range(steps):
        a, cache = net.forward(run, x, training=True)
        cost, da = cost_function(a, y)
        net.backward(run, da, cache)
        optimizer.step(net.parameters, net.gradients)
        costs.append(cost)
        if step == 0:
            for name, gradient in net.named_gradients():
                print(f"largest gradient of {name:<8} {abs(gradient).max():.1e}")
        if step % 1000 == 0:
            print(f"step {step:>6}: cost {cost:.6f}")
    a, _ = net.forward(run, x, training=False)
    costs.append(cost_function(a, y)[0])
    cost_of_mean, _ = cost_function(np.full_like(y, y.mean()), y)
    print(f"step {steps:>6}: cost {costs[-1]:.6f}; answering {y.mean():.4f}, the mean of y, costs {cost_of_mean:.6f}")

    too_fast, converging = descend(5.0, learning_rate=1.0, steps=20), descend(5.0, learning_rate=0.1, steps=20)
    print("\nGradient descent on x², started at 5:")
    print("learning rate 1:  ", " ".join(f"{value:6.2f}" for value in too_fast[:8]), "...")
    print("learning rate 0.1:", " ".join(f"{value:6.2f}" for value in converging[:8]), f"... {converging[-1]:.2f}")

    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "3_cost_curve.png"
    draw(costs, cost_of_mean, {"1": too_fast, "0.1": converging}, picture)
    print(f"\nThe curves are in {picture}.")
    return Result(costs, dict(net.named_parameters()), too_fast, converging, picture)


def descend(start: float, learning_rate: float, steps: int) -> list[float]:
    """The path of gradient descent on x²: the optimizer needs no network, only numbers and their gradients."""
    x = np.array([start])
    optimizer = gn.SGD(learning_rate)
    path = [start]
    for _ in range(steps):
        optimizer.step(x, 2 * x)
        path.append(float(x[0]))
    return path


def draw(costs: list[float], cost_of_mean: float, paths: dict[str, list[float]], picture: Path) -> None:
    figure = Figure(figsize=(11, 4), layout="constrained")
    cost_axes, path_axes = figure.subplots(1, 2)
    cost_axes.plot(range(1, len(costs) + 1), costs, color="#1f5fa8", label="100-5-4-1 network")
    cost_axes.axhline(cost_of_mean, color="#777777", linestyle="--", label="the mean of y for all examples")
    cost_axes.set(title="cross-entropy before each step", xlabel="step", ylabel="cost", xscale="log")
    for (rate, path), colour in zip(paths.items(), ("#c4442e", "#1f5fa8"), strict=True):
        path_axes.plot(path, color=colour, marker="o", markersize=4, label=f"learning rate {rate}")
    path_axes.set(title="gradient descent on x² from 5", xlabel="step", ylabel="x", xticks=range(0, 21, 5))
    path_axes.set_ylim(-6, 8)  # room for the legend above the curves
    for axes in (cost_axes, path_axes):
        axes.legend(frameon=False, loc="upper right")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The cost of a deeper network, step by step.")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of training (10000)")
    parser.add_argument("--seed", type=int, default=1, help="what data and weights are drawn with (1)")
    parser.add_argument("--output", default="output", help="the folder for the picture (output)")
    options = parser.parse_args()
    main(options.steps, options.seed, options.output)
