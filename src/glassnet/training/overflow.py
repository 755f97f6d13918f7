"""Numbers that have run over in an optimizer's memory.

No loss shows them: Adam divides by the root of its ``v``, so that weights whose ``v`` is infinite stand still for ever,
while all the others are trained. Once such a number is there it stays; an epoch may pass before it is looked for.
"""

from __future__ import annotations

import numpy as np

from glassnet.core.memory import Layout
from glassnet.core.numeric import all_finite
from glassnet.optimizers import Optimizer


def memory_is_finite(optimizer: Optimizer) -> bool:
    """Whether the optimizer's memory holds neither NaN nor infinity."""
    return all(all_finite(np.asarray(array)) for array in optimizer.state.values())


def place_of_overflow(optimizer: Optimizer, layout: Layout) -> str | None:
    """Where the first such number is, such as ``'v' for 0.weight``; None where there is none."""
    for name, array in optimizer.state.items():
        if all_finite(np.asarray(array)):
            continue
        first = int(np.argmin(np.isfinite(array))) if np.ndim(array) == 1 else -1
        path = next((segment.path for segment in layout if segment.start <= first < segment.stop), None)
        return f"{name!r} for {path}" if path else f"{name!r}"
    return None
