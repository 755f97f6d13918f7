"""A session as Python code: data, network, training, from the first weight to the last."""

from __future__ import annotations

import inspect
import re

from glassnet.playground.generators import GENERATORS
from glassnet.playground.session import Session


def python_code(session: Session) -> str:
    """A script that does again what was done in the session, and ends with the same weights.

    Args:
        session: the network in training.

    Returns:
        Text of a Python file that needs glassnet alone; for a user's table it reads the file from its own folder.
    """
    body = [
        *_data(session),
        f"train, test = gn.data.split(data, test_share={session.setting.held_out!r}, seed={session.setting.seed})",
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
        *(["from glassnet.training.batches import epoch_order"] if session.batch else []),
        "",
    ]
    return "\n".join([*head, *body]) + "\n"


def _data(session: Session) -> list[str]:
    setting, table = session.setting, session.table
    if setting.dataset == "digits":
        return ["data = gn.data.digits()  # 8×8 pixels, from 0 to 16"]
    if setting.dataset == "table":
        assert table is not None
        target = setting.target or table.columns[-1]
        return [f"data = gn.data.read_csv({table.name!r}, target={target!r})  # beside this script"]
    generator = GENERATORS[setting.dataset]
    source = re.sub(r" -> Made:", ":", inspect.getsource(generator))
    source = re.sub(r"\(rows: int, noise: float, rng: np.random.Generator\)", "(rows, noise, rng)", source)
    return [
        "",
        source.rstrip(),
        "",
        "",
        f"x, y = {setting.dataset}({setting.rows}, {setting.noise!r}, np.random.default_rng({setting.seed}))",
        f'data = gn.data.Dataset(x, y, name="{setting.dataset}")',
    ]


def _targets(session: Session) -> list[str]:
    """What turns the data's targets into the loss's."""
    examples = session.examples
    if examples.task == "binary":
        labels = "{}.y.reshape(-1, 1).astype(np.float32)"
        form = f"2 * {labels} - 1" if examples.loss == "hinge" else labels
    else:
        form = "{}.y"
    return [f"train_y, test_y = {form.format('train')}, {form.format('test')}"]


def _model(session: Session) -> list[str]:
    model = session.model
    lines = [
        "net = gn.Sequential(",
        *(f"    {_public(repr(layer))}," for _, layer in model.network.children()),
        ")",
        f"optimizer = {_public(repr(model.optimizer))}",
        f'model = gn.Model(net, loss="{session.examples.loss}", optimizer=optimizer, seed={session.setting.seed})',
    ]
    if session.examples.is_image:
        lines.append(f"model.preprocessing = gn.Standardize(scale={session.examples.train.scale!r})")
    elif model.preprocessing is not None:
        lines.append("model.preprocessing = gn.Standardize.from_data(train.x)")
    if model.target_scaling is not None:
        lines.append("model.target_scaling = gn.Standardize.from_data(train_y)")
    return lines


def _training(session: Session) -> list[str]:
    size = min(session.setting.batch_size, len(session.rows))
    lines = []
    if session.epochs:
        fit = f"model.fit(train.x, train_y, epochs={session.epochs}, batch_size={size}, verbose=False)"
        lines.append(f"history = {fit}")
    else:
        lines.append("model.network.build(train.x.shape[1:], seed=model.seed)  # nothing has been learned yet")
    if session.batch:
        lines += [
            f"order = epoch_order(len(train), seed={session.setting.seed}, epoch={session.epochs + 1}, shuffle=True)",
            f"for start in range(0, {session.batch * size}, {size}):  # the first steps of the next epoch",
            f"    rows = order[start : start + {size}]",
            "    model.fit(train.x[rows], train_y[rows], batch_size=None, shuffle=False, verbose=False)",
        ]
    return lines


def _results(session: Session) -> list[str]:
    metric = "r2" if session.examples.task == "numbers" else "accuracy"
    return [
        f'model.metrics = gn.metrics.as_metrics(["{metric}"])',
        'for part, x, y in (("training", train.x, train_y), ("held out", test.x, test_y)):',
        "    measured = model.evaluate(x, y)",
        f"    print(f\"{{part}}: loss {{measured['loss']:.6f}}, {metric} {{measured['{metric}']:.4f}}\")",
    ]


def _public(text: str) -> str:
    """A repr with the classes under glassnet's public name."""
    return re.sub(r"\b([A-Z]\w*)\(", r"gn.\1(", text).replace("'", '"')
