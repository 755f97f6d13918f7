"""Files that claim sequences or widths for which no machine has memory: refused, at once, by whatever would need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited

import glassnet as gn
from glassnet.core.room import empty, memory_there, require_room

LONG = 1 << 38
LAYERS: dict[str, Callable[[], list[gn.Layer]]] = {
    "positions": lambda: [gn.PositionalEncoding()],
    "attention": lambda: [gn.SelfAttention(2, causal=True)],
    "rotary": lambda: [gn.SelfAttention(2, causal=True, rotary=True)],
    "pooling": lambda: [gn.Attention(3)],
    "lstm": lambda: [gn.LSTM(3, return_sequences=True)],
    "gru": lambda: [gn.GRU(3)],
    "convolution": lambda: [gn.Conv1D(3, 3, padding="same")],
    "dense": lambda: [gn.Dense(3)],
    "norm": lambda: [gn.LayerNorm()],
}
CARRYING = "positions", "attention", "rotary"


def claiming(path: Path, change: Callable[[dict[str, Any]], Any], layers: list[gn.Layer]) -> gn.Model:
    model = gn.Model(gn.Sequential(*layers), "mse", "sgd")
    model.network.build((5, 4))
    model.save(path / "small.safetensors")
    return gn.load(edited(path / "small.safetensors", change, path / "large.safetensors"))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_claimed_length_takes_no_memory(kind: str, tmp_path: Path) -> None:
    layers = LAYERS[kind]()
    model = claiming(tmp_path, lambda description: description.update(input_shape=[LONG, 4]), layers)
    str(model.network.summary())
    needs = [lambda: model.plan(), lambda: model.export_onnx(tmp_path / "large.onnx")]
    if kind in CARRYING[1:]:
        needs.append(lambda: model.stream(1 << 12))  # which keeps keys and values of all steps
    for need in needs:
        with pytest.raises(gn.ShapeError):
            need()
    with pytest.raises(gn.ShapeError):
        model.predict(np.zeros((2, 5, 4)))


def test_a_claimed_width_takes_no_memory(tmp_path: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        description["input_shape"] = [5, LONG >> 2]

    model = claiming(tmp_path, change, [gn.PositionalEncoding(), gn.GlobalAveragePool()])
    for need in (lambda: model.plan(), lambda: model.export_onnx(tmp_path / "large.onnx"), lambda: model.stream(1)):
        with pytest.raises(gn.ShapeError):
            need()


@pytest.mark.parametrize("steps", [1 << 40, (1 << 62) + 1])
def test_a_table_of_claimed_places_takes_no_memory(steps: int, tmp_path: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        description["network"]["settings"]["layers"][0]["settings"]["most_steps"] = steps

    model = claiming(tmp_path, change, [gn.PositionalEncoding(most_steps=8)])
    x = np.zeros((2, 5, 4))
    needs = (lambda: model.predict(x), lambda: model.stream(2), lambda: model.fit(x, x, verbose=False), model.plan)
    for need in needs:
        with pytest.raises(gn.ShapeError, match="memory"):
            need()


def test_what_fits_is_made() -> None:
    require_room((3, 4), np.float32, where="here")
    assert empty((3, 4), np.float32).shape == (3, 4)
    with pytest.raises(gn.ShapeError, match=r"here.*GB"):
        require_room((memory_there() // 4 + 1,), np.float32, where="here")
    with pytest.raises(gn.ShapeError, match="GB"):
        empty((1 << 62, 8), np.float64)
