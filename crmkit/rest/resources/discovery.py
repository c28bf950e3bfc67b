"""What is there for whoever asks: which entities with which fields, and who they are."""

from __future__ import annotations

from typing import Any

from crmkit.core.entity import EntityInfo, FieldInfo, computed
from crmkit.core.fields import Choice, Reference
from crmkit.core.policy.existing import exists_for
from crmkit.core.policy.people import User
from crmkit.core.policy.roles import VERBS
from crmkit.core.reading.reader import Reader
from crmkit.core.representing.records import represent
from crmkit.core.text import gettext as _, translate
from crmkit.core.writing.shapes import is_given_by_crmkit
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT, address_of
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation, items_of
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import record_door

__all__ = ["DOORS"]


def list_entities(call: Call) -> Reply:
    """Return the entities and fields that exist for the principal, and what they may do."""
    with call.reading() as db:
        entities = [info for info in db.model.registry.entities.values() if exists_for(db.access, info)]
        return json_reply({"items": [_entity(db, info) for info in entities]})


def get_me(call: Call) -> Reply:
    """Return who the principal is, and within which limits they ask."""
    with call.reading() as db:
        access, scopes = db.access, call.principal.scopes
        seen = db.get_many(User, [access.user_id] if access.user_id else [])
        return json_reply(
            {
                "user_id": access.user_id,
                "name": access.name,
                "user": next(iter(represent(db, list(seen.values()))), None),
                "team_id": access.home_team,
                "roles": sorted(access.role_names),
                "scopes": None if scopes is None else sorted(scopes),
                "time_zone": access.time_zone,
                "locale": access.locale,
                "currency": db.currency,
            }
        )


def _entity(db: Reader, info: EntityInfo) -> dict[str, Any]:
    access, locale = db.access.entity(info), db.access.locale
    fields = db.model.registry.fields(info.id)
    shown = {name: _field(field, name in access.writable, locale) for name, field in fields.items() if name != "custom"}
    shown |= {name: _computed(each, locale) for name, each in info.computed.items()}
    return {
        "id": info.id,
        "label": translate(info.label, locale),
        "path": address_of(db.model.registry, info.id),
        "verbs": [verb for verb in sorted(VERBS) if access.scope(verb)],
        "links": {name: link for name, link in info.links.items() if exists_for(db.access, _info(db, link))},
        "fields": {name: told for name, told in shown.items() if name in access.readable},
    }


def _info(db: Reader, entity: str) -> EntityInfo:
    return db.model.registry.entities[entity]


def _field(field: FieldInfo, writable: bool, locale: str) -> dict[str, Any]:
    kind, given = field.type, is_given_by_crmkit(field)
    told: dict[str, Any] = {
        "label": translate(field.label, locale),
        "type": kind.name,
        "required": not (field.nullable or field.has_default or given),
        "writable": writable and not given,
    }
    if isinstance(kind, Choice):
        told["options"] = [{"slug": each.slug, "label": translate(each.label, locale)} for each in kind.options]
    if isinstance(kind, Reference):
        told["entity"] = kind.entity
    return told


def _computed(field: computed[Any], locale: str) -> dict[str, Any]:
    label = translate(field.label, locale) if field.label else field.name.replace("_", " ").capitalize()
    return {"label": label, "type": field.type.name, "required": False, "writable": False}


_ENTITIES = Operation(summary=_("List entities and their fields"), answers={200: items_of(JSON_OBJECT)})
_ME = Operation(summary=_("Get who you are"), answers={200: JSON_OBJECT})

DOORS = (
    record_door("list entities", "GET", ROOT, list_entities, _ENTITIES),
    record_door("get me", "GET", f"{ROOT}/me", get_me, _ME),
)
