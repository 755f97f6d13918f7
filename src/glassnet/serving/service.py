"""A model as a service, without a network: bytes of JSON in, bytes of JSON out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import GlassnetError
from glassnet.core.output import logger
from glassnet.core.settings import number, whole
from glassnet.formats import in_words
from glassnet.model import Model
from glassnet.runners.own import is_own
from glassnet.serving.answers import answers_of
from glassnet.serving.bodies import rows_of
from glassnet.serving.openapi import openapi_of
from glassnet.serving.refusals import Refusal, as_json, failed, refusal_of
from glassnet.serving.rows import inputs_of
from glassnet.tables.surprises import gathered
from glassnet.version import __version__

OK = 200


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        rows: in one request.
        bytes: of its body.
        seconds: until its body must be there.
        waiting: requests at once; more are sent away until others are answered.
    """

    rows: int = 1000
    bytes: int = 10_000_000
    seconds: float = 30.0
    waiting: int = 100

    def __post_init__(self) -> None:
        for name in ("rows", "bytes", "waiting"):
            whole(getattr(self, name), name, "Limits")
        number(self.seconds, "seconds", "Limits", low=0, open_low=True)


class Service:
    """What is asked of a model, answered.

    Args:
        model: trained.
        name: what it is called.
        limits: of a request.

    Attributes:
        model: the model.
        limits: as given.
        example: a row that the model can take, or None where none is known.

    Raises:
        NotBuiltError: the model has seen no data.

    Example:
        >>> import glassnet as gn
        >>> model = gn.Model(gn.Sequential(gn.Dense(1, weight_init="ones")), "mean_squared_error", "sgd")
        >>> _ = model.network.build((2,))
        >>> Service(model, "sums").predict(b'{"row": [3, 4]}', "en")
        (200, b'{"prediction":{"value":7.0,"outputs":[7.0]}}')
    """

    def __init__(self, model: Model, name: str, limits: Limits | None = None) -> None:
        model.require_built("serve")
        model.refuse_forecasting("serve")
        self.model, self.name, self.limits = model, name, limits or Limits()
        self._inputs, self._answers = inputs_of(model), answers_of(model)
        self.example = self._tried(self._inputs.example())  # which compiles what predicts, too
        self._model = self._description()
        self._openapi = openapi_of(
            name,
            model.written.version if model.written else __version__,
            row=self._inputs.schema(),
            prediction=self._answers.schema(),
            most_rows=self.limits.rows,
            example=None if self.example is None else (self.example, self._answered([self.example], True)),
        )

    def predict(self, body: bytes, language: str) -> tuple[int, bytes]:
        """Answers a request.

        Args:
            body: JSON, ``{"rows": [...]}`` or ``{"row": ...}``.
            language: of errors, "en" or "zh".

        Returns:
            The status of HTTP, and JSON: ``{"predictions": [...]}`` or ``{"prediction": ...}``, beside it ``"ignored"``
            with a list where rows have columns that the model does not know, and ``"unknown_words"`` with an object
            where it knows not all words of a column; or ``{"error": {...}}``.
        """
        try:
            rows, single = rows_of(body, self.limits.rows)
            return OK, as_json(self._answered(rows, single))
        except Refusal as found:
            refusal = found
        except GlassnetError as error:
            refusal = refusal_of(error)
        except Exception:  # noqa: BLE001 - of a user's own layer, say: logged, and told without its inside
            logger().exception("a prediction failed")
            refusal = failed()
        return refusal.status, refusal.body(language)

    def _answered(self, rows: list[Any], single: bool) -> dict[str, Any]:
        parts, ignored, unknown = self._inputs.read(rows, single=single)
        # What is not finite is refused by name; words that the model does not know are told beside the answer.
        with np.errstate(all="ignore"), gathered():
            outputs = self._outputs(parts, len(rows))
            found = self._answers.of(self.model, outputs)
        answer: dict[str, Any] = {"prediction": found[0]} if single else {"predictions": found}
        beside = {"ignored": ignored, "unknown_words": unknown}
        return answer | {name: said for name, said in beside.items() if said}

    def _outputs(self, parts: list[tuple[Any, list[int] | None]], rows: int) -> Any:
        """The predictions for all rows, each row once."""
        given, chosen = parts[0]
        outputs = self.model.predict(given)
        if chosen is None:
            return outputs
        whole = np.empty((rows, *outputs.shape[1:]), outputs.dtype)
        whole[chosen] = outputs
        for given, chosen in parts[1:]:
            whole[chosen] = self.model.predict(given)
        return whole

    def _tried(self, example: Any) -> Any:
        """The row, if the model can take it."""
        try:
            self._answered([example], True)
        except (GlassnetError, Refusal):
            return None
        return example

    def is_small(self, most_work: int) -> bool:
        """Whether a row takes no more operations, all of them in glassnet's own code."""
        network = self.model.network
        if any(map(is_own, (network, *(layer for _, layer in network.walk())))):
            return False
        return bool(network.summary().flops <= most_work)

    def health(self) -> bytes:
        """The news that it is ready, as JSON."""
        return as_json({"status": "ready", "model": self.name, "glassnet": __version__})

    def description(self) -> bytes:
        """What the model takes and gives, as JSON."""
        return as_json(self._model)

    def openapi(self) -> bytes:
        """The description in the form of OpenAPI 3.1, as JSON."""
        return as_json(self._openapi)

    def _description(self) -> dict[str, Any]:
        written = self.model.written
        return {
            "model": self.name,
            "glassnet": __version__,
            "written": written and {"version": written.version, "time": written.time and in_words(written.time)},
            "input": self._inputs.describe() | {"example": self.example},
            "output": self._answers.describe(),
            "loss": repr(self.model.loss),
            "parameters": int(self.model.network.parameters.size),
            "limits": asdict(self.limits),
        }
