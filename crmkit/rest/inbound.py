"""The door of other programs that send messages here: nobody is signed in, the signature is what counts."""

from __future__ import annotations

from uuid import UUID

from crmkit.core.inbound.errors import SignatureError
from crmkit.core.inbound.receiving import take_inbound
from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation
from crmkit.rest.replies import Reply, json_reply

__all__ = ["DOORS"]

_OPERATION = Operation(
    summary=_("Take a message of another program, which is proved by a signature as its source says"),
    body={"type": "string", "format": "binary"},
    media_type="application/octet-stream",
    needs_body=False,
    answers={202: JSON_OBJECT},
    tag="inbound",
)


def take(call: Call) -> Reply:
    """Take a message, and answer before it is done."""
    try:
        source = UUID(call.parameters["source"])
    except ValueError:
        raise SignatureError from None
    take_inbound(call.crm, source, call.headers, call.body, request_id=call.request_id)
    return json_reply({}, 202)


DOORS = (
    Door(
        name="inbound",
        method="POST",
        path="/inbound/{source:str}",
        policy="public",
        csrf="exempt",
        handler=take,
        operation=_OPERATION,
    ),
)
