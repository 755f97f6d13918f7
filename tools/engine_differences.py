"""How far the NumPy engine and the compiled one are apart after so many steps: the figures of docs/determinism.md.

    python tools/engine_differences.py

trains four networks on the 8×8 digits by both engines, from the same weights and on the same batches, and prints how
far their parameters, and their outputs for all digits, are apart: the largest difference as a share of the largest
number.
"""

from __future__ import annotations

import numpy as np

import glassnet as gn

STEPS = (1, 10, 100, 1000, 3000)
BATCH = 32


def networks(dtype: str, engine: str) -> dict[str, gn.Model]:
    """The networks, made anew."""
    dense = gn.Sequential(gn.Dense(64), gn.ReLU(), gn.Dense(10))
    smooth = gn.Sequential(gn.Dense(64), gn.Tanh(), gn.Dropout(0.2), gn.Dense(10))
    images, biased = (
        gn.Sequential(
            gn.Reshape((1, 8, 8)), gn.Conv2D(8, 3, padding="same", use_bias=use_bias), gn.BatchNorm(), gn.ReLU(),
            gn.MaxPool2D(2), gn.Flatten(), gn.Dense(10),
        )
        for use_bias in (False, True)
    )  # fmt: skip
    settings = {"seed": 0, "dtype": dtype, "engine": engine}
    return {
        "dense, ReLU, Adam": gn.Model(dense, "cross_entropy", gn.Adam(0.001), **settings),
        "dense, tanh, dropout, SGD": gn.Model(smooth, "cross_entropy", gn.SGD(0.05, momentum=0.9), **settings),
        "convolution, BatchNorm, Adam": gn.Model(images, "cross_entropy", gn.Adam(0.001), **settings),
        "the same with a bias": gn.Model(biased, "cross_entropy", gn.Adam(0.001), **settings),
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference as a share of the largest number."""
    exact = other.astype(np.float64)
    return float(np.abs(one - exact).max() / np.abs(exact).max())


def main() -> None:
    """Prints a line for each network and dtype."""
    data = gn.data.digits()
    x, y = data.x / 16, data.y
    order = np.random.default_rng(0).integers(0, len(x), size=(max(STEPS), BATCH))
    print(f"{'steps':<54}" + "".join(f"{steps:>10,}" for steps in STEPS))
    for dtype in ("float64", "float32"):
        compiled, numpy = (networks(dtype, engine) for engine in ("compiled", "numpy"))
        for name in compiled:
            both = compiled[name], numpy[name]
            found: dict[str, list[float]] = {"parameters": [], "outputs": []}
            done = 0
            for steps in STEPS:
                for rows in order[done:steps]:
                    for model in both:
                        model.step(x[rows], y[rows])
                done = steps
                found["parameters"].append(apart(*(model.network.parameters for model in both)))
                found["outputs"].append(apart(*(model.predict(x) for model in both)))
            for what, shares in found.items():
                words = f"{dtype}, {name}: {what}"
                print(f"{words:<54}" + "".join(f"{share:>10.0e}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
