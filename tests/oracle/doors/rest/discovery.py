"""Doors to what there is for somebody: entities with their fields, who they are, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmkit.rest.collections import ROOT
from crmkit.rest.openapi.schemas import name_of
from tests.oracle.acts import CLASSES
from tests.oracle.doors.reads import records
from tests.oracle.doors.registry import Probe, Questioner, exists
from tests.oracle.doors.rest.lending import http_door
from tests.oracle.mirror import VERBS


@http_door
def entities(q: Questioner) -> Iterator[Probe]:
    def want():
        return {entity: _told(q, entity) for entity in CLASSES if exists(q, entity)}

    def view(found):
        return {each["id"]: _view(each) for each in found["items"] if each["id"] in CLASSES}

    yield Probe("entities", want, lambda db: db.told(ROOT), view)


def _told(q: Questioner, entity: str) -> Any:
    declared = q.world.entities[entity].fields
    readable, writable = q.world.readable(q.p, entity), q.world.writable(q.p, entity)
    grants = [g for role in q.world.roles_of(q.p) for g in role.grants]
    verbs = sorted(verb for verb in VERBS if any(g.gives(entity, verb) for g in grants))
    fields = {n: n in writable and not declared[n].system for n in readable if n in declared and n != "custom"}
    computed = {n: False for n in readable if n not in declared}
    links = {name: link for name, (link, _near, _far) in q.world.entities[entity].links.items() if exists(q, link)}
    return verbs, fields | computed, links


def _view(each: dict[str, Any]) -> Any:
    return each["verbs"], {name: field["writable"] for name, field in each["fields"].items()}, each["links"]


@http_door
def who_one_is(q: Questioner) -> Iterator[Probe]:
    def want():
        user = [{"id": str(q.p)} | _names(row) for row in records(q, "core.user", _seen(q))]
        roles = sorted(name for user, name in q.world.assignments if user == q.p)
        home = q.world.home(q.p)
        return user, roles, home and str(home)

    def view(found):
        user = [found["user"]] if found["user"] else []
        return [{"id": each["id"]} | _names(each) for each in user], found["roles"], found["team_id"]

    yield Probe("who one is", want, lambda db: db.told(f"{ROOT}/me"), view)


def _seen(q: Questioner) -> list[Any]:
    return [q.p] if q.world.visible(q.p, "core.user", q.p) else []


def _names(user: dict[str, Any]) -> dict[str, Any]:
    return {name: user[name] for name in ("name", "email") if name in user}


@http_door
def openapi(q: Questioner) -> Iterator[Probe]:
    def want():
        return {
            entity: {name for name in q.world.readable(q.p, entity) if "." not in name}
            for entity in CLASSES
            if exists(q, entity)
        }

    def view(found):
        schemas = {entity: found["components"]["schemas"].get(name_of(entity)) for entity in CLASSES}
        return {entity: {*schema["properties"]} - {"extra"} for entity, schema in schemas.items() if schema}

    yield Probe("the OpenAPI document", want, lambda db: db.told("/schema/openapi.json"), view, told=_in_order)


def _in_order(document: Any) -> Any:
    return {entity: sorted(names) for entity, names in document.items()}
