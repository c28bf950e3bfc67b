"""Where the OpenAPI document is: for everybody the one of what exists for them."""

from __future__ import annotations

from crmkit.core.text import gettext as _
from crmkit.rest.calls import Call
from crmkit.rest.doors import Door
from crmkit.rest.openapi.document import openapi_document
from crmkit.rest.openapi.operations import JSON_OBJECT, Operation
from crmkit.rest.replies import Reply

__all__ = ["DOORS"]


def get_document(call: Call) -> Reply:
    """Return the OpenAPI document."""
    with call.reading() as db:
        access = db.access
    return Reply(200, openapi_document(access, call.surface.doors, call.crm.config.server.public_origin))


DOORS = (
    Door(
        name="get openapi document",
        method="GET",
        path="/schema/openapi.json",
        policy="principal",
        csrf="safe",
        handler=get_document,
        operation=Operation(summary=_("Get this document"), answers={200: JSON_OBJECT}),
    ),
)
