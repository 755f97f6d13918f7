"""A linear network learns one answer: forward propagation, loss, backward propagation and update, by hand.

Four inputs, three hidden units, two outputs; no bias, no activation, and every weight starts at 1. With x (1, 4) and
the targets t (1, 2) one step of learning is

    h  = x W1               (1, 4) (4, 3) -> (1, 3)     forward
    y  = h W2               (1, 3) (3, 2) -> (1, 2)
    L  = ½ Σ (y − t)²                                   loss
    δy = y − t                                          backward: ∂L/∂y, the error term of the outputs
    dW2 = hᵀ δy             (3, 1) (1, 2) -> (3, 2)
    δh = δy W2ᵀ             (1, 2) (2, 3) -> (1, 3)     the error term of the hidden units
    dW1 = xᵀ δh             (4, 1) (1, 3) -> (4, 3)
    W  ← W − η dW                                       update

Run it:  python examples/1_linear_network.py
"""

from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

X = np.array([[1.0, 2.0, 3.0, 4.0]])
Y = np.array([[100.0, 200.0]])
LEARNING_RATE = 1e-4


class Result(NamedTuple):
    """What the script found."""

    losses: list[float]
    """The loss before each step."""
    W1: Array
    W2: Array
    prediction: Array


def main(steps: int = 100) -> Result:
    net = gn.Sequential(
        gn.Dense(3, use_bias=False, weight_init="ones"),
        gn.Dense(2, use_bias=False, weight_init="ones"),
    )
    net.build(4, dtype="float64")
    (_, W1), (_, W2) = net.named_parameters()  # views: they change with every update

    print("THE FIRST STEP, EVERY NUMBER OF IT\n")
    model = gn.Model(net, loss="sum_squared_error", optimizer=gn.SGD(LEARNING_RATE))
    print(gn.trace(model, X, Y), "\n")

    loss_function = gn.losses.SumSquaredError()
    optimizer = gn.SGD(LEARNING_RATE)
    run = gn.NumpyRunner()
    losses = []
    for step in range(1, steps + 1):
        prediction, cache = net.forward(run, X, training=True)
        loss, d_prediction = loss_function(prediction, Y)
        net.backward(run, d_prediction, cache)
        optimizer.step(net.parameters, net.gradients)
        losses.append(loss)
        if step == 1:
            print(f"the update W ← W − {LEARNING_RATE:g} dW makes of the weights")
            print(f"W1 =\n{W1}\nW2 =\n{W2}\n")
            print("ALL STEPS\n\nstep            loss  prediction")
        if step <= 5 or step % 10 == 0:
            print(f"{step:>4}  {loss:>14.6g}  {prediction[0]}")

    prediction, _ = net.forward(run, X, training=False)
    print(f"\nAFTER {steps} STEPS\n")
    with np.printoptions(precision=10):
        print(f"W1 =\n{W1}\nW2 =\n{W2}\nprediction = {prediction[0]}, wanted {Y[0]}")
    return Result(losses, W1, W2, prediction)


if __name__ == "__main__":
    main()
