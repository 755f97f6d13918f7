"""``glassnet train`` on tables: test rows choose nothing, groups and times, presets, folds, baselines, what is odd."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.cli.tabular import refuse_apart
from glassnet.data.tables import read_table
from glassnet.tabular.recipes import BEST, QUICK

N = 60
SHORT = "--epochs 2 --hidden 4 --no-report"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    a, b, person = rng.normal(size=N).round(4), rng.normal(size=N).round(4), rng.integers(0, 12, N)
    days = np.datetime64("2024-01-01") + rng.permutation(N) // 2
    rows = zip(a, b, person, days, np.where(a + b > 0, "yes", "no"), np.exp(a).round(4), strict=True)
    write("t.csv", "a,b,person,day,buys,spent", rows)
    return tmp_path


def write(name: str, header: str, rows: Any) -> None:
    Path(name).write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def run(line: str) -> int:
    return main(shlex.split(line))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each call of ``fit`` was given."""
    calls: list[dict[str, Any]] = []
    fit = gn.Model.fit

    def noted(model: gn.Model, *x: Any, **how: Any) -> gn.History:
        calls.append({"x": how.get("x", x[0] if x else None), **how})
        return fit(model, *x, **how)

    monkeypatch.setattr(gn.Model, "fit", noted)
    return calls


def values(frame: Any, column: str) -> list[Any]:
    found: list[Any] = frame[column].values.tolist()
    return found


def test_the_test_rows_choose_nothing(seen: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"train t.csv --target buys --ignore spent {SHORT}") == 0
    said = capsys.readouterr().out
    (call,) = seen
    parts = [values(frame, "a") for frame in (call["x"], call["validation_data"][0])]
    assert [len(part) for part in parts] == [36, 9]
    assert len({*parts[0], *parts[1]}) == 45  # and 15 that no training has seen
    assert "45 rows to train, 15 to test" in said
    assert (
        "quick: a linear model, and beside it 4 selu, adam, batches of 128; 9 of the rows to train are set aside and "
        "choose the best of at most 2 epochs" in said
    )
    assert "kept: epoch " in said
    model = gn.load("t.safetensors")
    table = read_table("t.csv", "buys")
    rest = ~np.isin(table["a"].values, [*parts[0], *parts[1]])
    measured = model.evaluate(table.rows(rest), model.preprocessing.targets(table.rows(rest)))
    assert f"test log loss: {measured['log_loss']:.4f}" in said


def test_the_best_epoch_is_kept(seen: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    line = "train t.csv --target buys --ignore spent --no-report --epochs 12 --learning-rate 0.5 --schedule constant"
    assert run(line) == 0
    (call,) = seen
    model = gn.load("t.safetensors")
    best = int(np.argmin(model.latest_fit.history["val_loss"]))
    assert best < 11
    assert f"kept: epoch {best + 1}," in capsys.readouterr().out
    assert model.evaluate(*call["validation_data"])["loss"] == pytest.approx(
        model.latest_fit.history["val_loss"][best], rel=1e-5
    )
    losses = model.latest_fit.history["val_loss"]
    lowest = np.minimum.accumulate(losses)
    first = next(k for k in range(10) if lowest[k + 2] == losses[k])  # which two worse ones follow
    assert run(f"{line} --patience 2") == 0
    assert f"stopped after epoch {first + 3}: val_loss was best in epoch {first + 1}" in capsys.readouterr().out


def test_groups_stay_together_and_are_no_input(seen: list[dict[str, Any]]) -> None:
    assert run(f"train t.csv --target buys --group person {SHORT} --cross-validate 3") == 0
    table = read_table("t.csv", "buys")
    people = dict(zip(values(table, "a"), values(table, "person"), strict=True))
    *folds, last = seen
    assert len(folds) == 3
    for call in seen:
        parts = [{people[a] for a in values(frame, "a")} for frame in (call["x"], call["validation_data"][0])]
        assert not parts[0] & parts[1]
    trained = {people[a] for frame in (last["x"], last["validation_data"][0]) for a in values(frame, "a")}
    tested = [person for a, person in people.items() if person not in trained]
    assert len(tested) == N - len(values(last["x"], "a")) - len(values(last["validation_data"][0], "a"))
    assert "person" not in [column.name for column in gn.load("t.safetensors").preprocessing.columns]


@pytest.mark.parametrize("ignored", ["", "--ignore day"])
def test_later_rows_are_the_test(seen: list[dict[str, Any]], ignored: str) -> None:
    assert run(f"train t.csv --target buys --time day {ignored} {SHORT}") == 0
    (call,) = seen
    training, validation = values(call["x"], "day"), values(call["validation_data"][0], "day")
    everything = sorted(values(read_table("t.csv", "buys"), "day"))
    assert max(training) < min(validation)
    assert sorted(training + validation) == [day for day in everything if day <= max(validation)]
    names = [column.name for column in gn.load("t.safetensors").preprocessing.columns]
    assert ("day" in names) == (not ignored)


def test_cross_validation(capsys: pytest.CaptureFixture[str], seen: list[dict[str, Any]]) -> None:
    assert run(f"train t.csv --target spent --ignore buys --time day --cross-validate 3 {SHORT}") == 0
    said = capsys.readouterr().out.splitlines()
    start = next(place for place, line in enumerate(said) if line.startswith("cross-validation: 3 folds of the"))
    assert "each by a model of the rows before it" in said[start]
    lines = [line.split() for line in said[start + 1 : start + 5]]
    assert [line[-2] for line in lines] == ["±"] * 4
    assert lines[-1][0] == "r2"
    *folds, last = seen
    latest = max(values(last["validation_data"][0], "day"))
    assert all(max(values(call["validation_data"][0], "day")) < latest for call in folds)


def test_presets_and_members(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train t.csv --target buys --ignore spent --preset best --members 2 --epochs 2 --report r.html") == 0
    said = capsys.readouterr().out
    assert "best: 2 networks, each a linear model, and beside it 128 + 128 selu" in said
    assert "2 such networks answer together; kept: epoch" in said
    found = gn.load("t.safetensors")
    assert isinstance(found, gn.Ensemble)
    assert len(found) == 2
    assert "Scale" in repr(found.members[0].network)
    assert Path("r.html").exists()
    loss = next(line for line in said.splitlines() if line.startswith("test log loss"))
    assert run("evaluate t.safetensors t.csv") == 0
    assert run("predict t.safetensors t.csv --probabilities --output answers.csv") == 0
    assert len(Path("answers.csv").read_text().splitlines()) == N + 1
    assert run(f"train t.csv --target spent --ignore buys --members 1 --log-target {SHORT} --force") == 0
    assert gn.load("t.safetensors").target_scaling.logarithm
    assert float(loss.split(": ")[1]) < 5


def test_rare_classes_weigh_as_much(seen: list[dict[str, Any]]) -> None:
    rng = np.random.default_rng(1)
    write("rare.csv", "a,b,y", [(*rng.normal(size=2).round(3), "rare" if k % 6 == 0 else "usual") for k in range(N)])
    assert (
        run(f"train rare.csv --target y --class-weight balanced --label-smoothing 0.1 --schedule cosine {SHORT}") == 0
    )
    (call,) = seen
    labels = np.array([str(own) for own in call["x"]["y"].values])
    sums = [call["sample_weight"][labels == name].sum() for name in ("rare", "usual")]
    assert sums[0] == pytest.approx(sums[1], rel=0.1)
    model = gn.load("rare.safetensors")
    assert model.loss.label_smoothing == 0.1
    assert "CosineDecay" in repr(model.optimizer)


def test_rows_without_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path("t.csv").read_text().splitlines()
    for place in (3, 17):
        lines[place] = lines[place].rsplit(",", 1)[0] + ","
    Path("gaps.csv").write_text("\n".join(lines))
    assert run(f"train gaps.csv --target spent --ignore buys {SHORT}") == 2
    refused = capsys.readouterr().err
    assert "no value in line 4 of gaps.csv and 1 more, of 60 rows" in refused
    assert "--drop-missing-targets" in refused
    assert run(f"train gaps.csv --target spent --ignore buys {SHORT} --drop-missing-targets") == 0
    both = capsys.readouterr()
    assert "2 of 60 rows have no answer and are left out, the first in line 4 of gaps.csv" in both.err
    assert "43 rows to train, 15 to test" in both.out or "44 rows to train, 14 to test" in both.out


def test_baselines_stand_beside_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 3)).round(3)
    write("line.csv", "a,b,c,y", [(*row, round(float(row @ [3.0, -2.0, 1.0]), 3)) for row in x])
    wild = "--epochs 1 --learning-rate 5 --schedule constant --no-report"
    assert run(f"train line.csv --target y {wild}") == 0
    said = capsys.readouterr().out
    table = [line.split() for line in said[said.index("on the test rows") :].splitlines()[:4]]
    network, linear, mean = ([float(own) for own in line[-3:]] for line in table[1:])
    assert said.count(f"test r2: {network[2]:.4f}") == 1
    assert linear[2] > 0.99 > 0.7 > network[2]
    assert mean[2] == pytest.approx(0, abs=0.05)
    assert "the network is worse than a linear model, in mean squared error by more than noise" in said
    assert run("train line.csv --target y --epochs 1 --no-report") == 0  # which begins as a linear model
    assert "is worse than" not in capsys.readouterr().out
    assert run("train line.csv --target y --epochs 1 --no-report --quiet") == 0
    assert "linear" not in capsys.readouterr().out


def test_baselines_of_several_questions(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(3).normal(size=(80, 2)).round(3)
    write(
        "two.csv", "a,b,first,second", [(a, b, "no" if a < b else "yes", "xyz"[int(a > 0) + int(b > 0)]) for a, b in x]
    )
    assert run(f"train two.csv --target first,second {SHORT}") == 0
    said = capsys.readouterr().out
    table = [line.split()[-3:] for line in said[said.index("on the test rows") :].splitlines()[1:4]]
    assert f"test accuracy: {table[0][0]}" in said
    assert float(table[1][0]) > 0.7 > float(table[2][0])


def test_what_is_odd_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    rows = [(k + 1, *rng.normal(size=2).round(3), 7, k % 2, ["no", "yes"][k % 2]) for k in range(N)]
    rows[31:41] = [(32 + k, *row[1:]) for k, row in enumerate(rows[1:11])]
    write("odd.csv", "nr,a,b,same,copy,y", rows)
    assert run(f"train odd.csv --target y {SHORT}") == 0
    said = capsys.readouterr().err
    for words in ("'same': always 7", "column 'nr' counts the rows (1 to 60)", "column 'copy' is 'y' in other words"):
        assert words in said
    assert run(f"train odd.csv --target y --ignore nr,same,copy {SHORT}") == 0
    said = capsys.readouterr().err
    assert "test rows stand among the rows to train with, too (line " in said
    assert said.count("glassnet:") == 1
    assert run(f"train t.csv --target buys --ignore spent,person {SHORT}") == 0
    assert capsys.readouterr().err == ""


def test_several_members_are_not_distributed() -> None:
    distributed = argparse.Namespace(distributed=True)
    for recipe, words in ((QUICK.but(members=2), "2 members"), (BEST.but(members=1), "a temperature")):
        with pytest.raises(gn.ConfigurationError, match=f"--distributed for a training with {words}"):
            refuse_apart(distributed, recipe)
        refuse_apart(argparse.Namespace(distributed=False), recipe)
    refuse_apart(distributed, QUICK)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--target buys --group persons", "did you mean 'person'"),
        ("--target buys --group buys", "'buys', which is to be predicted"),
        ("--target buys --group person --time day", "one of them"),
        ("--target buys --group person --subset 30,10", "--subset together with --group or --time"),
        ("--target person --time buys --regression", "words, such as"),
        ("--target buys --log-target", "--log-target for classes"),
        ("--target buys --regression", "leave --regression out, to tell classes apart"),
        ("--target a --log-target --ignore b", "expected amounts of 0 or more"),
        ("--target a --label-smoothing 0.1", "--label-smoothing for amounts"),
        ("--target a --class-weight balanced", "--class-weight for amounts"),
        ("--target buys --cross-validate 1", "cross-validate"),
        ("--target buys --cross-validate 50", "50 folds"),
        ("--target buys --network lenet5", "leave out --network lenet5"),
    ],
)
def test_what_does_not_go(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"train t.csv {line} --no-report") == 2
    assert words in capsys.readouterr().err
    assert not list(Path().glob("*.safetensors"))


@pytest.mark.parametrize(
    "option", ["--group a", "--drop-missing-targets", "--cross-validate 3", "--preset best", "--members 2", "--time a"]
)
def test_options_of_tables_alone(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"train digits --no-report --epochs 1 {option}") == 2
    said = capsys.readouterr().err
    assert option.split()[0] in said
    assert "for data that are no table" in said
    assert run(f"train t.csv t.csv --target buys --no-report --epochs 1 {option}") == 2
    assert "for data that are read block by block" in capsys.readouterr().err
