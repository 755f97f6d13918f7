"""Writes conv.npz: convolutions and their gradients by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/kernels/golden/make_conv.py``. For each case of ``CASES`` the file
holds x, weight, bias, dy and torch's y, dx, dweight and dbias, in torch's layouts: sequences are (N, C, L) there, and a
filter for them (F, C/G, k). All of them are small whole numbers, so that the results are exact. ``cases`` is CASES as
JSON, ``torch`` the version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("conv.npz")

Settings = dict[str, Any]
Case = tuple[str, tuple[int, ...], tuple[int, ...], Settings]

# name: torch's function, shape of x, shape of the weight, settings
CASES: dict[str, Case] = {
    "plain": ("conv2d", (2, 3, 6, 5), (4, 3, 3, 3), {}),
    "even_kernel": ("conv2d", (2, 2, 5, 7), (3, 2, 2, 4), {"padding": (1, 2)}),
    "stride": ("conv2d", (2, 2, 7, 8), (3, 2, 3, 2), {"stride": (2, 3), "padding": (1, 0)}),
    "stride_above_kernel": ("conv2d", (1, 2, 8, 9), (2, 2, 2, 1), {"stride": (3, 4)}),
    "dilation": ("conv2d", (2, 2, 9, 8), (3, 2, 3, 2), {"dilation": (2, 3), "padding": (2, 1), "stride": (1, 2)}),
    "groups": ("conv2d", (2, 4, 5, 6), (6, 2, 3, 3), {"groups": 2, "padding": 1}),
    "depthwise": ("conv2d", (2, 3, 5, 4), (6, 1, 3, 2), {"groups": 3, "stride": (2, 1)}),
    "transposed": ("conv_transpose2d", (2, 3, 3, 4), (3, 2, 3, 2), {}),
    "transposed_stride": (
        "conv_transpose2d",
        (2, 2, 3, 4),
        (2, 3, 3, 4),
        {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 2)},
    ),
    "transposed_stride_above_kernel": ("conv_transpose2d", (1, 2, 3, 2), (2, 1, 1, 2), {"stride": (2, 3)}),
    "transposed_groups": (
        "conv_transpose2d",
        (2, 4, 3, 2),
        (4, 3, 2, 3),
        {"stride": 2, "groups": 2, "dilation": (2, 1), "padding": 1},
    ),
    "transposed_depthwise": ("conv_transpose2d", (2, 3, 4, 3), (3, 1, 2, 2), {"groups": 3}),
    "sequence": ("conv1d", (2, 3, 8), (4, 3, 3), {}),
    "sequence_all": ("conv1d", (3, 4, 11), (6, 2, 2), {"stride": 2, "padding": 3, "dilation": 3, "groups": 2}),
    "sequence_depthwise": ("conv1d", (1, 3, 7), (3, 1, 4), {"stride": 5, "padding": 2, "groups": 3}),
}


def make() -> dict[str, np.ndarray]:
    """The arrays of all cases, as ``case/array``."""
    import torch
    from torch.nn import functional

    rng = np.random.default_rng(0)
    found: dict[str, np.ndarray] = {"torch": np.array(torch.__version__), "cases": np.array(json.dumps(CASES))}
    for name, (function, x_shape, weight_shape, settings) in CASES.items():
        filters = weight_shape[0] if function != "conv_transpose2d" else weight_shape[1] * settings.get("groups", 1)
        x, weight, bias = (
            torch.tensor(rng.integers(-3, 4, shape).astype(float), requires_grad=True)
            for shape in (x_shape, weight_shape, (filters,))
        )
        y = getattr(functional, function)(x, weight, bias, **settings)
        dy = torch.tensor(rng.integers(-3, 4, y.shape).astype(float))
        y.backward(dy)
        arrays = {"x": x, "weight": weight, "bias": bias, "dy": dy, "y": y}
        arrays |= {"dx": x.grad, "dweight": weight.grad, "dbias": bias.grad}
        found |= {f"{name}/{key}": array.detach().numpy() for key, array in arrays.items()}
    return found


if __name__ == "__main__":
    np.savez_compressed(FILE, **make())
