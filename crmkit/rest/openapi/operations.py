"""What doors say of themselves for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import msgspec

from crmkit.core.entity import EntityInfo
from crmkit.core.registry import Registry
from crmkit.core.text import Text

__all__ = ["JSON_OBJECT", "Answer", "Content", "Follows", "Operation", "Parameter", "items_of", "nullable"]

#: The forms of one entity's records: as it is shown, one page of a list, what creates it, what changes it, and some
#: values of one that is not there.
Form = Literal["record", "page", "new", "patch", "some"]
#: What a body is: a form of a record, an instance of a class, a schema, or nothing.
Content = Form | type[msgspec.Struct] | Mapping[str, Any] | None


@attrs.frozen
class Answer:
    """A body that is described as a whole: its *schema*, what it tells, the media types that it may have."""

    schema: Mapping[str, Any] | None
    description: str = ""
    media_type: str | Sequence[str] = "application/json"


#: Any object of JSON.
JSON_OBJECT: Mapping[str, Any] = {"type": "object"}


@attrs.frozen
class Parameter:
    """One parameter of a query or header."""

    name: str
    description: Text | str
    schema: Mapping[str, Any] = attrs.field(factory=lambda: {"type": "string"})
    place: Literal["query", "header"] = "query"
    required: bool = False


@attrs.frozen
class Follows:
    """After which answer one may go on with an operation: that of the door *after*, with this *status*.

    *parameters* are those of the operation that goes on, each with the runtime expression of OpenAPI that finds it in
    the answer, or in the request that was answered.
    """

    after: str
    status: int
    parameters: Mapping[str, str]


def _always(_registry: Registry, _info: EntityInfo) -> bool:
    return True


@attrs.frozen(kw_only=True, eq=False)
class Operation:
    """What a door does: its *answers* by status, the *body* that it takes, parameters of the *query*.

    The schema of a *form* tells which parts are taken in the place of the body.

    Of a door to records, it is there for entities that it *applies* to, for those who may do *verb*. With
    *sees* the header If-Match tells which version the sender has seen; it is *required* or not. Of what changes
    something the answer *is_kept* for an Idempotency-Key. What it *follows* leads to it in the document.
    """

    summary: Text | str
    answers: Mapping[int, Content | Answer]
    body: Content = None
    media_type: str = "application/json"
    needs_body: bool = True
    form: Mapping[str, Any] | None = None
    query: type[msgspec.Struct] | Sequence[Parameter] = ()
    verb: str | None = None
    applies: Callable[[Registry, EntityInfo], bool] = _always
    sees: Literal["", "optional", "required"] = ""
    is_kept: bool = True
    follows: Sequence[Follows] = ()
    tag: str = "crmkit"


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema that also takes ``null``."""
    if isinstance(kind := schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def items_of(schema: Mapping[str, Any], **more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with a list of *schema* and *more* properties."""
    properties = {"items": {"type": "array", "items": schema}, **more}
    return {"type": "object", "properties": properties, "required": list(properties)}
