"""Models that many tests train, and what to compare of them."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import items, stages


def classifier(**settings: object) -> gn.Model:
    """A small model for ``blobs``, with dropout, so that masks matter."""
    net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dropout(0.2), gn.Dense(3))
    arguments = {
        "network": net,
        "loss": "cross_entropy",
        "optimizer": gn.Adam(0.01),
        "metrics": ["accuracy"],
        **settings,
    }
    return gn.Model(**arguments)  # type: ignore[arg-type]


def state_of(model: gn.Model, history: gn.History) -> dict[str, np.ndarray]:
    """Everything that a training leaves behind."""
    found = {"parameters": model.network.parameters.copy(), "epochs": np.array(history.epochs)}
    found |= {f"optimizer {name}": array.copy() for name, array in model.optimizer.state.items()}
    found |= {f"history {name}": np.array(values) for name, values in history.metrics.items()}
    return found | {"steps": np.array([model.optimizer.steps, model.epochs_trained])}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float = 0.0) -> None:
    """The same arrays, to the tolerance of their largest number; without one bit for bit."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if tolerance == 0.0:
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        else:
            scale = float(np.abs(array[np.isfinite(array)]).max(initial=1.0))
            np.testing.assert_allclose(found[name], array, tolerance, tolerance * scale, err_msg=name)


def middling(threads: int, seed: int = 0) -> tuple[gn.Model, np.ndarray, np.ndarray]:
    """A model that several threads share in, and data for it."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(200, 64)).astype(np.float32), rng.integers(0, 10, 200)
    net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dropout(0.2), gn.Dense(10))
    return gn.Model(net, "cross_entropy", gn.Adam(0.01), seed=seed, engine="compiled", threads=threads), x, y


def bits(threads: int, seed: int = 0) -> bytes:
    """All that ``middling`` learns and predicts."""
    model, x, y = middling(threads, seed)
    history = model.fit(x, y, epochs=3, batch_size=128, verbose=False)
    everything: list[Any] = [*state_of(model, history).values(), model.predict(np.concatenate([x] * 4))]
    return b"".join(array.tobytes() for array in everything)


def send_bits(connection: Connection, threads: int) -> None:
    """For a process of its own."""
    connection.send_bytes(bits(threads))


def cut_finely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes programs of the smallest pieces that there are, whether they pay or not."""

    monkeypatch.setattr(items, "MOST_PIECES", 1 << 20)

    def smallest(group: stages.Group) -> int:
        is_update = group.domain is not None and group.domain[0] == "parameters"
        return min(group.extent, items.ELEMENT_MULTIPLE if is_update else items.ROW_MULTIPLE)

    monkeypatch.setattr(stages.Group, "size", property(smallest))
