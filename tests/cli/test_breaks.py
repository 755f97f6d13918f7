"""A training on the command line that is asked to end, is killed or damaged, and goes on to the unbroken one's bits."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli import breaks, ending
from glassnet.cli.main import main
from glassnet.core.locks import PathLock

TABLE = {name: np.random.default_rng(1).normal(size=9) for name in "abc"}
MODEL, CHECKPOINT = "m.safetensors", "m.checkpoint.safetensors"
COMMAND = (
    *("train", "d.csv", "--target", "y", "--output", MODEL, "--no-report", "--epochs", "5", "--hidden", "6"),
    *("--dropout", "0.2", "--batch-size", "8", "--schedule", "constant"),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    write_table(107)  # 27 to test, 16 that choose the epoch, 64 in 8 batches
    return tmp_path


def write_table(rows: int, seed: int = 0) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a + b > c else 'no'}" for a, b, c in x]
    Path("d.csv").write_text("\n".join(["a,b,c,y", *lines, ""]))


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.name != "d.csv")


def bits(path: str = MODEL) -> tuple[bytes, str, list[float]]:
    model = gn.load(path)
    assert model.latest_fit is not None
    return model.network.parameters.tobytes(), model.fingerprint(), model.latest_fit.history["val_loss"]


@pytest.fixture
def unbroken(here: Path) -> tuple[bytes, str, list[float]]:
    assert main([*COMMAND, "--quiet"]) == 0
    assert names() == [MODEL]
    found = bits()
    Path(MODEL).unlink()
    return found


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], None]:
    """Does something in the middle of a training, after so many updates."""

    def arrange(step: int, act: Callable[[], Any]) -> None:
        class Acting(ending.Ending):
            every_steps = 1

            def between_steps(self, state: Any) -> None:
                super().between_steps(state)
                if state.step == step:
                    act()

        monkeypatch.setattr("glassnet.cli.train.Ending", Acting)

    return arrange


@pytest.mark.parametrize("engine", ["compiled", "numpy"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_training_ends_when_it_is_asked_to_and_goes_on(
    unbroken: Any, at_step: Any, capsys: pytest.CaptureFixture[str], name: str, engine: str
) -> None:
    number = signal.Signals[name]
    before = [signal.getsignal(own) for own in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    at_step(19, lambda: signal.raise_signal(number))
    assert main([*COMMAND, "--engine", engine]) == 128 + number
    assert [signal.getsignal(own) for own in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    # Ctrl-C is somebody who wants what there is by now; others want the place back.
    saved = MODEL if name == "SIGINT" else CHECKPOINT
    assert names() == [saved]
    model = gn.load(saved)
    assert str(model.latest_fit) == "stopped in epoch 3 of 5, after 3 of 8 steps"
    assert (model.epochs_trained, model.optimizer.steps) == (2, 19)
    said = capsys.readouterr().out
    assert "stopped in epoch 3 of 5, after 3 of 8 steps" in said
    assert f"to go on: glassnet {' '.join(COMMAND)} --engine {engine} --resume" in said
    at_step(0, lambda: None)
    assert main([*COMMAND, "--engine", engine, "--resume"]) == 0
    assert names() == [MODEL]
    if engine == "compiled":
        assert bits() == unbroken
    assert gn.load(MODEL).latest_fit.is_finished  # type: ignore[union-attr]


@pytest.mark.parametrize("members", ["2", "1"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_several_members_go_on_as_one_does(
    at_step: Any, capsys: pytest.CaptureFixture[str], name: str, members: str
) -> None:
    command = [*COMMAND, "--preset", "best", "--members", members]
    checkpoints = [CHECKPOINT] if members == "1" else [f"m.checkpoint.member-{k}.safetensors" for k in range(2)]
    assert main([*command, "--quiet"]) == 0
    unbroken = Path(MODEL).read_bytes()
    assert main([*command, "--resume"]) == 0
    assert "nothing is left to do; the model is in m.safetensors" in capsys.readouterr().out
    assert main([*command, "--resume", "--epochs", "9"]) == 2
    assert "after fewer epochs" in capsys.readouterr().err
    assert Path(MODEL).read_bytes() == unbroken
    predicted = gn.load(MODEL).predict(TABLE)
    Path(MODEL).unlink()
    number, sent = signal.Signals[name], list[int]()

    def act() -> None:  # in a thread of several members
        if not sent:
            sent.append(1)
            os.kill(os.getpid(), number)
            time.sleep(0.2)

    at_step(19, act)
    assert main(command) == 128 + number
    assert names()
    assert set(names()) <= set(checkpoints)
    said = capsys.readouterr().out
    assert f"; saved to {names()[0]}" in said
    assert f"to go on: glassnet {' '.join(command)} --resume" in said
    at_step(0, lambda: None)
    assert main([*command, "--epochs", "5", "--batch-size", "4", "--resume"]) == 2
    assert "batch_size=4 instead of 8" in capsys.readouterr().err
    assert main([*command, "--resume", "--quiet"]) == 0
    assert names() == [MODEL]
    np.testing.assert_array_equal(gn.load(MODEL).predict(TABLE), predicted)


def test_resuming_a_finished_training_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--quiet"]) == 0
    before = Path(MODEL).stat()
    capsys.readouterr()
    assert main([*COMMAND, "--resume"]) == 0
    assert "finished after epoch 5: nothing is left to do; the model is in m.safetensors" in capsys.readouterr().out
    assert Path(MODEL).stat() == before
    assert main([*COMMAND, "--resume", "--epochs", "7", "--quiet"]) == 0
    longer = bits()
    Path(MODEL).unlink()
    assert main([*COMMAND, "--epochs", "7", "--quiet"]) == 0
    assert bits() == longer


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--batch-size", "4"], "batch_size=4 instead of 8"),
        (["--hidden", "7"], "Dense(7"),
        (["--seed", "1"], "seed 1 instead of 0"),
        (["--optimizer", "sgd"], "SGD"),
        (["--subset", "50,10"], "preprocessing learned from other data"),
    ],
)
def test_other_settings_are_refused_by_name(
    at_step: Any, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    at_step(19, lambda: signal.raise_signal(signal.SIGTERM))
    main([*COMMAND, "--quiet"])
    content = Path(CHECKPOINT).read_bytes()
    assert main([*COMMAND, *options, "--resume"]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert "train --resume: " in said
    assert "resume=True" not in said
    assert names() == [CHECKPOINT]
    assert Path(CHECKPOINT).read_bytes() == content


def test_other_data_are_refused(at_step: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at_step(19, lambda: signal.raise_signal(signal.SIGTERM))
    main([*COMMAND, "--quiet"])
    text = Path("d.csv").read_text().splitlines()
    Path("d.csv").write_text("\n".join([text[0], text[2], text[1], *text[3:], ""]))
    at_step(0, lambda: None)
    assert main([*COMMAND, "--resume"]) == 2
    assert "give the data and options that it began with" in capsys.readouterr().err
    assert main([*COMMAND, "--even-if-changed"]) == 2
    assert "add --resume" in capsys.readouterr().err


def test_another_batch_size_is_taken_at_the_users_word(at_step: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at_step(19, lambda: signal.raise_signal(signal.SIGTERM))
    main([*COMMAND, "--quiet"])
    at_step(0, lambda: None)
    assert main([*COMMAND, "--batch-size", "4", "--resume", "--even-if-changed"]) == 0
    assert "batch_size=4 instead of 8; epoch 3 began anew" in capsys.readouterr().err
    assert gn.load(MODEL).epochs_trained == 5


def test_what_is_unexpected_is_said(at_step: Any, capsys: pytest.CaptureFixture[str], unbroken: Any) -> None:
    assert main([*COMMAND, "--resume", "--quiet"]) == 0
    assert "neither m.checkpoint.safetensors nor m.safetensors to go on from" in capsys.readouterr().err
    assert bits() == unbroken
    at_step(19, lambda: signal.raise_signal(signal.SIGTERM))
    main([*COMMAND, "--quiet"])
    assert capsys.readouterr().err == ""
    at_step(0, lambda: None)
    assert main([*COMMAND, "--quiet"]) == 0
    assert "will be replaced; --resume would go on with it" in capsys.readouterr().err
    assert names() == [MODEL]


def test_signals_that_are_ignored_stay_ignored(at_step: Any, unbroken: Any) -> None:
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        at_step(19, lambda: [signal.raise_signal(number) for number in numbers])
        assert main([*COMMAND, "--quiet"]) == 0
        assert [signal.getsignal(number) for number in numbers] == [signal.SIG_IGN] * 3
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    assert bits() == unbroken


def test_a_signal_before_there_is_anything_to_save(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = breaks.checkpoint_of  # any function that the training calls

    def asked(*_: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return learn

    monkeypatch.setattr("glassnet.cli.train.tables.learn", asked)
    with pytest.raises(SystemExit) as end:
        main([*COMMAND])
    assert end.value.code == 128 + signal.SIGTERM
    assert names() == []


def test_a_signal_while_the_model_is_saved_waits_for_it(monkeypatch: pytest.MonkeyPatch, unbroken: Any) -> None:
    save = gn.Model.save

    def asked(model: gn.Model, *arguments: Any, **settings: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        save(model, *arguments, **settings)

    monkeypatch.setattr(gn.Model, "save", asked)
    assert main([*COMMAND, "--quiet"]) == 128 + signal.SIGTERM
    assert names() == [MODEL]
    assert bits() == unbroken


def test_a_second_training_with_one_output_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with PathLock(MODEL, where="first"):
        assert main([*COMMAND]) == 2
        assert f"process ({os.getpid()}), in another training" in capsys.readouterr().err
        assert names() == [".m.safetensors.lock"]
    assert main([*COMMAND, "--quiet"]) == 0
    assert names() == [MODEL]


@pytest.mark.filterwarnings("default:load :UserWarning")
@pytest.mark.parametrize("how", ["bit", "garbage", "nothing"])
def test_a_damaged_checkpoint_is_passed_over_in_words(
    at_step: Any, capsys: pytest.CaptureFixture[str], unbroken: Any, how: str
) -> None:
    at_step(19, lambda: signal.raise_signal(signal.SIGTERM))
    main([*COMMAND, "--quiet", "--checkpoint-seconds", "0.000001"])
    assert names() == ["m.checkpoint.1.safetensors", CHECKPOINT]
    content = Path(CHECKPOINT).read_bytes()
    damaged = {"bit": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], "garbage": b"?" * 5000, "nothing": b""}
    Path(CHECKPOINT).write_bytes(damaged[how])
    at_step(0, lambda: None)
    assert main([*COMMAND, "--resume", "--quiet"]) == 0
    assert "is taken, m.checkpoint.1.safetensors" in capsys.readouterr().err
    assert bits() == unbroken
    assert names() == (["m.checkpoint.damaged.safetensors", MODEL] if how == "garbage" else [MODEL])


def test_without_checkpoints_an_end_still_saves_the_place(at_step: Any, unbroken: Any) -> None:
    at_step(19, lambda: signal.raise_signal(signal.SIGHUP))
    assert main([*COMMAND, "--quiet", "--checkpoint-seconds", "0"]) == 129
    at_step(0, lambda: None)
    assert main([*COMMAND, "--quiet", "--checkpoint-seconds", "0", "--resume"]) == 0
    assert bits() == unbroken
    assert names() == [MODEL]


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_seconds_that_are_none(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--checkpoint-seconds", seconds]) == 2
    assert "--checkpoint-seconds" in capsys.readouterr().err


def test_a_process_under_nohup_that_is_asked_to_end_and_one_that_is_killed(unbroken: Any) -> None:
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    command = [
        sys.executable,
        "-m",
        "glassnet",
        *COMMAND,
        "--epochs",
        "1000000",
        "--patience",
        "1000000",
        "--checkpoint-seconds",
        "0.05",
    ]

    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)
    assert process.stdout is not None
    assert any(line.startswith("epoch") for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.terminate()
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (143, "")
    assert "saved to m.checkpoint.safetensors" in output
    assert CHECKPOINT in names()
    assert not list(Path().glob(".*"))
    before = gn.load(CHECKPOINT).optimizer.steps
    again = subprocess.Popen([*command, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while gn.load(CHECKPOINT).optimizer.steps == before and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        again.kill()
        again.wait()
    assert list(Path().glob(".*.lock"))
    assert gn.load(CHECKPOINT).optimizer.steps > before
    with PathLock(MODEL, where="next"):
        pass


@pytest.mark.parametrize("of_the_disk", [True, False], ids=["full", "gone"])
@pytest.mark.parametrize("signalled", [False, True], ids=["at the end", "on SIGTERM"])
def test_a_model_that_its_disk_does_not_take_is_kept_elsewhere(
    at_step: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: Path,
    of_the_disk: bool, signalled: bool,
) -> None:  # fmt: skip
    home, out = here / "home", here / "out"
    home.mkdir()
    out.mkdir()
    monkeypatch.setenv("HOME", str(home))
    if of_the_disk:
        save = gn.Model.save

        def refused(model: gn.Model, path: str | Path, **settings: Any) -> None:
            if Path(path).parent == out:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            save(model, path, **settings)

        monkeypatch.setattr(gn.Model, "save", refused)
    act = (lambda: signal.raise_signal(signal.SIGTERM)) if signalled else lambda: None
    at_step(19, act if of_the_disk else lambda: (shutil.rmtree(out), act()))
    assert main([*COMMAND, "--output", str(out / MODEL), "--quiet", "--checkpoint-seconds", "0"]) != 0
    said = capsys.readouterr().err
    (kept,) = home.iterdir()
    assert f"the trained model is whole in {kept}" in said
    assert kept.stat().st_mode & 0o777 == 0o600
    model = gn.load(kept)
    assert model.optimizer.steps == (19 if signalled else 40)


def test_where_no_disk_takes_the_model_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    def refused(model: gn.Model, path: str | Path, **settings: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(gn.Model, "save", refused)
    monkeypatch.setenv("HOME", str(here))
    assert main([*COMMAND, "--quiet"]) != 0
    said = capsys.readouterr().err
    assert "no other folder takes the trained model either" in said
    assert f"{CHECKPOINT} stands where it was last saved" in said
    assert names() == [CHECKPOINT]
