"""Small models behind the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import glassnet as gn
from glassnet.serving import Limits, Service
from glassnet.serving.app import build_app

HOST = "127.0.0.1:8000"


def flowers() -> gn.Model:
    """Three classes by two named columns."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = y[:, None] + rng.normal(size=(60, 2)) * 0.1 + [10, 100]
    model = gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(3)), "cross_entropy", gn.Adam(0.05))
    model.preprocessing = gn.Standardize.from_data(x)
    model.feature_names, model.class_names = ("width", "height"), ("setosa", "versicolor", "virginica")
    model.fit(x, y, epochs=30, verbose=False)
    return model


def customers() -> gn.Model:
    """Columns of every kind, with a decimal comma."""
    data = {
        "age": [31, 47, 22, None, 50, 61],
        "town": ["Ulm", "Bern", "Ulm", "Graz", "Bern", None],
        "member": [True, False, True, None, False, True],
        "since": ["31.12.2021", "01.02.2022", "15.07.2022", "24.12.2022", "05.05.2020", "06.06.2021"],
        "at": ["08:15", "23:59", "12:00", "07:30", "13:13", "01:02"],
        "lasts": ["1:30:00", "26:45:10", "2:00:00", "10:00:01", "3:04:05", "0:00:09"],
        "spent": ["1.234,50", "2.000,00", "999,99", "10.000,00", "3,5", "17,25"],
        "income": [3, 4, 9, 1000, 5, 6],
        "nothing": [1, 1, 1, 1, 1, 1],
        "buys": ["no", "yes", "no", "yes", "yes", "no"],
    }
    table = gn.Table.from_data(data, "buys", quantiles=["income"])
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(table.outputs)), table.loss, gn.Adam(0.1))
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=20, verbose=False)
    return model


CUSTOMER: dict[str, Any] = {
    **{"age": 40, "town": "Bern", "member": True, "since": "01.03.2022", "at": "09:30", "lasts": "5:00:00"},
    **{"spent": "1.500,00", "income": 7},
}


def plain(loss: Any, outputs: int, inputs: tuple[int, ...] = (3,)) -> gn.Model:
    """A network that was drawn and not trained."""
    model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(outputs)), loss, "sgd", seed=1)
    model.network.build(inputs)
    return model


Client = Callable[..., TestClient]


@pytest.fixture
def client() -> Client:
    """Makes a client of a server for a model."""

    def of(model: gn.Model, **limits: Any) -> TestClient:
        app = build_app(Service(model, "model", Limits(**limits)), [HOST])
        return TestClient(app, base_url=f"http://{HOST}")

    return of
