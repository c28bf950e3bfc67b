"""Offboarding somebody: what they have goes to others, what they may ends, and they do not act any more.

Whoever may both ``update`` and ``transfer`` a user may offboard that user. All that the leaver has goes, also what the
caller does not see: it would belong to nobody otherwise. The caller is told of what they see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.errors import ForbiddenError
from crmkit.core.offboarding.belongings import Belonging, belongings
from crmkit.core.offboarding.handover import Handover, allot, told
from crmkit.core.offboarding.succession import Succession, check_successors
from crmkit.core.policy.people import User
from crmkit.core.reading.reader import Reader
from crmkit.core.storage.locks import locked
from crmkit.core.writing.changes import Write
from crmkit.core.writing.writer import Writer

__all__ = ["check_may_offboard", "offboard", "preview_offboarding"]


def preview_offboarding(reader: Reader, user: UUID, succession: Succession) -> Handover:
    """Return what :func:`offboard` would do now; nothing is changed.

    Raises:
        NotFoundError, ForbiddenError, ValidationError, UnknownEntityError, RuleError, UnknownFieldError: as for
            :func:`offboard`.
    """
    check_may_offboard(reader, user)
    check_successors(reader, user, succession)
    found = belongings(reader, user, succession)
    return told(user, found, allot(reader, found, succession))


def offboard(writer: Writer, user: UUID, succession: Succession) -> Handover:
    """Give what *user* has to whom *succession* names, end what the user may do, and return what was done.

    Owned records go with their stages and histories; of references what their declarations say as ``on_leave``. Team
    memberships, shares with the user and roles end, and the user is not active any more. Everything happens in the
    transaction of *writer* or not at all.

    Raises:
        NotFoundError: the caller does not see the user.
        ForbiddenError: the caller may not both ``update`` and ``transfer`` the user.
        ValidationError: somebody is no successor.
        UnknownEntityError, RuleError, UnknownFieldError: a split makes no sense to the caller.
        WriteRefusedError: a plugin refuses; nothing is changed.
    """
    leaver = check_may_offboard(writer, user)
    check_successors(writer, user, succession)
    with writer.attempt():
        # Entries of the ledger between here and the end are what the offboarding did.
        writer.flush()
        _hold(writer, user)
        found = belongings(writer, user, succession)
        successors = allot(writer, found, succession)
        for batch in _batches(writer, found, successors):
            writer.take(*batch)
        if getattr(leaver, "is_active", True):
            writer.update(leaver, is_active=False)
        _note(writer, user)
    return told(user, found, successors)


def check_may_offboard(reader: Reader, user: UUID) -> User:
    """Return the user if the caller may offboard them.

    Raises:
        NotFoundError: the caller does not see the user.
        ForbiddenError: the caller may not both ``update`` and ``transfer`` the user.
    """
    found = reader.get(User, user)
    for verb in ("update", "transfer"):
        if not reader.may(verb, found):
            raise ForbiddenError("core.user", verb, user)
    return found


def _hold(writer: Writer, user: UUID) -> None:
    """Wait for whoever is giving *user* something just now, and let nobody begin."""
    table = writer.model.schema.tables["core_user"]
    statement = sa.select(table.c.id).where(table.c.id == user)
    writer.connection.execute(locked(statement, table, writer.model.storage.dialect.name, "delete"))


def _batches(writer: Writer, found: Sequence[Belonging], successors: Sequence[UUID | None]) -> Iterator[list[Write]]:
    """Yield the writes: new owners, then other references, then what ends; one for each record in each batch."""
    pairs = list(zip(found, successors, strict=True))
    homes = {who: writer.home_team_of(who) for who in dict.fromkeys(successors) if who is not None}
    yield [_transfer(each, who, homes[who]) for each, who in pairs if who is not None and _is_owner(each)]
    changes: dict[tuple[str, UUID], Write] = {}
    for each, who in pairs:
        if each.action in ("transfer", "clear") and not _is_owner(each):
            write = Write("update", each.entity, each.record_id, {}, trusted=True)
            changes.setdefault(write.key, write).values[each.field] = who
    yield list(changes.values())
    ended = {(each.entity.id, each.record_id): each for each, _who in pairs if each.action == "end"}
    yield [Write("delete", each.entity, each.record_id, {}, trusted=True) for each in ended.values()]


def _is_owner(each: Belonging) -> bool:
    return each.entity.owned and each.field == "owner_id" and each.action == "transfer"


def _transfer(each: Belonging, who: UUID, home: UUID | None) -> Write:
    write = Write("transfer", each.entity, each.record_id, {"owner_id": who, "team_id": home}, trusted=True)
    write.details["defaulted"] = ["team_id"]
    return write


def _note(writer: Writer, user: UUID) -> None:
    """Keep where the ledger tells what the offboarding did, so that it can be given back."""
    span = writer.flush()
    if span is not None:
        row = {"user_id": user, "at": writer.now, "by": writer.access.user_id, "first_id": span[0], "last_id": span[1]}
        writer.connection.execute(sa.insert(writer.model.schema.system.offboarding).values(row))
