"""Three ways to run the same kernel calls: call them, call and log them, or (in compiled form) record them."""

from glassnet.runners.base import Caller, Runner
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.tracing import KernelCall, TracingRunner

__all__ = ["Caller", "KernelCall", "NumpyRunner", "Runner", "TracingRunner"]
