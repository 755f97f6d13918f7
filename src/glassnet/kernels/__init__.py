"""The textbook: every step of a network as a pure function on arrays, its backward beside it.

A kernel reads arrays, writes into buffers it is given, keeps no state and decides nothing. Kernels of a step come in
pairs, ``x_forward`` and ``x_backward``. Layers never call them directly; they hand them to a runner.

Each file but ``registry`` and ``functions`` is a family of kernels, named after what they do, such as ``dense``. All of
them are found and enter their kernels into the register; nothing lists them.
"""

from importlib import import_module
from pkgutil import iter_modules

from glassnet.kernels.registry import KERNELS, Kernel, KernelInfo, info, kernel

_families = sorted({module.name for module in iter_modules(__path__)} - {"functions", "registry", "why"})
for _family in _families:
    import_module(f"{__name__}.{_family}")

__all__ = ["KERNELS", "Kernel", "KernelInfo", "info", "kernel"]
__all__ += _families


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
