"""From ``--hidden``, ``--network`` and ``--augment`` to a network."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, did_you_mean
from glassnet.core.shapes import Array, Shape, size_of
from glassnet.data import Dataset
from glassnet.layers import ACTIVATIONS, Augment, Dense, Dropout, Flatten, Layer, Reshape
from glassnet.losses import LOSSES, CrossEntropy, JointCrossEntropy, Loss
from glassnet.model import Model
from glassnet.network import Network, Sequential
from glassnet.optimizers import L2, OPTIMIZERS, Chain, Optimizer
from glassnet.schedules import CosineDecay, LogCosine, Schedule

NETWORK_NAMES = ("lenet5", "resnet", "small_cnn", "vgg_bn")
AUGMENTATIONS = ("flip", "crop", "rotate", "brightness", "contrast", "cutout")
HIDDEN = (128,)
MOST_WEIGHTS = 2**28
"""Of dense layers; they and what training keeps of each take some 4 GB."""

DIGITS_SHAPE = (1, 8, 8)
_LENET5_SIDE = 12
SCHEDULES: dict[str, Callable[[Any, int], Schedule]] = {
    "cosine": lambda rate, steps: CosineDecay(rate, steps=steps),
    "log_cosine": lambda rate, steps: LogCosine(rate, steps=steps),
}
"""From the learning rate and the number of steps to the rate of each step, by the names of --schedule."""


def check_network_options(options: argparse.Namespace) -> None:
    """Refuses options that do not go together, before any data are read.

    Raises:
        ConfigurationError: an unknown network or augmentation, or a network with settings of the dense layers.
    """
    _chosen(options.augment)
    if options.network is None:
        return
    _known(options.network, NETWORK_NAMES, where="--network")
    given = {
        "--hidden": options.hidden is not None,
        "--activation": options.activation != "relu",
        "--dropout": bool(options.dropout) and options.network != "small_cnn",
    }
    for name in (name for name, is_given in given.items() if is_given):
        raise ConfigurationError(
            where=name,
            received=f"{name} together with --network {options.network}",
            expected="one of them: this network brings its own layers",
            fix=f"leave out {name}, or --network for dense layers",
        )


def build_network(
    options: argparse.Namespace, data: Dataset, outputs: int, *, start: Sequence[Layer] = ()
) -> Sequential:
    """The network for that data, unbuilt; its dense layers come after those of ``start``.

    Raises:
        ConfigurationError: a network for images, or augmentation, for rows that are no images.
    """
    layers: list[Layer] = []
    row = data.x.shape[1:]
    if options.network is not None or options.augment is not None:
        image = _image_shape(options, data)
        layers += [Reshape(image)] if row != image else []
        layers += [augmentation(options.augment, image)] if options.augment is not None else []
        row = image
    if options.network is not None:
        return Sequential(*layers, *_image_network(options, row, outputs).layers)
    layers += [*start, *([Flatten()] if len(row) > 1 else [])]
    hidden = HIDDEN if options.hidden is None else options.hidden
    require_few_weights((size_of(row), *hidden, outputs))
    for units in hidden:
        layers += [Dense(units), ACTIVATIONS[options.activation]()]
        layers += [Dropout(options.dropout)] if options.dropout else []
    return Sequential(*layers, Dense(outputs))


def require_few_weights(widths: Sequence[int]) -> None:
    """Refuses dense layers that no memory takes.

    Args:
        widths: inputs, units of the hidden layers, outputs.

    Raises:
        ConfigurationError: they have more than ``MOST_WEIGHTS``.
    """
    weights = sum(before * after for before, after in pairwise(widths))
    if weights > MOST_WEIGHTS:
        raise ConfigurationError(
            where="--hidden",
            received=f"{' '.join(map(str, widths[1:-1]))}, with {widths[0]:,} inputs and {widths[-1]:,} outputs: "
            f"{weights:,} weights",
            expected=f"at most {MOST_WEIGHTS:,}",
            fix="choose fewer units or layers",
        )


def loss_of(options: argparse.Namespace, loss: str | Loss, labels: Array | None) -> Loss:
    """The loss with what the options say of it.

    Args:
        options: --class-weight and --label-smoothing, where they are given.
        loss: of the data, or its name.
        labels: of one class for each row to train with (N,), or None.

    Raises:
        ConfigurationError: an option that this loss cannot follow.
    """
    found = loss if isinstance(loss, Loss) else LOSSES[loss]()
    smoothing, weighting = options.label_smoothing, options.class_weight
    if smoothing is not None and not isinstance(found, CrossEntropy | JointCrossEntropy):
        raise _for_classes("--label-smoothing", "classes, one of several for each row")
    if weighting is not None and (labels is None or not isinstance(found, CrossEntropy)):
        raise _for_classes("--class-weight", "one column of classes, of data that are read as a whole")
    if isinstance(found, JointCrossEntropy):
        return found if smoothing is None else JointCrossEntropy(found.class_counts, label_smoothing=smoothing)
    if smoothing is None and weighting is None:
        return found
    weights = None
    if weighting is not None and labels is not None:
        counts = np.bincount(labels)
        weights = (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).tolist()
    return CrossEntropy(label_smoothing=smoothing or 0.0, class_weight=weights)


def _for_classes(option: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        where=f"train {option}", received=f"{option} for other targets", expected=expected, fix=f"leave {option} out"
    )


def model_of(
    options: argparse.Namespace, network: Network, loss: Loss, metrics: Sequence[str], steps: int | None = None
) -> Model:
    """An untrained model; ``steps`` are those of the whole training, for --schedule."""
    settings = {"seed": options.seed, "engine": options.engine, "threads": options.threads}
    return Model(network, loss, optimizer_of(options, steps), list(metrics), **settings)


def steps_of(options: argparse.Namespace, rows: int) -> int:
    """How many updates a training with so many rows has."""
    return -(-rows // min(options.batch_size, rows)) * options.epochs if rows else 0


def optimizer_of(options: argparse.Namespace, steps: int | None) -> Optimizer:
    """The update rule with its rate, or a schedule of rates over all steps.

    Raises:
        ConfigurationError: a schedule, and nobody knows how many steps there will be.
    """
    rule = OPTIMIZERS[options.optimizer]
    optimizer = rule() if options.learning_rate is None else rule(options.learning_rate)  # type: ignore[call-arg]
    if options.schedule not in (None, "constant"):
        if steps is None:
            raise ConfigurationError(
                where="train --schedule",
                received=f"--schedule {options.schedule} for data whose steps are not counted beforehand",
                expected="--schedule constant",
                fix="leave --schedule out",
            )
        rate = SCHEDULES[options.schedule](optimizer.learning_rate, max(2, steps))
        optimizer = rule(rate)
    return Chain(L2(options.l2), optimizer) if options.l2 else optimizer


def augmentation(text: str, image: Shape) -> Augment:
    """The layer for a list such as ``"flip,crop"``, its strengths fitting images (C, H, W).

    Moves by up to an eighth of the height, turns by up to 10 degrees, brightness and contrast by up to 0.2 (images are
    standardised), a quarter of the height cut out.
    """
    height = image[1]
    strengths: dict[str, dict[str, Any]] = {
        "flip": {"flip": True},
        "crop": {"shift": max(1, height // 8)},
        "rotate": {"rotation": 10.0},
        "brightness": {"brightness": 0.2},
        "contrast": {"contrast": 0.2},
        "cutout": {"cutout": max(1, height // 4)},
    }
    return Augment(**{key: value for name in _chosen(text) for key, value in strengths[name].items()})


def _chosen(text: str | None) -> list[str]:
    names = [] if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        _known(name, AUGMENTATIONS, where="--augment")
    return names


def _known(name: str, names: tuple[str, ...], *, where: str) -> None:
    if name not in names:
        known = ", ".join(names)
        raise ConfigurationError(
            where=where,
            received=repr(name),
            expected=f"one of {known}" if where == "--network" else f"some of {known}, with commas between them",
            fix=f"{did_you_mean(name, names)}choose among these, or leave out {where}",
        )


def _image_shape(options: argparse.Namespace, data: Dataset) -> Shape:
    """Channels, height and width of the rows."""
    row = data.x.shape[1:]
    if len(row) == 3:
        return row
    if len(row) == 2:
        return (1, *row)
    if options.data == "digits":
        return DIGITS_SHAPE
    option = "--augment" if options.network is None else f"--network {options.network}"
    raise ConfigurationError(
        where=option,
        received=f"{data.name}, rows of {' × '.join(map(str, row))} features",
        expected="images: a folder of pictures, digits, MNIST, CIFAR-10, or an .npz whose x is (N, C, H, W)",
        fix=f"leave out {option}; for images in rows save x.reshape(-1, channels, height, width)",
    )


def _image_network(options: argparse.Namespace, image: Shape, outputs: int) -> Sequential:
    from glassnet.zoo import NETWORKS

    settings: dict[str, Any] = {}
    if options.network == "lenet5" and min(image[1:]) < _LENET5_SIDE:
        settings["padding"] = "same"
    if options.network == "small_cnn":
        settings["dropout"] = options.dropout
    return NETWORKS[options.network](outputs, **settings)
