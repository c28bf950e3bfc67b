"""Health: whether this process answers, and whether it can do what it is there for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from crmkit.core.errors import CrmkitError
from crmkit.rest.replies import Reply, json_reply

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["live", "ready"]

_log = logging.getLogger(__name__)
# A cache on the way would go on saying what was so.
_NOW = {"cache-control": "no-store"}


def live(_call: Call) -> Reply:
    """Return that the process answers; who does not hear that starts it anew."""
    return json_reply({"status": "ok"}, headers=_NOW)


def ready(call: Call) -> Reply:
    """Return whether the database answers and is what the plugins need; who hears no sends requests elsewhere.

    Why it is not is for the log: anybody may ask.
    """
    try:
        call.crm.check_ready()
    except (CrmkitError, sa.exc.DBAPIError) as error:
        _log.warning("not ready", exc_info=error)
        return json_reply({"status": "unavailable"}, 503, {**_NOW, "retry-after": "5"})
    return json_reply({"status": "ok"}, headers=_NOW)
