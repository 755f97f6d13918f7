"""Exclusive or with a third input that means nothing: what a hidden layer is good for.

Three inputs of 0 or 1; the answer is 1 when exactly one of the first two is 1. The third input is noise, and the
network has to find that out from seven examples. No single layer can: the answer is no weighted sum of the inputs.
With σ(z) = 1/(1 + e⁻ᶻ), whose slope is σ′ = σ (1 − σ), and all seven rows at once (N = 7)

    h = σ(x W1)                 (7, 3) (3, 4) -> (7, 4)     forward
    y = σ(h W2)                 (7, 4) (4, 1) -> (7, 1)
    L = ½ Σ (y − t)²                                        loss
    δ2 = (y − t) · y (1 − y)                                backward
    δ1 = (δ2 W2ᵀ) · h (1 − h)
    W2 ← W2 − η hᵀ δ2,  W1 ← W1 − η xᵀ δ1                   update, η = 1

Run it:  python examples/2_xor_with_noise.py
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]])
Y = np.array([[0], [1], [1], [1], [1], [0], [0]])
NEW_SITUATION = np.array([[1, 1, 0]])


class Result(NamedTuple):
    """What the script found."""

    first_weights: tuple[Array, Array]
    last_weights: tuple[Array, Array]
    losses: list[float]
    """The loss before each step."""
    hidden: Array
    """The hidden layer's answer to the new situation (1, 4)."""
    output: Array
    """The network's answer to it (1, 1)."""
    drawings: tuple[Path, Path]


def main(steps: int = 60_000, output: str | Path = "output") -> Result:
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = folder / "2_network_before.svg", folder / "2_network_after.svg"

    # The generator that most tutorials seed with 1, so that the weights can be compared with theirs.
    random = np.random.RandomState(1)
    first_weights = 2 * random.random_sample((3, 4)) - 1, 2 * random.random_sample((4, 1)) - 1
    net = gn.Sequential(
        gn.Dense(4, use_bias=False, weight_init=first_weights[0]),
        gn.Sigmoid(),
        gn.Dense(1, use_bias=False, weight_init=first_weights[1]),
        gn.Sigmoid(),
    )
    net.build(3, dtype="float64")
    (_, W1), (_, W2) = net.named_parameters()  # views: they change with every update
    print("STAGE 1: RANDOM STARTING WEIGHTS")
    print(f"layer 1 (3, 4):\n{W1}\nlayer 2 (4, 1):\n{W2}\n")
    gn.plots.network_diagram(net, drawings[0], title="Before training")

    loss_function = gn.losses.SumSquaredError()
    optimizer = gn.SGD(1.0)
    run = gn.NumpyRunner()
    losses = []
    for step in range(1, steps + 1):
        answers, cache = net.forward(run, X, training=True)
        loss, d_answers = loss_function(answers, Y)
        net.backward(run, d_answers, cache)
        optimizer.step(net.parameters, net.gradients)
        losses.append(loss)
        if step == 1 or step % 10_000 == 0:
            print(f"step {step:>6}: loss {loss:.6f}")

    print("\nSTAGE 2: WEIGHTS AFTER TRAINING")
    print(f"layer 1 (3, 4):\n{W1}\nlayer 2 (4, 1):\n{W2}\n")
    answers, _ = net.forward(run, X, training=False)
    for row, wanted, answer in zip(X, Y, answers, strict=True):
        print(f"{row} -> {answer[0]:.4f}, wanted {wanted[0]}")
    gn.plots.network_diagram(net, drawings[1], title=f"After {steps:,} steps")

    print("\nSTAGE 3: A NEW SITUATION")
    tracing = gn.TracingRunner()
    answer, _ = net.forward(tracing, NEW_SITUATION, training=False)
    hidden = tracing.calls[1].outputs["y"]  # the second kernel call is the first sigmoid
    print(f"input  {NEW_SITUATION[0]}\nhidden {hidden[0]}\noutput {answer[0]}")
    print(f"\nThe drawings are in {drawings[0]} and {drawings[1]}.")
    return Result(first_weights, (W1, W2), losses, hidden, answer, drawings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Exclusive or with a third input that means nothing.")
    parser.add_argument("--steps", type=int, default=60_000, help="steps of training (60000)")
    parser.add_argument("--output", default="output", help="the folder for the drawings (output)")
    options = parser.parse_args()
    main(options.steps, options.output)
