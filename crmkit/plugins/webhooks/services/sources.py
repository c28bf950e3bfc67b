"""Other programs that send messages here: who they are, and what may be written of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from crmkit import InboundSource, Problem, Reader, Write, WriteContext, inbound_hook, translate, translator

from ..entities import Source
from .endpoints import may_let_act
from .secrets import complete_secret, no_secrets, secrets_of

__all__ = ["check_sources", "complete_sources", "find_source"]

_ = translator(__package__.rpartition(".")[0])

_ENTITY = "webhooks.source"
_DECIDES = ("hook", "acts_as_id", "secret", "old_secret", "old_secret_ends_at")
_SHORTEST = 16


def find_source(db: Reader, source: UUID) -> InboundSource | None:
    """Return what proves that a message comes from *source*; ``None`` if nothing is taken from there."""
    found = db.get_many(Source, [source]).get(source)
    if found is None or not found.is_active or found.acts_as_id is None:
        return None
    return InboundSource(found.hook, tuple(secrets_of(found, db.moment.now)), found.acts_as_id)


def complete_sources(context: WriteContext, writes: Sequence[Write]) -> None:
    """Give each new source its user and its secret; let a secret that is changed count for a day more."""
    for write in writes:
        if write.entity.id == _ENTITY and write.kind in ("create", "update"):
            if write.get("acts_as_id") is None:
                write.set("acts_as_id", context.principal.user_id)
            complete_secret(context, write)


def check_sources(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each value of a source that makes no sense, or would give somebody rights."""
    return [
        Problem(message, place, field)
        for place, write in enumerate(writes)
        if write.entity.id == _ENTITY and write.kind in ("create", "update", "restore")
        for field, message in _problems(context, write)
    ]


def _problems(context: WriteContext, write: Write) -> Iterator[tuple[str, str]]:
    if write.kind == "update" and not any(map(write.changes, _DECIDES)):
        return
    if not may_let_act(context, write):
        yield "acts_as_id", _("a source acts as yourself; as somebody else only administrators let one act")
    hook = inbound_hook(context.trusted, write.get("hook"))
    if hook is None:
        known = translate(_("no plugin takes {hook!r}"))
        yield "hook", known.format(hook=write.get("hook"))
    elif hook.is_standard:
        yield from no_secrets(write)
    elif any(len(secret) < _SHORTEST for name in ("secret", "old_secret") if (secret := write.get(name))):
        yield "secret", _("it is too short; give 16 characters or more")
