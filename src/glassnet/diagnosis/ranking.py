"""Which suspicions are true: each is tried, those that explain most come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np

from glassnet.core.randomness import generator
from glassnet.diagnosis.counterfactual import EPOCHS, Bench
from glassnet.diagnosis.data import unscaled_inputs
from glassnet.diagnosis.finding import Finding, Mend
from glassnet.diagnosis.mends import default_inits
from glassnet.diagnosis.rates import RateTest
from glassnet.diagnosis.setup import capacity, suspicions
from glassnet.diagnosis.trials import Trainable
from glassnet.training import Rows

ROWS, MOST, IMAGES = 256, 1000, 128
"""Rows of a short training; of one that more units or rare classes are tried in; of images."""
LONGER = 3 * EPOCHS
FEWEST = 128
"""Rows from which on half of them is held out."""
ORDER = (
    "nothing_to_learn", "targets_unscaled", "unscaled_inputs", "unreachable_targets", "sigmoid_with_squared_error",
    "penalty_too_strong", "equal_units", "dead_relu", "vanishing_gradients", "exploding_gradients", "first_loss",
    "learning_rate_too_high", "learning_rate_too_low", "bottleneck", "no_hidden_layer", "class_imbalance",
)  # fmt: skip
"""Of causes that explain about as much, what comes first: what the others follow from."""
RATES = ("learning_rate_too_high", "learning_rate_too_low")
STRONG = 0.5
"""Share of the greatest gain from which on a mend counts as explaining as much."""
CERTAIN = ("equal_units",)
"""What is seen rather than suspected: told also where no short training is long enough to show what the mend does."""
UNLEARNED = 0.5
"""Share of a constant answer's loss above which a training has hardly begun."""
LEAST_FALL = 0.1
"""Share of a better rate's fall that the model's own must reach."""


class Trial:
    """The benches of one diagnosis.

    Args:
        model: stays as it is.
        rows: all rows.
        test: the learning-rate range test.
    """

    def __init__(self, model: Trainable, rows: Rows, test: RateTest) -> None:
        self.model, self.rows, self.test = model, rows, test
        is_large = rows.x.ndim > 2
        order = generator(model.seed, "trial").permutation(len(rows))
        self.short = self._bench(rows.take(order[: 2 * (IMAGES if is_large else ROWS)]))
        self.faster = replace(self.short, rate=float(f"{test.suggested:.1g}"), _curves={}, deaths=[])
        self.long = self._bench(rows.take(order[: 2 * (IMAGES if is_large else MOST)]), epochs=LONGER)
        self.longest = replace(self.long, lowest=True)  # with the same curves
        self.balanced = replace(self.long, balanced=True, _curves={}, deaths=[])

    def _bench(self, rows: Rows, epochs: int = EPOCHS) -> Bench:
        half = len(rows) // 2
        if len(rows) < FEWEST:
            return Bench(self.model, rows, rows, epochs)
        return Bench(self.model, rows.take(slice(half)), rows.take(slice(half, None)), epochs)

    def proven(self, hinted: list[Finding]) -> list[Finding]:
        """What of the hints and of the other suspicions is true."""
        found: list[Finding | None] = []
        for finding in hinted:
            mends = self._mends(finding.name)
            if finding.name == "dead_relu" and (died := self.short.died()):
                finding = replace(finding, measured=f"{finding.measured}; {died}")
            if finding.name != "class_imbalance":
                found.append(
                    self._tried(finding, mends) if mends else finding if finding.name != "first_loss" else None
                )
        found += self._rate()
        for finding, mends in suspicions(self.model, self.rows):
            if finding.name == "class_imbalance":
                # A class whose loss is above ln 2 on the average is missed: with two classes, half of that is the mean.
                if self.balanced.reached(None) > 0.5 * np.log(2):
                    found.append(self.balanced.proven(finding, mends))
            else:
                found.append(self.short.proven(finding, mends))
        for finding, mends in capacity(self.model):
            bench = self.long if finding.name == "penalty_too_strong" else self.longest
            if bench.reached(None) > UNLEARNED * bench.scale:
                found.append(bench.proven(finding, mends))
        return ranked([finding for finding in found if finding is not None], self)

    def _tried(self, finding: Finding, mends: Sequence[Mend]) -> Finding | None:
        """The finding, if a mend helps with the model's own rate; or, where that gets nowhere, with a better one."""
        found = self.short.proven(finding, mends)
        if found is None and self.short.reached(None) > UNLEARNED * self.short.scale:
            found = self.faster.proven(finding, [mend for mend in mends if mend.setting != "learning_rate"])
        if found is None and finding.name in CERTAIN:
            found = self.long.proven(finding, mends) or finding
        return found

    def _mends(self, name: str) -> tuple[Mend, ...]:
        """What may help against an illness that a look has shown."""
        redrawn = Mend("weight_init", None, "the layers' own initial weights")
        drawn = (redrawn,) if self._has_own_inits() else ()
        scaled = Mend("preprocessing", "standardize", "standardised inputs")
        scale = (scaled,) if any(unscaled_inputs(self.rows.x, None)) else ()
        rates = tuple(rate_mend(rate) for rate in self._rates())
        relu = Mend("activation", "relu", "ReLU between the layers")
        return {
            "unscaled_inputs": (scaled,),
            "equal_units": (redrawn,),
            "dead_relu": (*drawn, *scale, *rates, Mend("activation", "leaky_relu", "LeakyReLU")),
            "vanishing_gradients": (relu, *drawn),
            "exploding_gradients": (*drawn, *scale, Mend("clip", 1.0, "gradients clipped to length 1")),
            "first_loss": (*drawn, *scale),
        }.get(name, (*drawn, *scale, relu) if name.startswith("saturated_") else ())

    def _has_own_inits(self) -> bool:
        model = self.model
        if not model.epochs_trained and not model.optimizer.steps:
            drawn = model.untrained(deepcopy(model.optimizer)).network.parameters
            if not np.array_equal(drawn, model.network.parameters):
                return True
        layers = (layer for _, layer in model.network.walk())
        return any(
            repr(getattr(layer, name)) != repr(type(layer)(**(layer.settings() | {name: default})).__dict__[name])
            for layer in layers
            for name, default in default_inits(layer).items()
        )

    def _rates(self) -> list[float]:
        own = float(self.model.optimizer.rate_at(0))
        rounded = (float(f"{self.test.suggested * share:.1g}") for share in (1.0, 0.3, 0.1))
        return [rate for rate in rounded if rate < own / 2]

    def _rate(self) -> Iterator[Finding]:
        """Whether the model's rate is too high or too low for its steps to arrive."""
        own, bench = float(self.model.optimizer.rate_at(0)), self.short
        reached, first = bench.reached(None), float(bench.own[0])
        if own <= 0 or reached <= UNLEARNED * bench.scale:
            return
        steps = int(bench.compare(rate_mend(own)).steps[-1])
        last = f"{reached:.3g}" if np.isfinite(reached) else "no finite number"
        measured = f"{steps} steps at the model's rate of {own:.3g} take the loss from {first:.3g} to {last}"
        measured += f"; {died}" if (died := bench.died()) else ""
        lower = sorted(map(rate_mend, self._rates()), key=bench.reached)
        high = Finding(
            "learning_rate_too_high", repr(self.model.optimizer), measured,
            "Steps this large leap over the valley and up the other side", "",
        )  # fmt: skip
        found = bench.proven(high, lower[:1]) if lower else None
        higher = float(f"{self.test.suggested:.1g}")
        if found is None and higher > 3 * own:
            mend = rate_mend(higher)
            low = Finding(
                "learning_rate_too_low", repr(self.model.optimizer), measured,
                "Steps this small get nowhere in the epochs there are", "",
            )  # fmt: skip
            if first - reached < LEAST_FALL * (first - bench.reached(mend)):
                found = bench.proven(low, (mend,))
        if found is not None:
            yield found


def rate_mend(rate: float) -> Mend:
    """Another learning rate."""
    return Mend("learning_rate", rate, f"a rate of {rate:.2g}")


def ranked(found: list[Finding], trial: Trial) -> list[Finding]:
    """The findings, what explains most first; of those that explain about as much, what the others follow from."""

    def gain(finding: Finding) -> float:
        if finding.proof is None:
            return np.inf if finding.name == "nothing_to_learn" else 0.0
        own, mended = (float(curve[-3:].min()) for curve in (finding.proof.own, finding.proof.mended))
        most = 2 * trial.short.scale
        return (min(own, most) - min(mended, most)) / trial.short.scale

    greatest = max(map(gain, found), default=0.0)

    def place(finding: Finding) -> float:
        """Where it stands in ``ORDER``; what another rate mends, such as units that a leap killed, after the rates."""
        if finding.mend is not None and finding.mend.setting == "learning_rate" and finding.name not in RATES:
            return ORDER.index(RATES[-1]) + 0.5
        return ORDER.index(finding.name) if finding.name in ORDER else len(ORDER)

    def key(finding: Finding) -> tuple[bool, float, float]:
        return gain(finding) < STRONG * greatest, place(finding), -gain(finding)

    return sorted(found, key=key)
