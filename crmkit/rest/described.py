"""What the OpenAPI document says of doors that are the same for every entity, in few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crmkit.core.entity import EntityInfo
from crmkit.rest.openapi.operations import Answer, Operation, Parameter

__all__ = ["array_of", "conditioned", "object_of", "operation", "parameter", "reply"]

_FILTER_TEXT = "A rule that must hold; a condition on one field may also be a parameter, such as amount__gte=1000."


def operation(
    summary: str,
    *parameters: Parameter,
    replies: Mapping[str, Answer | Mapping[str, Any]],
    body: dict[str, Any] | None = None,
    media_type: str = "application/json",
    applies: Callable[[EntityInfo], bool] = lambda info: True,
    verb: str | None = None,
) -> Operation:
    """Return the operation that *summary* tells of, with *replies* by status and the schema of its *body*."""
    return Operation(
        summary=summary,
        query=parameters,
        answers={int(status): _answer(told) for status, told in replies.items()},
        body=body,
        media_type=media_type,
        applies=applies,
        verb=verb,
    )


def _answer(told: Answer | Mapping[str, Any]) -> Answer:
    """Return what is *told* of an answer, also as OpenAPI itself tells it: one schema for several media types."""
    if isinstance(told, Answer):
        return told
    content = told.get("content", {})
    schema = next((each["schema"] for each in content.values()), None)
    return Answer(schema, told["description"], tuple(content))


def conditioned(
    summary: str,
    schema: dict[str, Any],
    *parameters: Parameter,
    applies: Callable[[EntityInfo], bool] = lambda info: True,
) -> Operation:
    """Return the operation that reads what *schema* describes of the records for which a rule holds."""
    where, told = parameter("filter", _FILTER_TEXT), reply("What was asked for.", schema)
    return operation(summary, *parameters, where, replies={"200": told}, applies=applies, verb="read")


def parameter(name: str, text: str, **schema: Any) -> Parameter:
    """Return the parameter *name* of a query; a text unless *schema* says otherwise."""
    return Parameter(name, text, {"type": "string", **schema})


def reply(text: str, schema: dict[str, Any] | None = None, media_type: str = "application/json") -> Answer:
    """Return an answer, with the *schema* of its body."""
    return Answer(schema, text, media_type)


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all *properties*."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def array_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}
