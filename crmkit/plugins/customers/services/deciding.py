"""What people decided about records that look the same: that they are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from crmkit import Problem, Reader, Record, Target, Write, WriteContext, Writer, translator

from .. import matching
from ..entities import NotDuplicate

__all__ = ["check_pairs", "not_duplicates", "told_apart"]

# Texts belong to the plugin.
_ = translator(__package__.rpartition(".")[0])

_MATCHED = frozenset(matcher.id for matcher in matching.MATCHERS)


def not_duplicates(db: Writer, one: Record, other: Record, reason: str | None = None) -> NotDuplicate:
    """Keep that *one* and *other* are not the same, and return the decision; one that stands already stays as it is.

    From then on no search shows them as a pair. Deleting the decision takes it back.

    Raises:
        WriteRefusedError: they are not two companies, or two contacts.
        ForbiddenError, NotFoundError: as for creating any record.
    """
    first, second = sorted((Target.of(one), Target.of(other)), key=lambda target: target.id)
    f = NotDuplicate.f
    # In either order: a merge may have turned one.
    for one_side, other_side in ((first, second), (second, first)):
        if standing := db.find(NotDuplicate, (f.one == one_side) & (f.other == other_side), limit=1):
            return standing[0]
    return db.create(NotDuplicate(one=first, other=second, reason=reason))


def told_apart(db: Reader, *records: Record) -> set[frozenset[UUID]]:
    """Return the pairs of ids that were decided not to be the same, as the reader sees them.

    With *records* only pairs with one of them, which costs nothing where none is stored yet. Who may not read decisions
    is told of none.
    """
    stored = [Target.of(record) for record in records if record.version]
    if not db.readable_fields(NotDuplicate).issuperset(("one", "other")) or (records and not stored):
        return set()
    if not records:
        return _pairs(db.stream(NotDuplicate, size=5000))
    f = NotDuplicate.f
    # Each side in a statement of its own, so that an index serves it.
    rules = [side == target for target in stored for side in (f.one, f.other)]
    return {pair for rule in rules for pair in _pairs(db.find(NotDuplicate, rule))}


def _pairs(decisions: Iterable[NotDuplicate]) -> set[frozenset[UUID]]:
    return {frozenset((each.one.id, each.other.id)) for each in decisions}


def check_pairs(_context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each decision among *writes* that is not about two companies or two contacts."""
    message = _("a decision is about two companies, or two contacts")
    return [
        Problem(message, place, "other")
        for place, write in enumerate(writes)
        if write.entity.id == "customers.not_duplicate"
        and write.kind != "delete"
        and not _is_pair(write.get("one"), write.get("other"))
    ]


def _is_pair(one: Target, other: Target) -> bool:
    return one.entity == other.entity and one.entity in _MATCHED and one.id != other.id
