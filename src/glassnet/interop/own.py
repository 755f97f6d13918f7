"""Layers of the user's own at the doors to other formats."""

from __future__ import annotations

from glassnet.core.errors import ConfigurationError
from glassnet.network import Graph, Network
from glassnet.network.merges import Merge
from glassnet.runners.base import is_library_code


def refuse_own_layers(network: Network, where: str, *, graphs: bool = False) -> None:
    """Refuses a class derived from one of glassnet's that computes something else: no file holds its code.

    And a ``Graph``, where its nodes cannot be written.

    Args:
        network: built.
        where: for messages.
        graphs: whether those of one input and one output can be written.

    Raises:
        ConfigurationError: there is one; it is named.
    """
    for layer in (network, *(layer for _, layer in network.walk())):
        if isinstance(layer, Graph) and not (graphs and len(layer.inputs) == len(layer.outputs) == 1):
            raise ConfigurationError(
                where=f"{where}: {layer.where}",
                received=f"a Graph with the nodes {', '.join(layer.nodes)}",
                expected="layers one after another, Residual and Concat"
                + (", or a Graph of one input and one output" if graphs else ""),
                fix="save it with model.save; or write what is a chain in it as gn.Sequential, with its parameters",
            )
        if not is_library_code(layer.join if isinstance(layer, Merge) else layer.forward):
            raise ConfigurationError(
                where=f"{where}: {layer.where}",
                received=f"a forward pass of the user's, in the class {type(layer).__name__}",
                expected="layers of glassnet's own; what is written in Python cannot be put into a file",
                fix="express it by built-in layers, or export the network before and after it",
            )
