"""Taking a message: proved, once, and as work that is done after the sender has its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from crmkit.core.errors import NotFoundError
from crmkit.core.inbound.declaring import InboundHook, InboundMessage, InboundSource
from crmkit.core.inbound.errors import SignatureError
from crmkit.core.inbound.verifying import verify
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.principal import Principal

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.reading.reader import Reader

__all__ = ["inbound_hook", "take_inbound"]

_LONGEST_TYPE = 200


def take_inbound(
    crm: CRM, source: UUID, headers: Mapping[str, str], body: bytes, *, request_id: str | None = None
) -> UUID:
    """Enqueue the work that a message of *source* is for, and return the id of its job; *headers* are in lower case.

    The same message is taken once, however often it is sent: the id of the job is the same.

    Raises:
        SignatureError: nobody listens there, or the message is not signed as it must be.
    """
    found = _source(crm, source)
    hook = None if found is None else crm.registry.inbound_hooks.get(found.hook)
    if found is None or hook is None:
        raise SignatureError
    now = crm.clock.now()
    message = verify(hook.signed, found.secrets, headers, body, now)
    given = InboundMessage(hook.id, source, message, now, headers.get("content-type", "")[:_LONGEST_TYPE], body)
    key = f"{source}:{hashlib.sha256(message.encode()).hexdigest()}"
    try:
        with crm.write(crm.principal(found.user_id), cause=f"inbound: {hook.id}", request_id=request_id) as db:
            return db.enqueue(hook.job, given, key=key)
    except (NotFoundError, InactiveUserError):
        # Whose rights it had is gone.
        raise SignatureError from None


def inbound_hook(reader: Reader, id_: str) -> InboundHook | None:
    """Return what a plugin takes under this id; ``None`` if none does."""
    return reader.model.registry.inbound_hooks.get(id_)


def _source(crm: CRM, source: UUID) -> InboundSource | None:
    with crm.read(Principal(None, "system", "inbound")) as db:
        answers = crm.hooks.ask("crmkit_find_inbound_source", db=db, source=source)
        return next((answer for _plugin, answer in answers), None)
