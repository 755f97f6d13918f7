"""A network that reads digits is cut, extended and taught another question from 30 answers.

The question is how many holes a digit has: none in 1, 2, 3, 4, 5 and 7, one in 0, 6 and 9, two in 8. There are answers
for 30 images only. A network that starts from nothing learns little from so few. One that has read digits before knows
strokes already: its layers but the last are kept, a new last layer is put behind them, and

1. the kept layers are frozen, and the new one alone is trained;
2. then all are trained, the kept ones at a tenth of the rate.

The digit reader stays as it is: its layers are copied. Without ``copy()`` they would be shared, and learn in both.

Run it:  python examples/8_transfer.py
"""

import argparse
from typing import NamedTuple

import numpy as np

import glassnet as gn

HOLES = np.array([1, 0, 0, 0, 0, 0, 1, 0, 2, 1])
ANSWERS = 30


class Result(NamedTuple):
    """Shares of right answers on images that were never trained on."""

    reader: float
    from_nothing: float
    new_layer: float
    all_layers: float


def main(seeds: int = 5, epochs: int = 100) -> Result:
    """Learns with some seeds, and prints the mean of their accuracies."""
    results = [learn(seed, epochs) for seed in range(seeds)]
    mean = Result(*np.mean(results, axis=0).tolist())
    print(f"reading digits                          {mean.reader:.3f}")
    print(f"counting holes, from {ANSWERS} answers:")
    print(f"  a network that starts from nothing    {mean.from_nothing:.3f}")
    print(f"  the reader's layers, a new last one   {mean.new_layer:.3f}")
    print(f"  then all of them, slowly              {mean.all_layers:.3f}")
    return mean


def learn(seed: int, epochs: int) -> Result:
    digits = gn.data.digits()
    train, others = gn.data.split(digits, test_share=0.5, seed=seed)
    reader = model(gn.Sequential(*body(), gn.Dense(10)), seed)
    reader.fit(train.x / digits.scale, train.y, epochs=20, verbose=False)

    x, y = others.x / digits.scale, HOLES[others.y]
    few, rest = slice(ANSWERS), slice(ANSWERS, None)

    def taught(holes: gn.Model) -> float:
        holes.fit(x[few], y[few], epochs=epochs, batch_size=8, verbose=False)
        return holes.evaluate(x[rest], y[rest])["accuracy"]

    from_nothing = taught(model(gn.Sequential(*body(), gn.Dense(3)), seed))
    network = gn.Sequential(*reader.network[:-1].copy(), gn.Dense(3))
    holes = model(network, seed)
    network[:-1].freeze()
    new_layer = taught(holes)
    network.unfreeze()
    network[:-1].learning_rate_scale = 0.1
    all_layers = taught(holes)
    return Result(reader.evaluate(x, others.y)["accuracy"], from_nothing, new_layer, all_layers)


def body() -> list[gn.Layer]:
    return [gn.Dense(64), gn.ReLU(), gn.Dense(32), gn.ReLU()]


def model(network: gn.Network, seed: int) -> gn.Model:
    return gn.Model(network, "cross_entropy", gn.Adam(0.003), metrics=["accuracy"], seed=seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A digit reader learns to count holes from 30 answers.")
    parser.add_argument("--seeds", type=int, default=5, help="how many times, each from another seed (5)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over the 30 answers (100)")
    options = parser.parse_args()
    main(seeds=options.seeds, epochs=options.epochs)
