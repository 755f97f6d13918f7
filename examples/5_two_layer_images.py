"""A two-layer network that tells ten kinds of small colour images apart, trained on CIFAR-10.

An image is 3 × 32 × 32 = 3072 numbers from 0 to 255; the mean image of the training part is taken off every image. With
n images x (n, 3072), H = 100 hidden units and K = 10 classes

    h = max(x W1 + b1, 0)       (n, 3072) -> (n, 100)
    z = h W2 + b2               (n, 100) -> (n, 10)         the scores
    p = softmax(z)              p_k = e^{z_k} / Σ_j e^{z_j}
    L = −(1/n) Σ log p_y + ½ λ (‖W1‖² + ‖W2‖²)              y the right class; biases pay no penalty

    δz = (p − [k = y]) / n,  dW2 = hᵀ δz + λ W2,  δh = δz W2ᵀ · [h > 0],  dW1 = xᵀ δh + λ W1

The weights start near 0, so at first all classes are equally probable and the first loss is −log 0.1 = 2.3026.

Run it:  python examples/5_two_layer_images.py path/to/cifar-10-batches-bin
The files are in cifar-10-binary.tar.gz at https://www.cs.toronto.edu/~kriz/cifar.html. Without them the script makes
images of its own: noisy, in ten patterns, and written in the same format.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import glassnet as gn
from glassnet.core.shapes import Array

HIDDEN, CLASSES, BATCH, LEARNING_RATE = 100, 10, 100, 1e-3
TRAIN_FILE, TEST_FILE = "data_batch_1.bin", "test_batch.bin"
COLOURS = ("#1f5fa8", "#d1662b")


class Result(NamedTuple):
    """What the script found."""

    losses: list[float]
    """Cross-entropy of the batch before each step."""
    penalties: list[float]
    """½ λ ‖W‖² before each step."""
    accuracies: list[tuple[float, float]]
    """After each epoch, on the training and on the test part."""
    parameters: dict[str, Array]
    pictures: tuple[Path, Path]


def main(
    path: str | Path | None = None,
    *,
    epochs: int = 10,
    strength: float = 1.0,
    subset: tuple[int, int] = (5000, 500),
    output: str | Path = "output",
    dtype: str = "float32",
) -> Result:
    train, test = read_images(path, subset)
    assert train.y is not None
    assert test.y is not None
    x, x_test = train.x.astype(dtype), test.x.astype(dtype)
    mean_image = x.mean(axis=0)
    x, x_test = x - mean_image, x_test - mean_image  # the test images must not take part in the mean

    small = gn.initializers.Normal(1e-3)
    net = gn.Sequential(
        gn.Flatten(),
        gn.Dense(HIDDEN, weight_init=small),
        gn.ReLU(),
        gn.Dense(CLASSES, weight_init=small),
    )
    net.build((3, 32, 32), seed=0, dtype=dtype)
    print(net.summary(), "\n")

    loss_function = gn.losses.CrossEntropy()
    optimizer = gn.Chain(gn.L2(strength), gn.SGD(LEARNING_RATE))
    run = gn.NumpyRunner()
    random = np.random.default_rng(0)
    losses, penalties, accuracies = [], [], []
    for epoch in range(1, epochs + 1):
        order = random.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            scores, cache = net.forward(run, x[rows], training=True)
            loss, d_scores = loss_function(scores, train.y[rows])
            losses.append(loss)
            penalties.append(optimizer.penalty(net.parameters, net.layout))
            if len(losses) == 1:
                print(f"first loss {loss:.4f}, where −log 0.1 = {-np.log(0.1):.4f}; penalty {penalties[0]:.4f}")
            net.backward(run, d_scores, cache)
            # The layout tells weights from biases: the penalty's gradient λ W is for weights alone.
            optimizer.step(net.parameters, net.gradients, net.layout)
        accuracies.append((accuracy(net, x, train.y), accuracy(net, x_test, test.y)))
        shares = "accuracy on training {:6.1%}, on test {:6.1%}".format(*accuracies[-1])
        print(f"epoch {epoch:>2}: loss {losses[-1]:.4f}, penalty {penalties[-1]:.4f}, {shares}")

    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = folder / "5_learning_curves.png", folder / "5_first_layer.png"
    draw_curves(losses, penalties, accuracies, pictures[0])
    parameters = dict(net.named_parameters())
    draw_weights(parameters["1.weight"], pictures[1])
    print("\nfinal accuracy: {:.1%} of the training images, {:.1%} of the test images".format(*accuracies[-1]))
    print(f"The pictures are {pictures[0]} and {pictures[1]}.")
    return Result(losses, penalties, accuracies, parameters, pictures)


def read_images(path: str | Path | None, subset: tuple[int, int]) -> tuple[gn.data.Dataset, gn.data.Dataset]:
    if path is not None and Path(path).exists():
        print(f"{subset[0]} training and {subset[1]} test images of {path}\n")
        return gn.data.read_cifar10(path, subset=subset)
    print("No CIFAR-10 files: " + ("none were named." if path is None else f"{path} does not exist."))
    print("The images are generated ones; accuracies say nothing about CIFAR-10.\n")
    with TemporaryDirectory() as folder:
        write_generated_images(Path(folder), subset)
        return gn.data.read_cifar10(folder, subset=subset)


def write_generated_images(folder: Path, rows: tuple[int, int]) -> None:
    """Writes images of ten patterns: shifted, in changing light, with a second pattern shining through, and noisy."""
    random = np.random.default_rng(0)
    patterns = random.normal(size=(CLASSES, 3, 4, 4)).repeat(8, axis=2).repeat(8, axis=3)
    for name, count in zip((TRAIN_FILE, TEST_FILE), rows, strict=True):
        labels, others = random.integers(0, CLASSES, size=(2, count))
        share = random.uniform(0.45, 1, size=(count, 1, 1, 1))
        images = share * patterns[labels] + (1 - share) * patterns[others]
        shifts = random.integers(-6, 7, size=(count, 2))
        images = np.stack([np.roll(image, shift, axis=(1, 2)) for image, shift in zip(images, shifts, strict=True)])
        light = random.normal(size=(count, 3, 1, 1))
        pixels = 128 + 40 * images + 20 * light + 30 * random.normal(size=images.shape)
        # A record is the label's byte, then 1024 bytes each of red, green and blue.
        records = np.column_stack([labels, pixels.clip(0, 255).reshape(count, -1)])
        (folder / name).write_bytes(records.astype(np.uint8).tobytes())


def accuracy(net: gn.Network, x: Array, y: Array) -> float:
    scores, _ = net.forward(gn.NumpyRunner(), x, training=False)
    return float(np.mean(np.argmax(scores, axis=1) == y))


def draw_curves(
    losses: list[float], penalties: list[float], accuracies: list[tuple[float, float]], picture: Path
) -> None:
    figure = Figure(figsize=(11, 4), layout="constrained")
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    loss_axes.plot(losses, color="#1f5fa8", linewidth=0.8, label="cross-entropy of the batch")
    loss_axes.plot(penalties, color="#777777", linestyle="--", label="penalty")
    loss_axes.set(title="loss", xlabel="step", ylim=(0, None))
    epochs = range(1, len(accuracies) + 1)
    for name, shares, colour in zip(("training", "test"), zip(*accuracies, strict=True), COLOURS, strict=True):
        accuracy_axes.plot(epochs, shares, color=colour, marker="o", markersize=4, label=name)
    accuracy_axes.set(title="accuracy", xlabel="epoch", ylim=(0, 1.03))
    for axes in (loss_axes, accuracy_axes):
        axes.legend(frameon=False)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=120)


def draw_weights(weight: Array, picture: Path) -> None:
    """Shows what each hidden unit looks for: its 3072 weights as an image, from its least to its largest weight."""
    low, high = weight.min(axis=0), weight.max(axis=0)
    tiles = ((weight - low) / (high - low)).T.reshape(10, 10, 3, 32, 32)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1)), constant_values=1.0)
    wall = tiles.transpose(0, 3, 1, 4, 2).reshape(340, 340, 3)  # rows of tiles, then columns, colours last
    figure = Figure(figsize=(8, 8.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(wall, interpolation="nearest")
    axes.set_title("The first layer's weights: one image for each hidden unit")
    axes.axis("off")
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A two-layer network on CIFAR-10 or on generated images.")
    parser.add_argument("path", nargs="?", help="the folder cifar-10-batches-bin, or cifar-10-binary.tar.gz")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (10)")
    parser.add_argument("--strength", type=float, default=1.0, help="λ of the penalty (1)")
    parser.add_argument("--output", default="output", help="the folder for the pictures (output)")
    options = parser.parse_args()
    main(options.path, epochs=options.epochs, strength=options.strength, output=options.output)
