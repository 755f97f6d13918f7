"""Small models with what they predict, for tests that files of earlier versions are read: tests/formats/files.

    PYTHONPATH=OLD/src python tools/sample_models.py FOLDER

writes what that version of glassnet can do, in NumPy where it is not compiled. Run it when a model's file gets
something new, and keep what is new for good.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

import glassnet as gn

FOLDER = Path(sys.argv[1])


def keep(name: str, model: Any, x: Any) -> None:
    """The model's file and, beside it, some rows with the predictions."""
    model.save(FOLDER / f"{name}.safetensors")
    given = x if isinstance(x, dict) else np.asarray(x)
    known = {
        "x": x if isinstance(x, dict) else given.tolist(),
        "predictions": np.asarray(model.predict(given), float).tolist(),
        "epochs_trained": model.epochs_trained,
        "steps": int(model.optimizer.steps),
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(known, default=datetime.isoformat) + "\n", encoding="utf-8")


def arrays(rng: np.random.Generator) -> None:
    """Classes, amounts and labels of columns."""
    x = np.round(rng.normal(size=(12, 3)) * [1, 10, 0.1] + [0, 100, 0], 3)
    scaled = x / 100
    network = gn.Sequential(
        gn.Dense(4), gn.ELU(), gn.Residual(gn.Dense(4), gn.GELU()), gn.LeakyReLU(), gn.Dropout(0.1),
        gn.Concat(gn.Sequential(gn.Dense(2), gn.SiLU()), gn.Sequential(gn.Dense(2), gn.Softplus()), gn.Identity()),
        gn.Tanh(), gn.Dense(3, bias_init=gn.initializers.Constant(0.5)),
    )  # fmt: skip
    loss = gn.losses.CrossEntropy(class_weight=[1.0, 2.0, 1.0], label_smoothing=0.1)
    optimizer = gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-3), gn.Adam(gn.schedules.CosineDecay(0.01, steps=100)))
    model = gn.Model(network, loss, optimizer, ["accuracy"], seed=3)
    model.preprocessing = gn.Standardize.from_data(x)
    model.feature_names, model.class_names, model.target_name = ("a", "b", "c"), ("x", "y", "z"), "kind"
    model.fit(x, rng.integers(0, 3, 12), epochs=3, batch_size=5, verbose=False)
    keep("classes", model, x[:4])
    y = np.round(x @ [[1.0], [2.0], [3.0]] + 1000, 3)
    optimizer = gn.SGD(gn.schedules.Constant(0.01), momentum=0.9)
    network = gn.Sequential(gn.Dense(3), gn.ReLU(), gn.Dense(1))
    model = gn.Model(network, "mean_squared_error", optimizer, ["r2"], seed=1, dtype="float64")
    model.preprocessing, model.target_scaling = gn.Standardize.from_data(x), gn.Standardize.from_data(y)
    model.fit(x, y, epochs=2, verbose=False)
    keep("amounts", model, x[:4])
    network = gn.Sequential(gn.Reshape((3,)), gn.Dense(3), gn.Sigmoid(), gn.Dense(2))
    model = gn.Model(network, gn.losses.BinaryCrossEntropy(), "nadam", seed=2)
    model.fit(scaled, rng.integers(0, 2, (12, 2)), verbose=False)
    keep("labels", model, scaled[:4])
    if hasattr(gn.losses, "Poisson"):
        model = gn.Model(gn.Sequential(gn.Dense(2)), "poisson", "adam", seed=1)
        watching = [gn.EarlyStopping("loss"), gn.ReduceOnPlateau("loss")]
        model.fit(scaled, rng.integers(0, 9, (12, 2)), verbose=False, callbacks=watching)
        keep("counts", model, scaled[:3])


def images(rng: np.random.Generator) -> None:
    """Convolutions, pooling, normalisation."""
    x = np.round(rng.normal(size=(6, 1, 6, 6)), 3)
    network = gn.Sequential(
        gn.Conv2D(3, 3, padding="same"), gn.BatchNorm(), gn.ReLU(), gn.MaxPool2D(2),
        gn.Concat(gn.Conv2D(2, 1), gn.AveragePool2D(1)), gn.GroupNorm(1), gn.UpSample2D(2), gn.ConvTranspose2D(2, 2),
        gn.GlobalAveragePool(), gn.LayerNorm(), gn.Dense(1),
    )  # fmt: skip
    model = gn.Model(network, "mean_squared_error", gn.SGD(0.01, momentum=0.9), seed=4)
    model.fit(x, np.round(rng.normal(size=(6, 1)), 3), epochs=2, verbose=False)
    keep("images", model, x[:2])


def learned(name: str, data: dict[str, Any], target: Any, rows: dict[str, Any], **settings: Any) -> None:
    """A model of a table."""
    table = gn.Table.from_data(data, target, **settings)
    first = table.input_layers() if settings.get("embeddings") else ()
    model = gn.Model(gn.Sequential(*first, gn.Dense(table.outputs)), table.loss, "adam", seed=1)
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=3, verbose=False)
    keep(name, model, rows)


def tables() -> None:
    """Columns of every kind that the version knows."""
    data: dict[str, Any] = {
        "amount": [1.5, None, 3.0, 80.0, 2.25, 7.0],
        "town": ["Ulm", "Bern", "Ulm", "Graz", None, "Bern"],
        "member": [True, False, True, None, False, True],
        "income": [3, 4, 9, 1000, 5, 6],
        "code": [7, 8, 7, 8, 9, 9],
        "buys": ["no", "yes", "no", "yes", "yes", "no"],
    }
    rows: dict[str, Any] = {
        "amount": [2.0, None, 4.5],
        "town": ["Ulm", "Paris", None],
        "member": [True, None, False],
        "income": [2, 500, 2000],
        "code": [7, 9, 11],
    }
    learned("columns", data, "buys", rows, quantiles=["income"], categories=["code"])
    days = [datetime(2024, month, day, hour) for month, day, hour in ((1, 31, 8), (2, 29, 12), (7, 14, 0), (5, 5, 5))]
    data = {"day": [*days, None], "size": [1, 2, 3, 4, 5], "price": [10.5, 20.0, 31.0, 44.0, 48.0]}
    learned("times", data, "price", {"day": [datetime(2024, 3, 1, 7), None], "size": [2, 9]})
    if hasattr(gn, "Embedding"):
        data = {"town": ["Ulm", "Bern", "Graz"] * 4, "age": list(range(12)), "buys": ["no", "yes"] * 6}
        data["size"] = ["S", "M", "L", "L"] * 3
        rows = {"town": ["Bern", "Oslo", None], "age": [3, 5, 8]}
        learned("questions", data, ["buys", "size"], rows, embeddings=["town"])
    if "reading" in signature(gn.Table).parameters:
        data = {
            "when": ["31.12.2021", "01.02.2022", "15.07.2022", "24.12.2022"],
            "at": ["08:15", "23:59", "12:00", "07:30"],
            "weight": ["3,5 kg", "4,25 kg", "5 kg", "NA"],
            "share": ["12 %", "50 %", "7,5 %", "100 %"],
            "lasts": ["1:30:00", "0:45:10", "2:00:00", "10:00:01"],
            "cost": ["1.234,50", "2.000,00", "999,99", "10.000,00"],
        }
        rows = {"when": ["05.06.2022", "01.01.2023"], "at": ["00:01", "13:37"], "weight": ["4,5 kg", "NA"]}
        learned("texts", data, "cost", rows | {"share": ["1 %", "99,5 %"], "lasts": ["0:10:00", "3:00:00"]})


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    arrays(rng)
    if hasattr(gn, "Conv2D"):
        images(rng)
    if hasattr(gn, "Table"):
        tables()
