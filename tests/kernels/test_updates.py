"""Update kernels: one step by hand each, in place, in their dtype; whole rules are in ``tests/test_optimizers.py``."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from glassnet.kernels import KERNELS, updates
from glassnet.kernels.updates import clip_by_norm, clip_by_value, max_norm

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class Case(NamedTuple):
    """Arrays and numbers that a kernel is given, and what must stand in the arrays that it writes."""

    arrays: dict[str, Any]
    settings: dict[str, Any]
    written: dict[str, Any]


# Formulas and sources are in each kernel's docstring; θ = (1, −2), g = (0.5, 4), and memories that are not 0.
THETA, G = [1.0, -2.0], [0.5, 4.0]
CASES: dict[str, list[Case]] = {
    "sgd_update": [
        Case({"gradients": G, "parameters": THETA}, {"learning_rate": 0.1}, {"parameters": [0.95, -2.4]}),
    ],
    "momentum_update": [
        # v = 0.5 · (0.2, −1) − 0.1 g = (0.05, −0.9)
        Case(
            {"gradients": G, "parameters": THETA, "velocity": [0.2, -1.0]},
            {"learning_rate": 0.1, "momentum": 0.5, "nesterov": False},
            {"velocity": [0.05, -0.9], "parameters": [1.05, -2.9]},
        ),
        # θ + 0.5 v − 0.1 g = 1 + 0.025 − 0.05 and −2 − 0.45 − 0.4
        Case(
            {"gradients": G, "parameters": THETA, "velocity": [0.2, -1.0]},
            {"learning_rate": 0.1, "momentum": 0.5, "nesterov": True},
            {"velocity": [0.05, -0.9], "parameters": [0.975, -2.85]},
        ),
    ],
    "adagrad_update": [
        # G = (2 + 0.25, 9 + 16) = 1.5², 5²; θ − 0.3 · 0.5/2 and θ − 0.3 · 4/5.5 with ε = 0.5
        Case(
            {"gradients": G, "parameters": THETA, "square_sum": [2.0, 9.0]},
            {"learning_rate": 0.3, "epsilon": 0.5},
            {"square_sum": [2.25, 25.0], "parameters": [0.925, -2 - 1.2 / 5.5]},
        ),
    ],
    "rmsprop_update": [
        # v = 0.75 · (0.25, 0) + 0.25 · (0.25, 16) = 0.25, 4
        Case(
            {"gradients": G, "parameters": THETA, "mean_square": [0.25, 0.0]},
            {"learning_rate": 0.3, "rho": 0.75, "epsilon": 0.5},
            {"mean_square": [0.25, 4.0], "parameters": [0.85, -2 - 1.2 / 2.5]},
        ),
    ],
    "adam_update": [
        # t = 2, β₁ = 0.5, β₂ = 0.75: m = (0.75, 1), v = (0.0625 + 0.375, 4 + 1.5), m̂ = m/0.75, v̂ = v/0.4375
        Case(
            {"gradients": G, "parameters": THETA, "m": [1.0, -2.0], "v": [0.5, 2.0]},
            {"learning_rate": 0.3, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5, "step": 2},
            {
                "m": [0.75, 1.0],
                "v": [0.4375, 5.5],
                "parameters": [1 - 0.3 / 1.5, -2 - 0.3 / 0.75 / (math.sqrt(5.5 / 0.4375) + 0.5)],
            },
        ),
    ],
    "nadam_update": [
        # m and v as above; μ_t = 0.4, μ_{t+1} = 0.5, Π = 0.2: 0.5/(1 − 0.1) m + 0.6/(1 − 0.2) g
        Case(
            {"gradients": G, "parameters": THETA, "m": [1.0, -2.0], "v": [0.5, 2.0]},
            {
                "learning_rate": 0.3, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5, "step": 2,
                "momentum": 0.4, "next_momentum": 0.5, "momentum_product": 0.2,
            },
            {
                "m": [0.75, 1.0],
                "v": [0.4375, 5.5],
                "parameters": [
                    1 - 0.3 * (0.5 / 0.9 * 0.75 + 0.75 * 0.5) / 1.5,
                    -2 - 0.3 * (0.5 / 0.9 + 3.0) / (math.sqrt(5.5 / 0.4375) + 0.5),
                ],
            },
        ),
    ],
    "lion_update": [
        # 0.5 m + 0.5 g = (−0.25, 1): signs −, +; m = 0.75 m + 0.25 g
        Case(
            {"gradients": G, "parameters": THETA, "m": [-1.0, -2.0]},
            {"learning_rate": 0.3, "beta1": 0.5, "beta2": 0.75},
            {"parameters": [1.3, -2.3], "m": [-0.625, -0.5]},
        ),
        Case(
            {"gradients": [0.0, 2.0], "parameters": THETA, "m": [0.0, -2.0]},
            {"learning_rate": 0.3, "beta1": 0.5, "beta2": 0.75},
            {"parameters": THETA, "m": [0.0, -1.0]},
        ),
    ],
    "l2_gradient": [
        Case({"parameters": THETA, "gradients": G}, {"strength": 0.25}, {"gradients": [0.75, 3.5]}),
    ],
    "l2_gradient_of_batch": [
        Case({"parameters": THETA, "total": [2.0], "gradients": G}, {"strength": 0.5}, {"gradients": [0.75, 3.5]}),
        Case({"parameters": THETA, "total": [0.0], "gradients": G}, {"strength": 0.5}, {"gradients": G}),
    ],
    "l1_gradient": [
        Case({"parameters": THETA, "gradients": G}, {"strength": 0.25}, {"gradients": [0.75, 3.75]}),
        Case({"parameters": [0.0, -0.0], "gradients": G}, {"strength": 0.25}, {"gradients": G}),
    ],
    "weight_decay": [
        Case({"parameters": THETA}, {"learning_rate": 0.5, "rate": 0.25}, {"parameters": [0.875, -1.75]}),
    ],
    "clip_by_value": [
        Case({"gradients": [0.5, 4.0, -4.0, -1.0]}, {"limit": 1.0}, {"gradients": [0.5, 1.0, -1.0, -1.0]}),
    ],
    "clip_by_norm": [
        Case({"gradients": [3.0, -4.0]}, {"limit": 1.0}, {"gradients": [0.6, -0.8]}),
        Case({"gradients": [3.0, -4.0]}, {"limit": 5.0}, {"gradients": [3.0, -4.0]}),
        Case({"gradients": [3.0, -4.0]}, {"limit": 50.0}, {"gradients": [3.0, -4.0]}),
    ],
    "max_norm": [
        # torch 2.13.0: torch.renorm(w, 2, 1, 2.5), which adds 1e-7 to the norm
        Case(
            {"weight": [[3.0, 0.3], [4.0, 0.4]]},
            {"limit": 2.5, "unit_axis": 1},
            {"weight": [[1.5, 0.3], [2.0, 0.4]]},
        ),
        Case(
            {"weight": [[3.0, 4.0], [0.3, 0.4]]},
            {"limit": 2.5, "unit_axis": 0},
            {"weight": [[1.5, 2.0], [0.3, 0.4]]},
        ),
        # filters (F, C, H, W): four elements of 2 have the norm 4
        Case(
            {"weight": np.full((2, 1, 2, 2), 2.0) * np.array([1, 0.1]).reshape(2, 1, 1, 1)},
            {"limit": 1.0, "unit_axis": 0},
            {"weight": np.array([0.5, 0.2]).reshape(2, 1, 1, 1) * np.ones((2, 1, 2, 2))},
        ),
    ],
}  # fmt: skip
rows = pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])


def test_every_update_kernel_has_a_step_by_hand():
    ours = {name for name, entry in KERNELS.items() if entry.function.__module__ == updates.__name__}
    assert ours == set(CASES)


@rows
@DTYPES
def test_one_step_by_hand(name: str, case: Case, dtype: type):
    entry = KERNELS[name]
    arrays = {key: np.array(value, dtype) for key, value in case.arrays.items()}
    before = {key: array.copy() for key, array in arrays.items()}
    assert entry.function(**arrays, **case.settings) is None
    assert set(entry.updates) == set(case.written)
    assert entry.writes == ()
    assert set(entry.settings) == set(case.settings)
    for key, array in arrays.items():
        assert array.dtype == dtype
        if key in case.written:
            np.testing.assert_allclose(array, case.written[key], rtol=1e-14 if dtype is np.float64 else 1e-6)
        else:
            np.testing.assert_array_equal(array, before[key])


@DTYPES
@pytest.mark.parametrize("size", [1e30, 3e38, 1e-30])
def test_clip_by_norm_neither_overflows_nor_vanishes(dtype: type, size: float):
    gradients = np.full(16, size, dtype)  # norm 4 · size, whose square is beyond float32
    limit = min(1.0, float(gradients[0]))
    clip_by_norm(gradients, limit=limit)
    np.testing.assert_allclose(gradients.astype(np.float64), limit / 4, rtol=1e-5)


def test_clip_by_norm_of_enormous_float64():
    gradients = np.array([3e200, -4e200])
    clip_by_norm(gradients, limit=1.0)
    np.testing.assert_allclose(gradients, [0.6, -0.8], rtol=1e-14)


@DTYPES
@pytest.mark.parametrize("size", [0, 1, 5])
def test_clipping_a_gradient_of_zero_leaves_it(dtype: type, size: int):
    gradients = np.zeros(size, dtype)
    clip_by_norm(gradients, limit=1.0)
    clip_by_value(gradients, limit=1.0)
    assert not gradients.any()


@DTYPES
@pytest.mark.parametrize("limit", [1e-3, 1.0, 3.0, 5.0, 1e6])
def test_max_norm_of_units_without_weight(dtype: type, limit: float):
    """Warnings are errors: a quotient of the limit and a norm of 0 must not overflow on the way."""
    weight = np.zeros((3, 2), dtype)
    weight[:, 0] = 1
    max_norm(weight, limit=limit, unit_axis=1)
    assert not weight[:, 1].any()
    np.testing.assert_allclose(np.linalg.norm(weight[:, 0]), min(limit, math.sqrt(3)), rtol=1e-6)


@DTYPES
@pytest.mark.parametrize("unit_axis", [0, 1, 2])
def test_max_norm_along_any_axis(dtype: type, unit_axis: int):
    weight = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)
    weight *= 2.0
    before = np.moveaxis(weight.copy(), unit_axis, 0)
    max_norm(weight, limit=7.0, unit_axis=unit_axis)
    after = np.moveaxis(weight, unit_axis, 0)
    scaled = 0
    for unit_before, unit in zip(before, after, strict=True):
        norm = math.sqrt(float(np.sum(unit_before.astype(np.float64) ** 2)))
        if norm <= 7:
            np.testing.assert_array_equal(unit, unit_before)
        else:
            scaled += 1
            np.testing.assert_allclose(unit, unit_before * (7 / norm), rtol=1e-5)
    assert scaled
