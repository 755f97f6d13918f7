"""The network's outputs for any number of rows: by NumPy kernels, or compiled."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np

from glassnet.compile.forward import MOST_ROWS, CompiledForward, compile_forward
from glassnet.compile.threads import at_most, thread_count
from glassnet.core.errors import ConfigurationError
from glassnet.core.parameters import Watched
from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.runners import NumpyRunner
from glassnet.runners.own import is_own
from glassnet.runners.standins import NotRecorded
from glassnet.training.agreement import close
from glassnet.training.changes import Fingerprint
from glassnet.training.lengths import require_padding_unseen
from glassnet.training.origins import likeness_of
from glassnet.training.parts import is_python
from glassnet.training.steps import refusing_parameters

_UNKNOWN: Any = object()
NUMPY_ROWS = 1024
"""Rows that go through the network at once where NumPy kernels carry it out: bounds the memory."""


class Predictor:
    """A network's forward pass in prediction mode, compiled where the native module can.

    Safe to call from several threads at once. It holds for the network as it was when it was made: ``is_current`` says
    whether it still does.

    Args:
        network: built.
        engine: as ``Model`` takes it; where layers are written in Python, NumPy kernels do the work in any case.
        threads: upper limit of threads.
        on_trial: whether it is made to see how a copy of a network with layers of the user's own behaves.

    Attributes:
        looks_up: whether numbers are looked up, which must be checked before.
    """

    def __init__(self, network: Network, engine: str, threads: int | None, *, on_trial: bool = False) -> None:
        self.network = network
        self._on_trial = on_trial
        self._settings = engine, threads
        self._has_own = has_own = any(map(is_own, (network, *(layer for _, layer in network.walk()))))
        # Own layers may set attributes whenever they are called: the number of changes says as much, without comparing.
        self._fingerprint = None if has_own else Fingerprint(network)
        self._latest = Watched.latest
        self._shape, self._dtype = network.output_shape or (), network.dtype
        self._threads = thread_count(threads)
        self.looks_up = bool(network.demands)
        self._program = None if engine == "numpy" else self._compiled()
        self._of_lengths: Any = _UNKNOWN  # its program for rows of different length
        self._is_untried = has_own and not on_trial and self._program is not None

    def is_current(self, network: Network, engine: str, threads: int | None) -> bool:
        """Whether all is as it was: the network, its buffers, every layer's attributes, and the other arguments."""
        if network is not self.network or self._settings != (engine, threads):
            return False
        return Watched.latest == self._latest if self._fingerprint is None else self._fingerprint.is_current()

    def fast(self, x: Array) -> Array | None:
        """The outputs, or None where x is not a contiguous array of finite rows of the network's shape and dtype."""
        if self._program is None or self._is_untried or not x.ndim:
            return None
        y = np.empty((len(x), *self._shape), self._dtype)
        return y if self._program.predict(x, y, at_most(self._threads)) else None

    def __call__(self, x: Array, lengths: Array | None = None) -> Array:
        """The outputs (N, ...) for checked inputs (N, ...), with a length for each row where they are not whole."""
        x = np.ascontiguousarray(x)
        if lengths is not None:
            return self._ragged(x, np.ascontiguousarray(lengths))
        if self._is_untried:
            self._try(x[:MOST_ROWS])
        found = self.fast(x) if len(x) else None
        return self._by_numpy(x) if found is None else found

    def _ragged(self, x: Array, lengths: Array) -> Array:
        """The outputs for rows of different length, by a program of its own; own layers are called by NumPy."""
        if self._of_lengths is _UNKNOWN:
            if any(is_own(layer) or is_python(layer) for _, layer in self.network.walk()):
                require_padding_unseen(self.network, x[:MOST_ROWS], lengths[:MOST_ROWS])
            by_numpy = self._settings[0] == "numpy" or self._has_own
            self._of_lengths = None if by_numpy else compile_forward(self.network, self._likeness(), ragged=True)
        y = np.empty((len(x), *self._shape), self._dtype)
        program = self._of_lengths
        if program is None or not len(x) or not program.predict(x, y, at_most(self._threads), lengths):
            return self._by_numpy(x, lengths)
        return y

    def _by_numpy(self, x: Array, lengths: Array | None = None) -> Array:
        run, y = NumpyRunner(step=0), np.empty((len(x), *self._shape), self._dtype)
        for start in range(0, max(1, len(x)), NUMPY_ROWS):
            part = slice(start, start + NUMPY_ROWS)
            run.lengths = None if lengths is None else lengths[part]
            y[part] = run.forward(self.network, x[part], training=False)[0]
        return y

    def _try(self, x: Array) -> None:
        """Lets a copy of a network with own layers predict both ways, twice, with other parameters; or gives up."""
        try:
            twin = deepcopy(self.network)
            trial = Predictor(twin, "compiled", 1, on_trial=True)
            for _ in range(2):
                compiled = trial.fast(x)
                if trial._program is None or (compiled is not None and not close(trial._by_numpy(x), compiled)):
                    self._program = None
                if compiled is None:  # the rows are nothing to tell by
                    return
                twin.parameters[...] *= 1.1
            self._is_untried = False
        except Exception:  # noqa: BLE001 - of the user's code, on a copy: NumPy will show what there is to it
            self._program = None

    def _likeness(self) -> tuple[Any, ...] | None:
        """See ``likeness_of``; the network is looked over as if it were recorded."""
        if self._has_own:
            return None
        self.network.require_unchanged()
        return likeness_of(self.network)

    def _compiled(self) -> CompiledForward | None:
        """The native program, or None: where own layers do more than call kernels, NumPy has to."""
        how: Any = (
            {"poisoned": True, "watched_by": partial(refusing_parameters, self.network)} if self._on_trial else {}
        )
        try:
            return compile_forward(self.network, None if self._on_trial else self._likeness(), **how)
        except (NotRecorded, ConfigurationError):
            if not self._has_own:
                raise
            return None
