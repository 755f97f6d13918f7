"""The results as a table and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import Aim

OURS = "glassnet"
LOOP = "compiled loop"
COLOURS = {
    "glassnet compiled": "#1f5fa8",
    "glassnet numpy": "#8fb4dc",
    "numpy": "#6b8f3c",
    "torch": "#d1662b",
    "jax": "#8c4fa0",
}


@dataclass
class Measured:
    """A case with what every round of it found.

    Attributes:
        name: of the case.
        aim: of the case.
        rounds: for each round the line of every peer, by its name.
        floor: microseconds that the matrix products alone would take, or 0.
        remark: what else to say.
    """

    name: str
    aim: Aim
    rounds: list[dict[str, Any]]
    floor: float
    remark: str = ""

    @property
    def peers(self) -> list[str]:
        """Names of all that took part, glassnet too."""
        return list(self.rounds[0])

    @property
    def ours(self) -> str | None:
        """The engine that the aims are for."""
        return next((p for p in self.peers if p in ("glassnet compiled", OURS)), None)

    def variants(self, peer: str) -> list[str]:
        """Of a peer."""
        return list(self.rounds[0][peer]["variants"])

    def microseconds(self, peer: str, variant: str | None = None) -> float:
        """Median over the rounds of a peer's medians, of one variant or of the better one."""
        return median(_time(found, peer, variant) for found in self.rounds)

    def best(self, peer: str, variant: str) -> float:
        """The shortest time that the variant ever took."""
        return min(float(found[peer]["variants"][variant]["microseconds_best"]) for found in self.rounds)

    def ratio(self, peer: str, variant: str | None = None) -> float:
        """How many times faster than the best peer, round by round, and of these the median; nan without peers."""
        rivals = [p for p in self.peers if not p.startswith(OURS)]
        if not rivals:
            return float("nan")
        return median(min(_time(r, p) for p in rivals) / _time(r, peer, variant) for r in self.rounds)

    def ours_over(self, peer: str, *, without: str = "") -> float:
        """How many times faster glassnet is than a peer, or than its variants but one; nan where one is missing."""
        if self.ours is None or peer not in self.peers:
            return float("nan")
        names = [v for v in self.variants(peer) if v != without]
        if not names:
            return float("nan")
        return median(min(_time(r, peer, v) for v in names) / _time(r, self.ours) for r in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """Everything, for later comparison."""
        return {
            "aim": str(self.aim),
            "floor_microseconds": self.floor,
            "peers": {
                peer: {
                    "microseconds_median": self.microseconds(peer),
                    "ratio_to_best_peer": self.ratio(peer) if self.ratio(peer) == self.ratio(peer) else None,
                    "rounds": [found[peer] for found in self.rounds],
                }
                for peer in self.peers
            },
        }

    def verdicts(self) -> list[str]:
        """Each part of the aim with what was reached."""
        if self.ours is None:
            return []
        ours, aim = self.microseconds(self.ours), self.aim
        parts = [
            (aim.over_best, self.ratio(self.ours), "× best peer"),
            (aim.over_torch, self.ours_over("torch"), "× torch"),
            (aim.over_sklearn, self.ours_over("scikit-learn"), "× scikit-learn"),
            (100 * aim.floor_share, 100 * self.floor / ours, "% of the floor's speed"),
        ]
        found = [
            f"{reached:.3g}{what} (aim ≥ {wanted:g}): {_verdict(reached >= wanted)}"
            for wanted, reached, what in parts
            if wanted and reached == reached
        ]
        if aim.microseconds:
            found.append(
                f"{_duration(ours)} (aim ≤ {_duration(aim.microseconds)}): {_verdict(ours <= aim.microseconds)}"
            )
        return found


def _time(found: dict[str, Any], peer: str, variant: str | None = None) -> float:
    line = found[peer] if variant is None else found[peer]["variants"][variant]
    return float(line["microseconds_median"])


def _verdict(reached: bool) -> str:
    return "reached" if reached else "not yet"


def _duration(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e4), ("µs", 0)):
        if microseconds >= size:
            value = microseconds / {"s": 1e6, "ms": 1e3, "µs": 1}[unit]
            return f"{value:.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
    return "nan"


def spread(rounds: list[dict[str, Any]], key: str) -> float:
    """How far the losses of all peers and variants lie apart, as a share of their middle."""
    losses = [
        variant[key] for found in rounds for line in found.values() for variant in line["variants"].values()
        if key in variant
    ]  # fmt: skip
    if not losses:
        return 0.0
    apart = (max(losses) - min(losses)) / abs(median(losses))
    return apart if apart == apart else float("inf")


def print_case(measured: Measured, *, agreed: bool) -> None:
    """A table: every variant of every peer, the counted one of each marked."""
    floor = f"   floor {_duration(measured.floor)}" if measured.floor else ""
    print(f"{measured.name}   aim: {measured.aim}{floor}")
    print(f"  {'':38}{'median':>10}{'best':>10}  speed against the best peer")
    for peer in measured.peers:
        variants = measured.variants(peer)
        counted = min(variants, key=lambda v, p=peer: measured.microseconds(p, v))  # type: ignore[misc]
        for variant in variants:
            mark = "*" if variant == counted else " "
            name = peer if len(variants) == 1 else f"{peer}, {variant}"
            median_, best = measured.microseconds(peer, variant), measured.best(peer, variant)
            ratio = measured.ratio(peer, variant)
            shown = f"{ratio:9.3g}×" if ratio == ratio else ""
            print(f"{mark} {name:38}{_duration(median_):>10}{_duration(best):>10}{shown}")
    for verdict in measured.verdicts():
        print(f"  {verdict}")
    if "jax" in measured.peers and measured.ours and LOOP in measured.variants("jax"):
        print(f"  {measured.ours_over('jax', without=LOOP):.3g}× jax called once a step")
    if not agreed:
        print("!" * 79)
        for peer, line in measured.rounds[0].items():
            for variant, found in line["variants"].items():
                print(f"!!! {peer}, {variant}: { {k: v for k, v in found.items() if 'loss' in k} }")
        print(f"!!! LOSSES DISAGREE in {measured.name}: the times above are of different work")
    print(f"  {measured.remark}\n" if measured.remark else "")


def draw(cases: list[Measured], path: Path) -> None:
    """Bars on a logarithmic scale, one group for each case."""
    from matplotlib.figure import Figure

    names = [name for name in COLOURS if any(name in case.peers for case in cases)]
    figure = Figure(figsize=(2.2 + 1.15 * len(cases), 4.6), layout="constrained")
    axes = figure.add_subplot()
    width = 0.84 / len(names)
    for place, name in enumerate(names):
        found = [(i, case) for i, case in enumerate(cases) if name in case.peers]
        positions = [i + (place - (len(names) - 1) / 2) * width for i, _ in found]
        heights = [case.microseconds(name) for _, case in found]
        bars = axes.bar(positions, heights, width * 0.92, color=COLOURS[name], label=name)
        if name == names[0]:
            axes.bar_label(bars, [f"{h:.3g}" if h < 1000 else f"{h:.0f}" for h in heights], fontsize=7, padding=2)
    for i, case in enumerate(cases):
        lowest = min(case.microseconds(name) for name in names if name in case.peers)
        if case.floor > lowest / 50:
            axes.hlines(case.floor, i - 0.45, i + 0.45, color="black", linewidth=1, linestyle=":")
    axes.plot([], [], color="black", linewidth=1, linestyle=":", label="matrix products alone")
    axes.set_yscale("log")
    axes.set_ylabel("microseconds a step")
    axes.set_xticks(range(len(cases)), [case.name for case in cases], rotation=20, ha="right")
    axes.set_title("One training step; lower is better")
    axes.legend(frameon=False, ncols=2, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1))
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.margins(x=0.02, y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
