"""Which numbers a page keeps of a step that is too large for it: what explains the numbers that are shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from glassnet.core.places import Place
from glassnet.core.shapes import Array
from glassnet.tracing.entry import Entry
from glassnet.tracing.evaluation import Evaluation
from glassnet.tracing.store import Store

MOST_TERMS = 30_000_000
"""No more are looked at to find which numbers an array's elements are made of."""
MOST_FOLLOWED = 3000
"""No more elements are followed down to the inputs."""
Element = tuple[int, str, int]
"""A call's number, an array that it writes, and a flat place."""


class Keeper:
    """Keeps the numbers that explanations need, as far as there is room.

    First one element of every array, and of each array that it reads the first element that it asks for, and so on down
    to the inputs: whoever follows the first terms meets no gap. Then what else is shown, the shortest sums first.

    Args:
        entries: the page's calls.
        store: their numbers.
        most_bytes: which all that is kept may take.
    """

    def __init__(self, entries: Sequence[Entry], store: Store, most_bytes: int) -> None:
        self._entries, self._store, self._most = entries, store, most_bytes
        self._evaluations: dict[int, Evaluation] = {}
        self._origins = origins_of(entries)

    def keep(self) -> None:
        """Keeps both."""
        self._follow()
        needs = []
        for number, entry in enumerate(self._entries):
            evaluation = self._evaluation(number)
            for target in entry.formulas.outputs:
                terms = evaluation.terms_of(target)
                needs.append((terms, number, target, entry.shown(target)[: max(1, MOST_TERMS // terms)]))
        for _, number, target, places in sorted(needs, key=lambda need: need[:3]):
            while len(places) and not self._keeps(number, target, places):
                places = places[: len(places) // 2]

    def _follow(self) -> None:
        waiting: deque[Element] = deque()
        for number, entry in enumerate(self._entries):
            firsts = [(target, entry.shown(target)[:1].tolist()) for target in entry.formulas.outputs]
            waiting.extend((number, target, place) for target, places in firsts for place in places)
        seen = set(waiting)
        for _ in range(MOST_FOLLOWED):
            if not waiting:
                return
            number, target, place = waiting.popleft()
            self._keeps(number, target, np.array([place]))
            for name, read in self._evaluation(number).read.items():
                if read.any():
                    for writer, written in self._origins.get((number, name), [])[:1]:
                        found = writer, written, int(np.argmax(read))
                        if written in self._entries[writer].formulas.outputs and found not in seen:
                            seen.add(found)
                            waiting.append(found)

    def _evaluation(self, number: int) -> Evaluation:
        if number not in self._evaluations:
            entry = self._entries[number]
            self._evaluations[number] = Evaluation(entry.formulas, entry.arrays)
        return self._evaluations[number]

    def _keeps(self, number: int, target: str, places: Array) -> bool:
        """Keeps what elements are made of, their derivation as well, if there is room for all of it."""
        entry, evaluation = self._entries[number], self._evaluation(number)
        for read in evaluation.read.values():
            read[...] = False
        evaluation(target, places)
        for _ in evaluation.sides(target, places):
            pass
        needed = [(entry.ids[name], read) for name, read in evaluation.read.items()]
        needed.append((entry.ids[target], places))
        if self._store.kept_bytes + sum(self._store.cost(*one) for one in needed) > self._most:
            return False
        for one in needed:
            self._store.keep(*one)
        return True


def origins_of(entries: Sequence[Entry]) -> dict[tuple[int, str], list[tuple[int, str]]]:
    """For each array that a call reads, by the call's number and its name: who wrote it, the last one first."""
    writers: dict[Place, list[tuple[int, str]]] = {}
    found: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for number, entry in enumerate(entries):
        for name in entry.arrays:
            place = entry.place(name)
            if entry.role(name) in ("reads", "before"):
                found[number, name] = writers.get(place, [])[::-1] if place is not None else []
        for name in entry.written():
            place = entry.place(name)
            if place is not None:
                whole = place not in writers or not entry.call.entry.writes_part
                writers[place] = [*([] if whole else writers[place]), (number, name)]
    return found
