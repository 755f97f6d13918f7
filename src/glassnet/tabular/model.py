"""One object from a table to its answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.core.blocks import Blocks
from glassnet.core.calls import Closed, suggests
from glassnet.core.errors import ConfigurationError, DataWarning, NotBuiltError, shown
from glassnet.core.indexes import require_one_order
from glassnet.core.output import level_of_caller
from glassnet.core.settings import boolean, number, one_of, several, whole
from glassnet.core.shapes import Array
from glassnet.core.sides import Sides
from glassnet.losses.targets import check_weights
from glassnet.many import Ensemble
from glassnet.model import Model
from glassnet.tables import Classes, Frame, Ignored, Questions, Table
from glassnet.tables.divided import groups_of, moments_of
from glassnet.tables.frames import require_columns
from glassnet.tables.reading import Reading, read_columns
from glassnet.tables.suspects import suspects
from glassnet.tables.targets import TASKS
from glassnet.tabular.answers import with_answers
from glassnet.tabular.plan import class_weights, plan, train
from glassnet.tabular.recipes import PRESETS, SCHEDULES, Recipe, recipe_for
from glassnet.training import History


class TableModel(Closed):
    """A network, or several, for a table: columns are read, scaled and cut, rows set aside, the best epoch kept.

    ``"quick"`` is one network of 2×64 units; ``"best"`` is four of 2×128 in the manner of RealMLP, trained on different
    fifths, whose answers are averaged; see ``glassnet.tabular.PRESETS`` for all that they choose. What comes out is an
    ordinary model: ``.model`` is a ``gn.Model`` or a ``gn.Ensemble``, and its file is read by ``gn.load``.

    Args:
        preset: ``"quick"``, ``"best"``, or a ``glassnet.tabular.Recipe`` of one's own.
        task: ``"auto"``, ``"classification"`` or ``"regression"``, see ``Table.from_data``.
        members: how many networks answer together; None for the preset's.
        epochs: at most so many; None for the preset's.
        label_smoothing: of classes, in [0, 1); None for the preset's.
        schedule: of the rate, ``"constant"``, ``"cosine"`` or ``"log_cosine"``; None for the preset's.
        class_weight: ``"balanced"``, or {class: weight}: how much the rows of each class count; None for all alike.
        log_target: whether the logarithms of amounts are learned, log(1 + y).
        categories: columns whose values are names, not amounts.
        ignore: columns that are left out.
        group: the column whose equal values stay on one side when rows are set aside; it is no input.
        time: the column by which the latest rows are set aside; it remains an input.
        validation_share: of the rows that chooses the epoch; of several members each sets aside another part.
        seed: the same seed gives the same model.
        dtype: of the networks.
        engine: as in ``gn.Model``.
        threads: likewise.

    Attributes:
        model: what is trained; None before ``fit``.
        table: what each column is; None before ``fit``.
        recipe: by which it was trained; None before ``fit``.

    Raises:
        ConfigurationError: settings that cannot be.

    Example:
        >>> import glassnet as gn
        >>> data = {"age": [31, 47, 22, 60, 19, 38] * 8, "town": ["Ulm", "Bern", "Ulm", "Graz", "Ulm", "Bern"] * 8}
        >>> data["buys"] = ["no", "yes", "no", "yes", "no", "yes"] * 8
        >>> model = gn.TableModel()
        >>> history = model.fit(data, "buys", verbose=False)
        >>> model.predict({"age": [25, 55], "town": ["Ulm", "Graz"]}).tolist()
        ['no', 'yes']
    """

    @suggests
    def __init__(
        self,
        preset: str | Recipe = "quick",
        *,
        task: str = "auto",
        members: int | None = None,
        epochs: int | None = None,
        label_smoothing: float | None = None,
        schedule: str | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        log_target: bool = False,
        categories: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        group: str | None = None,
        time: str | None = None,
        validation_share: float = 0.2,
        seed: int = 0,
        dtype: Any = "float32",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        where = "TableModel"
        if not isinstance(preset, Recipe):
            one_of(preset, "preset", where, list(PRESETS))
        self.preset: str | Recipe = preset
        self.task = one_of(task, "task", where, TASKS)
        self.changes: dict[str, Any] = {
            "members": None if members is None else whole(members, "members", where, high=1000),
            "epochs": None if epochs is None else whole(epochs, "epochs", where),
            "schedule": None if schedule is None else one_of(schedule, "schedule", where, SCHEDULES),
            "label_smoothing": None
            if label_smoothing is None
            else number(label_smoothing, "label_smoothing", where, low=0, high=1),
        }
        self.class_weight = _class_weight(class_weight)
        self.log_target = boolean(log_target, "log_target", where)
        self.categories, self.ignore = _names(categories, "categories"), _names(ignore, "ignore")
        self.group, self.time = (_name(own, name) for own, name in ((group, "group"), (time, "time")))
        if group is not None and time is not None:
            raise ConfigurationError(
                where=where,
                received=f"group={shown(group)} and time={shown(time)}",
                expected="one of them: either rows of a group stay together, or the latest rows are set aside",
                fix="leave one out",
            )
        self.validation_share = number(validation_share, "validation_share", where, low=0, high=1, open_low=True)
        self.seed = whole(seed, "seed", where, low=0)
        self.settings: dict[str, Any] = {"dtype": dtype, "engine": engine, "threads": threads}
        self.model: Model | Ensemble | None = None
        self.table: Table | None = None
        self.recipe: Recipe | None = None
        self.close()

    def __repr__(self) -> str:
        preset = self.preset if isinstance(self.preset, str) else "a recipe"
        return f"TableModel({preset}): {'not trained' if self.model is None else self.model!r}"

    @suggests
    def fit(
        self,
        data: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        callbacks: Sequence[Callable[..., Any]] = (),
        resume: bool | str | Path = False,
        verbose: bool = True,
    ) -> list[History]:
        """Learns the table, sets rows aside, trains.

        Args:
            data: a frame, a mapping of columns, an array (N, D), or what ``gn.data.read_table`` gives.
            y: the name of the column to be predicted, or of several; or the answers themselves, (N,) or (N, M).
            sample_weight: a weight ≥ 0 for each row (N,).
            validation_data: rows that choose the epoch, in place of some that are set aside: a frame that has the
                answers, too, or (frame, answers).
            callbacks: for ``Model.fit``; with ``gn.Checkpoint(path)`` each of several members has files of its own.
            resume: the path of a ``gn.Checkpoint``, to go on with the training that it has saved, on the same rows by
                the same settings: it ends with the bits of an unbroken one.
            verbose: whether to show a progress bar.

        Returns:
            The histories, one for each member.

        Raises:
            DataError: rows that are no table, too few of them, missing answers.
            ConfigurationError: names of columns that are not there; settings that do not go together.
        """
        where = "TableModel.fit"
        own_callbacks = several(callbacks, "callbacks", where, expected="callbacks, such as [gn.Checkpoint(path)]")
        if not isinstance(resume, str | Path) and resume is not False:
            raise ConfigurationError(
                where=f"{where}: resume",
                received=shown(resume),
                expected="the path of a gn.Checkpoint, or False",
                fix="train with callbacks=[gn.Checkpoint(path)], and go on with resume=path",
            )
        if isinstance(data, Blocks):
            raise ConfigurationError(
                where=where,
                received="data that are read block by block",
                expected="a table that is in memory",
                fix="learn the table and train a gn.Model on the blocks (docs/large-data.md), or read fewer rows",
            )
        require_one_order({"data": data, "sample_weight": sample_weight}, where=where)
        frame, names = with_answers(data, y, where)
        beside = [] if self.group is None else [self.group]
        require_columns(
            [own for own in (self.group, self.time) if own], list(frame), where=where, mend="name a column of the data"
        )
        if self.group in names or self.time in names:
            raise ConfigurationError(
                where=where,
                received=f"{'group' if self.group in names else 'time'}={(self.group or self.time)!r}, the target",
                expected="another column: what decides which rows are set aside is known before the answer",
                fix="leave it out, or name the column of persons, shops or days",
            )
        table = Table.from_data(
            frame,
            names,
            task=self.task,
            categories=self.categories,
            ignore=[*self.ignore, *beside],
            embeddings="auto",
            numbers=recipe_numbers(self.preset),
        )
        self._warn_of_odd_columns(frame, table)
        recipe = recipe_for(self.preset, table).but(**self.changes)
        targets = table.targets(frame)
        sides = self._sides(frame, table, targets)
        weights = class_weights(self.class_weight, table, targets)
        if sample_weight is not None:
            own = check_weights(sample_weight, frame.height, np.dtype(np.float64), where=f"{where}: sample_weight")
            weights = own if weights is None else own * weights
        validation = None
        if validation_data is not None:
            is_pair = isinstance(validation_data, tuple) and len(validation_data) == 2
            rows, answers = validation_data if is_pair else (validation_data, None)
            held = with_answers(rows, answers, where, called=names)[0]
            validation = (held, table.targets(held))
        made = plan(
            frame,
            table,
            recipe,
            sides=sides,
            share=self.validation_share,
            validation=validation,
            weights=weights,
            log_target=self.log_target,
            seed=self.seed,
            **self.settings,
        )
        model, histories = train(made, callbacks=own_callbacks, resume=resume, verbose=verbose)
        self.model, self.table, self.recipe = model, table, recipe
        return histories

    def _warn_of_odd_columns(self, frame: Frame, table: Table) -> None:
        """Names columns that tell the answer, such as its own where that is given apart, or that name the rows."""
        inputs = [column.name for column in table.columns if not isinstance(column, Ignored)]
        names = table.target.names if table.target is not None else ()
        raws = Frame(table.read(frame, [*inputs, *names], where="TableModel.fit"), frame.name, frame.reading)
        for sentence in suspects(raws, inputs, names, leave_out=lambda name: f"ignore=[{name!r}]"):
            warnings.warn(f"TableModel.fit: {sentence}", DataWarning, stacklevel=level_of_caller())

    def _sides(self, frame: Frame, table: Table, targets: Array) -> Sides:
        """What is kept to when rows are set aside."""
        own = [frame[name] for name in (self.group, self.time) if name]
        read = read_columns(own, frame.reading or Reading(), answers=(), words=())
        groups = None if self.group is None else groups_of(read[self.group], where="TableModel: group")
        moments = None if self.time is None else moments_of(read[self.time], where="TableModel: time")
        labels = targets if isinstance(table.target, Classes) else None
        return Sides(frame.height, labels=labels, groups=groups, moments=moments, seed=self.seed)

    def predict(self, data: Any) -> Array:
        """The answers: names of classes (N,), or amounts (N,) in their own unit; (N, M) for several targets.

        Raises:
            NotBuiltError: ``fit`` was not called.
            DataError: a column is missing, or holds values of another kind than in training.
        """
        model, table = self._fitted("predict")
        if table.questions:
            return table.words(model.predict_classes(data))
        found = np.asarray(model.predict(data))
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, data: Any) -> Any:
        """The probability of each class (N, K), in the order of ``table.class_names``; of several targets a list.

        Raises:
            ConfigurationError: the target is an amount.
        """
        model, table = self._fitted("predict_proba")
        if not table.questions:
            raise ConfigurationError(
                where="TableModel.predict_proba",
                received=f"a model of amounts, {', '.join(self._names())}",
                expected="one of classes",
                fix="use predict, and spread for how sure several members are",
            )
        # An ensemble's answers are probabilities; those of a single model are made from its logits.
        found = model.predict(data) if isinstance(model, Ensemble) else model.predict_proba(data)
        if isinstance(table.target, Questions):
            ends = np.cumsum([len(classes) for classes in table.questions.values()])[:-1]
            return np.split(found, ends, axis=1)
        return found

    def spread(self, data: Any) -> Array:
        """How far the members' answers lie apart, the standard deviation in the form of their answers.

        Raises:
            ConfigurationError: there is one member only.
        """
        model, _ = self._fitted("spread")
        if not isinstance(model, Ensemble):
            raise ConfigurationError(
                where="TableModel.spread",
                received="one network",
                expected="several, which can differ",
                fix='write gn.TableModel("best"), or members=4',
            )
        return np.asarray(model.spread(data))

    def evaluate(self, data: Any, y: Any = None) -> dict[str, float]:
        """Loss and metrics on rows with answers.

        Args:
            data: as ``fit`` takes it; with the column of the answers, where y is None.
            y: the answers, or the name of their column.
        """
        model, table = self._fitted("evaluate")
        names = self._names()
        frame = with_answers(data, y, "TableModel.evaluate", called=names)[0]
        return dict(model.evaluate(frame, table.targets(frame)))

    def save(self, path: str | Path, *, include_optimizer: bool = False) -> None:
        """Writes the model, its table included, into one ``.safetensors`` file, which ``gn.load`` reads."""
        self._fitted("save")[0].save(path, include_optimizer=include_optimizer)

    def _names(self) -> list[str]:
        table = self._fitted("names")[1]
        return list(table.target.names) if table.target is not None else []

    def _fitted(self, where: str) -> tuple[Model | Ensemble, Table]:
        if self.model is None or self.table is None:
            raise NotBuiltError(
                where=f"TableModel.{where}",
                received="a model that is not trained",
                expected="one that is",
                fix="call fit(data, target) first",
            )
        return self.model, self.table


def recipe_numbers(preset: str | Recipe) -> str:
    """How columns of numbers become features, which is decided before the target is known."""
    return preset.numbers if isinstance(preset, Recipe) else PRESETS[preset].numbers


def _names(given: Any, setting: str) -> list[str]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple) or not all(isinstance(own, str) for own in given):
        raise ConfigurationError(
            where="TableModel",
            received=f"{setting}={shown(given)}",
            expected="names of columns",
            fix=f'write {setting}=["town"]',
        )
    return list(given)


def _name(given: Any, setting: str) -> str | None:
    if given is not None and not (isinstance(given, str) and given):
        raise ConfigurationError(
            where="TableModel",
            received=f"{setting}={shown(given)}",
            expected="the name of one column",
            fix=f'write {setting}="person"',
        )
    return given


def _class_weight(given: Any) -> str | dict[Any, float] | None:
    where = "TableModel: class_weight"
    if given is None or isinstance(given, str):
        return None if given is None else one_of(given, "class_weight", "TableModel", ("balanced",))
    if not isinstance(given, Mapping) or not given:
        raise ConfigurationError(
            where="TableModel",
            received=f"class_weight={shown(given)}",
            expected='"balanced", or {class: weight}',
            fix='write class_weight={"yes": 3}; other classes weigh 1',
        )
    return {name: number(weight, str(name), where, low=0, in_float32=True) for name, weight in given.items()}
