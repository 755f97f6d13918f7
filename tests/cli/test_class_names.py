"""Classes with names that look like something else, or that would break a line, a table, a page: names all the way."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.data import read_image_folder, read_npz

LOOK_LIKE_VALUES = "nan", "NaN", "inf", "-inf", "None", "True", "False", "NA", "null", "1", "01", "1.0", "1e3", "-"
ODD = (
    "a b", " a b", "a.b", "a,b", "a;b", "猫", "two\nlines", "three\r\nlines", 'say "so"', "it's", "tab\there", "=1+1",
    "\\n", "*/ /* //", "</script><b>", "{x}", "%s", "[bold]red[/bold]", "😀",
)  # fmt: skip
NAMES = LOOK_LIKE_VALUES + ODD


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three columns with a class for each name, trained by the command line from an archive."""
    folder = tmp_path_factory.mktemp("names")
    labels = np.arange(4 * len(NAMES)) % len(NAMES)
    x = np.random.default_rng(0).normal(size=(len(labels), 3)) + labels[:, None] % 5
    np.savez(folder / "data.npz", x=x, y=np.array(NAMES)[labels])
    np.savez(folder / "bytes.npz", x=x, y=np.array([name.encode() for name in NAMES])[labels])
    arguments = ["train", str(folder / "data.npz"), "--epochs", "3", "--output", str(folder / "m.safetensors")]
    assert main(arguments) == 0
    return folder


def test_text_in_archives(saved: Path) -> None:
    for name in ("data", "bytes"):
        data = read_npz(saved / f"{name}.npz")
        assert data.class_names == tuple(sorted(NAMES))
        assert data.y is not None
        assert [data.class_names[label] for label in data.y[: len(NAMES)]] == list(NAMES)
    assert gn.load(saved / "m.safetensors").class_names == tuple(sorted(NAMES))


@pytest.mark.parametrize("name", ["nan", "inf", "-inf", "infinity", "1_000", "None", "True", "", "0x10"])
def test_names_that_are_no_amounts(name: str) -> None:
    data = gn.data.Dataset(np.zeros((2, 1), np.float32), np.array([0, 1]), class_names=("1", name))
    with pytest.raises(gn.DataError, match="expected numbers"):
        data.with_numbers()


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "y.npz", x=np.zeros((2, 1)), y=np.array([b"caf\xe9", b"a"]))
    with pytest.raises(gn.DataError, match=r"no text in UTF-8.*np\.char\.decode"):
        read_npz(tmp_path / "y.npz")


@pytest.mark.parametrize("with_probabilities", [False, True])
def test_answers(saved: Path, capsys: pytest.CaptureFixture[str], with_probabilities: bool) -> None:
    model, data = gn.load(saved / "m.safetensors"), read_npz(saved / "data.npz")
    assert model.class_names is not None
    expected = [model.class_names[k] for k in model.predict_classes(data.x)]
    options = ["--probabilities"] if with_probabilities else []
    command = ["predict", str(saved / "m.safetensors"), str(saved / "data.npz"), *options]
    assert main(command) == 0
    assert main([*command, "--output", str(saved / "answers.csv")]) == 0
    written = capsys.readouterr().out
    with open(saved / "answers.csv", encoding="utf-8", newline="") as file:
        tables = list(csv.reader(file)), list(csv.reader(io.StringIO(written.rpartition("\n")[0], newline="")))
    for header, *rows in tables:
        rows = rows[: len(expected)]
        assert [row[0] for row in rows] == expected
        assert header == ["prediction", *(f"probability_{k}" for k in model.class_names if with_probabilities)]
        assert {len(row) for row in rows} == {len(header)}


def test_answers_in_parquet(saved: Path) -> None:
    polars = pytest.importorskip("polars")
    model, data = gn.load(saved / "m.safetensors"), read_npz(saved / "data.npz")
    command = ["predict", str(saved / "m.safetensors"), str(saved / "data.npz"), "--output", str(saved / "a.parquet")]
    assert main(command) == 0
    found = polars.read_parquet(saved / "a.parquet")["prediction"].to_list()
    assert found == [(model.class_names or ())[k] for k in model.predict_classes(data.x)]


def test_evaluation_knows_them(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(saved / "m.safetensors"), str(saved / "data.npz")]) == 0
    model, data = gn.load(saved / "m.safetensors"), read_npz(saved / "data.npz")
    assert f"accuracy: {model.evaluate(data.x, data.y)['accuracy']:.4f}" in capsys.readouterr().out


def test_the_summary_tells_one_from_the_next(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(saved / "m.safetensors")]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("classes"))
    found = re.findall(r'"(?:[^"\\]|\\.)*"|[^,]+', line.removeprefix("classes    ").replace(", ", ","))
    assert len(found) == len(NAMES)


@pytest.mark.parametrize("names", [NAMES[start : start + 6] for start in range(0, len(NAMES), 6)])
def test_the_report_shows_them(names: tuple[str, ...], tmp_path: Path) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(len(names))), "cross_entropy", "adam", metrics=["accuracy"])
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % len(names)
    model.fit(x, y, verbose=False)
    model.class_names = names
    page = gn.report(model, x, y, tmp_path / "m.html").read_text(encoding="utf-8")
    text = unescape(re.sub("<script.*?</script>|<[^>]*>", "\n", page, flags=re.DOTALL))
    for name in names:
        assert name.replace("\r\n", "\n") in text, name
    assert "</script><b>" not in page


def test_traces_show_them(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["trace", str(saved / "m.safetensors"), str(saved / "data.npz")]
    assert main(command) == 0
    assert "cross_entropy" in capsys.readouterr().out
    assert main([*command, "--html", str(saved / "trace.html")]) == 0
    page = (saved / "trace.html").read_text(encoding="utf-8")
    blocks = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    found = next(content for content in map(json.loads, blocks) if "classes" in json.dumps(content))
    assert sorted(NAMES) == find(found, "classes")


def find(content: object, key: str) -> object:
    """The value of a key anywhere inside."""
    if isinstance(content, dict):
        return content[key] if key in content else next((f for v in content.values() if (f := find(v, key))), None)
    return next((f for v in content if (f := find(v, key))), None) if isinstance(content, list) else None


@pytest.mark.parametrize("target", ["rain", "nan", "None", "True", "1,5"])
def test_a_target_may_be_called_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with open("t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", target], *([i % 7, f"k{i % 2}"] for i in range(40))])
    quoted = f'"{target}"' if "," in target else target
    assert main(["train", "t.csv", "--target", quoted, "--epochs", "1", "--no-report"]) == (2 if "," in target else 0)
    if "," in target:
        assert "1" in capsys.readouterr().err  # commas divide targets, and a name that is none of them is refused


FOLDERS = ("nan", "None", "True", "inf", "1", "01", "a b", "a.b", "a,b", "猫", "two\nlines", 'say "so"', "x" * 200)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("photos") / "zoo"
    for k, name in enumerate(FOLDERS):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            pixels = np.full((6, 6, 3), 19 * k + i, np.uint8)
            image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def test_folders_of_pictures(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, test = read_image_folder(photos)
    assert test is None
    assert data.class_names == tuple(sorted(FOLDERS))
    assert data.y is not None
    shades = {name: 19 * k for k, name in enumerate(FOLDERS)}
    for row, label in zip(data.x, data.y, strict=True):
        assert 0 <= row[0, 0, 0] - shades[data.class_names[label]] < 4
    model = str(tmp_path / "zoo.safetensors")
    assert main(["train", str(photos), "--epochs", "2", "--output", model]) == 0
    assert main(["evaluate", model, str(photos)]) == 0
    capsys.readouterr()
    assert main(["predict", model, str(photos), "--probabilities"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 * len(FOLDERS)  # one for each picture, whatever the names
    for line in lines:
        assert all(name.replace("\n", "\\n") in line for name in FOLDERS)
    assert main(["predict", model, str(photos), "--output", str(tmp_path / "a.csv")]) == 0
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "prediction"]
    assert len(rows) == 4 * len(FOLDERS)
    assert {row[1] for row in rows} <= set(FOLDERS)
    assert {Path(row[0]).parent.name for row in rows} == set(FOLDERS)


def test_one_class_is_nothing_to_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On every way in: the message names what there is, and where."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(20, 2))
    np.savez("text.npz", x=x, y=np.array(["nan"] * 20))
    np.savez("amounts.npz", x=x, y=np.full(20, 2.5))
    for name, cell in (("words", "cat"), ("few", "3"), ("amounts", "2.5")):
        Path(f"{name}.csv").write_text("a,b,kind\n" + "".join(f"{a},{b},{cell}\n" for a, b in x))
    Path("zoo/cat").mkdir(parents=True)
    for i in range(5):
        image.fromarray(np.full((6, 6), i, np.uint8)).save(f"zoo/cat/{i}.png")
    for source, options, words in (
        ("text.npz", [], r"text\.npz.*the class 'nan' in every row.*nothing to learn"),
        ("amounts.npz", [], "the number 2.5 in every row.*nothing to learn"),
        ("words.csv", ["--target", "kind"], "column 'kind'.*the class 'cat' in every row.*nothing to learn"),
        ("few.csv", ["--target", "kind"], "column 'kind'.*the class '3' in every row.*nothing to learn"),
        ("few.csv", ["--target", "kind", "--regression"], "column 'kind'.*the number 3 in every row.*nothing to learn"),
        ("amounts.csv", ["--target", "kind"], "column 'kind'.*the number 2.5 in every row.*nothing to learn"),
        ("zoo", [], "zoo.*the class 'cat' in every row.*nothing to learn"),
    ):
        assert main(["train", source, *options]) == 2, source
        assert re.search(words, capsys.readouterr().err), source
    assert not list(tmp_path.glob("*.safetensors"))


def test_rows_of_one_class_are_told_by_fit_and_diagnose() -> None:
    x = np.random.default_rng(0).normal(size=(120, 2)).astype(np.float32)
    cases = [
        (gn.Dense(3), "cross_entropy", np.full(120, 1), "all 120 rows are of one class, dog"),
        (gn.Dense(3), "cross_entropy", np.eye(3)[np.full(120, 2)], "all 120 rows are of one class, nan"),
        (gn.Dense(1), "binary_cross_entropy", np.ones((120, 1)), "all 120 rows have the same target, 1"),
        (gn.Dense(1), "mean_squared_error", np.full((120, 1), 2.5), "all 120 rows have the same target, 2.5"),
        (gn.Dense(2), "mean_squared_error", np.full((120, 2), [2.5, -1]), "the same target, 2.5, -1"),
        (gn.Dense(1), "hinge", np.ones((120, 1)), "the same target, 1"),
    ]
    for layer, loss, y, words in cases:
        model = gn.Model(gn.Sequential(layer), loss, "adam")
        model.class_names, model.target_name = ("cat", "dog", "nan"), "kind"
        history = model.fit(x, y, verbose=False)
        assert len(history.notes) == 1
        assert words in history.notes[0]
        assert history.notes[0].startswith("nothing to learn (kind)")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = gn.diagnose(model, x, y).findings
        assert found[0].name == "nothing_to_learn"
        assert "class_imbalance" not in [finding.name for finding in found]
    model = gn.Model(gn.Sequential(gn.Dense(3)), "cross_entropy", "adam")
    assert model.fit(x, np.arange(120) % 2, verbose=False).notes == []
    assert model.fit(x[:1], [1], verbose=False).notes == []
