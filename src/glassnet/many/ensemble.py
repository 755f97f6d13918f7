"""A model of models: several trained alike from different beginnings, whose answers are averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from glassnet.core.calls import suggests
from glassnet.core.errors import DivergenceError, MissingAttributeError
from glassnet.core.settings import whole
from glassnet.many.averaging import Averaging
from glassnet.many.each import Each, by_model
from glassnet.many.ensemble_file import write_ensemble
from glassnet.many.joined import joined
from glassnet.many.members import (
    built,
    files_to_resume,
    learn_together,
    require_alike,
    require_resumable,
    seeds_of,
    trained,
)
from glassnet.model import Model
from glassnet.training import History


class Ensemble(Averaging):
    """Several models, trained alike from different beginnings: their mean answers, and how far they lie apart.

    What is averaged depends on the loss: probabilities (never logits) where it gives them, ``CrossEntropy``,
    ``BinaryCrossEntropy`` and ``JointCrossEntropy``; values in the targets' unit for numbers, which for ``Poisson`` and
    ``Gamma`` are e^output; the outputs themselves for ``Hinge`` and losses of one's own. Of several outputs by name
    each is averaged by its own loss.

    The members may differ in their layers, but not in what they take and give: loss, metrics, dtype, shapes,
    ``preprocessing``, ``target_scaling`` and names are one for all. A table, or class names, that ``fit`` learns from a
    frame it learns once, from all rows.

    Args:
        build: called with a seed for each member; returns a new ``gn.Model`` with that seed.
        members: how many, 2 or more.
        seed: what the members' seeds are derived from; the first seeds are the same however many there are.

    Attributes:
        members: the models, each of which can be looked into, and trained on its own.
        seed: as given.

    Raises:
        ConfigurationError: ``build`` is no function, gives no model, the same one or the same layers twice, two models
            of the same seed (it did not pass on the one it was given), or such as do not go together.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using
    deep ensembles", NeurIPS 2017.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> def build(seed):
        ...     net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2))
        ...     return gn.Model(net, loss="cross_entropy", optimizer=gn.Adam(0.05), metrics=["accuracy"], seed=seed)
        >>> ensemble = gn.Ensemble(build, members=3)
        >>> histories = ensemble.fit(x, y, epochs=100, verbose=False)
        >>> ensemble.predict_classes(x).tolist(), ensemble.predict(x).shape, ensemble.spread(x).shape
        ([0, 1, 1, 0], (4, 2), (4, 2))
    """

    @suggests
    def __init__(self, build: Callable[[int], Model], members: int = 4, *, seed: int = 0) -> None:
        self.seed = whole(seed, "seed", "Ensemble", low=0)
        self.members: tuple[Model, ...] = built(build, seeds_of(self.seed, members))
        self._failed: dict[int, Exception] = {}
        self._waiting: dict[int, int] = {}  # for how many epochs members wait that a Ctrl-C kept from beginning
        self.close()

    @classmethod
    def of(cls, models: Sequence[Model], *, seed: int = 0) -> Self:
        """An ensemble of models that are there already, such as those of ``gn.fit_many``.

        Args:
            models: two or more, of which no two have layers in common. They are taken as they are, without a copy.
            seed: kept as the ensemble's; it decides nothing.

        Raises:
            ConfigurationError: they are no models, or do not go together.
        """
        made = cls.__new__(cls)
        made.seed = whole(seed, "seed", "Ensemble", low=0)
        made.members = require_alike(models, where="Ensemble.of")
        made._failed, made._waiting = {}, {}
        made.close()
        return made

    def __getattr__(self, name: str) -> Any:
        """Says where to look for what models have and an ensemble has not."""
        members = self.__dict__.get("members")
        if members and not name.startswith("_") and hasattr(members[0], name):
            raise MissingAttributeError(
                where="Ensemble",
                received=f"a question for {name}, which a model has",
                expected="what an ensemble has",
                fix=f"ask a member, ensemble.members[0].{name}; or pass ensemble.as_model(), which is a model",
            )
        raise AttributeError(f"an Ensemble has no {name}")

    def __repr__(self) -> str:
        return f"Ensemble of {len(self.members)}: {self.members[0]!r}"

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.members)

    @suggests
    def fit(self, x: Any, y: Any = None, **settings: Any) -> list[History]:
        """Trains all members side by side, each with the bits that ``member.fit(x, y, ...)`` alone would give it.

        Called again, it goes on with them. The order of the rows, dropout, and the rows that ``validation_split`` sets
        aside are another member's with another seed.

        Args:
            x: as ``Model.fit`` takes it; or ``gn.Each`` of what each member gets.
            y: likewise.
            settings: those of ``gn.fit_many``, among them all of ``Model.fit``, each one for all or ``gn.Each`` of one
                for each member. Each member has an ``EarlyStopping`` of its own, and the weights that it restores.
                With ``resume=True`` each goes on with its own latest fit; those that a Ctrl-C kept from beginning it
                begin. With ``resume=path`` each goes on from the file that ``gn.Checkpoint(path)`` has saved of it, and
                those without one begin.

        Returns:
            The histories, in the members' order.

        Raises:
            DivergenceError: members diverged; the message names them. The others are trained, and
                ``ensemble.without(2)`` is an ensemble of them; as long as failed ones are in it, the ensemble gives no
                answers and is not saved.
            ConfigurationError: likewise for members that failed otherwise.
            GlassnetError: what ``Model.fit`` refuses; nothing is changed.
        """
        count = len(self.members)
        if isinstance(settings.get("resume"), str | Path):
            settings |= {"resume": files_to_resume(settings["resume"], count)}
            require_resumable(self.members, x, y, settings)
        asked = by_model(settings.get("epochs"), "epochs", count, "Ensemble.fit")
        if settings.get("resume") is True and self._waiting:
            asked = [self._waiting.get(number) if own is None else own for number, own in enumerate(asked)]
            has_begun = [number not in self._waiting for number in range(count)]
            settings |= {"epochs": Each(asked), "resume": Each(has_begun)}
        before = [member.epochs_trained for member in self.members]
        fits = [member.latest_fit for member in self.members]
        with learn_together(self.members, x, y):
            results = trained(self.members, x, y, **settings)
            failed = {number: own for number, own in enumerate(results) if isinstance(own, Exception)}
            begun = len(failed) < len(results) or any(isinstance(own, DivergenceError) for own in failed.values())
            if failed and not begun and before == [member.epochs_trained for member in self.members]:
                raise next(iter(failed.values()))  # for which nobody was trained
        self._failed = failed
        self._waiting = {
            number: asked[number] or 1
            for number, (own, member) in enumerate(zip(results, self.members, strict=True))
            if isinstance(own, History) and own.stopped and not len(own) and member.latest_fit is fits[number]
        }
        if failed:
            raise self._failure("Ensemble.fit") from next(iter(failed.values()))
        require_alike(self.members, where="Ensemble.fit")
        return [own for own in results if isinstance(own, History)]

    def without(self, *members: int) -> Self:
        """An ensemble of the other members, such as those that did not diverge; they are not copied.

        Args:
            members: numbers of those left out, from 0.

        Raises:
            ConfigurationError: there is no such member, or fewer than two are left.
        """
        where, count = "Ensemble.without", len(self.members)
        left_out = {whole(number, "members", where, low=0, high=count - 1) for number in members}
        kept = [number for number in range(count) if number not in left_out]
        made = type(self).of([self.members[number] for number in kept], seed=self.seed)
        made._failed = {place: self._failed[number] for place, number in enumerate(kept) if number in self._failed}
        made._waiting = {place: self._waiting[number] for place, number in enumerate(kept) if number in self._waiting}
        return made

    def as_model(self) -> Model:
        """One ``gn.Model`` that answers as the ensemble does, of copies of the members' networks side by side.

        It goes wherever a model goes: to reports, pictures, gradients, the server. Its outputs are probabilities where
        the ensemble's are, with ``from_logits=False`` in its loss; for ``Poisson`` and ``Gamma`` the logarithms of the
        mean, for ``JointCrossEntropy`` those of the mean probabilities. Trained on, all its parts are trained together.

        Raises:
            NotBuiltError, ConfigurationError: as ``predict``; or a ``JointCrossEntropy`` of more than 100 classes, or
                probabilities of a loss of one's own, which no layers average.
            ShapeError: values of more than three axes; several questions at each of several steps.
        """
        self._require_good("as_model")
        return joined(self.members, self.seed)

    @suggests
    def save(self, path: str | Path, *, include_optimizer: bool = True) -> None:
        """Writes all members into one ``.safetensors`` file, which ``gn.load`` reads; whole or not at all.

        What they have in common, such as a table, stands in it once. Checksums and proofs are those of ``Model.save``,
        and so are the errors. glassnet before 0.2 says that it is too old for the file.

        Args:
            path: the file.
            include_optimizer: whether to keep the memories of optimizers and callbacks, so that training can go on.
        """
        self._require_good("save")
        write_ensemble(self.members, self.seed, self._waiting, path, include_optimizer=include_optimizer)

    def fingerprint(self, of: str = "training") -> str:
        """A short hash of the members' fingerprints in their order: see ``Model.fingerprint``."""
        own = [member.fingerprint(of) for member in self.members]
        return sha256("\n".join(own).encode()).hexdigest()[: len(own[0])]

    @suggests
    def export_onnx(self, path: str | Path, *, opset: int | None = None) -> Any:
        """Writes one ONNX graph that averages the members, preprocessing included: see ``Model.export_onnx``.

        Args:
            path: the file.
            opset: the version of the operators; None for a current one.
        """
        return self.as_model().export_onnx(path, opset=opset)
