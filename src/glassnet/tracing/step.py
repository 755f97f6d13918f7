"""A training step as it was logged: its kernel calls, and what they were made of."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.core.places import Place
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.preprocessing import Standardize
from glassnet.runners import KernelCall
from glassnet.tables import Table
from glassnet.tracing.beginnings import Beginning
from glassnet.tracing.calls import by_parameter
from glassnet.training import Rows


@dataclass(frozen=True)
class Subject:
    """What was traced, as it was before the step: copies, which nothing changes any more.

    Attributes:
        network: with its parameters.
        loss: the loss.
        optimizer: with its memory; ``optimizer.steps`` updates had been done.
        rows: the batch as the network gets it, after the preprocessing.
        seed: of the model.
        preprocessing: the model's, or None.
        feature_names: of the columns of x, or None.
        class_names: by label, or None.
        inputs: how the first elements of the inputs came about, as far as that is known.
        targets: the same of the targets.
        training: whether it is a step of training; else an evaluation, without a way back and an update.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    rows: Rows
    seed: int
    preprocessing: Standardize | Table | None = None
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    inputs: tuple[Beginning, ...] = ()
    targets: tuple[Beginning, ...] = ()
    training: bool = True


@dataclass(frozen=True)
class LoggedStep:
    """The data of a ``Trace``, of which its text and its page are made; see there for the attributes."""

    calls: tuple[KernelCall, ...]
    loss: float
    ends: tuple[int, int, int]
    subject: Subject
    buffers: tuple[Place, Place]

    @property
    def forward(self) -> tuple[KernelCall, ...]:
        """The network's forward pass."""
        return self.calls[: self.ends[0]]

    @property
    def loss_forward(self) -> tuple[KernelCall, ...]:
        """The way from the outputs to the loss."""
        return self.calls[self.ends[0] : self.ends[1]]

    @property
    def backward(self) -> tuple[KernelCall, ...]:
        """The way from the loss back to the inputs."""
        return self.calls[self.ends[1] : self.ends[2]]

    @property
    def update(self) -> tuple[tuple[str, KernelCall], ...]:
        """The optimizer's calls, each with the path of the parameter that it is about, "" for all together.

        What an update rule does to all parameters at once is shown for each trained parameter by itself.
        """
        layout = self.subject.network.layout
        return tuple(by_parameter(self.calls[self.ends[2] :], layout, self.buffers))
