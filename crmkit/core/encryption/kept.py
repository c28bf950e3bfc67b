"""The data keys in the database: reading them, and making those that are needed."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.encryption.keyring import INDEX, VALUES, DataKey

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["add_data_key", "ensure_keys", "open_keys", "read_keys", "refresh_keys", "rewrap"]

_BYTES = 32


def read_keys(model: Model, connection: Connection) -> None:
    """Have *model* use the data keys that *connection* sees, unless it has those of this epoch or of a later one."""
    epoch = model.epochs.now(connection).keys
    if epoch > model.schema.keys.epoch:
        model.schema.keys.take({key.number: key for key in _kept(model, connection)}, epoch)


def _kept(model: Model, connection: Connection) -> list[DataKey]:
    table = model.schema.system.data_key
    columns = (table.c.number, table.c.purpose, table.c.master, table.c.wrapped)
    return [DataKey(*row) for row in connection.execute(sa.select(*columns).order_by(table.c.number))]


def refresh_keys(model: Model) -> None:
    """Have *model* use the data keys that are committed."""
    with model.storage.reading() as connection:
        read_keys(model, connection)


def open_keys(model: Model) -> None:
    """Read the data keys if *model* has encrypted fields, make those that are missing, and see that all of them open.

    Raises:
        EncryptionKeyError: no master key is given, or not the one that a data key needs; nothing was written.
    """
    if model.registry.encrypted:
        ensure_keys(model)


def ensure_keys(model: Model) -> None:
    """Read the data keys, make those that are missing, and see that all of them open.

    Raises:
        EncryptionKeyError: as for :func:`open_keys`.
    """
    keys = model.schema.keys
    refresh_keys(model)
    keys.check()
    if None in (keys.newest(VALUES), keys.newest(INDEX)):
        with model.storage.writing() as connection:
            # Raised first: it locks the row, so that of two processes one finds what the other made.
            model.epochs.raise_keys(connection)
            known = {key.purpose for key in _kept(model, connection)}
            for purpose in (VALUES, INDEX):
                if purpose not in known:
                    add_data_key(model, connection, purpose, model.clock.now())
        refresh_keys(model)


def add_data_key(model: Model, connection: Connection, purpose: str, now: datetime) -> int:
    """Make a data key for *purpose*, wrapped by the first master key, and return its number.

    The caller raises the epoch of the keys in the same transaction, before.
    """
    table, masters = model.schema.system.data_key, model.schema.keys.masters
    highest: int = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0))) or 0
    # Where a backup took keys away, no other one gets their numbers: somebody may still hold them.
    bare = DataKey(max(highest + 1, int(now.timestamp())), purpose, masters.first, "")
    values = {"number": bare.number, "purpose": purpose, "master": bare.master, "created_at": now}
    connection.execute(sa.insert(table).values(**values, wrapped=masters.wrap(os.urandom(_BYTES), bare.what)))
    return bare.number


def rewrap(model: Model, connection: Connection) -> int:
    """Wrap every data key by the first master key and return how many were wrapped by another one.

    The caller raises the epoch of the keys in the same transaction, before.
    """
    table, masters = model.schema.system.data_key, model.schema.keys.masters
    stale = [key for key in _kept(model, connection) if key.master != masters.first]
    for key in stale:
        wrapped = masters.wrap(masters.unwrap(key.master, key.wrapped, key.what), key.what)
        changed = sa.update(table).where(table.c.number == key.number)
        connection.execute(changed.values(master=masters.first, wrapped=wrapped))
    return len(stale)
