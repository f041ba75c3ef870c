"""The smallest value that fits a JSON schema (OpenAPI 3.1), for tests that must get past the shape of a request."""

from __future__ import annotations

import re
from typing import Any

TEXTS = ("2030-01-01T00:00:00Z", "08:00", "en")


def example(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """A value of this schema."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            options = [each for each in schema[choice] if each.get("type") != "null"]
            return example(options[0], components)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "integer" | "number":
            return int(schema.get("minimum", 1))
        case "boolean":
            return True
        case "array":
            return [example(schema["items"], components) for _ in range(schema.get("minItems", 0))]
        case "object":
            needed = schema.get("required", [])
            return {name: example(schema["properties"][name], components) for name in needed}
        case _:
            return None


def _text(schema: dict[str, Any]) -> str:
    """A text of the right length and form: letters, digits, or one of TEXTS."""
    length = max(1, schema.get("minLength", 1))
    if schema.get("format") == "date-time":
        return TEXTS[0]
    return next(text for text in ("x" * length, "1" * length, *TEXTS) if re.search(schema.get("pattern", ""), text))
