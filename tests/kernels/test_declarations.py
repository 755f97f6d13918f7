"""What is known of a kernel is said beside it, and nowhere else by its name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.shapes import Array, Float64s, Geometry
from glassnet.kernels import KERNELS, KernelInfo, kernel

SOURCE = Path(gn.kernels.__file__).parent.parent
WORDS = {"weight_decay", "max_norm"}
"""Also names of settings, in optimizers and in other libraries."""
ENTRIES = [entry for entry in KERNELS.values() if entry.function.__module__.startswith("glassnet.kernels.")]


def test_no_kernel_is_known_by_its_name_elsewhere() -> None:
    """Who wants to know something about a kernel asks its declaration."""
    names = {entry.name for entry in ENTRIES} - WORDS
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.parent.name != "kernels":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in names]
            found += [f"{path}:{node.lineno}: {node.value!r}" for node in texts]
    quoted = re.compile(rf"""["'`]({"|".join(names)})["'`]""")
    for path in SOURCE.rglob("*.js"):
        found += [f"{path}: {name!r}" for name in quoted.findall(path.read_text(encoding="utf-8"))]
    assert len(names) > 100
    assert not found


def test_every_family_is_found() -> None:
    families = {path.stem for path in (SOURCE / "kernels").glob("*.py")} - {"__init__", "registry", "functions"}
    assert families <= set(dir(gn.kernels))
    assert {entry.function.__module__.rpartition(".")[2] for entry in ENTRIES} == families
    assert gn.kernels.dense.dense_forward in [entry.function for entry in ENTRIES]


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_a_declaration_speaks_of_its_own_arguments(entry: KernelInfo) -> None:
    spoken_of = {*entry.writes, *entry.updates, *entry.shared, *entry.sums, *entry.channels}
    assert spoken_of <= set(entry.arrays)
    assert {name for name, _ in entry.left_out} <= set(entry.arrays)
    assert all(part in entry.equation for _, part in entry.left_out)
    assert entry.writes or entry.updates
    assert set(entry.note or {}) in (set(), {"en", "zh"})


def test_types_of_arguments_say_what_is_particular_about_them() -> None:
    @kernel("y = x", writes="y sums")
    def with_types(x: Array, y: Array, sums: Float64s | None, *, stride: Geometry, slope: float) -> None:
        np.multiply(x[::stride], slope, out=y)

    entry = KERNELS.pop("with_types")
    assert entry.dtypes == {"sums": np.float64}
    assert entry.geometry == ("stride",)
    assert KERNELS["cross_entropy_forward"].dtypes == {"labels": np.int64}
    assert KERNELS["max_pool2d_forward"].dtypes == {"index": np.uint8}
    assert KERNELS["dropout_backward"].dtypes == {"mask": np.bool_}


def test_the_ends_of_a_range_are_where_the_slope_is_a_twenty_fifth() -> None:
    """Of what saturates; at the middle of its range the slope is largest."""
    saturating = [entry for entry in ENTRIES if entry.saturates is not None]
    assert saturating
    for entry in saturating:
        low, high = entry.saturates or (0.0, 0.0)
        y, dx = np.array([low, (low + high) / 2, high]), np.empty(3)
        KERNELS[entry.name.replace("forward", "backward")].function(dy=np.ones(3), y=y, dx=dx)
        np.testing.assert_allclose(dx[[0, 2]] / dx[1], 1 / 25, rtol=0.02)


def test_what_is_limited_from_below_is_the_larger_of_two() -> None:
    limited = [entry for entry in ENTRIES if entry.least is not None]
    assert limited
    for entry in limited:
        x, y = np.linspace(-3, 3, 7), np.empty(7)
        entry.function(x=x, y=y)
        np.testing.assert_array_equal(y, np.maximum(x, entry.least))
