"""What an erasure leaves to be done once it has committed: deleting content, and room in which old values still lie.

Each part may be cut short, and goes on where it was at the next call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from crmkit.core.content.named import hash_columns, named
from crmkit.core.storage.search_index import POSTGRESQL_INDEX, SEARCH_INDEX

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Finished", "finish_erasures"]


@attrs.frozen
class Finished:
    """What was done: how much content was deleted, and whether the database was cleared of what it had given up."""

    contents: int
    is_scrubbed: bool


def finish_erasures(crm: CRM, *, scrub: bool = True) -> Finished:
    """Delete the content that erased records had and no other record has; then clear the database of old values.

    Without *scrub*, pages that the database has given up may still hold what was in them: SQLite is rewritten whole,
    which takes twice its room for a moment, and PostgreSQL vacuums the tables that were written.
    """
    crm.check_ready()
    contents = sum(_delete_content(crm, hash_, at) for hash_, at in list(_unwanted(crm)))
    if scrub:
        _scrub_sqlite(crm) if crm.storage.is_sqlite else _scrub_postgresql(crm)
    return Finished(contents, scrub)


def _unwanted(crm: CRM) -> Iterator[tuple[str, float]]:
    table = crm.schema.system.unwanted_content
    with crm.storage.reading() as connection:
        rows = connection.execute(sa.select(table.c.hash, table.c.at)).all()
    yield from ((row.hash, row.at.timestamp()) for row in rows)


def _delete_content(crm: CRM, hash_: str, at: float) -> bool:
    """Delete the content *hash_*, unless a record has it or it was put again since *at*; then forget about it."""
    table = crm.schema.system.unwanted_content
    with crm.storage.reading() as connection:
        is_needed = bool(named(connection, hash_columns(crm.model, connection), [hash_]))
    is_gone = not is_needed and crm.contents.remove(hash_, at)
    with crm.storage.writing() as connection:
        connection.execute(sa.delete(table).where(table.c.hash == hash_))
    return is_gone


def _scrub_sqlite(crm: CRM) -> None:
    with closing(crm.storage.engine.raw_connection()) as connection:
        # Of words that were deleted, the index keeps that they were until it is written anew.
        connection.cursor().execute(f"INSERT INTO {SEARCH_INDEX} ({SEARCH_INDEX}) VALUES ('optimize')")
        connection.cursor().execute("VACUUM")
        # What was written before stands in the log until it is cut off; who still reads from it delays that.
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _scrub_postgresql(crm: CRM) -> None:
    system = crm.schema.system
    erased = {crm.registry.entities[entity] for entity in _erased_entities(crm)}
    tables = {crm.schema.table(info).name for info in erased}
    for info in erased:
        tables |= {crm.schema.table(side).name for side in crm.registry.extensions.get(info.id, {}).values()}
    beside = (system.external_id, system.match_key, system.search_document, system.merge)
    tables |= {table.name for table in (system.ledger_payload, system.job, *beside)}
    outside = crm.storage.engine.execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        for name in sorted(tables):
            connection.exec_driver_sql(f"VACUUM {connection.dialect.identifier_preparer.quote(name)}")
        # It keeps every word that it ever had.
        connection.exec_driver_sql(f"REINDEX INDEX CONCURRENTLY {POSTGRESQL_INDEX}")


def _erased_entities(crm: CRM) -> list[str]:
    table = crm.schema.system.erasure
    with crm.storage.reading() as connection:
        found = connection.scalars(sa.select(table.c.entity).distinct())
        return [entity for entity in found if entity in crm.registry.entities]
