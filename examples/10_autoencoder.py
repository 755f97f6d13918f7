"""A network squeezes digits of 64 pixels into 8 numbers, and draws them again from these.

The targets are the inputs: x → code → x̂ with the loss mean (x̂ − x)². The code is the narrow layer in the middle;
once trained, the network is cut behind it and its first half used alone. The yardstick is the best that a linear code
of the same size can do, the principal components of the training images. Both are measured on images that they have not
seen, by the share of the variance that they explain, 1 − Σ (x̂ − x)² / Σ (x − x̄)².

Run it:  python examples/10_autoencoder.py
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import glassnet as gn
from glassnet.core.shapes import Array


class Result(NamedTuple):
    """Shares of variance explained, of right neighbours, and the picture."""

    network: float
    principal_components: float
    neighbours: float
    picture: Path | None


def main(size: int = 8, epochs: int = 150, seed: int = 0, plot: bool = False, output: str | Path = "output") -> Result:
    """Learns codes of ``size`` numbers."""
    digits = gn.data.digits()
    train, test = gn.data.split(digits, test_share=0.25, seed=seed)
    x, unseen = train.x / digits.scale, test.x / digits.scale

    network = gn.Sequential(gn.Dense(64), gn.ReLU(), gn.Dense(size), gn.Dense(64), gn.ReLU(), gn.Dense(64))
    model = gn.Model(network, "mean_squared_error", gn.Adam(0.002), seed=seed)
    model.fit(x, x, epochs=epochs, verbose=False)
    drawn = model.predict(unseen)

    mean = x.mean(axis=0)
    _, _, axes = np.linalg.svd(x - mean, full_matrices=False)
    linear = (unseen - mean) @ axes[:size].T @ axes[:size] + mean

    def explained(answer: Array) -> float:
        return float(1 - np.sum((answer - unseen) ** 2) / np.sum((unseen - mean) ** 2))

    encoder = network[:3]  # up to the code
    codes, asked = encoder(x), encoder(unseen)
    nearest = np.argmin(((asked[:, None] - codes[None]) ** 2).sum(axis=-1), axis=1)
    neighbours = float(np.mean(np.asarray(train.y)[nearest] == test.y))
    picture = draw(unseen, drawn, linear, Path(output)) if plot else None
    result = Result(explained(drawn), explained(linear), neighbours, picture)
    print(f"{size} numbers for 64 pixels explain of unseen digits")
    print(f"  the autoencoder           {result.network:.1%}")
    print(f"  the principal components  {result.principal_components:.1%}")
    print(f"the training image with the nearest code shows the same digit: {neighbours:.1%}")
    if picture:
        print(f"picture: {picture}")
    return result


def draw(unseen: Array, drawn: Array, linear: Array, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    rows = {"digit": unseen, "autoencoder": drawn, "linear": linear}
    for axes_row, (name, images) in zip(figure.subplots(3, 10), rows.items(), strict=True):
        for axes, image in zip(axes_row, images, strict=False):
            axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        axes_row[0].set_ylabel(name)
    path = folder / "10_autoencoder.png"
    figure.savefig(path, dpi=120)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An autoencoder squeezes digits into a few numbers.")
    parser.add_argument("--size", type=int, default=8, help="numbers in a code (8)")
    parser.add_argument("--epochs", type=int, default=150, help="passes over the digits (150)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and of the split (0)")
    parser.add_argument("--plot", action="store_true", help="draw digits as they were and as they come back")
    parser.add_argument("--output", default="output", help="the folder for the picture (output)")
    options = parser.parse_args()
    main(size=options.size, epochs=options.epochs, seed=options.seed, plot=options.plot, output=options.output)
