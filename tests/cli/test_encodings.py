"""Every command in terminals and pipes that know few letters: nothing fails, and answers keep their words."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from terminal import in_a_terminal

import glassnet as gn
from glassnet.core.output import PLAINER, answers_to, for_stream, make_plainer, plainer, readable

WORDS = "猫", "Zürich", "γάτα × 2"
"""Classes: letters that no, one and some other encodings know, and one of glassnet's own signs."""
ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "C of today": {"LC_ALL": "C"},
    "utf-8": {"PYTHONUTF8": "1"},
}
NAMES = "train", "evaluate", "predict", "summary", "trace", "export", "playground"
COMMANDS = {
    "help": ["--help"],
    **{f"help of {n}": [n, "--help"] for n in NAMES},
    "train": ["train", "花.csv", "--target", "种类", "--epochs", "3", "--output", "花.safetensors", "--threads", "1"],
    "train a table": [
        *("train", "词.csv", "--target", "种类", "--no-report"),
        *("--epochs", "3", "--patience", "2", "--output", "词.safetensors"),
    ],
    "train photos": ["train", "宠物", "--epochs", "2", "--output", "宠物.safetensors"],
    "evaluate": ["evaluate", "花.safetensors", "花.csv"],
    "evaluate a table": ["evaluate", "词.safetensors", "词.csv"],
    "evaluate photos": ["evaluate", "宠物.safetensors", "宠物"],
    "predict": ["predict", "花.safetensors", "花.csv", "--probabilities"],
    "predict a table": ["predict", "词.safetensors", "词.csv"],
    "predict to a file": ["predict", "花.safetensors", "花.csv", "--output", "答.csv"],
    "predict photos": ["predict", "宠物.safetensors", "宠物/猫/图0.png", "--probabilities"],
    "predict photos to a file": ["predict", "宠物.safetensors", "宠物", "--output", "图.csv"],
    "summary": ["summary", "花.safetensors", "--plan", "8"],
    "trace": ["trace", "花.safetensors", "花.csv"],
    "trace to a page": ["trace", "花.safetensors", "花.csv", "--html", "页.html", "--language", "zh"],
    "export": ["export", "宠物.safetensors", "--to", "c"],
    "another target": ["train", "花.csv", "--target", "品种"],
    "another table": ["predict", "花.safetensors", "词.csv"],
    "no file": ["train", "没有.csv", "--target", "种类"],
    "no option": ["train", "花.csv", "--目标", "种类"],
}
FAILING = "another target", "another table", "no file", "no option"
DRIVER = """
import json, sys
from glassnet.cli.main import main
for name, arguments in json.loads(sys.argv[1]).items():
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        stream.buffer.write(f"\\n=== {name}\\n".encode())
        stream.buffer.flush()
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    sys.stdout.flush()
    sys.stdout.buffer.write(f"\\n{status}".encode())
    sys.stdout.buffer.flush()
"""


def write_data(folder: Path) -> None:
    """A table of numbers, one with words, and photos."""
    rng = np.random.default_rng(0)
    for name, second in (("花", None), ("词", ("红", "vert é", "blau"))):
        lines = ["长度,宽度,种类" if second is None else "长度,颜色,种类"]
        for i in range(60):
            other = f"{rng.normal():.3f}" if second is None else second[i % 3]
            lines.append(f"{rng.normal() + 3 * (i % 3):.3f},{other},{WORDS[i % 3]}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    image = pytest.importorskip("PIL.Image")
    for k, name in enumerate(("猫", "狗", "nan")):
        (folder / "宠物" / name).mkdir(parents=True)
        for i in range(6):
            image.fromarray(np.full((8, 8, 3), 80 * k + i, np.uint8)).save(folder / "宠物" / name / f"图{i}.png")


def parts_of(output: bytes) -> dict[str, bytes]:
    """What each command wrote."""
    pieces = output.split(b"\n=== ")[1:]
    return {name.decode(): rest for name, _, rest in (piece.partition(b"\n") for piece in pieces)}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_command(name: str, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    write_data(tmp_path)
    removed = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    environment = {**removed, "COLUMNS": "100", **ENVIRONMENTS[name]}
    # Names on the command line are bytes; json holds these in ASCII, as the C locale cannot.
    arguments = {
        key: [text.encode().decode("ascii", "surrogateescape") if name == "C" else text for text in value]
        for key, value in COMMANDS.items()
    }
    has_page = name == "C"  # in the others that of the photos stands for all: pictures take time
    arguments["train"] += [] if has_page else ["--no-report"]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(arguments)], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    written, said = parts_of(done.stdout), parts_of(done.stderr)
    assert list(written) == list(COMMANDS)
    encoding = {"C": "ascii", "C of today": "utf-8"}.get(name, name)
    word = "种类".encode(encoding, "backslashreplace").decode(encoding)
    for command, output in written.items():
        output, _, status = output.rpartition(b"\n")
        written[command] = output.strip()
        expected = b"2" if command in FAILING else b"0"
        assert status == expected, (command, said[command])
        if not command.startswith("predict") or "file" in command:
            text = output.decode(encoding)
            assert "?" not in text.replace("what do other photos show?", "").replace("on other rows?", ""), text
        assert b"?" not in said[command].replace(b"did you mean", b"").replace(b"'? ", b"")
        said[command].decode(encoding)
    assert word in said["another target"].decode(encoding)
    # Answers are UTF-8 for the next program, as they are in a file.
    answers = written["predict"].decode("utf-8").splitlines()
    assert answers[0] == "prediction," + ",".join(f"probability_{word}" for word in sorted(WORDS))
    assert {line.partition(",")[0] for line in answers[1:]} <= set(WORDS)
    assert set(written["predict a table"].decode("utf-8").splitlines()[1:]) <= set(WORDS)
    photo = written["predict photos"].decode("utf-8")
    assert photo.startswith("宠物/猫/图0.png")
    assert all(word in photo for word in ("猫", "狗", "nan"))
    assert (tmp_path / "答.csv").read_text(encoding="utf-8").splitlines()[1] in WORDS
    photos = (tmp_path / "图.csv").read_text(encoding="utf-8").splitlines()
    assert "宠物/猫/图0.png" in "\n".join(photos)
    assert gn.load(tmp_path / "花.safetensors").class_names == tuple(sorted(WORDS))
    assert gn.load(tmp_path / "宠物.safetensors").class_names == ("nan", "狗", "猫")
    assert "猫" in (tmp_path / "宠物.html").read_text(encoding="utf-8")
    assert not has_page or "长度" in (tmp_path / "花.html").read_text(encoding="utf-8")
    assert "∂" in (tmp_path / "页.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_and_a_file(encoding: str, tmp_path: Path) -> None:
    """The module itself, with standard output as a terminal, and as a file."""
    pytest.importorskip("pty")
    write_data(tmp_path)
    model = gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(3)), "cross_entropy", "adam", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(60, 2))
    model.fit(x, np.arange(60) % 3, verbose=False)
    model.feature_names, model.class_names, model.target_name = ("长度", "宽度"), WORDS, "种类"
    model.save(tmp_path / "m.safetensors")

    def run(*arguments: str, code: str | None = None) -> str:
        command = [sys.executable, *(("-c", code) if code else ("-m", "glassnet", *arguments))]
        status, shown = in_a_terminal(command, more={"PYTHONIOENCODING": encoding}, folder=tmp_path)
        text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", shown.decode(encoding))  # without colours and moves
        assert status == 0, text
        assert "?" not in text
        return text

    train = "train", "花.csv", "--target", "种类", "--epochs", "2", "--no-report", "--output", "n.safetensors"
    assert "epoch 2/2" in run(*train)
    assert ("∂L/∂y".encode(encoding, PLAINER).decode(encoding)) in run("trace", "m.safetensors", "花.csv")
    escaped = [word.encode(encoding, "backslashreplace").decode(encoding) for word in WORDS]
    shown = run("predict", "m.safetensors", "花.csv").split("\r\n")
    assert shown[0] == "prediction"
    assert set(shown[1:-1]) <= set(escaped)
    # From Python: a bar with a metric of the user's, and hints in formulas' signs.
    code = """
import numpy as np, glassnet as gn
class Own(gn.metrics.Accuracy):
    name = "准确率"
x = np.random.default_rng(0).normal(size=(64, 2)) * 1e5
model = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(2)), "cross_entropy", "adam", metrics=[Own()])
model.class_names = "猫", "狗"
model.feature_names = "长度", "宽度"
model.fit(x, (np.arange(64) < 2).astype(int), epochs=2, callbacks=[gn.EarlyStopping("loss")])
"""
    shown = run(code=code)
    assert "hint: " in shown
    assert "准确率".encode(encoding, "backslashreplace").decode(encoding) in shown

    with open(tmp_path / "answers.txt", "wb") as file:
        command = [sys.executable, "-m", "glassnet", "predict", "m.safetensors", "花.csv"]
        subprocess.run(command, stdout=file, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": encoding}, check=True)
    assert set((tmp_path / "answers.txt").read_text(encoding="utf-8").splitlines()[1:]) <= set(WORDS)


def test_what_python_prints_has_a_text_of_its_own(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    """``str`` of summaries, plans, traces and diagnoses can be written plainer by whoever prints them."""
    model = gn.Model(gn.Sequential(gn.Dense(4), "relu", gn.Dense(3)), "cross_entropy", "adam")
    model.fit(*blobs, verbose=False)
    for shown in (model.summary(), model.plan(), gn.trace(model, *blobs), gn.diagnose(model, *blobs)):
        text = str(shown)
        assert plainer(text).isascii()
        assert for_stream(text, io.TextIOWrapper(io.BytesIO(), encoding="ascii")) == plainer(text)


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("3 × 4 − 5 ≤ σ²", "ascii", "3 x 4 - 5 <= sigma^2"),
        ("3 × 4 − 5 ≤ σ²", "cp1252", "3 × 4 - 5 <= sigma²"),
        ("3 × 4 − 5 ≤ σ²", "utf-8", "3 × 4 − 5 ≤ σ²"),
        ("∂L/∂W = xᵀ δ, ½ λ ‖W‖²", "ascii", "dL/dW = x^T delta, 1/2 lambda ||W||^2"),
        ("┏━┳━┓│─╇", "ascii", "+-+-+|-+"),
        ("猫 and Zürich", "ascii", "\\u732b and Z\\xfcrich"),
        ("猫 and Zürich", "cp1252", "\\u732b and Zürich"),
        ("猫 and Zürich", "gbk", "猫 and Zürich"),
        ("γάτα", "ascii", "\\u03b3\\u03ac\\u03c4\\u03b1"),
        ("😀", "latin-1", "\\U0001f600"),
        ("caf\udcc3\udca9 \udce7\udc8c\udcab", "utf-8", "café 猫"),
        ("caf\udcc3\udca9 \udce7\udc8c\udcab", "latin-1", "café \\u732b"),
        ("caf\udce9", "ascii", "caf\\xe9"),
        ("\ud800", "utf-8", "\\ud800"),
    ],
)
def test_plainer_signs(text: str, encoding: str, expected: str) -> None:
    assert text.encode(encoding, PLAINER).decode(encoding) == expected
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert for_stream(text, stream) == expected
    make_plainer(stream, None, io.StringIO())
    stream.write(text)
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == expected  # type: ignore[attr-defined]


def test_answers_leave_a_stream_as_it_was() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    with answers_to(stream) as lent:
        lent.write("猫")
    assert (stream.encoding, stream.errors) == ("ascii", "strict")
    assert stream.buffer.getvalue() == "猫".encode()  # type: ignore[attr-defined]
    text = io.StringIO()
    with answers_to(text) as lent:
        lent.write("猫")
    assert text.getvalue() == "猫"


def test_names_that_the_locale_cannot_decode() -> None:
    assert readable("a猫") == "a猫"
    assert readable("\udce7\udc8c\udcab.csv") == "猫.csv"
    assert readable("caf\udce9") == "caf\\xe9"
    assert readable("x\udc80y\udcff猫") == "x\\x80y\\xff猫"
