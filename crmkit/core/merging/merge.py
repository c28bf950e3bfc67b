"""Making several records of one thing one: the losers go into the bin, and lead to the winner from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import Record
from crmkit.core.errors import FieldProblem, InapplicableVerbError, ValidationError
from crmkit.core.ledger import Entry
from crmkit.core.merging.choosing import Choices, FieldChoice, choose_values, loose_ends
from crmkit.core.merging.repointing import Followers, check_nothing_appears, followers
from crmkit.core.privacy.holding import refuse_held
from crmkit.core.registry import CORE
from crmkit.core.text import gettext as _
from crmkit.core.writing.authorise import refuse_forbidden
from crmkit.core.writing.changes import Write
from crmkit.core.writing.dependents import check_taken_along
from crmkit.core.writing.life import load_stored

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Merging", "check_mergeable", "merge", "perform", "prepare"]


@attrs.frozen
class Merging:
    """A merge that is about to happen: the loaded writes, the chosen values, and what follows."""

    winner: Write
    losers: list[Write]
    fields: list[FieldChoice]
    followers: Followers


def merge(writer: Writer, winner: Record, losers: Sequence[Record], choices: Choices) -> None:
    """Merge *losers* into *winner*.

    Raises:
        InapplicableVerbError: records of the entity are not merged.
        ValidationError: the records are not several of one entity, or a value is refused.
        NotFoundError, StaleError, ForbiddenError, ConflictError: as for updating the winner and deleting the losers.
    """
    check_mergeable(writer, winner, losers)
    with writer.attempt():
        perform(writer, prepare(writer, winner, losers, choices))


def check_mergeable(writer: Writer, winner: Record, losers: Sequence[Record]) -> None:
    """Return if these are records that can be merged at all.

    Raises:
        InapplicableVerbError: records of their entity are not merged.
        ValidationError: they are not several of one entity.
    """
    info = writer.model.registry.entity(type(winner))
    if info.plugin == CORE:
        raise InapplicableVerbError(info.id, "merge", _("rights are given to one user, team or role, and end with it"))
    ids = [record.id for record in (winner, *losers)]
    if not losers or len(set(ids)) < len(ids) or any(type(record) is not type(winner) for record in losers):
        raise ValidationError(info.id, [FieldProblem("id", _("merge different records of one entity"), "merge")])


def prepare(writer: Writer, winner: Record, losers: Sequence[Record], choices: Choices) -> Merging:
    """Load what is merged, and find out what is kept and what follows.

    Raises:
        NotFoundError, StaleError, ForbiddenError: the principal may not update the winner and delete the losers.
        ValidationError: a choice makes no sense.
    """
    info = writer.model.registry.entity(type(winner))
    # All of them at once, in the order of their ids: merges of the same records wait for each other, never in a circle.
    writer.stored_rows(info, "delete", sorted({record.id for record in (winner, *losers)}))
    update = Write("update", info, winner.id, {}, version=winner.version)
    deletions = [
        Write("delete", info, record.id, {}, version=record.version, place=place, details={"merged": True})
        for place, record in enumerate(losers, 1)
    ]
    load_stored(writer, [update, *deletions])
    refuse_forbidden(writer, [update, *deletions])
    refuse_held(writer, [update.key], info.id)
    fields = choose_values(writer, update, deletions, choices)
    update.values |= {each.name: each.kept for each in fields if each.from_id != update.record_id}
    ends = loose_ends(writer, update, deletions)
    writable = writer.access.entity(info).writable
    update.values = {name: value for name, value in ends.items() if name in writable} | update.values
    return Merging(update, deletions, fields, followers(writer, update, deletions))


def perform(writer: Writer, merging: Merging) -> None:
    """Do it; the caller undoes it all if it fails half-way.

    Raises:
        ValidationError, WriteRefusedError, ForbiddenError, ConflictError: as for any write.
    """
    winner, losers = merging.winner, merging.losers
    entity, following = winner.entity.id, merging.followers
    hidden = following.hidden(writer)
    check_taken_along(writer, losers, [*following.folded, *following.changes])
    writer.flush()
    with writer.because("merge"):
        # Deletions first: the winner may take over what must be unique.
        writer.take(*losers, *following.folded, winner, *following.changes)
        _let_go(writer, winner, losers)
        check_nothing_appears(writer, entity, hidden)
        writer.note(_entries(writer, winner, losers, {w.record_id: _move_names(writer, w, winner) for w in losers}))
    span = writer.flush()
    assert span is not None
    _remember(writer, winner, losers, span)


def _let_go(writer: Writer, winner: Write, losers: Sequence[Write]) -> None:
    """Empty references of the winner to a loser that the principal may not set."""
    ends = {n: None for n in loose_ends(writer, winner, losers) if n not in winner.values}
    if ends:
        rest = Write("update", winner.entity, winner.record_id, dict(ends), trusted=True, depth=1)
        rest.goes_with = winner.entity.id
        writer.take(rest)


def _entries(
    writer: Writer, winner: Write, losers: Sequence[Write], names: Mapping[UUID, Sequence[tuple[str, str]]]
) -> list[Entry]:
    """Return what the ledger says of the merge itself, beside what it says of each record written."""
    entity, cause = winner.entity.id, writer.cause
    told = [
        Entry(entity, w.record_id, "merge", _merged(winner.record_id, names[w.record_id]), cause, 0) for w in losers
    ]
    return [
        *told,
        Entry(entity, winner.record_id, "merge", {"losers": (None, [w.record_id for w in losers])}, cause, 0),
    ]


def _merged(winner: UUID, names: Sequence[tuple[str, str]]) -> dict[str, tuple[Any, Any]]:
    return {"merged_into": (None, winner), "external_ids": (None, list(names))}


def _move_names(writer: Writer, loser: Write, winner: Write) -> list[tuple[str, str]]:
    """Let the external ids of *loser* lead to the winner, and return them as (system, value)."""
    table = writer.model.schema.system.external_id
    mine = (table.c.entity == loser.entity.id, table.c.record_id == loser.record_id)
    found = writer.connection.execute(sa.select(table.c.system, table.c.value).where(*mine)).all()
    if found:
        writer.connection.execute(sa.update(table).where(*mine).values(record_id=winner.record_id))
    return sorted((system, value) for system, value in found)


def _remember(writer: Writer, winner: Write, losers: Iterable[Write], span: tuple[int, int]) -> None:
    number = winner.entity.number
    rows = [
        {
            "entity": w.entity.id,
            "record_id": w.record_id,
            "winner_id": winner.record_id,
            "number": w.stored[number.name] if number else None,
            "first_id": span[0],
            "last_id": span[1],
        }
        for w in losers
    ]
    writer.connection.execute(sa.insert(writer.model.schema.system.merge), rows)
