"""Erasing somebody: everything that is known of a person goes, from every place where it is kept.

Whoever may ``erase`` a person may erase all that is about it, also what the caller does not see: it would stay behind
otherwise. The caller is told of what they see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from crmkit.core.entity import Record, entity_info
from crmkit.core.errors import ForbiddenError, InapplicableVerbError, NotFoundError
from crmkit.core.fields import Target
from crmkit.core.merging.redirects import winners_of
from crmkit.core.privacy.belonging import Key, by_entity
from crmkit.core.privacy.extent import ErasedRecords, Extent, extent_of, seen_ids, told
from crmkit.core.privacy.holding import refuse_held
from crmkit.core.privacy.left_out import refuse_left_out
from crmkit.core.privacy.purged import purged_about
from crmkit.core.privacy.tombstones import bury
from crmkit.core.privacy.wiping import wipe
from crmkit.core.registry import CORE, CUSTOM
from crmkit.core.storage.locks import locked
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = ["Erasure", "check_may_erase", "erase_held_back", "erase_person", "erase_records", "preview_erasure"]


@attrs.frozen
class Erasure:
    """What an erasure does, as far as the caller may know it.

    *parked* are plugins that the CRM does without at present, *removed* entities made at run time that were removed:
    what their tables hold is erased when they come back, before anybody can read it.
    """

    person: Target
    records: tuple[ErasedRecords, ...]
    parked: tuple[str, ...]
    removed: tuple[str, ...]


def preview_erasure(reader: Reader, person: Record) -> Erasure:
    """Return what :func:`erase_person` would do now; nothing is changed.

    Raises:
        NotFoundError, ForbiddenError, InapplicableVerbError, LegalHoldError, ConflictError, PluginsLeftOutError: as
            for :func:`erase_person`.
    """
    key = check_may_erase(reader, person)
    refuse_left_out(reader)
    extent = extent_of(reader, [key])
    refuse_held(reader, extent.keys, key[0])
    return _told(reader, key, extent)


def erase_person(writer: Writer, person: Record) -> Erasure:
    """Erase what is known of *person*, and return what was done.

    Everything that is about the person goes: records of every plugin, live or in the bin, what was merged into the
    person, extensions, custom values, the values in the histories, external ids, visits to stages, jobs. Records that
    must stay are emptied. The ledger keeps that something happened, and when, but not what. It all happens in the
    transaction of *writer* or not at all; :func:`finish_erasures` then deletes the content of files.

    Raises:
        NotFoundError: the caller does not see the person.
        ForbiddenError: the caller may not ``erase`` the person.
        InapplicableVerbError: records of its entity are not people, or are users.
        LegalHoldError, ConflictError: something of it is under a legal hold.
        PluginsLeftOutError: the CRM does without a plugin for now, whose tables are in place.
    """
    key = check_may_erase(writer, person)
    refuse_left_out(writer)
    with writer.attempt():
        extent = _reached(writer, [key])
        refuse_held(writer, extent.keys, key[0])
        seen = _told(writer, key, extent)
        _carry_out(writer, extent, [key])
    return seen


def check_may_erase(reader: Reader, person: Record) -> Key:
    """Return what is to be erased if the caller may erase *person*: the record that it went into, if it was merged.

    Raises:
        NotFoundError, ForbiddenError, InapplicableVerbError: as for :func:`erase_person`.
    """
    info = reader.model.registry.entity(entity_info(type(person)).id)
    if not info.person:
        raise InapplicableVerbError(info.id, "erase", _("its records are not people"))
    if info.plugin == CORE:
        raise InapplicableVerbError(info.id, "erase", _("the ledger keeps who did what; offboard the user instead"))
    if not seen_ids(reader, info, [person.id]):
        raise NotFoundError(info.id, person.id)
    id_ = winners_of(reader, info, [person.id]).get(person.id, person.id)
    if not seen_ids(reader, info, [id_], "erase"):
        raise ForbiddenError(info.id, "erase", person.id)
    return info.id, id_


def _told(reader: Reader, key: Key, extent: Extent) -> Erasure:
    parked = reader.model.schema.system.parked
    absent = reader.connection.scalars(sa.select(parked.c.plugin).where(sa.cast(parked.c.tables, sa.Text) != "{}"))
    return Erasure(Target(*key), told(reader, extent), tuple(sorted(absent)), tuple(_removed(reader)))


def _removed(reader: Reader) -> Iterator[str]:
    """Yield the entities made at run time whose records wait in the bin with their definition."""
    table, owner = reader.model.schema.tables["core_custom_entity"], reader.model.schema.system.entity_owner
    gone = sa.select(table.c.slug).where(table.c.deleted_at.is_not(None), table.c.purged_at.is_(None))
    taken_over = set(reader.connection.scalars(sa.select(owner.c.entity)))
    for slug in reader.connection.scalars(gone.order_by(table.c.slug)):
        if f"{CUSTOM}.{slug}" not in taken_over:
            yield f"{CUSTOM}.{slug}"


def erase_records(writer: Writer, roots: Sequence[Key]) -> int:
    """Erase *roots* and all that is about them, for crmkit's own steps, and return how many records that were.

    Neither grants nor holds are asked.
    """
    extent = _reached(writer, roots)
    _carry_out(writer, extent, roots)
    return len(extent.keys)


def erase_held_back(writer: Writer, record: Record) -> None:
    """Erase *record*, a person or not, and all that is about it, if the principal may ``erase`` it and nothing is held.

    Raises:
        ForbiddenError: the principal may not ``erase`` the record.
        LegalHoldError, ConflictError: something of it is under a legal hold.
        PluginsLeftOutError: as for :func:`erase_person`.
    """
    info = entity_info(type(record))
    key = info.id, record.id
    if not seen_ids(writer, info, [record.id], "erase"):
        raise ForbiddenError(info.id, "erase", record.id)
    refuse_left_out(writer)
    extent = _reached(writer, [key])
    refuse_held(writer, extent.keys, info.id)
    _carry_out(writer, extent, [key])


def _reached(writer: Writer, roots: Sequence[Key]) -> Extent:
    """Return how far the erasure of *roots* goes, which nobody changes from now on."""
    # What this transaction wrote of them has to be in the ledger to be erased from it.
    writer.flush()
    _hold(writer, roots)
    extent = extent_of(writer, roots)
    _hold(writer, extent.keys)
    return extent


def _carry_out(writer: Writer, extent: Extent, people: Sequence[Key]) -> None:
    purged = purged_about(writer, extent.keys)
    wipe(writer, extent, people, purged)
    bury(writer, [*extent.keys, *purged])


def _hold(writer: Writer, keys: Sequence[Key]) -> None:
    """Wait for whoever is writing one of *keys* just now, and let nobody begin."""
    for entity, ids in by_entity(keys).items():
        table = writer.model.schema.table(writer.model.registry.entities[entity])
        for start in range(0, len(ids), 500):
            batch = sa.select(table.c.id).where(table.c.id.in_(ids[start : start + 500]))
            writer.connection.execute(locked(batch, table, writer.model.storage.dialect.name, "delete"))
