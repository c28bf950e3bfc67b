"""Waits that grow with every failure, so that nobody guesses: for each account and each address, known or not.

An attempt counts before it is made, so that those made at once are counted one after another. Failures are forgotten
after a day without one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.auth.digests import digest_of
from crmkit.auth.errors import TooManyAttemptsError
from crmkit.auth.statements import insert_into
from crmkit.core.storage.schema import Schema
from crmkit.core.text import casefold

__all__ = ["Guarded", "account_key", "address_key", "check_and_count", "forgive", "second_factor_key"]

_FORGOTTEN = timedelta(days=1)
_LONGEST = timedelta(minutes=15)


@attrs.frozen
class Guarded:
    """What is guarded under a *key*: after *free* failures each further one doubles the wait, from one second on."""

    key: str
    free: int

    def wait_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many *failures*."""
        over = failures - self.free
        return timedelta() if over < 0 else min(timedelta(seconds=2 ** min(over, 20)), _LONGEST)


def account_key(login: str) -> Guarded:
    """Return what guards the account that somebody calls *login*, whether there is one or not."""
    return Guarded(f"account:{digest_of(casefold(login.strip()))}", 5)


def second_factor_key(user: str) -> Guarded:
    """Return what guards the second factors of *user*."""
    return Guarded(f"second:{user}", 5)


def address_key(address: str) -> Guarded:
    """Return what guards against *address*; of IPv6 it is the network of 64 bits that one customer gets."""
    try:
        found = ip_address(address)
    except ValueError:
        return Guarded(f"address:{digest_of(address)}", 30)
    known = found.ipv4_mapped or found if found.version == 6 else found
    return Guarded(f"address:{known if known.version == 4 else ip_network((int(known), 64), strict=False)}", 30)


def check_and_count(connection: Connection, schema: Schema, now: datetime, *guarded: Guarded) -> None:
    """Count an attempt as a failure under each of *guarded*; :func:`forgive` takes that back.

    Raises:
        TooManyAttemptsError: one of them has to wait; then nothing is counted.
    """
    table = schema.system.sign_in_wait
    connection.execute(sa.delete(table).where(table.c.failed_at <= now - _FORGOTTEN))
    # In one order, so that two of them never wait for each other in a circle.
    in_order = sorted(guarded, key=lambda each: each.key)
    counts: dict[Guarded, int] = {}
    for each in in_order:
        new = insert_into(connection, table).values(key=each.key, failures=0, failed_at=now, until=now)
        # What is there stays as it is, and is locked by that: a select beside it might find it deleted meanwhile.
        as_it_is = new.on_conflict_do_update(index_elements=[table.c.key], set_={"failures": table.c.failures})
        row = connection.execute(as_it_is.returning(table.c.failures, table.c.until)).one()
        if row.until > now:
            raise TooManyAttemptsError(row.until - now)
        counts[each] = row.failures + 1
    for each, failures in counts.items():
        counted = {"failures": failures, "failed_at": now, "until": now + each.wait_after(failures)}
        connection.execute(sa.update(table).where(table.c.key == each.key).values(counted))


def forgive(connection: Connection, schema: Schema, now: datetime, *, all_of: Guarded, one_of: Guarded | None) -> None:
    """Forget *all_of* the failures under one key, and *one_of* those under another: the attempt has succeeded."""
    table = schema.system.sign_in_wait
    connection.execute(sa.delete(table).where(table.c.key == all_of.key))
    if one_of is not None:
        fewer = {"failures": table.c.failures - 1, "until": now}
        connection.execute(sa.update(table).where(table.c.key == one_of.key, table.c.failures > 0).values(fewer))
