"""How a table is read survives in the model's file; what no table has is refused there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_files
import numpy as np
import pytest

import glassnet as gn
from glassnet.core.errors import DataError, DataWarning, FileFormatError
from glassnet.tables import Reading, Table

TRAINING = {
    "price": ["1.000,50 €", "7,25 €", "n.a.", "12,00 €"],
    "share": ["12,5%", "7%", "", "100%"],
    "sold": ["1.2.2021", "31.12.2021", "4.5.2022", "NA"],
    "at": ["08:15", "23:59", "0:00", "12:30"],
    "took": ["36:00", "1:30", "0:10", "2:00"],
    "open": ["true", "false", "TRUE", ""],
    "zip": ["00711", "10115", "00711", "10115"],
    "id": ["9007199254740993", "9007199254740992", "9007199254740993", "9007199254740992"],
    "rich": ["nan", "None", "nan", "None"],
}
NEW = {
    "price": ["1.234", "n.a."], "share": ["1%", "-"], "sold": ["3.4.2021", ""], "at": ["9:00", "12:00"],
    "took": ["40:00", "0:01"], "open": ["False", "?"], "zip": [" 00711", "1"], "id": ["9007199254740992 ", "7"],
}  # fmt: skip


@pytest.fixture
def model() -> gn.Model:
    table = gn.Table.from_data(TRAINING, "rich", reading=Reading(missing="n.a."))
    made = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(table.outputs)), table.loss, gn.Adam(0.01))
    made.preprocessing, made.class_names = table, table.class_names
    made.fit(TRAINING, table.targets(TRAINING), epochs=2, verbose=False)
    return made


def table_of(model: gn.Model) -> Table:
    assert isinstance(model.preprocessing, Table)
    return model.preprocessing


def edited(model: gn.Model, path: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """The model's file with its table's description changed."""
    model.save(path)
    return model_files.edited(path, lambda description: edit(description["preprocessing"]["settings"]))


def test_forms_are_kept(model: gn.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    loaded = gn.load(tmp_path / "m.safetensors")
    assert repr(table_of(loaded)) == repr(table_of(model))
    assert str(table_of(loaded)) == str(table_of(model))
    assert table_of(loaded).reading is not None
    for applied in (lambda own: table_of(own).apply(NEW), lambda own: own.predict(NEW)):
        with pytest.warns(DataWarning, match="1 of 2 rows of 'zip' is a category never seen, such as '1'") as said:
            ours, theirs = applied(loaded), applied(model)
        np.testing.assert_array_equal(ours, theirs)
        assert len({str(own.message) for own in said}) == 1
    assert table_of(loaded).class_names == ("None", "nan")
    read = table_of(loaded).read(NEW, list(NEW), where="test")
    assert read["price"].values[0] == 1234
    assert read["price"].missing.tolist() == [False, True]
    assert str(read["sold"].values[0]).startswith("2021-04-03")
    with pytest.raises(DataError, match="column 'sold': received the text '12/31/2021'"):
        loaded.predict(NEW | {"sold": ["12/31/2021", ""]})


def test_files_without_forms(model: gn.Model, tmp_path: Path) -> None:
    """Of an earlier version: texts are read plainly, or refused."""

    def edit(settings: dict[str, Any]) -> None:
        del settings["forms"], settings["reading"]

    loaded = table_of(gn.load(edited(model, tmp_path / "old.safetensors", edit)))
    assert (loaded.forms, loaded.reading) == ({}, None)
    plain = {"price": ["1234", ""], "share": ["0.01", "NA"], "sold": ["2021-04-03", ""], "open": ["FALSE", "NaN"]}
    with pytest.warns(DataWarning, match="1 of 2 rows of 'id' is a category never seen"):
        ours, theirs = loaded.apply(NEW | plain), table_of(model).apply(NEW)
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(DataError, match=r"column 'price': received the text '1\.000,50'"):
        loaded.apply(NEW | plain | {"price": ["1.000,50", ""]})
    assert loaded.targets({"rich": ["nan", "None"]}).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("column", "form"),
    [
        ("price", {"class": "tables.NumberForm", "settings": {"decimal": ";"}}),
        ("price", {"class": "tables.NumberForm", "settings": {"decimal": ",", "thousands": ","}}),
        ("price", {"class": "tables.NumberForm", "settings": {"percent": "yes"}}),
        ("price", {"class": "tables.NumberForm", "settings": {"further": 1}}),
        ("price", {"class": "tables.Form", "settings": {}}),
        ("price", {"class": "tables.Number", "settings": {"name": "price", "mean": 0, "scale": 1}}),
        ("price", {"class": "os.system", "settings": {"command": "true"}}),
        ("price", "plain"),
        ("price", None),
        ("sold", {"class": "tables.DateForm", "settings": {"form": "garbage"}}),
        ("sold", {"class": "tables.DateForm", "settings": {"form": ["YYYY-MM-DD"]}}),
        ("sold", {"class": "tables.DateForm", "settings": {"form": "%Q"}}),
        ("zip", {"class": "tables.WordForm", "settings": {"of": "lies"}}),
        ("zip", {"class": "tables.WordForm", "settings": {"missing": 5}}),
        ("zip", {"class": "tables.WordForm", "settings": {"gaps": 7}}),
    ],
)
def test_forms_that_do_not_exist(model: gn.Model, tmp_path: Path, column: str, form: Any) -> None:
    def edit(settings: dict[str, Any]) -> None:
        settings["forms"] = {"map": [[column, form]]}

    with pytest.raises(FileFormatError):
        gn.load(edited(model, tmp_path / "m.safetensors", edit))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reading", {"class": "tables.Reading", "settings": {"decimal": "x"}}),
        ("reading", {"class": "tables.Reading", "settings": {"dates": "soon"}}),
        ("reading", {"class": "tables.NumberForm", "settings": {}}),
        ("reading", "utf-8"),
        ("forms", ["price"]),
        ("forms", 5),
    ],
)
def test_readings_that_do_not_exist(model: gn.Model, tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(FileFormatError):
        gn.load(edited(model, tmp_path / "m.safetensors", lambda settings: settings.__setitem__(name, value)))
