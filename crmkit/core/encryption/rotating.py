"""Changing keys: the master key, by wrapping the data keys again, and the data key, by sealing every value again.

Values are sealed again in batches, each a transaction that also keeps how far it has come, so that whoever is killed
goes on where they were. Until the end both keys read; what is written meanwhile has the new one. Histories keep the
key that they were written with: the ledger is never rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from crmkit.core.encryption.kept import add_data_key, refresh_keys, rewrap
from crmkit.core.encryption.keyring import VALUES
from crmkit.core.entity import EntityInfo, FieldInfo
from crmkit.core.progress import Meter, Show
from crmkit.core.storage.columns import Id
from crmkit.core.storage.schema import column_names
from crmkit.core.storage.sealing import place_of

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.model import Model

__all__ = ["FieldKeys", "Rotation", "change_data_key", "change_master_key", "keys_in_use"]

_KEY = "encryption:change_data_key"
_BATCH = 500


@attrs.frozen
class FieldKeys:
    """How many values of one encrypted field are sealed with the newest data key, and how many with an older one."""

    entity: str
    field: str
    newest: int
    older: int


@attrs.frozen
class Rotation:
    """What a change of the data key did: the *number* of the new one, and how many values it *sealed* again.

    *left* is how many values have another key still: none, unless somebody wrote with an older one until the end.
    """

    number: int
    sealed: int
    left: int


@attrs.frozen(eq=False)
class _Column:
    """Where the sealed values of one field stand."""

    info: EntityInfo
    field: FieldInfo
    table: sa.Table

    @property
    def sealed(self) -> sa.Column[Any]:
        return self.table.c[column_names(self.field)[0]]

    @property
    def key(self) -> sa.Column[Any]:
        return self.table.c.record_id if self.info.host else self.table.c.id

    def older_than(self, number: int) -> ColumnElement[bool]:
        return sa.and_(self.sealed.is_not(None), self.sealed.not_like(f"{number}.%"))


def change_master_key(crm: CRM) -> int:
    """Wrap every data key by the first key of ``encryption.keys``, and return how many had another one.

    Afterwards the others are needed for older backups alone.

    Raises:
        EncryptionKeyError: a key is missing or another one; nothing was changed.
    """
    model = crm.model
    with crm.system("changes the master key") as db:
        model.epochs.raise_keys(db.connection)
        changed = rewrap(model, db.connection)
    refresh_keys(model)
    return changed


def keys_in_use(crm: CRM) -> list[FieldKeys]:
    """Return of every encrypted field how many values have the newest data key, and how many an older one."""
    model, found = crm.model, []
    with crm.system("looks at the keys") as db:
        number = model.schema.keys.newest(VALUES) or 0
        for column in _columns(model):
            older = db.connection.scalar(sa.select(sa.func.count()).where(column.older_than(number))) or 0
            all_ = db.connection.scalar(sa.select(sa.func.count(column.sealed))) or 0
            entity, name = column.info.id, column.field.name
            named = f"{column.info.extends_as}.{name}" if column.info.host else name
            found.append(FieldKeys(entity, named, all_ - older, older))
    return found


def change_data_key(crm: CRM, *, show: Show | None = None) -> Rotation:
    """Make a new data key, unless a change was begun and not finished, and seal every value with it.

    Raises:
        EncryptionKeyError: a key is missing or another one.
    """
    number, sealed = _begin(crm)
    model, meter = crm.model, Meter(show, "values", total=sum(each.older for each in keys_in_use(crm)))
    for column in _columns(model):
        after = UUID(int=0)
        while batch := _seal_batch(crm, column, number, after):
            sealed, after = sealed + len(batch), batch[-1]
            meter.advance(len(batch))
    meter.finish()
    left = sum(each.older for each in keys_in_use(crm))
    if not left:
        table = model.schema.system.checkpoint
        with crm.storage.writing() as connection:
            connection.execute(sa.delete(table).where(table.c.key == _KEY))
    return Rotation(number, sealed, left)


def _begin(crm: CRM) -> tuple[int, int]:
    """Return the number of the key that is changed to, and how many values have got it already."""
    with crm.system("changes the data key") as db:
        begun = _begun(crm, db.connection, db.now)
    refresh_keys(crm.model)
    return begun


def _begun(crm: CRM, connection: Connection, now: datetime) -> tuple[int, int]:
    model, table = crm.model, crm.model.schema.system.checkpoint
    # Raised first: it lets nobody else begin a change at the same time.
    model.epochs.raise_keys(connection)
    before = connection.execute(sa.select(table.c.state, table.c.position).where(table.c.key == _KEY)).first()
    if before is not None:
        return before.state["number"], before.position
    number = add_data_key(model, connection, VALUES, now)
    state = {"key": _KEY, "position": 0, "state": {"number": number}, "updated_at": now}
    connection.execute(sa.insert(table).values(**state))
    return number, 0


def _columns(model: Model) -> Iterator[_Column]:
    for info in model.registry.tables():
        for field in info.fields.values():
            if field.encrypted:
                yield _Column(info, field, model.schema.table(info))


def _seal_batch(crm: CRM, column: _Column, number: int, after: UUID) -> list[UUID]:
    """Seal the next values of *column* with the data key *number*, and return of which records.

    Those that somebody else changes meanwhile are left to them, who use the same key.
    """
    keys, place = crm.model.schema.keys, place_of(column.info, column.field)
    open_, seal = keys.opener(place), keys.sealer(place)
    page = sa.select(column.key, column.sealed).where(column.older_than(number), column.key > after)
    with crm.storage.writing() as connection:
        found = connection.execute(page.order_by(column.key).limit(_BATCH)).all()
        rows = [{"row": id_, "old": old, "new": seal(open_(old, id_), id_)} for id_, old in found]
        if rows:
            _write(connection, column, rows)
            _keep_count(crm, connection, len(rows))
    return [id_ for id_, _old in found]


def _write(connection: Connection, column: _Column, rows: list[dict[str, UUID | str]]) -> None:
    row, old = sa.bindparam("row", type_=Id()), sa.bindparam("old", type_=sa.Text())
    changed = sa.update(column.table).where(column.key == row, column.sealed == old)
    connection.execute(changed.values({column.sealed.name: sa.bindparam("new", type_=sa.Text())}), rows)


def _keep_count(crm: CRM, connection: Connection, number: int) -> None:
    table = crm.model.schema.system.checkpoint
    done = sa.update(table).where(table.c.key == _KEY)
    connection.execute(done.values(position=table.c.position + number, updated_at=crm.clock.now()))
