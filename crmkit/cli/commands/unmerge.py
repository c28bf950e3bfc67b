"""``crmkit unmerge``: a merged record is one of its own again."""

from __future__ import annotations

import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

__all__ = ["command"]


@click.command("unmerge", help=COMMANDS["unmerge"])
@click.argument("record")
@click.pass_obj
def command(session: Session, record: str) -> None:
    """Take RECORD, a number, an id or ENTITY/ID, out of the record that it went into."""
    from crmkit.cli.records import find_unmerged, name_of

    with session.writer() as db:
        done = find_unmerged(db, session.crm.registry, record)
    left = [
        {"entity": each.entity, "record": each.record_id, "field": each.field, "reason": translate(each.reason)}
        for each in done.left
    ]
    if session.as_json:
        session.show({"entity": done.record.__entity__.id, "id": done.record.id, "left": left})
        return
    session.say(translate(_("{record} is a record of its own again.")).format(record=name_of(done.record)))
    if left:
        session.say(translate(_("Left as it is:")))
        columns = {"entity": _("Entity"), "record": _("Record"), "field": _("Field"), "reason": _("Reason")}
        session.show(left, columns=columns)
