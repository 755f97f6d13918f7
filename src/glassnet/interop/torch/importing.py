"""PyTorch modules as networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from importlib.util import find_spec
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.calls import suggests
from glassnet.core.errors import GlassnetError, MissingExtraError, ShapeError
from glassnet.core.shapes import Array, Shape, as_shape, batch_shape
from glassnet.interop.agreement import require_agreement, rows_to_try
from glassnet.interop.state import from_state
from glassnet.interop.torch.modules import READERS, Rows, UnreadError, kind_of
from glassnet.interop.torch.refusals import Place, refuse_hooks, refuse_sharing, refuse_tensors, unread
from glassnet.network import Network, Sequential


@suggests
def from_torch(module: Any, input_shape: int | Shape | None = None) -> Network:
    """Makes a network of the same layers with the same weights, and proves that it calculates the same.

    Each layer, and then the whole network, is compared on random rows with a copy of the module in evaluation mode. The
    module itself is not run and stays as it is. Rows keep torch's shapes: images (N, C, H, W), sequences (N, C, L).

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
            parametrizations; weights that several layers share, which would be trained apart here; parameters of other
            dtypes; a layer that turns out to calculate something else. It is named. Modules with a ``forward`` of their
            own go by way of ONNX: ``torch.onnx.export``, ``gn.from_onnx``.
        ShapeError: ``input_shape`` is missing or does not fit.
        DataError: a weight is NaN or infinite.
        MissingExtraError: torch is not installed.
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

    places = list(_places(module, ""))
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


def frozen_copy(module: Any) -> Any:
    """A copy in evaluation mode, on the processor, which calculates the same when its dtype is changed."""
    import torch

    copy = deepcopy(module).cpu().eval()
    for own in copy.modules():
        if isinstance(own, torch.nn.RMSNorm) and own.eps is None and own.weight is not None:
            own.eps = torch.finfo(own.weight.dtype).eps  # what None stands for depends on the dtype
    return copy


def outputs_of(module: Any, x: Array, *, indices: bool = False) -> Any:
    """What a module gives for rows; where it looks things up the rows are whole numbers."""
    import warnings

    import torch

    rows = torch.tensor(x)  # a copy: some modules write into what they get
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of a module, it says where that is made and used
        return module(rows.long() if indices else rows)


def _places(module: Any, prefix: str) -> Iterator[Place]:
    """The modules that hold no others, in the order in which they run; one that runs twice comes twice."""
    kind = kind_of(module)
    if kind == "Sequential":
        for name, child in module._modules.items():
            yield from _places(child, f"{prefix}.{name}" if prefix else name)
        return
    if kind not in READERS:
        raise unread(prefix, module)
    yield prefix, module


def _row_shape(places: Sequence[Place], given: int | Shape | None) -> Shape:
    if given is not None:
        return as_shape(given, where="from_torch")
    first = next((m for _, m in places if any(True for _ in m.parameters())), None)
    if first is None or kind_of(first) != "Linear":
        raise ShapeError(
            where="from_torch",
            received="no input_shape",
            expected="the shape of one row, which these layers do not tell",
            fix="write gn.from_torch(module, (3, 32, 32)) for colour images of 32×32 pixels",
        )
    return (first.in_features,)


class _Import:
    """A module on its way into a network: each layer is compared in float64, all of them in both dtypes."""

    def __init__(self, module: Any, places: Sequence[Place]) -> None:
        import torch

        self.module = module
        self.places = places
        self.is_double = any(p.dtype == torch.float64 for p in module.parameters())
        lookups = [number for number, (_, m) in enumerate(places) if kind_of(m) == "Embedding"]
        self.last_lookup = lookups[0] if lookups else -1
        self.count = places[lookups[0]][1].num_embeddings if lookups else None

    def network(self, shape: Shape) -> Network:
        """The network, for rows of that shape."""
        batches = rows_to_try(shape, self.count)
        reached = [batch.astype(np.float64) for batch in batches]
        found: list[tuple[Place, list[gl.Layer]]] = []
        for number, place in enumerate(self.places):
            layers, reached = self._layers(place, reached, are_amounts=number > self.last_lookup)
            found.append((place, layers))
        network = Sequential(*_joined([layer for _, layers in found for layer in layers]))
        network.build(shape, dtype="float64" if self.is_double else "float32")
        for place, layers in found:
            _fill(place, layers)
        self._compare(network, batches, reached)
        return network

    def _layers(self, place: Place, reached: list[Array], *, are_amounts: bool) -> tuple[list[gl.Layer], list[Array]]:
        """What a module becomes, and what it makes of the rows that reach it."""
        path, module = place
        twin = frozen_copy(module).double()
        shape = reached[0].shape[1:]
        outputs = [_run(twin, x, place) for x in reached]
        if any(len(y) != len(x) for x, y in zip(reached, outputs, strict=True)):
            raise unread(path, module, f"outputs that are not one for each row of shape {batch_shape(shape)}")
        try:
            layers = READERS[str(kind_of(module))](module, Rows(shape, outputs[0].shape[1:]))
            piece = Sequential(*layers)
            piece.build(shape, dtype="float64")
        except UnreadError as error:
            raise unread(path, module, str(error)) from None
        except GlassnetError as error:
            raise unread(path, module, f"{error.received}, where {error.where} takes {error.expected}") from error
        _fill(place, layers)
        further = rows_to_try(shape) if are_amounts else []
        tried = [*zip(reached, outputs, strict=True)]
        tried += [(x, _run(twin, x, place)) for x in (rows.astype(np.float64) for rows in further)]
        for x, y in tried:
            require_agreement(piece, x, y, where=f"from_torch: {path or 'module'}", other=repr(module))
        return layers, outputs

    def _compare(self, network: Network, batches: list[Array], exact: list[Array]) -> None:
        """Compares the whole network with the whole module."""
        twin, indices = frozen_copy(self.module), self.last_lookup >= 0
        if not self.is_double:
            for x, y in zip(batches, exact, strict=True):
                like = outputs_of(twin, x, indices=indices).numpy()
                require_agreement(network, x, y, where="from_torch", other="the module", like=like)
        twin, double = twin.double(), network.copy("float64")
        for batch in batches:
            x = batch.astype(np.float64)
            y = outputs_of(twin, x, indices=indices).numpy()
            require_agreement(double, x, y, where="from_torch", other="the module")


def _run(twin: Any, x: Array, place: Place) -> Array:
    """What a module's copy gives for rows, as an array."""
    import torch

    path, module = place
    try:
        outputs = outputs_of(twin, x, indices=kind_of(module) == "Embedding")
    except Exception as error:  # whatever torch says of a shape that does not fit
        raise ShapeError(
            where=f"from_torch: {path or 'module'}",
            received=f"rows of shape {batch_shape(x.shape[1:])}, which torch refuses ({error})",
            expected=f"rows that {module!r:.200} takes",
            fix="check input_shape, the shape of one row without the batch axis",
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise unread(path, module, "return_indices=True" if getattr(module, "return_indices", False) else "two outputs")
    return np.asarray(outputs.double().numpy())


def _fill(place: Place, layers: Sequence[gl.Layer]) -> None:
    """Writes the module's weights into the layer that has them."""
    path, module = place
    tensors = {name: t for name, t in (*module._parameters.items(), *module._buffers.items()) if t is not None}
    state = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    if kind_of(module) in ("Conv1d", "ConvTranspose1d"):
        state["weight"] = state["weight"][:, :, None]  # (F, C, k) -> (F, C, 1, k)
    owner = next((layer for layer in layers if layer.own_parameters()), layers[0])
    from_state(owner, state, where=f"from_torch: {path or type(module).__name__}")


def _joined(layers: Sequence[gl.Layer]) -> list[gl.Layer]:
    """The layers without those that give a shape which the next one takes away again."""
    shaped = gl.Flatten, gl.Reshape
    followed = zip(layers, [*layers[1:], None], strict=True)
    return [own for own, after in followed if not (isinstance(own, gl.Reshape) and isinstance(after, shaped))]
