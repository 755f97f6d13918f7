"""A network's outputs as predictions that JSON can hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.ragged import Padded
from glassnet.core.shapes import Array, batch_shape
from glassnet.losses import JointCrossEntropy
from glassnet.model import Model
from glassnet.serving.openapi import nested, with_all
from glassnet.serving.refusals import UNUSABLE, Refusal
from glassnet.tables import Table

CLASSES, LABELS, QUESTIONS, AMOUNTS = "classes", "labels", "questions", "amounts"
_NUMBER = {"type": "number"}


@dataclass(frozen=True)
class Answers:
    """What a model's outputs mean.

    Attributes:
        kind: ``"classes"``: one of several; ``"labels"``: of several labels each holds or not; ``"questions"``: several
            questions, of which each has classes of its own; ``"amounts"``: numbers.
        classes: their names for each question, by its name; under "" where there is a single one.
        names: of the amounts, if they are known and different.
        shape: of a row's outputs.
        has_probabilities: whether the loss gives the outputs that meaning.
        steps: T where each step of a row has a class, or None.
        takes_shorter: whether a row may have fewer steps than T, and then has as many fewer outputs.
    """

    kind: str
    classes: dict[str, tuple[str, ...]]
    names: tuple[str, ...]
    shape: tuple[int, ...]
    has_probabilities: bool
    steps: int | None = None
    takes_shorter: bool = False

    def of(self, model: Model, outputs: Array | Padded) -> list[dict[str, Any]]:
        """One prediction for each row; of rows of different length the steps that each has.

        Raises:
            Refusal: outputs that are not finite.
        """
        if isinstance(outputs, Padded):
            found = zip(self.of(model, outputs.values), outputs.lengths, strict=True)
            return [{name: values[:length] for name, values in one.items()} for one, length in found]
        given = {"outputs": outputs.tolist()}
        if self.kind == AMOUNTS:
            with np.errstate(over="ignore"):
                means = np.asarray(model.loss.means(outputs))
            _require_finite(outputs, means)
            given = {"value": self._amounts(means)} | given
        else:
            _require_finite(outputs)
            given = self._decided(model, outputs) | given
        return [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]

    def _amounts(self, means: Array) -> list[Any]:
        if self.names:
            return [dict(zip(self.names, row, strict=True)) for row in means.reshape(len(means), -1).tolist()]
        is_single = means[0].size == 1
        return means.reshape(-1).tolist() if is_single else means.tolist()

    def _decided(self, model: Model, outputs: Array) -> dict[str, list[Any]]:
        decided = np.asarray(model.loss.classes(outputs))
        shares = np.asarray(model.loss.probabilities(outputs)) if self.has_probabilities else None
        if self.kind == LABELS:
            found = {"classes": decided.tolist()}
            return found if shares is None else found | {"probabilities": shares.tolist()}
        if self.kind == CLASSES:
            if shares is not None:
                shares = shares if self.steps is not None else shares.reshape(len(outputs), -1)
                shares = np.concatenate([1 - shares, shares], axis=-1) if shares.shape[-1] == 1 else shares
            return _named(self.classes[""], decided, shares)
        answers: list[dict[str, Any]] = [{} for _ in outputs]
        start = 0
        for (name, classes), own in zip(self.classes.items(), decided.T, strict=True):
            part = None if shares is None else shares[:, start : start + len(classes)]
            start += len(classes)
            for answer, *values in zip(answers, *(columns := _named(classes, own, part)).values(), strict=True):
                answer[name] = dict(zip(columns, values, strict=True))
        return {"answers": answers}

    def describe(self) -> dict[str, Any]:
        """What ``GET /model`` says of it."""
        found: dict[str, Any] = {"kind": self.kind, "shape": list(self.shape)}
        if self.kind == CLASSES:
            found["classes"] = list(self.classes[""])
        elif self.kind == QUESTIONS:
            found["questions"] = {name: list(classes) for name, classes in self.classes.items()}
        elif self.names:
            found["names"] = list(self.names)
        return found

    def schema(self) -> dict[str, Any]:
        """A prediction as JSON Schema."""
        found = self._whole()
        if self.takes_shorter:
            for own in found["properties"].values():
                own["minItems"] = 1
        return found

    def _whole(self) -> dict[str, Any]:
        """That of a row of all steps."""
        outputs = nested(self.shape, _NUMBER)
        if self.kind == AMOUNTS:
            value = with_all(dict.fromkeys(self.names, _NUMBER)) if self.names else outputs
            return with_all({"value": value if self.names or np.prod(self.shape) != 1 else _NUMBER, "outputs": outputs})
        if self.kind == LABELS:
            own = {"classes": nested(self.shape, {"enum": [0, 1]})}
            return with_all(own | ({"probabilities": outputs} if self.has_probabilities else {}) | {"outputs": outputs})
        if self.kind == CLASSES:
            return with_all(self._choice(self.classes[""]) | {"outputs": outputs})
        answers = {name: with_all(self._choice(classes)) for name, classes in self.classes.items()}
        return with_all({"answers": with_all(answers), "outputs": outputs})

    def _choice(self, classes: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "class": {"type": "integer", "minimum": 0, "maximum": len(classes) - 1},
            "name": {"type": "string", "examples": list(classes[:3])},
        }
        share = {"type": "number", "minimum": 0, "maximum": 1}
        if self.has_probabilities:
            found["probabilities"] = nested((len(classes),), share)
        return found if self.steps is None else {name: nested((self.steps,), own) for name, own in found.items()}


def answers_of(model: Model) -> Answers:
    """What the model's outputs mean."""
    found = _answers_of(model)
    return replace(found, takes_shorter=model.ragged and len(found.shape) == 2)


def _answers_of(model: Model) -> Answers:
    """The same for rows of all steps."""
    shape, table = model.network.output_shape or (), model.preprocessing
    zeros = np.zeros((1, *shape), model.dtype)
    if not model.loss.decides_classes:
        names = table.target.names if isinstance(table, Table) and table.target is not None else ()
        fits = shape == (len(names),) and len(set(names)) == len(names) > 1
        return Answers(AMOUNTS, {}, tuple(names) if fits else (), shape, False)
    try:
        model.loss.probabilities(zeros)
        has_probabilities = True
    except ConfigurationError:
        has_probabilities = False
    decided = np.asarray(model.loss.classes(zeros))
    by_step = model.loss.is_by_step(shape)
    if isinstance(model.loss, JointCrossEntropy):
        if by_step:
            raise ConfigurationError(
                where="serve",
                received=f"the loss {model.loss!r} for outputs of each step, {batch_shape(shape)}",
                expected="several questions a row, or one for each step",
                fix="serve a model of one of the questions",
            )
        counts = tuple(model.loss.class_counts)
        questions = dict(table.questions) if isinstance(table, Table) else {}
        if tuple(map(len, questions.values())) != counts:
            questions = {str(i): _numbered(count) for i, count in enumerate(counts)}
        return Answers(QUESTIONS, questions, (), shape, has_probabilities)
    if decided.ndim > 1 + by_step:
        return Answers(LABELS, {}, (), shape, has_probabilities)
    count = max(2, shape[-1] if by_step else int(np.prod(shape)))
    names = model.class_names or (isinstance(table, Table) and table.class_names) or ()
    classes = {"": tuple(names) if len(names) == count else _numbered(count)}
    return Answers(CLASSES, classes, (), shape, has_probabilities, shape[0] if by_step else None)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _named(classes: tuple[str, ...], decided: Array, shares: Array | None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"class": decided.tolist(), "name": np.array(classes, object)[decided].tolist()}
    return found if shares is None else found | {"probabilities": shares.tolist()}


def _require_finite(*arrays: Array) -> None:
    for array in arrays:
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            value = array[row][~np.isfinite(array[row])].flat[0]
            raise Refusal(
                UNUSABLE,
                (
                    f"the prediction of row {row}",
                    f"an output of {value}, which is beyond what the model can calculate",
                    "finite numbers",
                    "send values of a size as in training",
                ),
                (
                    f"第 {row} 行的预测",
                    f"输出 {value}，超出模型的计算范围",
                    "有限的数值",
                    "请发送与训练数据大小相近的值",
                ),
            )
