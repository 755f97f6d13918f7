"""A training step shown: every kernel call in its order, and for every number what it was calculated from."""

from glassnet.tracing.trace import Trace, trace

__all__ = ["Trace", "trace"]
