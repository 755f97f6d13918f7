"""One tower looks at two images and says whether they show the same digit.

Both images go through the same layers: the tower stands at two places of the network, which share its weights, and
whose gradients are summed. What it makes of them, a and b, is compared by |a − b|, and one neuron weighs the
differences:  P(same) = σ(w · |a − b| + b₀).  It learns from pairs of the digits 0 to 6. It is then asked about images
of these that it has not seen, and about 7, 8 and 9, which it has never met. The yardstick is a threshold on the squared
distance of the pixels, the best one for the training pairs.

Source: J. Bromley et al., "Signature verification using a siamese time delay neural network", NIPS 1993.

Run it:  python examples/11_siamese_pair.py
"""

import argparse
from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

Pairs = dict[str, Array]


class Result(NamedTuple):
    """Shares of right answers, where half of the pairs show the same digit."""

    known: float
    known_by_pixels: float
    new: float
    new_by_pixels: float


def main(seed: int = 0, epochs: int = 15) -> Result:
    """Learns from 6,000 pairs."""
    rng = np.random.default_rng(seed)
    digits = gn.data.digits()
    train, test = gn.data.split(digits, test_share=0.25, seed=seed)
    (x, y), (unseen, answers) = ((part.x / digits.scale, np.asarray(part.y)) for part in (train, test))
    learned = pairs(x[y < 7], y[y < 7], 6000, rng)
    known = pairs(unseen[answers < 7], answers[answers < 7], 2000, rng)
    new = pairs(unseen[answers >= 7], answers[answers >= 7], 2000, rng)

    tower = gn.Sequential(gn.Dense(64), gn.ReLU(), gn.Dropout(0.2), gn.Dense(16))
    network = gn.Graph(
        inputs={"left": 64, "right": 64},
        nodes={
            "a": (tower, "left"),
            "b": (tower, "right"),
            "difference": ("absolute_difference", "a", "b"),
            "same": (gn.Dense(1), "difference"),
        },
        outputs="same",
    )
    model = gn.Model(network, "binary_cross_entropy", gn.Adam(0.002), metrics=["accuracy"], seed=seed)
    model.fit(*learned, epochs=epochs, verbose=False)

    limit = best_limit(*learned)
    right = [model.evaluate(*asked)["accuracy"] for asked in (known, new)]
    by_pixels = [float(np.mean((distance(x) < limit) == (same[:, 0] == 1))) for x, same in (known, new)]
    result = Result(right[0], by_pixels[0], right[1], by_pixels[1])
    print(f"{network.parameters.size} parameters, the tower's counted once")
    print("pairs told apart                         network  pixels")
    print(f"  unseen images of the digits 0 to 6      {result.known:.3f}   {result.known_by_pixels:.3f}")
    print(f"  the digits 7 to 9, which it never met   {result.new:.3f}   {result.new_by_pixels:.3f}")
    print("Seven digits are too few to learn from them what makes two images of any digit alike.")
    return result


def pairs(x: Array, y: Array, count: int, rng: np.random.Generator) -> tuple[Pairs, Array]:
    """Half of them of one digit."""
    same = rng.random(count) < 0.5
    left = rng.integers(0, len(x), count)
    right = np.array([rng.choice(np.flatnonzero((y == y[i]) == s)) for i, s in zip(left, same, strict=True)])
    return {"left": x[left], "right": x[right]}, same[:, None].astype(float)


def distance(x: Pairs) -> Array:
    squares: Array = ((x["left"] - x["right"]) ** 2).sum(axis=1)
    return squares


def best_limit(x: Pairs, same: Array) -> float:
    found = distance(x)
    limits = np.quantile(found, np.linspace(0, 1, 201))
    return float(max(limits, key=lambda limit: float(np.mean((found < limit) == (same[:, 0] == 1)))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A siamese pair tells whether two images show the same digit.")
    parser.add_argument("--seed", type=int, default=0, help="of weights and pairs (0)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the pairs (15)")
    options = parser.parse_args()
    main(seed=options.seed, epochs=options.epochs)
