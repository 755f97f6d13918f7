"""A model of a table is seen through alike, in whatever its table comes."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

TEXT = "Länge;Ort;gebaut;Stunden;neu\n" + "\n".join(
    f"{i % 9 + 1},{i * 37 % 100:02};{['Köln', 'München', 'Ulm'][i % 3]};{i % 28 + 1}.{i % 12 + 1}.2021;"
    f"{'NA' if i % 11 == 3 else i % 24};{'ja' if i % 9 > 3 else 'nein'}"
    for i in range(90)
)
FORMS = ("new file", "mapping of texts", "mapping", "pandas", "pandas texts", "polars", "pyarrow", "records")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "houses.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    return path


@pytest.fixture(scope="module")
def frame(file: Path) -> Any:
    return gn.data.read_table(file, "neu")


@pytest.fixture(scope="module")
def model(frame: Any) -> gn.Model:
    table = gn.Table.from_data(frame, "neu")
    network = gn.Sequential(gn.Dense(5), "tanh", gn.Dense(table.outputs))
    found = gn.Model(network, table.loss, gn.Adam(0.03), ["accuracy"])
    found.preprocessing, found.class_names = table, table.class_names
    found.fit(frame, table.targets(frame), epochs=10, verbose=False)
    return found


def as_form(form: str, file: Path, model: gn.Model) -> Any:
    """The same table in another form."""
    table = model.preprocessing
    assert isinstance(table, gn.Table)
    if form == "new file":
        return gn.data.read_table(file, like=table)
    names, *rows = (line.split(";") for line in TEXT.splitlines())
    texts = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    if form == "mapping of texts":
        return texts
    if form == "pandas texts":
        return pytest.importorskip("pandas").DataFrame(texts)
    columns = gn.data.read_table(file, like=table)
    values = {name: columns[name].values for name in columns}
    if form == "mapping":
        return values
    if form == "pandas":
        return pytest.importorskip("pandas").DataFrame(values)
    if form == "polars":
        return pytest.importorskip("polars").DataFrame({name: own.tolist() for name, own in values.items()})
    if form == "pyarrow":
        return pytest.importorskip("pyarrow").table(values)
    types = [(name, object if own.dtype == object else own.dtype) for name, own in values.items()]
    records = np.empty(len(rows), dtype=types)
    for name, own in values.items():
        records[name] = own
    return records


def seen(name: str, model: gn.Model, x: Any, y: np.ndarray, folder: Path) -> Any:
    """What one of the ways to look at a model gives, in numbers or text that can be compared."""
    match name:
        case "predict":
            return model.predict(x)
        case "evaluate":
            return sorted(model.evaluate(x, y).items())
        case "trace":
            found = gn.trace(model, x, y)
            return [found.loss, *(array.tobytes() for call in found.calls for array in call.outputs.values())]
        case "page of a step":
            gn.trace(model, x, y).to_html(folder / "step.html")
            page = (folder / "step.html").read_text(encoding="utf-8")
            found = re.search(r'(?<=id="content">).*?(?=</script>)', page, re.S)
            assert found is not None
            content = json.loads(found[0])
            for began in content["beginnings"].values():
                for own in began:
                    own[2] = "as it came"  # such as 39 or 39.0
            return [page.replace(found[0], ""), json.dumps(content)]
        case "diagnose":
            return str(gn.diagnose(model, x, y))
        case "importance":
            return [(own.column, own.change) for own in gn.permutation_importance(model, x, y)]
        case "report":
            with pytest.MonkeyPatch.context() as patch:  # all that the page says; pictures are drawn below
                patch.setattr("glassnet.reports.pictures.find_spec", lambda _: None)
                gn.report(model, x, y, folder / "page.html", training_targets=y)
            return (folder / "page.html").read_text(encoding="utf-8")
        case "pictures":
            for draw in (gn.plots.plot_roc, gn.plots.plot_calibration, gn.plots.plot_confusion_matrix):
                draw(model, x, y, path=folder / f"{draw.__name__}.svg")
            return None
        case "rows":
            return model.rows(x, y).x.tolist()
        case "learning rates":
            return gn.learning_rate_range(model, x, y, steps=10).losses.tolist()
        case "training":
            fresh = gn.Model(deepcopy(model.network), model.loss, gn.Adam(0.01))
            fresh.preprocessing = model.preprocessing
            fresh.fit(x, y, epochs=2, validation_split=0.2, callbacks=[gn.Watch()], verbose=False)
            return fresh.network.parameters.tolist()
    raise ValueError(name)


WAYS = (
    "predict",
    "evaluate",
    "trace",
    "page of a step",
    "diagnose",
    "importance",
    "report",
    "pictures",
    "rows",
    "learning rates",
    "training",
)
SLOW = ("page of a step", "report", "pictures")
"""These write pages and pictures."""


@pytest.mark.parametrize("way", WAYS)
def test_it_makes_no_difference_in_what_a_table_comes(
    way: str, file: Path, frame: Any, model: gn.Model, tmp_path: Path
) -> None:
    table = model.preprocessing
    assert isinstance(table, gn.Table)
    y = table.targets(frame)
    first = seen(way, model, frame, y, tmp_path)
    for form in ("new file", "pandas texts", "polars") if way in SLOW else FORMS:
        x = as_form(form, file, model)
        np.testing.assert_array_equal(table.targets(x), y)
        again = seen(way, model, x, y, tmp_path)
        np.testing.assert_array_equal(np.asarray(again, dtype=object), np.asarray(first, dtype=object), form)


@pytest.mark.parametrize("form", ["frame", "mapping", "swapped", "pandas", "array"])
def test_the_boundary_of_a_table_is_drawn_by_its_columns(form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide, high, note = rng.uniform(0, 1, 60), rng.uniform(50, 90, 60), ["same"] * 60
    data = {"wide": wide, "note": note, "high": high, "answer": np.where(wide + high / 100 > 1.2, "yes", "no")}
    table = gn.Table.from_data(data, "answer", ignore="note" if form != "array" else ())
    model = gn.Model(gn.Sequential(gn.Dense(4), "tanh", gn.Dense(2)), table.loss, gn.Adam(0.05))
    model.preprocessing = table
    y = table.targets(data)
    model.fit(data, y, epochs=3, verbose=False)
    path = tmp_path / "table.csv"
    path.write_text(
        "high,wide\n" + "".join(f"{b!r},{a!r}\n" for a, b in zip(wide.tolist(), high.tolist(), strict=True))
    )
    swapped = {"high": high, "wide": wide}
    x: Any = {
        "frame": gn.data.read_table(path),
        "mapping": data,
        "swapped": swapped,
        "pandas": pytest.importorskip("pandas").DataFrame(swapped),
        "array": np.array([wide, np.zeros(60), high]).T,
    }[form]
    axes = gn.plots.plot_decision_boundary(model, x, y, points=5).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("wide", "high")
    dots = np.concatenate([np.asarray(own.get_offsets()) for own in axes.collections])
    np.testing.assert_allclose(sorted(dots.tolist()), sorted(zip(wide.tolist(), high.tolist(), strict=True)))


def test_a_boundary_of_other_columns_is_refused(file: Path, frame: Any, model: gn.Model) -> None:
    with pytest.raises(gn.ShapeError, match=r"Ort \(words\)"):
        gn.plots.plot_decision_boundary(model, frame)


def test_like_takes_a_table_and_nothing_beside_it(file: Path, model: gn.Model, tmp_path: Path) -> None:
    with pytest.raises(gn.ConfigurationError, match="beside like"):
        gn.data.read_table(file, "neu", like=model.preprocessing)
    with pytest.raises(gn.ConfigurationError, match="like=Standardize"):
        gn.data.read_table(file, like=gn.Standardize(0.0, 1.0))
    path = tmp_path / "new.csv"
    for header, row, message in (
        ("Länge;gebaut;Stunden", "1,5;1.2.2021;3", "without the column 'Ort'"),
        ("Länge;Ort;gebaut;Stunden", "lang;Ulm;1.2.2021;3", "'lang' in line 2 of new.csv"),
        ("Länge;Ort;gebaut;Stunden", "1,5;Ulm;2021-13-01;3", "'2021-13-01' in line 2 of new.csv"),
    ):
        path.write_text(f"{header}\n{row}\n", encoding="utf-8")
        with pytest.raises(gn.DataError, match=message):
            gn.data.read_table(path, like=model.preprocessing)


def test_a_new_file_may_differ_in_all_but_its_columns(file: Path, frame: Any, model: gn.Model, tmp_path: Path) -> None:
    lines = [line.split(";") for line in TEXT.splitlines()]
    path = tmp_path / "new.tsv"
    order = [3, 1, 0, 2]
    text = "\n".join("\t".join([*(line[k] for k in order), "more"]) for line in lines)
    path.write_text(text.replace("more", "extra", 1), encoding="utf-16")
    new = gn.data.read_table(path, like=model.preprocessing)
    assert set(new) == {"Länge", "Ort", "gebaut", "Stunden"}
    np.testing.assert_array_equal(model.predict(new), model.predict(frame))
