"""How the formulas of kernels come about: a file for each family of kernels, which declare them as ``why``."""
