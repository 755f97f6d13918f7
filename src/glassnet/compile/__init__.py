"""The compiler: recorded calls become a program of the native module."""

from glassnet.compile.plan import Plan
from glassnet.compile.program import CompiledProgram, RecordedStep, native
from glassnet.compile.single import NativeRunner

__all__ = ["CompiledProgram", "NativeRunner", "Plan", "RecordedStep", "native"]
