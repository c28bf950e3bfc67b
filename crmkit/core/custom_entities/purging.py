"""Taking away for good what a removed entity left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.custom_entities.entity import CustomEntity
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.entity import entity_info
from crmkit.core.errors import ConflictError, FieldProblem, NotFoundError, ValidationError
from crmkit.core.ledger import Entry, purge_entries
from crmkit.core.privacy.holding import held_of, refuse_held
from crmkit.core.registry import CUSTOM
from crmkit.core.storage.numbers import drop_counter, sequence_name
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["PurgedEntity", "purge_entity"]


@attrs.frozen
class PurgedEntity:
    """What goes, or went, with an *entity*: *records*, those in the bin included, and what is kept beside them.

    *fields* are the definitions of its custom fields, *visits* those of records to stages.
    """

    entity: str
    records: int
    fields: int
    external_ids: int
    visits: int


def purge_entity(writer: Writer, entity: UUID, *, dry_run: bool = False) -> PurgedEntity:
    """Drop the table of a removed *entity* with all its records, and return what went; with *dry_run*, what would go.

    External ids, visits to stages, the keys by which duplicates are found and the counter of numbers go with the
    records. Afterwards the entity cannot be restored, and its name is not given again. What the ledger tells stays, and
    that the records were purged with it.

    Raises:
        NotFoundError: there is no such entity in the bin that the principal may delete.
        ValidationError: another entity made at run time follows it, in use or parked.
        LegalHoldError: one of its records is under a legal hold.
        ConflictError: the same, where the principal does not see what is in the way.
    """
    # The bin shows what somebody may delete.
    found = next((each for each in writer.find(CustomEntity, deleted=True) if each.id == entity), None)
    purge = _Purge(writer, f"{CUSTOM}.{found.slug}") if found is not None else None
    if found is None or purge is None or found.purged_at is not None or purge.is_taken_over():
        raise NotFoundError("core.custom_entity", entity)
    purge.check_alone()
    counted = purge.counted()
    if not dry_run:
        purge.drop()
        purge.retire(entity_info(CustomEntity).id, [entity], {"purged_at": writer.now})
        gone = {"deleted_at": writer.now, "purged_at": writer.now}
        purge.retire(entity_info(CustomField).id, purge.definitions(), gone)
    return counted


@attrs.frozen
class _Purge:
    """One entity that goes, in the transaction of *writer*."""

    writer: Writer
    entity: str

    @property
    def table(self) -> sa.TableClause:
        """Its table, of which nobody's model has anything."""
        return sa.table(self.entity.replace(".", "_"), sa.column("id"))

    def is_taken_over(self) -> bool:
        """Return whether the records are a plugin's by now."""
        owner = self.writer.model.schema.system.entity_owner
        return self._count(owner, owner.c.entity == self.entity) > 0

    def check_alone(self) -> None:
        """Refuse if anything stands on the records, or keeps them."""
        other = self.writer.model.schema.tables["core_custom_entity"]
        following = sa.select(other.c.slug).where(other.c.follows == self.entity, other.c.purged_at.is_(None))
        for slug in self.writer.connection.scalars(following.order_by(other.c.slug)):
            self._refuse_follower(slug)
        kept = held_of(self.writer.connection, self.writer.model.schema, self.entity)
        refuse_held(self.writer, kept, "core.custom_entity")

    def _refuse_follower(self, slug: str) -> None:
        seen = (*self.writer.find(CustomEntity), *self.writer.find(CustomEntity, deleted=True))
        if slug not in {each.slug for each in seen}:
            raise ConflictError("core.custom_entity")
        message = _("{entity} follows it; remove and purge that first")
        problem = FieldProblem("slug", message, "in-use", entity=f"{CUSTOM}.{slug}")
        raise ValidationError("core.custom_entity", [problem])

    def counted(self) -> PurgedEntity:
        """Count what there is."""
        system = self.writer.model.schema.system
        return PurgedEntity(
            self.entity,
            self._count(self.table),
            len(self.definitions()),
            self._count(system.external_id, system.external_id.c.entity == self.entity),
            self._count(system.stage_visit, system.stage_visit.c.entity == self.entity),
        )

    def _count(self, table: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
        asked = sa.select(sa.func.count()).select_from(table).where(*where)
        return self.writer.connection.scalar(asked) or 0

    def definitions(self) -> list[UUID]:
        """Return the definitions of its custom fields that were not purged before."""
        field = self.writer.model.schema.tables["core_custom_field"]
        mine = sa.select(field.c.id).where(field.c.entity == self.entity, field.c.purged_at.is_(None))
        return list(self.writer.connection.scalars(mine))

    def drop(self) -> None:
        """Drop the table, and delete what is kept beside records."""
        system, connection = self.writer.model.schema.system, self.writer.connection
        connection.exec_driver_sql(f"DROP TABLE {self.table.name}")
        for table in (system.external_id, system.stage_visit, system.match_key, system.search_document, system.merge):
            connection.execute(sa.delete(table).where(table.c.entity == self.entity))
        drop_counter(connection, system.sequence, sequence_name(self.entity))
        self.writer.note(purge_entries([self.table.name], self.writer.cause))

    def retire(self, kind: str, ids: list[UUID], values: dict[str, Any]) -> None:
        """Write into definitions that what they define is gone, and into the ledger that they were changed."""
        table = self.writer.model.schema.tables[kind.replace(".", "_")]
        entries = []
        for id_ in ids:
            mine = table.c.id == id_
            before = self.writer.connection.execute(sa.select(*map(table.c.__getitem__, values)).where(mine)).one()
            changes = {name: (before._mapping[name], value) for name, value in values.items()}
            changed = {name: change for name, change in changes.items() if change[0] is None}
            written = {name: new for name, (_old, new) in changed.items()}
            self.writer.connection.execute(
                sa.update(table).where(mine).values(**written, version=table.c.version + 1, updated_at=self.writer.now)
            )
            verb = "delete" if "deleted_at" in changed else "update"
            entries.append(Entry(kind, id_, verb, changed, self.writer.cause, 0))
        self.writer.note(entries)
