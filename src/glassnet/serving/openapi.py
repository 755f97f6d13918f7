"""The OpenAPI 3.1 description of a service, made from its model.

Source: https://spec.openapis.org/oas/v3.1.0; schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any

REFUSALS = {
    "400": "The body is no JSON of the form that is expected",
    "408": "The body did not come in time",
    "413": "The body, or the number of its rows, is too large",
    "415": "The body is not called application/json",
    "422": "The rows are none that the model can take",
    "500": "The server failed",
    "503": "Too many requests at once",
}


def openapi_of(
    name: str,
    version: str,
    *,
    row: dict[str, Any],
    prediction: dict[str, Any],
    most_rows: int,
    example: tuple[Any, dict[str, Any]] | None,
) -> dict[str, Any]:
    """The description of a service, in what JSON can hold.

    Args:
        name: of the model.
        version: of the library that wrote it.
        row: what the model takes, as JSON Schema.
        prediction: what it gives.
        most_rows: in a request.
        example: a row, and the answer to it; None where none is known.
    """
    beside = {
        "ignored": {"type": "array", "items": _TEXT, "description": "columns that the model does not know"},
        "unknown_words": {"type": "object", "description": "by column the words that the model does not know"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": version,
            "description": "Predictions of a neural network, served by glassnet.",
        },
        "paths": {
            "/predict": {"post": _predict(example)},
            "/model": {"get": _get("describeModel", "What the model takes and gives", {"type": "object"})},
            "/health": {"get": _get("health", "Whether the server is ready", with_all(_HEALTH))},
            "/openapi.json": {"get": _get("describeService", "This description", {"type": "object"})},
        },
        "components": {
            "schemas": {
                "Row": row,
                "Prediction": prediction,
                "Rows": with_all({"rows": _list(_to("Row"), most_rows)}),
                "SingleRow": with_all({"row": _to("Row")}),
                "Predictions": with_all({"predictions": _list(_to("Prediction"), most_rows)}, **beside),
                "SinglePrediction": with_all({"prediction": _to("Prediction")}, **beside),
                "Error": with_all({"error": with_all(_ERROR)}),
            }
        },
    }


_TEXT = {"type": "string"}
_HEALTH = {"status": {"const": "ready"}, "model": _TEXT, "glassnet": _TEXT}
_ERROR = dict.fromkeys(("where", "received", "expected", "fix", "message"), _TEXT)


def _predict(example: tuple[Any, dict[str, Any]] | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"schema": {"oneOf": [_to("Rows"), _to("SingleRow")]}}
    given: dict[str, Any] = {"schema": {"oneOf": [_to("Predictions"), _to("SinglePrediction")]}}
    if example is not None:
        row, answer = example
        asked["examples"] = {
            "one": {"value": {"row": row}},
            "several": {"value": {"rows": [row, row]}},
        }
        given["examples"] = {
            "one": {"value": answer},
            "several": {"value": {"predictions": [answer["prediction"], answer["prediction"]]}},
        }
    error = {"application/json": {"schema": _to("Error")}}
    return {
        "operationId": "predict",
        "summary": "Predictions for one row or several",
        "parameters": [
            {"name": "Accept-Language", "in": "header", "description": "of errors: en or zh", "schema": _TEXT}
        ],
        "requestBody": {"required": True, "content": {"application/json": asked}},
        "responses": {"200": {"description": "The predictions", "content": {"application/json": given}}}
        | {status: {"description": text, "content": error} for status, text in REFUSALS.items()},
    }


def _get(name: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": summary, "content": {"application/json": {"schema": schema}}}
    return {"operationId": name, "summary": summary, "responses": {"200": answer}}


def _to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def nested(shape: tuple[int, ...], item: dict[str, Any]) -> dict[str, Any]:
    """Lists in lists of one shape as JSON Schema."""
    for width in reversed(shape):
        item = {"type": "array", "items": item, "minItems": width, "maxItems": width}
    return item


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def with_all(properties: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object that has all of these properties, as JSON Schema."""
    return {"type": "object", "required": list(properties), "properties": properties | optional}
