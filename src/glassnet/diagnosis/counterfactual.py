"""Short trainings of copies side by side: what a mend does for a model, measured by the model's own loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from glassnet.core.errors import DivergenceError, GlassnetError
from glassnet.core.shapes import Array
from glassnet.diagnosis.baseline import baseline_loss, loss_of
from glassnet.diagnosis.finding import Counterfactual, Finding, Mend
from glassnet.diagnosis.mends import Changed, advice, changed
from glassnet.diagnosis.signals import MOST_DEAD, look
from glassnet.diagnosis.trials import Trainable
from glassnet.training import Rows

EPOCHS, BATCH, POINTS = 20, 32, 10
"""Of a short training, and how often it is measured."""
HELPS, LEAST_GAIN = 0.85, 0.05
"""A mend helps where at most this share of the loss is left, and the fall is at least this share of what a constant
answer has."""


@dataclass
class Bench:
    """Where mends are tried.

    Args:
        model: stays as it is.
        rows: to train on.
        held: to measure on, as the network gets them; often the same.
        epochs: of each training.
        balanced: whether the loss is the mean of those of the classes, so that a rare one counts.
        lowest: whether the lowest loss of the whole training counts, as rows that were not trained on have it.
        rate: of both runs in place of the model's own, where that one shows nothing.
    """

    model: Trainable
    rows: Rows
    held: Rows
    epochs: int = EPOCHS
    balanced: bool = False
    lowest: bool = False
    rate: float | None = None
    _curves: dict[str, Array] = field(default_factory=dict)
    deaths: list[dict[str, float]] = field(default_factory=list)
    """Of the model's own settings: the shares of dead units by layer, at each point of the curve."""

    @property
    def scale(self) -> float:
        """The loss of the best constant answer, or the first one where that is not known."""
        shape = self.model.network.output_shape or ()
        if self.balanced:
            return float(np.log(max(2, *shape)))
        known = baseline_loss(self.model.loss, self.rows.targets, shape[0]) if len(shape) == 1 else None
        first = float(self.own[0])
        return known if known else first if np.isfinite(first) and first > 0 else 1.0

    @property
    def own(self) -> Array:
        """The losses of the model's own settings (S,)."""
        return self.curve(None)

    def curve(self, mend: Mend | None) -> Array:
        """The losses with a mend (S,); inf from where it diverged, and all over where it cannot be made."""
        key = "" if mend is None else f"{mend.setting} {mend.value}"
        if key not in self._curves:
            made = changed(self.model, mend, self.rows, self.held, rate=self.rate)
            self._curves[key] = np.full(POINTS + 1, np.inf) if made is None else self._train(made, watched=mend is None)
        return self._curves[key]

    def reached(self, mend: Mend | None) -> float:
        """The lowest of the last three losses, or of all; inf where the training diverged."""
        last = self.curve(mend)[0 if self.lowest else -3 :]
        return float(last.min()) if np.isfinite(last).all() else np.inf

    def compare(self, mend: Mend) -> Counterfactual:
        """Both curves."""
        steps = np.linspace(0, self.epochs, POINTS + 1).round() * -(-len(self.rows) // BATCH)
        of = "mean loss of the classes" if self.balanced else "loss"
        of += "" if self.rate is None else f", both at a rate of {self.rate:.2g}"
        return Counterfactual(mend, steps.astype(int), self.own, self.curve(mend), of)

    def gain(self, mend: Mend) -> float:
        """How much lower the last loss is with the mend, as a share of what a constant answer has."""
        own, mended, most = self.reached(None), self.reached(mend), 2 * self.scale
        return (min(own, most) - min(mended, most)) / self.scale

    def helps(self, mend: Mend) -> bool:
        """Whether the mend is worth advising."""
        own, mended = self.reached(None), self.reached(mend)
        if not np.isfinite(mended):
            return False
        return self.gain(mend) >= LEAST_GAIN and mended <= HELPS * own

    def proven(self, finding: Finding, mends: Sequence[Mend]) -> Finding | None:
        """The finding with the first of some mends that helps; None where none of those that can be made does."""
        for mend in mends:
            if self.helps(mend):
                return replace(finding, fix=advice(mend), mend=mend, proof=self.compare(mend))
        can_be_tried = any(changed(self.model, mend, self.rows, self.held) for mend in mends)
        return None if can_be_tried else finding

    def died(self) -> str:
        """Which layer of a training with the model's own settings lost its units and when, in words; or nothing."""
        self.curve(None)
        each = self.epochs // POINTS * -(-len(self.rows) // BATCH)
        for path in self.deaths[0] if self.deaths else ():
            shares = [at[path] for at in self.deaths]
            late = next((place for place, share in enumerate(shares) if share >= MOST_DEAD), None)
            if late is not None and shares[-1] >= MOST_DEAD:
                when = "from the first step on" if late == 0 else f"since step {(late - 1) * each} to {late * each}"
                return f"in a training with new weights {shares[-1]:.0%} of the units of layer {path} are dead {when}"
        return ""

    def _train(self, made: Changed, *, watched: bool) -> Array:
        """Losses of a copy, before its training and at equal distances in it."""
        losses = [self._measure(made)]
        self._look(made, watched)
        each = self.epochs // POINTS
        for _ in range(POINTS):
            try:
                made.model.fit(
                    made.rows.x, made.rows.targets, epochs=each, batch_size=BATCH, verbose=False,
                    sample_weight=made.rows.weights,
                )  # fmt: skip
            except DivergenceError:
                break
            losses.append(self._measure(made))
            self._look(made, watched)
        return np.array(losses + [np.inf] * (POINTS + 1 - len(losses)))

    def _look(self, made: Changed, watched: bool) -> None:
        """Notes which units are dead by now."""
        if watched:
            with np.errstate(all="ignore"):
                record = look(made.model.network, made.model.loss, made.rows, seed=self.model.seed)
            self.deaths.append(dict(record.dead))

    def _measure(self, made: Changed) -> float:
        with np.errstate(all="ignore"):
            outputs = made.read(np.asarray(made.model.predict(made.held)))
            if not np.isfinite(outputs).all():
                return np.inf
            try:
                loss = self._loss(np.ascontiguousarray(outputs))
            except GlassnetError:
                return np.inf
        return loss if np.isfinite(loss) else np.inf

    def _loss(self, outputs: Array) -> float:
        loss, targets = self.model.loss, self.held.targets
        if not self.balanced:
            return loss_of(loss, outputs, targets)
        labels = targets if targets.ndim == 1 else (targets[:, 0] > 0.5).astype(int)
        chosen = [labels == label for label in np.unique(labels)]
        return float(np.mean([loss_of(loss, np.ascontiguousarray(outputs[own]), targets[own]) for own in chosen]))
