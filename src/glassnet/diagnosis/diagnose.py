"""What ails a model, found by looking at it and by short trainings of copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import log
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.catalogues import in_sentences, translated
from glassnet.core.notebooks import table_html
from glassnet.core.randomness import generator
from glassnet.diagnosis import Finding, RateTest, hints
from glassnet.diagnosis.baseline import baseline_loss
from glassnet.diagnosis.data import repeated_rows
from glassnet.diagnosis.ranking import Trial
from glassnet.diagnosis.trials import Trainable, batch_of, evaluate, fresh, rate_test
from glassnet.optimizers import Adam
from glassnet.training import History, Rows

TRIED_ROWS = 256
FEW, FEW_EPOCHS, LEARNED, LEAST_BASELINE = 32, 400, 0.2, 0.1
"""Rows that any network should learn by heart, how long it has, and the share of the loss that may be left; of rows
nearly all of which have the same target there is nothing to learn."""
HALVES, HALVES_EPOCHS, HALVES_STEPS, LEAST_ROWS = 2000, 20, 600, 100
"""Rows that are halved; epochs that are trained at least, and steps; and rows below which halves tell nothing."""
AFTERWARDS = ("overfitting", "underfitting", "class_imbalance", "duplicate_rows", "leaked_rows")
"""Findings that do not explain why rows are not learned."""
FARTHEST_START = 2.0
"""How many times ln K the first loss may be."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found; ``print`` it.

    Attributes:
        findings: one for each thing that probably is wrong; empty for a healthy model.
        rate_test: the learning-rate range test; ``gn.plots.plot_learning_rate_range`` draws it.
    """

    findings: tuple[Finding, ...]
    rate_test: RateTest

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console
        from rich.padding import Padding

        out = StringIO()
        console = Console(file=out, width=100, force_jupyter=False, color_system=None, highlight=False, markup=False)
        if not self.findings:
            console.print(translated("Nothing found that keeps this model from learning."))
        for number, finding in enumerate(self.findings, start=1):
            console.print(f"{number}. " + translated(f"{finding.title}: {finding.where}"))
            for text in (f"measured: {finding.measured}.", f"why: {finding.why}.", f"to try: {finding.fix}."):
                console.print(Padding(translated(text), (0, 0, 0, 3)))
            if finding.proof is not None:
                console.print(Padding(translated(f"tried ({finding.proof.of}):"), (0, 0, 0, 3)))
                out.writelines(f"     {row}\n" for row in finding.proof.rows())
        console.print(translated(f"learning rate: {self.rate_test}"))
        return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())

    def _repr_html_(self) -> str:
        rows = [
            (translated(f.title), translated(f.where), in_sentences(f.measured, f.why), translated(f.fix))
            for f in self.findings
        ]
        above = "" if rows else translated("Nothing found that keeps this model from learning.")
        headers = [*map(translated, ("found", "where", "measured", "to try"))] if rows else ()
        table = table_html(headers, rows, above=above, below=translated(f"learning rate: {self.rate_test}"))
        proofs = [(translated(f.title), f.proof) for f in self.findings if f.proof is not None]
        return table + "".join(f"<p><b>{escape(title)}</b></p>{proof._repr_html_()}" for title, proof in proofs)


@suggests
def diagnose(
    model: Trainable, x: Any, y: Any, *, history: History | None = None, validation_data: tuple[Any, Any] | None = None
) -> Diagnosis:
    """Looks for what keeps a model from learning: each finding says what was measured, why it matters, what to try.

    Each cause that can be mended by a setting is tried: copies of the model, from the same initial weights, are trained
    for a moment without and with the mend, and both curves are kept with the finding (``finding.proof``). What does not
    help there is not told. The finding that explains most comes first. The model stays as it is.

    Args:
        model: trained or not; built for x if it has seen no data.
        x: the rows that it is trained on, as ``model.fit`` takes them; some hundred at least.
        y: their targets.
        history: what ``model.fit`` returned, for the curves.
        validation_data: the rows (x, y) that measures are taken on, to find those among them that are trained on.

    Returns:
        A ``Diagnosis``.

    Raises:
        ShapeError, DataError: x and y do not fit the model.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(200, 3)) * 1000
        >>> model = gn.Model(gn.Sequential(gn.Dense(16), "relu", gn.Dense(2)), "cross_entropy", gn.Adam(0.01))
        >>> [finding.name for finding in gn.diagnose(model, x, (x[:, 0] > 0).astype(int)).findings]
        ['unscaled_inputs', 'first_loss']
    """
    model.require_one_output("diagnose")
    rows = model.rows(x, y, None, where="diagnose")
    suspected = hints(model, rows, history)
    if any(finding.name == "nothing_to_learn" for finding in suspected):
        return Diagnosis(tuple(suspected), rate_test(model, batch_of(rows, TRIED_ROWS, model.seed)))
    tried = batch_of(rows, TRIED_ROWS, model.seed)
    test = rate_test(model, tried)
    held = None if validation_data is None else model.rows(*validation_data, None, where="diagnose: validation_data")
    suspected += repeated_rows(rows.x, rows.targets, None if held is None else held.x)
    suspected += _first_loss(model, tried, test)
    found = Trial(model, rows, test).proven(suspected)
    if not [finding for finding in found if finding.name not in AFTERWARDS]:
        found += list(_by_heart(model, rows, test)) or _unrelated(model, rows, test)
    return Diagnosis(tuple(found), test)


def _first_loss(model: Trainable, rows: Rows, test: RateTest) -> Iterator[Finding]:
    """Random weights know nothing: their loss is that of equal probabilities, about ln K."""
    loss = model.loss
    classes = (model.network.output_shape or (0,))[-1] if loss.chooses_class else 2
    is_known = loss.chooses_class or rows.targets.shape[1:] == (1,)
    if not (loss.is_log_loss and is_known) or getattr(loss, "class_weight", None) is not None:
        return
    first = float(test.losses[0]) / (len(rows) if loss.reduction == "sum" else 1)
    if first <= FARTHEST_START * log(classes):
        return
    yield Finding(
        "first_loss",
        "initial weights",
        f"the first loss is {first:.3g}; {classes} equal probabilities have ln {classes} = {log(classes):.3g}",
        "New weights should know nothing and say so; outputs this large are sure of what nobody taught them, and "
        "the first epochs go into unlearning it",
        "scale the inputs (gn.Standardize), or draw smaller weights in the last layer",
    )


def _by_heart(model: Trainable, rows: Rows, test: RateTest) -> Iterator[Finding]:
    """Whether a few rows can be learned by heart."""
    few = batch_of(rows, FEW, model.seed)
    baseline = baseline_loss(model.loss, few.targets, size) if (size := _outputs(model)) else None
    if len(few) < FEW or model.network.parameters.size < 4 * FEW * size:
        return
    if baseline is None or baseline < LEAST_BASELINE:
        return
    copy = fresh(model, Adam(), min(0.01, max(1e-3, test.suggested)))
    copy.fit(few.x, few.targets, epochs=FEW_EPOCHS, batch_size=None, verbose=False)
    left = evaluate(copy, few)
    if left <= LEARNED * baseline:
        return
    same = _contradictions(few)
    yield Finding(
        "cannot_learn_by_heart",
        f"{FEW} rows",
        f"after {FEW_EPOCHS} steps on the same {FEW} rows their loss is {left:.3g}; that of the best constant "
        f"answer is {baseline:.3g}"
        + (f"; {same} of the rows equal another one that has another target" if same else ""),
        "A network with more weights than these rows have answers can learn them by heart. Where it cannot, rows "
        "contradict each other, or something in the network stops the gradients",
        "check that x[i] belongs to y[i] and that no preprocessing makes rows equal; gn.check_gradients for layers "
        "of your own",
    )


def _unrelated(model: Trainable, rows: Rows, test: RateTest) -> Iterator[Finding]:
    """Whether what is learned of one half of the rows helps with the other half."""
    size = _outputs(model)
    chosen = rows.take(generator(model.seed, "halves").permutation(len(rows))[:HALVES])
    half = len(chosen) // 2
    if len(chosen) < LEAST_ROWS or not size:
        return
    training, held = chosen.take(slice(half)), chosen.take(slice(half, None))
    baseline = baseline_loss(model.loss, training.targets, size)
    if baseline is None:
        return
    copy, lowest = fresh(model, Adam(), min(0.01, max(1e-4, test.suggested))), np.inf
    epochs = max(HALVES_EPOCHS, HALVES_STEPS // -(-half // 32))
    for _ in range(epochs):
        copy.fit(training.x, training.targets, epochs=1, batch_size=32, verbose=False)
        lowest = min(lowest, evaluate(copy, held))
    ordinary = baseline_loss(model.loss, held.targets, size) or baseline
    if lowest < 0.98 * ordinary:
        return
    yield Finding(
        "unrelated_targets",
        "rows and targets",
        f"trained on {half:,} rows for {epochs} epochs, a copy has a loss of {lowest:.3g} at best on as "
        f"many others; the best constant answer has {ordinary:.3g}",
        "What is learned of some rows says nothing about others: as if targets had been shuffled against the rows",
        "check that x and y are in the same order, sorted or shuffled together; else look for features that the "
        "target depends on",
    )


def _outputs(model: Trainable) -> int:
    """How many outputs a row has; 0 where they are no plain list."""
    shape = model.network.output_shape or ()
    return shape[0] if len(shape) == 1 else 0


def _contradictions(rows: Rows) -> int:
    """How many rows equal another one with another target."""
    flat = rows.x.reshape(len(rows), -1)
    equal = (flat[:, None] == flat[None]).all(axis=2)
    targets = rows.targets.reshape(len(rows), -1)
    differ = (targets[:, None] != targets[None]).any(axis=2)
    return int((equal & differ).any(axis=1).sum())
