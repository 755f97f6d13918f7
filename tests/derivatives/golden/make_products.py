"""Writes products.npz: gradients and products with Jacobian and Hessian by PyTorch 2.13.0 (CPU, float64).

Run it with a Python that has torch: ``python tests/derivatives/golden/make_products.py``. For each case the file
holds the parameters in glassnet's layouts by path, x, y, v (by x), w (by the parameters), u (by the outputs), and
torch's loss, outputs, gradients, ``jvp``, ``vjp`` and ``hvp`` of ``torch.autograd.functional``. Networks are in eval
mode.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("products.npz")
Tensor = Any
Parameters = dict[str, Tensor]


def dense(p: Parameters, path: str, x: Tensor) -> Tensor:
    return x @ p[f"{path}.weight"] + p[f"{path}.bias"]


def smooth(p: Parameters, x: Tensor) -> Tensor:
    from torch.nn import functional as f

    return dense(p, "4", f.gelu(dense(p, "2", dense(p, "0", x).tanh())))


def kinks(p: Parameters, x: Tensor) -> Tensor:
    from torch.nn import functional as f

    h = f.relu(dense(p, "0", x))
    h = h + f.elu(dense(p, "2.residual.0", h), 1.5)
    return dense(p, "4", f.leaky_relu(dense(p, "3.0", h), 0.2))


def images(p: Parameters, x: Tensor) -> Tensor:
    from torch.nn import functional as f

    h = f.conv2d(x, p["0.weight"], p["0.bias"])
    h = f.batch_norm(h, p["1.running_mean"], p["1.running_variance"], p["1.gamma"], p["1.beta"], training=False)
    return dense(p, "5", f.max_pool2d(f.relu(h), 2).flatten(1))


CASES: dict[str, tuple[Callable[..., Tensor], dict[str, tuple[int, ...]], tuple[int, ...], str]] = {
    "smooth": (
        smooth,
        {"0.weight": (3, 5), "0.bias": (5,), "2.weight": (5, 4), "2.bias": (4,), "4.weight": (4, 3), "4.bias": (3,)},
        (4, 3),
        "cross_entropy",
    ),
    "kinks": (
        kinks,
        {
            **{"0.weight": (4, 6), "0.bias": (6,), "2.residual.0.weight": (6, 6), "2.residual.0.bias": (6,)},
            **{"3.0.weight": (6, 5), "3.0.bias": (5,), "4.weight": (5, 2), "4.bias": (2,)},
        },
        (5, 4),
        "mean_squared_error",
    ),
    "images": (
        images,
        {
            **{"0.weight": (3, 2, 2, 2), "0.bias": (3,), "1.gamma": (3,), "1.beta": (3,)},
            **{"1.running_mean": (3,), "1.running_variance": (3,), "5.weight": (12, 3), "5.bias": (3,)},
        },
        (3, 2, 5, 5),
        "cross_entropy",
    ),
}


def main() -> None:
    import torch
    from torch.autograd.functional import hvp, jvp, vjp
    from torch.nn import functional as f

    rng = np.random.default_rng(0)
    saved: dict[str, Any] = {"torch": np.array(torch.__version__)}
    for case, (network, shapes, shape, loss_name) in CASES.items():
        values = {path: rng.normal(size=size) for path, size in shapes.items()}
        x, v = rng.normal(size=shape), rng.normal(size=shape)
        fixed = [path for path in shapes if "running" in path]
        for path in fixed:
            values[path] = rng.uniform(0.5, 1.5, shapes[path])
        # A row of zeros and biases of 0: each unit of the first layer stands at its kink. (Not so ELU: there torch
        # takes the slope of one side and the bend of the other.)
        if case == "kinks":
            values["0.bias"][:] = 0
            x[0] = 0
        if case == "images":  # patches of zeros at a kink, and equal ones in a window
            values["0.bias"][:] = values["1.running_mean"][:] = values["1.beta"][:] = 0
            x[0, :, :3] = 0
        trained = [path for path in shapes if path not in fixed]
        w = {path: rng.normal(size=shapes[path]) for path in trained}
        tensors = {path: torch.tensor(value) for path, value in values.items()}

        def outputs_of(*parts: Tensor) -> Tensor:
            return network({**tensors, **dict(zip(trained, parts[1:], strict=True))}, parts[0])  # noqa: B023

        outputs = network(tensors, torch.tensor(x))
        u = rng.normal(size=tuple(outputs.shape))
        if loss_name == "cross_entropy":
            y: Any = rng.integers(0, outputs.shape[1], len(x))
            loss = f.cross_entropy
        else:
            y, loss = rng.normal(size=tuple(outputs.shape)), f.mse_loss

        def loss_of(*parts: Tensor) -> Tensor:
            return loss(outputs_of(torch.tensor(x), *parts), torch.tensor(y))  # noqa: B023

        parts = tuple(tensors[path] for path in trained)
        directions = tuple(torch.tensor(w[path]) for path in trained)
        by_x = lambda given: outputs_of(given, *parts)  # noqa: B023, E731
        by_parameters = lambda *given: outputs_of(torch.tensor(x), *given)  # noqa: B023, E731
        needs = [torch.tensor(x, requires_grad=True), *(part.clone().requires_grad_(True) for part in parts)]
        total = loss(outputs_of(*needs), torch.tensor(y))
        slopes = torch.autograd.grad(total, needs)
        found = {
            "x": x, "y": y, "v": v, "u": u,
            "loss": float(total.detach()), "outputs": outputs, "input": slopes[0],
            "jvp": jvp(by_x, torch.tensor(x), torch.tensor(v))[1],
            "jvp_parameters": jvp(by_parameters, parts, directions)[1],
            "vjp": vjp(by_x, torch.tensor(x), torch.tensor(u))[1],
        }  # fmt: skip
        by_path = {
            "parameter": values,
            "w": w,
            "gradient": dict(zip(trained, slopes[1:], strict=True)),
            "vjp_parameters": dict(zip(trained, vjp(by_parameters, parts, torch.tensor(u))[1], strict=True)),
            "hvp": dict(zip(trained, hvp(loss_of, parts, directions)[1], strict=True)),
        }
        found |= {f"{kind} {path}": array for kind, arrays in by_path.items() for path, array in arrays.items()}
        saved |= {
            f"{case} {name}": value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
            for name, value in found.items()
        }
    np.savez_compressed(FILE, **saved)


if __name__ == "__main__":
    main()
