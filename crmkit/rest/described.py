"""What the OpenAPI document says of doors that are the same for every entity, in few words."""

from __future__ import annotations

from typing import Any

__all__ = ["array_of", "conditioned", "object_of", "operation", "parameter", "reply"]

_ERROR = {
    "description": "What was refused, and what would be accepted.",
    "content": {"application/problem+json": {"schema": {"type": "object", "additionalProperties": True}}},
}
_FILTER_TEXT = "A rule that must hold; a condition on one field may also be a parameter, such as amount__gte=1000."


def operation(
    summary: str,
    *parameters: dict[str, Any],
    replies: dict[str, dict[str, Any]],
    body: dict[str, Any] | None = None,
    media_type: str = "application/json",
) -> dict[str, Any]:
    """Return the operation that *summary* tells of, with *replies* by status and the schema of its *body*."""
    told: dict[str, Any] = {"summary": summary, "responses": {**replies, "default": _ERROR}}
    if parameters:
        told["parameters"] = list(parameters)
    if body is not None:
        told["requestBody"] = {"required": True, "content": {media_type: {"schema": body}}}
    return told


def conditioned(summary: str, schema: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the operation that reads what *schema* describes of the records for which a rule holds."""
    where = parameter("filter", _FILTER_TEXT)
    return operation(summary, *parameters, where, replies={"200": reply("What was asked for.", schema)})


def parameter(name: str, text: str, **schema: Any) -> dict[str, Any]:
    """Return the parameter *name* of a query; a text unless *schema* says otherwise."""
    return {"name": name, "in": "query", "description": text, "schema": {"type": "string", **schema}}


def reply(text: str, schema: dict[str, Any] | None = None, media_type: str = "application/json") -> dict[str, Any]:
    """Return an answer, with the *schema* of its body."""
    return {"description": text, **({} if schema is None else {"content": {media_type: {"schema": schema}}})}


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all *properties*."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def array_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}
