"""Makes src/glassnet/data/digits.npz from scikit-learn's copy of the UCI handwritten digits.

Run it from anywhere: ``python tools/make_digits.py [output]``. Only this script needs scikit-learn.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

OUTPUT = Path(__file__).resolve().parent.parent / "src" / "glassnet" / "data" / "digits.npz"


def main(output: Path = OUTPUT) -> None:
    bunch = load_digits()
    x, y = bunch.data.astype(np.uint8), bunch.target.astype(np.uint8)
    assert np.array_equal(x, bunch.data), "a pixel is no whole number from 0 to 255"
    np.savez_compressed(output, x=x, y=y)
    print(f"{output}: {len(x)} images, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
