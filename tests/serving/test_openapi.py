"""The OpenAPI description: whole, and true of what the server takes and gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from json_schema import is_valid
from serving_client import CUSTOMER, Client, customers, flowers, plain

import glassnet as gn

MODELS = {
    "columns of numbers": flowers,
    "a table": customers,
    "an image": lambda: plain("cross_entropy", 3, (2, 3, 4)),
    "amounts": lambda: plain("mean_squared_error", 1),
    "counts": lambda: plain("poisson", 2),
    "yes or no": lambda: plain("binary_cross_entropy", 1),
    "labels": lambda: plain("binary_cross_entropy", 3),
    "no probabilities": lambda: plain("hinge", 3),
    "questions": lambda: plain(gn.losses.JointCrossEntropy([2, 3]), 5),
}


def references(value: Any) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == "$ref":
            yield inner
        yield from references(inner)


@pytest.mark.parametrize("name", MODELS)
def test_the_description_holds_for_its_own_examples_and_answers(client: Client, name: str) -> None:
    server = client(MODELS[name]())
    found = server.get("/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    assert set(found) == {"openapi", "info", "paths", "components"}
    assert {"title", "version"} <= set(found["info"])
    schemas = found["components"]["schemas"]
    assert {own.removeprefix("#/components/schemas/") for own in references(found)} == set(schemas)
    names = [way["operationId"] for path in found["paths"].values() for way in path.values()]
    assert len(names) == len(set(names)) == 4
    predict = found["paths"]["/predict"]["post"]
    asked = predict["requestBody"]["content"]["application/json"]
    given = predict["responses"]["200"]["content"]["application/json"]
    assert set(asked["examples"]) == set(given["examples"]) == {"one", "several"}
    for kind, example in asked["examples"].items():
        assert is_valid(example["value"], asked["schema"], found)
        answer = server.post("/predict", json=example["value"])
        assert answer.status_code == 200
        assert is_valid(answer.json(), given["schema"], found)
        assert answer.json().keys() == given["examples"][kind]["value"].keys()
    for path, way in (("/health", "get"), ("/model", "get"), ("/openapi.json", "get")):
        schema = found["paths"][path][way]["responses"]["200"]["content"]["application/json"]["schema"]
        assert is_valid(server.get(path).json(), schema, found)
    for path, way in found["paths"].items():
        assert server.request(next(iter(way)), path, json={}).status_code in (200, 400)


def test_errors_have_the_form_that_is_described(client: Client) -> None:
    server = client(customers())
    found = server.get("/openapi.json").json()
    responses = found["paths"]["/predict"]["post"]["responses"]
    for body in ({}, {"rows": []}, {"row": {}}, {"rows": [{}] * 1001}, {"row": CUSTOMER | {"age": "x"}}):
        answer = server.post("/predict", json=body)
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        assert is_valid(answer.json(), schema, found)


def test_what_the_schema_refuses_is_refused(client: Client) -> None:
    for name, rows in {
        "columns of numbers": [{"width": 1}, {"width": "1", "height": 2}, [1], [1, 2, 3], [1, None], 5, None],
        "an image": [[], [1], [[1] * 12] * 2, 5, {}],
        "a table": [{}, CUSTOMER | {"age": [1]}, CUSTOMER | {"town": {}}, [1], None],
    }.items():
        server = client(MODELS[name]())
        found = server.get("/openapi.json").json()
        for row in rows:
            assert not is_valid(row, found["components"]["schemas"]["Row"], found)
            assert server.post("/predict", json={"row": row}).status_code == 422


def test_the_columns_of_a_table(client: Client) -> None:
    row = client(customers()).get("/openapi.json").json()["components"]["schemas"]["Row"]
    assert row["required"] == list(CUSTOMER)
    assert row["properties"]["member"]["type"] == ["boolean", "string", "null"]
    assert sorted(row["properties"]["town"]["examples"]) == ["Bern", "Graz", "Ulm"]
    assert "decimal comma" in row["properties"]["spent"]["description"]
    assert row["properties"]["since"]["examples"][0].count(".") == 2
