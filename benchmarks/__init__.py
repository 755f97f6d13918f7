"""Benchmarks: glassnet beside its peers, the same mathematics on every side."""
