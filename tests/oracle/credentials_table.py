"""Sessions and tokens: as chance draws them, and as rows of their tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crmkit import CRM
from tests.oracle.mirror import SESSION, TOKEN, Credential
from tests.oracle.terms import ME, Grant
from tests.oracle.worlds import USERS, Chance

__all__ = ["draw_credential", "draw_grants", "rows_of_credential"]


def draw_credential(chance: Chance, now: datetime) -> Credential:
    """Return a session or a token; some have expired, or will soon, and some have not been used for a while."""
    kind = chance.one([SESSION, TOKEN])
    used = chance.one([0, 20, 50, 70] if kind == SESSION else [0, 20, None])
    return Credential(
        kind, chance.one(USERS), chance.one(["laptop", "phone", "nightly"]),
        created_at=now - timedelta(minutes=chance.random.randint(100, 200)),
        expires_at=now + timedelta(minutes=chance.one([-5, 10, 5000, 5000])),
        used_at=None if used is None else now - timedelta(minutes=used),
        ended=chance.likely(15),
    )  # fmt: skip


def draw_grants(chance: Chance) -> Iterator[Grant]:
    """Yield what a role may give of sessions and tokens, which shipped roles give as well."""
    for kind in (SESSION, TOKEN):
        if chance.likely(40):
            yield Grant(
                kind, frozenset({"read", *chance.some(["update"], 1)}), chance.one(["all", ("==", "user_id", ME)])
            )


def rows_of_credential(crm: CRM, id: UUID, each: Credential) -> list[sa.Insert]:
    """Return the statements that put a session or a token into its tables."""
    row: dict[str, Any] = {
        "id": id, "version": 1, "created_at": each.created_at, "updated_at": each.created_at, "custom": {},
        "user_id": each.user, "expires_at": each.expires_at, "ended_at": each.created_at if each.ended else None,
    }  # fmt: skip
    secret = {"digest": f"{id.int:064x}", "used_at": each.used_at}
    system, tables = crm.schema.system, crm.schema.tables
    if each.kind == SESSION:
        own = {"assurance": "single", "agent": each.name}
        return [
            sa.insert(tables["core_session"]).values(row | own),
            sa.insert(system.session_secret).values(secret | {"session_id": id}),
        ]
    own = {"name": each.name, "prefix": "crm_", "scopes": "read"}
    return [
        sa.insert(tables["core_token"]).values(row | own),
        sa.insert(system.token_secret).values(secret | {"token_id": id}),
    ]
