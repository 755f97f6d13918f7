"""onnxruntime: it does not train here, so only the prediction of one row is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.timing import Whole, missing, peer_main

try:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    missing(error)

Started = tuple[Callable[[], Any], Callable[[], float]]
OPSET, IR_VERSION = 21, 10
"""Of the model file: old enough for every onnxruntime of the last years."""


def model_bytes(case: Case) -> bytes:
    """The case's network as an ONNX file: Gemm, Relu, Gemm."""
    arrays = zip(("w1", "b1", "w2", "b2"), case.weights(), strict=True)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["z"]),
            helper.make_node("Relu", ["z"], ["h"]),
            helper.make_node("Gemm", ["h", "w2", "b2"], ["logits"]),
        ],
        case.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.batch, case.sizes[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [case.batch, case.sizes[-1]])],
        [numpy_helper.from_array(array, name) for name, array in arrays],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    return bytes(model.SerializeToString())


def session(case: Case, threads: int) -> Any:
    """Ready to run; 0 threads leaves their number to onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model_bytes(case), options, providers=["CPUExecutionProvider"])


def run(threads: int) -> Whole:
    """``InferenceSession.run`` of a row, which gives a new array."""

    def start(case: Case) -> Started:
        ready, feed, names = session(case, threads), {"x": case.data()[0]}, ["logits"]
        return lambda: ready.run(names, feed), lambda: float(np.ptp(ready.run(names, feed)[0]))

    return start


def run_bound(threads: int) -> Whole:
    """Input and output bound to memory beforehand."""

    def start(case: Case) -> Started:
        ready = session(case, threads)
        row = onnxruntime.OrtValue.ortvalue_from_numpy(case.data()[0])
        logits = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((case.batch, case.sizes[-1]), case.dtype))
        bound = ready.io_binding()
        bound.bind_ortvalue_input("x", row)
        bound.bind_ortvalue_output("logits", logits)
        return lambda: ready.run_with_iobinding(bound), lambda: float(np.ptp(logits.numpy()))

    return start


WHOLE: dict[str, dict[str, Whole]] = {
    "predict-one": {
        "run": run(0),
        "run, one thread": run(1),
        "bound memory": run_bound(0),
        "bound memory, one thread": run_bound(1),
    }
}

if __name__ == "__main__":
    peer_main("onnxruntime", {}, WHOLE)
