"""Making messages of what happened: for each endpoint of what the user as whom it acts may know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from crmkit import CrmkitError, KnownEvent, Reader, Span, User, WorkContext, Writer

from ..entities import Delivery, Endpoint
from .endpoints import condition_of, told_types, wanted_types
from .outcomes import GONE, switch_off

__all__ = ["active_endpoints", "go_on", "make_deliveries"]

_PAGE = 500
_MOST_ENDPOINTS = 10_000


def active_endpoints(db: Reader) -> list[Endpoint]:
    """Return the endpoints that are told what happens."""
    return db.find(Endpoint, Endpoint.f.is_active == True, order_by="id", limit=_MOST_ENDPOINTS)  # noqa: E712


def make_deliveries(context: WorkContext, span: Span) -> None:
    """Make the messages that tell of what was written in *span*, as far as somebody wants to know and may."""
    for after in range(span.after, span.until, _PAGE):
        until = min(after + _PAGE, span.until)
        with context.read() as db:
            by_user = _by_user(active_endpoints(db))
            made = list(_deliveries(db, by_user, Span(after, until)))
        # A long span is told in several transactions: a crash between them tells the first ones again.
        with context.finish() if until == span.until else context.write() as writer:
            _keep(writer, made)
            for user in _gone(writer, by_user):
                switch_off(writer, by_user[user], GONE)


def _keep(db: Writer, made: Sequence[Delivery]) -> None:
    if made:
        db.create_many(made)
        db.wake("webhooks.send")


def _by_user(endpoints: Iterable[Endpoint]) -> dict[UUID, list[Endpoint]]:
    found: dict[UUID, list[Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.acts_as_id is not None:
            found.setdefault(endpoint.acts_as_id, []).append(endpoint)
    return found


def _gone(db: Reader, users: Collection[UUID]) -> list[UUID]:
    """Return who of *users* is no active user any more."""
    found = db.get_many(User, users)
    return [user for user in users if user not in found or not found[user].is_active]


def _deliveries(db: Reader, by_user: Mapping[UUID, Sequence[Endpoint]], span: Span) -> Iterator[Delivery]:
    for user, theirs in db.readers_of(by_user):
        known = theirs.events(after=span.after, limit=span.until - span.after).events
        told = [(each, told_types(theirs, each)) for each in known]
        for endpoint in by_user[user]:
            yield from _told(theirs, endpoint, told, db)


def _told(
    theirs: Reader, endpoint: Endpoint, told: Iterable[tuple[KnownEvent, list[str]]], db: Reader
) -> Iterator[Delivery]:
    wanted = [(each, types) for each, all_types in told if (types := wanted_types(endpoint, each, all_types))]
    if endpoint.condition is not None:
        holds = _holding(theirs, endpoint, {each.record_id for each, _types in wanted})
        wanted = [(each, types) for each, types in wanted if each.record_id in holds]
    for each, types in wanted:
        for type_ in types:
            yield Delivery(
                endpoint_id=endpoint.id,
                event=type_,
                position=each.position,
                entity=each.entity,
                record_id=each.record_id,
                happened_at=each.at,
                next_at=db.moment.now,
            )


def _holding(theirs: Reader, endpoint: Endpoint, ids: Iterable[UUID]) -> set[UUID]:
    """Return those of *ids*, records in the bin too, for which the condition of *endpoint* holds.

    Where the user may not know what it asks for, not any more, it holds for none.
    """
    try:
        entity, rule = theirs.entity(str(endpoint.entity)), condition_of(endpoint)
        assert rule is not None
        asked = rule & entity.f.id.in_(sorted(ids))
        return {
            each.id for deleted in (False, True) for each in theirs.find(entity, asked, limit=_PAGE, deleted=deleted)
        }
    except CrmkitError:
        return set()


def go_on(context: WorkContext, _event: object) -> None:
    """Send what waits: an endpoint was switched on, or leads elsewhere."""
    with context.finish() as db:
        db.wake("webhooks.send")
