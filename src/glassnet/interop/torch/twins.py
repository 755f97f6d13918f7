"""Copies of PyTorch modules on rows: in evaluation mode, and whichever of the first two axes these are."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, batch_shape
from glassnet.interop.torch.modules import kind_of
from glassnet.interop.torch.refusals import Place, unread
from glassnet.interop.torch.sequences import SEQUENCES, gives_states, taken


def frozen_copy(module: Any) -> Any:
    """A copy in evaluation mode, on the processor, which calculates the same when its dtype is changed."""
    import torch

    copy = deepcopy(module).cpu().eval()
    for own in copy.modules():
        if isinstance(own, torch.nn.RMSNorm) and own.eps is None and own.weight is not None:
            own.eps = torch.finfo(own.weight.dtype).eps  # what None stands for depends on the dtype
    return copy


def outputs_of(module: Any, x: Array, *, indices: bool = False) -> Any:
    """What a module gives for rows; where it looks things up the rows are whole numbers."""
    import warnings

    import torch

    rows = torch.tensor(x)  # a copy: some modules write into what they get
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of a module, it says where that is made and used
        if kind_of(module) == "MultiheadAttention":  # of one sequence: queries, keys and values are its steps
            return module(rows, rows, rows, need_weights=False)[0]
        return module(rows.long() if indices else rows)


def turned(x: Array, is_turned: bool) -> Array:
    """Rows (N, T, ...) as (T, N, ...), or back, where that is how a module has them."""
    return x.swapaxes(0, 1) if is_turned and x.ndim > 1 else x


class Whole:
    """The whole module on rows, whichever of the first two axes they are there.

    Args:
        module: of which a copy is run.
        begins_turned: whether it takes steps first, and rows second.
        ends_turned: whether it gives them so.
        indices: whether it takes whole numbers.
    """

    def __init__(self, module: Any, begins_turned: bool, ends_turned: bool, indices: bool) -> None:
        self.twin = frozen_copy(module)
        self.begins_turned, self.ends_turned, self.indices = begins_turned, ends_turned, indices

    def to_double(self) -> None:
        """Calculates in float64 from now on."""
        self.twin = self.twin.double()

    def __call__(self, x: Array) -> Array:
        """What it gives for rows."""
        found = outputs_of(self.twin, turned(x, self.begins_turned), indices=self.indices)
        return np.asarray(turned((found[0] if isinstance(found, tuple) else found).numpy(), self.ends_turned))


class Twin:
    """A copy of a module in float64, with what is chosen of that which it gives.

    Args:
        place: the module.
        is_turned: whether it takes steps first, and rows second.

    Attributes:
        taken: what is chosen of a recurrence, see ``sequences``.
        ends_turned: whether what is chosen has the steps first.
    """

    def __init__(self, place: Place, is_turned: bool) -> None:
        self.place, self.is_turned, self.ends_turned = place, is_turned, is_turned
        self.twin = frozen_copy(place.module).double()
        self.choice = None if place.choice is None else frozen_copy(place.choice[1])
        self.taken: str | int | None = None

    def run(self, batches: Sequence[Array]) -> list[Array]:
        """What it gives for rows, rows first.

        Raises:
            ShapeError: torch does not take such rows.
            ConfigurationError: it gives several things, or what is chosen of them is nothing that is known.
        """
        given = [self._run(x) for x in batches]
        if not gives_states(self.place.module):
            return [turned(self._array(own), self.is_turned) for own in given]
        outputs = [turned(self._array(own[0]), self.is_turned) for own in given]
        if self.choice is None:
            self.taken = SEQUENCES
            return outputs
        chosen = [self._chosen(own) for own in given]
        if self.taken is None:
            self._look(outputs, chosen)
        return [turned(own, self.ends_turned) for own in chosen]

    def _look(self, outputs: Sequence[Array], chosen: Sequence[Array]) -> None:
        """Finds out what is chosen of the outputs."""
        for is_turned in dict.fromkeys((self.is_turned, False)):
            found = taken(self.place.module, outputs, [turned(own, is_turned) for own in chosen])
            if found is not None and (found == SEQUENCES or not is_turned):
                self.taken, self.ends_turned = found, is_turned
                return
        raise self._unread_choice("something else than all outputs, those of one step, or the last states h")

    def _run(self, x: Array) -> Any:
        path, module, _ = self.place
        rows = turned(x, self.is_turned)
        try:
            return outputs_of(self.twin, rows, indices=kind_of(module) == "Embedding")
        except Exception as error:  # whatever torch says of a shape that does not fit
            raise ShapeError(
                where=f"from_torch: {path or 'module'}",
                received=f"rows of shape {batch_shape(x.shape[1:])}, which torch refuses ({error})",
                expected=f"rows that {module!r:.200} takes",
                fix="check input_shape, the shape of one row without the batch axis",
            ) from error

    def _array(self, outputs: Any) -> Array:
        import torch

        path, module, _ = self.place
        if not isinstance(outputs, torch.Tensor):
            several = "return_indices=True" if getattr(module, "return_indices", False) else "two outputs"
            raise unread(path, module, several)
        return np.asarray(outputs.double().numpy())

    def _chosen(self, given: Any) -> Array:
        import torch

        assert self.choice is not None
        try:
            found = self.choice(given)
        except Exception as error:
            raise self._unread_choice(f"nothing ({type(error).__name__}: {error!s:.100})") from error
        if not isinstance(found, torch.Tensor):
            raise self._unread_choice(f"a {type(found).__name__}, no tensor")
        return np.asarray(found.double().numpy())

    def _unread_choice(self, what: str) -> ConfigurationError:
        assert self.place.choice is not None
        return unread(*self.place.choice, f"a forward that takes of what {self.place.module!r:.100} gives {what}")
