"""A training step shown: every kernel call in its order, and for every number what it was calculated from."""

from glassnet.tracing.trace import Trace, trace
from glassnet.tracing.words import LANGUAGES

__all__ = ["LANGUAGES", "Trace", "trace"]
