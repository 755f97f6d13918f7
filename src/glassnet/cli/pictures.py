"""Pictures on the command line: how they are read, and their predictions, one line for each."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.output import in_a_line, logger
from glassnet.core.shapes import Array, batch_shape
from glassnet.data import PictureOptions
from glassnet.data.files import unreadable
from glassnet.data.pictures import parse_size, read_pictures
from glassnet.model import Model
from glassnet.preprocessing import Standardize

SHOWN = 3
_COLORS = {1: "grey", 3: "rgb"}
_FAR = 200


def picture_options(options: argparse.Namespace, model: Model | None = None) -> PictureOptions:
    """How the options want pictures read; for a model in its channels and its size.

    Raises:
        ConfigurationError: a size that cannot be read, or that is not the model's.
    """
    size = None if options.resize is None else parse_size(options.resize, where="--resize")
    shape = () if model is None else model.network.input_shape or ()
    if len(shape) != 3:
        return PictureOptions(size, on_error=options.on_error, tell=_tell, max_bytes=options.max_bytes)
    channels, height, width = shape
    if size not in (None, (height, width)):
        raise ConfigurationError(
            where="--resize",
            received=options.resize,
            expected=f"{height}x{width}, the size that {options.model} was trained on",
            fix=f"write --resize {height}x{width}",
        )
    return PictureOptions(
        size, _COLORS.get(channels), options.on_error, _tell, required=(height, width), max_bytes=options.max_bytes
    )


def read_for(model: Model, files: Sequence[Path], options: argparse.Namespace) -> tuple[Array, list[str]]:
    """Pictures as the model takes them, and their files' names.

    Raises:
        MissingFileError: no such file.
        ShapeError: the model takes no pictures.
    """
    for file in files:
        if not file.exists():
            raise unreadable(file)
    shape = model.network.input_shape or ()
    if len(shape) != 3 or shape[0] not in _COLORS:
        raise ShapeError(
            where=f"predict {files[0]}",
            received="a picture",
            expected=f"inputs of shape {batch_shape(shape)}, which {options.model} was trained on",
            fix="name data of that shape; for photos train on a folder that has a folder of them for each class, "
            "glassnet train FOLDER --network small_cnn",
        )
    x, kept = read_pictures(files, picture_options(options, model))
    _note_range(model)
    # Names that are no UTF-8 keep their readable part.
    return x, [os.fsencode(files[place]).decode("utf-8", "replace") for place in kept]


def answer_lines(model: Model, x: Array, names: Sequence[str], *, most: int | None) -> list[str] | None:
    """A line for each picture: its name, its class, the probability, and the classes that come next.

    Args:
        model: one that chooses among classes.
        x: what ``read_for`` gave.
        names: the files' names.
        most: classes in a line; None for all.

    Returns:
        The lines; None for a model that gives no probabilities of classes.
    """
    logits = model.predict(x)
    if not model.loss.decides_classes or logits.ndim != 2 or logits.shape[1] < 2:
        return None
    try:
        shares = model.loss.probabilities(logits)
    except ConfigurationError:
        return None
    if not np.allclose(shares.sum(axis=1), 1, atol=1e-3):
        return None  # several labels may hold at once
    classes = [in_a_line(name) for name in model.class_names or map(str, range(shares.shape[1]))]
    names = [in_a_line(name) for name in names]
    order = np.argsort(-shares, axis=1, kind="stable")[:, :most]
    widths = max(map(len, names)), max(len(classes[row[0]]) for row in order)
    lines = []
    for name, own, places in zip(names, shares, order, strict=True):
        first = f"{classes[places[0]]:<{widths[1]}} {own[places[0]]:6.1%}"
        others = ", ".join(f"{classes[k]} {own[k]:.1%}" for k in places[1:])
        lines.append(f"{name:<{widths[0]}}  {first}   {others}".rstrip())
    return lines


def _note_range(model: Model) -> None:
    """Says so where a model's file lets doubt that it learned from numbers of 0 to 255."""
    scaling = model.preprocessing
    if scaling is None:
        _tell("the model's file holds no preprocessing: pixels go in as they are, from 0 to 255")
    elif isinstance(scaling, Standardize) and np.max((255 - scaling.mean) / scaling.scale) > _FAR:
        _tell(
            f"the model learned from numbers around {np.mean(scaling.mean):.3g} ± {np.mean(scaling.scale):.3g}, "
            "pixels go from 0 to 255: its answers may mean nothing"
        )


def _tell(text: str) -> None:
    logger().warning(text)
