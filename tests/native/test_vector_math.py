"""The native exponential functions, through kernels that are made of them, against the C library in float64."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.runners import native

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

POINTS = np.concatenate(
    [
        np.linspace(-745, 745, 40_001),
        np.linspace(-1, 1, 20_001),
        np.geomspace(1e-300, 1, 2001),
        -np.geomspace(1e-300, 1, 2001),
        np.array([0.0, -0.0, np.inf, -np.inf]),
    ]
)


def called(kernel: str, x: np.ndarray, **settings: float) -> np.ndarray:
    module = native()
    assert module is not None
    y = np.full_like(x, np.nan)
    module.call(kernel, x.dtype == np.float64, [x, y], list(settings.values()))
    return y


def units(found: np.ndarray, exact: np.ndarray) -> float:
    """The largest difference in units in the last place of the exact value."""
    exact = exact.astype(found.dtype)
    same = (found == exact) | (np.isnan(found) & np.isnan(exact))
    spacing = np.spacing(np.abs(np.where(np.isfinite(exact), exact, 1)))
    with np.errstate(invalid="ignore"):
        return float(np.max(np.where(same, 0, np.abs(found - exact) / spacing)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh(dtype: type) -> None:
    x = POINTS.astype(dtype)
    assert units(called("tanh_forward", x), np.tanh(x.astype(np.float64))) <= 4
    assert np.isnan(called("tanh_forward", np.array([np.nan], dtype)))[0]
    np.testing.assert_array_equal(np.signbit(called("tanh_forward", np.array([-0.0, 0.0], dtype))), [True, False])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_expm1(dtype: type) -> None:
    """ELU with α = 1 is e^x − 1 on the left."""
    x = -np.abs(POINTS).astype(dtype)
    assert units(called("elu_forward", x, alpha=1.0), np.expm1(x.astype(np.float64))) <= 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp(dtype: type) -> None:
    """A softmax over (x, 0) with x ≤ 0 is e^x/(1 + e^x); far out its relative accuracy is that of e^x."""
    x = -np.abs(POINTS).astype(dtype)
    x = x[x > (-87 if dtype is np.float32 else -708)]
    rows = np.ascontiguousarray(np.stack([x, np.zeros_like(x)], axis=1))
    exact = np.exp(x.astype(np.float64))
    assert units(np.ascontiguousarray(called("softmax_forward", rows)[:, 0]), exact / (1 + exact)) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log1p(dtype: type) -> None:
    """Softplus on the left is log(1 + e^x)."""
    x = -np.abs(POINTS).astype(dtype)
    x = x[x > (-87 if dtype is np.float32 else -708)]
    assert units(called("softplus_forward", x), np.log1p(np.exp(x.astype(np.float64)))) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_outside(dtype: type) -> None:
    rows = np.array([[0.0, -np.inf, -1e30], [1e4, -1e4, 0.0]], dtype)
    np.testing.assert_array_equal(called("softmax_forward", rows), [[1, 0, 0], [1, 0, 0]])
    row = np.array([[np.nan, 0.0]], dtype)
    assert np.isnan(called("softmax_forward", row)).all()
