"""Three ways to run the same kernel calls: call them, call and log them, or record them and replay them compiled."""

from glassnet.runners.base import Caller, NumberOfStep, Runner
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.plan import Plan
from glassnet.runners.program import CompiledProgram, RecordedStep, native
from glassnet.runners.recorder import RecordedCall, Recorder, StepNumber, repeat
from glassnet.runners.single import NativeRunner
from glassnet.runners.tracing import KernelCall, TracingRunner

__all__ = [
    "Caller",
    "CompiledProgram",
    "KernelCall",
    "NativeRunner",
    "NumberOfStep",
    "NumpyRunner",
    "Plan",
    "RecordedCall",
    "RecordedStep",
    "Recorder",
    "Runner",
    "StepNumber",
    "TracingRunner",
    "native",
    "repeat",
]
