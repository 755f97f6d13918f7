"""Example 12 on names made up here, from a package of the same form as the one that it reads."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest

import glassnet as gn

EXAMPLE = "12_names"


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """A package of 300 names: two letters and two letters again, as in "KAKA", which the network can find out."""
    rng = np.random.default_rng(0)
    made = [2 * "".join(rng.choice(list(part)) for part in ("BDKLMNRST", "AEIO")) for _ in range(300)]
    package = ModuleType("names")
    package.__spec__ = ModuleSpec("names", None)
    package.FILES = {"first:female": tmp_path / "female", "first:male": tmp_path / "male"}
    for number, path in enumerate(package.FILES.values()):
        lines = [f"{name}{'XYZ'[i % 3]}      1.0  {i}.0      {i}" for i, name in enumerate(made[number::2])]
        path.write_text("\n".join(lines) + "\n")
    monkeypatch.setitem(sys.modules, "names", package)


def test_it_learns_what_names_are_made_of(run_example, made_up):
    (model, measured, names), printed = run_example(EXAMPLE, epochs=40)
    assert model.network.parameters.size == 4192 - 2 * 16 * (27 - len(model.vocabulary))
    assert measured["loss"] < 1.45
    assert "a perplexity of" in printed
    assert "a perplexity of" in run_example(EXAMPLE, epochs=1)[1]
    assert np.mean([name[:2] == name[2:4] for name in names]) > 0.5


def test_without_the_package_it_says_what_to_install(run_example, monkeypatch):
    monkeypatch.setitem(sys.modules, "names", None)
    with pytest.raises(gn.MissingExtraError, match=r"no names.*glassnet\[examples\]"):
        run_example(EXAMPLE)
