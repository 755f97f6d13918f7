"""glassnet: a neural-network library that you can see through.

Forward propagation, the loss, the error term δ, the gradient, the update: each step is written once in plain NumPy for
people to read, in ``glassnet.kernels``. Start with ``Sequential``, ``Dense`` and ``Model``.
"""

from typing import TYPE_CHECKING, Any

from glassnet import initializers, kernels, layers, losses, metrics, optimizers, schedules
from glassnet.core.errors import (
    ConfigurationError,
    DataError,
    DataWarning,
    DivergenceError,
    FileFormatError,
    GlassnetError,
    MissingExtraError,
    MissingFileError,
    NotBuiltError,
    NumpyFallbackWarning,
    ShapeError,
)
from glassnet.derivatives import (
    GradientReport,
    check_gradients,
    gradients,
    hvp,
    integrated_gradients,
    jvp,
    saliency,
    smooth_grad,
    vjp,
)
from glassnet.derivatives.importance import permutation_importance
from glassnet.diagnosis.diagnose import diagnose
from glassnet.diagnosis.trials import learning_rate_range
from glassnet.layers import (
    ELU,
    GELU,
    Augment,
    AveragePool1D,
    AveragePool2D,
    BatchNorm,
    Clip,
    Columns,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    GroupNorm,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool1D,
    MaxPool2D,
    NumpyLayer,
    Permute,
    ReLU,
    ReLU6,
    Reshape,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    UpSample2D,
    ZeroPad2D,
)
from glassnet.losses import NumpyLoss
from glassnet.model import Model, load
from glassnet.network import (
    AbsoluteDifference,
    Add,
    Concat,
    Concatenate,
    Dot,
    Graph,
    Multiply,
    Network,
    Residual,
    Sequential,
    SquaredDistance,
    Subtract,
)
from glassnet.optimizers import (
    L1,
    L2,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Chain,
    ClipByNorm,
    ClipByValue,
    Lion,
    MaxNorm,
    NAdam,
    NumpyOptimizer,
    RMSProp,
    WeightDecay,
)
from glassnet.preprocessing import Standardize
from glassnet.runners import NumpyRunner, Runner, TracingRunner
from glassnet.tables import Table
from glassnet.tracing import Trace, trace
from glassnet.training import Callback, Checkpoint, EarlyStopping, Gradients, History, ReduceOnPlateau, Watch
from glassnet.version import __version__

if TYPE_CHECKING:
    from glassnet import data, estimators, interop, plots, zoo
    from glassnet.interop import from_onnx, from_torch, load_state, to_torch
    from glassnet.reports import report

__all__ = [
    "ELU",
    "GELU",
    "L1",
    "L2",
    "SGD",
    "AbsoluteDifference",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Add",
    "Augment",
    "AveragePool1D",
    "AveragePool2D",
    "BatchNorm",
    "Callback",
    "Chain",
    "Checkpoint",
    "Clip",
    "ClipByNorm",
    "ClipByValue",
    "Columns",
    "Concat",
    "Concatenate",
    "ConfigurationError",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "DataError",
    "DataWarning",
    "Dense",
    "DivergenceError",
    "Dot",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "FileFormatError",
    "Flatten",
    "GlassnetError",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GradientReport",
    "Gradients",
    "Graph",
    "GroupNorm",
    "History",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Lion",
    "MaxNorm",
    "MaxPool1D",
    "MaxPool2D",
    "MissingExtraError",
    "MissingFileError",
    "Model",
    "Multiply",
    "NAdam",
    "Network",
    "NotBuiltError",
    "NumpyFallbackWarning",
    "NumpyLayer",
    "NumpyLoss",
    "NumpyOptimizer",
    "NumpyRunner",
    "Permute",
    "RMSProp",
    "ReLU",
    "ReLU6",
    "ReduceOnPlateau",
    "Reshape",
    "Residual",
    "Runner",
    "Scale",
    "Sequential",
    "ShapeError",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SquaredDistance",
    "Standardize",
    "Subtract",
    "Table",
    "Tanh",
    "Trace",
    "TracingRunner",
    "UpSample2D",
    "Watch",
    "WeightDecay",
    "ZeroPad2D",
    "__version__",
    "check_gradients",
    "data",
    "diagnose",
    "estimators",
    "from_onnx",
    "from_torch",
    "gradients",
    "hvp",
    "initializers",
    "integrated_gradients",
    "interop",
    "jvp",
    "kernels",
    "layers",
    "learning_rate_range",
    "load",
    "load_state",
    "losses",
    "metrics",
    "optimizers",
    "permutation_importance",
    "plots",
    "report",
    "saliency",
    "schedules",
    "smooth_grad",
    "to_torch",
    "trace",
    "vjp",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """Imports rooms that the core does not need, such as ``glassnet.data``, when they are first asked for."""
    from importlib import import_module

    if name in ("data", "estimators", "interop", "plots", "zoo"):
        return import_module(f"glassnet.{name}")
    if name in ("from_onnx", "from_torch", "load_state", "to_torch"):
        return getattr(import_module("glassnet.interop"), name)
    if name == "report":
        return import_module("glassnet.reports").report
    meant = None if name.startswith("_") else import_module("glassnet.core.suggestions").class_meant(name, __all__)
    hint = f"; here it is {meant}" if meant else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    """The public names, whether they are loaded yet or not, and no others."""
    return sorted(__all__)
