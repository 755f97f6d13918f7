"""One number for each row of a model's outputs, of which can be said what moved it: log-odds, or an amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import is_whole
from glassnet.core.shapes import Array
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss
from glassnet.model import Model
from glassnet.preprocessing import Standardize
from glassnet.tables import Table

LOG_ODDS, SCORE, AMOUNT, LOGARITHM = "log-odds", "score", "amount", "logarithm"
LEAST = float(np.finfo(np.float64).tiny)
STEP = 1e-6


@dataclass(frozen=True)
class Score:
    """What is explained of a row's outputs (N, M).

    Attributes:
        kind: ``"log-odds"``, ``"score"``, ``"amount"`` or ``"logarithm"``.
        name: of the class or of the amount.
        output: its number among the outputs.
        among: the outputs of all classes of the same question; only itself for an amount or a yes or no.
        sign: −1 for the first of two classes that have one output.
        loss: whose outputs they are.
        scaling: of amounts, or None.
    """

    kind: str
    name: str
    output: int
    among: slice
    sign: float
    loss: Loss
    scaling: Standardize | None

    @property
    def is_linear(self) -> bool:
        """Whether it is a sum of the outputs, each by a constant."""
        return self._are_logits and (self.scaling is None or self.scaling.is_affine)

    @property
    def _are_logits(self) -> bool:
        return getattr(self.loss, "from_logits", True) is not False

    def of(self, outputs: Array) -> Array:
        """The score of each row, float64 (N,)."""
        own = self._own(outputs)
        place = self.output - self.among.start
        count = own.shape[1]
        if count == 1:
            return self.sign * own[:, 0]
        return np.asarray((own[:, place] - own.mean(axis=1)) * (count / (count - 1)))

    def slopes(self, outputs: Array) -> Array:
        """∂ score / ∂ outputs (N, M), float64."""
        found = np.zeros(outputs.shape)
        own = outputs[:, self.among].astype(np.float64)
        count = own.shape[1]
        weights = np.full(count, -1 / (count - 1)) if count > 1 else np.array([self.sign])
        if count > 1:
            weights[self.output - self.among.start] = 1.0
        if self.scaling is not None:
            if self.scaling.is_affine:
                inner: Any = np.broadcast_to(self.scaling.scale, outputs.shape[1:])[self.among]
            else:  # amounts that are held within bounds, or learned as logarithms
                step = STEP * np.maximum(1.0, np.abs(outputs))
                above, below = (self.scaling.invert(outputs + s * step, np.float64) for s in (1, -1))
                inner = ((above - below) / (2 * step))[:, self.among]
        elif not self._are_logits:
            own = np.maximum(own, LEAST)
            inner = 1 / own if count > 1 else 1 / (own * np.maximum(1 - own, LEAST))
        else:
            inner = 1.0
        found[:, self.among] = weights * inner
        return found

    def _own(self, outputs: Array) -> Array:
        outputs = outputs.astype(np.float64)
        if self.scaling is not None:
            return np.asarray(self.scaling.invert(outputs, np.float64))[:, self.among]
        own = outputs[:, self.among]
        if self._are_logits:
            return own
        own = np.maximum(own, LEAST)
        return np.log(own) if own.shape[1] > 1 else np.log(own) - np.log(np.maximum(1 - own, LEAST))


def score_for(model: Model, outputs: Array, target: Any, where: str) -> Score:
    """What is explained of a row.

    Args:
        model: whose outputs they are.
        outputs: of that row (M,), as the network gives them.
        target: None for the only amount, or for the class that the model takes; else a class's name or number; of
            several questions a question's name, or its name and a class; of several amounts one's name or number.
        where: for messages.

    Raises:
        ConfigurationError: no such class, question or amount; which of several is not said; outputs by steps.
    """
    loss = model.loss
    if outputs.ndim != 1 or loss.is_by_step(outputs.shape):
        raise ConfigurationError(
            where=where,
            received=f"a model whose outputs of a row have the shape {outputs.shape}",
            expected="one answer to a row, or several side by side",
            fix="use gn.saliency or gn.integrated_gradients, which take any",
        )
    if not loss.decides_classes:
        names = _names_of_amounts(model, len(outputs))
        place = _place(target, names, where) if target is not None or len(names) > 1 else 0
        kind = LOGARITHM if loss.has_log_link else AMOUNT
        return Score(kind, names[place], place, slice(place, place + 1), 1.0, loss, model.target_scaling)
    kind = LOG_ODDS if isinstance(loss, CrossEntropy | BinaryCrossEntropy | JointCrossEntropy) else SCORE
    if isinstance(loss, JointCrossEntropy):
        question, begin, names, target = _question(model, loss, target, where)
        own = outputs[begin : begin + len(names)]
        place = int(np.argmax(own)) if target is None else _place(target, names, where)
        return Score(
            kind, f"{question} = {names[place]}", begin + place, slice(begin, begin + len(names)), 1, loss, None
        )
    if len(outputs) == 1:
        names = list(model.class_names or ("0", "1"))
        is_second = bool(np.ravel(loss.classes(outputs[None]))[0])
        place = int(is_second) if target is None else _place(target, names, where)
        return Score(kind, names[place], 0, slice(0, 1), 1.0 if place else -1.0, loss, None)
    names = list(model.class_names or map(str, range(len(outputs))))
    if isinstance(loss, BinaryCrossEntropy):  # labels, of which any may hold
        place = _place(target, names, where)
        return Score(kind, names[place], place, slice(place, place + 1), 1.0, loss, None)
    place = int(np.argmax(outputs)) if target is None else _place(target, names, where)
    return Score(kind, names[place], place, slice(0, len(outputs)), 1.0, loss, None)


def _names_of_amounts(model: Model, count: int) -> list[str]:
    table = model.preprocessing
    if isinstance(table, Table) and table.target is not None and len(table.target.names) == count:
        return list(table.target.names)
    return [model.target_name or "the answer"] if count == 1 else [str(i) for i in range(count)]


def _question(model: Model, loss: JointCrossEntropy, target: Any, where: str) -> tuple[str, int, list[str], Any]:
    """The question that is meant: its name, its first output, its classes; and which of these, or None."""
    table = model.preprocessing
    questions: dict[str, Sequence[str]] = {
        str(number): [str(k) for k in range(count)] for number, count in enumerate(loss.class_counts)
    }
    if isinstance(table, Table) and len(table.questions) == len(loss.class_counts):
        questions = dict(table.questions)
    asked, inner = target if isinstance(target, tuple | list) and len(target) == 2 else (target, None)
    if target is None and len(questions) == 1:
        asked = 0
    place = _place(asked, list(questions), where)
    name = list(questions)[place]
    return name, sum(loss.class_counts[:place]), list(questions[name]), inner


def _place(target: Any, names: Sequence[str], where: str) -> int:
    """The number of what is named."""
    if isinstance(target, str) and target in names:
        return list(names).index(target)
    if is_whole(target) and 0 <= target < len(names):
        return int(target)
    raise ConfigurationError(
        where=f"{where}: target",
        received=shown(target, 60),
        expected=f"one of {', '.join(map(repr, names[:8]))}{', ...' * (len(names) > 8)}, or its number",
        fix=f"write target={names[0]!r}",
    )
