"""Requests that may be sent again: the answer is kept in the transaction that does what it tells of.

A client that got no answer sends the same request with the same ``Idempotency-Key``, and gets the one that it missed;
whatever crashed in between, it is done once. What was refused is not kept: nothing was done, so it may be tried again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import sqlalchemy as sa
from msgspec.json import decode, encode

from crmkit.core.forgetting.answers import KEPT
from crmkit.core.text import gettext as _
from crmkit.core.writing.writer import Writer
from crmkit.rest.errors import QueryError, RequestError
from crmkit.rest.replies import Reply

if TYPE_CHECKING:
    from crmkit.rest.calls import Call

__all__ = ["KeyInUseError", "KeyReusedError", "Once"]

_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
_PLACE = "core_answer"


class KeyReusedError(RequestError):
    """An Idempotency-Key was sent again with another request than the one that it was made for."""

    code = "idempotency-key-reused"
    status = 422
    template = _("This Idempotency-Key belongs to another request. Make a new key for each request.")


class KeyInUseError(RequestError):
    """The same request is being answered at this moment."""

    code = "idempotency-key-in-use"
    status = 409
    template = _("A request with this Idempotency-Key is being answered. Send it again in a moment.")


class Once:
    """One request with a key: done once, and answered as often as it is sent."""

    _under_way: ClassVar[set[tuple[UUID, str]]] = set()
    _lock: ClassVar[Lock] = Lock()

    def __init__(self, call: Call, user: UUID, key: str) -> None:
        """Be the request *call* of *user*.

        Raises:
            QueryError: the *key* is none.
        """
        if not _KEY.match(key):
            raise QueryError("Idempotency-Key", _("is 1 to 200 visible characters of ASCII"))
        self._user, self._key, self._asked = user, key, _digest(call)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody answer the same request meanwhile.

        Raises:
            KeyInUseError: somebody does.
        """
        mine = self._user, self._key
        with self._lock:
            if mine in self._under_way:
                raise KeyInUseError
            self._under_way.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(mine)

    def answer(self, db: Writer, work: Callable[[Writer], Reply]) -> Reply:
        """Return the answer that is kept, or else what *work* gives, which is kept from then on.

        Raises:
            KeyReusedError: the key belongs to another request.
            KeyInUseError: another process answers the same request; nothing that *work* did is kept.
        """
        kept = self._kept(db)
        if kept is not None:
            return kept
        reply = work(db)
        self._keep(db, reply)
        return reply

    def _kept(self, db: Writer) -> Reply | None:
        answer = db.model.schema.system.answer
        mine = answer.c.user_id == self._user, answer.c.key == self._key
        row = db.connection.execute(sa.select(answer).where(*mine)).one_or_none()
        if row is None:
            return None
        if row.at < db.now - KEPT:
            db.connection.execute(sa.delete(answer).where(*mine))
            return None
        if bytes(row.asked) != self._asked:
            raise KeyReusedError
        body = row.body
        if db.model.registry.encrypted:
            body = db.model.schema.keys.opener(_PLACE)(body, self._user)
        return Reply(row.status, body.encode(), headers={**decode(row.headers), "idempotency-replayed": "true"})

    def _keep(self, db: Writer, reply: Reply) -> None:
        kept = reply.body if reply.kept is None else reply.kept
        assert isinstance(kept, bytes)
        answer, body = db.model.schema.system.answer, kept.decode()
        if db.model.registry.encrypted:
            # What is encrypted in a record stays so in what is told of it.
            body = db.model.schema.keys.sealer(_PLACE)(body, self._user)
        row = {"user_id": self._user, "key": self._key, "asked": self._asked, "at": db.now, "status": reply.status}
        try:
            with db.all_or_nothing():
                db.connection.execute(
                    sa.insert(answer).values(**row, headers=encode(dict(reply.headers)).decode(), body=body)
                )
        except sa.exc.IntegrityError:
            raise KeyInUseError from None


def _digest(call: Call) -> bytes:
    """Return what tells the request of *call* from any other: also one by a token with other scopes."""
    assert call.identity is not None
    scopes = call.identity.principal.scopes
    limits = "*" if scopes is None else " ".join(sorted(map(str, scopes)))
    conditions = (call.headers.get(name, "") for name in ("if-match", "if-none-match"))
    parts = (call.door.method, call.path, call.query, *conditions, limits)
    return hashlib.sha256("\x1f".join(parts).encode() + b"\x1f" + call.body).digest()
