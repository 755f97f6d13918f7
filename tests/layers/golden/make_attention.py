"""Writes attention.npz: self-attention and an encoder layer, with gradients, by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/layers/golden/make_attention.py``. For each case the file holds
x (N, T, D), the parameters by torch's names, the output, dy, and the gradients of x and the parameters. Rows of
"lengths" have 5, 2 and 4 steps; there the steps beyond them get no dy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("attention.npz")
N, T, D, H, HIDDEN = 3, 5, 6, 2, 7
LENGTHS = [5, 2, 4]


def main() -> None:
    import torch

    torch.manual_seed(0)
    later = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    beyond = torch.arange(T) >= torch.tensor(LENGTHS)[:, None]
    found: dict[str, Any] = {"torch": np.array(torch.__version__), "lengths": np.array(LENGTHS)}

    def keep(name: str, module: Any, masks: dict[str, Any], *, is_layer: bool) -> None:
        module = module.double()
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        x = torch.randn(N, T, D, dtype=torch.float64, requires_grad=True)
        y = module(x, **masks) if is_layer else module(x, x, x, **masks)[0]
        dy = torch.randn_like(y)
        if name == "lengths":
            dy[beyond] = 0
        y.backward(dy)
        arrays = {"x": x, "y": y, "dy": dy, "dx": x.grad}
        for key, parameter in module.named_parameters():
            arrays |= {key: parameter, f"d{key}": parameter.grad}
        found.update({f"{name}/{key}": array.detach().numpy() for key, array in arrays.items()})

    attention = torch.nn.MultiheadAttention
    keep("plain", attention(D, H, batch_first=True), {}, is_layer=False)
    keep("causal", attention(D, H, batch_first=True), {"attn_mask": later}, is_layer=False)
    keep("lengths", attention(D, H, batch_first=True), {"key_padding_mask": beyond}, is_layer=False)
    keep("without biases", attention(D, H, batch_first=True, bias=False), {}, is_layer=False)
    for norm_first, name in ((True, "norm first"), (False, "norm after")):
        layer = torch.nn.TransformerEncoderLayer(
            D, H, HIDDEN, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first
        )
        keep(name, layer, {"src_mask": later} if norm_first else {}, is_layer=True)
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
