"""Metrics, for whoever may know how the work of the whole company goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit.observing.metrics import CONTENT_TYPE
from crmkit.observing.watching import Watching
from crmkit.rest.errors import NothingHereError
from crmkit.rest.replies import Reply

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["metrics"]


def metrics(call: Call) -> Reply:
    """Return everything in the text format of Prometheus.

    Raises:
        ForbiddenError: no grant lets the principal read that.
        NothingHereError: this server counts nothing.
    """
    with call.reading() as db:
        db.check_operations()
    watching = call.crm.observer
    if not isinstance(watching, Watching) or watching.metrics is None:
        raise NothingHereError
    return Reply(body=watching.metrics.text(), media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})
