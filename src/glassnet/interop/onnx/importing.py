"""ONNX files as networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glassnet.core.calls import suggests
from glassnet.core.ending import to_the_end
from glassnet.core.errors import ConfigurationError, DataError, GlassnetError, require_extra
from glassnet.interop.onnx.arrange import along
from glassnet.interop.onnx.check import check
from glassnet.interop.onnx.load import load
from glassnet.interop.onnx.node import Found, Node, NoRowsError, UnsupportedError, require, scale
from glassnet.interop.onnx.operators import OPERATORS, refusal
from glassnet.interop.onnx.outputs import ML
from glassnet.interop.onnx.probing import WEIGHING
from glassnet.interop.onnx.scalar import SPELLING, spelt_out
from glassnet.interop.onnx.self_attention import INSIDE, attention
from glassnet.interop.onnx.sequences import RECURRENCES
from glassnet.interop.onnx.simplify import put_together, simplified
from glassnet.interop.onnx.source import Source
from glassnet.interop.onnx.ties import network_of, residual_of, tied
from glassnet.layers import Identity
from glassnet.network import Concat, Network, Sequential

JOINING = ("Add", "Concat", "Sub")
"""Operators that branches end in."""
BROKEN = (GlassnetError, ValueError, TypeError, LookupError)
"""What settings that do not fit an operator's inputs, or no layer, may raise."""
MOST_AXES = 3
"""A compiled kernel takes rows of so many axes."""
DEEPEST = 32
"""Branches inside of branches."""


@suggests
@to_the_end()
def from_onnx(path: str | Path, *, output: str | None = None) -> Network:
    """Reads a network with its weights, ready to predict and to be trained further, and proves it.

    Chains of operators with residual and parallel branches are understood. Rows keep the file's shapes: images
    (N, C, H, W), or (N, H, W, C) where the file has them so. Weights may stand in files beside the model, in its
    folder. A matrix that a lookup or a dense layer has, and a dense layer without bias behind it the other way round,
    becomes one, in ``Tied``, on a branch, too; any other weight that the file uses twice becomes two.

    What was read is compared with the file: both run on random rows (near 0 and far out, in batches of several sizes
    where that is free), the file in onnx's reference evaluator (in onnxruntime, if that is installed, where the
    evaluator lacks an operator). Each value that both have may differ by 3e-5 of the largest number of its row in
    float32, 1e-9 in float64, 1e-2 in float16, and by 16 times the network's own rounding beyond that.

    Args:
        path: the file.
        output: the name of the output to read; None for the one that is there. Of several, labels (whole numbers,
            words) are left aside, as scikit-learn's classifiers have them beside their probabilities: column k is the
            class that the file calls so; and outputs that are made of the first one.

    Returns:
        A built ``Sequential`` in the dtype of the file's weights (float32 or float64).

    Raises:
        MissingFileError: there is no such file, or none with its weights.
        FileFormatError: it is no ONNX file, or a damaged one.
        DataError: a weight is NaN, infinite or too large for the network's dtype.
        ConfigurationError: it has operators that no layer of glassnet expresses, all of which are listed, or one whose
            outputs differ from those of the layer, which is named; several inputs or outputs.
        MissingExtraError: onnx is not installed.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(1))
        >>> _ = net.build(2)
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "model.onnx")
        ...     _ = gn.interop.export_onnx(gn.Model(net, "mean_squared_error", "adam"), file)
        ...     again = gn.from_onnx(file)
        >>> again, bool((again.parameters == net.parameters).all())
        (Sequential(Dense(4), ReLU(), Dense(1)), True)
    """
    require_extra("onnx", extra="onnx", expected="onnx for reading its files", where="from_onnx")
    where = f"from_onnx {path}"
    try:
        return _imported(load(Path(path)), output, where)
    except GlassnetError:
        raise
    except (MemoryError, RecursionError) as error:
        raise refusal(where, f"a network that is too large here ({type(error).__name__} {error})", _PART) from error
    except Exception as error:  # what onnx and NumPy raise where a file's parts are not what its checker takes them for
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise refusal(where, f"a network whose parts do not fit each other ({reason})", _PART) from error


_PART = "export only that part of the network, or replace the operators before the export"


def _imported(proto: Any, output: str | None, where: str) -> Network:
    source = Source(proto, output=output, where=where)
    _require_known(source)
    stuck = source.look()
    if stuck is not None:
        raise _cannot_run(source, *stuck)
    _require_rows(source)
    reader = _Reader(source)
    found = simplified(reader.between(source.input, source.output)) or [Found(Identity())]
    found[-1] = replace(found[-1], value=source.output, order=None)
    found = tied(found, source.nodes)
    network = Sequential(*(item.layer for item in found))
    try:
        network.build(source.shape, dtype=source.dtype.name)
        _fill(found, where)
    except DataError:
        raise
    except (GlassnetError, ValueError) as error:
        raise refusal(where, f"operators that do not fit each other ({error})", _PART) from error
    for _, layer in network.walk():
        shapes = layer.input_shape or (), layer.output_shape or ()
        if max(map(len, shapes)) > MOST_AXES:
            raise refusal(where, f"rows of shape {shapes[0]} for {layer!r}, of more than {MOST_AXES} axes", _PART)
    check(network, found, source, {name: str(node) for name, node in reader.nodes.items()})
    return network


def _cannot_run(source: Source, proto: Any, reason: str) -> ConfigurationError:
    """The error for an operator that cannot be run: what no layer has of it, or why it cannot be."""
    node = Node(proto, source)
    try:
        if node.kind in OPERATORS:
            OPERATORS[node.kind](node)
    except NoRowsError:
        pass
    except (UnsupportedError, *BROKEN) as error:
        return refusal(source.where, f"{node} with {error}", _PART)
    fix = "check that onnxruntime runs the model; what cannot be run cannot be compared with what is read"
    return refusal(source.where, f"{node}, which onnx's reference evaluator cannot run ({reason})", fix)


def _require_rows(source: Source) -> None:
    """Refuses a graph of which an operator makes something else than a row of each row, or that ends in other axes."""
    proto = source.first_without_rows()
    if source.output in source.turned:
        proto = source.nodes[-1]
    if proto is None:
        return
    node = Node(proto, source)
    reason = f"the value {node.outputs[0]!r}, which has not a row for each row of the input"
    if source.output in source.turned:
        reason = f"the output {source.output!r}, which has its rows along axis {source.turned[source.output][1]}"
    try:
        if node.kind in OPERATORS:
            OPERATORS[node.kind](node)
    except (UnsupportedError, *BROKEN) as error:
        reason = str(error)
    raise refusal(source.where, f"{node} with {reason}", _PART)


def _fill(found: Sequence[Found], where: str) -> None:
    """Writes the file's weights into the built layers.

    Raises:
        DataError: there is one that is not finite.
    """
    for item in found:
        for name, values in item.parameters.items():
            own = item.layer.own_parameters()[name]
            if own.shape != values.shape:
                raise ValueError(f"{name} of {item.layer!r} has the shape {values.shape}, expected {own.shape}")
            if fault := own.fault_of(values):
                raise DataError(
                    where=where,
                    received=f"{name} of {item.layer!r:.200}"
                    + (f", which gives {item.value!r}" * bool(item.value))
                    + f", {fault}",
                    expected=f"finite numbers that {own.dtype} can hold, and no variance below 0",
                    fix="export the weights of a training that did not diverge",
                )
            own.value[...] = values
        for branch in item.branches or ():
            _fill(branch, where)


def _require_known(source: Source) -> None:
    """Refuses operators that no layer expresses, all at once."""
    of_data = [
        node for node in source.nodes if source.depends & set(node.input) and node.op_type not in ("Shape", "Size")
    ]
    inside = [node for node in source.nodes if any(a.HasField("g") or a.graphs for a in node.attribute)]
    # Parts of an activation that is spelt out end in a product or a choice.
    is_spelt = any(node.op_type in ("Mul", "Div", "Where", "Max", "Min") for node in of_data)
    has_weights = any(node.op_type in WEIGHING for node in of_data)
    known = {*OPERATORS, *JOINING, *(SPELLING if is_spelt else ()), *(INSIDE if has_weights else ())} - {"Scaler"}
    unknown = [
        node
        for node in of_data
        if not (
            node.op_type in known if node.domain in ("", "ai.onnx") else (node.domain, node.op_type) == (ML, "Scaler")
        )
    ]
    unknown += [node for node in inside if node not in unknown]
    if unknown:
        kinds = sorted({f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in unknown})
        named = ", ".join(dict.fromkeys(repr(node.name or node.output[0]) for node in unknown))
        operators = ", ".join(f"the operator {kind}" for kind in kinds)
        raise refusal(source.where, f"{operators} (in the nodes {named:.400})", _PART)


@dataclass
class _Walk:
    """The way that a value comes from.

    Attributes:
        node: that gives it.
        before: the nearest value that every way to it passes through.
        depth: how many such values there are.
    """

    node: Node
    before: str
    depth: int


class _Reader:
    """Goes from a graph to layers.

    Args:
        source: the graph, whose values have been looked at.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.walks: dict[str, _Walk] = {}
        self.nodes: dict[str, Node] = {}
        self.steps = 20 * len(source.nodes) + 100
        uses: dict[str, list[tuple[Any, int]]] = {}
        for proto in source.nodes:
            for place, name in enumerate(proto.input):
                uses.setdefault(name, []).append((proto, place))
            for place, name in enumerate(proto.output):
                if name in source.depends and set(proto.input) & source.depends:
                    self._place(Node(proto, source, place), name)
        self.indices = {
            name
            for name, walk in self.walks.items()
            if walk.node.kind == "Cast"
            and all((p.op_type, i) == ("Gather", 1) for p, i in uses.get(name, [(proto, 0)]))
        }

    def _place(self, node: Node, name: str) -> None:
        before, *others = (node.inputs[i] for i in node.data())
        for other in others:
            while before != other:  # the deeper one goes back, until they meet
                if self._depth(before) >= self._depth(other):
                    before = self.walks[before].before
                else:
                    other = self.walks[other].before
        self.nodes[name] = node
        self.walks[name] = _Walk(node, before, self._depth(before) + 1)

    def _depth(self, value: str) -> int:
        return self.walks[value].depth if value in self.walks else 0

    def _back(self, end: str, start: str) -> Iterator[str]:
        """Values that every way from one to another passes through, the nearest to the latter first."""
        while end != start:
            end = self.walks[end].before
            yield end

    def between(self, start: str, end: str, depth: int = 0) -> list[Found]:
        """The layers from one value to another, which every way to the latter passes through."""
        parts: list[list[Found]] = []
        while end != start:
            self.steps -= 1
            if self.steps < 0 or depth > DEEPEST:
                raise refusal(self.source.where, "branches that cross or nest too deeply", _PART)
            spelt = spelt_out(self.source, self.nodes, end, self._back(end, start))
            spelt = spelt or attention(self.source, self.nodes, end, self._back(end, start))
            if spelt is not None:
                parts.append([spelt[0]])
                end = spelt[1]
                continue
            layers, end = self._step(end, depth)
            parts.append(layers)
        return [found for layers in reversed(parts) for found in layers]

    def _step(self, end: str, depth: int) -> tuple[list[Found], str]:
        """The layers that end in a value, and the value that they begin with."""
        walk = self.walks[end]
        node, data = walk.node, walk.node.data()
        try:
            if node.place and node.kind not in ("Split", *RECURRENCES):
                raise UnsupportedError(f"its output {node.place + 1}, {end!r}")
            if len(data) > 1:
                begin = walk.before
                layers = self._joined(node, begin, depth)
            else:
                begin = node.inputs[data[0]]
                if end in self.indices:
                    return [], begin
                require(node.kind != "Concat", "a constant beside what is calculated")
                require(node.kind in OPERATORS, "what spells out no activation that there is")
                layers = OPERATORS[node.kind](node)
                node.finish()
        except UnsupportedError as error:
            raise refusal(self.source.where, f"{node} with {error}", _PART) from error
        except BROKEN as error:
            if isinstance(error, ConfigurationError) and error.where == self.source.where:
                raise
            raise refusal(self.source.where, f"{node}, which no layer has so ({error})", _PART) from error
        if layers:
            layers[-1].value = end
        return layers, begin

    def _joined(self, node: Node, fork: str, depth: int) -> list[Found]:
        require(len(node.data()) == len(node.inputs), "a constant beside what is calculated")
        after, rows = node.placed_after
        branches = [simplified(self.between(fork, value, depth + 1)) for value in node.inputs]
        if node.kind == "Concat":
            axis = along(rows, int(node.get("axis", 0)) % (len(after) + 1))
            node.arranged_all()
            node.finish()
            whole = put_together(branches, node.placed(fork)[0], axis, after)
            if whole is not None:
                return whole
            return [Found(Concat(*map(network_of, branches), axis=axis), branches=branches)]
        require(node.kind in ("Add", "Sub") and len(branches) == 2, f"{len(branches)} values that are calculated")
        require(all(node.placed(name) == (after, rows) for name in node.inputs), "values of different shapes")
        node.arranged_all()
        node.finish()
        if node.kind == "Sub":
            branches[1] += scale(after, -1.0, 0.0)
        shortcut, branch = sorted(branches, key=len)
        return [Found(residual_of(branch, shortcut), branches=[branch, shortcut])]
