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
from glassnet.core.kinds import PAGE
from glassnet.core.notebooks import frame_html
from glassnet.core.places import place_of
from glassnet.core.settings import boolean, language_of
from glassnet.model import Model
from glassnet.runners import TracingRunner
from glassnet.tables import Table
from glassnet.tracing.beginnings import of_inputs, of_targets
from glassnet.tracing.page import page_of
from glassnet.tracing.step import LoggedStep, Subject
from glassnet.tracing.text import TraceText
from glassnet.training.parts import Parts
from glassnet.training.steps import TrainingStep

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

WIDTH = 110
"""Columns of the plain text."""


@dataclass(frozen=True)
class Trace(LoggedStep):
    """The kernel calls of a training step, in order.

    ``print`` it for plain text, ``rich.print`` it for the same with colours, let a notebook show it, or write it as a
    page with ``to_html``, in which every number explains itself.

    Attributes:
        calls: one ``KernelCall`` each: kernel, path, equation, inputs, outputs, settings.
        loss: the loss of the traced batch.
        ends: how many calls there were at the end of the forward pass, of the loss, and of the backward pass.
        subject: what was traced.
        buffers: where parameters and gradients lay in memory, for finding them in the calls' ``extents``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Sequential(gn.Dense(2), gn.ReLU()), "sum_squared_error", gn.SGD(0.1), seed=0)
        >>> step = gn.trace(model, np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]))
        >>> [call.kernel for call in step.calls[: step.ends[0]]]
        ['dense_forward', 'relu_forward']
    """

    def __str__(self) -> str:
        return self.to_text()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield TraceText(self)

    def _repr_html_(self) -> str:
        return frame_html(self.to_html())

    def to_text(self, *, why: bool = False, language: str | None = None) -> str:
        """What ``print`` shows, on request with the reasons.

        Args:
            why: whether the derivation of each gradient, error term and update is told below it, step by step, each
                equality with the numbers of the array's largest element.
            language: of the words, ``"en"`` or ``"zh"``; None for the one that glassnet speaks.

        Raises:
            ConfigurationError: another language.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> model = gn.Model(gn.Sequential(gn.Dense(1, weight_init="ones")), "sum_squared_error", gn.SGD(0.1))
            >>> print(gn.trace(model, np.array([[1.0, 2.0]]), np.array([[4.0]])).to_text(why=True))
            one training step on 1 row: loss 0.5
            ...
                   why db[0]:
                     1. b_m is added to y_nm as it is: the slope ∂y_nm/∂b_m is 1, in every row.
            ...
        """
        from rich.console import Console

        own = language_of(language, "Trace.to_text")
        out, text = StringIO(), TraceText(self, own, why=boolean(why, "why", "Trace.to_text"))
        Console(file=out, width=WIDTH, force_jupyter=False, color_system=None, markup=False, highlight=False).print(
            text
        )
        return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())

    def to_html(self, path: str | Path | None = None, language: str | None = None) -> str:
        """The step as one page that needs no network: layers, equations, arrays as coloured grids.

        Click on a number, or press Enter on it: the page shows the terms that it is the sum of, with their numbers,
        and for a gradient the central difference of the loss beside it.

        Args:
            path: where to write the page; None to only return it.
            language: of the page's words, ``"en"`` or ``"zh"``; None for the one that glassnet speaks.

        Returns:
            The page, some nine megabytes at most: of arrays that are too large it holds a part, and says which.

        Raises:
            ConfigurationError: another language, or a path that cannot be written.
            WriteError: the disk is full or failing.
        """
        own = language_of(language, "Trace.to_html")
        if path is not None:
            require_writable(path, PAGE, where="Trace.to_html")
        text = page_of(self, own)
        if path is not None:
            write_atomically(path, text.encode(), PAGE)
        return text


@suggests
def trace(model: Model, x: Any, y: Any, sample_weight: Any = None, *, training: bool = True) -> Trace:
    """Logs each kernel call of one training step: a forward pass, the loss, a backward pass, one update.

    The step is taken by a copy: the model's parameters, running statistics, gradients and optimizer stay as they are.
    It is the step that training would take next on these rows, dropout masks included. With ``training=False`` it is
    what ``evaluate`` does with them: dropout passes everything on, batch normalisation takes its running statistics,
    and nothing goes back or is updated.

    Args:
        model: a model; built for x if it has seen no data.
        x: inputs (N, ...); a few rows are enough to read.
        y: targets, as the model's loss wants them.
        sample_weight: weights (N,) or None.
        training: whether it is a training step; else an evaluation.

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
    boolean(training, "training", "trace")
    rows = model.rows(x, y, sample_weight, where="trace", ragged=True)
    subject = Subject(
        model.network.copy(),
        model.loss,
        deepcopy(model.optimizer),
        rows,
        model.seed,
        model.preprocessing,
        model.preprocessing.features if isinstance(model.preprocessing, Table) else model.feature_names,
        model.class_names,
        of_inputs(model, x, rows),
        of_targets(model, rows),
        training,
    )
    network, optimizer = model.network.copy(), deepcopy(model.optimizer)
    run = TracingRunner(model.seed, optimizer.steps)
    with np.errstate(over="ignore", invalid="ignore"):
        step = TrainingStep(run, Parts(network, model.loss, optimizer, model.seed), rows, training=training)
        end_of_loss = len(run.calls)
        if training:
            step.finish()
    end_of_backward = next((i for i, call in enumerate(run.calls) if call.path == optimizer.path), len(run.calls))
    ends = step.forward_calls, end_of_loss, end_of_backward
    buffers = place_of(network.parameters), place_of(network.gradients)
    return Trace(tuple(run.calls), float(step.value[0]), ends, subject, buffers)
