"""What a model with several outputs by name does otherwise: its losses, its metrics, its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import Loss, WeightedSum, as_loss, targets_by_loss
from glassnet.metrics import Metric, OutputMetric, as_metrics
from glassnet.model.checks import check_end
from glassnet.model.data import keeps_differences
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize
from glassnet.runners.own import is_own

Losses = Loss | str | Mapping[str, Any]
Metrics = Sequence[Metric | str] | Mapping[str, Any]


def loss_for(network: Network, loss: Loss) -> Loss:
    """The loss, tied to the network's outputs where it speaks of them by name.

    Raises:
        ConfigurationError: losses by name for a network without such outputs, or none for several outputs.
    """
    if isinstance(loss, WeightedSum):
        return loss.of(_with_outputs(network, loss))
    is_users = is_own(loss) or getattr(loss, "in_python", False)
    if isinstance(network, Graph) and len(network.outputs) > 1 and not is_users:
        listed = ", ".join(f"{name!r}: ..." for name in network.outputs)
        _refuse(
            f"the loss {loss!r} for a Graph with the outputs {list(network.outputs)}",
            "a loss for each output",
            f'write loss={{{listed}}}, with weights as pairs: ("mean_squared_error", 0.3)',
        )
    return loss


def metrics_for(loss: Loss, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The metrics, each tied to an output where losses are.

    Raises:
        ConfigurationError: metrics that name no output where there are several, or one that there is not.
    """
    named = [metric for metric in metrics if isinstance(metric, OutputMetric)]
    if not isinstance(loss, WeightedSum):
        if named:
            _refuse(f"the metric {named[0]!r}", "losses by output, too", f"write loss={{{named[0].output!r}: ...}}")
        return metrics
    outputs = list(loss.losses)
    for metric in named:
        if metric.output not in outputs:
            _refuse(f"metrics for {metric.output!r}", f"one of the outputs {outputs}", "use one of these names")
    if len(named) < len(metrics) and len(outputs) > 1:
        loose = next(metric for metric in metrics if metric not in named)
        _refuse(
            f"the metric {loose.name!r} for the outputs {outputs}",
            "metrics by output",
            f"write metrics={{{outputs[0]!r}: [{loose.name!r}]}}",
        )
    return tuple(m if isinstance(m, OutputMetric) else OutputMetric(outputs[0], m, named=False) for m in metrics)


def fitted(network: Network, loss: Losses, metrics: Metrics) -> tuple[Loss, tuple[Metric, ...]]:
    """The loss and the metrics of a model, where they go together with its network.

    Raises:
        ConfigurationError: they do not; or they are nothing of the kind.
    """
    found = loss_for(network, as_loss(loss))
    measures = metrics_for(found, as_metrics(metrics))
    check_end(network, found)
    return found, measures


def refuse_lost_digits(loss: Loss, y: Any, scaling: Standardize | None, dtype: np.dtype[Any], *, where: str) -> None:
    """Refuses targets whose differences are lost in the network's dtype, of each output."""
    for own, targets, place in targets_by_loss(loss, y, where=where):
        if scaling is None and not own.decides_classes:
            fix = "set model.target_scaling = gn.Standardize.from_data(y): predictions and metrics stay in y's own unit"
            if isinstance(loss, WeightedSum):
                fix = "standardise these targets before, or pass them less what all have in common"
            elif own.has_log_link:
                fix = "subtract what all have in common, if that makes sense of such targets"
            keeps_differences(targets, dtype, where=place, fix=fix)


def by_output(network: Network, outputs: Array) -> Any:
    """Outputs (N, ...) as a dict by name, where the network gives them several names."""
    return network.unpack(outputs) if isinstance(network, Graph) else outputs


def require_one_output(network: Network, loss: Loss, where: str) -> None:
    """Refuses several outputs, or losses by output, where one answer to one question is asked for."""
    several = isinstance(network, Graph) and len(network.outputs) > 1
    if several or isinstance(loss, WeightedSum):
        names = list(network.outputs) if isinstance(network, Graph) else []
        raise ConfigurationError(
            where=where,
            received=f"a model with {f'the outputs {names}' if several else f'the loss {loss!r}'}",
            expected="a model with one output and one loss",
            fix="make a Graph of the nodes that lead to one output, and a model of it with that output's loss",
        )


def _with_outputs(network: Network, loss: WeightedSum) -> Graph:
    if not isinstance(network, Graph):
        _refuse(
            f"losses by name, {list(loss.losses)}, for a network whose output has no name",
            "a gn.Graph, or one loss",
            f"write loss={next(iter(loss.losses.values()))!r}, or gn.Graph(..., outputs={list(loss.losses)})",
        )
    unknown = [name for name in loss.losses if name not in network.outputs]
    missing = [name for name in network.outputs if name not in loss.losses]
    if unknown or missing:
        said = f"losses for {list(loss.losses)}"
        _refuse(
            said
            + (f": {', '.join(map(repr, unknown))} is no output" if unknown else "")
            + (f": none for {', '.join(map(repr, missing))}" if missing else ""),
            f"a loss for each of the outputs {list(network.outputs)}",
            "name the losses as the outputs; one that is not to be learned gets the weight 0",
        )
    return network


def _refuse(received: str, expected: str, fix: str) -> NoReturn:
    raise ConfigurationError(where="Model", received=received, expected=expected, fix=fix)
