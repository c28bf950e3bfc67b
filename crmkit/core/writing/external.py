"""External ids: the names by which other systems know records, for imports that can be run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import ConflictError, ForbiddenError, NotFoundError
from crmkit.core.storage.batches import padded_batches
from crmkit.core.storage.codecs import id_decoder

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["ExternalIds", "Known"]

_MOST = 500


@attrs.frozen
class Known:
    """The record that an external id leads to, and whether it lies in the bin."""

    record_id: UUID
    is_deleted: bool


class ExternalIds:
    """The external ids that one writer reads and gives."""

    def __init__(self, writer: Writer) -> None:
        """Work in *writer*'s transaction."""
        self._writer = writer
        self._table = writer.model.schema.system.external_id

    def find(self, system: str, entity: type[Record], values: Sequence[str]) -> Mapping[str, Known]:
        """Return what is known of *values* in *system*; absent are those that lead to nothing the principal can see.

        A record in the bin is seen by those who may restore it.
        """
        info = self._writer.model.registry.entity(entity)
        found: dict[str, Known] = {}
        for batch in padded_batches(values):
            found |= self._find(system, info, batch)
        return found

    def _find(self, system: str, info: EntityInfo, values: Sequence[str]) -> dict[str, Known]:
        names = {f"value_{place}": value for place, value in enumerate(values)}
        rows = self._writer.rows_for(
            ("external", info.id, len(values)), partial(self._statement, info, list(names)), names | {"system": system}
        )
        decode = id_decoder(self._writer.model.storage.dialect.name)
        return {value: Known(decode(id_), bool(deleted)) for value, id_, deleted in rows}

    def _statement(self, info: EntityInfo, names: Sequence[str]) -> sa.Select[Any]:
        table, record = self._table, self._writer.model.schema.table(info)
        visibility = self._writer.visibility
        visible, restorable = (visibility.predicate(info, record.c, verb) for verb in ("read", "delete"))
        system, *values = (sa.bindparam(name, type_=sa.String(), required=True) for name in ("system", *names))
        return (
            sa.select(table.c.value, table.c.record_id, record.c.deleted_at.is_not(None))
            .select_from(table.join(record, record.c.id == table.c.record_id))
            .where(table.c.system == system, table.c.entity == info.id, table.c.value.in_(values))
            .where(visible, sa.or_(record.c.deleted_at.is_(None), restorable))
        )

    def give(self, system: str, entity: type[Record], names: Mapping[str, UUID]) -> None:
        """Give records external ids: *names* maps each value to a record, created here or one that may be updated.

        Raises:
            NotFoundError: a record is not visible.
            ForbiddenError: no grant allows updating a record.
            ConflictError: a value already leads to a record, perhaps to one that the principal does not see.
        """
        info = self._writer.model.registry.entity(entity)
        self._check_given(info, [id_ for id_ in names.values() if not self._writer.created_here(info, id_)])
        rows = [{"system": system, "entity": info.id, "value": v, "record_id": r} for v, r in names.items()]
        try:
            with self._writer.all_or_nothing():
                self._writer.model.external_names.insert(self._writer.connection, rows)
        except sa.exc.IntegrityError as error:
            raise ConflictError(info.id) from error

    def _check_given(self, info: EntityInfo, ids: Sequence[UUID]) -> None:
        for start in range(0, len(ids), _MOST):
            some = ids[start : start + _MOST]
            seen = self._writer.visible_ids(info, some)
            changeable = self._writer.allowed_ids(info, "update", some)
            for id_ in some:
                if id_ not in seen:
                    raise NotFoundError(info.id, id_)
                if id_ not in changeable:
                    raise ForbiddenError(info.id, "update", id_)
