"""Which parts of a training step are the user's own, and which of them must be called in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from glassnet.layers import PythonLayer
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Chain, Optimizer
from glassnet.runners.own import is_own, place_of
from glassnet.runners.standins import NotRecorded


class Parts(NamedTuple):
    """What a training step is made of.

    Attributes:
        network: built.
        loss: as the model has it.
        optimizer: as the model has it; its ``steps`` count the updates done.
        seed: keys the dropout masks, together with ``optimizer.steps``.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    seed: int


def own_parts(network: Network, loss: Loss, optimizer: Optimizer) -> dict[str, Any]:
    """The layers, losses and steps of an optimizer that the user wrote, by a key that is the same in every copy.

    A part that always runs in Python, such as a ``NumpyLayer``, is among them.
    """
    return {key: part for key, part in _parts(network, loss, optimizer) if is_own(part) or is_python(part)}


def is_python(part: Any) -> bool:
    """Whether the library calls the part in Python in any case."""
    return isinstance(part, PythonLayer) or getattr(part, "in_python", False)


def _parts(network: Network, loss: Loss, optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    yield "network", network
    yield from ((f"layer {path}", layer) for path, layer in network.layers_inside())
    yield "loss", loss
    yield from ((f"loss {i}", part) for i, part in enumerate(loss.parts()))
    yield "optimizer", optimizer
    if isinstance(optimizer, Chain):
        yield from ((f"optimizer {i}", step) for i, step in enumerate(optimizer.steps_in_order))


@dataclass(frozen=True)
class Bridges:
    """Own parts that a compiled program calls in Python.

    Attributes:
        reasons: why, by the part's key.
        impossible: why the whole step must be left to NumPy; empty where it need not.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)
    impossible: str = ""

    def ids(self, parts: Parts) -> frozenset[int]:
        """The ids of the parts themselves."""
        found = _parts(parts.network, parts.loss, parts.optimizer)
        return frozenset(id(part) for key, part in found if key in self.reasons)

    def explained(self, parts: Parts) -> tuple[str, ...]:
        """A line for each part that runs in Python: which, and why."""
        lines = []
        for key, part in own_parts(parts.network, parts.loss, parts.optimizer).items():
            if key in self.reasons:
                lines.append(f"{place_of(part)} {self.reasons[key]}")
            elif is_python(part):
                lines.append(f"{place_of(part)} is written in plain NumPy")
        return tuple(lines)

    def with_refused(self, refusal: NotRecorded, parts: Parts) -> Bridges:
        """The bridges with one for the part that was found out; ``impossible`` where it is none that can have one."""
        found = _parts(parts.network, parts.loss, parts.optimizer)
        key = next((key for key, part in found if part is refusal.part), None)
        if key is None or key in self.reasons:
            return Bridges(self.reasons, str(refusal))
        return self | {key: refusal.reason}

    def __or__(self, reasons: Mapping[str, str]) -> Bridges:
        return Bridges({**self.reasons, **reasons}, self.impossible)


NO_BRIDGES = Bridges()
