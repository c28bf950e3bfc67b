"""``crmkit history``: what happened to one record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.entity import Record
    from crmkit.core.ledger import LedgerEntry
    from crmkit.core.reading.reader import Reader

__all__ = ["command"]


@click.command("history", help=_("Show what happened to RECORD: a number such as D-000123, an id, or ENTITY/ID."))
@click.argument("record")
@click.pass_obj
def command(session: Session, record: str) -> None:
    """Print the history of a record, oldest first, as far as the acting person may read it."""
    from crmkit.cli.records import find_record

    with session.reader() as db:
        found = find_record(db, session.crm.registry, record)
        entries = db.history(found)
        people = _people(db, entries)
        names = {} if session.as_json else _names(db, found, entries)
    if session.as_json:
        session.show([_as_dict(entry, people) for entry in entries])
        return
    for entry in entries:
        for line in _lines(entry, people, names, session.zone):
            session.say(line)


def _people(db: Reader, entries: Iterable[LedgerEntry]) -> dict[UUID, str]:
    from crmkit import User

    found = db.get_many(User, {entry.principal_id for entry in entries if entry.principal_id})
    return {id_: user.name for id_, user in found.items()}


def _by(entry: LedgerEntry, people: Mapping[UUID, str]) -> str:
    if entry.principal_id is None:
        return "system"
    return people.get(entry.principal_id, str(entry.principal_id))


def _as_dict(entry: LedgerEntry, people: Mapping[UUID, str]) -> dict[str, Any]:
    changes = None
    if entry.changes is not None:
        changes = {name: {"old": old, "new": new} for name, (old, new) in entry.changes.items()}
    return {
        "id": entry.id,
        "at": entry.at,
        "by_id": entry.principal_id,
        "by": _by(entry, people),
        "kind": entry.kind,
        "cause": entry.cause,
        "changes": changes,
    }


def _names(db: Reader, record: Record, entries: Iterable[LedgerEntry]) -> dict[str, str]:
    """Return what the records are called that references of *record* ever led to, by id, as far as they are visible."""
    from crmkit.cli.records import name_of
    from crmkit.core.fields import Reference

    registry, wanted = db.access.registry, dict[str, set[UUID]]()
    known = registry.fields(record.__entity__.id)
    for entry in entries:
        for field, values in (entry.changes or {}).items():
            kind: Any = getattr(known.get(field), "type", None)
            if isinstance(kind, Reference):
                wanted.setdefault(kind.entity, set()).update(UUID(value) for value in values if value)
    found = (db.get_many(registry.entities[entity].cls, ids) for entity, ids in wanted.items())
    return {str(id_): name_of(target) for records in found for id_, target in records.items()}


def _lines(entry: LedgerEntry, people: Mapping[UUID, str], names: Mapping[str, str], zone: Any) -> Iterator[str]:
    from crmkit.cli.output import cell

    yield f"{cell(entry.at, zone)}  {_by(entry, people)}  {entry.kind}  ({entry.cause})"
    if entry.changes is None:
        yield "  " + translate(_("the values were erased"))
        return
    for field, (old, new) in entry.changes.items():
        shown = _short(new, names) if old is None else f"{_short(old, names)} → {_short(new, names)}"
        yield f"  {field}: {shown}"


def _short(value: Any, names: Mapping[str, str]) -> str:
    from crmkit.cli.output import cell
    from crmkit.core.money import Money

    if isinstance(value, Mapping) and value.keys() == {"amount", "currency"}:
        value = Money.of(value["amount"], value["currency"])
    text = names.get(value, "") if isinstance(value, str) else ""
    text = " ".join((text or cell(value)).split())
    return (text if len(text) <= 80 else f"{text[:79]}…") or "–"
