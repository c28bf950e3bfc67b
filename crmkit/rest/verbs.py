"""Verbs of plugins: what they do beyond writing records, called by its name."""

from __future__ import annotations

from typing import Any

from crmkit.core.text import gettext as _
from crmkit.core.verbs.calling import NoVerbError, call_verb, find_verb
from crmkit.rest.calls import Call
from crmkit.rest.collections import ROOT
from crmkit.rest.errors import BodyError, NothingHereError
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation
from crmkit.rest.replies import Reply, json_reply
from crmkit.rest.resources.addresses import record_door

__all__ = ["DOORS", "VERB"]

#: Where a verb stands.
VERB = f"{ROOT}/{{plugin:str}}/verbs/{{verb:str}}"


def call(call: Call) -> Reply:
    """Have a verb done with the body as its arguments, and return its answer."""
    id_ = f"{call.parameters['plugin']}.{call.parameters['verb']}"
    given: Any = call.json() if call.body else {}
    if given is None:
        raise BodyError(_("the arguments are an object"))
    try:
        with call.reading() as db:
            verb = find_verb(db.access, id_)
            if not verb.writes:
                return json_reply(call_verb(db, id_, given))
    except NoVerbError:
        raise NothingHereError from None
    return call.write(lambda db: json_reply(call_verb(db, id_, given)))


_CALL = Operation(summary=_("Call a verb"), body=JSON_OBJECT, answers={200: {}}, applies=lambda *_of: False)

DOORS = (record_door("verb", "POST", VERB, call, _CALL),)
