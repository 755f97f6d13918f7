"""The compiler: recorded calls become a program of the native module."""

from glassnet.compile.binding import native
from glassnet.compile.kept import LeasedProgram
from glassnet.compile.plan import Plan
from glassnet.compile.program import CompiledProgram, RecordedStep
from glassnet.compile.single import NativeRunner

__all__ = ["CompiledProgram", "LeasedProgram", "NativeRunner", "Plan", "RecordedStep", "native"]
