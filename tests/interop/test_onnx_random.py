"""Random small ONNX graphs are refused, or give in glassnet what onnx's reference evaluator makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassnet as gn

onnx = pytest.importorskip("onnx")

from interop.onnx_graphs import Builder, random_graph  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402


def outputs(builder: Builder, x: np.ndarray) -> np.ndarray:
    """What the evaluator makes of rows; of operators that it runs otherwise than ONNX says, onnxruntime."""
    if builder.is_old:
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        content = builder.model().SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"x": x})[0])
    with np.errstate(all="ignore"):
        return np.asarray(ReferenceEvaluator(builder.model()).run(None, {"x": x})[0])


def outcome(builder: Builder, path: Path) -> str:
    """How the graph is refused; "" where it is read, and right."""
    onnx.save(builder.model(), str(path))
    try:
        net = gn.from_onnx(path)
    except gn.GlassnetError as error:
        return str(error)
    for engine in ("numpy", "compiled"):
        model = gn.Model(net, "sum_squared_error", "sgd", engine=engine)
        for rows in (2, 5) if builder.is_free else (builder.batch, builder.batch):
            x = builder.rng.normal(size=(rows, *builder.row)).astype(np.float32) * np.float32(builder.pick([0.3, 2]))
            expected = outputs(builder, x)
            found = model.predict(x)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    return ""


@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_a_graph_is_refused_or_right(tmp_path_factory: pytest.TempPathFactory, seed: int, nodes: int) -> None:
    outcome(random_graph(seed, nodes), tmp_path_factory.mktemp("graph") / "model.onnx")


def test_many_graphs_are_read(tmp_path: Path) -> None:
    """That refusing is not all that it does."""
    outcomes = [outcome(random_graph(seed, 1 + seed % 5), tmp_path / "model.onnx") for seed in range(150)]
    assert outcomes.count("") >= 40
