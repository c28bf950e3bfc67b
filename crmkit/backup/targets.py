"""Where a backup is restored to: a database that is complete at once, or is not there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.backup.contents import SEQUENCES, tables_of
from crmkit.backup.errors import RestoreRefusedError
from crmkit.core.errors import CrmkitError
from crmkit.core.privacy.tombstones import Tombstone, read_tombstones
from crmkit.core.storage.alone import file_lock
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["target"]

_BESIDE = ("-wal", "-shm", "-journal")


Target = tuple[Connection, int, Sequence[Tombstone]]


def target(crm: CRM, *, replace: bool) -> AbstractContextManager[Target]:
    """Give a connection to an empty database, which becomes that of *crm* when the block has ended well.

    Beside it stand the highest epoch of the database that is replaced, 0 if there is none, and what was erased from it.

    Raises:
        RestoreRefusedError: the database of *crm* is not empty and not to be replaced, or somebody uses it.
    """
    return _on_sqlite(crm, replace) if crm.storage.is_sqlite else _on_postgresql(crm, replace)


@contextmanager
def _on_postgresql(crm: CRM, replace: bool) -> Iterator[Target]:
    """Do everything in one transaction: others wait for it, or see what was there before."""
    with crm.storage.altering() as connection:
        tables = tables_of(connection)
        if tables and not replace:
            _refuse_full(crm)
        names = {table.name for table in tables}
        epoch = _epoch(connection) if "core_epoch" in names else 0
        erased = list(read_tombstones(connection, crm.schema)) if "core_erasure" in names else []
        _drop_all(connection)
        yield connection, epoch, erased
        connection.exec_driver_sql("ANALYZE")


def _epoch(connection: Connection) -> int:
    highest: int = max(connection.exec_driver_sql("SELECT * FROM core_epoch").one())
    return highest


def _drop_all(connection: Connection) -> None:
    quote = connection.dialect.identifier_preparer.quote
    inspector = sa.inspect(connection)
    for name in inspector.get_table_names():
        connection.exec_driver_sql(f"DROP TABLE {quote(name)} CASCADE")
    for name in inspector.get_sequence_names():
        if name.startswith(SEQUENCES):
            connection.exec_driver_sql(f"DROP SEQUENCE {quote(name)}")


@contextmanager
def _on_sqlite(crm: CRM, replace: bool) -> Iterator[Target]:
    """Fill a file beside the database, and give it the name of the database when it is complete."""
    file = Path(crm.storage.url.database or "")
    draft = file.with_name(f"{file.name}.restoring")
    with file_lock(f"{draft}-lock") as first:
        if not first:
            raise RestoreRefusedError(_("somebody else is restoring to {file}."), file=str(file))
        if not replace and not _is_empty(file):
            _refuse_full(crm)
        epoch, erased = _epoch_of(file), _erased_from(crm, file)
        crm.storage.dispose()
        _remove(draft)
        try:
            with _drafted(crm, draft) as connection:
                yield connection, epoch, erased
            _sync(draft)
            _take_place(draft, file)
        finally:
            _remove(draft)


@contextmanager
def _drafted(crm: CRM, draft: Path) -> Iterator[Connection]:
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL, 0o600))
    made = crm.sibling(f"sqlite:///{draft}")
    sa.event.listen(made.storage.engine, "connect", _forget_safety)
    try:
        with made.storage.altering() as connection:
            yield connection
    finally:
        made.close()


def _forget_safety(connection: Any, _record: Any) -> None:
    # A draft that is not completed is thrown away.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")


def _is_empty(file: Path) -> bool:
    if not file.exists() or not file.stat().st_size:
        return True
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    return False


def _epoch_of(file: Path) -> int:
    """Return the epoch of the database that is there, if it can still be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        highest: int = max(database.execute("SELECT * FROM core_epoch").fetchone() or [0])
        return highest
    return 0


def _erased_from(crm: CRM, file: Path) -> Sequence[Tombstone]:
    """Return what was erased from the database that is there, if it can still be read."""
    with suppress(sqlite3.Error, sa.exc.DatabaseError, CrmkitError):
        if file.exists():
            with crm.storage.reading() as connection:
                return list(read_tombstones(connection, crm.schema))
    return []


def _take_place(draft: Path, file: Path) -> None:
    """Let *draft* be *file*, in one step; what was there goes on as ``FILE.replaced``."""
    if file.exists():
        with _alone_with(file):
            kept = file.with_name(f"{file.name}.replaced")
            kept.unlink(missing_ok=True)
            os.link(file, kept)
            draft.replace(file)
    else:
        draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Keep everybody else out of the database in *file*, and put its write-ahead log into it.

    A log that stayed would be read as that of the database that comes.
    """
    with closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as database:
        try:
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            message = _("somebody uses {file}. End crmkit everywhere, and restore again.")
            raise RestoreRefusedError(message, file=str(file)) from None
        except sqlite3.DatabaseError:
            # It is damaged, which may be why a backup is restored; what it logged is worth nothing.
            for suffix in _BESIDE:
                file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
        yield


def _refuse_full(crm: CRM) -> None:
    from crmkit.core.configuration.settings import masked

    message = _("{database} is not empty. To replace what is there: --replace")
    raise RestoreRefusedError(message, database=masked(crm.config.database.url))


def _sync(file: Path) -> None:
    opened = os.open(file, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _remove(file: Path) -> None:
    for suffix in ("", *_BESIDE):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
