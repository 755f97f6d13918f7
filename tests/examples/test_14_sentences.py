"""Example 14 on sentences made up here, in an archive of the same form as the one that it reads."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest

EXAMPLE = "14_sentences"


def packed(files: dict[str, bytes]) -> bytes:
    """An archive of some files."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return found.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Sentences of two to nine words, of which one says whether they are friendly, and some of rating 0."""
    pytest.importorskip("tokenizers")
    rng = np.random.default_rng(0)
    lines = []
    for number in range(400):
        words = rng.choice(["the", "film", "plot", "is", "so", "a"], rng.integers(1, 9)).tolist()
        friendly = number % 2 == 0
        words.insert(int(rng.integers(len(words) + 1)), "lovely" if friendly else "dull")
        lines.append(f"{number}\t{2.5 if friendly else -1.5}\t{' '.join(words)}")
    lines += ["400\t0.1\tthe plot", "a line that is no sentence"]
    inner = packed({"hutto_ICWSM_2014/tweets_GroundTruth.txt": "\n".join(lines).encode()})
    path = tmp_path / "vaderSentiment-3.3.2.tar.gz"
    path.write_bytes(packed({"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))
    return path


def test_it_finds_the_word_that_counts(run_example, archive):
    (_, accuracy, said), printed = run_example(EXAMPLE, archive, epochs=8)
    assert "360 sentences to learn from, 40 to be tested with" in printed
    assert accuracy > 0.9
    assert said["what a lovely film"] > 0.8
    assert said["the plot is dull and the end is worse"] < 0.2
    assert f"{accuracy:.1%} of the unseen" in printed
