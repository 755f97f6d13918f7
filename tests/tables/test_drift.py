"""How far new rows are from those of the training: numbers by hand, verdicts by chance, files with and without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.tables import Profile
from glassnet.tables.drift import chi_square_quantile, stability_index

AGES = [*range(1, 101)]


def rows(seed: int, count: int = 400, shift: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + shift, 9, count)
    day = np.datetime64("2024-01-01") + rng.integers(0, 300, count).astype("timedelta64[D]")
    town = rng.choice(["Ulm", "Bern", "Graz"], count, p=[0.5, 0.3, 0.2])
    return {"age": age, "town": town, "day": day, "buys": np.where(age > 40, "yes", "no")}


def test_the_index_is_the_sum_by_hand() -> None:
    index, noise = stability_index(np.array([50, 30, 20]), np.array([30, 30, 40]), 0.05)
    assert index == pytest.approx((0.3 - 0.5) * np.log(0.3 / 0.5) + (0.4 - 0.2) * np.log(0.4 / 0.2))
    assert noise == pytest.approx(5.991 * (1 / 100 + 1 / 100), rel=0.02)  # the 95 % quantile of χ² with 2 degrees
    assert stability_index(np.array([5, 0]), np.array([9, 0]), 0.05) == (0.0, 0.0)


def test_quantiles_of_chi_square() -> None:
    tables = {(0.95, 1): 3.841, (0.99, 9): 21.666, (0.999, 20): 45.315, (0.9999, 3): 21.108}
    for (share, degrees), value in tables.items():
        assert chi_square_quantile(share, degrees) == pytest.approx(value, rel=0.04)


def test_bins_have_as_many_values_and_edges_belong_below() -> None:
    table = gn.Table.from_data({"age": AGES, "kind": ["a"] * 60 + ["b"] * 39 + [None]})
    age, kind = table.profiles["age"], table.profiles["kind"]
    assert age.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert (age.counts, age.low, age.high, age.rows, age.missing) == ((10,) * 10, 1, 100, 100, 0)
    assert (kind.words, kind.counts, kind.missing) == (("a", "b"), (60, 39, 0), 1)


def test_what_has_moved_is_named_and_how() -> None:
    table = gn.Table.from_data(rows(0), "buys")
    new = rows(1, shift=9.0)
    new["town"] = np.where(new["town"] == "Graz", "Wien", new["town"])
    new["day"][:100] = np.datetime64("NaT")
    found = {own.column: own for own in table.drift(new)}
    assert {name: own.verdict for name, own in found.items()} == dict.fromkeys(found, "strong")
    assert found["town"].new_words == (("Wien", int((new["town"] == "Wien").sum())),)
    assert found["day"].missing == (0.0, 0.25)
    assert found["age"].outside == int((new["age"] > rows(0)["age"].max()).sum())
    assert sum(found["buys"].found) == pytest.approx(1)
    assert found["buys"].found[table.profiles["buys"].words.index("no")] == pytest.approx(np.mean(new["buys"] == "no"))
    assert {own.column for own in table.drift({k: v for k, v in new.items() if k != "buys"})} == {"age", "town", "day"}


def test_chance_is_rarely_taken_for_drift() -> None:
    table = gn.Table.from_data(rows(0), "buys")
    named = [any(own.verdict != "none" for own in table.drift(rows(seed, 80))) for seed in range(1, 101)]
    assert sum(named) <= 5


def test_a_file_keeps_the_profiles_and_an_older_one_has_none(tmp_path: Path) -> None:
    data = rows(0)
    table = gn.Table.from_data(data, "buys")
    model = gn.Model(gn.Sequential(gn.Dense(2)), table.loss, gn.Adam(0.1))
    model.preprocessing, model.class_names = table, table.class_names
    model.fit(data, table.targets(data), epochs=1, verbose=False)
    fingerprint = model.fingerprint()
    model.save(tmp_path / "new.safetensors")
    loaded = gn.load(tmp_path / "new.safetensors")
    assert loaded.preprocessing.drift(rows(1)) == table.drift(rows(1))
    for column in table.columns:
        column.profile = None
    table.target.profiles = {}
    model.save(tmp_path / "old.safetensors")
    assert model.fingerprint() == fingerprint
    old = gn.load(tmp_path / "old.safetensors").preprocessing
    with pytest.raises(gn.ConfigurationError, match="learn the table anew"):
        old.drift(rows(1))


def test_blocks_have_the_same_profiles(tmp_path: Path) -> None:
    data = rows(0)
    lines = [",".join(data), *(",".join(map(str, row)) for row in zip(*data.values(), strict=True))]
    (tmp_path / "a.csv").write_text("\n".join(lines[:200]) + "\n")
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[200:]]) + "\n")
    blocks = gn.data.blocks([tmp_path / "a.csv", tmp_path / "b.csv"], target="buys")
    streamed = gn.Table.from_data(blocks)
    whole = gn.Table.from_data(data, "buys")
    for name in ("age", "town", "day"):
        assert repr(streamed.profiles[name]) == repr(whole.profiles[name])


@pytest.mark.parametrize(
    "given",
    [
        {"rows": 3, "missing": 4, "counts": (3,)},
        {"rows": 3, "missing": 0, "counts": (3,), "edges": (1.0,), "low": 0.0, "high": 2.0},
        {"rows": 3, "missing": 0, "counts": (1, 1, 1), "edges": (2.0, 1.0), "low": 0.0, "high": 2.0},
        {"rows": 3, "missing": 0, "counts": (1, 1, 1), "words": ("a", "a")},
        {"rows": 3, "missing": 0, "counts": (1, 2), "words": ("a",), "low": 1.0},
        {"rows": 3, "missing": 0, "counts": (1, -2), "words": ("a",)},
    ],
    ids=json.dumps,
)
def test_what_is_no_profile(given: dict[str, Any]) -> None:
    with pytest.raises((ValueError, gn.ConfigurationError)):
        Profile(**given)
