"""The door for files of models: what is in one, a model or an ensemble, the file says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, GlassnetError, shown
from glassnet.core.settings import Configurable
from glassnet.formats import ENSEMBLE, contradiction, read_description
from glassnet.many.ensemble import Ensemble
from glassnet.many.ensemble_file import read_ensemble
from glassnet.model import Model
from glassnet.model import load as load_model


@suggests
def load(path: str | Path, *, custom: Sequence[type[Configurable] | Callable[..., Any]] = ()) -> Model | Any:
    """Reads what ``Model.save``, ``gn.Checkpoint`` or ``Ensemble.save`` wrote; no code from the file is run.

    Where a model's file is damaged, and a ``Checkpoint`` has kept older ones beside it, the newest of them that is
    whole is read, as a ``CheckpointWarning`` says.

    Args:
        path: the file; or, with ``{epoch}`` or ``{step}`` in its name as a ``Checkpoint`` had it, the newest of these.
        custom: classes of your own (layers, ``NumpyLayer``, schedules, ...) and functions that the model uses. A class
            need not be named where its module is imported already; nothing is imported for a file.

    Returns:
        The ``gn.Model``, ready to predict, or to train on where it stopped; of an ensemble's file the ``gn.Ensemble``.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: truncated, damaged, foreign or newer than this version.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np, glassnet as gn
        >>> x = np.ones((8, 2))
        >>> model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        >>> _ = model.fit(x, np.ones((8, 1)), epochs=3, verbose=False)
        >>> with TemporaryDirectory() as folder:
        ...     model.save(Path(folder, "model.safetensors"))
        ...     again = gn.load(Path(folder, "model.safetensors"))
        >>> again.epochs_trained, bool((again.predict(x) == model.predict(x)).all())
        (3, True)
    """
    try:
        is_ensemble = ENSEMBLE in read_description(path)
    except GlassnetError:
        is_ensemble = False  # what is wrong with it the other door says, or takes an older file
    if not is_ensemble:
        return load_model(path, custom=custom)
    members, seed, waiting = read_ensemble(path, custom)
    try:
        found = Ensemble.of(members, seed=seed)
        found._waiting = waiting
        return found
    except ConfigurationError as error:
        raise contradiction(f"load {path}", error) from error


def load_as_one(path: str | Path) -> Model:
    """The model in a file; of an ensemble one that answers as it does."""
    return as_one_model(load(path), "load")


def as_one_model(given: Any, where: str) -> Model:
    """A model as it is, an ensemble as one model; of what holds one, such as a ``gn.TableModel``, that.

    Raises:
        ConfigurationError: it is neither.
    """
    inner = getattr(given, "model", None)
    if not isinstance(given, Model | Ensemble) and isinstance(inner, Model | Ensemble):
        given = inner
    if isinstance(given, Model):
        return given
    if isinstance(given, Ensemble):
        return given.as_model()
    raise ConfigurationError(
        where=where, received=shown(given), expected="a gn.Model or a gn.Ensemble", fix="train one, or gn.load(path)"
    )
