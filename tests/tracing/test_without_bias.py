"""A layer without a bias shows none: not in its equations, not among its arrays, not on the page."""

from __future__ import annotations

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet.kernels.registry import KERNELS

X = np.random.default_rng(0).normal(size=(3, 36))
LAYERS = {
    "dense": ([], gn.Dense, (2,)),
    "conv2d": ([gn.Reshape((1, 6, 6))], gn.Conv2D, (2, 2)),
    "conv_transpose2d": ([gn.Reshape((1, 6, 6))], gn.ConvTranspose2D, (2, 2)),
    "conv1d": ([gn.Reshape((6, 6))], gn.Conv1D, (2, 3)),
}


def traced(name: str, *, use_bias: bool) -> gn.Trace:
    before, layer, settings = LAYERS[name]
    net = gn.Sequential(*before, layer(*settings, use_bias=use_bias), gn.Flatten(), gn.Dense(2, use_bias=use_bias))
    return gn.trace(gn.Model(net, "cross_entropy", "sgd"), X, np.array([0, 1, 0]))


@pytest.mark.parametrize("name", LAYERS)
def test_no_equation_and_no_array_speaks_of_it(name: str) -> None:
    trace = traced(name, use_bias=False)
    assert {f"{name}_forward", f"{name}_backward"} <= {call.kernel for call in trace.calls}
    for call in trace.calls:
        assert not re.search(r"(^|[ \[d])b(_f|\b)", call.equation), call.equation
        assert not {"bias", "dbias"} & {*call.inputs, *call.outputs, *call.settings}
        assert call.equation.strip(" ,") == call.equation
    text = re.sub(r"use_bias=False", "", str(trace))
    assert not re.search(r"bias|\bdb\b|\+ b\b", text)
    page = re.sub(r"use_bias=False", "", trace.to_html())
    assert "W + b" not in page
    assert "b_f" not in page
    assert '"bias"' not in page.replace(' "bias": ', "")


@pytest.mark.parametrize("name", LAYERS)
def test_with_a_bias_they_do(name: str) -> None:
    by_kernel = {call.kernel: call.equation for call in traced(name, use_bias=True).calls}
    assert re.search(r"[ ]b(_f)?\b|\+= b_f|^y\[n.*b_f", by_kernel[f"{name}_forward"])
    assert re.search(r"db(_f)?", by_kernel[f"{name}_backward"])


def test_what_is_left_out_stands_in_the_equation() -> None:
    for entry in KERNELS.values():
        for name, part in entry.left_out:
            assert name in entry.arrays
            assert entry.equation.count(part) == 1
            assert part not in entry.equation_of({})
