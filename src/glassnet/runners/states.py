"""What layers carry from one call to the next: the states of recurrences, keys and values of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.room import require_room
from glassnet.core.shapes import Array, Shape


class States:
    """Arrays that hold 0 before the first call, by the path of their layer and their name.

    Example:
        >>> import numpy as np
        >>> states = States()
        >>> states.of("0", "initial", (1, 3), np.float32)
        array([[0., 0., 0.]], dtype=float32)
    """

    def __init__(self) -> None:
        self.arrays: dict[tuple[str, str], Array] = {}

    def of(self, path: str, name: str, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """The array of that name; one that is asked for the first time is made."""
        found = self.arrays.get((path, name))
        if found is None:
            require_room(shape, dtype, where=f"layer {path}: what it keeps of a sequence")
            found = self.arrays[path, name] = np.zeros(shape, dtype)
        assert found.shape == tuple(shape), "rows of another number"
        return found

    def reset(self) -> None:
        """Begins anew."""
        for array in self.arrays.values():
            array.fill(0)
