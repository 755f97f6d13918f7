"""C source: compiled without a warning, it predicts what the model does."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gradients import CASES, concrete
from interop.networks import cases, model_of, models, rows_for

import glassnet as gn
from glassnet.compile.forward import record_forward
from glassnet.interop import export_c
from glassnet.interop.c.kernels import EMITTERS
from glassnet.interop.c.names import function_name
from glassnet.interop.c.program import own_names
from glassnet.kernels.activation import tanh_forward
from glassnet.kernels.folded import fold_batch_norm
from glassnet.layers.activation import Activation

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
NAMES = [name for name, *_ in cases() if name != "vgg_bn"]  # whose source is of several megabytes


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
    source, header = export_c(model, tmp_path / "model.c")
    assert header.name == "model.h"
    rows = rows_for(model)
    expected = model.predict(rows)
    found = predicted(compiled(source), rows, expected.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def in_both(net: gn.Network, shape: tuple[int, ...], folder: Path) -> str:
    """The source of a network that gives in C what it gives here."""
    model = model_of(net, shape)
    source, _ = export_c(model, folder / f"{len(list(folder.iterdir()))}.c")
    rows = rows_for(model)
    expected = model.predict(rows)
    found = predicted(compiled(source), rows, expected.shape[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    return source.read_text()


def test_convolutions_with_what_follows_them(tmp_path: Path) -> None:
    shared = gn.Conv2D(4, 3, padding=1)
    source = in_both(
        gn.Sequential(
            *(gn.Conv2D(4, 3, padding=1), gn.BatchNorm(), "relu"),
            *(gn.Conv2D(4, 3, padding=1, use_bias=False, groups=2), gn.BatchNorm(), "tanh"),
            *(
                shared,
                "relu",
                gn.Residual(shared, gn.BatchNorm(), shortcut=gn.Sequential(gn.Conv2D(4, 1), gn.BatchNorm())),
                "relu",
            ),
            *(gn.Conv2D(4, 2), "sigmoid", gn.BatchNorm()),
        ),
        (2, 5, 4),
        tmp_path,
    )
    assert source.count("static const float weight") == 5  # the shared one once
    assert source.count("relu_forward(") == 2  # its text, and a call behind the sum
    assert "batch_norm" not in source


def test_arrays_in_another_order(tmp_path: Path) -> None:
    source = in_both(gn.Sequential(gn.Columns([7, 5, 3, 1, 0]), gn.Columns([4, 0, 3]), gn.Columns([1])), (8,), tmp_path)
    assert "gather(" in source
    source = in_both(gn.Sequential(gn.Permute(3, 1, 2), gn.Permute(2, 1, 3), gn.Permute(1, 2, 3)), (2, 3, 4), tmp_path)
    assert "gather(" not in source
    in_both(gn.Sequential(gn.Permute(4, 2, 3, 1), gn.Permute(2, 1, 4, 3)), (2, 3, 4, 5), tmp_path)
    branches = gn.Concat(gn.Concat(gn.Permute(1, 2, 3), "tanh", axis=3), gn.Concat("tanh", "relu", axis=3), axis=2)
    in_both(gn.Sequential(branches, "relu"), (2, 3, 4), tmp_path)


@pytest.mark.parametrize("merge", sorted(gn.network.merges.MERGES))
def test_graphs_of_one_input_and_output(merge: str, tmp_path: Path) -> None:
    graph = gn.Graph(
        inputs="x",
        nodes={
            "a_b": (gn.Dense(6), "x"),
            "ä": (["tanh", gn.Dense(6)], "a_b"),
            "again": ("sigmoid", "a_b"),
            "joint": (merge, "ä", "again"),
            "all": ("concatenate", "joint", "x", "again"),
        },
        outputs="all",
    )
    in_both(gn.Sequential(gn.Dense(5), graph, "tanh"), (3,), tmp_path)


def test_elements_are_accurate_far_out(tmp_path: Path) -> None:
    x = np.linspace(-30, 30, 6001, dtype=np.float32)
    inner = 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x.astype(np.float64) ** 3)
    exact = {"gelu_tanh_forward": x * np.exp(np.minimum(inner, 0)) / (1 + np.exp(-np.abs(inner)))}
    layers = [cls() for cls in concrete(Activation)] + [gn.LeakyReLU(0.3), gn.ELU(1.7), gn.GELU(approximate=True)]
    for layer in layers:
        model = model_of(gn.Sequential(layer), x.shape)
        source, _ = export_c(model, tmp_path / f"{len(list(tmp_path.iterdir()))}.c")
        found = predicted(compiled(source), x[None], x.shape)[0]
        expected = np.empty(x.shape)
        kernel = layer.kernels[0]
        kernel(x.astype(np.float64)[None], expected[None], **layer.kernel_settings())
        # e^x and e^(-x²/2) multiply the error of a rounded exponent by its size, which is below 87.
        np.testing.assert_allclose(found, exact.get(kernel.__name__, expected), rtol=2e-5, atol=1e-37)


def test_memory_is_shared_by_what_lives_at_different_times(tmp_path: Path) -> None:
    export_c(model_of(gn.zoo.NETWORKS["lenet5"](), (1, 28, 28)), tmp_path / "model.c")
    (size,) = re.findall(r"static float arena\[(\d+)\];", (tmp_path / "model.c").read_text())
    assert int(size) <= 6 * 28 * 28 + 6 * 14 * 14 + 16  # a layer's input and its output


def test_every_kernel_of_a_prediction_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of_predictions = set()
    for _, model in models():
        of_predictions |= {call.kernel.function for call in record_forward(model.network, 1).calls}
    assert of_predictions - EMITTERS.keys() == {fold_batch_norm}  # which is carried out when the source is written
    # Of those that no case needs, one adds up gradients besides; others belong to refused graphs, and to streams.
    beside = {"unpack_forward", "attention_step", "count_step", "keep_step"}
    assert {kernel.__name__ for kernel in EMITTERS.keys() - of_predictions} <= beside
    model = model_of(gn.Sequential(gn.Dense(3), gn.Residual("tanh")), (2,))
    monkeypatch.delitem(EMITTERS, tanh_forward)
    with pytest.raises(gn.ConfigurationError, match=r"layer 1\.residual.*Tanh\(\).*tanh_forward: y = tanh x"):
        export_c(model, tmp_path / "model.c")


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


def test_scaled_rows_stay_as_long_as_they_are_read(tmp_path: Path) -> None:
    block = gn.Residual("sigmoid", gn.Dense(4), "relu", gn.Dense(4))
    for number, first in enumerate((block, gn.ReLU(), gn.Concat("tanh", block), gn.Dropout(0.1))):
        model = model_of(gn.Sequential(first), (4,))
        model.preprocessing = gn.Standardize([50, 0, 3, 1], [20, 1, 4, 1])
        x = np.random.default_rng(0).normal(30, 20, size=(5, 4)).astype(np.float32)
        source, _ = export_c(model, tmp_path / f"{number}.c")
        expected = model.predict(x)
        np.testing.assert_allclose(predicted(compiled(source), x, expected.shape[1:]), expected, rtol=1e-4, atol=1e-6)


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


TAKEN = [
    "int", "class", "main", "expf", "memcpy", "read", "NULL", "INFINITY", "assert", "errno", "y1", "_Reserved", "__x",
    "_", "dense", "softmax", "arena", "weight_layer_0", "input_mean", "unix", "and", "size_t", "EOF", "PRId64", "M_PI",
    "sinl", "template", "isnan", "htole32", "fopen64", "strtok_r", "pthread_create", "typeof", "nullptr", "linux",
    "glassnet_int",
]  # fmt: skip
FREE = ["predict", "x", "i", "buffer_0", "total", "is_spam", "model_64", "sumf", "a" * 150]
FILES = {"model.c": "int", 'a"b.c': "class", "a\\b.c": "expf", "a??<\n#error.c": "NULL", "-o.c": "x", "\udcff.c": "y"}
LANGUAGES = {"c": ("cc", "-std=c99"), "c++": ("g++", "-std=c++17")}


def checked(language: str, *arguments: str, folder: Path) -> None:
    command, standard = LANGUAGES[language]
    if shutil.which(command) is None:
        pytest.skip(f"no {command}")
    warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    done = subprocess.run(
        [command, standard, *warnings, "-x", language, *arguments],
        capture_output=True, text=True, errors="replace", check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:2000]


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_that_are_taken_are_made_free(language: str, tmp_path: Path) -> None:
    functions = [function_name(name, own_names()) for name in (*TAKEN, *FREE)]
    assert functions[len(TAKEN) :] == FREE
    assert all(re.fullmatch(r"glassnet_[A-Za-z]\w*", name) for name in functions[: len(TAKEN)])
    extern = 'extern "C" ' if language == "c++" else ""
    includes = [
        f"#include <{name}.h>\n" for name in ("math", "string", "stdio", "stdlib", "unistd", "errno", "inttypes")
    ]
    lines = [f"{extern}void {name}(const float *x, float *y);\n" for name in sorted(set(functions))]
    (tmp_path / "names.c").write_text("".join([*includes, *lines]))
    checked(language, "-fsyntax-only", "names.c", folder=tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_name_reaches_the_preprocessor(language: str, tmp_path: Path) -> None:
    net = gn.Sequential(gn.Dense(3, name="*/\n#error ??/"), gn.Dense(2, name="int"), gn.Dense(2, name="INFINITY"))
    model = model_of(net, (2,))
    model.preprocessing, row = gn.Standardize(np.zeros(2), np.ones(2)), np.array([[0.3, -0.7]])
    model.class_names = ("*/\n#error ??/\n", "\\\n#define int\n")
    functions = []
    for file, name in FILES.items():
        source, header = export_c(model, tmp_path / file, function=name)
        functions += re.findall(r"^void (\w+)\(.*;$", source.read_text(), re.MULTILINE)
        assert re.findall("^#.*", source.read_text(), re.MULTILINE)[:2] == ["#include <math.h>", "#include <string.h>"]
        (tmp_path / f"{len(functions)}.h").write_bytes(header.read_bytes())
    uses = "".join(f'{name}(row, to); printf("%.6f %.6f\\n", to[0], to[1]);\n' for name in functions)
    headers = "".join(f'#include "{number}.h"\n' for number, _ in enumerate(functions, 1))
    (tmp_path / "use.c").write_text(
        f"#include <stdio.h>\n{headers}int main(void) {{ float row[2] = {{0.3f, -0.7f}}, to[2];\n{uses}return 0; }}\n"
    )
    checked(language, *(f"./{name}" for name in ("use.c", *FILES)), "-o", "use", "-lm", folder=tmp_path)
    said = subprocess.run([str(tmp_path / "use")], capture_output=True, text=True, check=True).stdout.split()
    np.testing.assert_allclose(np.float64(said).reshape(-1, 2), np.repeat(model.predict(row), len(FILES), 0), atol=2e-6)


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
    for name in ("", "été", "a b", "a\n", "a" * 1000, 3, None, "a-b"):
        with pytest.raises(gn.ConfigurationError, match="identifier"):
            export_c(model, tmp_path / "model.c", function=name)  # type: ignore[arg-type]
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
