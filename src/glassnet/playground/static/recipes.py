"""Which kernels a network's parts call, on what: recorded from the parts themselves, for sizes that are yet to come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from glassnet.core.places import place_of
from glassnet.core.shapes import Array
from glassnet.layers import ACTIVATIONS as LAYERS
from glassnet.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D
from glassnet.losses import as_loss
from glassnet.network import Sequential
from glassnet.optimizers import L1, L2, SGD, Chain, Optimizer
from glassnet.playground.models import IMAGE, optimizer_of
from glassnet.playground.settings import ACTIVATIONS, LOSSES, OPTIMIZERS, RANGES, Setting
from glassnet.playground.static.kernels import HEAD, function_of
from glassnet.playground.static.stories import story_of
from glassnet.runners import Recorder
from glassnet.runners.recorder import RecordedCall, StepNumber
from glassnet.tracing.formulas import formulas_of

ROWS, INPUTS, OUTPUTS, FLAT = 23, 11, 13, 29
"""Sizes of the recordings, by which a size is known again."""
SIZES = {ROWS: "N", INPUTS: "D", OUTPUTS: "M", FLAT: "P", ROWS * prod(IMAGE): "R"}
OF_MAPS = ("batch_norm_maps", "max_pool")
"""What comes behind a convolution, whose rows are maps."""
FLOAT = np.dtype(np.float32)


@dataclass
class Recipes:
    """What the page's script builds a training step from.

    Attributes:
        functions: the kernels' text by their names.
        layers: by name the parameters, the calls forward, in prediction and backward, and the buffers between them.
        losses: by name the calls of rows' weights, forward and backward, and the border between two classes.
        rules: by name the calls of an update and the arrays that the rule remembers.
        penalties: by name the calls before it.
        stories: what there is to be told of calls, which have a number of these.
    """

    functions: dict[str, str] = field(default_factory=dict)
    layers: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    penalties: dict[str, Any] = field(default_factory=dict)
    stories: list[Any] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """All but the functions."""
        return {name: getattr(self, name) for name in ("layers", "losses", "rules", "penalties", "stories")}

    def script(self) -> str:
        """The functions, as a JavaScript module that exports them by name."""
        names = ", ".join(self.functions)
        return f"{HEAD}{chr(10).join(self.functions.values())}\nconst KERNELS = {{ {names} }};\nexport {{ KERNELS }};\n"


def recipes() -> Recipes:
    """Those of everything that a setting can ask for."""
    found = Recipes()
    for name, layer in _layers():
        shape = (1, *IMAGE) if isinstance(layer, Conv2D) else (OUTPUTS, *IMAGE) if name in OF_MAPS else (INPUTS,)
        found.layers[name] = _Recording(found).layer(layer, shape)
    for task, names in LOSSES.items():
        for name in names:
            found.losses[name] = _Recording(found).loss(name, is_classes=task == "classes")
    for name in OPTIMIZERS:
        found.rules[name] = _Recording(found).update(optimizer_of(Setting(optimizer=name)))
    for name, penalty in (("l1", L1), ("l2", L2)):
        found.penalties[name] = _Recording(found).update(Chain(penalty(0.5), SGD(0.5)))["calls"][:1]
    return found


def _layers() -> Iterable[tuple[str, Layer]]:
    yield "dense", Dense(OUTPUTS)
    yield from ((name, LAYERS[name]()) for name in ACTIVATIONS if name != "linear")
    yield from (("batch_norm", BatchNorm()), ("dropout", Dropout(0.5)), ("view", Flatten()))
    yield from (("batch_norm_maps", BatchNorm()), ("max_pool", MaxPool2D(2)))
    smallest, largest = RANGES["kernel_size"]
    for size in range(smallest, largest + 1):  # a function for each, since the zeros around a picture depend on it
        yield f"conv2d_{size}", Conv2D(OUTPUTS, size, padding="same")


class _Recording:
    """The calls of one part, with names for the arrays that they speak of."""

    def __init__(self, recipes: Recipes) -> None:
        self.recipes = recipes
        self.recorder = Recorder(0)
        self.names: dict[tuple[int, int], str] = {}
        self.buffers: dict[str, Any] = {}

    def name(self, array: Array, name: str) -> Array:
        place = place_of(array)
        self.names[place.buffer, place.start] = name
        return array

    def layer(self, layer: Layer, shape: tuple[int, ...]) -> dict[str, Any]:
        network = Sequential(layer)
        network.build(shape)
        parameters = self._parameters(network)
        x = self.name(self.recorder.empty((ROWS, *shape), FLOAT), "x")
        y, cache = self.recorder.forward(network, x, training=True)
        self.name(y, "y")
        forward = self._taken()
        dy = self.name(self.recorder.empty(y.shape, FLOAT), "dy")
        dx = self.recorder.backward(network, dy, cache)
        self.name(dx, "dx")
        backward = self._taken()
        predicted, _ = self.recorder.forward(network, x, training=False)
        if predicted is not x:
            self.name(predicted, "y")
        found: dict[str, Any] = {
            "parameters": parameters,
            "forward": self._calls(forward),
            "backward": self._calls(backward),
        }
        found["title"] = re.sub(rf"\b{OUTPUTS}\b", "{units}", repr(layer)).replace("0.5", "{rate}")
        return found | {"predict": self._calls(self._taken()), "buffers": self.buffers}

    def loss(self, name: str, *, is_classes: bool) -> dict[str, Any]:
        loss = as_loss(name)
        shape = (OUTPUTS,) if is_classes else (1,)
        outputs = self.name(self.recorder.empty((ROWS, *shape), FLOAT), "outputs")
        targets = self.name(loss.example_targets(ROWS, shape, FLOAT), "targets")
        weights, total = loss.row_weights(self.recorder, outputs, None)
        value, cache = loss.forward(self.recorder, outputs, targets, weights)
        self.name(value, "value")
        forward = self._taken()
        self.name(loss.backward(self.recorder, outputs, targets, weights, cache), "doutputs")
        backward = self._taken()
        del total
        found = {"forward": self._calls(forward), "backward": self._calls(backward), "buffers": self.buffers}
        found["title"] = repr(loss)
        return found | {"labels": "Int32Array" if is_classes else "Float32Array", "boundary": loss.boundary}

    def update(self, optimizer: Optimizer) -> dict[str, Any]:
        network = Sequential(Dense(1))
        network.build((FLAT - 1,))
        self._parameters(network)
        self.name(network.parameters, "parameters")
        self.name(network.gradients, "gradients")
        # A weight at the flat arrays' beginning is told from these by its shape.
        optimizer.prepare(network.parameters)
        for name, array in optimizer.state.items():
            self.name(array, f"state {name}")
        optimizer.update(self.recorder, network.parameters, network.gradients, network.layout)
        return {"calls": self._calls(self._taken()), "state": list(optimizer.state)}

    def _parameters(self, network: Sequential) -> list[dict[str, Any]]:
        found = []
        for part in network.layout:
            name = part.path.rpartition(".")[2]
            values, gradients = part.view(network.parameters), part.view(network.gradients)
            self.name(values, f"value {name}")
            self.name(gradients, f"gradient {name}")
            start: Any = float(values.flat[0]) if np.ptp(values) == 0 else "drawn"
            shape = [SIZES.get(size, size) for size in part.shape]
            found.append({"name": name, "shape": shape, "start": start, "is_weight": part.is_weight})
            found[-1]["trainable"] = part.trainable
        return found

    def _taken(self) -> list[RecordedCall]:
        calls, self.recorder.calls = self.recorder.calls, []
        return calls

    def _calls(self, calls: list[RecordedCall]) -> list[dict[str, Any]]:
        return [self._call(call) for call in calls]

    def _call(self, call: RecordedCall) -> dict[str, Any]:
        arrays = {name: array for name, array in call.arrays.items() if array is not None}
        shapes = {name: array.shape for name, array in arrays.items()}
        by_step = {
            name: getattr(s.of, "__name__", name) for name, s in call.settings.items() if isinstance(s, StepNumber)
        }
        plain = {name: 1 if name in by_step else value for name, value in call.settings.items()}
        formulas = formulas_of(call.kernel.elements, shapes, plain, FLOAT, call.kernel.geometry)
        name = self._function(call, formulas, shapes)
        settings = {key: SIZES[int(v)] if key == "count" else v for key, v in formulas.settings.items()}
        drawn = {key: call.settings[key] for key in call.settings if call.kernel.draws and key not in by_step}
        return {
            "kernel": name,
            "arrays": {key: self._name_of(array) for key, array in arrays.items()},
            "settings": {key: v for key, v in (drawn | settings).items() if key not in by_step},
            "by_step": by_step,
            "draws": call.kernel.draws,
            "story": self._story(call, shapes, plain),
        }

    def _story(self, call: RecordedCall, shapes: dict[str, Any], plain: dict[str, Any]) -> int:
        """The number of what there is to be told of it, which calls of one form have in common."""
        kernel, stories = call.kernel, self.recipes.stories
        formulas = formulas_of(kernel.elements, shapes, plain, FLOAT, kernel.geometry, kernel.why)
        story = json.loads(json.dumps(story_of(call, formulas, shapes, SIZES)))
        if story not in stories:
            stories.append(story)
        return stories.index(story)

    def _function(self, call: RecordedCall, formulas: Any, shapes: dict[str, Any]) -> str:
        """The name of the function, which another call of the kernel may have had already."""
        known = self.recipes.functions
        for number in range(1, 100):
            name = call.kernel.name + (f"_{number}" if number > 1 else "")
            text = function_of(name, call.kernel, formulas, shapes, SIZES, floats=True)
            if known.setdefault(name, text) == text:
                return name
        raise ValueError(f"{call.kernel.name}: too many forms")

    def _name_of(self, array: Array) -> str:
        """The array's name; a weight is told from the flat array that it begins by its shape."""
        place = place_of(array)
        key = place.buffer, place.start
        if key not in self.names:
            self.names[key] = name = f"b{len(self.buffers)}"
            floats = "Float64Array" if array.itemsize == 8 else "Float32Array"
            kind = {"f": floats, "b": "Uint8Array", "u": "Uint8Array"}[array.dtype.kind]
            self.buffers[name] = {"shape": [SIZES.get(size, size) for size in array.shape], "kind": kind}
        name = self.names[key]
        if name in ("parameters", "gradients") and array.ndim > 1:
            return {"parameters": "value weight", "gradients": "gradient weight"}[name]
        return name
