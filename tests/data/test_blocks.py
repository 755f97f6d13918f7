"""Sources of blocks out of files and arrays: their parts, and what is told of files that do not go together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import glassnet as gn
from glassnet.data import Blocks, blocks

N = 120
RNG = np.random.default_rng(0)


def frame(rows: int = N, seed: int = 0) -> polars.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rows)
    return polars.DataFrame({"a": a, "town": rng.choice(["Ulm", "Bern"], rows), "y": np.where(a > 0, "yes", "no")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        frame(seed=number).write_parquet(tmp_path / f"{number}.parquet", row_group_size=50)
    (tmp_path / "notes.txt").write_text("no table")
    (tmp_path / "_SUCCESS").write_text("")
    return tmp_path


def values(source: Blocks, name: str = "a") -> list[Any]:
    return [value for block in source.all_blocks() for value in block.x[name].values.tolist()]


def new() -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(2)), "cross_entropy", "adam")


def test_folders_patterns_and_lists_are_the_same_rows(folder: Path) -> None:
    expected = [value for number in range(3) for value in frame(seed=number)["a"].to_list()]
    listed = [folder / f"{number}.parquet" for number in range(3)]
    for given in (folder, str(folder / "*.parquet"), listed):
        source = blocks(given, "y", rows=45)
        assert values(source) == expected
        assert len(source) == 3 * N
        assert source.parts == 9
    assert values(blocks(listed[::-1], "y"))[:N] == frame(seed=2)["a"].to_list()


def test_every_kind_of_file(tmp_path: Path) -> None:
    for ending in ("csv", "tsv", "csv.gz", "parquet", "xlsx"):
        path = tmp_path / f"t.{ending}"
        if ending == "parquet":
            frame().write_parquet(path)
        elif ending == "xlsx":
            openpyxl = pytest.importorskip("openpyxl")
            book = openpyxl.Workbook()
            book.active.append(["a", "town", "y"])
            for row in frame().rows():
                book.active.append(list(row))
            book.save(path)
        else:
            frame().write_csv(tmp_path / "plain", separator="\t" if ending == "tsv" else ",")
            plain = (tmp_path / "plain").read_bytes()
            path.write_bytes(__import__("gzip").compress(plain) if ending.endswith("gz") else plain)
        source = blocks(path, "y", rows=50)
        assert len(source) == N
        table = gn.Table.from_data(source)
        assert sorted(table.features) == ["a", "town=Bern", "town=Ulm", "town=other"]
        model = new()
        model.fit(source, epochs=1, verbose=False)
        assert isinstance(model.preprocessing, gn.Table)
        assert model.class_names == ("no", "yes")
        assert np.array_equal(model.predict(source), model.predict(gn.data.read_table(path, like=model.preprocessing)))


def test_a_model_that_learned_from_blocks_is_that_of_the_frame(folder: Path, tmp_path: Path) -> None:
    whole = polars.concat([frame(seed=number) for number in range(3)])
    found, expected = new(), new()
    history = found.fit(blocks(folder, "y", rows=50), epochs=2, shuffle=False, verbose=False)
    assert history.metrics["loss"] == pytest.approx(
        expected.fit(whole, "y", epochs=2, shuffle=False, verbose=False).metrics["loss"], rel=1e-6
    )
    assert np.allclose(found.network.parameters, expected.network.parameters, atol=1e-6)
    assert found.evaluate(blocks(folder))["loss"] == pytest.approx(found.evaluate(whole, "y")["loss"], rel=1e-6)
    found.save(tmp_path / "m.safetensors")
    assert np.array_equal(gn.load(tmp_path / "m.safetensors").predict(blocks(folder)), found.predict(whole))
    named = new()
    named.fit(blocks(folder), "y", epochs=1, verbose=False)
    assert named.target_name == "y"
    numbers = gn.Model(gn.Dense(1), "mean_squared_error", "adam", ["r2"])
    numbers.fit(blocks(folder, "a"), epochs=1, validation_split=0.2, verbose=False)
    assert numbers.predict(blocks(folder)).shape == (3 * N, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda own: own.drop("town"), r"1.parquet: received no column 'town'; 0.parquet has a, town, y"),
        (lambda own: own.drop("y"), r"1.parquet: received no column 'y'.*add the answers"),
        (lambda own: own.with_columns(more=1), r"1.parquet: received one more column, 'more'"),
        (lambda own: own.with_columns(a=polars.lit("x")), r"column 'a': received texts in 1.parquet, after values"),
        (
            lambda own: own.with_columns(a=polars.col("a") > 0),
            r"column 'a': received true and false in 1.parquet, after n",
        ),
        (lambda own: own.with_columns(a=polars.lit([1, 2])), r"1.parquet: column 'a': received values of type List"),
        (lambda own: own.with_columns(y=polars.lit(None, dtype=polars.String)), r"no value in row 0 of 1.parquet"),
    ],
)
def test_files_that_do_not_go_together_are_named(folder: Path, change: Any, words: str) -> None:
    change(frame(seed=1)).write_parquet(folder / "1.parquet")
    model = new()
    with pytest.raises(gn.DataError, match=words):
        model.fit(blocks(folder, "y"), verbose=False)
    assert model.preprocessing is None


def test_the_order_of_columns_and_the_width_of_numbers_do_not_count(folder: Path) -> None:
    expected = gn.Table.from_data(blocks(folder, "y")).columns
    frame(seed=1).select("y", "town", polars.col("a").cast(polars.Float64)).write_parquet(folder / "1.parquet")
    frame(0).write_parquet(folder / "3.parquet")
    found = gn.Table.from_data(blocks(folder, "y")).columns
    assert [repr(own) for own in found] == [repr(own) for own in expected]


def test_files_that_change_or_go_away_are_noticed(folder: Path) -> None:
    source = blocks(folder, "y")
    model = new()
    model.fit(source, epochs=1, verbose=False)
    frame(seed=7).write_parquet(folder / "1.parquet")
    os.utime(folder / "1.parquet", ns=(1, 1))
    with pytest.raises(gn.DataError, match=r"1.parquet: received a file that was written to meanwhile"):
        model.fit(source, epochs=1, verbose=False)
    (folder / "2.parquet").unlink()
    with pytest.raises((gn.MissingFileError, gn.DataError), match=r"[12].parquet"):
        model.fit(source, epochs=1, verbose=False)
    (folder / "1.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(gn.FileFormatError, match=r"1.parquet"):
        len(blocks([folder / "0.parquet", folder / "1.parquet"], "y"))


@pytest.mark.parametrize(
    ("given", "target", "error", "words"),
    [
        ("nowhere.parquet", "y", gn.MissingFileError, "nowhere.parquet: received no such file"),
        ("*.csv", "y", gn.MissingFileError, "no file under this pattern"),
        ("empty", "y", gn.MissingFileError, "received no table"),
        (["0.parquet", "notes.txt"], "y", gn.ConfigurationError, "notes.txt, expected a table"),
        ("0.parquet", "Y", gn.ConfigurationError, "target 'Y'.*did you mean 'y'"),
        ("none.csv", "y", gn.DataError, "received no rows"),
        ("x.npy", "z", gn.ConfigurationError, "target='z' beside an array"),
        ("objects.npy", None, gn.FileFormatError, "objects.npy: received no .npy file of numbers"),
    ],
)
def test_what_cannot_be_read_is_refused(
    given: Any, target: Any, error: type[Exception], words: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    (folder / "none.csv").write_text("a,y\n")
    np.save("x.npy", np.zeros((3, 2)))
    np.save("objects.npy", np.array([{}], dtype=object))
    if given == "*.csv":
        (folder / "none.csv").unlink()
    with pytest.raises(error, match=words):
        gn.Table.from_data(blocks(given, target))


def test_memory_maps(tmp_path: Path) -> None:
    x, y = RNG.normal(size=(N, 3)).astype(np.float32), RNG.integers(0, 2, N)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    source = blocks(tmp_path / "x.npy", tmp_path / "y.npy", rows=50, buffer=70)
    found, expected = new(), new()
    found.fit(source, epochs=2, verbose=False)
    expected.fit(blocks(x, y, rows=50, buffer=70), epochs=2, verbose=False)
    assert found.fingerprint() == expected.fingerprint()
    assert source.name == "x.npy"
    np.save(tmp_path / "y.npy", 1 - y)
    with pytest.raises(gn.DataError, match=r"y.npy: received a file that was written to"):
        found.fit(source, verbose=False)
    with pytest.raises(gn.ShapeError, match="arrays of the shapes"):
        blocks(x, y[1:])


@pytest.mark.parametrize(
    ("prepare", "given", "words"),
    [
        (None, lambda folder: blocks(folder), "frames without a target"),
        (gn.Standardize(), lambda folder: blocks(folder, "y"), "that has learned no table"),
        ("table", lambda folder: blocks(folder, "town"), "the target town for a model whose table predicts y"),
        ("table", lambda _: blocks(np.zeros((9, 2)), np.zeros(9, int)), "arrays, for a model with a table"),
    ],
)
def test_models_that_do_not_take_the_blocks(prepare: Any, given: Any, words: str, folder: Path) -> None:
    model = new()
    model.preprocessing = gn.Table.from_data(frame(), "y") if prepare == "table" else prepare
    with pytest.raises(gn.ConfigurationError, match=words):
        model.fit(given(folder), verbose=False)


@pytest.mark.filterwarnings("default::glassnet.DataWarning")
def test_what_training_did_not_see_is_said_once(folder: Path) -> None:
    model = new()
    model.fit(blocks(folder, "y"), epochs=1, verbose=False)
    later = frame(seed=9).with_columns(town=polars.lit("Rome"))
    later.write_parquet(folder / "later.parquet")
    with pytest.warns(gn.DataWarning, match=r"120 of 120 rows of 'town' are a category never seen") as said:
        model.fit(
            blocks(folder / "0.parquet", "y"),
            validation_data=blocks(folder / "later.parquet", "y", rows=30),
            epochs=3,
            verbose=False,
        )
    assert len(said) == 1
    frame(seed=9).with_columns(y=polars.lit("perhaps")).write_parquet(folder / "later.parquet")
    with pytest.raises(gn.DataError, match=r"the class 'perhaps' in row 0 of later.parquet"):
        model.fit(
            blocks(folder / "0.parquet", "y"), validation_data=blocks(folder / "later.parquet", "y"), verbose=False
        )
