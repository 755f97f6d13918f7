"""The page about a trained model: its numbers are the model's, and nothing from data is ever run."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.plots.figures import readable
from glassnet.reports.results import AMOUNTS, CLASSES, OTHER, results_of

ELEMENTS = """
html head meta title style body section h1 h2 h3 p div span strong figure figcaption img table thead tbody tr th td i
pre code br
"""
HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, the text, cards."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"

    def pictures(self) -> list[str]:
        """The SVG of each picture."""
        sources = [attributes["src"] for tag, attributes in self.tags if tag == "img"]
        assert all(source is not None and source.startswith("data:image/svg+xml;base64,") for source in sources)
        return [b64decode(str(source).split(",")[1]).decode() for source in sources]

    def headlines(self) -> list[str]:
        return re.findall("<h2>(.*?)</h2>", self.source)

    def feed(self, data: str) -> None:
        self.source = data
        super().feed(data)


def table(names: tuple[str, str] = ("age", "job"), classes: tuple[str, str] = ("no", "yes")) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    age, job = rng.normal(40, 10, 400), rng.choice(["clerk", HOSTILE], 400)
    answer = np.where(age + 8 * (job == HOSTILE) + rng.normal(0, 3, 400) > 45, classes[1], classes[0])
    return {names[0]: age, names[1]: job, "target": answer, "amount": 5 * age}


def part(data: dict[str, Any], rows: slice) -> dict[str, Any]:
    return {name: values[rows] for name, values in data.items()}


def trained(data: dict[str, Any], target: str = "target") -> tuple[gn.Model, gn.History, gn.Table]:
    own = gn.Table.from_data(part(data, slice(300)), target=target, ignore=({"target", "amount"} - {target}).copy())
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(own.outputs)), own.loss, gn.Adam(0.03))
    model.preprocessing, model.class_names, model.target_name = own, own.class_names, target
    held = part(data, slice(300, None))
    validation = held, own.targets(held)
    if own.class_names is None:
        model.target_scaling = gn.Standardize.from_data(own.targets(data))
    training = part(data, slice(300))
    history = model.fit(training, own.targets(training), epochs=15, validation_data=validation, verbose=False)
    return model, history, own


def test_the_numbers_are_those_of_evaluate(tmp_path: Path) -> None:
    data = table()
    model, history, own = trained(data)
    held = part(data, slice(300, None))
    training = own.targets(part(data, slice(300)))
    labels = own.targets(held)
    file = gn.report(
        model, held, labels, tmp_path / "r.html", name="people", history=history, training_targets=training
    )
    page = Page(file)
    model.metrics = gn.metrics.as_metrics(["accuracy", "roc_auc", "f1", "log_loss"])
    measured = model.evaluate(held, labels)
    cards = re.findall(r"<strong>(.*?)</strong>", page.source)
    assert cards == [readable(measured[name]) for name in ("accuracy", "roc_auc", "f1", "log_loss")]
    majority = np.argmax(np.bincount(training))
    assert f"always “{own.class_names[majority]}”: {readable(float((labels == majority).mean()))}" in page.text
    shares = np.bincount(training) / len(training)
    assert f"always the classes’ shares: {readable(float(-np.log(shares[labels]).mean()))}" in page.text
    assert "people: target" in page.text
    assert page.headlines() == [
        "Learning curves",
        "Where it errs",
        "From which probability on",
        "Where it is worse",
        "What its answers depend on",
        "How answers change with a column",
        "What moved single answers",
        "Are these rows like those of the training?",
        "The data",
        "The model",
        "Use it",
    ]
    assert len(page.pictures()) == 7
    assert all(attributes["alt"] for tag, attributes in page.tags if tag == "img")
    assert "300 rows to train with; 100 rows were held out" in page.text
    assert "2 categories" in page.text


def test_amounts(tmp_path: Path) -> None:
    data = table()
    model, history, own = trained(data, "amount")
    held = part(data, slice(300, None))
    training, amounts = own.targets(part(data, slice(300))), own.targets(held)
    page = Page(gn.report(model, held, amounts, tmp_path / "r.html", history=history, training_targets=training))
    model.metrics = gn.metrics.as_metrics(["mean_absolute_error", "root_mean_squared_error", "r2"])
    measured = model.evaluate(held, amounts)
    cards = re.findall(r"<strong>(.*?)</strong>", page.source)
    assert cards == [readable(measured[name]) for name in ("mean_absolute_error", "root_mean_squared_error", "r2")]
    assert f"always the mean: {readable(float(np.abs(amounts - training.mean()).mean()))}" in page.text
    assert "How far it is off" in page.headlines()
    rows = re.findall(r"<tr><td>(age|job)</td>", page.source)
    assert rows[0] == "age"  # the only column that the amount depends on comes first


@pytest.mark.parametrize("name", [HOSTILE, "a $\\frac$ b", "职业", '" onmouseover="alert(1)'])
def test_nothing_from_data_becomes_an_element(name: str, tmp_path: Path) -> None:
    data = table(("age", name), ("no", name))
    model, history, own = trained(data)
    held = part(data, slice(300, None))
    page = Page(gn.report(model, held, own.targets(held), tmp_path / "r.html", name=name, history=history))
    assert {tag for tag, _ in page.tags} <= set(ELEMENTS.split())
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert name in page.text
    for svg in page.pictures():
        assert "<img" not in svg
        assert "<script" not in svg


def test_images_show_the_surest_mistakes(tmp_path: Path) -> None:
    digits = gn.data.digits()
    model = gn.Model(gn.Sequential(gn.Dense(10)), "cross_entropy", gn.Adam(0.01))
    history = model.fit(digits.x[:600] / 16, digits.y[:600], epochs=2, verbose=False)
    held = digits.x[600:800] / 16, digits.y[600:800]
    page = Page(gn.report(model, *held, tmp_path / "r.html", history=history, image_shape=(1, 8, 8)))
    assert "Its surest mistakes" in page.headlines()
    assert "What its answers depend on" not in page.headlines()
    without = Page(gn.report(model, *held, tmp_path / "s.html"))
    assert {"Its surest mistakes", "Learning curves"}.isdisjoint(without.headlines())
    with pytest.raises(gn.ShapeError, match="image_shape"):
        gn.report(model, *held, tmp_path / "t.html", image_shape=(1, 5, 5))


def test_without_matplotlib_it_says_how_to_get_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda name: None)
    model, history, own = trained(table())
    held = part(table(), slice(300, None))
    page = Page(gn.report(model, held, own.targets(held), tmp_path / "r.html", history=history))
    assert 'pip install "glassnet[plots]"' in page.text
    assert page.pictures() == []
    assert "Most frequent mistakes" not in page.text
    assert "The model" in page.headlines()


def plain_model(loss: str, outputs: int, dtype: str = "float64") -> tuple[gn.Model, np.ndarray]:
    net = gn.Sequential(gn.Dense(outputs))
    net.build((3,), seed=1, dtype=dtype)
    return gn.Model(net, loss, "sgd", dtype=dtype), np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize(
    ("loss", "outputs", "kind"),
    [
        ("cross_entropy", 4, CLASSES),
        ("binary_cross_entropy", 1, CLASSES),
        ("hinge", 3, CLASSES),
        ("hinge", 1, CLASSES),
        ("binary_cross_entropy", 3, OTHER),
        ("mean_squared_error", 2, AMOUNTS),
        ("huber", 7, AMOUNTS),
    ],
)
def test_every_loss_has_a_page(loss: str, outputs: int, kind: str, tmp_path: Path) -> None:
    model, x = plain_model(loss, outputs)
    rng = np.random.default_rng(1)
    y: Any = rng.integers(0, max(2, outputs), len(x)) if kind == CLASSES else rng.normal(size=(len(x), outputs))
    y = y[:, None] if kind == CLASSES and outputs == 1 else y
    y = (y > 0).astype(int) if kind == OTHER else y
    results = results_of(model, x, y, None)
    assert results.kind == kind
    page = Page(gn.report(model, x, y, tmp_path / "r.html"))
    assert "The model" in page.headlines()
    assert len(re.findall("<strong>", page.source)) == len(results.measures) >= 1


def test_the_obvious_answer_is_the_most_frequent_class_of_the_training() -> None:
    model, x = plain_model("binary_cross_entropy", 1)
    y = np.repeat([[0], [1]], 20, axis=0)
    results = results_of(model, x, y, np.array([1, 1, 1, 0]))
    assert results.most_frequent == "1"
    assert results.measure("accuracy").baseline == pytest.approx(0.5)
    assert results.measure("f1").baseline == pytest.approx(2 / 3)
    assert results.measure("roc_auc").baseline == pytest.approx(0.5)
    assert results.measure("log_loss").baseline == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)


def test_shares_of_classes_are_no_single_answer(tmp_path: Path) -> None:
    model, x = plain_model("cross_entropy", 3)
    shares = np.full((len(x), 3), 1 / 3)
    assert results_of(model, x, shares, None).kind == OTHER
    assert "The model" in Page(gn.report(model, x, shares, tmp_path / "r.html")).headlines()


def test_what_cannot_be_reported(tmp_path: Path) -> None:
    model, x = plain_model("cross_entropy", 3)
    with pytest.raises(gn.ConfigurationError, match="mkdir -p"):
        gn.report(model, x, np.zeros(40, int), tmp_path / "no" / "r.html")
    with pytest.raises(gn.DataError, match="labels from 0 to 7"):
        gn.report(model, x, np.full(40, 7) * (x[:, 0] > 0), tmp_path / "r.html")
    with pytest.raises(gn.NotBuiltError):
        gn.report(gn.Model(gn.Sequential(gn.Dense(3)), "cross_entropy", "sgd"), x, np.zeros(40), tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_the_code_on_the_page_of_a_table_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    days = [f"{i % 28 + 1}.{i % 12 + 1}.2024" for i in range(200)]
    data = {"day": days, "size": [f"{i * 7 % 50},5" for i in range(200)], "kind": ["big", "small"] * 100}
    own = gn.Table.from_data(data, "kind")
    model = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(2)), own.loss, gn.Adam(0.03))
    model.preprocessing, model.class_names, model.target_name = own, own.class_names, "kind"
    model.fit(data, own.targets(data), epochs=2, verbose=False)
    model.save("kinds.safetensors")
    page = Page(gn.report(model, data, own.targets(data), "r.html", model_file=Path("kinds.safetensors")))
    assert "read as DD.MM.YYYY" in page.text
    assert "decimal comma" in page.text
    code = re.findall(r"(import glassnet as gn\n.*?)\n\n\n", page.text + "\n\n\n", re.DOTALL)[-1]
    Path("new.csv").write_text("kind;size;day\n" + ";".join(["big", "7,5", "1.12.2024"]) + "\n;3;24.12.2024\n")
    exec(compile(code, "page", "exec"), {})
    new = {"day": ["1.12.2024", "24.12.2024"], "size": ["7,5", "3"]}
    assert capsys.readouterr().out.strip() == str(model.predict_classes(new))
