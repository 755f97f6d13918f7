"""What a rank makes of signs of life: lost is who is silent while this rank is awake."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from glassnet.distributed import pulse

SILENCE, TURN = 0.3, 0.01


class Beats:
    """A rank that gives a sign at each turn of this one, or none after the first; an hour passes between two turns.

    After that hour its next sign comes later than this rank's turn.
    """

    def __init__(self, *, lasts: bool) -> None:
        self._lasts, self._waiting, self.turns = lasts, True, 0

    def Isend(self, *_: Any) -> Any:  # noqa: N802 - as mpi4py has it
        self.turns += 1
        self._waiting = self.turns <= 2 or (self._lasts and self.turns != 6)
        return SimpleNamespace(Test=lambda: True)

    def Iprobe(self, *_: Any) -> bool:  # noqa: N802
        return self._waiting

    def Recv(self, buffer: Any, *_: Any) -> None:  # noqa: N802
        buffer[0] = pulse.ALIVE
        self._waiting = False

    def now(self) -> float:
        """The time."""
        return time.monotonic() + (3600.0 if self.turns >= 5 else 0.0)


@pytest.mark.parametrize("lasts", [True, False])
def test_only_a_rank_that_is_silent_while_this_one_is_awake_is_lost(
    lasts: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beats, ends = Beats(lasts=lasts), list[int]()
    for name, value in (("TURN_SECONDS", TURN), ("LONGEST_TURN", 4 * TURN), ("HEARD_SECONDS", 0.0)):
        monkeypatch.setattr(pulse, name, value)
    monkeypatch.setattr(pulse, "monotonic", beats.now)
    mpi = SimpleNamespace(COMM_WORLD=SimpleNamespace(Abort=ends.append))
    world: Any = SimpleNamespace(rank=0, size=2, silence=SILENCE, beats=beats, mpi=mpi)
    with pulse.Pulse(world):
        until = time.monotonic() + 30
        while not ends and time.monotonic() < until and (beats.turns < 50 or not lasts):
            time.sleep(TURN)
    assert bool(ends) is not lasts
    assert ("rank 1 has given no sign of life for 0 seconds" in capsys.readouterr().err) is not lasts
