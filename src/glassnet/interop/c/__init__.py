"""Models as C source that stands alone."""
