"""What a recurrence carries and what comes back through it: arrays of its kernels, by the names that pictures use."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels.recurrent import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    simple_rnn_backward,
    simple_rnn_forward,
)
from glassnet.model import Model
from glassnet.plots.seen import Call, SeeingRunner
from glassnet.training.gradients import propagate

FORWARD = (simple_rnn_forward, lstm_forward, gru_forward)
_BACKWARD = (simple_rnn_backward, lstm_backward, gru_backward)
_GATES = {
    lstm_forward.__name__: ("input gate i", "forget gate f", "candidate g", "output gate o"),
    gru_forward.__name__: ("reset gate r", "update gate z", "candidate n"),
    simple_rnn_forward.__name__: (),
}


def panels_of(call: Call) -> dict[str, Array]:
    """Gates, candidates and what is carried (N, T, H) of a forward pass, by their names."""
    names, arrays = _GATES[call.kernel], call.arrays
    found = dict(zip(names, np.split(arrays["gates"], len(names), axis=2), strict=True)) if names else {}
    if "cell" in arrays:
        found["cell c"] = arrays["cell"]
    return found | {"state h": arrays["y"]}


def is_gate(panel: str) -> bool:
    """Whether the numbers of that panel go from 0, closed, to 1, open; others lie about 0."""
    return "gate" in panel


def gradients_by_step(model: Model, x: Any, y: Any, where: str) -> dict[str, list[Array]]:
    """‖∂L/∂h_t‖ (T,) of each recurrent layer by its path; of an LSTM ‖∂L/∂c_t‖ (T,), too.

    The norm is that over units and rows. Step by step in the order of time, whichever way the layer goes.

    Raises:
        NotBuiltError: the model has seen no data.
        ConfigurationError: it has no recurrent layer.
        ShapeError, DataError: x or y do not fit.
    """
    model.require_built(where)
    rows = model.rows(x, y, None, where=where, ragged=True).require_weight(where=where)
    run = SeeingRunner(_BACKWARD)
    propagate(run, model.network.copy(), model.loss, rows, training=False)
    if not run.calls:
        layers = ", ".join(type(layer).__name__ for _, layer in model.network.walk())
        raise ConfigurationError(
            where=where,
            received=f"a network of {layers:.200}",
            expected="one with an LSTM, a GRU or a SimpleRNN",
            fix="for other layers plot_gradient_flow shows how a gradient goes through them",
        )
    found: dict[str, list[Array]] = {}
    for call in reversed(run.calls):
        states = [_of_states(call), *([call.arrays["dcell"]] if "dcell" in call.arrays else [])]
        found[call.path] = [np.sqrt(np.square(own, dtype=np.float64).sum(axis=(0, 2))) for own in states]
    return found


def _of_states(call: Call) -> Array:
    """∂L/∂h_t (N, T, H), by all that reads the state: its own output, and the next step."""
    arrays = call.arrays
    if "dh" in arrays:
        return np.asarray(arrays["dh"])
    back = arrays["da"] @ arrays["recurrent"].T  # (N, T, G·H) (G·H, H): what the next step hands back
    later = np.zeros_like(back)
    if arrays["reverse"]:
        later[:, 1:] = back[:, :-1]
    else:
        later[:, :-1] = back[:, 1:]
    if arrays["lengths"] is not None:  # what a reverse recurrence hands back to its beginning is of no step
        later[np.arange(later.shape[1]) >= arrays["lengths"][:, None]] = 0
    return np.asarray(arrays["dy"] + later)
