"""A connection while a transaction of crmkit lasts: nobody else ends it, and nobody uses it afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = ["Held", "TransactionHeldError", "TransactionOverError", "watch_transactions"]

_HELD = "crmkit_held"
_ENDS = re.compile(
    r"(?:\s|;|--[^\n]*\n|/\*.*?\*/)*"
    r"(COMMIT|END|ROLLBACK|ABORT|BEGIN|START|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE | re.DOTALL,
)


class TransactionOverError(CrmkitError):
    """A reader or writer was used after its block had ended, or in a thread that it does not belong to."""

    code = "transaction-over"
    template = _("This reader or writer cannot be used here: {reason}")

    def __init__(self, reason: Text) -> None:
        """Give the *reason*."""
        super().__init__(reason=reason)


class TransactionHeldError(CrmkitError):
    """Something inside a transaction of crmkit tried to end it. Nothing of the transaction is kept."""

    code = "transaction-held"
    template = _("Only crmkit ends this transaction, but something in it tried {what}; nothing of it is written.")

    def __init__(self, what: str) -> None:
        """Name *what* was tried."""
        super().__init__(what=what)


class Held:
    """A connection in its transaction, and in the thread that began it if it *writes*.

    Two threads that wrote with one connection would find their statements, and their ledgers, mixed.
    """

    def __init__(self, connection: Connection, *, writes: bool = False) -> None:
        """Hold *connection*; :meth:`end` lets it go."""
        self._connection: Connection | None = connection
        self._thread = get_ident() if writes else None
        self._mine = 0
        self._broken: TransactionHeldError | None = None

    @property
    def connection(self) -> Connection:
        """The connection.

        Raises:
            TransactionOverError: the transaction is over, or belongs to another thread.
        """
        connection = self._connection
        if connection is None:
            raise TransactionOverError(_("its block has ended; open another one"))
        if self._thread is not None and self._thread != get_ident():
            raise TransactionOverError(_("it belongs to the thread that opened it; each thread opens its own"))
        return connection

    def end(self) -> None:
        """Let nobody use the connection from now on."""
        self._connection = None

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Let nobody end the transaction inside the block, and nobody use the connection after it.

        Raises:
            TransactionHeldError: somebody tried, or did it past SQLAlchemy; whoever opened it must roll it back.
        """
        connection = self.connection
        info = connection.info
        info[_HELD] = self
        try:
            yield
            driver: Any = connection.connection.dbapi_connection
            # Only the driver of SQLite tells: past SQLAlchemy there is no door that could be kept shut.
            if not getattr(driver, "in_transaction", True):
                self._broken = TransactionHeldError("commit")
            if self._broken is not None:
                raise self._broken
        except BaseException as error:
            if self._broken is None:
                raise
            self._undo(connection)
            # What came of it says less than what it came of.
            raise self._broken from error
        finally:
            info.pop(_HELD, None)
            self.end()

    def _undo(self, connection: Connection) -> None:
        # SQLAlchemy believes that this transaction is over, so that it would leave it to whoever comes next.
        if not connection.closed and not connection.invalidated:
            driver: Any = connection.connection.dbapi_connection
            driver.rollback()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside the block if it raises."""
        with self._by_crmkit():
            nested = self.connection.begin_nested()
        try:
            yield
        except BaseException:
            with self._by_crmkit():
                nested.rollback()
            raise
        with self._by_crmkit():
            nested.commit()

    @contextmanager
    def _by_crmkit(self) -> Iterator[None]:
        self._mine += 1
        try:
            yield
        finally:
            self._mine -= 1

    def refuse(self, what: str) -> None:
        """Refuse *what* somebody else than crmkit asks of the transaction, and remember that they did."""
        if not self._mine:
            self._broken = TransactionHeldError(what)
            raise self._broken


def watch_transactions(engine: Engine) -> None:
    """Have *engine* refuse to end transactions that are held."""
    for event in ("commit", "rollback", "savepoint", "rollback_savepoint", "release_savepoint"):
        sa.event.listen(engine, event, _refusing(event))
    sa.event.listen(engine, "before_cursor_execute", _look_at)


def _refusing(event: str) -> Any:
    def refuse(connection: Connection, *_arguments: Any) -> None:
        held = _holder(connection)
        if held is not None:
            held.refuse(event)

    return refuse


def _look_at(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
    held = _holder(connection)
    if held is None:
        return
    # One text may have several statements.
    places = (0, *(found.end() for found in re.finditer(";", statement)))
    for ends in (_ENDS.match(statement, place) for place in places):
        if ends:
            held.refuse(ends[1].lower())


def _holder(connection: Connection) -> Held | None:
    # A connection that was lost has nothing left to hold.
    return None if connection.closed or connection.invalidated else connection.info.get(_HELD)
