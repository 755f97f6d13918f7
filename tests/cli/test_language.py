"""``glassnet train --task text`` and ``glassnet generate``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.cli.main import main
from glassnet.training import TrainingState

FEW = ["--task", "text", "--epochs", "1", "--width", "8", "--blocks", "1", "--heads", "2", "--seed", "3"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit status, and what was printed."""
    status = main(list(arguments))
    return status, *capsys.readouterr()


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list(part)) for part in ("bdkm", "aeo", "lnrt", "aeio")) for _ in range(120)]
    path = tmp_path / "names.txt"
    path.write_text("\n".join(made) + "\n\n", encoding="utf-8")
    return path


def test_names_are_learned_written_and_measured(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "train", str(names), *FEW)
    assert (status, err) == (0, "")
    assert "90 rows to train, 30 to test, 120 documents, one a line" in out
    assert "val_perplexity" in out
    assert "test perplexity: " in out
    model = gn.load("names.safetensors")
    assert isinstance(model.vocabulary, gn.text.Characters)
    assert model.network.input_shape == (5,)
    assert not Path("names.html").exists()
    status, written, _ = run(capsys, "generate", "names.safetensors", "--prompt", "ba", "--count", "3", "--seed", "5")
    assert status == 0
    assert written.splitlines() == [gn.generate(model, "ba", seed=seed) for seed in (5, 6, 7)]
    status, again, _ = run(capsys, "generate", "names.safetensors", "--temperature", "0", "--top-k", "3")
    assert again.strip() == gn.generate(model, temperature=0)
    status, measured, _ = run(capsys, "evaluate", "names.safetensors", str(names))
    assert status == 0
    assert float(measured.split("perplexity: ")[1]) == pytest.approx(
        np.exp(float(measured.split("loss: ")[1].split()[0])), rel=1e-3
    )
    assert "Characters(" in run(capsys, "summary", "names.safetensors")[1]


@pytest.mark.parametrize("documents", ["lines", "whole"])
@pytest.mark.parametrize("ends", ["\n", "\n\n"])
def test_texts_are_measured_as_they_were_learned(
    documents: str, ends: str, names: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines by a model of lines, one long text by a model of such: each knows the ends of its own alone."""
    text = names.read_text(encoding="utf-8").strip()
    names.write_text(text.replace("\n", "\n\n") + "\n", encoding="utf-8")
    run(capsys, "train", str(names), *FEW, "--quiet", "--documents", documents)
    other = Path("other.txt")
    other.write_text(text.replace("\n", ends), encoding="utf-8")
    status, out, _ = run(capsys, "evaluate", "names.safetensors", "other.txt")
    assert status == 0
    model = gn.load("names.safetensors")
    steps = model.network.input_shape[0]  # type: ignore[index]
    assert model.vocabulary is not None
    x, y = model.vocabulary.next_tokens(gn.data.read_texts(other, documents=documents), steps)
    assert f"loss: {model.evaluate(gn.data.pad(x, steps), y)['loss']:.4f}\n" in out
    assert ("other.txt: one text\n" if documents == "whole" else "other.txt: 120 documents, one a line\n") in out


def test_the_same_command_writes_the_same_file(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        run(capsys, "train", str(names), *FEW, "--quiet", "--output", f"{number}.safetensors")
    one, two = (gn.load(f"{number}.safetensors") for number in (1, 2))
    assert one.fingerprint() == two.fingerprint()


def test_a_training_that_is_broken_off_goes_on(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = ["train", str(names), *FEW, "--quiet", "--epochs", "3"]
    run(capsys, *longer, "--output", "whole.safetensors")
    model = gn.load("whole.safetensors")

    def broken(_: Any, state: TrainingState) -> None:
        if state.epoch == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassnet.cli.work._Lines.on_epoch_end", broken)
        said = [word for word in longer if word != "--quiet"]
        assert run(capsys, *said, "--output", "part.safetensors")[0] == 128 + signal.SIGTERM
    status, _, err = run(capsys, *longer, "--output", "part.safetensors", "--resume")
    assert (status, err) == (0, "")
    assert gn.load("part.safetensors").fingerprint() == model.fingerprint()


def test_one_long_text_of_byte_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tokenizers")
    monkeypatch.setattr(gn.text.Characters, "from_data", None)  # however many there are
    path = tmp_path / "story.txt"
    path.write_bytes("Es war einmal.\r\n\r\nUnd wenn sie nicht gestorben sind …\n".encode() * 20)
    saved = str(tmp_path / "story.safetensors")
    options = ["--tokens", "byte_pair", "--vocabulary", "270", "--context", "12", "--output", saved]
    status, out, err = run(capsys, "train", str(path), *FEW, *options)
    assert (status, err) == (0, "")
    assert "one long text" in out
    assert "270 tokens, context 12" in out
    model = gn.load(saved)
    assert isinstance(model.vocabulary, gn.text.Tokenizer)
    assert run(capsys, "generate", saved, "--prompt", "Es war", "--max-tokens", "30")[1].startswith("Es war")


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (b"", [], "names.txt: received no text"),
        (b" \n\n \t\n", [], "nothing but spaces and blank lines"),
        (b"ab\ncd\x00\nef", [], "names.txt, line 2: received a character of code 0"),
        (bytes(range(256)) * 9, [], "names.txt"),
        (b"\x1f\x8b\x08", ["--encoding", "utf-8"], "names.txt"),
        ("".join(map(chr, range(256, 30_000))).encode("utf-8", "ignore"), [], "different characters"),
        (b"ab", ["--documents", "lines"], "enough to train on"),
        (b"a", [], "enough to train on"),
        (b"ab\ncd\nef\ngh", ["--target", "x"], "--target with --task text"),
        (b"ab\ncd\nef\ngh", ["--hidden", "5"], "--hidden with --task text"),
        (b"ab\ncd\nef\ngh", ["--report", "page.html"], "--report with --task text"),
        (b"ab\ncd\nef\ngh", ["--heads", "3"], "heads"),
        (b"ab\ncd\nef\ngh", ["--context", "0"], "--context=0"),
        (b"ab\ncd\nef\ngh", ["--context", "20000"], "choose a smaller --context"),
        (b"ab\ncd\nef\ngh", ["--vocabulary", "300"], "--vocabulary with characters"),
        (b"ab\ncd\nef\ngh", ["--tokens", "byte_pair", "--vocabulary", "9"], "at least 257"),
    ],
)
def test_what_cannot_be_learned_is_named(
    content: bytes, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    status, _, err = run(capsys, "train", str(path), *FEW, "--output", str(tmp_path / "m.safetensors"), *arguments)
    assert status == 2
    assert said in err
    assert not (tmp_path / "m.safetensors").exists()


def test_a_text_without_the_task_is_told_of_it(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "train", str(names))
    assert status == 2
    assert "--task text" in err
    status, _, err = run(capsys, "train", "digits", "--context", "5")
    assert status == 2
    assert "--context without --task text" in err


def test_a_model_of_something_else_writes_nothing(
    names: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network = gn.Sequential(gn.Dense(2))
    network.build((3,))
    gn.Model(network, "cross_entropy", "adam").save(tmp_path / "m.safetensors")
    for command in (["generate", "m.safetensors"], ["evaluate", "m.safetensors", "names.txt"]):
        status, _, err = run(capsys, *command)
        assert status == 2
        assert "vocabulary" in err or "foretells" in err
    run(capsys, "train", str(names), *FEW, "--quiet")
    for prompt, said in (("ba" * 9, "at most 4"), ("bä", "'ä' at place 1")):
        status, _, err = run(capsys, "generate", "names.safetensors", "--prompt", prompt)
        assert status == 2
        assert said in err
    Path("other.txt").write_text("bäb\n", encoding="utf-8")
    assert "text 0: received 'ä'" in run(capsys, "evaluate", "names.safetensors", "other.txt")[2]
    for command in ("predict", "trace"):
        status, _, err = run(capsys, command, "names.safetensors", "names.txt")
        assert status == 2
        assert "glassnet generate lets a language model go on" in err
    assert "--target x" in run(capsys, "evaluate", "names.safetensors", "names.txt", "--target", "x")[2]
