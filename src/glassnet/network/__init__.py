"""Networks: layers made of layers, their parameters in one flat buffer."""

from glassnet.network.base import Network
from glassnet.network.bidirectional import Bidirectional
from glassnet.network.children import as_layer
from glassnet.network.concat import Concat
from glassnet.network.demands import Demands
from glassnet.network.graph import Graph
from glassnet.network.lengths import fewest_steps, lengths_after
from glassnet.network.looking import LookingRunner, Name, Names, activations, chosen_layers
from glassnet.network.merges import (
    MERGES,
    AbsoluteDifference,
    Add,
    Concatenate,
    Dot,
    Merge,
    Multiply,
    SquaredDistance,
    Subtract,
)
from glassnet.network.residual import Residual
from glassnet.network.sequential import Sequential, as_network
from glassnet.network.transformer import TransformerBlock

__all__ = [
    "MERGES",
    "AbsoluteDifference",
    "Add",
    "Bidirectional",
    "Concat",
    "Concatenate",
    "Demands",
    "Dot",
    "Graph",
    "LookingRunner",
    "Merge",
    "Multiply",
    "Name",
    "Names",
    "Network",
    "Residual",
    "Sequential",
    "SquaredDistance",
    "Subtract",
    "TransformerBlock",
    "activations",
    "as_layer",
    "as_network",
    "chosen_layers",
    "fewest_steps",
    "lengths_after",
]
