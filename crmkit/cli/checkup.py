"""What ``crmkit doctor`` looks at. Each check is a function that yields what it found."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.cli.failures import as_crmkit_error
from crmkit.cli.finding import Finding, Status
from crmkit.cli.opening import check_there, database_file
from crmkit.core.errors import ConfigurationError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.cli.session import Session
    from crmkit.core.crm import CRM

__all__ = ["examine"]


def examine(session: Session, *, full: bool) -> Iterator[Finding]:
    """Yield what every check finds; with *full* also those that read the whole database."""
    yield from _python()
    if (found := _attempt("settings", lambda: session.settings)).status == "fail":
        yield found
        return
    yield from _settings(session)
    try:
        crm = session.loaded
    except ConfigurationError as error:
        yield _failure("settings", error)
        return
    except Exception as error:
        todo = _("Leave the plugin out for now: --without NAME, or --no-plugins.")
        yield attrs.evolve(_failure("plugins", error), todo=todo)
        return
    names = ", ".join(plugin.name for plugin in crm.plugins) or "-"
    yield Finding("plugins", "ok", _("{names}"), {"names": names})
    yield from _extras(crm)
    if (found := _attempt("database", lambda: _connect(crm))).status == "fail":
        todo = _("Check url in [database]: crmkit config show. If the file itself is damaged, restore a backup.")
        yield attrs.evolve(found, todo=todo)
        return
    for check in (_database, _disk):
        yield from _guarded(check, crm)
    yield from _guarded(_migrations, session)
    yield from _guarded(_encryption, crm)
    yield from _guarded(_definitions, session)
    yield from _guarded(_matching, session)
    yield from _guarded(_search, session)
    yield from _guarded(_shipped, session)
    yield from _guarded(_ledger_in_full if full else _ledger, crm)
    yield from _guarded(_clock, crm)
    yield from _guarded(_jobs, crm)
    yield from _guarded(_server, crm)
    yield from _guarded(_side_doors, crm)
    yield from _guarded(_people, session)


def _attempt(check: str, action: Callable[[], Any]) -> Finding:
    try:
        action()
    except Exception as error:
        return _failure(check, error)
    return Finding(check, "ok", _("ok"))


def _failure(check: str, error: Exception) -> Finding:
    return Finding(check, "fail", _("{reason}"), {"reason": str(as_crmkit_error(error))})


def _guarded(check: Callable[[Any], Iterator[Finding]], subject: Any) -> Iterator[Finding]:
    """Yield what *check* finds; that it failed is a finding as well, and the next check goes on."""
    try:
        yield from check(subject)
    except Exception as error:
        yield _failure(check.__name__.strip("_").partition("_")[0], error)


def _python() -> Iterator[Finding]:
    facts = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    yield Finding("python", "ok", _("Python {python}, SQLite {sqlite}"), facts)


def _settings(session: Session) -> Iterator[Finding]:
    settings = session.settings
    if settings.file is None:
        yield Finding("settings", "ok", _("from the environment, without a file"))
        return
    facts = {"file": settings.file}
    url = settings.value("database.url")
    readable = settings.file.stat().st_mode & stat.S_IROTH
    if url.source.startswith(settings.file.name) and url.shown != url.value and readable:
        message, todo = (
            _("{file} holds a password and everybody may read it"),
            _("Move the URL into CRM_DATABASE_URL_FILE."),
        )
        yield Finding("settings", "warn", message, facts, todo)
    else:
        yield Finding("settings", "ok", _("{file}"), facts)


# What an extra brings, and the plugins that want it.
_EXTRAS = {
    "auth": (("authlib", "httpx2", "joserfc", "pwdlib", "pyotp", "webauthn"), frozenset[str]()),
    "backup": (("cryptography",), frozenset[str]()),
    "io": (("xlsxwriter",), frozenset[str]()),
    "obs": (("structlog", "prometheus_client", "opentelemetry"), frozenset[str]()),
    "rest": (("granian", "litestar"), frozenset[str]()),
    "customers": (("email_validator", "phonenumbers", "rapidfuzz"), frozenset({"customers"})),
}


def _extras(crm: CRM) -> Iterator[Finding]:
    enabled = {plugin.name for plugin in crm.plugins}
    for extra, (modules, wanted_by) in _EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        facts = {"extra": extra, "missing": ", ".join(missing)}
        if not missing:
            yield Finding("extras", "ok", _("{extra} is installed"), facts)
        elif wanted_by & enabled or not wanted_by:
            message, todo = _("{extra} is incomplete: {missing}"), _("Install it: pip install 'crmkit[{extra}]'")
            yield Finding("extras", "warn", message, facts, todo)


def _connect(crm: CRM) -> None:
    check_there(crm.storage)
    with crm.storage.reading() as connection:
        connection.scalar(sa.select(sa.literal(1)))


def _database(crm: CRM) -> Iterator[Finding]:
    from crmkit.core.configuration.settings import masked

    facts: dict[str, Any] = {"url": masked(crm.config.database.url)}
    with crm.storage.reading() as connection:
        facts["version"] = ".".join(map(str, connection.dialect.server_version_info or ()))
        if not crm.storage.is_sqlite:
            yield Finding("database", "ok", _("PostgreSQL {version}, {url}"), facts)
            return
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    yield Finding("database", "ok", _("SQLite {version}, {url}"), facts)
    if mode != "wal":
        message, todo = _("the journal is in mode {mode}, not WAL"), _("Put the database on a local disk.")
        yield Finding("database", "warn", message, {"mode": mode}, todo)
    path = database_file(crm.storage)
    if path is not None and path.stat().st_mode & stat.S_IROTH:
        message, todo = _("everybody on this machine may read {path}"), _("chmod o-rwx {path}")
        yield Finding("database", "warn", message, {"path": path}, todo)


_GIGABYTE = 2**30


def _disk(crm: CRM) -> Iterator[Finding]:
    path = database_file(crm.storage)
    if path is None:
        return
    free = shutil.disk_usage(path.parent).free / _GIGABYTE
    facts = {"free": free, "path": path.parent}
    if free > 1:
        yield Finding("disk", "ok", _("{free:,.1f} GB free in {path}"), facts)
    else:
        status: Status = "warn" if free > 0.1 else "fail"
        yield Finding("disk", status, _("only {free:,.2f} GB free in {path}"), facts, _("Make room."))


def _migrations(session: Session) -> Iterator[Finding]:
    from crmkit.core.migrating import check

    found = check(session.loaded, without=session.left_out)
    problems = [each for each in found if each.is_problem]
    for each in problems:
        yield Finding("migrations", "fail", _("{reason}"), {"reason": str(each)})
    if not problems:
        yield Finding("migrations", "ok", _("the database is what the plugins declare"))
    for each in found:
        if not each.is_problem:
            yield Finding("migrations", "warn", _("{reason}"), {"reason": str(each)})


def _definitions(session: Session) -> Iterator[Finding]:
    """Look at what was defined at run time: what does not fit beside the plugins of today is left out."""
    with session.trusted() as db:
        left_out = db.model.registry.left_out
    for reason in left_out:
        todo = _("Until it is changed, renamed or removed the CRM runs without it.")
        yield Finding("definitions", "warn", _("{reason}"), {"reason": str(reason)}, todo)
    if not left_out:
        yield Finding("definitions", "ok", _("all that is defined at run time fits"))


def _matching(session: Session) -> Iterator[Finding]:
    """Look whether likely duplicates of records are found that were written before anything recognised them."""
    from crmkit.core.rematching import entities_without_keys

    with session.trusted() as db:
        entities = entities_without_keys(db)
    if entities:
        message = _("duplicates are not found of all records of {entities}: they were written before their matcher")
        facts, todo = {"entities": ", ".join(entities)}, _("Have a worker make their keys: crmkit db match-keys.")
        yield Finding("matching", "warn", message, facts, todo)


def _search(session: Session) -> Iterator[Finding]:
    """Look whether search finds all records."""
    from crmkit.core.searching.rebuilding import behind

    with session.trusted() as db:
        entities = behind(db)
    if entities:
        message = _("not all records of {entities} are found by the words in them")
        facts, todo = {"entities": ", ".join(entities)}, _("Let a worker run, or: crmkit search --rebuild")
        yield Finding("search", "warn", message, facts, todo)


def _shipped(session: Session) -> Iterator[Finding]:
    """Look at what was edited here of what plugins ship, and at what waits for a decision."""
    from crmkit.core.shipped.deciding import local_edits

    with session.trusted() as db:
        found = local_edits(db)
    pending = [edited for edited in found if edited.pending]
    for edited in pending:
        facts = {"kind": edited.kind, "thing": edited.thing, "count": len(edited.pending)}
        message = _("{kind} {thing}: changes of the plugin that wait for a decision: {count}")
        yield Finding("shipped", "warn", message, facts, _("Look at them: crmkit shipped diff {kind} {thing}"))
    if not pending:
        yield Finding("shipped", "ok", _("edited here: {count}; nothing waits for a decision"), {"count": len(found)})


def _ledger(crm: CRM) -> Iterator[Finding]:
    """Look at both ends: as many rows as the head says, and the newest is the one it sealed."""
    ledger, head = crm.schema.system.ledger, crm.schema.system.ledger_head
    with crm.storage.reading() as connection:
        last, chain = connection.execute(sa.select(head.c.last_id, head.c.chain)).one()
        rows = connection.scalar(sa.select(sa.func.count()).select_from(ledger)) or 0
        newest = connection.scalar(sa.select(ledger.c.chain).where(ledger.c.id == last))
    whole = rows == last and (newest is None or bytes(newest) == bytes(chain))
    facts = {"rows": rows}
    if whole:
        yield Finding("ledger", "ok", _("{rows:,} rows, the newest is sealed; --full checks every one"), facts)
    else:
        message, todo = _("rows were removed or changed"), _("Find the first: crmkit ledger verify. Restore a backup.")
        yield Finding("ledger", "fail", message, facts, todo)


def _ledger_in_full(crm: CRM) -> Iterator[Finding]:
    from crmkit.core.verifying.ledger import LedgerBrokenError, verify_ledger

    with crm.storage.snapshot() as connection:
        try:
            rows = verify_ledger(connection, crm.schema)
        except LedgerBrokenError as error:
            yield Finding("ledger", "fail", _("{reason}"), {"reason": str(error)}, _("Restore a backup."))
        else:
            yield Finding("ledger", "ok", _("{rows:,} rows, every one is whole"), {"rows": rows})
        if crm.storage.is_sqlite:
            result = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            status: Status = "ok" if result == "ok" else "fail"
            yield Finding("database", status, _("quick check of the file: {result}"), {"result": result})


_DRIFT = timedelta(seconds=5)


def _clock(crm: CRM) -> Iterator[Finding]:
    """Compare this machine's clock with the database server's, and with the newest entry of the ledger."""
    now = datetime.now(UTC)
    ledger = crm.schema.system.ledger
    with crm.storage.reading() as connection:
        newest = connection.scalar(sa.select(ledger.c.at).order_by(ledger.c.id.desc()).limit(1))
        theirs = now if crm.storage.is_sqlite else _server_time(connection)
    todo = _("Let both machines keep time by NTP.")
    if newest is not None and newest - now > _DRIFT:
        facts = {"at": newest.isoformat(timespec="seconds")}
        yield Finding("clock", "fail", _("the newest entry of the ledger is from the future: {at}"), facts, todo)
    elif abs(theirs - now) > _DRIFT:
        facts = {"seconds": abs(theirs - now).total_seconds()}
        yield Finding(
            "clock", "warn", _("the database's clock is {seconds:.0f} seconds away from this one"), facts, todo
        )
    else:
        yield Finding("clock", "ok", _("{now}"), {"now": now.isoformat(timespec="seconds")})


def _server_time(connection: Connection) -> datetime:
    found: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return found


def _encryption(crm: CRM) -> Iterator[Finding]:
    from crmkit.cli.checkup_encryption import examine_encryption

    yield from examine_encryption(crm)


def _jobs(crm: CRM) -> Iterator[Finding]:
    from crmkit.cli.checkup_jobs import examine_jobs

    yield from examine_jobs(crm)


def _server(crm: CRM) -> Iterator[Finding]:
    from crmkit.cli.checkup_server import examine_server

    yield from examine_server(crm)


def _side_doors(crm: CRM) -> Iterator[Finding]:
    from crmkit.cli.checkup_doors import examine_doors

    yield from examine_doors(crm)


def _people(session: Session) -> Iterator[Finding]:
    from crmkit.cli.people import active_administrators
    from crmkit.core.policy.people import User

    with session.trusted() as db:
        active, bosses = db.count(User, "is_active"), len(active_administrators(db))
    if not bosses:
        todo = _(
            "Make somebody one: crmkit user assign PERSON core.administrator; "
            "or somebody new: crmkit user create NAME --role core.administrator"
        )
        yield Finding("people", "warn", _("nobody is an active administrator"), {}, todo)
    name = session.settings.config.cli.user
    if name is None:
        todo = _("Write user = 'PERSON' into [cli] of crm.toml.")
        yield Finding("people", "warn", _("nobody acts on the command line unless --as says who"), {}, todo)
        return
    if (found := _attempt("people", lambda: session.principal)).status == "fail":
        yield attrs.evolve(
            found, todo=_("Write the name of an active user into [cli] of crm.toml, or give --as PERSON.")
        )
        return
    facts = {"active": active, "bosses": bosses, "name": session.principal.name}
    message = _("active users: {active}, administrators: {bosses}; {name} acts on the command line")
    yield Finding("people", "ok", message, facts)
