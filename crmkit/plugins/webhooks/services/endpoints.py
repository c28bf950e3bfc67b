"""What a webhook is told of, and what may be written of it: it leads somewhere, and gives nobody rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crmkit import (
    CrmkitError,
    KnownEvent,
    Problem,
    Reader,
    Rule,
    Write,
    WriteContext,
    event_types,
    translate,
    translator,
    types_of,
)

from ..entities import Endpoint
from .secrets import complete_secret, no_secrets

__all__ = ["check_endpoints", "complete_endpoints", "event_types_told", "told_types"]

_ = translator(__package__.rpartition(".")[0])

_ENTITY = "webhooks.endpoint"
#: Of itself the plugin tells nothing: endpoints have secrets, and messages about messages would have no end.
_OWN = "webhooks."
# What crmkit writes down itself, whatever others give.
_KEPT = ("failing_since_at", "resumes_at", "off_reason", "since")
# Whoever changes one of these decides what somebody learns.
_DECIDES = ("url", "events", "entity", "condition", "acts_as_id", "secret", "old_secret", "old_secret_ends_at")


def complete_endpoints(context: WriteContext, writes: Sequence[Write]) -> None:
    """Give each new webhook its user and its secret; let a secret that is changed count for a day more."""
    for write in writes:
        if write.entity.id == _ENTITY and write.kind in ("create", "update"):
            _complete(context, write)


def _complete(context: WriteContext, write: Write) -> None:
    if not context.principal.is_system:
        for name in _KEPT:
            if name in write.values:
                write.set(name, write.stored.get(name))
    if write.get("acts_as_id") is None:
        write.set("acts_as_id", context.principal.user_id)
    complete_secret(context, write)
    if write.kind == "create" or (write.changes("is_active") and write.get("is_active")):
        begun = {**dict.fromkeys(_KEPT), "since": context.trusted.events().position}
        for name, value in begun.items():
            write.set(name, value)


def check_endpoints(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each value of a webhook that makes no sense, or would give somebody rights."""
    return [
        Problem(message, place, field)
        for place, write in enumerate(writes)
        if write.entity.id == _ENTITY and write.kind in ("create", "update", "restore")
        for field, message in _problems(context, write)
    ]


def _problems(context: WriteContext, write: Write) -> Iterator[tuple[str, str]]:
    if write.kind == "update" and not any(map(write.changes, _DECIDES)):
        return  # Whoever may change it may switch it on and off, and call it something else.
    user = write.get("acts_as_id")
    if not may_let_act(context, write):
        yield "acts_as_id", _("a webhook acts as yourself; as somebody else only administrators let one act")
        return
    yield from no_secrets(write)
    try:
        context.trusted.network.check(write.get("url"))
    except CrmkitError as error:
        yield "url", str(error)
    for _user, theirs in context.trusted.readers_of([user]):
        yield from _unknown(theirs, write)
        return
    yield "acts_as_id", _("this user is gone or inactive")


def may_let_act(context: WriteContext, write: Write) -> bool:
    """Return whether the principal may let what *write* is about act as its user, and as the one before."""
    user, before = write.get("acts_as_id"), write.stored.get("acts_as_id")
    return user is not None and all(map(context.principal.may_act_as, {user, before or user}))


def _unknown(theirs: Reader, write: Write) -> Iterator[tuple[str, str]]:
    """Yield what of *write* names what *theirs*, a reader of the user as whom it acts, does not know."""
    yield from _unknown_events(theirs, write.get("events"))
    entity, condition = write.get("entity"), write.get("condition")
    try:
        told = None if entity is None else theirs.entity(entity)
        if told is None and condition is not None:
            yield "condition", _("a condition is one on records of an entity; name that")
        elif told is not None and condition is not None:
            theirs.find(told, condition, limit=1)
    except CrmkitError as error:
        yield ("condition" if condition is not None else "entity"), str(error)


def _unknown_events(theirs: Reader, events: Any) -> Iterator[tuple[str, str]]:
    if not (isinstance(events, list | tuple) and events and all(isinstance(each, str) for each in events)):
        yield "events", _("expected a list of types of events, such as crm.sales.deal.won.v1 or crm.sales.*")
        return
    known = [each.type for each in event_types_told(theirs)]
    for pattern in events:
        if not any(_picks(pattern, type_) for type_ in known):
            yield "events", translate(_("there is no event {pattern!r}")).format(pattern=pattern[:160])


def event_types_told(db: Reader) -> list[Any]:
    """Return the types of events of which webhooks that act as the reader can be told."""
    return [each for each in event_types(db) if not each.entity.startswith(_OWN)]


def told_types(db: Reader, known: KnownEvent) -> list[str]:
    """Return by which types *known* is told; by none if webhooks are told nothing of it."""
    return [] if known.entity.startswith(_OWN) else types_of(db, known)


def wanted_types(endpoint: Endpoint, known: KnownEvent, types: Sequence[str]) -> list[str]:
    """Return those of *types*, by which *known* is told, that *endpoint* wants; its condition is not looked at."""
    if endpoint.entity not in (None, known.entity) or known.position <= endpoint.since:
        return []
    return [type_ for type_ in types if any(_picks(pattern, type_) for pattern in endpoint.events)]


def _picks(pattern: str, type_: str) -> bool:
    if pattern == "*":
        return True
    return type_.startswith(pattern[:-1]) if pattern.endswith(".*") else type_ == pattern


def condition_of(endpoint: Endpoint) -> Rule | None:
    """Return the rule that must hold for a record of which *endpoint* is told."""
    return None if endpoint.condition is None else Rule.parse(endpoint.condition)
