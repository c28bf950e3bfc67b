"""``crmkit shipped``: what was edited here of what plugins ship, and what they changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.asking import confirm, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.cli.shipped import edit_as_dict, tell_edit
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.shipped.three_way import Side

__all__ = ["command"]


@click.group("shipped", help=COMMANDS["shipped"])
def command() -> None:
    """Group what concerns local edits of what plugins ship."""


@command.command("list", help=_("List what was edited here, and how much of it waits for a decision."))
@click.pass_obj
def _list(session: Session) -> None:
    from crmkit import local_edits

    with session.reader() as db:
        rows = [
            {
                "kind": edited.kind,
                "thing": edited.thing,
                "base_version": edited.base_version,
                "version": edited.version,
                "edited": sum(difference.state == "edited" for difference in edited.merged.differences),
                "waiting": sum(difference.state == "waiting" for difference in edited.pending),
                "conflicts": sum(difference.state == "conflict" for difference in edited.pending),
            }
            for edited in local_edits(db)
        ]
    columns = {"kind": _("Kind"), "thing": _("Id"), "base_version": _("Edited at"), "version": _("Plugin at")}
    counts = {"edited": _("Edited here"), "waiting": _("Waiting"), "conflicts": _("Conflicts")}
    session.show(rows, columns={**columns, **counts})


@command.command("diff", help=_("Show what was edited here, what the plugin changed, and what needs a decision."))
@click.argument("kind", required=False)
@click.argument("thing", required=False)
@click.pass_obj
def _diff(session: Session, kind: str | None, thing: str | None) -> None:
    from crmkit import edited_thing, local_edits

    with session.reader() as db:
        if kind and thing:
            found = [edited_thing(db, kind, thing)]
        else:
            found = [edited for edited in local_edits(db) if kind in (None, edited.kind)]
    if session.as_json:
        session.show([edit_as_dict(edited) for edited in found])
        return
    for edited in found:
        tell_edit(session, edited)


def _deciding(name: str, side: Side, help: str) -> None:
    options: list[Callable[[Any], Any]] = [
        click.argument("kind"),
        click.argument("thing"),
        click.argument("places", metavar="[PLACE]...", nargs=-1),
    ]
    if side == "theirs":
        mapping = click.option(
            "--map", "mapping", multiple=True, metavar="OLD=NEW", help=_("Where records go whose stage goes.")
        )
        options.append(mapping)

    @click.pass_obj
    def decide(session: Session, kind: str, thing: str, places: tuple[str, ...], mapping: tuple[str, ...] = ()) -> None:
        from crmkit import decide_edit

        pairs = dict(_pair(each) for each in mapping)
        with session.writer() as db:
            edited = decide_edit(db, kind, thing, side, places, mapping=pairs)
        if session.as_json:
            session.show(edit_as_dict(edited))
            return
        tell_edit(session, edited)
        if kind == "pipeline" and side == "theirs":
            text = _(
                "Look at the draft with crmkit pipeline check {thing}; crmkit pipeline publish {thing} publishes it."
            )
            session.say(translate(text).format(thing=thing))

    for option in reversed(options):
        decide = option(decide)
    command.command(name, help=help)(decide)


def _pair(written: str) -> tuple[str, str]:
    old, equals, new = written.partition("=")
    if not equals:
        raise click.BadParameter(translate(_("{written!r} is no OLD=NEW")).format(written=written))
    return old, new


_deciding("accept", "theirs", _("Take what the plugin ships at each PLACE; without any, wherever it waits."))
_deciding("keep", "ours", _("Keep what is here at each PLACE; without any, wherever the plugin's change waits."))


@command.command("reset", help=_("Go back to what the plugin ships; a pipeline by a draft that is to be published."))
@click.argument("kind")
@click.argument("thing")
@yes
@click.pass_obj
def _reset(session: Session, kind: str, thing: str, yes: bool) -> None:
    from crmkit import edited_thing, reset_edit

    with session.reader() as db:
        edited = edited_thing(db, kind, thing)
    if not session.as_json:
        tell_edit(session, edited)
    confirm(session, yes, translate(_("Give up what was edited here?")))
    with session.writer() as db:
        reset_edit(db, kind, thing)
