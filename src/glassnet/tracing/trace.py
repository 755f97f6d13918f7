"""Every number of one training step: forward, the loss, backward, the update."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.places import Place, place_of
from glassnet.core.settings import one_of
from glassnet.losses import Loss
from glassnet.model import Model
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.preprocessing import Standardize
from glassnet.runners import KernelCall, TracingRunner
from glassnet.tables import Table
from glassnet.tracing.calls import by_parameter
from glassnet.training import Rows
from glassnet.training.steps import TrainingStep

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

LANGUAGES = ("en", "zh")
WIDTH = 110
"""Columns of the plain text."""


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
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    rows: Rows
    seed: int
    preprocessing: Standardize | Table | None = None
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Trace:
    """The kernel calls of a training step, in order.

    ``print`` it for plain text, ``rich.print`` it for the same with colours, let a notebook show it, or write it as a
    page with ``to_html``, in which every number explains itself.

    Attributes:
        calls: one ``KernelCall`` each: kernel, path, equation, inputs, outputs, settings.
        loss: the loss of the traced batch.
        ends: how many calls there were at the end of the forward pass, of the loss, and of the backward pass.
        subject: what was traced.
        buffers: where parameters and gradients lay in memory, for finding them in the calls' ``extents``.
    """

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
        """From the outputs to the loss."""
        return self.calls[self.ends[0] : self.ends[1]]

    @property
    def backward(self) -> tuple[KernelCall, ...]:
        """From the loss back to the inputs."""
        return self.calls[self.ends[1] : self.ends[2]]

    @property
    def update(self) -> tuple[tuple[str, KernelCall], ...]:
        """The optimizer's calls, each with the path of the parameter that it is about, "" for all together.

        What an update rule does to all parameters at once is shown for each trained parameter by itself.
        """
        layout = self.subject.network.layout
        return tuple(by_parameter(self.calls[self.ends[2] :], layout, self.buffers))

    def __str__(self) -> str:
        from rich.console import Console

        out = StringIO()
        Console(file=out, width=WIDTH, color_system=None, markup=False, highlight=False).print(self)
        return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from glassnet.tracing.text import lines_of

        yield from lines_of(self)

    def _repr_html_(self) -> str:
        from html import escape

        # In a frame of its own the page's style stays with the page.
        style = "width:100%;height:44rem;border:1px solid #8886;border-radius:6px"
        page = escape(self.to_html(), quote=True)
        return f'<iframe style="{style}" sandbox="allow-scripts" title="glassnet" srcdoc="{page}"></iframe>'

    def to_html(self, path: str | Path | None = None, language: str = "en") -> str:
        """The step as one page that needs no network: layers, equations, arrays as coloured grids.

        Click on a number, or press Enter on it: the page shows the terms that it is the sum of, with their numbers,
        and for a gradient the central difference of the loss beside it.

        Args:
            path: where to write the page; None to only return it.
            language: of the page's words, ``"en"`` or ``"zh"``.

        Returns:
            The page, a few megabytes at most: of arrays that are too large it holds a part, and says which.

        Raises:
            ConfigurationError: another language, or a path that cannot be written.
        """
        from glassnet.tracing.page import page_of

        one_of(language, "language", "Trace.to_html", LANGUAGES)
        if path is not None:
            require_writable(path, where="Trace.to_html")
        text = page_of(self, language)
        if path is not None:
            write_atomically(path, text.encode())
        return text


@suggests
def trace(model: Model, x: Any, y: Any, sample_weight: Any = None) -> Trace:
    """Logs each kernel call of one training step: a forward pass, the loss, a backward pass, one update.

    The step is taken by a copy: the model's parameters, running statistics, gradients and optimizer stay as they are.
    It is the step that training would take next on these rows, dropout masks included.

    Args:
        model: a model; built for x if it has seen no data.
        x: inputs (N, ...); a few rows are enough to read.
        y: targets, as the model's loss wants them.
        sample_weight: weights (N,) or None.

    Returns:
        A ``Trace``.

    Raises:
        ShapeError, DataError: x or y do not fit the model.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Sequential(gn.Dense(1, weight_init="ones")), "sum_squared_error", gn.SGD(0.1))
        >>> print(gn.trace(model, np.array([[1.0, 2.0]]), np.array([[4.0]])))
        one training step on 1 row: loss 0.5
        ...
          1  0  Dense(1, weight_init='ones')  dense_forward
             y = x W + b
             reads  x (N, D) = (1, 2)
                    [[1. 2.]]
             reads  weight (D, M) = (2, 1)
                    [[1.]
                     [1.]]
             reads  bias (M,) = (1,)
                    [0.]
             writes y (N, M) = (1, 1), summed over d (2 terms)
                    [[3.]]
        ...
    """
    rows = model.rows(x, y, sample_weight, where="trace")
    subject = Subject(
        model.network.copy(),
        model.loss,
        deepcopy(model.optimizer),
        rows,
        model.seed,
        model.preprocessing,
        model.preprocessing.features if isinstance(model.preprocessing, Table) else model.feature_names,
        model.class_names,
    )
    network, optimizer = model.network.copy(), deepcopy(model.optimizer)
    run = TracingRunner(model.seed, optimizer.steps)
    with np.errstate(over="ignore", invalid="ignore"):
        step = TrainingStep(run, network, model.loss, optimizer, rows.x, rows.targets, rows.loss_weights)
        end_of_loss = len(run.calls)
        step.finish()
    end_of_backward = next((i for i, call in enumerate(run.calls) if call.path == optimizer.path), len(run.calls))
    ends = step.forward_calls, end_of_loss, end_of_backward
    buffers = place_of(network.parameters), place_of(network.gradients)
    return Trace(tuple(run.calls), float(step.value[0]), ends, subject, buffers)
