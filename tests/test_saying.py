"""Who says what, and where: answers, hints, the log, and silence in a pipe. The rule stands in glassnet.core.output."""

from __future__ import annotations

import ast
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.core.output import is_heard, logger

SOURCES = Path(gn.__file__).parent
X = np.random.default_rng(0).normal(size=(60, 2)) * 1e5
Y = (X[:, 0] > 0).astype(int)

LIBRARY = """
import numpy as np
import glassnet as gn

x = np.random.default_rng(0).normal(size=(60, 2)) * 1e5
y = (x[:, 0] > 0).astype(int)
net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2))
model = gn.Model(net, "cross_entropy", "adam", metrics=["accuracy"])
stopping = gn.EarlyStopping(patience=1)
best = gn.Checkpoint("best.safetensors", only_best=True)
model.fit(x, y, epochs=6, validation_split=0.3, callbacks=[stopping, best, gn.ReduceOnPlateau()])
model.fit(x, y, epochs=2, validation_split=0.5, callbacks=[gn.EarlyStopping(), gn.EarlyStopping(restore_best=False)])
model.evaluate(x, y), model.predict(x), model.predict_classes(x)
model.save("m.safetensors")
again = gn.load("m.safetensors")
again.fit(x, y, batch_size=None)
again.summary(), again.plan(), gn.trace(again, x[:2], y[:2]), gn.diagnose(again, x, y)
gn.interop.export_c(again, "m.c")
data = {"a": [1, None, 3, 4] * 5, "b": ["x", "y", None, "z"] * 5, "c": ["1,5", "2,25", "NA", "7"] * 5, "y": [0, 1] * 10}
table = gn.Table.from_data(data, "y")
model = gn.Model(gn.Sequential(gn.Dense(table.outputs)), table.loss, "sgd")
model.preprocessing = table
model.fit(data, table.targets(data), epochs=2)
model.predict(data), model.evaluate(data, table.targets(data))
"""


def run_python(code: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        timeout=120,
    )


def test_the_library_says_nothing_in_a_pipe(tmp_path: Path) -> None:
    found = run_python(LIBRARY, tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_library_says_nothing_in_a_pipe_where_logging_is_there_and_not_set_up(tmp_path: Path) -> None:
    found = run_python("import logging\nlogging.getLogger('glassnet')\n" + LIBRARY, tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_program_that_sets_up_logging_hears_it(tmp_path: Path) -> None:
    code = 'import logging\nlogging.basicConfig(format="%(name)s %(levelname)s %(message)s")\n' + LIBRARY
    found = run_python(code, tmp_path)
    assert (found.returncode, found.stdout) == (0, "")
    lines = found.stderr.splitlines()
    assert all(line.startswith("glassnet WARNING ") for line in lines)
    assert any("unscaled inputs" in line for line in lines)
    assert any("begins anew" in line for line in lines)


def test_export_to_onnx_says_nothing_in_a_pipe(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    code = """
import glassnet as gn
model = gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2)), "cross_entropy", "adam")
model.network.build((3,))
model.export_onnx("m.onnx")
"""
    found = run_python(code, tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_logging_is_imported_only_where_something_is_said(tmp_path: Path) -> None:
    code = "import glassnet, sys; glassnet.Model; assert 'logging' not in sys.modules"
    assert run_python(code, tmp_path).returncode == 0


def fitted(*, verbose: bool = True) -> gn.History:
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(2)), "cross_entropy", "adam")
    return model.fit(X, Y, epochs=1, verbose=verbose)


def test_hints_in_the_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.WARNING, "glassnet"):
        fitted()
    assert {(record.name, record.levelname) for record in caplog.records} == {("glassnet", "WARNING")}
    assert "unscaled inputs" in caplog.text
    assert capsys.readouterr() == ("", "")


def test_without_verbose_the_log_has_notes_alone(caplog: pytest.LogCaptureFixture) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "adam")
    model.fit(X, Y, verbose=False, callbacks=[gn.EarlyStopping("loss")])
    assert caplog.text == ""
    history = model.fit(X, Y, verbose=False, callbacks=[gn.EarlyStopping("loss", restore_best=False)])
    assert [record.getMessage() for record in caplog.records] == history.notes != []


def test_who_watches_is_shown_what_the_log_has_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("glassnet.model.fitting.is_watched", lambda: True)
    fitted()
    assert "hint: unscaled inputs" in capsys.readouterr().out
    assert caplog.text == ""


def test_what_takes_time_is_not_done_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("glassnet.model.fitting.hints", refuse)
    log, level = logger(), logger().level
    log.setLevel(logging.ERROR)
    try:
        assert not is_heard()
        fitted()
    finally:
        log.setLevel(level)


@pytest.mark.parametrize(
    ("level", "handler_level", "propagate", "heard"),
    [
        (logging.NOTSET, logging.NOTSET, True, True),
        (logging.NOTSET, logging.ERROR, True, False),
        (logging.CRITICAL, logging.NOTSET, True, False),
        (logging.NOTSET, logging.NOTSET, False, False),
    ],
)
def test_whether_anybody_listens(level: int, handler_level: int, propagate: bool, heard: bool) -> None:
    code = f"""
import logging
from glassnet.core.output import is_heard, logger
assert not is_heard()
handler = logging.StreamHandler()
handler.setLevel({handler_level})
logging.getLogger().addHandler(handler)
logger().setLevel({level})
logger().propagate = {propagate}
assert is_heard() is {heard}
logger().addHandler(logging.StreamHandler())
logger().setLevel(0)
assert is_heard()
assert sum(isinstance(own, logging.NullHandler) for own in logger().handlers) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glassnet", *arguments]
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment, timeout=120
    )


def test_the_commands_print_answers_on_one_stream_and_notes_on_the_other(tmp_path: Path) -> None:
    rows = "".join(f"{i * 37 % 100},{i * 91 % 47},{'no' if i % 40 else 'yes'}\n" for i in range(400))
    (tmp_path / "rare.csv").write_text("a,b,kind\n" + rows)
    trained = run("train", "rare.csv", "--target", "kind", "--epochs", "2", "--no-report", folder=tmp_path)
    assert trained.returncode == 0
    assert "hint" not in trained.stdout
    assert trained.stderr != ""
    assert all(line.startswith("glassnet: ") for line in trained.stderr.splitlines())
    quiet = run("train", "rare.csv", "--target", "kind", "--epochs", "2", "--no-report", "--quiet", folder=tmp_path)
    assert quiet.stderr == ""
    assert [line.split(" ")[0] for line in quiet.stdout.splitlines()][-2:] == ["test", "model"]
    predicted = run("predict", "rare.safetensors", "rare.csv", folder=tmp_path)
    assert predicted.stderr == ""
    lines = predicted.stdout.splitlines()
    assert lines[0] == "prediction"
    assert len(lines) == 401
    assert set(lines[1:]) <= {"no", "yes"}
    for command in ("evaluate rare.safetensors rare.csv", "summary rare.safetensors", "trace rare.safetensors rare.csv",
                    "export rare.safetensors --to c"):  # fmt: skip
        said = run(*command.split(), folder=tmp_path)
        assert (said.returncode, said.stderr) == (0, ""), command
        assert said.stdout
    refused = run("predict", "none.safetensors", "rare.csv", folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("glassnet: ")


def test_a_command_leaves_no_handler_behind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import warnings

    before = list(logger().handlers), warnings.showwarning
    for _ in range(2):
        assert main(["summary", str(tmp_path / "none")]) == 2
    assert (list(logger().handlers), warnings.showwarning) == before
    assert capsys.readouterr().out == ""


def test_warnings_of_a_command_are_notes(capsys: pytest.CaptureFixture[str]) -> None:
    import warnings

    from glassnet.cli.notes import notes_to_stderr

    with pytest.warns(DeprecationWarning, match="old") as others, notes_to_stderr():  # noqa: PT031 - one is a note
        warnings.warn("two × two", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert len(others) == 1
    assert capsys.readouterr().err == "glassnet: two × two\n"


PRINTS = {
    "model/fitting.py": {"print_hints"},
    "estimators/stopping.py": {"note"},
    "estimators/perceptron.py": None,
    "distributed/pulse.py": {"_say"},
}
"""Where the library prints: what is asked for by name, what scikit-learn's verbose=True asks for, and a process's last
words."""


def test_nothing_else_prints() -> None:
    for file in SOURCES.rglob("*.py"):
        path = file.relative_to(SOURCES)
        if path.parts[0] == "cli":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
                is_stream = isinstance(node, ast.Attribute) and node.attr == "stderr"
                allowed = PRINTS.get(path.as_posix(), set())
                if is_print or is_stream:
                    assert allowed is None or function.name in allowed, f"{path}: {function.name}"
