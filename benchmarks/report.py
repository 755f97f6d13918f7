"""The results on the terminal."""

from __future__ import annotations

from typing import Any

from benchmarks.footprint import SMALLEST_BLOCK
from benchmarks.results import LOOP, Measured, Verdict, duration

AGAINST = {
    "over_best": "× best peer (jax: a call a step)",
    "over_loop": "× jax's compiled loop",
    "over_torch": "× torch",
    "over_sklearn": "× scikit-learn",
    "over_onnxruntime": "× onnxruntime",
    "microseconds": "",
    "floor_share": " of the floor's speed",
}


def aim_text(part: str, number: float) -> str:
    """A number of an aim with its unit and what it is measured against."""
    if part == "microseconds":
        return duration(number)
    return (f"{number:.0%}" if part == "floor_share" else f"{number:.3g}") + AGAINST[part]


def print_case(measured: Measured) -> None:
    """A table: every variant of every peer, the counted one of each marked.

    The best peer takes jax with a call a step, as the aims were set; its compiled loop has a column of its own.
    """
    floor = f"   floor {duration(measured.floor)}" if measured.floor else ""
    parts = measured.aim.parts().items()
    aims = ", ".join(("≤ " if part == "microseconds" else "≥ ") + aim_text(part, wanted) for part, wanted in parts)
    print(f"{measured.name}   aim: {aims}{floor}")
    loop = measured.loop()
    against = {"over best peer": measured.rivals()} | ({"over jax's loop": loop} if loop else {})
    print(f"  {'':44}{'median':>10}{'best':>10}" + "".join(f"{title:>17}" for title in against))
    for peer in measured.peers:
        variants, counted = measured.variants(peer), measured.counted(peer)
        for variant in variants:
            mark = "*" if variant == counted else "+" if variant == LOOP else " "
            name = peer if len(variants) == 1 else f"{peer}, {variant}"
            median, best = measured.microseconds(peer, variant), measured.best(peer, variant)
            ratios = (measured.speedup(over, peer, variant) for over in against.values())
            shown = "".join(f"{ratio:>16.3g}×" for ratio in ratios if ratio == ratio)
            print(f"{mark} {name:44}{duration(median):>10}{duration(best):>10}{shown}")
    for verdict in measured.verdicts():
        print(f"  {_sentence(verdict)}")
    if not measured.agreed:
        print(f"!!! LOSSES DISAGREE in {measured.name}: the times above are of different work")
    print(f"  {measured.remark}\n" if measured.remark else "")


def _sentence(verdict: Verdict) -> str:
    bound = "≤" if verdict.part == "microseconds" else "≥"
    reached, wanted = (aim_text(verdict.part, number) for number in (verdict.reached, verdict.wanted))
    return f"{reached} (aim {bound} {wanted}): {'reached' if verdict.met else 'not yet'}"


def print_memory(found: dict[str, Any]) -> None:
    """The memory of a long training at its beginning and at its end."""
    print(f"memory   aim: a flat peak, no step keeps even the {SMALLEST_BLOCK} bytes that malloc gives at least")
    for moment in ("first", "last"):
        line = found[moment]
        print(f"  after {line['steps']:>7,} steps: peak {line['peak']:,} bytes, now {line['resident']:,}")
    verdict = "reached" if found["met"] else "not yet"
    print(f"  the peak grew by {found['bytes_a_step']:.3g} bytes a step: {verdict}\n")


def print_step_memory(name: str, found: dict[str, Any]) -> None:
    """What the training of a convolutional network takes above the memory that was there before its first step."""
    print(f"{name}   peak of the training above the process before its first step; aim: at most torch's")
    for peer, entry in found["peers"].items():
        for variant, line in entry["variants"].items():
            mark = "*" if variant == entry["counted"] else " "
            step, idle = line["step"] / 1e6, line["idle"] / 1e6
            print(f"{mark} {f'{peer}, {variant}':44}{step:8.1f} MB   (before {idle:.1f} MB)")
    if "met" in found:
        print(f"  {'reached' if found['met'] else 'not yet'}")
    print()


def print_size(found: dict[str, Any]) -> None:
    """Installed sizes, ours against the aim."""
    print("size   installed, unpacked, with everything required")
    for name, entry in found["libraries"].items():
        largest = sorted(entry["parts"].items(), key=lambda pair: -pair[1])
        listed = ", ".join(f"{part} {size / 1e6:.1f}" for part, size in largest if size >= 1e5)
        print(f"  {name:14}{entry['bytes'] / 1e6:8.1f} MB   ({listed})")
    if "over_numpy" in found:
        verdict = "reached" if found["met"] else "not yet"
        print(f"  {found['over_numpy'] / 1e6:.1f} MB above NumPy (aim ≤ {found['wanted'] / 1e6:.0f} MB): {verdict}\n")
