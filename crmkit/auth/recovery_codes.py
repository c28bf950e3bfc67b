"""Recovery codes: each stands in for a second factor that was lost, once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.digests import digest_of
from crmkit.auth.second_factor import prove
from crmkit.auth.sessions import Open

if TYPE_CHECKING:
    from crmkit.core.crm import CRM
    from crmkit.core.storage.schema import Schema

__all__ = ["first_recovery_codes", "new_recovery_codes", "use_recovery_code"]

_NUMBER, _GROUPS, _IN_GROUP = 10, 4, 4
# Base 32 of RFC 4648: 80 bits each, so that their digests tell nothing.
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_recovery_codes(connection: Connection, schema: Schema, user: UUID) -> list[str]:
    """Give *user* new recovery codes instead of all earlier ones, and return them; they are known to nobody else."""
    table = schema.system.recovery_code
    connection.execute(sa.delete(table).where(table.c.user_id == user))
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _each in range(_IN_GROUP)) for _group in range(_GROUPS))
        for _code in range(_NUMBER)
    ]
    connection.execute(sa.insert(table), [{"user_id": user, "digest": _digest(code)} for code in codes])
    return codes


def first_recovery_codes(connection: Connection, schema: Schema, user: UUID) -> list[str]:
    """Return recovery codes for who has just set up a first second factor; nothing if *user* has some."""
    table = schema.system.recovery_code
    known = connection.scalar(sa.select(sa.func.count()).where(table.c.user_id == user))
    return [] if known else new_recovery_codes(connection, schema, user)


def use_recovery_code(crm: CRM, session: Open, code: str) -> str:
    """Use up *code* for *session*, and return its new secret. Of several at once, one gets it.

    Raises:
        SignInRefusedError: it is none of theirs, or not any more.
        TooManyAttemptsError: there were too many wrong ones before.
    """
    table = crm.schema.system.recovery_code

    def is_right(connection: Connection) -> bool:
        mine = (table.c.user_id == session.user_id, table.c.digest == _digest(code))
        return connection.execute(sa.delete(table).where(*mine)).rowcount == 1

    return prove(crm, session, is_right)


def _digest(code: str) -> str:
    return digest_of("".join(char for char in code.lower() if char.isalnum()))
