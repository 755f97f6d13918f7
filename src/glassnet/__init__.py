"""glassnet: a neural-network library that you can see through.

Forward propagation, the loss, the error term δ, the gradient, the update: each step is written once in plain NumPy for
people to read, in ``glassnet.kernels``. Start with ``Sequential``, ``Dense`` and ``Model``.
"""

from typing import Any

from glassnet.core.doors import hang
from glassnet.core.forks import look_after_forks
from glassnet.core.lazy import lazily, names_of

look_after_forks()

_NAMES = names_of(f"{__path__[0]}/__init__.pyi")

__all__ = sorted(_NAMES)  # the stub is the one list of them
__getattr__ = lazily(globals(), _NAMES)


def __dir__() -> list[str]:
    """The public names, whether they are loaded yet or not, and no others."""
    return __all__


def _export_onnx(*args: Any, **settings: Any) -> Any:
    from glassnet.interop import export_onnx

    return export_onnx(*args, **settings)


def _plot_watch(*args: Any, **settings: Any) -> Any:
    from glassnet.plots import plot_watch

    return plot_watch(*args, **settings)


def _report_tuning(*args: Any, **settings: Any) -> Any:
    from glassnet.reports.search import report_tuning

    return report_tuning(*args, **settings)


hang(export_onnx=_export_onnx, plot_watch=_plot_watch, report_tuning=_report_tuning)
