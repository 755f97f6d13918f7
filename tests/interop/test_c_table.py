"""Tables with words, dates and gaps in C: a row is a struct, and its prediction the model's."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.interop import export_c
from glassnet.interop.c.table import members, used_columns
from glassnet.interop.onnx.table import as_inputs, example_rows
from glassnet.tables import Table
from glassnet.tables.words import Words

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.filterwarnings("ignore::glassnet.core.errors.DataWarning"),  # of words never seen
]
ROWS = 90
rng = np.random.default_rng(8)


def with_gaps(values: Any, every: int) -> list[Any]:
    return [None if row % every == 3 else value for row, value in enumerate(np.asarray(values, dtype=object).tolist())]


MOMENTS = np.datetime64("1899-11-30T23:59:59.999999") + rng.integers(0, 10**16, ROWS).astype("m8[us]")
DATA: dict[str, Any] = {
    "age": with_gaps(rng.normal(40, 9, ROWS), 7),
    "income, in €": rng.lognormal(9, 2, ROWS),
    "int": rng.choice([1.0, 2.0, 7.5], ROWS),
    "7 days": with_gaps(rng.random(ROWS) < 0.5, 5),
    "城市": with_gaps(rng.choice(["武汉", "Ulm", 'a "b\\n" ??/ */', "ü ", "O'Hara\tx"], ROWS), 11),
    "shop": [f"shop {row % 40}" for row in range(ROWS)],
    "since": with_gaps(MOMENTS, 9),
    "at": with_gaps([f"{row % 24:02}:{row % 60:02}" for row in range(ROWS)], 13),
    "wait": rng.normal(50, 9, ROWS).astype("m8[s]"),
}
ANSWERS = np.where(np.arange(ROWS) % 3 == 0, "yes", "no")


def compiled(source: Path) -> ctypes._CFuncPtr:
    library = source.with_suffix(".so")
    command = [str(COMPILER), "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-shared", "-fPIC"]
    done = subprocess.run([*command, str(source), "-o", str(library), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library)).predict


def answers_of(function: ctypes._CFuncPtr, table: Table, rows: dict[str, Any], outputs: int) -> np.ndarray:
    """What the C function makes of rows, as many as there are."""
    columns = used_columns(table)
    kinds = [ctypes.c_char_p if isinstance(column, Words) else ctypes.c_double for column in columns]
    row_type = type("Row", (ctypes.Structure,), {"_fields_": list(zip(members(table), kinds, strict=True))})
    given = as_inputs(table, rows)
    found = np.full((len(next(iter(given.values()))), outputs), np.nan, np.float32)
    for number, own in enumerate(found):
        row = row_type()
        for member, column in zip(members(table), columns, strict=True):
            value = given[column.name][number, 0]
            setattr(row, member, value.encode() if isinstance(value, str) else float(value))
        function(ctypes.byref(row), own.ctypes.data_as(ctypes.c_void_p))
    return found


def model_for(table: Table, data: dict[str, Any]) -> gn.Model:
    network = gn.Sequential(*table.input_layers(), gn.Dense(6), gn.Tanh(), gn.Dense(2))
    model = gn.Model(network, table.loss, gn.Adam(0.02), seed=3)
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=3, verbose=False)
    return model


@pytest.mark.parametrize("numbers", ["standard", "robust", "piecewise"])
def test_every_kind_of_column(numbers: str, tmp_path: Path) -> None:
    data = DATA | {"buys": ANSWERS}
    settings: dict[str, Any] = {"numbers": numbers, "embeddings": ["shop"]}
    table = Table.from_data(data, "buys", quantiles=["int"], **settings)
    model = model_for(table, data)
    source, header = export_c(model, tmp_path / "mixed.c")
    function = compiled(source)
    rows = example_rows(table)  # each column's values beyond those of the training, and gaps
    expected = model.predict(rows)
    np.testing.assert_allclose(answers_of(function, table, rows, 2), expected, rtol=1e-4, atol=1e-5)
    text = header.read_text()
    assert members(table)[:4] == ["age", "income_in", "column_2_int", "column_3_7_days"]
    assert r'const char *column_4; /* "\u57ce\u5e02" */' in text
    assert 'double since; /* "since": days since 1970-01-01' in text
    assert "void predict(const predict_row *row, float *y);" in text
    program = '#include "mixed.h"\nint main(void) { predict_row row = {0}; float y[PREDICT_OUTPUTS];'
    (tmp_path / "main.c").write_text(program + " predict(&row, y); return y[0] != y[0]; }\n")
    files = [str(tmp_path / "main.c"), str(source)]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([str(COMPILER), *flags, *files, "-o", str(tmp_path / "main"), "-lm"], check=True)
    assert subprocess.run([str(tmp_path / "main")], check=False).returncode == 0


def test_spaces_words_never_seen_and_calendars(tmp_path: Path) -> None:
    moments = np.datetime64("1600-01-01") + np.arange(ROWS) * np.timedelta64(1721, "D") + np.timedelta64(1, "us")
    data = {"town": DATA["城市"], "when": moments, "hours": moments + np.timedelta64(5003, "s"), "buys": ANSWERS}
    table = Table.from_data(data, "buys")
    model = model_for(table, data)
    function = compiled(export_c(model, tmp_path / "m.c")[0])
    towns = [" 武汉\u3000", "\u00a0Ulm\u2028\t", "ul", "Ulmx", "", "Ulm x", "\u200bUlm", "  ", "O'Hara\tx\x1f", "ü"]
    days = np.array(["1600-02-29T23:59:59.999", "1900-02-28", "1900-03-01", "1969-12-31T23:00", "2000-02-29"])
    rows = {"town": towns, "when": days.astype("M8[us]").repeat(2), "hours": moments[:10].astype("M8[us]")}
    expected = model.predict(rows | {"town": [town if town.strip() else None for town in towns]})
    np.testing.assert_allclose(answers_of(function, table, rows, 2), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("answers", ["classes", "amounts"])
def test_recipes_for_tables_reach_c(answers: str, tmp_path: Path) -> None:
    model = gn.TableModel("best", members=2, epochs=2)
    model.fit(DATA, ANSWERS if answers == "classes" else np.arange(ROWS) ** 1.5, verbose=False)
    assert model.model is not None
    assert model.table is not None
    source, header = export_c(model.model, tmp_path / "m.c")
    count = int(re.findall(r"_OUTPUTS (\d+)", header.read_text())[0])
    found = answers_of(compiled(source), model.table, example_rows(model.table), count)
    np.testing.assert_allclose(found, model.model.predict(example_rows(model.table)), rtol=1e-3, atol=1e-4)


def test_words_that_no_text_can_hold(tmp_path: Path) -> None:
    data = {"town": ["a\0b", "Ulm"] * 20, "buys": ["no", "yes"] * 20}
    table = Table.from_data(data, "buys")
    with pytest.raises(gn.ConfigurationError, match="ends a text in C"):
        export_c(model_for(table, data), tmp_path / "m.c")
    assert list(tmp_path.iterdir()) == []
