"""Random numbers that depend on named things alone, never on what was drawn before.

Two sources. Whatever is drawn once (initial weights, the order of an epoch's rows) comes from a
``numpy.random.Generator`` keyed by (seed, purpose, index). Dropout masks are drawn at every step, in Python and
in compiled code, and must agree bit for bit; they come from Philox-4x32-10, a counter-based generator: the
n-th word is a function of (key, n), so any thread can draw any part of a mask.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import zlib

import numpy as np

from glassnet.core.shapes import Array

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def stream_id(name: str) -> int:
    """A stable 32-bit number for a name, such as a layer's path (CRC-32 of its UTF-8 bytes)."""
    return zlib.crc32(name.encode(errors="surrogatepass"))


def generator(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """A fresh generator for one purpose: the same arguments always give the same numbers.

    Example:
        >>> generator(0, "shuffle", 3).permutation(5).tolist() == generator(0, "shuffle", 3).permutation(5).tolist()
        True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, stream_id(purpose), index]))


def philox_4x32(counter: tuple[Array | int, ...], key: tuple[int, int]) -> Array:
    """Philox-4x32-10: ten rounds over four 32-bit counter words, vectorised.

    Args:
        counter: four words, each a number or an array of shape (B,), values below 2³².
        key: two words below 2³².

    Returns:
        uint32 array (B, 4).
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.atleast_1d(np.asarray(word, np.uint64)) for word in counter))
    k0, k1 = key
    for _ in range(10):
        product0, product1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (product1 >> _HALF) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _HALF) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def random_words(count: int, *, seed: int, step: int, stream: int) -> Array:
    """``count`` independent 32-bit words for one (seed, step, stream).

    Word 4b + j is the j-th output of the block with counter (b, step low, step high, stream) and the key
    (seed low, seed high).

    Returns:
        uint32 array (count,).
    """
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    counter = (blocks, step & 0xFFFFFFFF, step >> 32, stream)
    return philox_4x32(counter, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF)).reshape(-1)[:count]
