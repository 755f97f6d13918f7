"""Names in an ONNX file: each once, found without looking through all others."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from glassnet.interop.onnx.graph import Graph


def test_names_are_numbered_from_the_first_that_is_free() -> None:
    graph = Graph(np.dtype(np.float32))
    graph.taken |= {"own", "own_1"}
    assert [graph.unique(name) for name in ("own", "own", "own_0", "other")] == ["own_0", "own_2", "own_0_0", "other"]
