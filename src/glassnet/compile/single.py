"""The runner that carries out single calls in the native module."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.compile.binding import as_setting, check_arrays, native
from glassnet.kernels import Kernel, info
from glassnet.runners.base import Caller, Runner
from glassnet.runners.recorder import RecordedCall


class NativeRunner(Runner):
    """Calls native kernels one after another, or those of NumPy that have no twin: for what is not worth a program.

    Args:
        dtype: of the arrays.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self._dtype = dtype
        self._module = native()

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls the kernel's native twin."""
        entry = info(kernel)
        if self._module is None or not self._module.has_kernel(entry.name):
            kernel(**arguments)
            return
        arrays = {name: arguments[name] for name in entry.arrays}
        check_arrays(RecordedCall(caller.path, entry, arrays, {}), self._dtype)
        settings = [as_setting(arguments[name]) for name in entry.settings]
        self._module.call(entry.name, self._dtype == np.float64, list(arrays.values()), settings)
