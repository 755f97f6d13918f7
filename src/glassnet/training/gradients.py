"""The gradient of a batch's loss by everything: parameters, layers' outputs, the input."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.network import LookingRunner, Network
from glassnet.runners import Runner
from glassnet.runners.own import gradient_unwritten
from glassnet.training.batches import Rows
from glassnet.training.lengths import require_several_steps


@dataclass(frozen=True)
class Gradients:
    """The loss of a batch and its derivatives.

    Attributes:
        loss: the value.
        parameters: ∂L/∂parameter by path, in build order, as ``network.named_parameters()`` has them; those that are
            not trained, frozen or running statistics, are left out.
        layers: ∂L/∂output (N, ...), the δ, of each layer that takes part, by path as ``activations`` has them.
        input: ∂L/∂x in x's shape; NaN for numbers that are looked up, which have no derivative; None where all are.
        features: what the columns of ``input`` are, where they have names: those that a ``Table`` makes, or the
            model's ``feature_names``, whose order a frame's need not be.
        flat: all parameters' gradients as ``network.gradients`` has them (P,), 0 for those that are not trained.

    ``input`` is in the unit of x as it was given: the chain rule goes through a ``Standardize``. Of a ``Table`` it is
    by the numbers that the table makes of a row.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init="ones"))
        >>> _ = net.build(2, dtype="float64")
        >>> model = gn.Model(net, "sum_squared_error", "sgd", dtype="float64")
        >>> found = model.gradients(np.array([[1.0, 2.0]]), np.array([[4.0]]))
        >>> found.loss, found.parameters["0.weight"].ravel().tolist(), found.layers["0"].tolist(), found.input.tolist()
        (0.5, [-1.0, -2.0], [[-1.0]], [[-1.0, -1.0]])
    """

    loss: float
    parameters: dict[str, Array]
    layers: dict[str, Array]
    input: Array | None
    features: tuple[str, ...] | None
    flat: Array = field(repr=False)

    def __str__(self) -> str:
        """A line for each derivative with its shape and the root mean square of its numbers."""
        named = {f"parameter {path}": gradient for path, gradient in self.parameters.items()}
        named |= {f"output of layer {path}": delta for path, delta in self.layers.items()}
        if self.input is not None:
            named["input"] = self.input
        width = max(map(len, named), default=0)
        sizes = (f"  {name:{width}}  {_size(array):9.3g}  {array.shape}" for name, array in named.items())
        return "\n".join([f"loss {self.loss:.6g}; root mean square of its derivatives by", *sizes])


def _size(array: Array) -> float:
    return float(np.sqrt(np.nanmean(np.square(array, dtype=np.float64)))) if array.size else 0.0


def loss_gradients(network: Network, loss: Loss, rows: Rows, *, training: bool, seed: int, step: int) -> Gradients:
    """One forward and one backward pass on a copy of the network.

    Args:
        network: built.
        loss: the loss.
        rows: the batch, as the network takes it.
        training: whether dropout is on, and the batch's own statistics are used.
        seed: keys the random masks,
        step: together with the number of the training step.

    Raises:
        ConfigurationError: a user's layer leaves a gradient unwritten, or adds to what was there.
    """
    if training:
        require_several_steps(network, rows, len(rows), where="gradients")
    twin = network.copy()
    run = LookingRunner((layer for _, layer in twin.walk()), seed, step)
    value, dx = propagate(run, twin, loss, rows, training=training, unwritten=np.nan)
    flat = trained_gradients(twin)
    parameters = {s.path: s.view(flat) for s in twin.layout if s.trainable}
    if any(np.isnan(gradient).any() for gradient in parameters.values()):
        _require_written(network.copy(), parameters, loss, rows, training=training, seed=seed, step=step)
    return Gradients(value, parameters, run.errors(twin), _where_defined(twin, np.array(dx)), None, flat)


def propagate(
    run: Runner, network: Network, loss: Loss, rows: Rows, *, training: bool, unwritten: float = 0.0
) -> tuple[float, Array]:
    """Forward, loss, backward: writes the network's gradients.

    Args:
        run: a ``LookingRunner`` where ``training`` is False.
        network: built; with ``training`` its running statistics follow the batch.
        loss: the loss.
        rows: the batch, as the network takes it.
        training: as ``loss_gradients`` has it.
        unwritten: what the gradients of trained parameters are before.

    Returns:
        The loss and ∂L/∂x (N, ...).
    """
    for segment in network.layout:
        segment.view(network.gradients)[...] = unwritten if segment.trainable else 0.0
    run.lengths = rows.lengths
    outputs, cache = run.forward(network, rows.x, training=training)
    row_weights, _ = run.row_weights(loss, outputs, rows.loss_weights)
    value, loss_cache = run.loss_forward(loss, outputs, rows.targets, row_weights)
    doutputs = run.loss_backward(loss, outputs, rows.targets, row_weights, loss_cache)
    return float(value[0]), run.backward(network, doutputs, cache)


def trained_gradients(network: Network) -> Array:
    """A copy of the network's gradients (P,), with 0 for what is frozen or a running statistic."""
    flat = network.gradients.copy()
    for segment in network.layout:
        if not segment.trainable:
            segment.view(flat)[...] = 0.0
    return flat


def _require_written(
    twin: Network, found: dict[str, Array], loss: Loss, rows: Rows, *, training: bool, seed: int, step: int
) -> None:
    """Refuses gradients that are NaN only because they were NaN before."""
    propagate(LookingRunner((), seed, step), twin, loss, rows, training=training)
    for path, gradient in twin.named_gradients():
        if path in found and np.isnan(found[path]).any() and not np.isnan(gradient).any():
            raise gradient_unwritten(f"gradients: {path}", path.rpartition(".")[2])


def _where_defined(network: Network, dx: Array) -> Array | None:
    """∂L/∂x with NaN for numbers that are looked up; None where all are."""
    amounts = network.demands.are_amounts
    return np.where(amounts, dx, np.array(np.nan, dx.dtype)) if amounts.any() else None
