"""Sums that a compiled program makes piece by piece, put together.

A sum over the rows of a batch, such as a weight's gradient, is the sum of the sums over its pieces:

    Σ_n f_n = Σ_p Σ_{n in piece p} f_n

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import pieces
    >>> whole = np.empty(2)
    >>> pieces.add_pieces(np.array([[1.0, 2.0], [10.0, 20.0]]), whole)
    >>> whole.tolist()
    [11.0, 22.0]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel


@kernel("whole = Σ_p parts_p", writes="whole", shared="parts")
def add_pieces(parts: Array, whole: Array) -> None:
    """Writes ``whole = Σ_p parts_p``, in the order of the pieces.

    Args:
        parts: the sums over the pieces (P, S).
        whole: output (S,).
    """
    np.copyto(whole, parts[0])
    for part in parts[1:]:
        whole += part
