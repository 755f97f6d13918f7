"""Tables learned from blocks: what the whole frame read at once gives, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import glassnet as gn
from glassnet.core.settings import to_config
from glassnet.data import blocks, read_table
from glassnet.tables import Table, summaries

N = 600
RNG = np.random.default_rng(0)
TOWNS = np.array(["Ulm", "Bern", "Graz", "Köln"])
FRAME = {
    "whole": RNG.integers(0, 50, N),
    "far": RNG.normal(size=N) * 1e-3 + 1e6,
    "town": TOWNS[RNG.integers(0, 4, N)],
    "gaps": [None if k % 7 == 0 else float(k % 13) for k in range(N)],
    "truth": RNG.random(N) > 0.5,
    "when": np.datetime64("2020-01-01T10:30") + RNG.integers(0, 10**6, N).astype("timedelta64[m]"),
    "same": [3] * N,
    "nothing": [None] * N,
    "y": np.where(RNG.random(N) > 0.4, "yes", "no"),
}


def assert_same(found: Table, expected: Table) -> None:
    assert len(found.columns) == len(expected.columns)
    for own, other in zip((*found.columns, found.target), (*expected.columns, expected.target), strict=True):
        one, two = (to_config(column, where="test") for column in (own, other))
        assert one.keys() == two.keys()
        for (name, a), b in zip(one["settings"].items(), two["settings"].values(), strict=True):
            if isinstance(a, float):
                assert a == pytest.approx(b, rel=1e-12), (own, name)
            else:
                assert a == b, (own, other, name)
    assert {n: to_config(f, where="t") for n, f in found.forms.items()} == {
        n: to_config(f, where="t") for n, f in expected.forms.items()
    }


def parts_of(frame: dict[str, Any], ends: Sequence[int]) -> list[dict[str, Any]]:
    cut = [0, *ends, len(next(iter(frame.values())))]
    return [{n: v[a:b] for n, v in frame.items()} for a, b in pairwise(cut)]


@pytest.mark.parametrize("target", ["y", "whole", "far", "truth"])
def test_frames_in_blocks_give_the_table_of_the_whole(target: str) -> None:
    source = blocks(parts_of(FRAME, [1, 200, 450]), target)
    assert_same(Table.from_data(source), Table.from_data(FRAME, target))
    assert_same(
        Table.from_data(source, task="auto", quantiles=["gaps"], embeddings="auto", ignore="when"),
        Table.from_data(FRAME, target, quantiles=["gaps"], embeddings="auto", ignore="when"),
    )


@pytest.mark.parametrize("numbers", ["robust", "piecewise"])
def test_numbers_are_scaled_by_quartiles_and_in_pieces(numbers: str) -> None:
    found = Table.from_data(blocks(parts_of(FRAME, [1, 200, 450]), "y"), numbers=numbers)
    assert_same(found, Table.from_data(FRAME, "y", numbers=numbers))


FILES = [
    "a,b,day,word,y\n1,0.5,1/2/2024,u,no\n2,,3/4/2024,v,yes\n",
    "a,b,day,word,y\n7,1e3,2/3/2024,NA,yes\n",
    "b,a,day,word,y\n3,2.5,25/12/2024,w,no\n,4,1/1/2024,u,no\n",  # integers turn to floats, days come first, a new word
]


def write(folder: Path, contents: Sequence[str]) -> list[str]:
    for number, content in enumerate(contents):
        (folder / f"{number}.csv").write_text(content, encoding="utf-8")
    return [str(folder / f"{number}.csv") for number in range(len(contents))]


def whole(folder: Path, contents: Sequence[str]) -> Path:
    frames = [polars.read_csv(text.encode(), infer_schema_length=0) for text in contents]
    path = folder / "whole.csv"
    polars.concat([frame.select(frames[0].columns) for frame in frames]).write_csv(path)
    return path


RELATIVES = {
    "mixed": FILES,
    "names": ["a,y\n1,x\n2,z\n", "a,y\n03,x\n"],  # a leading 0 makes names of numbers
    "comma": ["a;y\n1,5;x\n2;z\n", "a;y\n1.000,25;x\n"],
    "percent": ["a,y\n1 %,x\n2 %,z\n", "a,y\n,x\n"],
    "durations": ["a,y\n08:15,x\n09:15,z\n", "a,y\n36:00,x\n"],
    "truth": ["a,y\ntrue,x\nfalse,z\n", "a,y\nmaybe,x\n"],
    "classes": ["a,y\n1,1\n2,0\n", "a,y\n3,2\n"],
    "amounts": ["a,y\n1,1\n2,0\n", "a,y\n3,2.5\n"],
    "late class": ["a,y\n1,no\n2,no\n", "a,y\n3,NA\n"],
    "compact": ["a,y\n20240131,x\n20240229,z\n", "a,y\n20241231,x\n"],
    "large": ["a,y\n1,x\n2,z\n", "a,y\n12345678901234567890,x\n"],
}


@pytest.mark.parametrize("name", RELATIVES)
def test_a_folder_of_texts_is_read_as_one_file(name: str, tmp_path: Path) -> None:
    contents = RELATIVES[name]
    source = blocks(write(tmp_path, contents), "y", rows=1)
    if name == "comma":
        (tmp_path / "whole.csv").write_text(contents[0] + contents[1].partition("\n")[2])
        expected = tmp_path / "whole.csv"
    else:
        expected = whole(tmp_path, contents)
    assert_same(Table.from_data(source), Table.from_data(read_table(expected, "y"), "y"))


@pytest.mark.parametrize("words", ["number", "date", "word"])
def test_very_many_different_texts_take_bounded_memory(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "MOST_TEXTS", 20)
    values = {
        "number": [f"{k / 8:.3f}" for k in range(400)],
        "date": [str(np.datetime64("2020-01-01") + k) for k in range(400)],
        "word": [f"w{k % 90}" for k in range(400)],
    }[words]
    path = tmp_path / "many.csv"
    path.write_text("a,b,y\n" + "".join(f"{value},{k % 3},{'xz'[k % 2]}\n" for k, value in enumerate(values)))
    found = Table.from_data(blocks(str(path), "y", rows=30))
    assert_same(found, Table.from_data(read_table(path, "y"), "y"))


def test_a_late_leading_zero_counts_beyond_the_texts_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "MOST_TEXTS", 5)
    path = tmp_path / "zip.csv"
    path.write_text("zip,y\n" + "".join(f"{k},{'xz'[k % 2]}\n" for k in range(10, 60)) + "07,x\n")
    assert "categories" in str(Table.from_data(blocks(str(path), "y", rows=10)))
    path.write_text("n,y\n" + "".join(f"{k},{'xz'[k % 2]}\n" for k in range(10, 60)) + "oops,x\n")
    with pytest.raises(gn.DataError, match=r"the text 'oops' in line 52 of zip.csv"):
        Table.from_data(blocks(str(path), "y", rows=10))


def test_more_words_than_are_counted_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries.WordCounts.__init__, "__defaults__", (40,))
    data = {"id": [f"w{k}" for k in range(100)] + ["w1"] * 50, "y": [k % 2 for k in range(150)]}
    with pytest.warns(gn.DataWarning, match="different words in 'id'"):
        table = Table.from_data(blocks(parts_of(data, [50, 100]), "y"))
    assert table.columns[0].categories[0] == "w1"  # type: ignore[attr-defined]


def test_quantiles_are_those_of_a_sample_with_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries.Sample.__init__, "__defaults__", (500,))
    values = RNG.permutation(5000).astype(float)
    data = {"a": values, "y": RNG.random(5000)}
    one, two = (Table.from_data(blocks(parts_of(data, [1000, 3000]), "y"), quantiles="a") for _ in range(2))
    found = one.columns[0].values  # type: ignore[attr-defined]
    assert np.array_equal(found, two.columns[0].values)  # type: ignore[attr-defined]
    assert (found[0], found[-1]) == (0, 4999)
    assert np.abs(found - np.linspace(0, 4999, 101)).max() < 500


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([{"a": [1, 2], "y": [0, 1]}, {"a": [True, False], "y": [0, 1]}], "true and false in .*, after numbers"),
        ([{"a": [1, 2], "y": [0, 1]}, {"a": ["x", "z"], "y": [0, 1]}], "texts in .*block 1, after values with a type"),
        (
            [{"a": [1, 2], "y": [0, 1]}, {"a": [3.0, np.inf], "y": [0, 1]}],
            "inf in row 3 of blocks: block 1",
        ),
        ([{"a": [1, 2], "y": [0, 1]}, {"a": [1, 2], "y": [0, None]}], "no value in row"),
        ([{"a": [1, 2], "y": [0, 1]}, {"b": [1, 2], "y": [0, 1]}], "columns b, y, expected a, y"),
        ([{"a": [1, 2], "y": [0, 1]}, {"a": [1, 2]}], "the columns a, expected a, y"),
        ([{"a": [1, 2], "y": [1, 1]}, {"a": [1, 2], "y": [1, 1]}], "the class '1' in every row"),
        ([{"a": [1, 1], "y": [0, 1]}, {"a": [1, 1], "y": [0, 1]}], "a: ignored: always 1"),
        ([{"a": [2.0**53], "y": [0]}, {"a": [1.0], "y": [1]}], "may have lost digits"),
    ],
)
def test_what_does_not_go_together_is_refused(data: list[dict[str, Any]], words: str) -> None:
    categories = ["a"] if "digits" in words else []
    with pytest.raises(gn.GlassnetError, match=words):
        Table.from_data(blocks(data, "y", categories=categories))


@pytest.mark.parametrize(
    "given",
    [{name: "nope"} for name in ("target", "quantiles", "categories", "embeddings", "ignore")]
    + [{"target": ["y", "y"]}],
    ids=str,
)
def test_names_of_columns_are_held_to_those_that_are_there(given: dict[str, Any]) -> None:
    """In the words in which those of a frame are."""
    frame = {"a": [1.0, 2.0, 4.0], "b": [2.0, 1.0, 1.0], "y": [0.5, 1.5, 2.0]}
    said = []
    for data in (frame, gn.data.blocks(lambda: iter([frame]), target="y")):
        with pytest.raises(gn.ConfigurationError) as caught:
            gn.Table.from_data(data, **{"target": "y"} | given)
        said.append(str(caught.value))
    assert said[0] == said[1]
    if given == {"ignore": "nope"}:
        with pytest.raises(gn.ConfigurationError, match="ignore 'nope'"):
            gn.Table.from_data(gn.data.blocks(lambda: iter([frame]), target="y", ignore="nope"))


def test_moments_are_joined_as_of_all_numbers() -> None:
    values = RNG.normal(size=1000) * 1e-3 + 1.7e9
    moments = summaries.Moments()
    for part in np.split(values, [1, 10, 600]):
        moments.add(part)
    weighted = summaries.Moments()
    weighted.add(np.array([1.0, 5.0]), np.array([3, 1]))
    mean, deviation = moments.mean_and_deviation("test")
    assert mean == pytest.approx(values.mean(), rel=1e-15)
    assert deviation == pytest.approx((values - values[0]).std(), rel=1e-9)
    assert weighted.mean_and_deviation("test") == pytest.approx((2.0, np.std([1, 1, 1, 5])))


def test_a_wild_number_in_a_later_block_is_named() -> None:
    frame = {"x": [*np.linspace(0, 1, 300), -1e14], "y": [0.0, 1.0] * 150 + [0.0]}
    with pytest.warns(gn.core.errors.DataWarning, match=r"-1e\+14 in column 'x' lies so far from the others"):
        Table.from_data(blocks(parts_of(frame, [100, 290]), "y"))
