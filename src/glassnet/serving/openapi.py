"""The OpenAPI 3.1 description of a service, made from its model.

Source: https://spec.openapis.org/oas/v3.1.0; schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassnet.version import __version__

if TYPE_CHECKING:
    from glassnet.serving.service import Service

REFUSALS = {
    "400": "The body is no JSON of the form that is expected",
    "408": "The body did not come in time",
    "413": "The body, or the number of its rows, is too large",
    "415": "The body is not called application/json",
    "422": "The rows are none that the model can take",
    "500": "The server failed",
    "503": "Too many requests at once",
}


def openapi_of(service: Service) -> dict[str, Any]:
    """The description, in what JSON can hold."""
    row, prediction = service.schemas
    beside = {
        "ignored": {"type": "array", "items": _TEXT, "description": "columns that the model does not know"},
        "unknown_words": {"type": "object", "description": "by column the words that the model does not know"},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": service.name,
            "version": service.model.written.version if service.model.written else __version__,
            "description": "Predictions of a neural network, served by glassnet.",
        },
        "paths": {
            "/predict": {"post": _predict(service)},
            "/model": {"get": _get("describeModel", "What the model takes and gives", {"type": "object"})},
            "/health": {"get": _get("health", "Whether the server is ready", _object(_HEALTH))},
            "/openapi.json": {"get": _get("describeService", "This description", {"type": "object"})},
        },
        "components": {
            "schemas": {
                "Row": row,
                "Prediction": prediction,
                "Rows": _object({"rows": _list(_to("Row"), service.limits.rows)}),
                "SingleRow": _object({"row": _to("Row")}),
                "Predictions": _object({"predictions": _list(_to("Prediction"), service.limits.rows)}, **beside),
                "SinglePrediction": _object({"prediction": _to("Prediction")}, **beside),
                "Error": _object({"error": _object(_ERROR)}),
            }
        },
    }


_TEXT = {"type": "string"}
_HEALTH = {"status": {"const": "ready"}, "model": _TEXT, "glassnet": _TEXT}
_ERROR = dict.fromkeys(("where", "received", "expected", "fix", "message"), _TEXT)


def _predict(service: Service) -> dict[str, Any]:
    asked: dict[str, Any] = {"schema": {"oneOf": [_to("Rows"), _to("SingleRow")]}}
    given: dict[str, Any] = {"schema": {"oneOf": [_to("Predictions"), _to("SinglePrediction")]}}
    if service.example is not None:
        answer = service.example_answer
        assert answer is not None
        asked["examples"] = {
            "one": {"value": {"row": service.example}},
            "several": {"value": {"rows": [service.example, service.example]}},
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


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _object(properties: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties | optional}
