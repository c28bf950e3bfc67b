"""``crmkit db``: migrations of the database, planned before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.cli.shipped import edit_as_dict, tell_edit
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmkit.core.migrating import Plan, Step
    from crmkit.core.shipped.kinds import Edited

__all__ = ["command", "show_plan"]


@click.group("db", help=COMMANDS["db"])
def command() -> None:
    """Group what concerns the tables."""


@command.command(
    "plan", help=_("Show what apply would do: each step, the tables it changes, their rows, and who has to wait.")
)
@click.pass_obj
def _plan(session: Session) -> None:
    from crmkit.core.migrating import plan
    from crmkit.core.shipped.before_upgrade import edits_before_upgrade

    show_plan(session, plan(session.loaded, without=session.left_out), edits_before_upgrade(session.loaded))


def show_plan(session: Session, found: Plan, edits: Sequence[Edited] = ()) -> None:
    """Print what applying would do, and what waits for a decision about *edits* of what plugins ship."""
    pending = [edited for edited in edits if edited.pending]
    if session.as_json:
        session.show({**_as_dict(found), "shipped": [edit_as_dict(edited) for edited in pending]})
    elif found.is_empty:
        session.say(translate(_("Nothing is to be done.")))
    else:
        _tell(session, found)
    for edited in () if session.as_json else pending:
        tell_edit(session, edited)
    for gap in found.gaps:
        session.warn(
            _("{count} records of {entity} lack {field}, which is required when they are next written."),
            count=gap.records,
            entity=gap.entity,
            field=gap.field,
        )


def _as_dict(found: Plan) -> dict[str, Any]:
    return {
        "steps": [_step_as_dict(step) for step in found.steps],
        "restored": found.restored,
        "objects": found.objects,
        "gaps": found.gaps,
    }


def _step_as_dict(step: Step) -> dict[str, Any]:
    return {
        "revision": step.revision,
        "plugin": step.plugin,
        "description": step.description,
        "operations": [str(operation) for operation in step.operations],
        "tables": step.tables,
    }


def _tell(session: Session, found: Plan) -> None:
    for parked in found.restored:
        session.say(translate(_("restore {name}: {rows:,} rows")).format(name=parked.name, rows=parked.rows))
    _tell_steps(session, found.steps)
    for name in found.objects:
        session.say(f"+ {name}")


def _tell_steps(session: Session, steps: Sequence[Step]) -> None:
    for step in steps:
        session.say(f"{step.revision}  {step.description}")
        for operation in step.operations:
            session.say(f"  {operation}")
        for table in step.tables:
            session.say("    " + _touched(table))


def _touched(table: Any) -> str:
    if table.rewritten:
        message = _("{name}: writes all {rows:,} rows anew; must wait: {waits}")
    elif table.read:
        message = _("{name}: reads all {rows:,} rows; must wait: {waits}")
    else:
        message = _("{name}: {rows:,} rows, none is touched; must wait: {waits}")
    waits = {"nobody": _("nobody"), "writers": _("writers"), "everybody": _("everybody")}[table.waits]
    return translate(message).format(name=table.name, rows=table.rows, waits=translate(waits))


@command.command(
    "apply",
    help=_("Bring the database to the newest revision of every plugin. Cut short, it goes on where it was."),
)
@click.pass_obj
def _apply(session: Session) -> None:
    from crmkit.core.migrating import apply

    done = apply(session.loaded, without=session.left_out, watch=session.say)
    if done.erased:
        from crmkit.core.privacy.finishing import finish_erasures

        finish_erasures(session.crm)
    if session.as_json:
        session.show({"restored": done.restored, "revisions": done.revisions, "objects": done.objects})
    elif not (done.revisions or done.objects or done.restored):
        session.say(translate(_("Nothing was to be done.")))


@command.command(
    "revert",
    help=_("Take back the revisions of PLUGIN after number N, and what stands on them. What they made is deleted."),
)
@click.argument("plugin")
@click.option("--to", "number", type=click.IntRange(0), required=True, metavar="N", help=_("The last one to keep."))
@dry_run
@yes
@click.pass_obj
def _revert(session: Session, plugin: str, number: int, dry_run: bool, yes: bool) -> None:
    from crmkit.core.migrating import plan_reverting, revert

    steps = plan_reverting(session.loaded, plugin, to=number)
    _tell_steps(session, steps)
    if not steps:
        session.say(translate(_("Nothing is to be taken back.")))
    elif not dry_run:
        confirm(session, yes, translate(_("Take these revisions back, with all that they made?")))
        revert(session.loaded, plugin, to=number)
    if session.as_json:
        session.show({"reverted": bool(steps) and not dry_run, "steps": [_step_as_dict(step) for step in steps]})


@command.command(
    "revision", help=_("Write the next revision of PLUGIN from what lies between its declarations and its tables.")
)
@click.argument("plugin")
@click.option("-m", "--message", default="change", help=_("What it does, in a few words; names the file."))
@click.option("--empty", is_flag=True, help=_("Write a revision that does nothing yet, for you to fill in."))
@click.option("--not-renamed", is_flag=True, help=_("A new column is not an old one under another name."))
@click.pass_obj
def _revision(session: Session, plugin: str, message: str, empty: bool, not_renamed: bool) -> None:
    from crmkit.core.migrating import make_revision

    path = make_revision(session.loaded, plugin, message, empty=empty, not_renamed=not_renamed)
    session.show({"file": path} if session.as_json else str(path))


@command.command("check", help=_("Check that declarations, revisions and the database agree."))
@click.pass_obj
def _check(session: Session) -> None:
    from crmkit.core.migrating import check

    findings = check(session.loaded, without=session.left_out)
    if session.as_json:
        rows = [{"kind": f.kind, "plugin": f.plugin, "is_problem": f.is_problem, "message": str(f)} for f in findings]
        session.show(rows)
    else:
        for finding in findings:
            session.say(str(finding))
        if not findings:
            session.say(translate(_("Declarations, revisions and the database agree.")))
    if any(finding.is_problem for finding in findings):
        click.get_current_context().exit(1)


@command.command(
    "match-keys", help=_("Have a worker make the keys of records that were written before they were matched.")
)
@click.pass_obj
def _match_keys(session: Session) -> None:
    from crmkit.core.rematching import MAKE_MATCH_KEYS

    with session.system() as db:
        id_ = db.enqueue(MAKE_MATCH_KEYS, key="match-keys")
    session.show({"job": id_} if session.as_json else translate(_("A worker makes them: {id}.")).format(id=id_))
