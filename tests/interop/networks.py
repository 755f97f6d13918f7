"""A built model for every layer that glassnet has, with running statistics as after a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import gradients
import numpy as np

import glassnet as gn

T = TypeVar("T")


def attempt(action: Callable[[], T]) -> tuple[T | None, str]:
    """What the action gives, or None and the message by which it is refused."""
    try:
        return action(), ""
    except gn.ConfigurationError as error:
        return None, str(error)


def settled(net: gn.Network, seed: int = 0) -> gn.Network:
    """All parameters moved away from where they begin."""
    rng = np.random.default_rng(seed)
    for name, view in net.named_parameters():
        noise = rng.normal(scale=0.2, size=view.shape)
        view[...] = np.abs(view + noise) + 0.1 if name.endswith("running_variance") else view + noise
    return net


def model_of(net: gn.Network, shape: tuple[int, ...], dtype: str = "float32") -> gn.Model:
    net.build(shape, dtype=dtype)
    return gn.Model(settled(net), gn.losses.SumSquaredError(), "sgd", dtype=dtype)


def cases() -> Iterator[tuple[str, Callable[[], gn.Network], tuple[int, ...]]]:
    """Each case of each layer, and the ready networks, with the shapes of their rows; nothing is built."""
    for number, (name, build, shape) in enumerate(gradients.layer_cases()):
        if name != "PythonLayer":
            yield f"{name}-{number}", build, shape
    for name, make in gn.zoo.NETWORKS.items():
        yield name, make, (3, 32, 32) if name != "lenet5" else (1, 28, 28)


def models(dtype: str = "float32") -> Iterator[tuple[str, gn.Model]]:
    """One for each of them."""
    for name, build, shape in cases():
        yield name, model_of(build(), shape, dtype)


def rows_for(model: gn.Model, count: int = 5) -> np.ndarray:
    return gradients.rows_for(model.network, np.random.default_rng(1), count).astype(model.dtype)
