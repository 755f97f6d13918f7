"""Small pictures, for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def write_picture(file: Path, pixels: Any, **settings: Any) -> Path:
    """Saves (H, W), (H, W, 3) or (H, W, 4) numbers as the picture that the file's ending names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(file, **settings)
    return file


def plain(value: int, size: tuple[int, int] = (4, 4), channels: int = 1) -> np.ndarray:
    """A picture of one grey, uint8."""
    return np.full(size if channels == 1 else (*size, channels), value, np.uint8)


def class_folders(
    folder: Path, classes: Mapping[str, tuple[int, int]], *, size: tuple[int, int] = (8, 8), channels: int = 3
) -> Path:
    """For each name so many noisy PNG pictures of a brightness: {name: (pictures, brightness)}."""
    rng = np.random.default_rng(0)
    for name, (count, value) in classes.items():
        for i in range(count):
            noise = rng.integers(-20, 20, plain(0, size, channels).shape)
            write_picture(folder / name / f"{i:02d}.png", np.clip(value + noise, 0, 255).astype(np.uint8))
    return folder
