"""Three ways to run the same kernel calls: carry them out, carry them out and log them, or write them down."""

from glassnet.runners.base import Caller, NumberOfStep, Runner
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.recorder import RecordedCall, Recorder, StepNumber, repeat
from glassnet.runners.tracing import KernelCall, TracingRunner

__all__ = [
    "Caller",
    "KernelCall",
    "NumberOfStep",
    "NumpyRunner",
    "RecordedCall",
    "Recorder",
    "Runner",
    "StepNumber",
    "TracingRunner",
    "repeat",
]
