"""What a merge would do, before it is done: told as far as whoever asks may know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from crmkit.core.entity import Record
from crmkit.core.errors import CrmkitError
from crmkit.core.merging.choosing import Choices, FieldChoice
from crmkit.core.merging.merge import Merging, check_mergeable, perform, prepare
from crmkit.core.merging.repointing import Followers
from crmkit.core.policy.credentials import credentials_of, stand_in
from crmkit.core.writing.changes import Write, grouped

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["MergePlan", "Repointing", "preview"]


@attrs.frozen
class Repointing:
    """How many visible records refer to a loser through a field: they follow to the winner.

    *folded* counts the links that go into the bin, because the winner has the same link already.
    """

    entity: str
    field: str
    count: int
    folded: int = 0


@attrs.frozen
class MergePlan:
    """What a merge would do, as far as whoever asks may know it.

    *fields* are those in which the records differ, *external_ids* is how many names of other systems move to the
    winner, and *refusal* is the error with which the merge would be refused.
    """

    winner: Record
    losers: tuple[Record, ...]
    fields: tuple[FieldChoice, ...]
    repointed: tuple[Repointing, ...]
    external_ids: int
    refusal: CrmkitError | None = None


class _UndoneError(Exception):
    """Ends the block in which a preview tries the merge."""


def preview(writer: Writer, winner: Record, losers: Sequence[Record], choices: Choices) -> MergePlan:
    """Return what merging would do; it is tried and undone, so that *refusal* is what the merge would say.

    Raises:
        InapplicableVerbError, ValidationError, NotFoundError, StaleError, ForbiddenError: as for :func:`merge`, of what
            is asked for.
    """
    check_mergeable(writer, winner, losers)
    merging = prepare(writer, winner, losers, choices)
    plan = _plan(writer, merging, winner, losers)
    try:
        with writer.attempt():
            perform(writer, merging)
            raise _UndoneError
    except _UndoneError:
        return plan
    except CrmkitError as error:
        return attrs.evolve(plan, refusal=error)


def _plan(writer: Writer, merging: Merging, winner: Record, losers: Sequence[Record]) -> MergePlan:
    seen = writer.get_many(type(winner), [record.id for record in (winner, *losers)])
    table = writer.model.schema.system.external_id
    mine = (table.c.entity == merging.winner.entity.id, table.c.record_id.in_([record.id for record in losers]))
    names = writer.connection.scalar(sa.select(sa.func.count()).where(*mine)) or 0
    return MergePlan(
        seen[winner.id],
        tuple(seen[record.id] for record in losers),
        tuple(_told(merging.fields, credentials_of(writer.model.registry, merging.winner.entity.id))),
        tuple(_repointings(writer, merging.followers)),
        names,
    )


def _told(choices: Iterable[FieldChoice], withheld: frozenset[str]) -> Iterator[FieldChoice]:
    for choice in choices:
        if choice.name not in withheld:
            yield choice
            continue
        values = {id_: stand_in(value) for id_, value in choice.values.items()}
        yield attrs.evolve(choice, values=values, kept=stand_in(choice.kept))


def _repointings(writer: Writer, following: Followers) -> Iterator[Repointing]:
    """Yield what is visible of what follows."""
    counts: Counter[tuple[str, str]] = Counter()
    folded: Counter[str] = Counter()
    for write in _seen(writer, following.changes):
        readable = writer.access.entity(write.entity).readable
        counts.update((write.entity.id, name) for name in write.values if name in readable)
    for write in _seen(writer, following.folded):
        folded[write.entity.id] += 1
    for entity in sorted(folded.keys() - {entity for entity, _name in counts}):
        yield Repointing(entity, "", 0, folded[entity])
    for (entity, name), count in sorted(counts.items()):
        yield Repointing(entity, name, count, folded.pop(entity, 0))


def _seen(writer: Writer, writes: Sequence[Write]) -> Iterator[Write]:
    """Yield those of *writes* whose record the principal sees."""
    for entity, group in grouped(writes, lambda w: w.entity.id):
        seen = writer.visible_ids(writer.model.registry.entities[entity], [w.record_id for w in group])
        yield from (w for w in group if w.record_id in seen)
