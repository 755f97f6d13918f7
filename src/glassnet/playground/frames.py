"""What is sent to the page: a header in JSON and arrays as they lie in memory, in one message.

A message is the header's length (4 bytes, little-endian), the header in UTF-8, spaces up to a multiple of 4, and the
arrays one after another, each filled up to a multiple of 4 bytes. ``header["arrays"]`` names them in order, each with
its kind ("f4" or "u1") and its shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.playground.changes import LIVE
from glassnet.playground.examples import Examples
from glassnet.playground.past import Past
from glassnet.playground.picture import Picture, hidden_outputs, signed
from glassnet.playground.session import Session
from glassnet.playground.settings import INPUTS, LOSSES

SHOWN_IMAGES = 40
"""Held-out pictures on the page, where rows are pictures."""
SHOWN_POINTS = 2000
NAMES = dict(zip(INPUTS, ("x₁", "x₂", "x₁²", "x₂²", "x₁x₂", "sin 2πx₁", "sin 2πx₂"), strict=True))


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """One message.

    Args:
        header: what JSON can hold.
        arrays: float32 and uint8 arrays by name.

    Example:
        >>> import numpy as np
        >>> message = pack({"kind": "frame"}, {"weights": np.ones(2, np.float32)})
        >>> len(message) % 4, message[4:20]
        (0, b'{"kind":"frame",')
    """
    described, parts = [], []
    for name, array in (arrays or {}).items():
        kind = "u1" if array.dtype == np.uint8 else "f4"
        content = np.ascontiguousarray(array, dtype="<f4" if kind == "f4" else np.uint8).tobytes()
        described.append({"name": name, "kind": kind, "shape": array.shape})
        parts.append(content + bytes(-len(content) % 4))
    text = json.dumps({**header, "arrays": described}, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + b"".join(parts)


class Frames:
    """The messages about one session.

    Args:
        session: the network in training.
        past: its states so far.

    Attributes:
        loss: of the training rows, as it was in the last frame.
    """

    def __init__(self, session: Session, past: Past) -> None:
        self._session, self._past = session, past
        self.loss = np.inf
        self._picture = None if session.examples.is_image else Picture(session)
        self._images = session.held_out.take(slice(0, SHOWN_IMAGES)).x
        self._has_all_points = len(session.rows) + len(session.held_out) <= SHOWN_POINTS

    def structure(self) -> bytes:
        """What stays the same while the network learns: layers, parameters, points, names."""
        session, examples = self._session, self._session.examples
        setting = session.setting
        layout = [
            {"path": part.path, "start": part.start, "shape": list(part.shape)} for part in session.model.network.layout
        ]
        x, y, held_out = _points(examples)
        names = examples.train.feature_names
        axes = [min(axis, x.shape[1] - 1) for axis in setting.axes]
        header = {
            "kind": "structure",
            "setting": setting.to_dict() | {"loss": examples.loss},
            "task": examples.task,
            "losses": LOSSES[examples.task],
            "units": [
                examples.inputs,
                *([session.filters] if session.filters else []),
                *setting.hidden,
                examples.outputs,
            ],
            "kernel_size": setting.kernel_size if session.filters else 0,
            "layout": layout,
            "is_image": examples.is_image,
            "extent": examples.extent,
            "range": self._picture.range if self._picture else [0.0, 1.0],
            "features": names or ([] if examples.is_image else [NAMES[name] for name in setting.inputs]),
            "inputs": [] if examples.plane is None else setting.inputs,
            "axis_names": [names[axis] for axis in axes] if names else ["x₁", "x₂"],
            "classes": examples.train.class_names or [str(label) for label in range(max(2, examples.outputs))],
            "columns": session.table.columns if session.table else [],
            "table": session.table.name if session.table else "",
            "reading": _reading(examples),
            "height": session.table.height if examples.table is not None and session.table else 0,
            "rows": [len(examples.train), len(examples.test)],
            "batches": session.batches,
        }
        arrays = {"points": x[:, axes], "labels": y, "held_out": held_out}
        if examples.is_image:
            labels = examples.test.y
            assert labels is not None
            arrays = {
                "images": np.round(255 * self._images).astype(np.uint8),
                "labels": labels[: len(self._images)].astype(np.uint8),
            }
        return pack(header, arrays)

    def frame(self, *, is_playing: bool) -> bytes:
        """How the network is now."""
        session = self._session
        scores = session.scores()
        self.loss = scores.loss[0]
        header = {
            "kind": "frame",
            "epoch": session.epochs,
            "batch": session.batch,
            "updates": session.model.optimizer.steps,
            "playing": is_playing,
            "loss": [_finite(value) for value in scores.loss],
            "metric": [_finite(value) for value in scores.metric],
            "now": {name: getattr(session.now, name) for name in LIVE},
            "changes": len(session.changes),
            "place": self._past.place,
            "kept": [round(state.epochs + state.batch / session.batches, 3) for state in self._past.states],
            "deaths": self._past.deaths(),
            "batch_rows": [] if is_playing or not self._has_all_points else session.next_batch().tolist(),
        }
        network = session.model.network
        arrays = {"parameters": network.parameters.copy(), "gradients": session.gradients()}
        if self._picture is not None:
            arrays["answers"], arrays["units"] = self._picture.draw()
        else:
            hidden, outputs = hidden_outputs(session, self._images)
            if session.filters:
                arrays["maps"] = hidden.pop(0)
            chances = session.loss.probabilities(outputs)
            none = np.zeros((len(self._images), 0), np.float32)
            arrays["signals"] = signed(np.concatenate([none, *hidden], axis=1).T)
            arrays["guesses"] = np.argmax(chances, axis=1).astype(np.uint8)
            arrays["chances"] = chances.astype(np.float32)
        return pack(header, arrays)


def _points(examples: Examples) -> tuple[Array, Array, Array]:
    """Inputs, labels or numbers, and which are held out, of both parts; of many rows some."""
    sides = examples.train, examples.test
    x = np.concatenate(examples.plane or [side.x for side in sides])
    y = np.concatenate([np.asarray(side.y, np.float32).reshape(len(side)) for side in sides])
    held_out = np.repeat(np.array([0, 1], np.uint8), [len(side) for side in sides])
    every = -(-len(x) // SHOWN_POINTS)
    return x[::every], y[::every], held_out[::every]


def _reading(examples: Examples) -> list[tuple[str, str]]:
    """What a user's table was taken for: a name and some words for each column, for the target and for the file."""
    table = examples.table
    if table is None or table.target is None:
        return []
    found = [(column.name, table.describe(column)) for column in table.columns]
    found.append(("→", table.describe(table.target)))
    if table.reading is not None:
        found.append(("", f"fields parted by {table.reading.delimiter!r}, encoding {table.reading.encoding}"))
    return found


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
