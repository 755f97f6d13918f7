"""The native elementary functions against the C library in float64: through kernels made of them, or compiled here."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from glassnet.compile import native

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


def points(dtype: type) -> np.ndarray:
    """Without those below the normal range, which count as 0 in compiled kernels."""
    x = POINTS.astype(dtype)
    return x[(x == 0) | (np.abs(x) >= np.finfo(dtype).smallest_normal)]


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
    x = points(dtype)
    assert units(called("tanh_forward", x), np.tanh(x.astype(np.float64))) <= 4
    assert np.isnan(called("tanh_forward", np.array([np.nan], dtype)))[0]
    np.testing.assert_array_equal(np.signbit(called("tanh_forward", np.array([-0.0, 0.0], dtype))), [True, False])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_expm1(dtype: type) -> None:
    """ELU with α = 1 is e^x − 1 on the left."""
    x = -np.abs(points(dtype))
    assert units(called("elu_forward", x, alpha=1.0), np.expm1(x.astype(np.float64))) <= 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp(dtype: type) -> None:
    """A softmax over (x, 0) with x ≤ 0 is e^x/(1 + e^x); far out its relative accuracy is that of e^x."""
    x = -np.abs(points(dtype))
    x = x[x > (-87 if dtype is np.float32 else -708)]
    rows = np.ascontiguousarray(np.stack([x, np.zeros_like(x)], axis=1))
    exact = np.exp(x.astype(np.float64))
    assert units(np.ascontiguousarray(called("softmax_forward", rows)[:, 0]), exact / (1 + exact)) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_of_either_sign(dtype: type) -> None:
    """The slope of the Poisson loss at a target of 0 is e^x."""
    module = native()
    assert module is not None
    x = points(dtype)
    low, high = (-87, 88.3) if dtype is np.float32 else (-708, 709.4)
    inside = x[(x > low) & (x < high)]
    for own, exact in (
        (inside, np.exp(inside.astype(np.float64))),
        (np.array([high + 1, 1e4, np.inf, np.nan, -1e4, -np.inf], dtype), np.array([np.inf] * 3 + [np.nan, 0, 0])),
    ):
        column, y = own[:, None].copy(), np.full((len(own), 1), 7, dtype)
        module.call("poisson_backward", dtype is np.float64, [np.ones_like(own), column, np.zeros_like(column), y], [])
        assert units(y[:, 0].copy(), exact) <= 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log1p(dtype: type) -> None:
    """Softplus on the left is log(1 + e^x)."""
    x = -np.abs(points(dtype))
    x = x[x > (-87 if dtype is np.float32 else -708)]
    assert units(called("softplus_forward", x), np.log1p(np.exp(x.astype(np.float64)))) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_outside(dtype: type) -> None:
    rows = np.array([[0.0, -np.inf, -1e30], [1e4, -1e4, 0.0]], dtype)
    np.testing.assert_array_equal(called("softmax_forward", rows), [[1, 0, 0], [1, 0, 0]])
    row = np.array([[np.nan, 0.0]], dtype)
    assert np.isnan(called("softmax_forward", row)).all()


COMPILER = shlex.split(os.environ.get("CXX", "c++"))
NATIVE = Path(__file__).parents[2] / "native"
PROGRAM = """
#include "math/vector_math.hpp"
#include <cstdio>
#include <cstring>

template <class T>
int run(const char* function) {
    T x;
    while (std::fread(&x, sizeof x, 1, stdin) == 1) {
        const T y = std::strcmp(function, "log") == 0 ? glassnet::vector_log(x) : glassnet::vector_normal(x).cdf;
        std::fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}

int main(int, char** arguments) {
    return std::strcmp(arguments[2], "float32") == 0 ? run<float>(arguments[1]) : run<double>(arguments[1]);
}
"""

Compiled = Callable[[str, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    if shutil.which(COMPILER[0]) is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("vector_math")
    source, program = folder / "evaluate.cpp", folder / "evaluate"
    source.write_text(PROGRAM, encoding="utf-8")
    flags = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", f"-I{NATIVE}"]
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run([*COMPILER, *flags, str(source), "-o", str(program)], check=True, env=environment)

    def evaluate(function: str, x: np.ndarray) -> np.ndarray:
        command = [str(program), function, x.dtype.name]
        ran = subprocess.run(command, input=x.tobytes(), capture_output=True, check=True, env=environment)
        return np.frombuffer(ran.stdout, x.dtype)

    return evaluate


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log(dtype: type, compiled: Compiled) -> None:
    limits = np.finfo(dtype)
    x = np.concatenate(
        [
            np.geomspace(float(limits.tiny), float(limits.max) * 0.999, 40_001).astype(dtype),
            (np.arange(1, 5000) * float(limits.smallest_subnormal)).astype(dtype),
            np.linspace(0.5, 2, 40_001).astype(dtype),
            1 + np.arange(-200, 200).astype(dtype) * limits.epsneg,
            np.array([limits.max, limits.tiny, np.inf, np.nan], dtype),
        ]
    )
    assert units(compiled("log", x), np.log(x.astype(np.float64))) <= 2
    outside = np.array([0.0, -0.0, -1.0, -limits.smallest_subnormal, -np.inf], dtype)
    np.testing.assert_array_equal(compiled("log", outside), [-np.inf, -np.inf, np.nan, np.nan, np.nan])


def normal_cdf(x: float) -> float:
    """Φ(x) = ½ erfc(u), u = −x/√2, corrected for the rounding of u: erfc′(u) = −2/√π e^(−u²)."""
    u = -x / math.sqrt(2)
    rounded_off = float(Decimal(-x) / Decimal(2).sqrt() - Decimal(u))
    return (math.erfc(u) - 2 / math.sqrt(math.pi) * math.exp(-u * u) * rounded_off) / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_cdf(dtype: type, compiled: Compiled) -> None:
    """Far out on the left too, as long as it is a normal number; 0 and 1 beyond."""
    end = 12.8 if dtype is np.float32 else 37.5
    x = np.concatenate([np.linspace(-end, 9, 20_001), np.geomspace(1e-300, 1, 2001), [0.0, -0.0]]).astype(dtype)
    exact = np.array([normal_cdf(float(value)) for value in x])
    assert units(compiled("normal", x), exact) <= 8
    ends = np.array([-1e30, -np.inf, 40, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(compiled("normal", ends), [0, 0, 1, 1, np.nan])
