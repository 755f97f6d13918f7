"""Small ONNX graphs on x: what is read, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

rng = np.random.default_rng(0)
node = helper.make_node
Case = tuple[list[Any], list[Any], dict[str, Any], str]
"""Nodes, the shape of x, constants and other settings, and words of the refusal or of the network."""

GATED = [
    node("Gemm", ["x", "w"], ["a"], name="gate"),
    node("Sigmoid", ["a"], ["b"]),
    node("Mul", ["x", "b"], ["y"], "p"),
]
SQUARE = rng.normal(size=(4, 4))
REFUSED: dict[str, Case] = {
    "gate": (GATED, ["N", 4], {"w": SQUARE}, r"Mul 'p' with 2 values"),
    "gate turned": (
        [*GATED[:2], node("Mul", ["b", "x"], ["y"], name="p")],
        ["N", 4],
        {"w": SQUARE},
        "Mul 'p' with 2 values",
    ),
    "swish with a factor": (
        [node("Mul", ["x", "f"], ["a"]), node("Sigmoid", ["a"], ["b"]), node("Mul", ["x", "b"], ["y"], name="p")],
        ["N", 4],
        {"f": np.array(1.702)},
        "Mul 'p'",
    ),
    "concat with a constant": (
        [node("Concat", ["x", "c"], ["y"], axis=1, name="p")],
        [1, 4],
        {"c": np.ones((1, 2))},
        "Concat 'p'.*constant",
    ),
    "concat of rows": ([node("Concat", ["x", "x"], ["y"], axis=0, name="p")], [2, 4], {}, "Concat 'p'.*not a row"),
    "softmax of rows": ([node("Softmax", ["x"], ["y"], axis=0, name="p")], ["N", 4], {}, "Softmax 'p' with axis=0"),
    "another domain": (
        [node("Relu", ["x"], ["y"], domain="com.example", name="p")],
        ["N", 4],
        {"domains": ["com.example"]},
        r"com\.example\.Relu \(in the nodes 'p'\)",
    ),
    "a constant for each row": (
        [node("Add", ["x", "c"], ["y"], name="p")],
        [3, 4],
        {"c": rng.normal(size=(3, 4))},
        "Add 'p'.*not one for all",
    ),
    "a bias for each row": (
        [node("Gemm", ["x", "w", "c"], ["y"], name="p")],
        [3, 4],
        {"w": SQUARE, "c": rng.normal(size=(3, 1))},
        "Gemm 'p'.*not one for all rows",
    ),
    "rows that grow": ([node("Add", ["x", "c"], ["y"], name="p")], ["N", 1], {"c": np.ones(3)}, "Add 'p'.*constant"),
    "transA": ([node("Gemm", ["x", "w"], ["y"], transA=1, name="p")], [4, 4], {"w": SQUARE}, "Gemm 'p' with transA=1"),
    "training": (
        [node("BatchNormalization", ["x", *"abcd"], ["y"], training_mode=1, name="p")],
        [3, 4],
        dict.fromkeys("abcd", np.ones(4)),
        "BatchNormalization 'p' with training_mode=1",
    ),
    "dropout at work": (
        [node("Dropout", ["x", "r", "t"], ["y"], name="p")],
        ["N", 4],
        {"r": np.array(0.5), "t": np.array(True)},
        "Dropout 'p' with training_mode=1",
    ),
    "a mask": (
        [node("Dropout", ["x"], ["a", "m"]), node("Cast", ["m"], ["y"], to=1, name="p")],
        ["N", 4],
        {},
        "its output 2, 'm'",
    ),
    "flattened rows": ([node("Flatten", ["x"], ["y"], axis=0, name="p")], [3, 4], {}, "Flatten 'p'.*not a row"),
    "rows mixed by a shape": (
        [node("Reshape", ["x", "s"], ["y"], name="p")],
        ["N", 4],
        {"s": np.array([-1, 2])},
        "Reshape 'p'.*not a row",
    ),
    "pads by reflection": (
        [node("Pad", ["x", "s"], ["y"], mode="reflect", name="p")],
        ["N", 1, 4, 4],
        {"s": np.array([0, 0, 1, 1] * 2)},
        "Pad 'p' with pads.*another mode",
    ),
    "bilinear": (
        [node("Resize", ["x", "", "s"], ["y"], mode="linear", name="p")],
        ["N", 1, 4, 4],
        {"s": np.array([1.0, 1, 2, 2])},
        "Resize 'p' with mode=linear",
    ),
    "crossing branches": (
        [node("Relu", ["x"], ["v0"])]
        + [node("Add", [f"v{max(i - 2, 0)}", f"v{i - 1}"], [f"v{i}"]) for i in range(1, 40)],
        ["N", 4],
        {"output": "v39"},
        "cross or nest",
    ),
    "an if": (
        [
            node(
                "If",
                ["c"],
                ["y"],
                then_branch=helper.make_graph(
                    [node("Relu", ["x"], ["t"])], "t", [], [helper.make_tensor_value_info("t", 1, None)]
                ),
                else_branch=helper.make_graph(
                    [node("Neg", ["x"], ["e"])], "e", [], [helper.make_tensor_value_info("e", 1, None)]
                ),
                name="p",
            )
        ],
        ["N", 4],
        {"c": np.array(True)},
        "input",
    ),
}


def constant(name: str, **value: Any) -> Any:
    return node("Constant", [], [name], **value)


READ: dict[str, Case] = {
    "softmax along channels": (
        [node("Softmax", ["x"], ["y"], axis=1)],
        ["N", 3, 4, 5],
        {},
        "Permute(2, 3, 1), Softmax()",
    ),
    "softmax along steps": (
        [node("Softmax", ["x"], ["y"], axis=-2)],
        ["N", 3, 4],
        {},
        "Permute(2, 1), Softmax(), Permute",
    ),
    "a shape of value_ints": (
        [constant("s", value_ints=[0, -1]), node("Reshape", ["x", "s"], ["y"])],
        ["N", 3, 4],
        {},
        "Flatten()",
    ),
    "a number of value_float": (
        [constant("c", value_float=2.5), node("Mul", ["x", "c"], ["y"])],
        ["N", 3],
        {},
        "Scale()",
    ),
    "numbers of value_floats": (
        [constant("c", value_floats=[1.0, 2.0, 3.0]), node("Sub", ["c", "x"], ["y"])],
        ["N", 3],
        {},
        "Scale()",
    ),
    "a column of value_int": (
        [
            constant("c", value_int=2),
            constant("a", value_ints=[1]),
            node("Unsqueeze", ["c", "axis"], ["i"]),
            node("Gather", ["x", "i"], ["y"], axis=1),
        ],
        ["N", 3],
        {"axis": np.array([0])},
        "Columns([2])",
    ),
    "alpha and beta": (
        [node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=3.0, transB=1)],
        ["N", 4],
        {"w": rng.normal(size=(2, 4)), "b": rng.normal(size=(1, 2))},
        "Dense(2)",
    ),
    "a product and a bias (1, M)": (
        [node("MatMul", ["x", "w"], ["a"]), node("Add", ["b", "a"], ["y"])],
        ["N", 4],
        {"w": rng.normal(size=(4, 2)), "b": rng.normal(size=(1, 2))},
        "Dense(2)",
    ),
    "a unit that is changed": (
        [node("Sub", ["x", "m"], ["a"]), node("Div", ["a", "s"], ["b"]), node("Conv", ["b", "w"], ["y"], pads=[1] * 4)],
        ["N", 2, 5, 5],
        {"m": np.full((2, 1, 1), 1000.0), "s": np.array(5.0), "w": rng.normal(size=(3, 2, 3, 3))},
        "Scale(), Scale(), Conv2D(3, 3, padding=1",
    ),
    "a mean image": (
        [node("Sub", ["x", "m"], ["y"])],
        ["N", 2, 3, 4],
        {"m": rng.normal(size=(2, 3, 4))},
        "Flatten(), Scale()",
    ),
    "rows by width": (
        [node("Mul", ["x", "m"], ["y"])],
        ["N", 2, 3, 4],
        {"m": rng.normal(size=4)},
        "Permute(3, 1, 2), Scale()",
    ),
    "steps of a sequence": (
        [node("Add", ["x", "m"], ["y"])],
        ["N", 5, 3],
        {"m": rng.normal(size=(5, 1))},
        "Permute(2, 1), Scale()",
    ),
    "weights behind other operators": (
        [node("Transpose", ["w"], ["a"], perm=[1, 0]), node("Identity", ["a"], ["b"]), node("Gemm", ["x", "b"], ["y"])],
        ["N", 4],
        {"w": rng.normal(size=(2, 4))},
        "Dense(2, use_bias=False)",
    ),
    "a left factor": (
        [node("MatMul", ["w", "x"], ["y"])],
        ["N", 5, 3],
        {"w": rng.normal(size=(2, 5))},
        "Dense(2, use_bias=False)",
    ),
    "a product of steps": (
        [node("MatMul", ["x", "w"], ["y"])],
        ["N", 5, 3],
        {"w": rng.normal(size=(3, 2))},
        "Dense(2, use_bias=False)",
    ),
    "both limits": (
        [node("Clip", ["x", "a", "b"], ["y"])],
        ["N", 4],
        {"a": np.array(-0.5), "b": np.array(0.25)},
        "Clip(-0.5, 0.25)",
    ),
    "no lower limit": ([node("Clip", ["x", "", "b"], ["y"])], ["N", 4], {"b": np.array(0.5)}, "Clip(None, 0.5)"),
    "a limit at 0": ([node("Clip", ["x", "a"], ["y"])], ["N", 4], {"a": np.array(0.0)}, "ReLU()"),
    "limits as attributes": ([node("Clip", ["x"], ["y"], min=0.0, max=6.0)], ["N", 4], {"opset": 10}, "ReLU6()"),
    "channels last": (
        [
            node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
            node("Conv", ["a", "w", "b"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2]),
            node("Relu", ["c"], ["d"]),
            node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Transpose", ["e"], ["f"], perm=[0, 2, 3, 1]),
            node("Reshape", ["f", "s"], ["g"]),
            node("MatMul", ["g", "v"], ["y"]),
        ],
        ["N", 8, 6, 3],
        {
            "w": rng.normal(size=(4, 3, 3, 3)),
            "b": rng.normal(size=4),
            "s": np.array([-1, 8]),
            "v": rng.normal(size=(8, 2)),
        },
        "Permute(3, 1, 2), Conv2D(4, 3, stride=2, padding='same'), ReLU(), MaxPool2D(stride=2), Permute(2, 3, 1), Fl",
    ),
    "one channel last": (
        [node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]), node("Conv", ["a", "w"], ["y"])],
        ["N", 4, 4, 1],
        {"w": rng.normal(size=(2, 1, 3, 3))},
        "Reshape((1, 4, 4)), Conv2D",
    ),
    "a shape from the rows": (
        [
            node("Shape", ["x"], ["a"]),
            node("Gather", ["a", "zero"], ["b"]),
            node("Unsqueeze", ["b", "zero1"], ["c"]),
            node("Concat", ["c", "rest"], ["d"], axis=0),
            node("Reshape", ["x", "d"], ["y"]),
        ],
        ["N", 3, 4],
        {"zero": np.array(0), "zero1": np.array([0]), "rest": np.array([12])},
        "Flatten()",
    ),
    "squeezed": (
        [node("Unsqueeze", ["x", "a"], ["b"]), node("Relu", ["b"], ["c"]), node("Squeeze", ["c", "a"], ["y"])],
        ["N", 3, 4],
        {"a": np.array([2])},
        "Reshape((3, 1, 4)), ReLU(), Reshape((3, 4))",
    ),
    "twice the same": (
        [node("Relu", ["x"], ["a"]), node("Add", ["a", "a"], ["y"])],
        ["N", 4],
        {},
        "Residual(Identity())",
    ),
    "a weight and its transpose": (
        [
            node("Gemm", ["x", "w"], ["a"]),
            node("Transpose", ["w"], ["t"], perm=[1, 0]),
            node("MatMul", ["a", "t"], ["b"]),
            node("Gemm", ["b", "w", "bias"], ["y"], transB=1),  # with a bias it is another layer
        ],
        ["N", 4],
        {"w": SQUARE, "bias": np.ones(4, np.float32)},
        "Dense(4, use_bias=False, name='shared_1'), Tied('shared_1'), Dense(4)",
    ),
    "weights and their transposes within branches": (
        [
            node("MatMul", ["x", "w"], ["a"]),
            node("Transpose", ["w"], ["t"], perm=[1, 0]),
            node("MatMul", ["a", "v"], ["b"]),
            node("Relu", ["b"], ["c"]),
            node("Transpose", ["v"], ["s"], perm=[1, 0]),
            node("MatMul", ["c", "s"], ["d"]),  # its owner is on this branch
            node("MatMul", ["d", "t"], ["e"]),  # its owner is before the branches
            node("Add", ["a", "e"], ["f"]),
            node("Tanh", ["f"], ["g"]),
            node("MatMul", ["g", "s"], ["h"]),  # its owner is on a branch that is over
            node("MatMul", ["h", "t"], ["y"]),
        ],
        ["N", 4],
        {"w": SQUARE, "v": SQUARE + 1},
        "Dense(4, use_bias=False, name='shared_2'), Residual(Dense(4, use_bias=False, name='shared_1'), ReLU(), "
        "Tied('shared_1'), Tied('shared_2')), Tanh(), Dense(4, use_bias=False), Tied('shared_2')",
    ),
    "a weight twice, not turned": (
        [node("Gemm", ["x", "w"], ["a"]), node("Gemm", ["a", "w"], ["y"])],
        ["N", 4],
        {"w": SQUARE},
        "Dense(4, use_bias=False), Dense(4, use_bias=False)",
    ),
    "weights that are equal by chance": (
        [node("Gemm", ["x", "w"], ["a"]), node("Gemm", ["a", "v"], ["y"], transB=1)],
        ["N", 4],
        {"w": SQUARE, "v": SQUARE},
        "Dense(4, use_bias=False), Dense(4, use_bias=False)",
    ),
    "a difference": (
        [node("Gemm", ["x", "w"], ["a"]), node("Sub", ["x", "a"], ["y"])],
        ["N", 4],
        {"w": SQUARE},
        "Residual(Dense(4, use_bias=False), Scale())",
    ),
    "gelu": (
        [
            node("Div", ["x", "r"], ["a"]),
            node("Erf", ["a"], ["b"]),
            node("Add", ["b", "one"], ["c"]),
            node("Mul", ["x", "c"], ["d"]),
            node("Mul", ["d", "half"], ["y"]),
        ],
        ["N", 4],
        {"r": np.sqrt(2), "one": np.array(1.0), "half": np.array(0.5)},
        "Sequential(GELU())",
    ),
    "gelu by tanh": (
        [
            node("Pow", ["x", "three"], ["a"]),
            node("Mul", ["a", "k"], ["b"]),
            node("Add", ["x", "b"], ["c"]),
            node("Mul", ["c", "r"], ["d"]),
            node("Tanh", ["d"], ["e"]),
            node("Add", ["e", "one"], ["f"]),
            node("Mul", ["x", "half"], ["g"]),
            node("Mul", ["g", "f"], ["y"]),
        ],
        ["N", 4],
        {
            "three": np.array(3.0),
            "k": np.array(0.044715),
            "r": np.sqrt(2 / np.pi),
            "one": np.array(1.0),
            "half": np.array(0.5),
        },
        "Sequential(GELU(approximate=True))",
    ),
    "one batch of one": (
        [node("Reshape", ["x", "s"], ["a"]), node("Gemm", ["a", "w"], ["y"])],
        [1, 2, 2],
        {"s": np.array([1, 4]), "w": SQUARE, "rows": 1},
        "Flatten(), Dense(4, use_bias=False)",
    ),
    "in float64": (
        [node("Gemm", ["x", "w"], ["a"]), node("Tanh", ["a"], ["y"])],
        ["N", 4],
        {"w": SQUARE, "kind": TensorProto.DOUBLE},
        "Dense",
    ),
    "zeros that count": (
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3], pads=[1, 1], count_include_pad=1)],
        ["N", 2, 6],
        {},
        "ZeroPad2D",
    ),
    "a border on one side": (
        [node("Conv", ["x", "w"], ["y"], pads=[0, 2, 1, 0])],
        ["N", 1, 5, 5],
        {"w": rng.normal(size=(2, 1, 3, 3))},
        "ZeroPad2D(((0, 1), (2, 0))), Conv2D(2, 3, use_bias=False)",
    ),
    "the last step": (
        [node("Gather", ["x", "i"], ["y"], axis=1)],
        ["N", 5, 3],
        {"i": np.array(-1)},
        "Columns(range(12, 15))",
    ),
    "halves": (
        [
            node("Split", ["x", "s"], ["a", "b"], axis=1),
            node("Tanh", ["b"], ["c"]),
            node("Concat", ["c", "a"], ["y"], axis=1),
        ],
        ["N", 6],
        {"s": np.array([2, 4])},
        "Concat(Sequential(Columns(range(2, 6)), Tanh()), Columns",
    ),
}
