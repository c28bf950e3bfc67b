"""One-time codes of an authenticator (RFC 6238): six digits every thirty seconds, each taken once."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.extra import needs_auth
from crmkit.auth.recovery_codes import first_recovery_codes
from crmkit.auth.second_factor import check_may_enrol, check_second_factor, prove
from crmkit.auth.sessions import Open
from crmkit.auth.statements import insert_into
from crmkit.core.encryption.kept import ensure_keys, read_keys
from crmkit.core.errors import InapplicableVerbError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.model import Model

__all__ = ["begin_totp", "confirm_totp", "remove_totp", "use_totp"]

_SECONDS = 30
# Clocks of telephones go wrong a little: the code before and the one after are taken as well.
_NEIGHBOURS = (0, -1, 1)
_CLEAR = "clear."
_PLACE = "core_totp\x1fsecret"


def begin_totp(crm: CRM, session: Open) -> Mapping[str, str]:
    """Return a new ``secret`` for an authenticator of the holder of *session*, and the ``uri`` that a QR code shows.

    It counts from :func:`confirm_totp` on.

    Raises:
        SecondFactorNeededError: they have another second factor, and did not give it.
        InapplicableVerbError: they have an authenticator; it is removed first.
        MissingExtraError: the extra ``auth`` is not installed.
    """
    with needs_auth(_("A one-time code")):
        import pyotp
    check_may_enrol(crm, session)
    secret = pyotp.random_base32()
    sealed = _sealed(crm.model, session.user_id, secret)
    table = crm.schema.system.totp
    values = {"secret": sealed, "confirmed_at": None, "last_step": 0}
    with crm.opened.writing() as connection:
        kept = insert_into(connection, table).values(user_id=session.user_id, **values)
        fresh = {"index_elements": [table.c.user_id], "set_": values, "where": table.c.confirmed_at.is_(None)}
        if connection.scalar(kept.on_conflict_do_update(**fresh).returning(table.c.user_id)) is None:
            raise InapplicableVerbError("core.user", "set up", _("there is an authenticator already; remove it first"))
    uri = pyotp.TOTP(secret).provisioning_uri(name=session.user_name, issuer_name=crm.config.company.name)
    return {"secret": secret, "uri": uri}


def confirm_totp(crm: CRM, session: Open, code: str) -> tuple[str, list[str]]:
    """Have the authenticator that was begun count, as it shows *code*.

    Returns the new secret of *session*, and recovery codes if this is the first second factor.

    Raises:
        SignInRefusedError: that is not its code, or none was begun.
        TooManyAttemptsError: it was not too often before.
    """
    check_may_enrol(crm, session)
    codes: list[str] = []

    def is_right(connection: Connection) -> bool:
        table, now = crm.schema.system.totp, crm.clock.now()
        if not _takes(crm, connection, session.user_id, code, confirmed=False):
            return False
        connection.execute(sa.update(table).where(table.c.user_id == session.user_id).values(confirmed_at=now))
        codes.extend(first_recovery_codes(connection, crm.schema, session.user_id))
        return True

    return prove(crm, session, is_right), codes


def use_totp(crm: CRM, session: Open, code: str) -> str:
    """Take *code* as the second factor of *session*, and return its new secret. The same code is not taken again.

    Raises:
        SignInRefusedError: it is not the code that the authenticator shows now, or it was taken before.
        TooManyAttemptsError: it was wrong too often before.
    """
    return prove(crm, session, lambda connection: _takes(crm, connection, session.user_id, code, confirmed=True))


def remove_totp(crm: CRM, session: Open) -> None:
    """Remove the authenticator of the holder of *session*, who has given a second factor.

    Raises:
        SecondFactorNeededError: they did not.
    """
    check_second_factor(crm, session)
    table = crm.schema.system.totp
    with crm.opened.writing() as connection:
        connection.execute(sa.delete(table).where(table.c.user_id == session.user_id))


def _takes(crm: CRM, connection: Connection, user: UUID, code: str, *, confirmed: bool) -> bool:
    """Return whether *code* is one of now that was not taken before; from then on neither it nor an older one is."""
    table = crm.schema.system.totp
    is_confirmed = table.c.confirmed_at.is_not(None) if confirmed else table.c.confirmed_at.is_(None)
    asked = sa.select(table.c.secret).where(table.c.user_id == user, is_confirmed)
    sealed = connection.scalar(asked)
    step = None if sealed is None else _step_of(_opened(crm.model, connection, user, sealed), code, crm.clock.now())
    if step is None:
        return False
    newer = sa.update(table).where(table.c.user_id == user, is_confirmed, table.c.last_step < step)
    return connection.execute(newer.values(last_step=step)).rowcount == 1


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the number of the thirty seconds of which *code* is the code; ``None`` if of none about now."""
    with needs_auth(_("A one-time code")):
        import pyotp
    given, totp = "".join(code.split()), pyotp.TOTP(secret)
    current = int(now.timestamp()) // _SECONDS
    for step in (current + offset for offset in _NEIGHBOURS):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given.encode("utf-8", "replace")):
            return step
    return None


def _sealed(model: Model, user: UUID, secret: str) -> str:
    """Return *secret* as it is kept: encrypted where the CRM has keys for encrypted fields."""
    if not model.schema.keys.masters.keys:
        return _CLEAR + secret
    ensure_keys(model)
    return model.schema.keys.sealer(_PLACE)(secret, user)


def _opened(model: Model, connection: Connection, user: UUID, sealed: str) -> str:
    if sealed.startswith(_CLEAR):
        return sealed.removeprefix(_CLEAR)
    read_keys(model, connection)
    secret: str = model.schema.keys.opener(_PLACE)(sealed, user)
    return secret
