"""PyTorch modules as networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.calls import suggests
from glassnet.core.errors import GlassnetError, MissingExtraError, ShapeError
from glassnet.core.shapes import Array, Shape, as_shape, batch_shape
from glassnet.interop.agreement import require_agreement, rows_to_try
from glassnet.interop.state import from_state
from glassnet.interop.torch import attention
from glassnet.interop.torch.attention import attends
from glassnet.interop.torch.modules import READERS, Rows, UnreadError, kind_of
from glassnet.interop.torch.refusals import (
    BY_ONNX,
    Place,
    refuse_hooks,
    refuse_sharing,
    refuse_tensors,
    tied_to,
    unread,
)
from glassnet.interop.torch.sequences import RECURRENCES, gives_states, is_bare, only_chooses, parts
from glassnet.interop.torch.twins import Twin, Whole
from glassnet.network import Network, Sequential


@suggests
def from_torch(module: Any, input_shape: int | Shape | None = None) -> Network:
    """Makes a network of the same layers with the same weights, and proves that it calculates the same.

    Each layer, and then the whole network, is compared on random rows with a copy of the module in evaluation mode. The
    module itself is not run and stays as it is. Rows keep torch's shapes: images (N, C, H, W), sequences (N, C, L) for
    convolutions, (N, T, D) for recurrences. Those with ``batch_first=False`` take (T, N, D): the network's rows are
    theirs, and ``net(x)`` is ``module(x.transpose(0, 1))``, where that is a sequence again with its axes back.

    ``nn.MultiheadAttention`` is read as attention of one sequence, ``module(x, x, x, need_weights=False)[0]``;
    ``nn.TransformerEncoderLayer`` and ``nn.TransformerEncoder`` become residual blocks, without a mask.

    ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU`` become a layer for each level and direction. Of the two things that they give
    the network gives the outputs of all steps; or, inside a ``Sequential``, what a module of your own behind them
    takes, such as one whose ``forward`` returns ``given[0]``, ``given[0][:, -1]`` or ``given[1][-1]``: all outputs, or
    those of a step, or the last states of the last level; it must do nothing else.

    What torch would train otherwise shows in no prediction: embedding rows that it keeps at zero (``padding_idx``) and
    frozen parameters (``requires_grad=False``) are trained here like all others.

    Args:
        module: a ``torch.nn.Sequential``, nested or not, or one of the layers that it may hold.
        input_shape: one row's shape, without the batch axis; may be left out where the first layer with weights is
            ``Linear``.

    Returns:
        A built ``Sequential`` in the module's dtype (float32 or float64), whose predictions are those of
        ``module.eval()``.

    Raises:
        ConfigurationError: a module, or a setting of one, that no layer has; hooks on the forward pass and
            parametrizations; weights that several layers share, which would be trained apart here (but for a last
            ``Linear`` without bias that has an embedding's weights: it becomes ``gn.Tied``); parameters of other
            dtypes; a layer that turns out to calculate something else. It is named. Modules with a ``forward`` of their
            own go by way of ONNX: ``torch.onnx.export``, ``gn.from_onnx``.
        ShapeError: ``input_shape`` is missing or does not fit.
        DataError: a weight is NaN or infinite.
        MissingExtraError: torch is not installed.

    Example:
        >>> import torch, glassnet as gn
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
        >>> gn.from_torch(module)
        Sequential(Dense(4), ReLU(), Dense(1))
    """
    require_torch("from_torch")
    try:
        return _imported(module, input_shape)
    except GlassnetError:
        raise
    except Exception as error:  # of a module whose attributes are not what its class makes of them, or too large
        raise unread("", module, f"what cannot be read ({type(error).__name__}: {error!s:.200})") from error


def _imported(module: Any, input_shape: int | Shape | None) -> Network:
    import torch

    places = _places(module)
    if not places:
        raise unread("", module, "no layers in it")
    refuse_hooks(module)
    refuse_tensors(places)
    refuse_sharing(places)
    shape = _row_shape(places, input_shape)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return _Import(module, places).network(shape)


def require_torch(where: str) -> None:
    """Says so where PyTorch is missing."""
    if find_spec("torch") is None:
        raise MissingExtraError(
            where=where,
            received="no torch",
            expected="PyTorch, whose modules these are",
            fix="install it as https://pytorch.org says",
        )


def _places(module: Any) -> list[Place]:
    """The modules that hold no others, in the order in which they run; one that runs twice comes twice."""
    found: list[Place] = []
    for path, own in _inside(module, ""):
        before = found[-1] if found else None
        if kind_of(own) in READERS:
            found.append(Place(path, own))
        elif before is None or before.choice is not None or not gives_states(before.module):
            raise unread(path, own)
        elif only_chooses(own):
            found[-1] = before._replace(choice=(path, own))
        else:
            raise unread(
                path, own, f"a forward that does more to what {kind_of(before.module)} gives than choose of it"
            )
    alone = next((place for place in found if kind_of(place.module) == attention.ATTENTION), None)
    if alone is not None and len(found) > 1:
        fix = "take nn.TransformerEncoderLayer, or " + BY_ONNX
        raise unread(alone.path, alone.module, "queries, keys and values apart, which nothing before it gives", fix)
    for place in found[:-1]:
        if place.choice is None and gives_states(place.module):
            fix = "put a module between them whose forward(self, given) returns given[0], or given[0][:, -1]"
            raise unread(place.path, place.module, "outputs and last states, which what is behind it cannot take", fix)
    return found


def _inside(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    kind = kind_of(module)
    if kind == "Sequential":
        for name, child in module._modules.items():
            yield from _inside(child, f"{prefix}.{name}" if prefix else name)
        return
    if kind not in READERS and not is_bare(module):
        raise unread(prefix, module)
    yield prefix, module


def has_axes(module: Any) -> bool:
    """Whether a module says which of the first two axes has the rows."""
    return gives_states(module) or attends(module)


def rows_come_first(module: Any) -> bool:
    """Whether they are the first: batch_first, wherever it stands."""
    while not hasattr(module, "batch_first"):
        module = module.layers[0] if kind_of(module) == attention.ENCODER else module.self_attn
    return bool(module.batch_first)


def _row_shape(places: Sequence[Place], given: int | Shape | None) -> Shape:
    if given is not None:
        return as_shape(given, where="from_torch")
    first = next((place.module for place in places if any(True for _ in place.module.parameters())), None)
    if first is None or kind_of(first) != "Linear":
        raise ShapeError(
            where="from_torch",
            received="no input_shape",
            expected="the shape of one row, which these layers do not tell",
            fix="write gn.from_torch(module, (3, 32, 32)) for colour images of 32×32 pixels, or (48, 6) for sequences "
            "of 48 steps with 6 numbers",
        )
    return (first.in_features,)


class _Import:
    """A module on its way into a network: each layer is compared in float64, all of them in both dtypes."""

    def __init__(self, module: Any, places: Sequence[Place]) -> None:
        import torch

        self.module = module
        self.places = places
        self.is_double = any(p.dtype == torch.float64 for p in module.parameters())
        lookups = [number for number, place in enumerate(places) if kind_of(place.module) == "Embedding"]
        self.last_lookup = lookups[0] if lookups else -1
        self.count = places[lookups[0]].module.num_embeddings if lookups else None
        first = next((place.module for place in places if has_axes(place.module)), None)
        self.is_turned = first is not None and not rows_come_first(first)

    def network(self, shape: Shape) -> Network:
        """The network, for rows of that shape."""
        batches, begins_turned = rows_to_try(shape, self.count), self.is_turned
        reached = [batch.astype(np.float64) for batch in batches]
        found: list[tuple[Place, list[gl.Layer]]] = []
        for number, place in enumerate(self.places):
            layers, reached = self._layers(place, reached, are_amounts=number > self.last_lookup)
            found.append((place, layers))
        self._tie(found)
        network = Sequential(*_joined([layer for _, layers in found for layer in layers]))
        network.build(shape, dtype="float64" if self.is_double else "float32")
        for place, layers in found:
            _fill(place, layers)
        whole = Whole(self.module, begins_turned, self.is_turned, self.last_lookup >= 0)
        if not self.is_double:
            for x, y in zip(batches, reached, strict=True):
                require_agreement(network, x, y, where="from_torch", other="the module", like=whole(x))
        double = network.copy("float64")
        self._compare_exactly(double, network, found, whole, batches)
        return network

    def _tie(self, found: list[tuple[Place, list[gl.Layer]]]) -> None:
        """Puts ``Tied`` in the place of dense layers that have the weights of an embedding."""
        for number, (place, _) in enumerate(found):
            source = tied_to(place.module, self.places)
            if source is not None:
                embedding = found[source][1][0]
                embedding.name = embedding.name or ("tokens" if not source else f"tokens_{source}")
                found[number] = place, [gl.Tied(embedding.name)]

    def _layers(self, place: Place, reached: list[Array], *, are_amounts: bool) -> tuple[list[gl.Layer], list[Array]]:
        """What a module becomes, and what it makes of the rows that reach it."""
        path, module, _ = place
        if has_axes(module) and rows_come_first(module) == self.is_turned:
            come = "second, behind the steps" if self.is_turned else "first, before the steps"
            fix = "use the same batch_first= in all of them"
            raise unread(path, module, f"batch_first={rows_come_first(module)} where rows come {come}", fix)
        twin = Twin(place, self.is_turned)
        shape = reached[0].shape[1:]
        outputs = twin.run(reached)
        if any(len(y) != len(x) for x, y in zip(reached, outputs, strict=True)):
            raise unread(path, module, f"outputs that are not one for each row of shape {batch_shape(shape)}")
        self.is_turned = twin.ends_turned
        try:
            layers = READERS[str(kind_of(module))](module, Rows(shape, outputs[0].shape[1:], twin.taken))
            piece = Sequential(*layers)
            piece.build(shape, dtype="float64")
        except UnreadError as error:
            raise unread(path, module, str(error)) from None
        except GlassnetError as error:
            raise unread(path, module, f"{error.received}, where {error.where} takes {error.expected}") from error
        _fill(place, layers)
        further = [rows.astype(np.float64) for rows in rows_to_try(shape)] if are_amounts else []
        for x, y in zip([*reached, *further], [*outputs, *twin.run(further)], strict=True):
            require_agreement(piece, x, y, where=f"from_torch: {path or 'module'}", other=repr(module))
        return layers, outputs

    def _compare_exactly(
        self, double: Network, network: Network, found: list[tuple[Place, list[gl.Layer]]], whole: Whole,
        batches: list[Array],
    ) -> None:  # fmt: skip
        """Compares the network's twin in float64 with the whole module in float64."""
        twins = {id(own): twin for (_, own), (_, twin) in zip(network.walk(), double.walk(), strict=True)}
        for place, layers in found:  # again: what is a sum of several parameters was rounded
            _fill(place, [twins[id(layer)] for layer in layers if id(layer) in twins] or layers)
        whole.to_double()
        for batch in batches:
            x = batch.astype(np.float64)
            require_agreement(double, x, whole(x), where="from_torch", other="the module")


def _fill(place: Place, layers: Sequence[gl.Layer]) -> None:
    """Writes the module's weights into the layers that have them."""
    path, module, _ = place
    where = f"from_torch: {path or type(module).__name__}"
    if isinstance(layers[0], gl.Tied):  # whose weights are the embedding's
        return
    if kind_of(module) in RECURRENCES or attends(module):
        for layer, tensors in (attention.parts if attends(module) else parts)(module, layers):
            from_state(layer, _arrays(tensors), where=where)
        return
    state = _arrays({**module._parameters, **module._buffers})
    if kind_of(module) in ("Conv1d", "ConvTranspose1d"):
        state["weight"] = state["weight"][:, :, None]  # (F, C, k) -> (F, C, 1, k)
    owner = next((layer for layer in layers if layer.own_parameters()), layers[0])
    from_state(owner, state, where=where)


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items() if tensor is not None}


def _joined(layers: Sequence[gl.Layer]) -> list[gl.Layer]:
    """The layers without those that give a shape which the next one takes away again."""
    shaped = gl.Flatten, gl.Reshape
    followed = zip(layers, [*layers[1:], None], strict=True)
    return [own for own, after in followed if not (isinstance(own, gl.Reshape) and isinstance(after, shaped))]
