"""Two networks play against each other, and one of them learns to draw points that it has never seen.

The maker turns noise into points of the plane, the judge says whether a point is real. Real points lie on a ring with
the radius 2, a little blurred. With J for the judge's logit, σ for the sigmoid and M for the maker, in turns

- the judge learns from real points x and made ones M(z):  L = −mean log σ(J(x)) − mean log(1 − σ(J(M(z))));
- the maker learns through the judge, which stays as it is:  L = −mean log σ(J(M(z))).

Each has its own optimizer. Behind the maker stands ``judge.frozen()``: the same weights, not trained from there. The
game is that of I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014; the maker's loss is the one that its
section 3 recommends for the beginning.

Run it:  python examples/9_maker_and_judge.py
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import glassnet as gn
from glassnet.core.shapes import Array

RADIUS, BLUR, NOISE, BATCH = 2.0, 0.05, 4, 64


class Result(NamedTuple):
    """What the maker draws in the end."""

    points: Array
    radius: float
    spread: float
    emptiest: float
    picture: Path | None


def main(seed: int = 0, steps: int = 3000, plot: bool = False, output: str | Path = "output") -> Result:
    """Plays, and tells how round the ring is and whether a part of it is missing."""
    rng = np.random.default_rng(seed)
    judge = gn.Sequential(gn.Dense(32), gn.LeakyReLU(0.2), gn.Dense(32), gn.LeakyReLU(0.2), gn.Dense(1))
    maker = gn.Sequential(gn.Dense(32), gn.ReLU(), gn.Dense(32), gn.ReLU(), gn.Dense(2))
    judging = gn.Model(judge, "binary_cross_entropy", gn.Adam(0.002, beta1=0.5), seed=seed)
    making = gn.Model(
        gn.Sequential(maker, judge.frozen()), "binary_cross_entropy", gn.Adam(0.002, beta1=0.5), seed=seed
    )
    making.network.build(NOISE, seed=seed)
    yes, no = np.ones((BATCH, 1)), np.zeros((BATCH, 1))

    for step in range(steps):
        made = maker(rng.normal(size=(BATCH, NOISE)))
        judged = judging.step(np.concatenate([ring(rng), made]), np.concatenate([yes, no]))
        fooled = making.step(rng.normal(size=(BATCH, NOISE)), yes)
        if step % 500 == 0:
            print(f"step {step:4}: the judge's loss {judged:.3f}, the maker's {fooled:.3f}")

    points = maker(rng.normal(size=(2000, NOISE)))
    radius, angle = np.hypot(*points.T), np.arctan2(points[:, 1], points[:, 0])
    sectors = np.histogram(angle, bins=12, range=(-np.pi, np.pi))[0] / len(points)
    picture = draw(points, ring(rng, 500), Path(output)) if plot else None
    result = Result(points, float(radius.mean()), float(radius.std()), float(sectors.min()), picture)
    print(f"made: radius {result.radius:.2f} ± {result.spread:.2f}; real: {RADIUS:.2f} ± {BLUR:.2f}")
    print(f"the emptiest of 12 sectors has {result.emptiest:.1%} of the points; evenly it would be {1 / 12:.1%}")
    if picture:
        print(f"picture: {picture}")
    return result


def ring(rng: np.random.Generator, count: int = BATCH) -> Array:
    angle = rng.uniform(0, 2 * np.pi, count)
    return RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1) + BLUR * rng.normal(size=(count, 2))


def draw(points: Array, real: Array, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(real[:, 0], real[:, 1], s=6, color="#22313f", label="real")
    axes.scatter(points[:500, 0], points[:500, 1], s=6, color="#c4442e", label="made")
    axes.set_aspect("equal")
    axes.legend(loc="center")
    path = folder / "9_maker_and_judge.png"
    figure.savefig(path, dpi=120)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A maker and a judge learn from each other to draw a ring.")
    parser.add_argument("--seed", type=int, default=0, help="of weights, noise and real points (0)")
    parser.add_argument("--steps", type=int, default=3000, help="updates of each network (3000)")
    parser.add_argument("--plot", action="store_true", help="draw real and made points")
    parser.add_argument("--output", default="output", help="the folder for the picture (output)")
    options = parser.parse_args()
    main(seed=options.seed, steps=options.steps, plot=options.plot, output=options.output)
