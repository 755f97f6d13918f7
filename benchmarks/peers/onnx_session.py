"""onnxruntime: it does not train here, so only the prediction of one row is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import PREDICT_ONE, PREDICTIONS, Case, fingerprint
from benchmarks.networks import BATCH_NORM_EPSILON, Activation, BatchNorm, Conv, Flatten, Layer, MaxPool
from benchmarks.timing import Whole, missing, peer_main

try:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    missing(error)

Started = tuple[Callable[[], Any], Callable[[], float]]
OPSET, IR_VERSION = 21, 10
"""Of the model file: old enough for every onnxruntime of the last years."""


def nodes_of(case: Case) -> tuple[list[Any], list[Any]]:
    """The network from ``x`` to ``logits`` as nodes, and its arrays as initializers; batch norm with the statistics."""
    nodes, initializers = [], []
    statistics = iter(case.statistics())
    parts = case.parts(case.weights())
    name = "x"
    for i, (layer, arrays) in enumerate(parts):
        arrays = [*arrays, *next(statistics)] if isinstance(layer, BatchNorm) else arrays
        names = [f"layer{i}_{k}" for k in range(len(arrays))]
        initializers += [numpy_helper.from_array(array, key) for array, key in zip(arrays, names, strict=True)]
        output = "logits" if i == len(parts) - 1 else f"y{i}"
        kind, settings = operation(layer)
        nodes.append(helper.make_node(kind, [name, *names], [output], **settings))
        name = output
    return nodes, initializers


def operation(layer: Layer) -> tuple[str, dict[str, Any]]:
    """The operator that computes a layer, with its attributes."""
    match layer:
        case Conv():
            return "Conv", {"kernel_shape": [layer.size] * 2, "pads": [layer.pad] * 4}
        case BatchNorm():
            return "BatchNormalization", {"epsilon": BATCH_NORM_EPSILON}
        case Activation():
            return layer.name.capitalize(), {}
        case MaxPool():
            return "MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}
        case Flatten():
            return "Flatten", {}
    return "Gemm", {}


def model_bytes(case: Case) -> bytes:
    """The case's network as an ONNX file."""
    nodes, initializers = nodes_of(case)
    graph = helper.make_graph(
        nodes,
        case.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.batch, *case.input_shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [case.batch, case.sizes[-1]])],
        initializers,
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
        return lambda: ready.run(names, feed), lambda: fingerprint(ready.run(names, feed)[0])

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
        return lambda: ready.run_with_iobinding(bound), lambda: fingerprint(logits.numpy())

    return start


PREDICT: dict[str, Whole] = {
    "run": run(0),
    "run, one thread": run(1),
    "bound memory": run_bound(0),
    "bound memory, one thread": run_bound(1),
}
WHOLE = {case.name: PREDICT for case in (PREDICT_ONE, *PREDICTIONS)}

if __name__ == "__main__":
    peer_main("onnxruntime", {}, WHOLE)
