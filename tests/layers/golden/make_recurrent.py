"""Writes recurrent.npz: recurrent layers and their gradients by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/layers/golden/make_recurrent.py``. For each of RNN, LSTM and GRU,
and each direction, the file holds x (N, T, D), torch's weights and biases, its output of all steps, dy, and the
gradients of x, weights and biases, by torch's names. What goes backwards is the second half of a bidirectional layer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("recurrent.npz")
N, T, D, H = 3, 5, 4, 6


def main() -> None:
    import torch

    torch.manual_seed(0)
    found: dict[str, np.ndarray] = {"torch": np.array(torch.__version__)}
    for kind in ("RNN", "LSTM", "GRU"):
        layer = getattr(torch.nn, kind)(D, H, batch_first=True, bidirectional=True).double()
        x = torch.randn(N, T, D, dtype=torch.float64, requires_grad=True)
        for direction, suffix in (("forward", ""), ("reverse", "_reverse")):
            layer.zero_grad()
            x.grad = None
            y = layer(x)[0][:, :, H:] if suffix else layer(x)[0][:, :, :H]
            dy = torch.randn_like(y)
            y.backward(dy)
            arrays = {"x": x, "y": y, "dy": dy, "dx": x.grad}
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                parameter = getattr(layer, f"{name}_l0{suffix}")
                arrays |= {name: parameter, f"d{name}": parameter.grad}
            found |= {f"{kind}/{direction}/{name}": array.detach().numpy() for name, array in arrays.items()}
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
