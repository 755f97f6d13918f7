"""As much of JSON Schema as the descriptions use."""

from __future__ import annotations

from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float), "integer": (int,),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
KEYWORDS = {
    "type", "required", "properties", "items", "minItems", "maxItems", "enum", "const", "anyOf", "oneOf", "$ref",
    "minimum", "maximum", "description", "examples",
}  # fmt: skip


def is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether the value has the schema's form; an unknown keyword is a KeyError."""
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise KeyError(unknown)
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return is_valid(value, target, root)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_has_type(value, kind) for kind in kinds):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(is_valid(value, own, root) for own in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(is_valid(value, own, root) for own in schema["oneOf"]) != 1:
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return set(schema.get("required", ())) <= set(value) and all(
            is_valid(item, properties[name], root) for name, item in value.items() if name in properties
        )
    if isinstance(value, list):
        counts = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return counts and all(is_valid(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _has_type(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
