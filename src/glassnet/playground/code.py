"""A session as Python code: data, network, training, from the first weight to the last."""

from __future__ import annotations

import inspect
import re

from glassnet.playground.changes import WEIGHT
from glassnet.playground.examples import MOST_ROWS, SAMPLE_SEED
from glassnet.playground.generators import GENERATORS, inputs_of
from glassnet.playground.models import optimizer_of
from glassnet.playground.session import Session
from glassnet.playground.settings import Setting
from glassnet.tables import Reading


def python_code(session: Session) -> str:
    """A script that does again what was done in the session, and ends with the same weights.

    Args:
        session: the network in training.

    Returns:
        Text of a Python file that needs glassnet alone; for a user's table it reads the file from its own folder.
    """
    body = [
        *(_data(session) if session.examples.table is None else _table(session)),
        *_targets(session),
        "",
        *_model(session),
        "",
        *_training(session),
        "",
        *_results(session),
    ]
    head = [
        '"""A network from the glassnet playground: run it to train the same network again."""\n',
        *(["import numpy as np\n"] if any("np." in line for line in body) else []),
        "import glassnet as gn",
        *(
            ["from glassnet.training.batches import epoch_order"]
            if any("epoch_order(" in line for line in body)
            else []
        ),
        "",
    ]
    return "\n".join([*head, *body]) + "\n"


def _data(session: Session) -> list[str]:
    setting = session.setting
    split = f"train, test = gn.data.split(data, test_share={setting.held_out!r}, seed={setting.seed})"
    if setting.dataset == "digits":
        return ["data = gn.data.digits()  # 8×8 pixels, from 0 to 16", split]
    generator = GENERATORS[setting.dataset]
    source = re.sub(r" -> Made:", ":", inspect.getsource(generator))
    source = re.sub(r"\(rows: int, noise: float, rng: np.random.Generator\)", "(rows, noise, rng)", source)
    makes = [] if setting.inputs == ("x1", "x2") else [f"x = inputs_of(x, {setting.inputs!r})"]
    if makes:
        extra = inspect.getsource(inputs_of)
        extra = re.sub(r"\(x: .*\) -> .*:", "(x, names):", extra, count=1)
        source = f"{source.rstrip()}\n\n\n{extra}"
    return [
        "",
        source.rstrip(),
        "",
        "",
        f"x, y = {setting.dataset}({setting.rows}, {setting.noise!r}, np.random.default_rng({setting.seed}))",
        *makes,
        f'data = gn.data.Dataset(x, y, name="{setting.dataset}")',
        split,
    ]


def _table(session: Session) -> list[str]:
    """A user's table: classes and how texts are read are those of all rows, the rest is learned from a part."""
    setting, table, schema = session.setting, session.table, session.examples.table
    assert table is not None
    assert schema is not None
    target = setting.target or table.columns[-1]
    reading = "" if table.reading is None else f", reading={_reading(table.reading)}"
    labels = "None" if schema.class_names is None else "whole.targets(data)"
    draw = f"np.random.default_rng({SAMPLE_SEED}).choice(data.height, {MOST_ROWS}, replace=False)"
    sample = [f"data = data.rows(np.sort({draw}))  # a sample"] if table.height > MOST_ROWS else []
    return [
        f"data = gn.data.read_table({table.name!r}, {target!r}{reading})  # beside this script",
        *sample,
        f"whole = gn.Table.from_data(data, {target!r})",
        f"held_out = gn.data.test_rows(data.height, {labels}, {setting.held_out!r}, {setting.seed})",
        "train, test = data.rows(~held_out), data.rows(held_out)",
        f"columns = gn.Table.from_data(train, ignore={target!r}).columns  # means, deviations and words of this part",
        "table = gn.Table(columns, whole.target, whole.forms, whole.reading)",
    ]


def _reading(reading: Reading) -> str:
    """The reading as it is written in Python: what was said, and nothing else."""
    said = {name: value for name, value in reading.settings().items() if value}
    return f"gn.tables.Reading({', '.join(f'{name}={value!r}' for name, value in said.items())})"


def _targets(session: Session) -> list[str]:
    """What turns the data's targets into the loss's."""
    examples = session.examples
    form = "{}.y" if examples.table is None else "table.targets({})"
    if examples.task == "binary":
        labels = f"{form}.reshape(-1, 1).astype(np.float32)"
        form = f"2 * {labels} - 1" if examples.loss == "hinge" else labels
    return [f"train_y, test_y = {form.format('train')}, {form.format('test')}"]


def _model(session: Session) -> list[str]:
    model = session.model
    lines = [
        "net = gn.Sequential(",
        *(f"    {_public(repr(layer))}," for _, layer in model.network.children()),
        ")",
        f"optimizer = {_public(repr(optimizer_of(session.setting)))}",
        f'model = gn.Model(net, loss="{session.examples.loss}", optimizer=optimizer, seed={session.setting.seed})',
    ]
    if session.examples.is_image:
        lines.append(f"model.preprocessing = gn.Standardize(scale={session.examples.train.scale!r})")
    elif session.examples.table is not None:
        lines.append("model.preprocessing = table")
        if session.examples.table.class_names is not None:
            lines.append("model.class_names = table.class_names")
    if model.target_scaling is not None:
        lines.append("model.target_scaling = gn.Standardize.from_data(train_y)")
    return lines


def _training(session: Session) -> list[str]:
    """The training, in the stretches between which something was changed."""
    is_table = session.examples.table is not None
    shape = "(len(table.features),)" if is_table else "train.x.shape[1:]"
    lines: list[str] = []
    if not session.epochs or session.changes:
        lines.append(f"model.network.build({shape}, seed=model.seed)  # the first weights")
    before = session.setting
    at = (0, 0)
    for change in session.changes:
        lines += _stretch(session, at, (change.epoch, change.batch))
        at = change.epoch, change.batch
        if change.name == WEIGHT:
            lines.append(f"model.network.parameters[{change.place}] = {change.value!r}")
            continue
        before = before.having(change.name, change.value)
        lines += _retuned(before, change.name)
    return lines + _stretch(session, at, (session.epochs, session.batch))


def _stretch(session: Session, start: tuple[int, int], end: tuple[int, int]) -> list[str]:
    """From one moment to another, each whole epochs and batches of the next one: steps, epochs, steps."""
    (epoch, batch), (last, last_batch) = start, end
    if epoch < last and batch:
        lines = [*_steps(session, epoch, batch, session.batches), f"model.epochs_trained = {epoch + 1}"]
        epoch, batch = epoch + 1, 0
    else:
        lines = []
    if epoch < last:
        x = "train.x" if session.examples.table is None else "train"
        size = min(session.setting.batch_size, len(session.rows))
        lines.append(f"history = model.fit({x}, train_y, epochs={last - epoch}, batch_size={size}, verbose=False)")
    if batch < last_batch:
        lines += [*_steps(session, last, batch, last_batch), f"model.epochs_trained = {last}  # steps are no epochs"]
    return lines


def _steps(session: Session, epoch: int, batch: int, last: int) -> list[str]:
    size = session.ends[0]
    rows, count = ("train.x[rows]", "len(train)")
    if session.examples.table is not None:
        rows, count = "train.rows(rows)", "train.height"
    ends = f"range({size}, {session.ends[-2] + 1}, {size})" if session.batches > 1 else "[]"
    return [
        f"order = epoch_order({count}, seed={session.setting.seed}, epoch={epoch + 1}, shuffle=True)",
        f"for rows in np.split(order, {ends})[{batch}:{last}]:  # steps of epoch {epoch + 1}",
        f"    model.fit({rows}, train_y[rows], batch_size=None, shuffle=False, verbose=False)",
    ]


def _retuned(setting: Setting, name: str) -> list[str]:
    """The rate or the penalties from here on."""
    if name == "learning_rate":
        return [f"model.optimizer.learning_rate = {setting.learning_rate!r}"]
    strengths = (("L1", setting.l1), ("L2", setting.l2))
    penalties = [f"gn.{penalty}({strength!r})" for penalty, strength in strengths if strength]
    rule = 'getattr(model.optimizer, "rule", model.optimizer)'
    return [
        f"model.optimizer = gn.Chain({', '.join([*penalties, rule])})" if penalties else f"model.optimizer = {rule}"
    ]


def _results(session: Session) -> list[str]:
    metric = "r2" if session.examples.task == "numbers" else "accuracy"
    train, test = ("train.x", "test.x") if session.examples.table is None else ("train", "test")
    return [
        f'model.metrics = gn.metrics.as_metrics(["{metric}"])',
        f'for part, x, y in (("training", {train}, train_y), ("held out", {test}, test_y)):',
        "    measured = model.evaluate(x, y)",
        f"    print(f\"{{part}}: loss {{measured['loss']:.6f}}, {metric} {{measured['{metric}']:.4f}}\")",
    ]


def _public(text: str) -> str:
    """A repr with the classes under glassnet's public name."""
    return re.sub(r"\b([A-Z]\w*)\(", r"gn.\1(", text).replace("'", '"')
