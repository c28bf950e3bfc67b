"""``crmkit history``: what happened to one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.session import Session
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.ledger import LedgerEntry

__all__ = ["command"]


@click.command("history", help=_("Show what happened to RECORD: a number such as D-000123, an id, or ENTITY/ID."))
@click.argument("record")
@click.pass_obj
def command(session: Session, record: str) -> None:
    """Print the history of a record, oldest first, as far as the acting person may read it."""
    from crmkit import User
    from crmkit.cli.records import find_record

    with session.reader() as db:
        entries = db.history(find_record(db, session.crm.registry, record))
        people = db.get_many(User, {entry.principal_id for entry in entries if entry.principal_id})
    names = {id_: user.name for id_, user in people.items()}
    rows = [_row(entry, names) for entry in entries]
    if session.as_json:
        session.show(rows)
        return
    for row in rows:
        row["changes"] = _in_words(row["changes"])
    columns = {"at": _("When"), "by": _("Who"), "kind": _("What"), "changes": _("Changes"), "cause": _("Cause")}
    session.show(rows, columns=columns)


def _row(entry: LedgerEntry, names: dict[Any, str]) -> dict[str, Any]:
    changes = entry.changes
    return {
        "id": entry.id,
        "at": entry.at,
        "by_id": entry.principal_id,
        "by": names.get(entry.principal_id, "system" if entry.principal_id is None else str(entry.principal_id)),
        "kind": entry.kind,
        "cause": entry.cause,
        "changes": None
        if changes is None
        else {name: {"old": old, "new": new} for name, (old, new) in changes.items()},
    }


def _in_words(changes: dict[str, Any] | None) -> str:
    if changes is None:
        return str(_("erased"))
    return "; ".join(f"{name}: {_short(pair['old'])} → {_short(pair['new'])}" for name, pair in changes.items())


def _short(value: Any) -> str:
    from crmkit.cli.output import cell

    text = cell(value)
    return (text if len(text) <= 60 else f"{text[:57]}…") or "–"
