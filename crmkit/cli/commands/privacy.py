"""``crmkit privacy``: what is kept about people, and erasing somebody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.core.privacy.erasing import Erasure
    from crmkit.core.privacy.retaining import RetentionPlan

__all__ = ["command"]


@click.group("privacy", help=COMMANDS["privacy"])
def command() -> None:
    """Group what concerns people whom the CRM knows."""


@command.command("map", help=_("List every field that holds personal data, its purpose, and how it leads to a person."))
@click.pass_obj
def _map(session: Session) -> None:
    """List the fields that exist for whoever asks."""
    from crmkit.core.privacy.data_map import personal_data

    with session.reader() as db:
        found = personal_data(db)
    if session.as_json:
        session.show([_field(each) for each in found])
        return
    headings = {
        "entity": _("Entity"),
        "field": _("Field"),
        "label": _("Label"),
        "purpose": _("Purpose"),
        "plugin": _("Plugin"),
        "people": _("Person"),
        "kept": _("Kept because"),
        "encrypted": _("Encrypted"),
    }
    shown = [{**_field(each), "people": ", ".join(_ways(each.people))} for each in found]
    session.show(shown, columns={name: translate(text) for name, text in headings.items()})


def _field(found: Any) -> dict[str, Any]:
    return {
        "entity": found.entity,
        "field": found.field,
        "label": translate(found.label),
        "purpose": found.purpose,
        "plugin": found.plugin,
        "people": found.people,
        "kept": found.kept and translate(found.kept),
        "encrypted": found.encrypted,
    }


def _ways(people: dict[str, str]) -> Iterator[str]:
    for entity, way in sorted(people.items()):
        yield f"{entity} ({way})" if way else entity


@command.command("export", help=_("Write everything that is kept about a person to an archive to be handed out."))
@click.argument("person")
@click.option("--to", "file", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.pass_obj
def _export(session: Session, person: str, file: Path) -> None:
    """Write FILE, a ZIP archive, about PERSON: a number such as P-000123, an id, or ENTITY/ID."""
    from crmkit.cli.records import find_record
    from crmkit.transfer.dossier import export_person

    with session.reader() as db:
        record = find_record(db, session.crm.registry, person)
        made = export_person(db, record, session.crm.contents, file)
    if session.as_json:
        session.show({"file": str(file), **attrs.asdict(made)})
        return
    told = translate(_("{records:,} records and {files:,} files in {file}"))
    session.say(told.format(records=sum(made.records.values()), files=made.files, file=file))
    if made.left_out:
        session.say(translate(_("Left out are {count:,} records that you may not export.")).format(count=made.left_out))
    for name in made.lost:
        session.warn(_("The content of {name} is missing or damaged."), name=name)


@command.command("erase", help=_("Erase everything that is known of a person. It cannot be undone."))
@click.argument("person")
@dry_run
@yes
@click.option(
    "--scrub/--no-scrub",
    default=True,
    help=_("Clear what the database has given up, where old values still lie; this rewrites a SQLite database."),
)
@click.pass_obj
def _erase(session: Session, person: str, dry_run: bool, yes: bool, scrub: bool) -> None:
    """Erase PERSON: a number such as P-000123, an id, or ENTITY/ID; also of somebody in the bin."""
    from crmkit.cli.records import find_in_bin_too, name_of
    from crmkit.core.privacy.erasing import erase_person, preview_erasure
    from crmkit.core.privacy.finishing import finish_erasures

    with session.reader() as db:
        record = find_in_bin_too(db, session.crm.registry, person)
        plan = preview_erasure(db, record)
    if not session.as_json:
        for line in _lines(plan, name_of(record)):
            session.say(line)
    if not dry_run:
        confirm(session, yes, translate(_("Erase all this for good?")))
        with session.writer() as db:
            plan = erase_person(db, record)
        finish_erasures(session.crm, scrub=scrub)
        session.say(translate(_("Erased. Keep the erasures apart from the backups: crmkit privacy erasures FILE")))
    if session.as_json:
        session.show({**_as_dict(plan), "erased": not dry_run})


def _as_dict(plan: Erasure) -> dict[str, Any]:
    return {
        "entity": plan.person.entity,
        "id": plan.person.id,
        "records": [
            {"entity": r.entity, "count": r.count, "stays": r.reason is not None, "reason": r.reason and str(r.reason)}
            for r in plan.records
        ],
        "parked": plan.parked,
        "removed": plan.removed,
    }


def _lines(plan: Erasure, name: str) -> Iterator[str]:
    yield name
    for each in plan.records:
        if each.reason is None:
            yield translate(_("  {count:,} records of {entity} go")).format(count=each.count, entity=each.entity)
        else:
            told = translate(_("  {count:,} records of {entity} stay, emptied: {reason}"))
            yield told.format(count=each.count, entity=each.entity, reason=translate(each.reason))
    yield translate(_("  with their histories, external ids, jobs, and the content of files"))
    if plan.parked:
        told = translate(_("What the parked plugins have is erased when they come back: {plugins}"))
        yield told.format(plugins=", ".join(plan.parked))
    if plan.removed:
        told = translate(_("What the removed entities have is erased when they come back: {entities}"))
        yield told.format(entities=", ".join(plan.removed))


@command.command("erasures", help=_("Write which records were erased to a file, for restoring backups elsewhere."))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def _erasures(session: Session, file: Path) -> None:
    """Write FILE; it holds ids and times, and nothing that tells who it was."""
    from crmkit.core.privacy.tombstone_file import save_tombstones
    from crmkit.core.privacy.tombstones import erasures

    with session.reader() as db:
        count = save_tombstones(file, erasures(db))
    if session.as_json:
        session.show({"file": str(file), "count": count})
        return
    session.say(translate(_("{count:,} erasures in {file}")).format(count=count, file=file))


@command.command("finish", help=_("Go on with what an erasure that was cut short has left to be done."))
@click.pass_obj
def _finish(session: Session) -> None:
    """Delete content that nobody has any more, and clear the database of old values."""
    from crmkit.core.privacy.finishing import finish_erasures

    done = finish_erasures(session.crm)
    if session.as_json:
        session.show(done)
        return
    session.say(translate(_("{count:,} contents deleted; the database is cleared.")).format(count=done.contents))


@command.group("retention", help=_("What has been kept long enough, by the rules core.retention_rule."))
def _retention() -> None:
    """Group what concerns retention."""


@_retention.command("plan", help=_("Show what each rule would take now, and change nothing."))
@click.pass_obj
def _plan(session: Session) -> None:
    """Show counts and samples, as far as whoever asks sees the records."""
    from crmkit.core.privacy.retaining import plan_retention

    with session.reader() as db:
        plans = plan_retention(db)
    rows = [_due(plan, as_list=session.as_json) for plan in plans]
    headings = {
        "rule": _("Rule"),
        "entity": _("Entity"),
        "action": _("Action"),
        "count": _("Due"),
        "samples": _("Such as"),
    }
    session.show(rows, columns={name: translate(text) for name, text in headings.items()})


def _due(plan: RetentionPlan, *, as_list: bool) -> dict[str, Any]:
    from crmkit.cli.records import name_of

    samples = [name_of(record) for record in plan.samples]
    return {
        "rule": plan.rule.name,
        "entity": plan.rule.entity,
        "action": plan.rule.action,
        "count": plan.count,
        "samples": samples if as_list else ", ".join(samples),
    }


@_retention.command("run", help=_("Do what the rules say, as far as you may; workers do it every night."))
@yes
@click.pass_obj
def _run(session: Session, yes: bool) -> None:
    """Delete or erase what is due."""
    from crmkit.core.privacy.finishing import finish_erasures
    from crmkit.core.privacy.retaining import run_retention

    confirm(session, yes, translate(_("Delete or erase what crmkit privacy retention plan shows?")))
    done = run_retention(session.writer)
    if any(run.done and run.rule.action == "erase" for run in done):
        finish_erasures(session.crm)
    rows = [{"rule": run.rule.name, "action": run.rule.action, "done": run.done, "left": run.left} for run in done]
    headings = {"rule": _("Rule"), "action": _("Action"), "done": _("Done"), "left": _("Had to stay")}
    session.show(rows, columns={name: translate(text) for name, text in headings.items()})
