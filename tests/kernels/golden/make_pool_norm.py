"""Writes pool_norm.npz: normalisation and pooling, forward and backward, by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/kernels/golden/make_pool_norm.py``. Names in the file are
``"case.array"``. Sequences are (N, T, D) there, as in glassnet; PyTorch takes them as (N, D, T). ``torch_version`` is
the version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("pool_norm.npz")

POOLS: dict[str, dict[str, Any]] = {
    "even": {"kernel_size": 2, "stride": 2, "padding": 0},
    "odd": {"kernel_size": 3, "stride": 2, "padding": 1},
    "overlapping": {"kernel_size": (3, 2), "stride": (1, 1), "padding": (1, 1)},
    "apart": {"kernel_size": (2, 1), "stride": (3, 2), "padding": (1, 0)},
}


class Maker:
    """Draws numbers, lets torch calculate, keeps everything."""

    def __init__(self) -> None:
        import torch

        self.generator = torch.Generator().manual_seed(7)
        self.saved: dict[str, Any] = {"torch_version": np.array(torch.__version__)}

    def normal(self, *shape: int) -> Any:
        import torch

        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def keep(self, case: str, **arrays: Any) -> None:
        self.saved |= {f"{case}.{key}": array.detach().numpy() for key, array in arrays.items()}

    def normalised(self, case: str, layer: Any, x: Any) -> None:
        """Forward and backward of a normalisation with drawn γ and β."""
        layer.weight.data, layer.bias.data = self.normal(*layer.weight.shape), self.normal(*layer.bias.shape)
        x.requires_grad_()
        y = layer(x)
        dy = self.normal(*y.shape)
        y.backward(dy)
        self.keep(case, x=x, y=y, dy=dy, dx=x.grad)
        self.keep(case, gamma=layer.weight, beta=layer.bias, dgamma=layer.weight.grad, dbeta=layer.bias.grad)

    def batch_norm(self, case: str, layer: Any, *shape: int) -> None:
        """Three training batches, then a prediction; forward and backward are those of the third batch."""
        first, second, third = (2 * self.normal(*shape) + 3 for _ in range(3))
        for x in (first, second):
            layer(x)
        self.normalised(case, layer, third)
        layer.eval()
        self.keep(case, first=first, second=second, predicted=layer(third))
        self.keep(case, running_mean=layer.running_mean, running_variance=layer.running_var)

    def pooled(self, case: str, function: Any, x: Any) -> None:
        x.requires_grad_()
        y = function(x)
        dy = self.normal(*y.shape)
        y.backward(dy)
        self.keep(case, x=x, y=y, dy=dy, dx=x.grad)


def main() -> None:
    from torch import float64, nn
    from torch.nn import functional

    make = Maker()
    make.batch_norm("batch_norm_images", nn.BatchNorm2d(3, dtype=float64), 4, 3, 2, 5)
    make.batch_norm("batch_norm_features", nn.BatchNorm1d(4, momentum=0.3, eps=1e-3, dtype=float64), 6, 4)
    make.normalised("layer_norm", nn.LayerNorm(5, dtype=float64), make.normal(3, 4, 5) + 1)
    make.normalised("group_norm", nn.GroupNorm(2, 6, dtype=float64), make.normal(3, 6, 2, 5) + 1)
    make.normalised("group_norm_1", nn.GroupNorm(1, 3, dtype=float64), make.normal(2, 3, 4, 3) + 1)
    inside = {"count_include_pad": False}
    for name, numbers in POOLS.items():
        x = make.normal(2, 3, 7, 6)
        make.pooled(f"max_{name}", lambda x, numbers=numbers: functional.max_pool2d(x, **numbers), x.clone())
        make.pooled(f"average_{name}", lambda x, n=numbers: functional.avg_pool2d(x, **n, **inside), x.clone())
    x = make.normal(2, 7, 4)
    for kind, pool, settings in (("max", functional.max_pool1d, {}), ("average", functional.avg_pool1d, inside)):
        make.pooled(
            f"{kind}_sequence",
            lambda x, pool=pool, s=settings: pool(x.mT, 3, stride=2, padding=1, **s).mT,
            x.clone(),
        )
    np.savez_compressed(FILE, **make.saved)


if __name__ == "__main__":
    main()
