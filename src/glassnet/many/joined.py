"""An ensemble as one model, whose network holds those of all members side by side and averages what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import log
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.layers import Columns, Scale, Sigmoid, Softmax, Softplus
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss, WeightedSum
from glassnet.many.averages import gives_probabilities
from glassnet.model import Model
from glassnet.network import Add, Concatenate, Graph, Network, Sequential, Subtract
from glassnet.runners.base import is_library_code

KEPT = (
    *("preprocessing", "target_scaling", "feature_names", "target_name", "class_names", "vocabulary", "forecasting"),
    "ragged",
)
"""What the joined model has from the first member."""
MOST_CLASSES = 100
"""Of several questions together: each is a few layers for each member."""
WHERE = "Ensemble.as_model"


def joined(members: Sequence[Model], seed: int) -> Model:
    """One model that answers as the members do on average: see ``Ensemble.as_model``.

    Raises:
        ConfigurationError: a loss whose average no network of layers calculates.
    """
    first = members[0]
    nodes = _Nodes([member.network for member in members], by_name=isinstance(first.loss, WeightedSum))
    loss: Any = nodes.average(first.loss)
    network = nodes.network()
    settings: dict[str, Any] = {"seed": seed, "dtype": first.dtype}
    network.build(first.network.input_shape or (), **settings)
    for scale, factor, summand in nodes.scales:
        scale.gamma.value[...], scale.beta.value[...] = factor, summand
        scale.gamma.trainable = scale.beta.trainable = False
    optimizer = deepcopy(first.optimizer)
    optimizer.reset()
    own: dict[str, Any] = {"engine": first.engine, "threads": first.threads}
    model = Model(network, loss, optimizer, first.metrics, **settings, **own)
    for name in KEPT:
        setattr(model, name, getattr(first, name))
    model.written = first.written
    model.epochs_trained = max(member.epochs_trained for member in members)
    return model


class _Nodes:
    """The nodes of the joined network in the making.

    Args:
        networks: of the members, which are copied.
        by_name: whether their losses speak of outputs by name.

    Attributes:
        scales: layers that multiply and add constants, with these.
    """

    def __init__(self, networks: Sequence[Network], *, by_name: bool) -> None:
        first = networks[0]
        # Inside a network a Graph has one input and one output; others have their nodes in the joined one.
        self._is_flat = isinstance(first, Graph) and (by_name or len(first.inputs) > 1 or len(first.outputs) > 1)
        self._inputs: Mapping[str, Any] = {"x": first.input_shape}
        self._outputs: tuple[str, ...] = ("answer",)
        self._nodes: dict[str, tuple[Any, ...]] = {}
        self.scales: list[tuple[Scale, float, float]] = []
        self._ends: dict[str, list[str]] = {}
        copies = [network.copy() for network in networks]
        if not self._is_flat:
            for number, network in enumerate(copies):
                self._nodes[f"member_{number}"] = (network, "x")
            self._ends["answer"] = list(self._nodes)
            return
        assert isinstance(first, Graph)
        self._inputs, self._outputs = first.input_shapes, first.outputs
        for number, network in enumerate(copies):
            assert isinstance(network, Graph)
            names = {name: name for name in network.inputs} | {name: self._name(number, name) for name in network.nodes}
            for name, (layer, *sources) in network.nodes.items():
                self._nodes[names[name]] = (layer, *(names[source] for source in sources))
            for name in network.outputs:
                self._ends.setdefault(name, []).append(names[name])

    def network(self) -> Network:
        """The network, not built."""
        graph = Graph(inputs=self._inputs, nodes=self._nodes, outputs=self._outputs)
        return graph if self._is_flat else Sequential(graph)

    def average(self, loss: Loss) -> Any:
        """Adds what averages the members, and returns the loss for it."""
        if not isinstance(loss, WeightedSum):
            losses = [self._averaged(name, loss) for name in self._ends]
            return losses[0]
        terms = {term.output: term for term in loss.terms}
        if len(terms) < len(loss.terms):
            raise _refused(loss, "several losses of one output", "train with one loss for each output")
        return {name: (self._averaged(name, terms[name].loss), terms[name].weight) for name in self._ends}

    def _averaged(self, name: str, loss: Loss) -> Loss:
        """Adds the mean over the members of one output, and returns the loss that takes it."""
        ends = self._ends[name]
        if loss.has_log_link:
            self._log_mean(name, ends)
            return loss
        if not gives_probabilities(loss) or getattr(loss, "from_logits", True) is False:
            self._mean(name, ends)
            return loss
        if isinstance(loss, JointCrossEntropy) and sum(loss.class_counts) <= MOST_CLASSES:
            self._log_mean(name, [self._log_softmax(end, loss.class_counts) for end in ends])
            return loss
        if isinstance(loss, JointCrossEntropy) or not is_library_code(loss.probabilities):
            raise _refused(loss, "which takes no probabilities", "ask the ensemble itself: ensemble.predict(x)")
        is_binary = isinstance(loss, BinaryCrossEntropy)
        assert isinstance(loss, BinaryCrossEntropy | CrossEntropy)
        shares = [f"{end}_probabilities" for end in ends]
        for end, share in zip(ends, shares, strict=True):
            self._nodes[share] = (Sigmoid() if is_binary else Softmax(), end)
        self._mean(name, shares)
        return type(loss)(**{**loss.settings(), "from_logits": False})

    def _mean(self, name: str, ends: Sequence[str]) -> None:
        self._nodes[f"{name}_sum"] = (Add(), *ends)
        self._scale(name, f"{name}_sum", 1 / len(ends), 0.0)

    def _log_mean(self, name: str, ends: Sequence[str]) -> None:
        """The logarithm of (1/M) Σ e^z, without e^z."""
        total = ends[0]
        for number, end in enumerate(ends[1:]):
            total = self._log_sum(f"{name}_{number}", total, end)
        self._scale(name, total, 1.0, -log(len(ends)))

    def _log_softmax(self, end: str, counts: Sequence[int]) -> str:
        """The logarithms of each question's probabilities: z − log Σ e^z, the sum over its columns turned round."""
        parts, start = [], 0
        for question, count in enumerate(counts):
            own, columns = f"{end}_question_{question}", list(range(start, start + count))
            start += count
            self._nodes[own] = (Columns(columns), end)
            total = own
            for shift in range(1, count):
                turned = f"{own}_turned_{shift}"
                self._nodes[turned] = (Columns(columns[shift:] + columns[:shift]), end)
                total = self._log_sum(f"{own}_{shift}", total, turned)
            parts.append(f"{own}_logarithm")
            self._nodes[parts[-1]] = (Subtract(), own, total)
        if len(parts) == 1:
            return parts[0]
        self._nodes[f"{end}_logarithm"] = (Concatenate(), *parts)
        return f"{end}_logarithm"

    def _log_sum(self, name: str, one: str, other: str) -> str:
        """The logarithm of e^a + e^b, as b + softplus(a − b)."""
        self._nodes[f"{name}_difference"] = (Subtract(), one, other)
        self._nodes[f"{name}_softplus"] = (Softplus(), f"{name}_difference")
        self._nodes[f"{name}_sum"] = (Add(), other, f"{name}_softplus")
        return f"{name}_sum"

    def _scale(self, name: str, source: str, factor: float, summand: float) -> None:
        scale = Scale()
        self.scales.append((scale, factor, summand))
        self._nodes[name] = (scale, source)

    def _name(self, number: int, name: str) -> str:
        return f"member_{number}_{name}"


def _refused(loss: Loss, why: str, fix: str) -> ConfigurationError:
    return ConfigurationError(
        where=WHERE,
        received=f"{loss!r}, {why}",
        expected="a loss whose averaged answers a network can give",
        fix=fix,
    )
