"""What a trace's page holds: its calls, their arrays and formulas, as JSON that the page's script reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array, Shape
from glassnet.derivatives.differences import Differences, Slopes
from glassnet.tracing.calls import arrays_of, formulas_for
from glassnet.tracing.entry import Entry
from glassnet.tracing.exact import Exact
from glassnet.tracing.formulas import names_in
from glassnet.tracing.kept import Keeper, origins_of
from glassnet.tracing.overview import overview_of
from glassnet.tracing.step import LoggedStep
from glassnet.tracing.store import Store, part_of, start_of
from glassnet.tracing.symbols import axes, symbol

MOST_BYTES = 6_300_000
"""The numbers on a page take no more; as text they take a third more."""
MOST_SHOWN = 1_200_000
"""Those that are shown, before what explains them, take no more."""
LIMITS = ((4096, 16384), (1024, 6272), (256, 1568), (64, 784))
"""Elements that are shown of an array, and of an array of images: the first pair that fits."""
DIFFERENCE_WORK = 1_500_000_000
"""Floating-point operations for central differences, a few seconds."""


class Content:
    """The content of a page.

    Args:
        trace: the step.

    Attributes:
        entries: its calls in their order.
        store: their numbers, as many as a page can hold.
    """

    def __init__(self, trace: LoggedStep) -> None:
        self.trace = trace
        self.store = Store()
        self.entries: list[Entry] = []
        for phase, calls in (
            ("forward", [("", call) for call in trace.forward]),
            ("loss", [("", call) for call in trace.loss_forward]),
            ("backward", [("", call) for call in trace.backward]),
            ("update", list(trace.update)),
        ):
            for parameter, call in calls:
                arrays = arrays_of(call)
                ids = {name: self.store.add(array) for name, array in arrays.items()}
                self.entries.append(Entry(call, phase, parameter, formulas_for(call), arrays, ids))
        self._choose_parts()
        self._differences()

    def _choose_parts(self) -> None:
        for limits in LIMITS:
            self.store.forget()
            for entry in self.entries:
                entry.parts = {name: part_of(array.shape, *limits) for name, array in entry.arrays.items()}
                entry.starts = {name: self._start(entry, name) for name in entry.arrays}
                for name in entry.arrays:
                    self.store.keep(entry.ids[name], entry.shown(name))
            if self.store.kept_bytes <= MOST_SHOWN:
                break
        if self.store.bytes <= MOST_BYTES:
            for entry in self.entries:
                for number in entry.ids.values():
                    self.store.keep(number)
        else:
            Keeper(self.entries, self.store, MOST_BYTES).keep()

    def _start(self, entry: Entry, name: str) -> Shape:
        array, part = entry.arrays[name], entry.parts[name]
        # Rows of pixels in one axis begin where the picture does.
        is_whole = part == array.shape or bool(self._maps(entry, array))
        return (0,) * array.ndim if is_whole else start_of(array, part)

    def _differences(self) -> None:
        """Central differences for the gradients that are shown, the same share of the work for each array."""
        subject, trace = self.trace.subject, self.trace
        if not subject.training:
            return
        loss = Differences(subject.network, subject.loss, subject.rows, seed=subject.seed, step=subject.optimizer.steps)
        layout = subject.network.layout
        waiting: list[tuple[int, Entry, str, int | str]] = []  # work for an element, and where it lies or whose input
        backward = [entry for entry in self.entries if entry.phase == "backward"]
        last = {entry.call.path: entry for entry in backward}
        gradients = trace.buffers[1]
        places = [(entry, name, entry.place(name)) for entry in backward for name in entry.written()]
        whole = {place.start: entry for entry, _, place in places if place is not None and gradients.contains(place)}
        for entry, name, place in places:
            if place is not None and gradients.contains(place):
                if whole[place.start] is entry:  # else a part of a gradient, of weights that stand in several places
                    element = (place.start - gradients.start) // subject.network.dtype.itemsize
                    segment = next(s for s in layout if s.start <= element < s.stop)
                    first = loss.first_reader(segment.start, segment.stop - segment.start)
                    if first is not None:
                        waiting.append((2 * loss.work(first), entry, name, segment.start))
            elif last[entry.call.path] is entry and name in ("dx", "dx_", "doutputs"):
                first = loss.first_call(entry.call.path)
                if first is not None:
                    waiting.append((2 * loss.work(first), entry, name, entry.call.path))
        exact = Exact(self.trace) if subject.network.dtype == np.float32 else None
        left = DIFFERENCE_WORK
        for done, (work, entry, name, where) in enumerate(sorted(waiting, key=lambda item: item[0])):
            array = entry.arrays[name]
            elements = entry.shown(name)
            elements = elements[: max(0, left // (len(waiting) - done) // work)]
            left -= len(elements) * work
            if len(elements) == 0:
                continue
            if isinstance(where, str):
                found = loss.of_input(where, elements, array.size)
            else:
                found = loss.of_parameters(where + elements)
            entry.differences[name] = {p: s for p, s in zip(elements.tolist(), found, strict=False) if s is not None}
            entry.exact[name] = (exact.of(entry.call, name) if exact is not None else array).reshape(-1)

    def data(self) -> dict[str, str]:
        """Which arrays that calls read are of the batch: "inputs" or "targets" where they lie as there, else "part"."""
        rows, found, written = self.trace.subject.rows, {}, set[Place]()
        wholes = {name: place_of(own) for name, own in (("inputs", rows.x), ("targets", rows.targets))}
        others = [place_of(own) for own in (rows.loss_weights, rows.lengths) if own is not None]
        for number, entry in enumerate(self.entries):
            for name in entry.call.inputs:
                place = entry.place(name)
                if place is None or place in written:
                    continue
                if any(whole.contains(place) for whole in (*wholes.values(), *others)):
                    kinds = [kind for kind, whole in wholes.items() if whole == place]
                    found[f"{number}:{name}"] = kinds[0] if kinds else "part"
            written |= {place for name in entry.written() if (place := entry.place(name)) is not None}
        return found

    def beginnings(self) -> dict[str, list[list[Any]]]:
        """Row, name, raw value, expression and number of each element of the batch that is followed back."""
        subject = self.trace.subject
        return {name: [list(own) for own in getattr(subject, name)] for name in ("inputs", "targets")}

    def to_json(self, language: str) -> dict[str, Any]:
        """Everything, as JSON takes it, with sentences in one language."""
        origins = origins_of(self.entries)
        seen: dict[tuple[Place | None, int], tuple[int, str]] = {}
        calls = []
        for number, entry in enumerate(self.entries):
            shown = {}
            for name, array in entry.arrays.items():
                place = entry.place(name)
                came_from = origins.get((number, name), [])
                shown[name] = self._array(entry, name, array)
                if entry.role(name) in ("reads", "before"):
                    shown[name]["from"] = came_from
                    version = place, came_from[0][0] if came_from else -1
                    first = came_from[0] if came_from else seen.setdefault(version, (number, name))
                    if first != (number, name):
                        shown[name]["shown"] = first
                        continue
                if entry.parts[name] != array.shape and not shown[name].get("maps"):
                    shown[name]["overview"] = overview_of(array, entry.parts[name])
            calls.append(self._call(number, entry, shown, language))
        return {"calls": calls, "arrays": self.store.to_json()}

    def _array(self, entry: Entry, name: str, array: Array) -> dict[str, Any]:
        letters = axes(entry.formulas.letters.get(name.removesuffix("_"), ()), entry.call.entry)
        finite = np.abs(array[np.isfinite(array)].astype(np.float64))
        found: dict[str, Any] = {
            "id": entry.ids[name],
            "shape": array.shape,
            "part": entry.parts[name],
            "at": entry.starts[name],
            "role": entry.role(name),
            "symbol": symbol(name, entry.call.entry),
            "scale": float(finite.max(initial=0.0)),
            "dtype": str(array.dtype),
        }
        more = {"letters": letters, "named": self._named(entry, array), "maps": self._maps(entry, array)}
        return found | {name: value for name, value in more.items() if value}

    def _named(self, entry: Entry, array: Array) -> str:
        """What names the columns bear: those of the features for what comes in, those of the classes at the loss."""
        subject = self.trace.subject
        names = {"features": subject.feature_names, "classes": subject.class_names}
        kind = "classes" if entry.call.path == "loss" else "features" if entry is self.entries[0] else ""
        fits = kind and array.ndim == 2 and array.shape[1] == len(names[kind] or ())
        return kind if fits else ""

    def _maps(self, entry: Entry, array: Array) -> list[int]:
        """Height and width of images whose pixels a call sees in one row: normalisation does."""
        layers = dict(self.trace.subject.network.walk())
        layer = layers.get(entry.call.path)
        shape = (layer.input_shape or ()) if layer is not None else ()
        is_flat = array.ndim == 3 and len(shape) == 3 and array.shape[1:] == (shape[0], shape[1] * shape[2])
        return list(shape[1:]) if is_flat and shape[1] > 1 else []

    def _call(self, number: int, entry: Entry, arrays: dict[str, Any], language: str) -> dict[str, Any]:
        call, formulas = entry.call, entry.formulas
        kernel = call.entry
        names = {name for formula in formulas.outputs.values() for name in names_in(formula.expression)}
        names |= {name for arguments, body in formulas.shorts.values() for name in [*arguments, *names_in(body)]}
        names |= {name for formula in formulas.outputs.values() for name in formula.indices or ()}
        names |= {name for steps in formulas.why.values() for _, sides in steps for name in names_in(sides)}
        return {
            "step": number + 1,
            "kernel": kernel.name,
            "unexplained": "python" if kernel.calls_python else "random" if kernel.draws else "unexplained",
            "caller": call.caller,
            "path": call.path,
            "equation": call.equation,
            "settings": formulas.settings,
            "arrays": arrays,
            "formulas": {
                target: {"indices": formula.indices, "tree": formula.expression}
                for target, formula in formulas.outputs.items()
            },
            "why": {
                target: [[getattr(step, language), sides] for step, sides in steps]
                for target, steps in formulas.why.items()
            },
            "shorts": {name: {"arguments": given, "tree": tree} for name, (given, tree) in formulas.shorts.items()},
            "symbols": {name: symbol(name, kernel) for name in sorted(names | set(formulas.shorts))},
            "differences": {
                name: [[place, *_numbers(found, float(entry.exact[name][place]))] for place, found in slopes.items()]
                for name, slopes in entry.differences.items()
            },
        }


def _numbers(found: Slopes, exact: float) -> list[float | None]:
    """The central slope and the gradient in float64; where there is a kink, the slopes of both sides too."""
    numbers = [found.central, exact] + ([found.left, found.right] if found.is_kink else [])
    return [number if np.isfinite(number) else None for number in numbers]
