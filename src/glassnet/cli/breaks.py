"""A training on the command line that is broken off: what it leaves, and how it goes on."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EIO
from glob import escape
from pathlib import Path
from tempfile import gettempdir, mkstemp

from glassnet.core.errors import ConfigurationError, GlassnetError, WriteError
from glassnet.core.files import as_told
from glassnet.core.output import logger
from glassnet.model import Model
from glassnet.training import Checkpoint, member_path, older

KEPT = 2
"""Checkpoints that stay: the newest, and one to fall back on where that is damaged."""


def checkpoint_of(output: Path) -> Path:
    """Where checkpoints of a training go that will write its model there: ``m.checkpoint.safetensors``."""
    return output.with_stem(f"{output.stem}.checkpoint")


def checkpoints(options: argparse.Namespace, output: Path) -> list[Checkpoint]:
    """What saves the training now and then; nothing where the user wants none."""
    if options.checkpoint_seconds == 0:
        return []
    seconds, path = options.checkpoint_seconds, checkpoint_of(output)
    return [Checkpoint(path, every_seconds=seconds, keep=KEPT, monitor=None, if_disk_fails="go_on")]


def source_of(options: argparse.Namespace, output: Path) -> Path | None:
    """The file to go on from, None for a new training; what is unexpected about it is said.

    Raises:
        ConfigurationError: a setting that belongs to ``--resume``, without it.
    """
    checkpoint = checkpoint_of(output)
    if not options.resume:
        if options.even_if_changed:
            raise ConfigurationError(
                where="train",
                received="--even-if-changed without --resume",
                expected="a training to go on with",
                fix="add --resume",
            )
        if checkpoint.exists() or _of_members(checkpoint):
            logger().warning(
                f"{checkpoint} is of a training that was broken off, and will be replaced; --resume would go on with it"
            )
        return None
    if member_path(checkpoint, 0).exists() or any(_of_members(checkpoint)):
        return checkpoint
    for path in (checkpoint, output):
        if path.exists():
            return path
    logger().warning(f"there is neither {checkpoint} nor {output} to go on from: the training begins anew")
    return None


@contextmanager
def in_words_of_options() -> Iterator[None]:
    """Says what to type where going on is refused."""
    try:
        yield
    except ConfigurationError as error:
        if error.where not in ("fit: resume", "Ensemble.fit: resume"):
            raise
        fix = "give the data and options that it began with; or leave --resume out, to begin anew"
        if "even_if_changed" in error.fix:
            fix += "; or add --even-if-changed, to go on with these from the end of an epoch"
        raise ConfigurationError(**error.parts | {"where": "train --resume", "fix": fix}) from error


def save(model: Model, path: Path) -> None:
    """Saves a trained model; where that fails, another folder keeps it: what was learned is not lost with a disk.

    Raises:
        ConfigurationError, WriteError: the path takes no file any more; the message says where the model is instead.
    """
    try:
        model.save(path)
    except OSError as error:
        failed = as_told(error, f"write {path}")
        if not isinstance(failed, WriteError):
            failed = WriteError(
                where=f"write {path}",
                received=repr(error.strerror or str(error)),
                expected="a path that takes the model",
                fix="choose another path",
                number=error.errno or EIO,
            )
        raise WriteError(**_with_place(failed, model, path), number=failed.errno or EIO) from error
    except ConfigurationError as error:  # the folder is gone, or something else is at the path by now
        raise ConfigurationError(**_with_place(error, model, path)) from error


def _with_place(error: GlassnetError, model: Model, path: Path) -> dict[str, str]:
    """The parts of an error, which say where the model has been put instead."""
    kept = _kept_elsewhere(model, path.stem)
    if kept is not None:
        return error.parts | {"fix": f"the trained model is whole in {kept}: move it to where it belongs"}
    fix = f"{error.fix}, and train again: no other folder takes the trained model either"
    if checkpoint_of(path).exists():
        fix += f"; {checkpoint_of(path)} stands where it was last saved, and --resume goes on from there"
    return error.parts | {"fix": fix}


def _kept_elsewhere(model: Model, name: str) -> Path | None:
    """A new file with the model, for its owner alone, in the first folder that takes it."""
    folders: tuple[Callable[[], str | Path], ...] = Path.home, Path.cwd, gettempdir
    for folder in folders:
        with suppress(OSError, RuntimeError, ConfigurationError):  # one of them may not exist
            number, new = mkstemp(".safetensors", f"{name[:40]}-", folder())
            os.close(number)
            try:
                model.save(new)
            except BaseException:
                os.unlink(new)
                raise
            return Path(new)
    return None


def keep_place(models: Sequence[Model], output: Path) -> list[str]:
    """Saves a training that was asked to end, of several members each that has begun; returns what there is to say."""
    checkpoint, said = checkpoint_of(output), list[str]()
    for number, model in enumerate(models):
        if model.latest_fit is not None:
            path = checkpoint if len(models) == 1 else member_path(checkpoint, number)
            save(model, path)
            said.append(f"{model.latest_fit}; saved to {path}")
    return said


def remove_checkpoints(output: Path) -> None:
    """Removes what is of no use any more once the model itself is saved."""
    checkpoint = checkpoint_of(output)
    with suppress(OSError):
        for path in (checkpoint, *_of_members(checkpoint)):
            path.unlink(missing_ok=True)
            older(path, 1).unlink(missing_ok=True)


def _of_members(checkpoint: Path) -> list[Path]:
    """The checkpoints of several members that there are."""
    found = checkpoint.parent.glob(f"{escape(checkpoint.stem)}.member-*{checkpoint.suffix}")
    return sorted(path for path in found if path.stem.rpartition("-")[2].isdigit())
