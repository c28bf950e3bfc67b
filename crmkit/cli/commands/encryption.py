"""``crmkit encryption``: the keys of encrypted fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.progress import drawing, progress_option
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.encryption.rotating import FieldKeys

__all__ = ["command"]


@click.group("encryption", help=COMMANDS["encryption"])
def command() -> None:
    """Group what concerns encrypted fields."""


@command.command("new-key", help=_("Print a new master key, for encryption.keys; it is kept nowhere."))
@click.argument("name")
@click.pass_obj
def _new_key(session: Session, name: str) -> None:
    """Print NAME:KEY."""
    from crmkit.core.encryption.masters import new_key

    made = new_key(name)
    session.show({"key": made} if session.as_json else made)


@command.command("status", help=_("List the encrypted fields, and how many values have the newest data key."))
@click.pass_obj
def _status(session: Session) -> None:
    from crmkit.core.encryption.rotating import keys_in_use

    _show(session, keys_in_use(session.crm))


@command.command("change-master-key", help=_("Wrap the data keys by the first of encryption.keys; no value changes."))
@click.pass_obj
def _change_master_key(session: Session) -> None:
    from crmkit.core.encryption.rotating import change_master_key

    changed = change_master_key(session.crm)
    if session.as_json:
        session.show({"changed": changed})
        return
    told = translate(_("{count} data keys are wrapped anew. The other master keys are needed for older backups alone."))
    session.say(told.format(count=changed))


@command.command("change-data-key", help=_("Encrypt every value with a new data key; killed, it goes on next time."))
@dry_run
@yes
@progress_option
@click.pass_obj
def _change_data_key(session: Session, dry_run: bool, yes: bool, progress: bool | None) -> None:
    from crmkit.core.encryption.rotating import change_data_key, keys_in_use

    if dry_run:
        _show(session, keys_in_use(session.crm))
        return
    confirm(session, yes, translate(_("Encrypt every value anew?")))
    with drawing(progress) as show:
        done = change_data_key(session.crm, show=show)
    if session.as_json:
        session.show({"number": done.number, "sealed": done.sealed, "left": done.left})
        return
    told = translate(_("{sealed:,} values have the data key {number}, and {left:,} have an older one."))
    session.say(told.format(sealed=done.sealed, number=done.number, left=done.left))
    if done.left:
        session.warn(_("Somebody wrote with an older key meanwhile; run the command again."))


def _show(session: Session, found: list[FieldKeys]) -> None:
    rows = [{"entity": each.entity, "field": each.field, "newest": each.newest, "older": each.older} for each in found]
    headings = {
        "entity": _("Entity"),
        "field": _("Field"),
        "newest": _("Newest key"),
        "older": _("Older keys"),
    }
    session.show(rows, columns={name: translate(text) for name, text in headings.items()})
