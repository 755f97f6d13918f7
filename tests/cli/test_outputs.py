"""What a command writes never takes the place of what it reads, nor of anything of the user's own."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glassnet.cli.main import main
from glassnet.cli.outputs import Output, require_outputs
from glassnet.cli.streams import kind_of_answers
from glassnet.core.errors import ConfigurationError
from glassnet.core.kinds import MODEL, PAGE

PRECIOUS = "the only copy of something\n"
TRAIN = "train d.csv --target kind --hidden 4 --epochs 1 --quiet"
COMMANDS = {
    "model": (f"{TRAIN} --no-report --output", "m.safetensors"),
    "report": (f"{TRAIN} --output m.safetensors --report", "page.html"),
    "picture": (f"{TRAIN} --no-report --output m.safetensors --plot", "curves.svg"),
    "answers": ("predict k.safetensors d.csv --output", "answers.csv"),
    "columns": ("predict k.safetensors d.csv --output", "answers.parquet"),
    "amounts": ("predict a.safetensors d.csv --output", "amounts.csv"),
    "trace": ("trace k.safetensors d.csv --html", "step.html"),
    "onnx": ("export a.safetensors --to onnx --output", "m.onnx"),
    "c": ("export a.safetensors --to c --output", "m.c"),
}
"""A command for each option that names a file to be written, and a name for it."""
all_commands = pytest.mark.parametrize(("command", "name"), COMMANDS.values(), ids=list(COMMANDS))


def run(command: str) -> int:
    return main(shlex.split(command))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and two models of it, one of classes and one of amounts."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{1.7 * a + b:.4f},{'lily' if a > 0 else 'rose'}" for a, b in rng.normal(size=(60, 2))]
    (folder / "d.csv").write_text("a,b,price,kind\n" + "\n".join(lines) + "\n")
    common = f"--hidden 4 --epochs 1 --quiet --no-report --output {folder}"
    assert run(f"train {folder}/d.csv --target kind --ignore price {common}/k.safetensors") == 0
    assert run(f"train {folder}/d.csv --target price --ignore kind {common}/a.safetensors") == 0
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the working folder; pages are without pictures, which take time."""
    monkeypatch.setattr("glassnet.reports.pictures.find_spec", lambda _: None)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@all_commands
def test_files_of_the_user_need_force_and_those_of_glassnet_do_not(
    command: str, name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_text(PRECIOUS)
    before = contents(here)
    assert run(f"{command} {name}") == 2
    error = capsys.readouterr().err
    assert "--force replaces it" in error
    assert name in error
    assert contents(here) == before
    assert run(f"{command} {name} --force") == 0
    assert Path(name).read_bytes() != PRECIOUS.encode()
    assert run(f"{command} {name}") == 0  # its own file of before


@all_commands
def test_a_path_without_a_letter_is_not_the_option_left_out(
    command: str, name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of "$NAME" in a shell that knows no such variable."""
    before = contents(here)
    *start, option = command.split()
    assert main([*start, f"{option}="]) == 2
    assert f"received {option}='', expected FILE" in capsys.readouterr().err
    assert contents(here) == before


@all_commands
@pytest.mark.parametrize("spelling", ["d.csv", "./sub/../d.csv", "linked", "hard", "/dev/stdin"])
def test_no_input_is_replaced_by_whatever_name_not_even_by_force(
    command: str, name: str, spelling: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sub").mkdir()
    kept = next(own for own in ("d.csv", "k.safetensors", "a.safetensors") if own in command)
    output = spelling.replace("d.csv", kept)
    if "curves" in name or name == "m.c":  # whose ending must be right
        output = f"x{Path(name).suffix}"
        os.link(kept, output) if spelling == "hard" else Path(output).symlink_to(kept)
    elif spelling == "linked":
        Path("linked").symlink_to(here / kept)
    elif spelling == "hard":
        os.link(kept, "hard")
    elif spelling == "/dev/stdin":
        command, output = command.replace(kept, "twin" + Path(kept).suffix), kept
        Path("twin" + Path(kept).suffix).symlink_to(kept)  # the input's name is the link
    before = contents(here)
    for force in ("", "--force"):
        assert run(f"{command} {output} {force}") == 2
        assert "which this command reads" in capsys.readouterr().err
    assert contents(here) == before


@all_commands
def test_devices_pipes_and_folders_are_refused_and_stay(
    command: str, name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(name)
    assert run(f"{command} {name} --force") == 2
    assert "a named pipe" in capsys.readouterr().err
    assert stat.S_ISFIFO(os.stat(name).st_mode)
    os.unlink(name)
    ends = os.openpty()
    device = os.ttyname(ends[1])
    os.symlink(device, name)
    assert run(f"{command} {name} --force") == 2
    assert "a device" in capsys.readouterr().err
    assert stat.S_ISCHR(os.stat(device).st_mode)
    for end in ends:
        os.close(end)
    os.unlink(name)
    os.mkdir(name)
    assert run(f"{command} {name} --force") == 2
    assert "a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"{TRAIN} --output m --report m", "--output"),
        (f"{TRAIN} --output m --report ./m --force", "--output"),
        (f"{TRAIN} --output m --report link", "--output"),
        (f"{TRAIN} --output m.svg --plot m.svg", "--output"),
        (f"{TRAIN} --plot p.svg --report p.svg", "--plot"),
        (f"{TRAIN} --output m.html", "write --report with another name"),
    ],
)
def test_two_outputs_are_two_files(command: str, words: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("m")
    before = contents(here)
    assert run(command) == 2
    error = capsys.readouterr().err
    assert "another file of this command" in error
    assert words in error
    assert contents(here) == before


def test_two_names_that_capital_letters_alone_tell_apart(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = [Output("--output", Path("M"), MODEL), Output("--report", Path("m"), PAGE)]
    require_outputs(outputs, [])  # two files here; on other disks one
    real = Path.exists
    monkeypatch.setattr(
        Path,
        "exists",
        lambda path: real(path) or any(own.name.lower() == path.name.lower() for own in path.parent.iterdir()),
    )
    with pytest.raises(ConfigurationError, match="another file of this command"):
        require_outputs(outputs, [])
    assert sorted(path.name for path in here.iterdir()) == ["a.safetensors", "d.csv", "k.safetensors"]


def test_files_of_a_folder_that_is_read_stay_whatever_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        Path("pets", kind).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(f"pets/{kind}/{number}.png")
    Path("photo.png").symlink_to("pets/dog/1.png")
    Path("pets", "loop").symlink_to("..")
    before = contents(here)
    train = "train pets --hidden 4 --epochs 1 --quiet --no-report --output m.safetensors"
    for output in ("pets/cat/0.png", "photo.png"):
        assert run(f"{train} --plot {output} --force") == 2
        assert "which this command reads" in capsys.readouterr().err
    assert contents(here) == before
    Path("pets", "loop").unlink()
    assert run("train pets --hidden 4 --epochs 1 --quiet --no-report --output pets/m.safetensors") == 0
    for _ in range(2):  # a model may lie in the folder that it learned from
        assert run("predict pets/m.safetensors pets/cat pets/dog/0.png --output pets/out.csv") == 0


def test_true_values_under_the_same_heading_are_no_answers(here: Path) -> None:
    table = np.loadtxt("d.csv", delimiter=",", skiprows=1, usecols=2)
    for numbers in (table, table * np.pi, np.round(table), table.astype(np.float32).astype(float)):
        Path("truth.csv").write_text("price\n" + "\n".join(map(repr, numbers.tolist())) + "\n")
        before = contents(here)
        assert run("predict a.safetensors d.csv --output truth.csv") == 2
        assert contents(here) == before


@pytest.mark.parametrize(
    ("names", "are_amounts", "content", "is_own"),
    [
        (["prediction"], False, "prediction\nlily\n", True),
        (["prediction"], False, "prediction,probability_lily,probability_rose\nlily,1,0\n", True),
        (["prediction"], False, 'prediction,"probability_a,b",probability_rose\nlily,1,0\n', True),
        (["prediction"], False, "prediction,truth\nlily,rose\n", False),
        (["prediction"], False, "predictions\nlily\n", False),
        (["prediction"], False, "prediction", False),
        (["file", "prediction"], False, "file,prediction\na.png,cat\n", True),
        (["species", "sex"], False, "species,sex\nlily,f\n", False),
        (["species", "sex"], False, "species,sex,probability_species_lily\nlily,f,1\n", True),
        (["price"], True, "price,probability_rain\n1.100000023841858,1\n", False),
        (["probability_rain"], True, "probability_rain\n0.25\n", False),
        (["probability_rain"], True, "x,y\n0.25\n", False),
        (["price"], True, "price\n1.100000023841858\n2.0\n", True),
        (["price"], True, "price\n1.100000023841857\n2.0\n", False),
        (["price"], True, "price\n1.5\n2.0\n", False),
        (["price"], True, "price\n1.100000023841858\nmany\n", False),
        (["price"], True, "price\n1.100000023841858,2.0\n2.0\n", False),
        (["price"], True, "price\n1e999\n1.100000023841858\nnan\n", False),
    ],
)
def test_which_tables_are_known_as_answers(
    names: list[str], are_amounts: bool, content: str, is_own: bool, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert kind_of_answers(path, names, None, are_amounts=are_amounts).is_kind_of(path) == is_own


def test_the_standard_output_has_two_names(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("predict k.safetensors d.csv") == 0
    expected = capfd.readouterr().out
    assert len(expected.splitlines()) == 61
    before = contents(here)
    for name in ("-", "/dev/stdout"):
        assert run(f"predict k.safetensors d.csv --output {name}") == 0
        assert capfd.readouterr().out == expected
    for command in (f"{TRAIN} --output -", "trace k.safetensors d.csv --html -"):
        assert run(command) == 2
        assert "./-" in capfd.readouterr().err
    assert contents(here) == before


@pytest.mark.usefixtures("here")
def test_answers_do_not_go_where_the_messages_go() -> None:
    line = [sys.executable, "-m", "glassnet", *shlex.split("predict k.safetensors d.csv --output out.csv")]
    for stream in ("stdout", "stderr"):
        with Path("out.csv").open("w") as file:
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: file}
            done = subprocess.run(line, text=True, check=False, **streams)
        assert done.returncode == 2
        assert "the messages of this command" in (done.stderr or Path("out.csv").read_text())


@pytest.mark.usefixtures("here")
def test_standard_streams_may_be_closed_or_full() -> None:
    line = f"{sys.executable} -m glassnet predict k.safetensors d.csv"
    done = subprocess.run(f"{line} --output closed.csv <&- >&- 2>&-", shell=True, check=False)
    assert done.returncode == 0
    assert Path("closed.csv").read_text().startswith("prediction\n")
    assert len(Path("closed.csv").read_text().splitlines()) == 61
    done = subprocess.run(f"{line} > /dev/full", shell=True, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "the standard output: received 'No space left on device'" in done.stderr


@pytest.mark.filterwarnings("ignore::glassnet.core.errors.CheckpointWarning")  # the disk did not take that one either
@all_commands
def test_a_full_disk_leaves_what_was_there(
    command: str, name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "m.safetensors":
        command = command.replace("--hidden 4", "--hidden 400")
    if name == "answers.csv":
        command = command.replace("predict", "predict --probabilities")
    assert run(f"{command} {name}") == 0
    before = contents(here)
    limit = 4096 if Path(name).stat().st_size > 4096 else 100
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    capsys.readouterr()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        assert run(f"{command} {name}") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err
    assert "from the disk" in error
    assert "make room" in error
    after = contents(here)
    assert sorted(after) == sorted(before)
    assert after[str(here / name)] == before[str(here / name)]
