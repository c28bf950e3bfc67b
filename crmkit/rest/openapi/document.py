"""The document as a whole, made of what the doors say and of the entities that exist for one access."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.access import Access
from crmkit.core.policy.existing import exists_for
from crmkit.core.text import gettext as _, translate
from crmkit.core.verbs.calling import verbs_for
from crmkit.core.verbs.types import schema_of
from crmkit.rest.collections import address_of
from crmkit.rest.cookies import SESSION, name_at
from crmkit.rest.etags import CONDITION
from crmkit.rest.forms import FORM
from crmkit.rest.openapi.links import Step, links_after, steps_by_source
from crmkit.rest.openapi.operations import Answer, Content, Operation, Parameter
from crmkit.rest.openapi.schemas import entity_schemas, name_of, some_schema

if TYPE_CHECKING:
    from crmkit.rest.doors import Door

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{name}"
_COLLECTION = "/api/v1/{plugin}/{collection}"
_IF_MATCH = _("The ETag of the record that was seen, or its version in quotes.")
_KEY = _("A key of your own, under which the request may be sent again: it is done once.")
_PLACES: Mapping[str, Any] = {
    "record": _("The id of the record, or its human number."),
    "system": _("The other system."),
    "value": _("The id that the record has there."),
    "source": _("The id of the source."),
}


@lru_cache(maxsize=8)
def openapi_document(access: Access, doors: tuple[Door, ...], origin: str | None = None) -> bytes:
    """Return the OpenAPI document (3.1) of *doors*, as JSON: what exists for *access*, in its language.

    *origin* is the address of the server, where it is known.
    """
    return msgspec.json.encode(_Document(access, doors).made(origin))


class _Document:
    """A document that is being made."""

    def __init__(self, access: Access, doors: Sequence[Door]) -> None:
        self._access, self._doors = access, doors
        self._steps = steps_by_source(doors)
        self._schemas: dict[str, Any] = {"Problem": _PROBLEM}
        self._paths: dict[str, dict[str, Any]] = {}

    def made(self, origin: str | None) -> dict[str, Any]:
        for door in self._doors:
            if door.operation is not None and not _is_of_records(door):
                self._add(door, door.operation, _plain(door.path), None)
            if door.name == "verb":
                self._add_verbs(door)
        for info in self._access.registry.entities.values():
            if exists_for(self._access, info):
                self._schemas |= entity_schemas(self._access, info)
                for door, operation in self._of_records(info):
                    path = _plain(door.path).replace(_COLLECTION, address_of(self._access.registry, info.id))
                    self._add(door, operation, path, info)
        security = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": name_at(origin or "", SESSION)},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": "crmkit", "version": "1"},
            "servers": [{"url": origin or "/"}],
            "paths": self._paths,
            "components": {"schemas": self._schemas, "securitySchemes": security},
        }

    def _of_records(self, info: EntityInfo) -> Iterator[tuple[Door, Operation]]:
        for door in self._doors:
            operation = door.operation
            if operation is not None and _is_of_records(door) and self._is_there(operation, info):
                yield door, operation

    def _is_there(self, operation: Operation, info: EntityInfo) -> bool:
        """Return whether *operation* is one of the records of *info*, and one that may be done with some of them."""
        mine, verb = self._access.entity(info), operation.verb
        may = verb is None or self._access.is_system or bool(mine.scope(verb)) or verb in mine.shared
        return may and operation.applies(self._access.registry, info)

    def _add_verbs(self, door: Door) -> None:
        """Spell every verb out: at the address of *door*, with its own arguments and answer."""
        for verb in verbs_for(self._access):
            plugin, _dot, name = verb.id.partition(".")
            mine = attrs.evolve(
                door,
                name=f"verb {plugin} {name}",
                path=door.path.replace("{plugin:str}", plugin).replace("{verb:str}", name),
            )
            arguments = schema_of(verb.arguments, lambda _entity: {"type": "string"})
            operation = Operation(
                summary=verb.label,
                body=arguments if arguments["properties"] else None,
                needs_body=bool(arguments.get("required")),
                answers={200: schema_of(verb.answer, self._reference)},
                is_kept=verb.writes,
                tag=plugin,
            )
            self._add(mine, operation, mine.path, None)

    def _reference(self, entity: str) -> dict[str, Any]:
        exists = exists_for(self._access, self._access.registry.entities[entity])
        return {"$ref": _REF.format(name=name_of(entity))} if exists else {"type": "object"}

    def _add(self, door: Door, operation: Operation, path: str, info: EntityInfo | None) -> None:
        self._paths.setdefault(path, {})[door.method.lower()] = self._operation(door, operation, info)

    def _operation(self, door: Door, operation: Operation, info: EntityInfo | None) -> dict[str, Any]:
        made: dict[str, Any] = {
            "operationId": _id_of(door, info),
            "summary": self._text(operation.summary),
            "tags": [operation.tag if info is None else info.id.partition(".")[0]],
            "parameters": [*self._places(door.path), *self._query(operation), *self._headers(door, operation)],
            "responses": self._answers(door, operation, info),
            "security": _security(door),
        }
        if operation.body is not None:
            kind = "application/merge-patch+json" if operation.body == "patch" else operation.media_type
            content: dict[str, Any] = {kind: {"schema": self._schema(operation.body, info)}}
            if operation.form is not None:
                content[FORM] = {"schema": operation.form}
            made["requestBody"] = {"required": operation.needs_body, "content": content}
        return made

    def _text(self, text: Any) -> str:
        return translate(text, self._access.locale)

    def _places(self, path: str) -> Iterator[dict[str, Any]]:
        for name in _names(path):
            if name not in ("plugin", "collection"):
                shown = {"description": self._text(_PLACES[name])} if name in _PLACES else {}
                yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, **shown}

    def _query(self, operation: Operation) -> Iterator[dict[str, Any]]:
        if isinstance(operation.query, type):
            form: Any = msgspec.json.schema(operation.query)
            schema = form["$defs"][operation.query.__name__]
            for name, each in schema["properties"].items():
                required = name in schema.get("required", ())
                yield {"name": name, "in": "query", "required": required, "schema": _without_null(each)}
            return
        for each in operation.query:
            yield self._parameter(each)

    def _parameter(self, each: Parameter) -> dict[str, Any]:
        told = {"description": self._text(each.description), "schema": each.schema}
        return {"name": each.name, "in": each.place, "required": each.required, **told}

    def _headers(self, door: Door, operation: Operation) -> Iterator[dict[str, Any]]:
        if operation.sees:
            schema = {"type": "string", "pattern": f"^{CONDITION}$", "examples": ['"3"', "*"]}
            yield self._parameter(Parameter("If-Match", _IF_MATCH, schema, "header", operation.sees == "required"))
        if door.method != "GET" and door.policy != "public" and operation.is_kept:
            schema = {"type": "string", "pattern": "^[!-~]{1,200}$"}
            yield self._parameter(Parameter("Idempotency-Key", _KEY, schema, "header"))

    def _answers(self, door: Door, operation: Operation, info: EntityInfo | None) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for status, told in operation.answers.items():
            answer = told if isinstance(told, Answer) else Answer(None if told is None else self._schema(told, info))
            made: dict[str, Any] = {"description": answer.description or HTTPStatus(status).phrase}
            if told == "record" or status == 304:
                made["headers"] = _of_record(status)
            if answer.schema is not None:
                kinds = [answer.media_type] if isinstance(answer.media_type, str) else answer.media_type
                made["content"] = {kind: {"schema": answer.schema} for kind in kinds}
            if links := links_after(self._steps.get(door.name, ()), status, partial(self._target, info), self._text):
                made["links"] = links
            answers[str(status)] = made
        problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
        return {**answers, "default": {"description": "A problem (RFC 9457)", "content": problem}}

    def _target(self, info: EntityInfo | None, step: Step) -> str | None:
        """Return the id of the operation to which *step* leads, if it is there."""
        if not _is_of_records(step.door):
            return _id_of(step.door, None)
        return _id_of(step.door, info) if info is not None and self._is_there(step.operation, info) else None

    def _schema(self, content: Content, info: EntityInfo | None) -> dict[str, Any]:
        if isinstance(content, type):
            (schema,), parts = msgspec.json.schema_components([content], ref_template=_REF)
            self._schemas |= parts
            return schema
        if content == "some":
            assert info is not None
            return some_schema(self._access, info)
        if isinstance(content, str):
            assert info is not None
            return _form(info, content)
        resolved: dict[str, Any] = _resolved(dict(content or {}), info)
        return resolved


def _form(info: EntityInfo, form: str) -> dict[str, Any]:
    suffix = {"record": "", "page": "Page", "new": "New", "patch": "Patch"}[form]
    return {"$ref": _REF.format(name=name_of(info.id) + suffix)}


def _resolved(schema: Any, info: EntityInfo | None) -> Any:
    """Return *schema* with forms such as ``{"form": "record"}`` of the entity in their places."""
    if isinstance(schema, Mapping):
        if schema.keys() == {"form"} and info is not None:
            return _form(info, schema["form"])
        return {name: _resolved(each, info) for name, each in schema.items()}
    return [_resolved(each, info) for each in schema] if isinstance(schema, list) else schema


def _is_of_records(door: Door) -> bool:
    return "{plugin" in door.path


def _id_of(door: Door, info: EntityInfo | None) -> str:
    slug = door.name.replace(" ", "_").replace("-", "_")
    return slug if info is None else f"{slug}_{info.id.replace('.', '_')}"


def _security(door: Door) -> list[dict[str, list[str]]]:
    """Return what opens *door*: a token, or a session, with its secret where something may change."""
    if door.policy == "public":
        return []
    session: dict[str, list[str]] = {"session": []} if door.csrf == "safe" else {"session": [], "csrf": []}
    return [{"token": []}, session] if door.policy == "principal" else [session]


def _of_record(status: int) -> dict[str, Any]:
    """Return the headers that come with a record: its version, and of a new one where it stands."""
    names = ("ETag", "Location") if status == 201 else ("ETag",)
    return {name: {"required": True, "schema": {"type": "string"}} for name in names}


def _plain(path: str) -> str:
    """Return a path of Litestar as OpenAPI writes it: without the types of parameters."""
    return "/".join(part.partition(":")[0] + "}" if part.startswith("{") else part for part in path.split("/"))


def _names(path: str) -> list[str]:
    return [part[1:].partition(":")[0] for part in path.split("/") if part.startswith("{")]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is left out where there is no value."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return options[0] if len(options) == 1 else {k: v for k, v in schema.items() if not (k == "default" and v is None)}


_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "title": "Problem",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "field": {"type": "string"},
                    "problem": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["field", "problem", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}
