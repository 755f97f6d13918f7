"""The words of a ``Graph``: which names there are, what takes what, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.shapes import Shape, as_shape
from glassnet.layers import Layer
from glassnet.network.children import as_layer
from glassnet.network.merges import MERGES, Merge
from glassnet.network.sequential import Sequential
from glassnet.runners.own import is_own

Inputs = dict[str, Shape | None]
Nodes = dict[str, tuple[Any, ...]]
"""What stands under each name: (layer, *names of what it takes)."""


def read_inputs(given: Any) -> Inputs:
    """The shape of one row of each input; None where it is left open, which a single input may."""
    if isinstance(given, str):
        given = {given: None}
    if not isinstance(given, Mapping) or not given:
        _refuse(f"inputs={shown(given)}", "a dict of shapes by name", 'write inputs={"left": 8, "image": (1, 8, 8)}')
    for name in given:
        _check_name(name, "input")
    shapes = {
        name: None if shape is None else as_shape(shape, where=f"Graph: input {name!r}")
        for name, shape in given.items()
    }
    if len(shapes) > 1 and None in shapes.values():
        name = next(name for name, shape in shapes.items() if shape is None)
        _refuse(f"input {name!r} without a shape", "a shape for each of several inputs", f"write {{{name!r}: 8, ...}}")
    return shapes


def read_nodes(given: Any, inputs: Inputs, adopt: Callable[[Layer], Layer]) -> Nodes:
    """The nodes with their layers, as the network adopts them, each with as many sources as it takes."""
    if not isinstance(given, Mapping) or not given:
        _refuse(
            f"nodes={shown(given)}", "a dict of (layer, *names) by name", 'write nodes={"code": (gn.Dense(4), "left")}'
        )
    nodes: Nodes = {}
    for name, node in given.items():
        _check_name(name, "node")
        if name in inputs:
            _refuse(f"{name!r} as an input and as a node", "a name of its own for each", "rename one of them")
        is_node = isinstance(node, list | tuple) and len(node) > 1 and all(isinstance(s, str) for s in node[1:])
        if not is_node:
            _refuse(
                f"node {name!r}: {shown(node)}",
                "(layer, *names): a layer and the names of what it takes",
                f'write {{{name!r}: (gn.Dense(4), "{next(iter(inputs))}")}}',
            )
        nodes[name] = (adopt(_as_node(node[0], name)), *node[1:])
    known = [*inputs, *nodes]
    for name, (layer, *sources) in nodes.items():
        for source in sources:
            if source not in known:
                _unknown(source, known, f"what node {name!r} takes")
        _check_count(name, layer, sources)
    return nodes


def read_outputs(given: Any, inputs: Inputs, nodes: Nodes) -> tuple[str, ...]:
    """The outputs' names."""
    outputs = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
    if not outputs:
        _refuse(f"outputs={shown(given)}", "the name of a node, or a list of them", f"write outputs={list(nodes)[-1:]}")
    for name in outputs:
        if not isinstance(name, str):
            _refuse(f"outputs={shown(given)}", "names of nodes", f"write outputs={list(nodes)[-1:]}")
        if name in inputs:
            _refuse(
                f"the input {name!r} as an output",
                "nodes",
                f'hand it through one: {{"{name}_copy": (gn.Identity(), {name!r})}}',
            )
        if name not in nodes:
            _unknown(name, list(nodes), "outputs")
    twice = [name for name in outputs if outputs.count(name) > 1]
    if twice:
        _refuse(f"the output {twice[0]!r} twice", "each output once", "drop one of them")
    return outputs


def require_used(inputs: Inputs, nodes: Nodes, outputs: Sequence[str]) -> None:
    """Refuses what no output depends on."""
    used, waiting = set(outputs), list(outputs)
    while waiting:
        for source in nodes.get(waiting.pop(), (None,))[1:]:
            if source not in used:
                used.add(source)
                waiting.append(source)
    unused = [f"input {name!r}" for name in inputs if name not in used]
    unused += [f"node {name!r}" for name in nodes if name not in used]
    if unused:
        _refuse(
            f"{', '.join(unused)}, which no output depends on",
            "each of them on the way to an output",
            "drop it, take it in a node, or name it in outputs=",
        )


def in_order(inputs: Inputs, nodes: Nodes) -> tuple[str, ...]:
    """The nodes' names, each behind what it takes, else as they were written.

    Raises:
        ConfigurationError: they lead round in a circle.
    """
    done: dict[str, None] = dict.fromkeys(inputs)
    while waiting := [name for name in nodes if name not in done]:
        ready = next((name for name in waiting if all(source in done for source in nodes[name][1:])), None)
        if ready is None:
            _refuse(
                f"a circle: {' takes '.join(_circle(nodes, waiting))}",
                "nodes that take inputs and nodes before them",
                "take one of them from a node that does not depend on it",
            )
        done[ready] = None
    return tuple(name for name in done if name not in inputs)


def _circle(nodes: Nodes, waiting: list[str]) -> list[str]:
    path = [waiting[0]]
    while path[-1] not in path[:-1]:
        path.append(next(source for source in nodes[path[-1]][1:] if source in waiting))
    return [repr(name) for name in path[path.index(path[-1]) :]]


def _as_node(given: Any, name: str) -> Layer:
    if isinstance(given, str) and given in MERGES:
        return MERGES[given]()
    if isinstance(given, list | tuple):
        return Sequential(*given)
    layer = as_layer(given)
    if isinstance(layer, Merge) and is_own(layer):
        _refuse(
            f"node {name!r}: {layer!r}, a merge of your own",
            "one of glassnet's: " + ", ".join(MERGES),
            "take gn.Concatenate() and behind it a layer of your own, a gn.NumpyLayer for instance",
        )
    return layer


def _check_count(name: str, layer: Layer, sources: list[str]) -> None:
    least, most = (2, layer.most) if isinstance(layer, Merge) else (1, 1)
    if len(sources) < least or (most is not None and len(sources) > most):
        wanted = {1: "one name"}.get(least, "two names" if most else "two names or more")
        fix = "drop the others, or join them in a node before: (gn.Concatenate(), ...)"
        if isinstance(layer, Merge):
            fix = "name what it takes" if len(sources) < least else "join the others in a node before"
        _refuse(f"node {name!r}: {layer!r} that takes {sources}", f"{wanted} for {type(layer).__name__}", fix)


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not ("_" + name).isidentifier() or not name:
        _refuse(
            f"the {what} name {name!r}", "letters, digits and underscores: paths are made of names", "choose another"
        )


def _unknown(name: Any, known: list[str], place: str) -> NoReturn:
    from difflib import get_close_matches  # asked for by messages alone

    close = get_close_matches(str(name), known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    _refuse(f"the name {name!r}{hint} in {place}", f"one of {', '.join(map(repr, known))}", "use one of them")


def _refuse(received: str, expected: str, fix: str) -> NoReturn:
    raise ConfigurationError(where="Graph", received=received, expected=expected, fix=fix)
