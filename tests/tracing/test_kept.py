"""What a page keeps of a step that is too large for it: whoever follows the first terms gets down to the inputs."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest

import glassnet as gn
from glassnet.tracing import content as contents
from glassnet.tracing.content import Content
from glassnet.tracing.evaluation import Evaluation
from glassnet.tracing.kept import origins_of
from glassnet.tracing.overview import overview_of
from glassnet.zoo import resnet


def test_a_residual_network_is_explained_down_to_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_BYTES", 500_000)  # of 1.4 million
    monkeypatch.setattr(contents, "MOST_SHOWN", 250_000)
    monkeypatch.setattr(contents, "DIFFERENCE_WORK", 0)
    model = gn.Model(resnet(3, widths=(4, 8, 16)), "cross_entropy", gn.SGD(0.1))
    trace = gn.trace(model, np.random.default_rng(0).normal(size=(4, 3, 16, 16)), [0, 1, 2, 0])
    content = Content(trace)
    assert content.store.kept_bytes <= 500_000 < content.store.bytes
    origins, met = origins_of(content.entries), set()
    for number, entry in enumerate(content.entries):
        for target in entry.formulas.outputs:
            at = number, target, int(entry.shown(target)[0])
            while at is not None:  # the first term of the first array, as one would click
                number_, name, place = at
                own = content.entries[number_]
                evaluation = Evaluation(own.formulas, own.arrays)
                evaluation(name, np.array([place]))
                read = {array: int(np.argmax(found)) for array, found in evaluation.read.items() if found.any()}
                for array in read:
                    needed = np.flatnonzero(evaluation.read[array])
                    assert content.store.cost(own.ids[array], needed) == 0, (own.call.kernel, name, array)
                if at in met:
                    break
                met.add(at)
                steps = ((origins.get((number_, array), []), first) for array, first in read.items())
                at = next(((*found[0], first) for found, first in steps if found), None)
    assert {number for number, _, _ in met} == set(range(len(content.entries)))


def test_the_picture_of_a_whole_array_shows_where_something_is() -> None:
    array = np.zeros((100, 3, 70), np.float32)
    array[57, 1, 3], array[99, 2, 69] = -4.0, 1e-9
    found = overview_of(array, (10, 3, 70))
    assert (found["axes"], found["rows"], found["columns"]) == ([0, 2], 32, 32)
    cells = np.frombuffer(b64decode(found["cells"]), np.int8).reshape(32, 32)
    assert np.argwhere(cells).tolist() == [[57 * 32 // 100, 3 * 32 // 70], [31, 31]]
    assert cells.min() == -127
    assert cells.max() == 1  # what is not 0 does not look like 0
    assert overview_of(np.zeros(5), (2,))["columns"] == 5
