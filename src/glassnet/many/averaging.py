"""What an ensemble answers: means of what its members answer, and how far these lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.calls import Closed, suggests
from glassnet.core.errors import ConfigurationError, DivergenceError, GlassnetError
from glassnet.core.ragged import Padded
from glassnet.core.settings import boolean
from glassnet.core.shapes import Array
from glassnet.losses import Loss, WeightedSum
from glassnet.many.averages import answers, by_output, classes, entropy, mean, mean_outputs
from glassnet.many.members import require_one_shape
from glassnet.model import Model
from glassnet.model.named_data import named_classes
from glassnet.network import Graph, lengths_after


class Entropies(NamedTuple):
    """How unsure an ensemble is about the class of each row, in nats: total = expected + mutual.

    Attributes:
        total: the entropy of the mean probabilities, from 0 to log K.
        expected: the mean of the members' entropies: what they all are unsure of, such as classes that overlap.
        mutual: the mutual information of class and member: how much the members contradict each other, as they do
            where there was little to learn from.

    Source: N. Houlsby, F. Huszár, Z. Ghahramani, M. Lengyel, "Bayesian active learning for classification and
    preference learning" (2011), equation 2.
    """

    total: Array
    expected: Array
    mutual: Array


class Averaging(Closed):
    """The answers of an ``Ensemble``."""

    members: tuple[Model, ...]
    _failed: dict[int, Exception]

    @property
    def loss(self) -> Loss:
        """The loss of all members."""
        return self.members[0].loss

    def predict(self, x: Any) -> Any:
        """The mean of the members' answers, shaped as a member's outputs (N, ...): see the class for what is averaged.

        Args:
            x: inputs, as ``Model.predict`` takes them, rows of different length too.

        Returns:
            Probabilities (N, K) of classes, values in the targets' own unit, or scores, in the members' dtype; with
            ``target_scaling`` float64. A dict for several outputs; ``gn.data.Padded`` for steps of rows of different
            length.

        Raises:
            NotBuiltError: the members are not trained.
            DivergenceError: some have diverged, see ``fit``.
        """
        outputs, lengths = self._outputs(x, "predict")
        return self._in_form(mean(self._answers(outputs)), lengths)

    def predict_members(self, x: Any) -> list[Any]:
        """What each member answers, in the form of ``predict``, in their order."""
        outputs, lengths = self._outputs(x, "predict_members")
        return [self._in_form(own, lengths) for own in self._answers(outputs)]

    def spread(self, x: Any) -> Any:
        """The standard deviation between the members' answers: √((1/M) Σ (a_m − ā)²), in the form of ``predict``.

        It is large where the data did not tell the members what to answer; what they all are unsure of, such as noise
        in the targets, it does not show.
        """
        outputs, lengths = self._outputs(x, "spread")
        found = self._answers(outputs)
        scaling = self.members[0].target_scaling
        is_bent = scaling is not None and not scaling.is_affine
        if scaling is not None and is_bent:
            found = [scaling.invert(own, np.float64) for own in found]
        deviation = np.sqrt(mean([(own - mean(found)) ** 2 for own in found]))
        if is_bent:
            return deviation if lengths is None else Padded(deviation, lengths)
        return self._in_form(deviation, lengths, of_differences=True)

    def entropies(self, x: Any) -> Entropies:
        """How unsure the ensemble is of each row's class (N,), or each step's (N, T), and what of it is disagreement.

        For yes-or-no outputs (N, M) each has its own. Behind the ends of rows of different length it is 0.

        Raises:
            ConfigurationError: the loss gives no probabilities, or the model has several outputs by name.
        """
        self.members[0].require_one_output("Ensemble.entropies")
        outputs, lengths = self._outputs(x, "entropies")
        shares = self._answers(outputs)
        total, expected = entropy(self.loss, mean(shares)), mean([entropy(self.loss, own) for own in shares])
        if lengths is not None:
            shown = np.arange(total.shape[1]) < lengths[:, None]
            total, expected = total * shown, expected * shown
        return Entropies(total, expected, np.maximum(total - expected, 0))

    def predict_classes(self, x: Any, *, names: bool = False) -> Any:
        """The class of the largest mean probability, or score, in the form of ``Model.predict_classes``.

        Args:
            x: inputs, as ``predict`` takes them.
            names: whether to give the classes' names instead of their numbers.

        Raises:
            ConfigurationError: the loss is not about classes; the members do not know their names.
        """
        first, names = self.members[0], boolean(names, "names", "predict_classes")
        outputs, lengths = self._outputs(x, "predict_classes")
        averaged = mean(self._answers(outputs))
        if isinstance(self.loss, WeightedSum) and isinstance(first.network, Graph) and len(first.network.outputs) > 1:
            by_name = {name: self.loss.loss_of(name) for name in first.network.outputs}
            parts = first.network.unpack(averaged)
            found: Any = {name: classes(own, parts[name]) for name, own in by_name.items() if own.decides_classes}
        else:
            own = self.loss.loss_of(next(iter(self.loss.losses))) if isinstance(self.loss, WeightedSum) else self.loss
            found = classes(own, averaged) if own.decides_classes else {}
        if isinstance(found, dict) and not found:
            raise ConfigurationError(
                where="Ensemble.predict_classes",
                received=f"members trained with {self.loss!r}",
                expected="a loss about classes: CrossEntropy, BinaryCrossEntropy or Hinge",
                fix="use ensemble.predict(x)",
            )
        if lengths is not None:
            padded = Padded(found, lengths)
            return [named_classes(first, row) for row in padded] if names else padded
        return named_classes(first, found) if names else found

    @suggests
    def evaluate(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics of the mean answers, in the form of ``Model.evaluate``.

        The loss is that of one network with these answers: for ``CrossEntropy`` −log p̄ of the right class. That, and
        the squared error, is never above the mean of the members' own.

        Args:
            x: inputs.
            y: targets, as the loss wants them.
            sample_weight: a weight ≥ 0 for each row (N,).
        """
        self._require_good("evaluate")
        first = self.members[0]
        rows = first.rows(x, y, sample_weight, where="evaluate", ragged=True).require_weight(where="evaluate")

        def outputs_for(inputs: Array, lengths: Array | None) -> Array:
            return self._averaged_outputs(self._outputs_for(inputs, lengths, "evaluate: x"))

        return replace(first._trainer(), predict=outputs_for).evaluate(rows)

    def mean_outputs(self, x: Any) -> Array:
        """Outputs (N, ...) of one network that would answer as the ensemble does: for ``CrossEntropy`` log p̄.

        They are what the loss, metrics and ``loss.probabilities`` take, in the members' dtype; of several outputs side
        by side, of rows of different length with zeros behind their ends. With ``target_scaling`` they are
        standardised.
        """
        return self._averaged_outputs(self._outputs(x, "mean_outputs")[0])

    # What the members give

    def _outputs(self, x: Any, where: str) -> tuple[list[Array], Array | None]:
        """The outputs of each member's network for x, and how many steps of each row count."""
        self._require_good(where)
        inputs, lengths = self.members[0].inputs_and_lengths(x, where=f"{where}: x")
        outputs = self._outputs_for(inputs, lengths, f"{where}: x")
        return outputs, None if lengths is None else lengths_after(self.members[0].network, lengths)

    def _outputs_for(self, inputs: Array, lengths: Array | None, where: str) -> list[Array]:
        """The outputs of each member's network for rows as networks take them."""
        for member in self.members:
            member.network.demands.check(inputs, where=where)
        return [member._outputs(inputs, lengths) for member in self.members]

    def _averaged_outputs(self, outputs: Sequence[Array]) -> Array:
        first = self.members[0]
        return by_output(first, mean_outputs, outputs).astype(first.dtype)

    def _answers(self, outputs: Sequence[Array]) -> list[Array]:
        """What is averaged of each member's outputs, float64."""
        return [by_output(self.members[0], lambda loss, given: answers(loss, given[0]), [own]) for own in outputs]

    def _in_form(self, averaged: Array, lengths: Array | None, *, of_differences: bool = False) -> Any:
        """Answers, or differences of answers, in the unit and form in which a member predicts."""
        first = self.members[0]
        scaling, network = first.target_scaling, first.network
        if scaling is None:
            averaged = averaged.astype(first.dtype)
        else:
            averaged = averaged * scaling.scale if of_differences else scaling.invert(averaged, np.float64)
        if lengths is not None:
            return Padded(averaged, lengths)
        several = isinstance(network, Graph) and scaling is None
        return network.unpack(averaged) if several and isinstance(network, Graph) else averaged

    def _require_good(self, where: str) -> None:
        """Refuses members that are not trained, or have diverged.

        Raises:
            NotBuiltError, DivergenceError: some are; they are named.
        """
        if self._failed:
            raise self._failure(f"Ensemble.{where}")
        for member in self.members:
            member.require_built(f"Ensemble.{where}")
        require_one_shape(self.members, where=f"Ensemble.{where}")

    def _failure(self, where: str) -> GlassnetError:
        """The error that names the members that failed."""
        numbers = sorted(self._failed)
        named = ", ".join(f"{number} (seed {self.members[number].seed})" for number in numbers)
        first = self._failed[numbers[0]]
        why = f"{first.where}: {first.received}" if isinstance(first, GlassnetError) else f"{first!r:.200}"
        left = len(self.members) - len(numbers)
        others = f"go on with the others: ensemble.without({', '.join(map(str, numbers))}); or "
        kind = DivergenceError if isinstance(first, DivergenceError) else ConfigurationError
        return kind(
            where=where,
            received=f"{len(numbers)} of {len(self.members)} members that were not trained to the end: {named}; of "
            f"member {numbers[0]} {why}",
            expected="all of them trained",
            fix=(others if left > 1 else "") + "mend what failed, such as by a lower learning rate, and build it anew",
        )
