"""Why somebody may or may not do something with a record, or with records of an entity."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from crmkit.core.policy.principal import Principal
from crmkit.core.representing.plain import plain
from crmkit.core.text import current_locale, gettext as _, use_locale
from crmkit.rest.calls import Call
from crmkit.rest.collections import entity_at
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import COLLECTION, RECORD, at_record, record_door

__all__ = ["DOORS", "Question"]


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked about: a *verb*, and *user_id*, or else whoever asks."""

    verb: str
    user_id: UUID | None = None


def explain_record(call: Call) -> Reply:
    """Return why somebody may or may not do something with a record."""
    asked = call.read_query(Question)
    with call.reading() as db:
        _info, record = at_record(db, call)
    return _explained(call, asked, record)


def explain_entity(call: Call) -> Reply:
    """Return why somebody may or may not do something with records of an entity."""
    asked = call.read_query(Question)
    with call.reading() as db:
        info = entity_at(db, call.parameters)
    return _explained(call, asked, info.cls)


def _explained(call: Call, asked: Question, subject: Any) -> Reply:
    about = call.principal if asked.user_id is None else Principal(asked.user_id, str(asked.user_id))
    explanation = call.crm.explain(about, asked.verb, subject, asker=call.principal)
    with use_locale(call.locale or current_locale()):
        return json_reply(plain(explanation.as_dict()))


_RECORD = Operation(
    summary=_("Say why somebody may or may not do something with a record"), query=Question, answers={200: JSON_OBJECT}
)
_ENTITY = Operation(
    summary=_("Say why somebody may or may not do something with records"), query=Question, answers={200: JSON_OBJECT}
)

DOORS = (
    record_door("explain", "GET", f"{RECORD}/explain", explain_record, _RECORD),
    record_door("explain entity", "GET", f"{COLLECTION}/explain", explain_entity, _ENTITY),
)
