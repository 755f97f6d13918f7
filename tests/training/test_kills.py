"""Kills at random moments; ``tests/soak/kills.py`` does hundreds of them."""

from __future__ import annotations

from pathlib import Path

from soak.kills import kill_many


def test_a_training_that_is_killed_twenty_times_ends_in_the_bits_of_the_unbroken_one(tmp_path: Path) -> None:
    counted = kill_many(20, tmp_path)
    assert counted["kills"] == 20
    assert counted["files read"] > 20
    assert counted["trainings finished"] >= 1
