"""What was measured, and how it compares: the same for the terminal, the JSON file, the page and the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import CASES, IMPORT_AIM, Aim

ROOT = Path(__file__).parents[1]
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
OURS = "glassnet"
LOOP = "compiled loop"
"""jax's variant that is compared apart: no step of it ever returns to Python."""
IMPORT = "import"


@dataclass(frozen=True)
class Verdict:
    """A part of an aim: its name in ``Aim``, the number wanted, the number reached."""

    part: str
    wanted: float
    reached: float

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.reached <= self.wanted if self.part == "microseconds" else self.reached >= self.wanted


@dataclass
class Measured:
    """A case with what every round of it found.

    Attributes:
        name: of the case.
        aim: of the case.
        rounds: for each round the line of every peer, by its name.
        floor: microseconds that the matrix products alone would take, or 0.
        remark: what else to say.
        agreed: whether the losses lie as close together as they must.
    """

    name: str
    aim: Aim
    rounds: list[dict[str, Any]]
    floor: float = 0.0
    remark: str = ""
    agreed: bool = True

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

    def counting(self, peer: str) -> list[str]:
        """The variants of a peer that may stand for it, jax's compiled loop aside."""
        found = self.rounds[0][peer]["variants"]
        return [v for v in found if v != LOOP and found[v].get("counts", True)]

    def counted(self, peer: str) -> str:
        """The variant that stands for a peer: of those that may, the fastest by the median over the rounds."""
        return min(self.counting(peer), key=lambda v: self.microseconds(peer, v))

    def microseconds(self, peer: str, variant: str | None = None) -> float:
        """Median over the rounds of a peer's medians, of one variant or of the one that counts."""
        variant = variant or self.counted(peer)
        return median(_time(found, peer, variant) for found in self.rounds)

    def best(self, peer: str, variant: str) -> float:
        """The shortest time that the variant ever took."""
        return min(float(found[peer]["variants"][variant]["microseconds_best"]) for found in self.rounds)

    def over(self, library: str) -> float:
        """How many times faster than one peer, its compiled loop aside; NaN where it took no part."""
        return self.speedup({library: self.counting(library)} if library in self.peers else {})

    def rivals(self) -> dict[str, list[str]]:
        """Everything that counts for the best peer."""
        return {p: self.counting(p) for p in self.peers if not p.startswith(OURS)}

    def loop(self) -> dict[str, list[str]]:
        """The compiled loop of jax, where it took part."""
        return {p: [LOOP] for p in self.peers if LOOP in self.variants(p)}

    def best_peer(self) -> str | None:
        """The fastest but glassnet, jax by a call a step."""
        return min(self.rivals(), key=self.microseconds, default=None)

    def speedup(self, over: Mapping[str, Sequence[str]], peer: str | None = None, variant: str | None = None) -> float:
        """How many times faster than the fastest of ``over``, round by round, and of these the median.

        Args:
            over: variants by peer; of each round the fastest of them counts.
            peer: who is compared; glassnet without it.
            variant: of the peer; the one that counts without it.
        """
        peer = peer or self.ours
        pairs = [(p, v) for p, names in over.items() for v in names]
        if peer is None or not pairs:
            return float("nan")
        variant = variant or self.counted(peer)
        return median(min(_time(r, p, v) for p, v in pairs) / _time(r, peer, variant) for r in self.rounds)

    def verdicts(self) -> list[Verdict]:
        """Each part of the aim with what was reached, as far as the peers took part."""
        if self.ours is None:
            return []
        ours = self.microseconds(self.ours)
        reached = {
            "over_best": self.speedup(self.rivals()),
            "over_loop": self.speedup(self.loop()),
            "over_torch": self.over("torch"),
            "over_sklearn": self.over("scikit-learn"),
            "over_onnxruntime": self.over("onnxruntime"),
            "microseconds": ours,
            "floor_share": self.floor / ours,
        }
        parts = self.aim.parts().items()
        return [Verdict(part, wanted, reached[part]) for part, wanted in parts if reached[part] == reached[part]]

    def as_json(self) -> dict[str, Any]:
        """Everything, for later comparison."""
        peers = {
            peer: {
                "counted": self.counted(peer),
                "microseconds_median": self.microseconds(peer),
                "over_best_peer": _or_none(self.speedup(self.rivals(), peer)),
                "over_jax_loop": _or_none(self.speedup(self.loop(), peer)),
                "rounds": [found[peer] for found in self.rounds],
            }
            for peer in self.peers
        }
        return {
            "aim": self.aim.parts(),
            "verdicts": [vars(verdict) | {"met": verdict.met} for verdict in self.verdicts()],
            "best_peer": self.best_peer(),
            "floor_microseconds": self.floor,
            "losses_agree": self.agreed,
            "remark": self.remark,
            "peers": peers,
        }

    @classmethod
    def from_json(cls, name: str, entry: dict[str, Any]) -> Measured:
        """What ``as_json`` wrote, against the aim of today."""
        lines = {peer: found["rounds"] for peer, found in entry["peers"].items()}
        rounds = [dict(zip(lines, found, strict=True)) for found in zip(*lines.values(), strict=True)]
        aim = IMPORT_AIM if name == IMPORT else CASES[name].aim
        return cls(name, aim, rounds, entry["floor_microseconds"], entry["remark"], entry["losses_agree"])


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


def duration(microseconds: float) -> str:
    """Three digits; in µs below 1000, in ms above."""
    value, unit = (microseconds, "µs") if microseconds < 999.5 else (microseconds / 1e3, "ms")
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _time(found: dict[str, Any], peer: str, variant: str) -> float:
    return float(found[peer]["variants"][variant]["microseconds_median"])


def _or_none(number: float) -> float | None:
    return number if number == number else None
