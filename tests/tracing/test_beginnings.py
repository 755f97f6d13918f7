"""A trace begins with the rows as the user has them: every expression is worked out anew and gives the number."""

from __future__ import annotations

import math
import re
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Opened, chromium

import glassnet as gn
from glassnet.tracing.beginnings import Beginning
from glassnet.tracing.content import Content


def worked_out(expression: str) -> float:
    """The value of an expression as it is written for people."""
    equal = re.fullmatch(r"\[“(.*)” = “(.*)”\]", expression)
    if equal:
        return float(equal[1] == equal[2])
    for sign, code in (("−", "-"), ("·", "*"), ("2π", "2*pi"), ("√", "sqrt"), ("²", "**2")):
        expression = expression.replace(sign, code)
    assert re.fullmatch(r"[-+*/()., 0-9a-z]+", expression), expression
    return float(eval(expression, {"__builtins__": {}, "min": min, "max": max, **vars(math)}))


def check(found: tuple[Beginning, ...], numbers: np.ndarray) -> int:
    """Every number is the array's, and every expression's; returns how many expressions there were."""
    flat = numbers.reshape(-1)[: len(found)]
    np.testing.assert_allclose([own.value for own in found], flat, rtol=1e-6, atol=1e-7)
    told = [own for own in found if own.expression and not own.expression.startswith("index(")]
    for own in told:
        assert worked_out(own.expression) == pytest.approx(own.value, rel=1e-7, abs=1e-9), own
    return len(told)


def frame() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    data: dict[str, list[Any]] = {
        "age": [54, None, *rng.integers(18, 80, 38).tolist()],
        "price": [f"{value:,.2f} €" for value in rng.uniform(1000, 9000, 40)],
        "rank": rng.lognormal(size=40).tolist(),
        "town": ["Wuhan", *rng.choice(["Wuhan", "Ulm", "Bern"], 39).tolist()],
        "street": [*rng.choice([f"s{i}" for i in range(9)], 40).tolist()],
        "member": rng.choice([True, False], 40).tolist(),
        "day": [date(2024, 1 + i % 12, 1 + i % 28) for i in range(40)],
        "hour": [time(i % 24, 7 * i % 60) for i in range(40)],
    }
    return data | {"buys": ["yes" if i % 3 else "no" for i in range(40)]}


def traced(numbers: str) -> tuple[gn.Table, gn.Trace]:
    data = frame()
    options: dict[str, Any] = {"quantiles": ["rank"], "embeddings": ["street"], "numbers": numbers}
    table = gn.Table.from_data(data, target="buys", **options)
    net = gn.Sequential(*table.input_layers(), gn.Dense(3), gn.Tanh(), gn.Dense(table.outputs))
    model = gn.Model(net, table.loss, gn.Adam(0.01), dtype="float64")
    model.preprocessing, model.class_names = table, table.class_names
    some = {name: values[:5] for name, values in data.items()}
    return table, gn.trace(model, some, table.targets(some))


@pytest.mark.parametrize("numbers", ["standard", "robust", "piecewise"])
def test_every_number_of_a_table_says_how_it_came_about(numbers: str) -> None:
    table, trace = traced(numbers)
    found = trace.subject.inputs
    assert [own.name for own in found] == list(table.features) * 5
    assert check(found, trace.subject.rows.x) > 5 * 12
    by_name = {(own.row, own.name): own for own in found}
    assert by_name[0, "age"].raw == "54"
    assert by_name[0, "age"].expression.startswith("(54 − ")
    assert (by_name[1, "age"].raw, by_name[1, "age"].expression) == ("", "")
    assert by_name[0, "price"].raw.endswith(" €")
    assert by_name[0, "town=Wuhan"].expression == "[“Wuhan” = “Wuhan”]"
    street = by_name[0, "street"]
    (column,) = table.lookups().values()
    assert street.expression == f"index(“{street.raw}”)"
    assert street.value == column.categories.index(street.raw) + 1
    targets = trace.subject.targets
    assert [(own.raw, own.value) for own in targets][:2] == [("no", 0.0), ("yes", 1.0)]
    text = str(trace)
    assert "row 0  age  54 → (54 − " in text
    assert ("row 1  age  missing → 0" in text) is (numbers != "piecewise")  # which has more numbers than are printed


def test_pixels_and_columns_that_were_standardised() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 2, 4, 4))
    model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(2)), "mean_squared_error", "sgd")
    model.preprocessing = gn.Standardize.by_channel(images)
    y = rng.normal(50, 9, (3, 2))
    model.target_scaling = gn.Standardize.from_data(y)
    subject = gn.trace(model, images, y).subject
    assert check(subject.inputs, subject.rows.x) == images.size
    assert subject.inputs[17].raw == str(images.reshape(-1)[17])
    assert check(subject.targets, subject.rows.targets) == y.size


def test_a_wrong_expression_would_be_noticed() -> None:
    _, trace = traced("standard")
    own = trace.subject.inputs[0]
    with pytest.raises(AssertionError):
        check((own._replace(expression=own.expression.replace("−", "+")),), trace.subject.rows.x)


def test_only_what_is_of_the_batch_comes_from_the_data() -> None:
    _, trace = traced("standard")
    content = Content(trace)
    found = content.data()
    rows = trace.subject.rows
    assert {"inputs", "targets"} <= set(found.values())
    for key, kind in found.items():
        number, name = key.split(":")
        array = content.entries[int(number)].arrays[name]
        if kind in ("inputs", "targets"):
            np.testing.assert_array_equal(array.reshape(-1), (rows.x if kind == "inputs" else rows.targets).reshape(-1))
    parameters = {"weight", "bias"}
    assert not parameters & {key.split(":")[1] for key in found}


def test_the_page_goes_back_to_the_raw_value(tmp_path: Path) -> None:
    _, trace = traced("standard")
    with chromium() as browser:
        window = Opened(browser, viewport={"width": 390, "height": 844})
        page = window.show(trace.to_html(), tmp_path)
        key = next(key for key, kind in Content(trace).data().items() if kind == "inputs").split(":")
        page.evaluate("([number, name]) => glassnet.choose(Number(number), name, 0)", key)
        shown = page.locator("#panel .beginning").inner_text()
        assert shown.startswith("row 0, age: 54 → (54 − ")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert window.errors == []
