"""The version of the library, for files and people."""

__version__ = "0.1.0"
