"""API tokens: made for a user, limited to scopes, known by their digest, ended by their user or by administrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.auth.digests import digest_of
from crmkit.auth.ending import end
from crmkit.auth.errors import NotSignedInError
from crmkit.auth.holders import check_may_make_for
from crmkit.auth.known_by import counting
from crmkit.auth.token_text import SHOWN, is_token_text, new_token_text
from crmkit.core.errors import FieldProblem, ValidationError
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.scopes import Scopes, checked_scopes
from crmkit.core.signing_in.entities import Token
from crmkit.core.storage.columns import Moment
from crmkit.core.storage.schema import Schema
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import creation

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.reading.reader import Reader
    from crmkit.core.writing.writer import Writer

__all__ = [
    "Holder",
    "NewToken",
    "end_token",
    "holder_of_token",
    "last_used",
    "make_token",
    "open_tokens",
    "principal_of_token",
]

# How old what is known of a token's last use may be, so that not every request writes.
_TOUCHED = timedelta(minutes=1)


@attrs.frozen
class NewToken:
    """A token that was just made. Its *text* is shown once, and known to nobody but its holder."""

    token: Token
    text: str = attrs.field(repr=False)


def make_token(
    db: Writer, name: str, *, scopes: Iterable[str], expires_at: datetime, user: UUID | None = None
) -> NewToken:
    """Make a token with which a program acts as *user*, or as the principal, within *scopes* until *expires_at*.

    Raises:
        UnknownScopeError: a scope is none, or there is none.
        ValidationError: it would expire in the past, or is called nothing.
        NotFoundError: there is no such user.
        ForbiddenError: the principal acts through a token itself, may make none, or is no administrator and it is for
            somebody else.
    """
    holder = check_may_make_for(db, Token, user)
    plugins = {info.plugin for info in db.model.registry.entities.values()} | {"custom"}
    limits = checked_scopes(scopes, plugins)
    end: Any = expires_at
    if isinstance(end, datetime) and end.tzinfo and end <= db.now:
        raise ValidationError("core.token", [FieldProblem("expires_at", _("lies in the past"), "past")])
    text = new_token_text()
    token = Token(
        user_id=holder, name=name, prefix=text[:SHOWN], scopes=" ".join(sorted(limits)), expires_at=expires_at
    )
    db.take(creation(token, trusted=True))
    secret = db.model.schema.system.token_secret
    db.connection.execute(sa.insert(secret).values(token_id=token.id, digest=digest_of(text)))
    return NewToken(db.trusted.get(Token, token.id), text)


def end_token(db: Writer, token: UUID) -> None:
    """End *token*: from now on nobody acts with it.

    Raises:
        NotFoundError: the principal sees no such token.
        ForbiddenError: the principal may not end it.
        InapplicableVerbError: it is ended already.
    """
    end(db, Token, token)


def open_tokens(db: Reader) -> list[Token]:
    """Return the tokens that *db* sees and that have neither ended nor expired, newest first."""
    return counting(db, Token)


def last_used(db: Reader, tokens: Sequence[Token]) -> Mapping[UUID, datetime | None]:
    """Return by id when each of *tokens*, which *db* has read, was used last, to the minute."""
    secret = db.model.schema.system.token_secret
    asked = sa.select(secret.c.token_id, secret.c.used_at).where(secret.c.token_id.in_([token.id for token in tokens]))
    return {row.token_id: row.used_at for row in db.connection.execute(asked)}


@attrs.frozen
class Holder:
    """As whom the holder of a token acts, as was known when the policy had the number *epoch*.

    It has to be asked again when the policy has another one, and at *until* in any case.
    """

    principal: Principal
    epoch: int
    until: datetime


def principal_of_token(crm: CRM, text: str) -> Principal:
    """Return as whom the holder of the token *text* acts, and within which scopes.

    Raises:
        NotSignedInError: it is no token, has expired or was ended, or its user may not act.
    """
    return holder_of_token(crm, text).principal


def holder_of_token(crm: CRM, text: str) -> Holder:
    """Return as whom the holder of the token *text* acts, and for how long that may be remembered.

    Raises:
        NotSignedInError: as :func:`principal_of_token`.
    """
    if not is_token_text(text):
        raise NotSignedInError
    now = crm.clock.now()
    with crm.opened.reading() as connection:
        # In front: what changes after it is noticed by whoever remembers.
        epoch = crm.model.epochs.now(connection).policy
        asked = crm.model.statements.get("principal of a token", lambda: _principal(crm.schema))
        row = connection.execute(asked, {"digest": digest_of(text), "now": now}).one_or_none()
    if row is None:
        raise NotSignedInError
    if row.used_at is None or row.used_at + _TOUCHED <= now:
        _touch(crm, row.token_id, now)
    principal = Principal(row.user_id, row.user_name, scopes=_scopes(row.scopes))
    return Holder(principal, epoch, min(row.expires_at, now + _TOUCHED))


def _principal(schema: Schema) -> sa.Select[Any]:
    """Return the statement that finds who acts with the token of a ``digest``, as it is ``now``."""
    secret, token, user = schema.system.token_secret, schema.tables["core_token"], schema.tables["core_user"]
    now = sa.bindparam("now", type_=Moment())
    counts = [token.c.deleted_at.is_(None), token.c.ended_at.is_(None), token.c.expires_at > now]
    acts = [user.c.deleted_at.is_(None), user.c.is_active.is_(True)]
    joined = secret.join(token, token.c.id == secret.c.token_id).join(user, user.c.id == token.c.user_id)
    columns = (secret.c.token_id, secret.c.used_at, token.c.scopes, token.c.user_id)
    more = (token.c.expires_at, user.c.name.label("user_name"))
    shown = secret.c.digest == sa.bindparam("digest")
    return sa.select(*columns, *more).select_from(joined).where(shown, *counts, *acts)


def _touch(crm: CRM, token: UUID, now: datetime) -> None:
    secret = crm.schema.system.token_secret
    with crm.opened.writing() as connection:
        connection.execute(sa.update(secret).where(secret.c.token_id == token).values(used_at=now))


@lru_cache(maxsize=1024)
def _scopes(text: str | None) -> Scopes:
    # Whatever is wrong with the row, there is never no limit.
    return frozenset((text or "").split())
