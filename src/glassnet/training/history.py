"""The record of a training."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.core.drawing import blank_figure, with_letters, worded
from glassnet.core.errors import ConfigurationError, require_extra
from glassnet.core.files import require_writable, write_atomically
from glassnet.core.kinds import PICTURE
from glassnet.core.settings import one_of
from glassnet.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_ENDINGS = (".png", ".svg", ".pdf")
CURVES = "#1f5fa8", "#d1662b"
"""Colours of the first and the second curve of a picture."""


class History:
    """What each epoch measured.

    Attributes:
        epochs: the numbers of the epochs, counted from 1 over the model's whole life.
        metrics: for each name one number an epoch: "loss" and metrics while training, "val_loss" and so on after the
            epoch, "learning_rate" at its first step, "penalty" where the optimizer has one.
        seconds: how long the call of ``fit`` took, validation and callbacks included.
        stopped: why training ended before its last epoch (``"interrupted"``, an early-stopping message), or None.
        kept_epoch: the one whose weights an ``EarlyStopping`` has put back, or None.
        notes: what there is to say about it, such as that all targets are the same, or that a metric was no number.

    ``history["loss"]`` is short for ``history.metrics["loss"]``. It is all that grows with the length of a fit: by some
    40 bytes an epoch for its number and for each thing measured, however many steps the epoch has.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        >>> history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=False)
        >>> history.epochs, sorted(history.metrics), history["loss"][2] < history["loss"][0], history.stopped
        ([1, 2, 3], ['learning_rate', 'loss'], True, None)
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.metrics: dict[str, list[float]] = {}
        self.seconds = 0.0
        self.stopped: str | None = None
        self.kept_epoch: int | None = None
        self.notes: list[str] = []

    def __getitem__(self, name: str) -> list[float]:
        return self.metrics[name]

    def __contains__(self, name: str) -> bool:
        return name in self.metrics

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        last = {name: float(f"{values[-1]:.4g}") for name, values in self.metrics.items() if values}
        return f"History({len(self)} epochs, last {last}" + (f", stopped: {self.stopped})" if self.stopped else ")")

    def extend(self, first_epoch: int, measured: dict[str, list[float]]) -> None:
        """Adds epochs that follow each other: one number of each for each name; NaN where one was not measured before.

        A training that goes on with other rows to validate may measure something else than it did.
        """
        count, before = len(next(iter(measured.values()), ())), len(self)
        self.epochs.extend(range(first_epoch, first_epoch + count))
        for name in self.metrics | measured:
            known = self.metrics.setdefault(name, [])
            known += [nan] * (before - len(known)) + measured.get(name, [])

    def copy(self, count: int | None = None, stopped: str | None = None) -> History:
        """A history of the first ``count`` epochs, without the time that they took, and why it stopped."""
        found = History()
        found.epochs = self.epochs[:count]
        found.metrics = {name: values[:count] for name, values in self.metrics.items()}
        found.notes, found.stopped = list(self.notes), stopped
        return found

    @property
    def measures(self) -> tuple[str, ...]:
        """The loss and the metrics, each by its name in training."""
        beside = "learning_rate", "penalty"
        return tuple(name for name in self.metrics if not name.startswith("val_") and name not in beside)

    def plot(self, path: str | Path | None = None, *, names: Sequence[str] | None = None) -> Figure:
        """Draws the learning curves: the loss, and beside it each metric, training and validation in one panel.

        Args:
            path: where to save the picture, by its ending .png, .svg or .pdf; or None.
            names: which of ``measures`` to draw; None for all.

        Returns:
            The matplotlib figure.

        Raises:
            MissingExtraError: matplotlib is not installed.
            ConfigurationError: the path cannot be written, or has another ending; a name that was not measured.
            WriteError: the disk is full or failing.
        """
        target = None if path is None else require_picture(path, where="History.plot")
        require_matplotlib(where="History.plot")
        shown = self.measures if names is None else names
        for name in shown:
            one_of(name, "names", "History.plot", self.measures)
        figure = blank_figure(5.2 * len(shown), 3.8)
        for place, name in enumerate(shown, start=1):
            self._panel(figure.add_subplot(1, len(shown), place), name)
        with_letters(figure)
        if target is not None:
            save_picture(figure, target)
        return figure

    def _panel(self, axes: Any, name: str) -> None:
        marker = "o" if len(self) < 3 else None
        axes.plot(self.epochs, self.metrics[name], label=worded("training"), color=CURVES[0], marker=marker)
        if f"val_{name}" in self.metrics:
            axes.plot(
                self.epochs, self.metrics[f"val_{name}"], label=worded("validation"), color=CURVES[1], marker=marker
            )
            axes.legend(frameon=False)
        axes.set_xlabel(worded("epoch"))
        axes.set_title(worded(name.replace("_", " ")))
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def require_matplotlib(*, where: str) -> None:
    """Says how to get matplotlib where it is missing."""
    require_extra("matplotlib", extra="plots", expected="matplotlib for drawing", where=where)


def require_picture(path: str | Path, *, where: str) -> Path:
    """Checks before any work that a picture can be drawn and saved there.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigurationError: the path cannot be written, or its ending is none of .png, .svg and .pdf.
    """
    require_matplotlib(where=where)
    target = require_writable(path, PICTURE, where=where)
    if target.suffix.lower() not in PICTURE_ENDINGS:
        raise ConfigurationError(
            where=where,
            received=f"the ending {target.suffix!r} of {str(path)!r}",
            expected=f"one of {', '.join(PICTURE_ENDINGS)}",
            fix="write learning-curves.png",
        )
    return target


def save_picture(figure: Figure, target: Path) -> None:
    """Writes a figure in the format of the path's ending, with a note in the file of what made it."""
    ending, content = target.suffix[1:].lower(), BytesIO()
    note = {"Software" if ending == "png" else "Creator": f"glassnet {__version__}"}
    figure.savefig(content, dpi=150, format=ending, metadata=note)
    write_atomically(target, content.getvalue(), PICTURE)
