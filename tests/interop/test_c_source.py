"""C source: compiled without a warning, it predicts what the model does."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gradients import CASES
from interop.networks import attempt, model_of, models, rows_for

import glassnet as gn
from glassnet.interop import export_c

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
NAMES = [name for name, _ in models() if name != "vgg_bn"]  # whose source is of several megabytes
MERGES = ("Add", "Subtract", "Multiply", "Concatenate", "AbsoluteDifference", "Dot", "SquaredDistance")
NOT_WRITTEN = {"Concat": "axis 2"} | dict.fromkeys(("Graph", *MERGES), "received a Graph")


def compiled(source: Path, function: str = "predict") -> ctypes._CFuncPtr:
    library = source.with_suffix(".so")
    command = [str(COMPILER), "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-shared", "-fPIC"]
    done = subprocess.run(
        [*command, str(source), "-o", str(library), "-lm"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))[function]


def predicted(function: ctypes._CFuncPtr, rows: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    found = np.full((len(rows), *outputs), np.nan, np.float32)
    pointer = ctypes.POINTER(ctypes.c_float)
    for row, result in zip(np.ascontiguousarray(rows, np.float32), found, strict=True):
        function(row.ctypes.data_as(pointer), result.ctypes.data_as(pointer))
    return found


@pytest.fixture(scope="module")
def built() -> dict[str, gn.Model]:
    return dict(models())


@pytest.mark.parametrize("name", NAMES)
def test_every_layer(name: str, built: dict[str, gn.Model], tmp_path: Path) -> None:
    model = built[name]
    written, refusal = attempt(lambda: export_c(model, tmp_path / "model.c"))
    if written is None:
        assert NOT_WRITTEN[name.split("-")[0]] in refusal
        return
    source, header = written
    assert header.name == "model.h"
    rows = rows_for(model)
    expected = model.predict(rows)
    found = predicted(compiled(source), rows, expected.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_raw_rows_in_and_targets_own_unit_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(50, 20, size=(90, 4)), rng.normal(300, 40, size=(90, 2))
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2)), "mean_squared_error", "adam")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.class_names = ("*/ int x; /*", "b\\")  # a comment must not end early
    model.fit(x, y, epochs=3, verbose=False)
    source, header = export_c(model, tmp_path / "net.c", function="net_predict")
    assert "#define NET_PREDICT_OUTPUTS 2" in header.read_text()
    np.testing.assert_allclose(predicted(compiled(source, "net_predict"), x[:9], (2,)), model.predict(x[:9]), rtol=1e-5)


@pytest.mark.parametrize("which", ["x", "y", "both"])
def test_numbers_with_a_large_mean_are_doubles(which: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 60, (90, 3)), rng.normal(0, 20, (90, 2))
    x[:, 1] += 1.7e9 * (which != "y")
    y[:, 0] -= 1.7e9 * (which != "x")
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2)), "mean_squared_error", gn.Adam(0.01))
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=20, verbose=False)
    source, header = export_c(model, tmp_path / "net.c")
    kinds = ["double" if which in (own, "both") else "float" for own in ("x", "y")]
    assert f"void predict(const {kinds[0]} *x, {kinds[1]} *y)" in header.read_text()
    function, found = compiled(source), np.full(y.shape, np.nan, np.dtype(kinds[1] if kinds[1] == "double" else "f4"))
    rows = np.ascontiguousarray(x, np.float64 if kinds[0] == "double" else np.float32)
    for row, result in zip(rows, found, strict=True):
        function(row.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p))
    expected = model.target_scaling.apply(model.predict(x))
    np.testing.assert_allclose(model.target_scaling.apply(found.astype(np.float64)), expected, atol=1e-4)


def test_the_names_of_classes_come_out_of_the_comment_as_they_are(tmp_path: Path) -> None:
    names = (
        "*/ int x; /*",
        "b\\",
        "a, b",
        "猫",
        'say "so"',
        "two\nlines",
        "??/ ??)",
        "/*/",
        "**/",
        "nan",
        "",
        "\t",
        "//",
        "*",
    )
    model = model_of(gn.Sequential(gn.Dense(len(names))), (3,))
    model.class_names = names
    for path in export_c(model, tmp_path / "model.c"):
        line = path.read_text("ascii").splitlines()[1]
        assert json.loads(line[line.index("[") : line.rindex("]") + 1]) == list(names)
    compiled(tmp_path / "model.c")
    for name in ('a"b.c', "a\\b.c", "a\nb.c"):
        with pytest.raises(gn.ConfigurationError, match="include"):
            export_c(model, tmp_path / name)
    export_c(model, tmp_path / "猫 und Käse.c")
    compiled(tmp_path / "猫 und Käse.c")


def test_numbers_without_a_vector_read_no_foreign_memory(tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Columns([2, 0, 1]), gn.Embedding(5, 2), gn.Flatten()), (3,))
    source, _ = export_c(model, tmp_path / "model.c")
    function, weight = compiled(source), model.network.parameters.reshape(5, 2)
    np.testing.assert_allclose(predicted(function, np.array([[0.0, 1, 4]]), (3, 2))[0], weight[[4, 0, 1]], rtol=1e-6)
    for wrong in (-1.0, 5.0, 0.5, 3e9, -3e9, np.inf, np.nan, 2.0**31):
        found = predicted(function, np.array([[wrong, 1, 2]]), (3, 2))[0]
        np.testing.assert_allclose(found[[0, 2]], weight[[2, 1]], rtol=1e-6)
        assert np.isnan(found[1]).all(), wrong


def test_a_program_that_uses_it(tmp_path: Path) -> None:
    model = model_of(gn.Sequential(gn.Dense(3), "relu", gn.Dense(2), "softmax"), (4,))
    export_c(model, tmp_path / "model.c")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void)\n{\n    float x[PREDICT_INPUTS] = {1, 2, 3, 4}, '
        'y[PREDICT_OUTPUTS];\n    predict(x, y);\n    printf("%.6f %.6f\\n", y[0], y[1]);\n    return 0;\n}\n'
    )
    command = [str(COMPILER), "-std=c99", "-Wall", "-Werror", "main.c", "model.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True).stdout
    expected = model.predict(np.array([[1.0, 2, 3, 4]]))[0]
    np.testing.assert_allclose([float(word) for word in said.split()], expected, atol=2e-6)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    build, shape = CASES["PythonLayer"][0]
    with pytest.raises(gn.ConfigurationError, match=r"layer 1.*Affine"):
        export_c(model_of(build(), shape), tmp_path / "model.c")
    model = model_of(gn.Sequential(gn.Dense(2)), (3,))
    with pytest.raises(gn.ConfigurationError, match=r"ends in \.c"):
        export_c(model, tmp_path / "model.cpp")
    with pytest.raises(gn.ConfigurationError, match="identifier"):
        export_c(model, tmp_path / "model.c", function="2x; int main")
    model.network.parameters[0] = np.inf
    with pytest.raises(gn.ConfigurationError, match="not finite"):
        export_c(model, tmp_path / "model.c")
    with pytest.raises(gn.NotBuiltError):
        export_c(gn.Model(gn.Dense(2), "sum_squared_error", "sgd"), tmp_path / "model.c")
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_numbers_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = {"age": rng.normal(40, 9, 60).round(), "always": ["x"] * 60, "wait": rng.normal(50, 9, 60).astype("m8[s]")}
    data["rich"] = np.where(data["age"] > 40, "yes", "no")
    table = gn.Table.from_data(data, "rich")
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(2)), table.loss, "adam")
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=2, verbose=False)
    source, header = export_c(model, tmp_path / "table.c")
    assert 'Numbers of a row, none missing, as JSON: ["age", "wait"]' in header.read_text()
    rows = np.column_stack([data["age"], data["wait"].astype(float)])
    np.testing.assert_allclose(predicted(compiled(source), rows, (2,)), model.predict(data), rtol=1e-5, atol=1e-6)

    gaps = data | {"age": [None, *data["age"][1:].tolist()]}
    model.preprocessing = gn.Table.from_data(gaps, "rich")
    with pytest.raises(gn.ConfigurationError, match="with words, dates or gaps"):
        export_c(model, tmp_path / "gaps.c")
