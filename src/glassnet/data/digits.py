"""The data that come with the library: 1797 handwritten digits."""

from __future__ import annotations

import numpy as np

from glassnet.data.dataset import Dataset


def digits() -> Dataset:
    """Handwritten digits of 13 people, 8×8 pixels: the test part of the UCI collection.

    Returns:
        A dataset with x (1797, 64) float32, the ink of each pixel from 0 to 16, row by row; y (1797,) the digit drawn,
        0 to 9; ``scale`` 16.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49, CC BY 4.0; see DIGITS-LICENCE.md beside this file.

    Example:
        >>> data = digits()
        >>> data.x.shape, data.y[:5].tolist()
        ((1797, 64), [0, 1, 2, 3, 4])
    """
    from importlib.resources import files

    with (
        files("glassnet.data").joinpath("digits.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as arrays,
    ):
        x, y = arrays["x"].astype(np.float32), arrays["y"].astype(np.int64)
    return Dataset(x, y, class_names=tuple("0123456789"), name="digits", scale=16.0)
