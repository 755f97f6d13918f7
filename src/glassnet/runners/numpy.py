"""The runner that just calls the NumPy kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.kernels import Kernel
from glassnet.runners.base import Caller, Runner


class NumpyRunner(Runner):
    """Runs each kernel as it comes: the way to read, debug and check gradients.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(2, weight_init="ones"))
        >>> _ = net.build((3,))
        >>> y, cache = net.forward(gn.NumpyRunner(), np.ones((1, 3)), training=True)
        >>> y.tolist()
        [[3.0, 3.0]]
    """

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls ``kernel(**arguments)``.

        NumPy's warnings are off. What overflows is infinite, as in the compiled engine, and whoever asked for the
        numbers looks at them; and some of OpenBLAS's kernels multiply lanes that they then drop, left over from other
        work, and NumPy reports what was in them.
        """
        with np.errstate(all="ignore"):
            kernel(**arguments)
