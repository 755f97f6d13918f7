"""Pages about tables of all kinds, in both languages, with and without the right answers; without pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.reports.page_words import TEXTS
from glassnet.reports.section_words import SECTIONS

HOSTILE = "</script><img src=x onerror=alert(1)>"
TARGETS = {"buys", "level", "spent", "saved"}


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda name: None)


def people(count: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age, job = rng.normal(40 + shift, 9, count), rng.choice(["clerk", HOSTILE, "nurse"], count)
    above = age + 9 * (job == HOSTILE) + rng.normal(0, 3, count)
    return {
        "age": age,
        "job": job,
        "buys": np.where(above > 46, "yes", "no"),
        "level": np.digitize(above, [38, 46]).astype(str),
        "spent": above * 10,
        "saved": -above + rng.normal(size=count),
    }


def trained(target: Any, *, members: int = 1, **how: Any) -> Any:
    data = people(300, 0)
    names = [target] if isinstance(target, str) else list(target)
    table = gn.Table.from_data(data, target, ignore=sorted(TARGETS - set(names)), **how)

    def build(seed: int) -> gn.Model:
        network = gn.Sequential(*table.input_layers(), gn.Dense(8), "tanh", gn.Dense(table.outputs))
        model = gn.Model(network, table.loss, gn.Adam(0.02), seed=seed)
        model.preprocessing, model.class_names = table, table.class_names
        model.target_name = target if isinstance(target, str) else None
        if not table.questions:
            model.target_scaling = gn.TargetScaling.from_data(table.targets(data))
        return model

    model: Any = gn.Ensemble(build, members=members) if members > 1 else build(0)
    model.fit(data, table.targets(data), epochs=10, verbose=False)
    return model, table


def text_of(page: Path) -> str:
    source = page.read_text(encoding="utf-8")
    assert "<img" not in source
    assert "<script" not in source
    return source


def test_every_text_has_both_languages_with_the_same_parts() -> None:
    for key, (english, chinese) in (TEXTS | SECTIONS).items():
        parts = [set(re.findall(r"{(\w+)}", text)) for text in (english, chinese)]
        assert parts[0] == parts[1], key


@pytest.mark.parametrize(
    ("target", "how", "language"),
    [
        ("buys", {}, "zh"),
        ("buys", {"members": 2}, "en"),
        ("level", {"embeddings": ["job"]}, "zh"),
        ("spent", {}, "zh"),
        (("buys", "level"), {}, "zh"),
        (("spent", "saved"), {}, "en"),
    ],
    ids=str,
)
def test_pages_of_all_kinds(target: Any, how: dict[str, Any], language: str, tmp_path: Path) -> None:
    model, table = trained(target, **how)
    held = people(80, 1)
    costs = {"costs": (1, 5)} if "buys" in np.ravel(target) else {}
    file = gn.report(model, held, table.targets(held), tmp_path / "r.html", language=language, **costs)
    source = text_of(file)
    assert f'<html lang="{language}">' in source
    heads = re.findall("<h2>(.*?)</h2>", source)
    keys = ["importance", "dependence", "explanations", "drift", "data"]
    place = 1 if language == "zh" else 0
    assert {(TEXTS | SECTIONS)[key][place] for key in keys} <= set(heads)
    assert (SECTIONS["thresholds"][place] in heads) == ("buys" in np.ravel(target))
    if language == "zh":  # no English is left but for names, code and what the library calls its own parts
        assert not re.search(
            r"\b(rows|the|column)\b", re.sub(r"<pre>.*?</pre>|<style>.*?</style>", "", source, flags=re.S)
        )
    if not isinstance(target, str):
        assert TEXTS["questions"][place] in source
        assert all(name in source for name in target)


def test_the_numbers_of_several_questions_are_their_own(tmp_path: Path) -> None:
    model, table = trained(("buys", "level"))
    held = people(80, 1)
    labels = table.targets(held)
    source = text_of(gn.report(model, held, labels, tmp_path / "r.html"))
    for place, name in enumerate(("buys", "level")):
        share = float((model.predict_classes(held)[:, place] == labels[:, place]).mean())
        assert re.search(rf'<td>{name}</td><td>Accuracy</td><td class="number">{share:.4f}</td>', source)


def test_an_interval_holds_its_figure(tmp_path: Path) -> None:
    model, table = trained("spent")
    held = people(80, 1)
    source = text_of(gn.report(model, held, table.targets(held), tmp_path / "r.html"))
    cards = re.findall(r"<strong>([\d.]+)</strong><span>95 %: ([\d.]+) to ([\d.]+)</span>", source)
    assert len(cards) == 3
    assert all(float(low) < float(value) < float(high) for value, low, high in cards)


def test_effects_on_the_page_add_up(tmp_path: Path) -> None:
    model, table = trained("spent")
    held = people(80, 1)
    source = text_of(gn.report(model, held, table.targets(held), tmp_path / "r.html"))
    cards = re.findall(r'<div class="effects">.*?</table>', source, re.S)
    assert len(cards) == 3
    for card in cards:
        numbers = [float(own.replace("−", "-").replace(",", "")) for own in re.findall('number">([^<]+)</td>', card)]
        *effects, answer = numbers
        assert sum(effects) == pytest.approx(answer, rel=0.01)


@pytest.mark.parametrize("target", ["buys", "spent", ("buys", "level")], ids=str)
def test_rows_without_answers(target: Any, tmp_path: Path) -> None:
    model, _ = trained(target)
    new = {name: values for name, values in people(80, 1, shift=12).items() if name not in TARGETS}
    new["job"] = np.where(new["job"] == "nurse", "pilot", new["job"])
    with pytest.warns(gn.DataWarning, match="pilot"):
        source = text_of(gn.report(model, new, None, tmp_path / "r.html"))
    assert SECTIONS["without_answers"][0] in source
    assert re.search(r"<td>age</td><td>strong</td>", source)
    assert "new: pilot" in source
    assert SECTIONS["predictions"][0] in source


def test_a_table_model_and_a_file_without_profiles(tmp_path: Path) -> None:
    model, table = trained("buys")
    for column in table.columns:
        column.profile = None
    table.target.profiles = {}
    held = people(80, 1)
    source = text_of(gn.report(model, held, table.targets(held), tmp_path / "r.html"))
    assert "does not say how the training" in source
    learner = gn.TableModel(epochs=2, ignore=sorted(TARGETS - {"buys"}))
    learner.fit(people(200, 0), "buys", verbose=False)
    frame = people(60, 1)
    source = text_of(gn.report(learner, frame, learner.table.targets(frame), tmp_path / "s.html"))
    assert SECTIONS["drift_none"][0].partition("{")[0] in source
    assert gn.explain(learner, frame, 3).kind == "log-odds"


def test_what_is_refused(tmp_path: Path) -> None:
    model, table = trained("buys")
    held = people(80, 1)
    with pytest.raises(gn.ConfigurationError, match="one of 'en', 'zh'"):
        gn.report(model, held, table.targets(held), tmp_path / "r.html", language="de")
    plain = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "sgd")
    plain.network.build((3,))
    with pytest.raises(gn.ConfigurationError, match="no tables"):
        gn.report(plain, np.zeros((4, 3)), None, tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_costs_of_what_is_not_two_classes(tmp_path: Path) -> None:
    model, table = trained("saved")
    held = people(80, 1)
    with pytest.raises(gn.ConfigurationError, match="for answers that are no probabilities of two classes"):
        gn.report(model, held, table.targets(held), tmp_path / "r.html", costs=(1, 5))
    assert list(tmp_path.iterdir()) == []


def test_a_training_tells_its_page_costs_and_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {name: values for name, values in people(120, 0).items() if name in ("age", "buys", "saved")}
    file, output = written(tmp_path / "t.csv", data), str(tmp_path / "m.safetensors")
    command = ["train", file, "--target", "buys", "--epochs", "1", "--output", output, "--quiet"]
    assert main([*command, "--costs", "1:5", "--language", "zh"]) == 0
    assert "漏报的代价是 5" in (tmp_path / "m.html").read_text()
    capsys.readouterr()
    for further, received in [
        (["--costs", "5"], "--costs: received '5'"),
        (["--costs", "1:5", "--no-report"], "received --costs, but no page is to be written"),
        (["--language", "zh", "--no-report"], "received --language, but no page is to be written"),
    ]:
        assert main([*command, *further]) == 2
        assert received in capsys.readouterr().err
    amounts = ["train", file, "--target", "saved", "--output", output, "--costs", "1:5"]
    assert main(amounts) == 2
    assert "train --costs: received amounts to learn" in capsys.readouterr().err
    assert main(["train", "digits", "--costs", "1:5", "--output", output]) == 2
    assert "received --costs for data that are no table" in capsys.readouterr().err


def written(path: Path, data: dict[str, Any]) -> str:
    lines = [",".join(data), *(",".join(map(str, row)) for row in zip(*data.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {name: values for name, values in people(300, 0).items() if name in ("age", "buys", "saved")}
    model, file = str(tmp_path / "m.safetensors"), written(tmp_path / "t.csv", data)
    assert main(["train", file, "--target", "buys", "--epochs", "2", "--output", model, "--no-report"]) == 0
    new = {name: values[:60] for name, values in people(60, 1, shift=9).items() if name in data}
    capsys.readouterr()
    assert main(["report", model, written(tmp_path / "new.csv", new), "--costs", "1:5", "--language", "zh"]) == 0
    page = tmp_path / "m-new.html"
    assert capsys.readouterr().out.startswith(f"new: 60 rows\nreport saved to {page}")
    assert "漏报的代价是 5" in page.read_text()
    bare = written(tmp_path / "bare.csv", {name: values for name, values in new.items() if name != "buys"})
    assert main(["report", model, bare, "--output", str(page)]) == 0
    assert "60 rows, without the answers" in capsys.readouterr().out
    assert SECTIONS["without_answers"][0] in page.read_text()
    for wrong in ("1", "a:b", "1:-2", "0:0", "1:5"):
        assert main(["report", model, bare, "--output", str(page), "--costs", wrong]) == 2
    assert "received costs (1, 5) for rows without their answers" in capsys.readouterr().err
    assert main(["report", model, bare, "--output", bare]) == 2
