"""What members of an ensemble answer together: the mean of probabilities, of values, or of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels.functions import logistic
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, JointCrossEntropy, Loss, WeightedSum
from glassnet.model import Model
from glassnet.network.packing import parts_of
from glassnet.runners.base import is_library_code

LEAST = float(np.finfo(np.float64).tiny)
"""A probability below it counts as that: its logarithm is −708."""


def gives_probabilities(loss: Loss) -> bool:
    """Whether outputs that were trained with the loss can be read as probabilities."""
    return type(loss).probabilities is not Loss.probabilities


def answers(loss: Loss, outputs: Array) -> Array:
    """What is averaged of a member's outputs (N, ...), float64: probabilities, values, or scores as of ``Hinge``."""
    outputs = outputs.astype(np.float64)
    return np.asarray(loss.probabilities(outputs) if gives_probabilities(loss) else loss.means(outputs), np.float64)


def mean_outputs(loss: Loss, outputs: Sequence[Array]) -> Array:
    """Outputs (N, ...), float64, that mean what the members' answers are on average: their logits, or logarithms.

    With them the loss, and metrics, measure the average as they measure the outputs of one network.

    Raises:
        ConfigurationError: probabilities of a class of the user's, of which is not known what they are made of.
    """
    given = [own.astype(np.float64) for own in outputs]
    is_logits = getattr(loss, "from_logits", True)
    if gives_probabilities(loss) and not is_library_code(loss.probabilities):
        raise ConfigurationError(
            where="Ensemble",
            received=f"{loss!r}, whose probabilities are calculated in a way of its own",
            expected="a loss of glassnet's, or one without such a method",
            fix="measure the answers yourself: what ensemble.predict(x) gives are the mean probabilities",
        )
    if isinstance(loss, BinaryCrossEntropy) and is_logits:
        yes, no = (mean([logistic(sign * own) for own in given]) for sign in (1.0, -1.0))
        return _logarithm(yes) - _logarithm(no)
    if isinstance(loss, CrossEntropy | JointCrossEntropy) and is_logits:
        return _logarithm(mean([answers(loss, own) for own in given]))
    if loss.has_log_link:  # the logarithm of the mean of e^output, without e^output
        return np.asarray(np.logaddexp.reduce(given, axis=0) - np.log(len(given)))
    return mean(given)


def classes(loss: Loss, averaged: Array) -> Array:
    """The classes that averaged answers stand for."""
    if isinstance(loss, BinaryCrossEntropy):
        return BinaryCrossEntropy(from_logits=False).classes(averaged)
    return loss.classes(averaged)


def entropy(loss: Loss, shares: Array) -> Array:
    """−Σ p log p in nats, of each row (N,) or step, or of each yes-or-no output.

    Args:
        loss: of which the shares are probabilities.
        shares: (N, ...).

    Raises:
        ConfigurationError: it gives none, or those of several questions side by side.
    """
    if not gives_probabilities(loss) or isinstance(loss, JointCrossEntropy):
        raise ConfigurationError(
            where="Ensemble.entropies",
            received=f"members trained with {loss!r}",
            expected="one question a row, and a loss whose outputs are probabilities",
            fix="use ensemble.spread(x)",
        )
    if isinstance(loss, BinaryCrossEntropy):
        own = -shares * _logarithm(shares) - (1 - shares) * _logarithm(1 - shares)
        return np.asarray(own[..., 0] if own.shape[-1] == 1 else own)
    return np.asarray(-(shares * _logarithm(shares)).sum(axis=-1))


def mean(arrays: Sequence[Array]) -> Array:
    """The mean of arrays of one shape, added in their order."""
    total = arrays[0]
    for own in arrays[1:]:
        total = total + own
    return np.asarray(total / len(arrays))


def by_output(model: Model, give: Callable[[Loss, list[Array]], Array], outputs: Sequence[Array]) -> Array:
    """What a function makes of the members' outputs (N, ...); of several by name of each with its own loss.

    Args:
        model: a member.
        give: called with a loss and the outputs that it is about, of each member; it keeps their shape.
        outputs: of each member.
    """
    loss = model.loss
    if not isinstance(loss, WeightedSum):
        return give(loss, list(outputs))
    shapes = loss.shapes
    if len(shapes) == 1:
        return give(loss.loss_of(next(iter(shapes))), list(outputs))
    rows = len(outputs[0])
    found = np.empty((rows, *outputs[0].shape[1:]))  # (N, V), side by side
    for name, columns in parts_of(shapes).items():
        parts = [own[:, columns].reshape(rows, *shapes[name]) for own in outputs]
        found[:, columns] = give(loss.loss_of(name), parts).reshape(rows, -1)
    return found


def _logarithm(probabilities: Array) -> Array:
    return np.asarray(np.log(np.maximum(probabilities, LEAST)))
