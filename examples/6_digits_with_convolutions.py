"""A small convolutional network reads the 8×8 digits, and shows what it looks for, what it sees and where it errs.

A dense unit has a weight for each pixel; what it learns in one corner it knows in no other. A filter has 3×3 weights
for each channel and slides over the image, the same weights at every place. With F filters on C channels

    z[f, h, w] = Σ_c Σ_i Σ_j x[c, h + i − 1, w + j − 1] W[f, c, i, j]      (C, H, W) -> (F, H, W), 0 outside the image
    y = γ_f (z − μ_f) / √(σ²_f + ε) + β_f                                 μ, σ² of filter f over batch, height and width
    a = max(y, 0)
    m[f, h, w] = max of a[f, 2h to 2h + 1, 2w to 2w + 1]                  (F, H, W) -> (F, H/2, W/2)

Three such layers make 64 maps of 2×2 of the digit, and one dense layer reads its name from them. While it learns, each
digit is moved by up to a pixel and turned by up to 10 degrees, other than the time before; it is not mirrored, for a
mirrored digit is no digit. The learning rate rises to 0.01 and falls to almost nothing (``OneCycle``).

Each seed holds out another quarter of the digits and starts from other weights; the mean of all is what counts.

Run it:  python examples/6_digits_with_convolutions.py --plot
"""

import argparse
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array

BATCH, PEAK_RATE = 32, 0.01


class Run(NamedTuple):
    """What became of one seed."""

    model: gn.Model
    test: tuple[Array, Array]
    """Images (N, 1, 8, 8) and labels (N,) that the model has not seen."""
    accuracy: float
    """On them."""


class Result(NamedTuple):
    """What the script found."""

    runs: list[Run]
    mean_accuracy: float
    pictures: list[Path]


def main(*, seeds: int = 5, epochs: int = 15, plot: bool = False, output: str | Path = "output") -> Result:
    shown = network()
    shown.build((1, 8, 8))
    print(shown.summary(), "\n")

    runs = []
    for seed in range(seeds):
        runs.append(learn(seed, epochs))
        print(f"seed {seed}: {runs[-1].accuracy:.2%} of {len(runs[-1].test[1])} test digits right", flush=True)
    mean = float(np.mean([run.accuracy for run in runs]))
    print(f"mean test accuracy: {mean:.4f}")

    pictures = draw(runs[0], Path(output)) if plot else []
    for picture in pictures:
        print(f"picture: {picture}")
    return Result(runs, mean, pictures)


def network() -> gn.Sequential:
    return gn.Sequential(
        gn.Augment(shift=1, rotation=10),  # in training only
        *convolution(16),
        *convolution(32),
        gn.MaxPool2D(2),  # 8×8 -> 4×4
        *convolution(64),
        gn.MaxPool2D(2),  # 4×4 -> 2×2
        gn.Flatten(),
        gn.Dense(10),
    )


def convolution(filters: int) -> list[gn.Layer]:
    # The normalisation takes the mean away and adds β: a bias before it would do nothing.
    return [gn.Conv2D(filters, 3, padding="same", use_bias=False), gn.BatchNorm(), gn.ReLU()]


def learn(seed: int, epochs: int) -> Run:
    data = gn.data.digits()
    # Ink from 0 to 16 becomes 0 to 1. Paper stays 0, which is also what Augment fills the border with.
    train, test = (
        (part.x.reshape(-1, 1, 8, 8) / data.scale, np.asarray(part.y))
        for part in gn.data.split(data, test_share=0.25, seed=seed)
    )
    rate = gn.schedules.OneCycle(PEAK_RATE, steps=epochs * ceil(len(train[0]) / BATCH))
    model = gn.Model(network(), "cross_entropy", gn.Adam(rate), metrics=["accuracy"], seed=seed)
    model.fit(*train, epochs=epochs, batch_size=BATCH, verbose=False)
    return Run(model, test, model.evaluate(*test)["accuracy"])


def draw(run: Run, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("filters", "feature_maps", "confusion_matrix", "mistakes")
    filters, maps, confusion, mistakes = pictures = [folder / f"6_{name}.png" for name in names]
    x, y = run.test
    gn.plots.plot_filters(run.model, path=filters)
    gn.plots.plot_feature_maps(run.model, x[0], layer=3, path=maps)  # layer 3: the first filters, after their ReLU
    gn.plots.plot_confusion_matrix(run.model, x, y, path=confusion)
    gn.plots.plot_mistakes(run.model, x, y, path=mistakes)
    return pictures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A small convolutional network reads handwritten digits.")
    parser.add_argument("--seeds", type=int, default=5, help="how many networks, each from another seed (5)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training digits (15)")
    parser.add_argument("--plot", action="store_true", help="draw filters, feature maps, confusions and mistakes")
    parser.add_argument("--output", default="output", help="the folder for the pictures (output)")
    options = parser.parse_args()
    main(seeds=options.seeds, epochs=options.epochs, plot=options.plot, output=options.output)
