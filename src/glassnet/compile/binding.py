"""The native module, and what it can take."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.runners.recorder import RecordedCall

VARIANTS = ("_native", "_native_avx2", "_native_avx512")
"""The native module's variants: for processors other than x86-64, for x86-64-v3 and x86-64-v4."""


@cache
def native() -> ModuleType | None:
    """The native module's variant for this processor; None in a pure-Python installation, and on x86-64 without AVX2.

    The environment variable GLASSNET_VARIANT chooses another one, for tests: one of ``VARIANTS``.
    """
    if find_spec("glassnet._native_processor") is None:
        return None
    best = import_module("glassnet._native_processor").best_variant()
    if best is None:
        return None
    built = [name for name in VARIANTS[: VARIANTS.index(best) + 1] if find_spec(f"glassnet.{name}") is not None]
    if not built:
        return None
    name = os.environ.get("GLASSNET_VARIANT", built[-1])
    if name not in built:
        raise ConfigurationError(
            where="environment variable GLASSNET_VARIANT",
            received=repr(name),
            expected=f"one of {', '.join(built)} on this processor",
            fix="unset it",
        )
    return import_module(f"glassnet.{name}")


def fits_processor() -> bool:
    """Whether the compiled engine can run here: on x86-64 it needs AVX2 and FMA. True in a pure-Python installation."""
    return native() is not None or find_spec("glassnet._native_processor") is None


def require_engine(where: str) -> None:
    """Raises a ConfigurationError where there is no compiled engine."""
    if native() is None:
        here = fits_processor()
        raise ConfigurationError(
            where=where,
            received="a pure-Python installation" if here else "an x86-64 processor without AVX2 and FMA",
            expected="the compiled engine, which is what runs programs",
            fix="install glassnet again where a C++ compiler is" if here else "use a processor with AVX2",
        )


def has_twin(call: RecordedCall) -> bool:
    """Whether the call's kernel is there in the native module."""
    module = native()
    return module is not None and bool(module.has_kernel(call.kernel.name))


def runs_natively(call: RecordedCall) -> bool:
    """Whether the native module can carry the call out, whose arrays must not have too many axes."""
    return has_twin(call) and all(array is None or fits(array.ndim) for array in call.arrays.values())


def fits(axes: int) -> bool:
    """Whether the native module is there and takes arrays of so many axes."""
    module = native()
    return module is not None and axes <= module.MOST_AXES


def check_arrays(call: RecordedCall, dtype: np.dtype[Any]) -> None:
    """Refuses what a native kernel cannot read or write."""
    for name, array in call.arrays.items():
        wanted = call.kernel.dtypes.get(name, dtype)
        written = call.changes(name)
        if array is not None and (
            not (array.flags.c_contiguous and array.dtype.isnative)
            or array.dtype != wanted
            or (written and not array.flags.writeable)
        ):
            raise ConfigurationError(
                where=f"layer {call.path}, {call.kernel.name}",
                received=f"for {name} a {array.dtype} array with strides {array.strides}",
                expected=f"a contiguous {np.dtype(wanted)} array" + (" that can be written" if written else ""),
                fix='use engine="numpy", and report the layer: its buffers should come from run.empty',
            )


def as_setting(value: float) -> float:
    """A kernel's number as the native module takes it."""
    if np.isfinite(value) and int(value) == value and float(value) != value:
        raise ConfigurationError(
            where="engine",
            received=f"the whole number {value}",
            expected="at most 2^53, which a float64 holds exactly",
            fix="choose a smaller seed",
        )
    return float(value)
