"""The short way to a prediction gives what the door gives, bit for bit: outputs, or the error's text, and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import glassnet as gn

WIDTH = 4
NAMES = ("a", "b", "c", "d")
ROWS = np.random.default_rng(5).normal(size=(80, WIDTH)) * [1.0, 30.0, 1e-3, 1e5] + [0.0, 7.0, 0.0, 3e5]
LABELS = (ROWS[:, 0] > 0).astype(int)
ODD: list[Any] = [
    float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e39, 1e-320, -0.0, 2**53, 2**53 + 1, -(2**63), 2**70,
    10**400, True, False, None, "", "Ulm", " Ulm ", "ulm", "NA", "3", "3.5", "1,5", "true", "2024-05-01", b"Ulm",
    np.float32(0.1), np.float64(0.1), np.int8(3), np.uint64(2**64 - 1), np.bool_(True), np.str_("Bern"),
    np.datetime64("2024-05-01"), np.array(2.0), np.array([2.0]), Decimal("0.1"), Decimal("NaN"), Fraction(1, 3), 1j,
    [1.0], [], (1.0, 2.0), {"x": 1}, {1.0}, object, 1e30, 3.4e38, 3.5e38,
]  # fmt: skip


def network(outputs: int = 2) -> gn.Sequential:
    return gn.Sequential(gn.Dense(8), "relu", gn.Dense(outputs))


def plain(**settings: Any) -> gn.Model:
    model = gn.Model(network(), "cross_entropy", gn.Adam(0.01), **settings)
    model.preprocessing = gn.Standardize(np.zeros(WIDTH), [1.0, 30.0, 1e-3, 1e5])
    model.fit(ROWS, LABELS, verbose=False)
    model.preprocessing, model.feature_names = None, NAMES
    return model


def standardized(**settings: Any) -> gn.Model:
    model = gn.Model(network(), "cross_entropy", gn.Adam(0.01), **settings)
    model.preprocessing, model.feature_names = gn.Standardize.from_data(ROWS), NAMES
    model.fit(ROWS, LABELS, verbose=False)
    return model


def table_data(*, gaps: bool) -> dict[str, list[Any]]:
    rng = np.random.default_rng(6)
    data: dict[str, list[Any]] = {
        "age": rng.integers(1, 90, 80).tolist(),
        "town": rng.choice(["Ulm", "Bern", "Graz"], 80).tolist(),
        "code": rng.choice(["7", "8", "12"], 80).tolist(),
        "member": rng.choice([True, False], 80).tolist(),
        "since": (np.datetime64("2020-01-01") + rng.integers(0, 900, 80)).tolist(),
        "spent": [f"{own:.2f}".replace(".", ",") for own in rng.normal(50, 9, 80)],
        "nothing": [1] * 80,
        "buys": rng.choice(["no", "yes"], 80).tolist(),
    }
    if gaps:
        for name in list(data)[:-2]:
            data[name][3] = None
    return data


def tabled(*, gaps: bool = False, **settings: Any) -> gn.Model:
    model = gn.Model(network(), "cross_entropy", gn.Adam(0.01), **settings)
    data = table_data(gaps=gaps)
    model.preprocessing = table = gn.Table.from_data(data, "buys", categories=["code"])
    model.fit(data, table.targets(data), verbose=False)
    return model


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """All that a caller sees of a prediction."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = call()
            seen: tuple[Any, ...] = found.shape, found.dtype, found.tobytes()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
            seen = type(error), str(error)
    return (*seen, *(str(own.message) for own in said))


def slow(model: gn.Model, x: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_quick_outputs", lambda x: None)
        return outcome(lambda: model.predict(x))


def agree(model: gn.Model, x: Any) -> tuple[Any, ...]:
    found = outcome(lambda: model.predict(x))
    assert found == slow(model, x), repr(x)
    return found


def was_quick(model: gn.Model, x: Any) -> bool:
    return model._quick_outputs(x) is not None


MODELS: dict[str, Callable[..., gn.Model]] = {"plain": plain, "standardized": standardized}
KINDS = ["f8", "f4", "f2", "i8", "i4", "i2", "u1", "u8", "?", ">f8", ">f4", "g", "O", "U3", "c16", "M8[D]"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_arrays_of_every_kind_and_shape(name: str, dtype: str) -> None:
    model = MODELS[name](dtype=dtype)
    model.predict(ROWS)
    rng, quick = np.random.default_rng(1), 0
    shapes = [(1, WIDTH)] * 6 + [
        (2, WIDTH),
        (70, WIDTH),
        (0, WIDTH),
        (WIDTH,),
        (),
        (1, 3),
        (3, 1),
        (1, 1),
        (1, 2, WIDTH),
    ]
    for number in range(600):
        shape, kind = shapes[rng.integers(len(shapes))], KINDS[number % len(KINDS)]
        with np.errstate(all="ignore"):
            x = np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-3, 20))
            if number % 3 == 0 and kind in ("f8", "f4", "g", ">f8") and x.size:
                x.flat[rng.integers(x.size)] = rng.choice([np.nan, np.inf, -np.inf, 1e300, 1e-310, -0.0, 3.41e38])
            x = (np.abs(x) if kind[0] == "u" else x).astype("i8" if kind == "M8[D]" else "f8").astype(kind)
        if number % 5 == 0:
            x = np.asfortranarray(np.repeat(x, 2, axis=0)[::2] if x.ndim else x)
        agree(model, x)
        quick += was_quick(model, x) if x.ndim else 0
    assert quick > 120


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_dicts_of_numbers(name: str, engine: str) -> None:
    model = MODELS[name](engine=engine)
    model.predict(ROWS)
    rng, quick = np.random.default_rng(2), 0
    for number in range(500):
        row: dict[Any, Any] = dict(zip(NAMES, ROWS[number % len(ROWS)].tolist(), strict=True))
        if number % 4 == 1:
            row = {key: int(value) for key, value in row.items()}
        quick += number % 4 < 2 and was_quick(model, row)
        if number % 4 > 1:
            row[NAMES[rng.integers(WIDTH)]] = ODD[number // 2 % len(ODD)]
        if number % 9 == 0:
            row.pop(NAMES[rng.integers(WIDTH)])
        if number % 11 == 0:
            row[["e", 3, None, ""][rng.integers(4)]] = ODD[number % len(ODD)]
        agree(model, row)
    assert quick == (250 if engine == "auto" else 0)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dicts_through_a_table(dtype: str, gaps: bool) -> None:
    model, data = tabled(gaps=gaps, dtype=dtype), table_data(gaps=gaps)
    names = [name for name in data if name != "buys"]
    model.predict(data)
    rng, quick = np.random.default_rng(3), 0
    for number in range(600):
        row: dict[Any, Any] = {name: data[name][number % 80] for name in names}
        quick += was_quick(model, row)
        for _ in range(number % 3):
            row[names[rng.integers(len(names))]] = ODD[rng.integers(len(ODD))]
        if number % 9 == 0:
            row.pop(names[rng.integers(len(names))])
        if number % 11 == 0:
            row[["e", 3, None, "buys"][rng.integers(4)]] = ODD[rng.integers(len(ODD))]
        agree(model, row)
    assert quick > 580
    for name in names:
        for value in ODD:
            agree(model, {own: data[own][0] for own in names} | {name: value})


def change_in_place(model: gn.Model) -> None:
    model.preprocessing.mean[1] = 100.0  # type: ignore[union-attr, index]


def change_to_zero(model: gn.Model) -> None:
    model.preprocessing.scale[1] = 0.0  # type: ignore[union-attr, index]


CHANGES: dict[str, Callable[[gn.Model], Any]] = {
    "another preprocessing": lambda own: setattr(own, "preprocessing", gn.Standardize(np.ones(WIDTH), [3.0] * WIDTH)),
    "none": lambda own: setattr(own, "preprocessing", None),
    "one for all columns": lambda own: setattr(own, "preprocessing", gn.Standardize(1.0, 2.0)),
    "of another width": lambda own: setattr(own, "preprocessing", gn.Standardize(np.ones(3), np.ones(3))),
    "mean in place": change_in_place,
    "scale of 0": change_to_zero,
    "another mean": lambda own: setattr(own.preprocessing, "mean", np.full(WIDTH, 5.0)),
    "a mean in a list": lambda own: setattr(own.preprocessing, "mean", [1.0] * WIDTH),
    "a mean in float32": lambda own: setattr(own.preprocessing, "mean", np.full(WIDTH, 0.1, np.float32)),
    "names in another order": lambda own: setattr(own, "feature_names", NAMES[::-1]),
    "weights": lambda own: own.network.parameters.__imul__(1.5),
    "another network": lambda own: setattr(own, "network", plain(seed=4).network),
    "another engine": lambda own: setattr(own, "engine", "numpy"),
    "more training": lambda own: own.fit(ROWS, LABELS, verbose=False),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_counts_at_once(change: str) -> None:
    model = standardized()
    array, row = ROWS[3:4], dict(zip(NAMES, ROWS[3].tolist(), strict=True))
    before = [agree(model, array), agree(model, row)]
    CHANGES[change](model)
    after = [agree(model, array), agree(model, row)]
    assert after[1] != before[1] or change == "another engine"


def test_a_changed_table_counts_at_once() -> None:
    model, data = tabled(), table_data(gaps=False)
    row = {name: values[0] for name, values in data.items() if name != "buys"}
    table = model.preprocessing
    assert isinstance(table, gn.Table)
    before = agree(model, row)
    age = table.columns[0]
    assert isinstance(age, gn.tables.Number)
    age.mean += 3.0
    after = agree(model, row)
    assert after != before
    model.preprocessing = gn.Table.from_data(table_data(gaps=True), "buys", categories=["code"])
    agree(model, row)


def test_what_fails_inside_is_not_hidden() -> None:
    """Only what an unusual row can raise is left to the door."""
    model, data = tabled(), table_data(gaps=False)
    row = {name: values[0] for name, values in data.items() if name != "buys"}
    model.predict(row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassnet.model.quick_rows.read", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            model.predict(row)


def test_own_kinds_of_preprocessing_take_the_long_way() -> None:
    class Doubled(gn.Standardize):
        def apply(self, x: Any, dtype: Any = None) -> Any:
            return super().apply(np.asarray(x) * 2, dtype)

    model = standardized()
    before = agree(model, ROWS[:1])
    model.preprocessing = Doubled.from_data(ROWS)
    assert agree(model, ROWS[:1]) != before


@pytest.mark.parametrize("offset", [0, 2**53, 2**60])
def test_long_whole_numbers_keep_their_digits(offset: int) -> None:
    """Large ones that differ in digits that float64 has not."""
    whole = np.arange(60).reshape(-1, 1) * 3 + offset
    model = gn.Model(network(), "cross_entropy", gn.Adam(0.01), dtype="float64")
    model.preprocessing, model.feature_names = gn.Standardize.from_data(whole), ("a",)
    model.fit(whole, whole[:, 0] % 2, verbose=False)
    seen = {agree(model, whole[i : i + 1]) for i in range(60)}
    assert len(seen) == 60
    for i in range(60):
        agree(model, {"a": int(whole[i, 0])})
        agree(model, whole[i : i + 1].astype(np.uint64))


def test_names_that_are_no_texts() -> None:
    data = {"3": list(np.arange(8.0)), "y": ["no", "yes"] * 4}
    model = gn.Model(network(), "cross_entropy", gn.Adam(0.01))
    model.preprocessing = table = gn.Table.from_data(data, "y")
    model.fit(data, table.targets(data), verbose=False)
    assert agree(model, {3: 1.0}) == agree(model, {"3": 1.0})
    assert agree(model, {3: 1.0, "3": 2.0})[0] is gn.DataError
