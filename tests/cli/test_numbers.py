"""Numbers on the command line: each option refuses what it cannot take, in the words of all other errors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

import glassnet as gn
from glassnet.cli.main import build_parser, main
from glassnet.cli.numbers import Amount, Whole

NEVER = ["", " ", "nan", "inf", "1e999", "-1e308", "x", "1_000", "٣", "0x10", "1,5", "--", "9" * 5000, "-99999999999",
         "1 2", "True", "None", "1e-400000000"]  # fmt: skip
"""What no option takes."""
ODD = ["-1", "0", "1", "0.5", "1e308", "99999999999", "1e-320", "9" * 19]
"""What some take."""


def numbers() -> Iterator[tuple[str, argparse.Action]]:
    """Each command with each of its options that takes a number."""
    (commands,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        for action in parser._actions:
            assert action.type not in (int, float), (
                f"{name} {action.dest}: say what numbers it takes, as in cli.numbers"
            )
            if isinstance(action.type, Whole | Amount):
                yield name, action


def name_of(action: argparse.Action) -> str:
    return [str(action.metavar), *action.option_strings][-1]


@pytest.mark.parametrize(
    ("command", "action"), [pytest.param(*own, id=f"{own[0]} {name_of(own[1])}") for own in numbers()]
)
def test_numbers_that_an_option_cannot_take(
    command: str, action: argparse.Action, capsys: pytest.CaptureFixture[str]
) -> None:
    name, files = name_of(action), ["a", "b"][: 1 if command not in ("evaluate", "predict", "report", "trace") else 2]
    assert isinstance(action.type, Whole | Amount)
    for text in (*NEVER, *ODD):
        if text == "--" and action.nargs == "*":
            continue  # none, of any number of them
        written = [command, *files, f"{name}={text}"] if action.option_strings else [command, "--", text]
        try:
            value = action.type(text)
        except ValueError:
            assert main(written) == 2
            said = capsys.readouterr().err
            assert said.startswith(f"glassnet: {command}: received {name}="), said
            assert str(action.type) in said
            assert len(said) < 300
        else:
            assert text in ODD
            found = getattr(build_parser().parse_args(written), action.dest)
            assert found in (value, [value])


@pytest.mark.parametrize(
    "options",
    [
        "--seed 9223372036854775807 --threads 1024 --dropout 0.999",
        "--learning-rate 1e38 --optimizer sgd",
        "--learning-rate 1e-320",
        "--l2 1e38",
        "--l2 1e-320",
        "--batch-size 2147483647 --patience 2147483647",
        "--test-share 1e-300",
        "--test-share 0.9999999",
        "--hidden 65536 65536 65536",
        "--hidden 1 1 1",
        "--subset 99999999999,5",
        "--subset=-1,5",
        "--subset 5",
        "--resize 0x5",
        "--resize 99999999999",
    ],
)
def test_the_ends_of_each_range_work_or_are_refused(
    options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(40)))
    common = ["train", "t.csv", "--target", "y", "--epochs", "1", "--no-report", "--quiet"]
    status = main([*common, *options.split()])
    said = capsys.readouterr().err
    assert status in (0, 2)
    assert said.startswith("glassnet: ") == (status == 2)


def test_threads_of_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("-1", "0", "99999999999", "1e308", "nan", "9" * 5000):
        monkeypatch.setenv("GLASSNET_NUM_THREADS", text)
        assert main(["train", "digits", "--subset", "40,20", "--epochs", "1", "--no-report", "--quiet"]) == 2
        assert capsys.readouterr().err.startswith("glassnet: environment variable GLASSNET_NUM_THREADS: received")


def test_numbers_below_0_are_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("-1", "-1e5", "-.5", "-1,5", "-inf", "-nan"):
        assert main(["train", "digits", "--l2", text]) == 2
        assert capsys.readouterr().err.startswith(f"glassnet: train: received --l2={text}, expected a number from 0 ")


def test_stretches_of_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = gn.Model(gn.Dense(10), "cross_entropy", "sgd")
    model.network.build(64)
    model.save(tmp_path / "m.safetensors")
    for text in ("-1:4", "4:2", "1", ":", "0:", "0:1797000", "9" * 5000 + ":5", "0:" + "9" * 5000, "a:b", "0:1:2", ""):
        assert main(["trace", str(tmp_path / "m.safetensors"), "digits", "--rows", text]) == 2
        said = capsys.readouterr().err
        assert said.startswith("glassnet: --rows: received")
        assert len(said) < 300


def test_two_dashes_are_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--output", "--target", "--resize", "--optimizer"):
        assert main(["train", "digits", f"{option}=--"]) == 2
        assert capsys.readouterr().err.startswith(f"glassnet: train: received {option}=--, expected")
