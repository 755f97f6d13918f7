"""ONNX files of models with a table: from raw columns, words and gaps included, to what the model predicts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet as gn
from glassnet.cli.main import main
from glassnet.tables import Category, Column, Indexed, Number, Quantiles, Table, Time, Truth

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
# Rows with gaps and words that training had none of are here on purpose.
pytestmark = pytest.mark.filterwarnings("default::glassnet.core.errors.DataWarning")

from glassnet.interop.onnx.columns import emit_column  # noqa: E402
from glassnet.interop.onnx.graph import Graph  # noqa: E402
from glassnet.interop.onnx.table import as_inputs, emit_table, example_rows  # noqa: E402

N = 200


def people(seed: int = 0) -> dict[str, Any]:
    """Every kind of column, with gaps and without."""
    rng = np.random.default_rng(seed)
    since = [datetime(2015, 1, 31, 22, 15) + timedelta(hours=float(h)) for h in rng.uniform(0, 30_000, N)]
    data: dict[str, Any] = {
        "age": rng.normal(40, 12, N).round(),
        "sub_0": [None if i % 9 == 0 else float(h) for i, h in enumerate(rng.normal(size=N))],
        "wealth": np.exp(rng.normal(8, 3, N)).round(-3),
        "town": [None if i % 7 == 0 else str(town) for i, town in enumerate(rng.choice(["Ulm", "東京", "São"], N))],
        "job": [str(job) for job in rng.choice(["clerk", "", "nurse"], N)],
        "zip": rng.choice([89073, 3000, 12.5], N),
        "member": [bool(own) for own in rng.integers(0, 2, N)],
        "smokes": [None if i % 5 == 0 else bool(i % 3) for i in range(N)],
        "since": [None if i % 11 == 0 else moment for i, moment in enumerate(since)],
        "born": [moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in since],
        "always": ["same"] * N,
    }
    data["answer"] = [["no", "yes"][int(own > 40)] for own in data["age"]]
    return data


def trained(dtype: str = "float32") -> gn.Model:
    data = people()
    table = Table.from_data(data, target="answer", quantiles=["wealth"], categories=["zip"])
    model = gn.Model(gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(2)), table.loss, "adam", dtype=dtype)
    model.preprocessing, model.class_names = table, table.class_names
    model.fit(data, table.targets(data), epochs=2, verbose=False)
    return model


def inputs_of(model: gn.Model, data: dict[str, Any]) -> dict[str, np.ndarray]:
    """Raw columns as a program in another language would pass them, written out by hand."""
    found = {}
    for name in ("age", "sub_0", "wealth", "member", "smokes"):
        found[name] = np.array([[np.nan if value is None else float(value)] for value in data[name]])
    for name in ("town", "job"):
        found[name] = np.array([[value or ""] for value in data[name]], dtype=object)
    found["zip"] = np.array([[f"{value:g}"] for value in data["zip"]], dtype=object)
    for name in ("since", "born"):
        days = [None if value is None else (value - datetime(1970, 1, 1)) / timedelta(days=1) for value in data[name]]
        found[name] = np.array([[np.nan if own is None else own] for own in days])
    return found


def run(path: Path, inputs: dict[str, np.ndarray], *outputs: str) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(list(outputs), inputs)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("opset", [21, 22])
def test_raw_columns_give_what_the_model_predicts(dtype: str, tolerance: float, opset: int, tmp_path: Path) -> None:
    model, path = trained(dtype), tmp_path / "model.onnx"
    report = model.export_onnx(path, opset=opset)
    assert report.inputs == ("age", "sub_0", "wealth", "town", "job", "zip", "member", "smokes", "since", "born")
    assert report.largest_difference is not None
    assert report.largest_difference < tolerance
    assert "inputs age, sub_0" in str(report)
    new = people(1)
    new["town"][1], new["job"][3], new["zip"][4] = "never seen", "astronaut", 99999.0
    new["age"][0], new["wealth"][:3] = np.nan, [1e12, -5.0, np.nan]
    new["job"][5] = None  # of a column that had no gaps in training; "" is a word of its own there
    inputs = inputs_of(model, new)
    inputs["job"][5] = "astronaut"
    kept = np.arange(N) != 5
    outputs, probabilities = run(path, inputs, "outputs", "probabilities")
    np.testing.assert_allclose(outputs[kept], model.predict(new)[kept], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(probabilities[kept], model.predict_proba(new)[kept], rtol=tolerance, atol=tolerance)
    one = run(path, {name: values[:1] for name, values in inputs.items()}, "outputs")[0]
    np.testing.assert_allclose(one, outputs[:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("opset", [21, 22])
def test_words_that_are_looked_up(opset: int, tmp_path: Path) -> None:
    """Known and unknown words, gaps where there were some in training and where there were none."""
    data = people() | {"street": [f"street {i % 70}" for i in range(N)]}
    names = ["town", "street", "zip"]
    table = Table.from_data(data, target="answer", embeddings=names, ignore=["job"])
    net = gn.Sequential(*table.input_layers(), gn.Dense(6), gn.Tanh(), gn.Dense(2))
    model = gn.Model(net, table.loss, gn.Adam(0.05))
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=3, verbose=False)
    report = model.export_onnx(tmp_path / "model.onnx", opset=opset)
    assert report.operators["LabelEncoder"] == 3
    new = people(1) | {"street": [None if i % 5 == 0 else f"street {i}" for i in range(N)]}
    new["town"][3], new["zip"][4] = "never seen", 99999.0
    inputs = {name: values for name, values in inputs_of(model, new).items() if name != "job"}
    inputs["street"] = np.array([[value or ""] for value in new["street"]], dtype=object)
    (found,) = run(tmp_path / "model.onnx", inputs, "outputs")
    np.testing.assert_allclose(found, model.predict(new), rtol=1e-4, atol=1e-5)


def features(column: Column, values: np.ndarray) -> np.ndarray:
    """What the file makes of a column, float64."""
    graph = Graph(np.dtype(np.float64))
    inputs, value = emit_table(Table([column]), graph)
    helper = onnx.helper
    output = helper.make_tensor_value_info(value, onnx.TensorProto.DOUBLE, ["batch", len(column.features)])
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "g", inputs, [output], graph.initializers),
        opset_imports=[helper.make_opsetid("", 22)],
        ir_version=10,
    )
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([value], {column.name: values[:, None]})[0])


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=12), st.booleans())
def test_quantiles(values: list[int], has_missing: bool) -> None:
    column = Quantiles("x", sorted(values), has_missing)
    x = np.array([*np.arange(-4, 4.5, 0.25), np.nan])
    np.testing.assert_allclose(features(column, x), Table([column]).apply({"x": x}), atol=1e-12)


def test_quantiles_of_real_values() -> None:
    rng = np.random.default_rng(0)
    values = np.sort(np.exp(rng.normal(0, 4, 101)))
    column = Quantiles("x", values)
    x = np.concatenate([values, np.exp(rng.normal(0, 5, 300)), [0.0, 1e300]])
    np.testing.assert_allclose(features(column, x), Table([column]).apply({"x": x}), atol=1e-12)


@given(st.lists(st.datetimes(datetime(1583, 1, 1), datetime(2399, 12, 31)), min_size=1, max_size=50))
def test_times(moments: list[datetime]) -> None:
    column = Time("t", 12_000.0, 500.0, ("month", "weekday", "hour"), has_missing=True)
    given_times = np.array([*moments, None], "datetime64[us]")
    days = np.where(np.isnat(given_times), np.nan, given_times.astype(np.int64) / 86_400e6)
    np.testing.assert_allclose(features(column, days), Table([column]).apply({"t": given_times}), atol=1e-8)


def test_every_month_and_leap_day() -> None:
    days = np.arange("1896-01-01", "1908-01-01", dtype="datetime64[D]")
    column = Time("t", 0.0, 1.0, ("month", "weekday"))
    found = features(column, days.astype(np.float64))
    np.testing.assert_allclose(found, Table([column]).apply({"t": days}), atol=1e-12)


def test_words() -> None:
    column = Category("w", ["a", "b"], has_missing=True)
    found = features(column, np.array(["b", "", "zzz", "a"], dtype=object))
    np.testing.assert_array_equal(found, [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]])
    empty = features(Category("w", ["", "b"]), np.array(["", "b", "c"], dtype=object))
    np.testing.assert_array_equal(empty, [[1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_the_rows_that_files_are_tried_with_meet_everything() -> None:
    table = Table([Number("n", 5.0, 2.0, True), Category("w", ["never seen", "b"], True), Truth("t"), Time("d", 1, 1)])
    rows = example_rows(table)
    assert len({len(values) for values in rows.values()}) == 1
    assert {"never seen", "never seen?", "b", None} == set(rows["w"])
    assert {True, False, None} == set(rows["t"])
    assert None in rows["n"]
    inputs = as_inputs(table, rows)
    assert {name: values.shape[1] for name, values in inputs.items()} == {"n": 1, "w": 1, "t": 1, "d": 1}
    assert np.isnan(inputs["d"]).any()


def model_of(table: Table) -> gn.Model:
    net = gn.Sequential(gn.Dense(1))
    net.build((len(table.features),))
    model = gn.Model(net, "mean_squared_error", "sgd")
    model.preprocessing = table
    return model


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    class Rank(Column):
        name = "rank"
        describe = encode = features = None  # type: ignore[assignment]

    for table, words in (
        (Table([Number("outputs", 0.0, 1.0)]), "a column called 'outputs'"),
        (Table([Number("", 0.0, 1.0)]), "a column called ''"),
        (Table([Category("w", ["", "b"], has_missing=True)]), "column 'w': received the empty word"),
        (Table([Indexed("w", ["", "b"], has_missing=True)]), "column 'w': received the empty word"),
    ):
        with pytest.raises(gn.ConfigurationError, match=words):
            model_of(table).export_onnx(tmp_path / "m.onnx")
    with pytest.raises(gn.ConfigurationError, match=r"column 'rank'.*table\.apply"):
        emit_column(Rank.__new__(Rank), Graph(np.dtype(np.float32)), "rank")  # type: ignore[type-abstract]
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(Table([Number("x", 5.0, 2.0)]))
    monkeypatch.setattr("glassnet.interop.onnx.columns.standardized", lambda graph, x, mean, scale: x)
    with pytest.raises(gn.ConfigurationError, match="differ from the model's"):
        model.export_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    polars = pytest.importorskip("polars")
    monkeypatch.chdir(tmp_path)
    data = people()
    frame = polars.DataFrame({name: data[name] for name in ("age", "town", "since", "answer")})
    frame.write_csv("people.csv")
    assert main(["train", "people.csv", "--target", "answer", "--epochs", "2", "--quiet", "--no-report"]) == 0
    capsys.readouterr()
    assert main(["export", "people.safetensors", "--to", "onnx"]) == 0
    said = capsys.readouterr().out
    assert "inputs age, town, since" in said
    assert "onnxruntime differs from the model by" in said
    inputs = {name: values for name, values in inputs_of(gn.load("people.safetensors"), data).items() if name in said}
    inputs = {name: inputs[name] for name in ("age", "town", "since")}
    found = run(Path("people.onnx"), inputs, "outputs")[0]
    np.testing.assert_allclose(found, gn.load("people.safetensors").predict(frame), rtol=1e-4, atol=1e-5)
