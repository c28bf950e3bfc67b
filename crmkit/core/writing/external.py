"""External ids: the names by which other systems know records, for imports that can be run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import ConflictError, ForbiddenError, NotFoundError
from crmkit.core.reading.external import Known, find_external

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["ExternalIds"]

_MOST = 500


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
        return find_external(self._writer, system, self._writer.model.registry.entity(entity), values)

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
