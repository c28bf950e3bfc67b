"""``crmkit plugin``: which plugins there are, whether they fit together, and how they come and go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from crmkit.cli.asking import confirm, dry_run, yes
from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmkit.cli.plugin_report import Brought
    from crmkit.core.migrating import CountedTable, ParkedPlugin

__all__ = ["command"]


@click.group("plugin", help=COMMANDS["plugin"])
def command() -> None:
    """Group what concerns plugins."""


@command.command("list", help=_("List the installed plugins and those that are enabled."))
@click.pass_obj
def _list(session: Session) -> None:
    from crmkit.cli.plugin_changes import parked
    from crmkit.core.plugins import installed_plugins

    config = session.settings.config
    enabled = list(config.plugins)
    installed, away = installed_plugins(), {plugin.name: plugin for plugin in parked(session.settings)}
    rows = [
        {**_row(name, name in enabled, name in installed, config.trust.plugins), **_parked(away.get(name))}
        for name in sorted({*installed, *enabled, *away})
    ]
    columns = {
        "name": _("Plugin"),
        "version": _("Version"),
        "enabled": _("Enabled"),
        "requires": _("Requires"),
        "summary": _("Summary"),
        "parked_since": _("Parked since"),
        "parked_rows": _("Parked rows"),
        "problem": _("Problem"),
    }
    rarely = ("parked_since", "parked_rows", "problem")
    empty = {name for name in rarely if all(row[name] is None for row in rows)}
    session.show(rows, columns={name: text for name, text in columns.items() if name not in empty})


def _parked(plugin: ParkedPlugin | None) -> dict[str, Any]:
    if plugin is None:
        return {"parked_since": None, "parked_rows": None, "parked_tables": []}
    return {"parked_since": plugin.since, "parked_rows": plugin.rows, "parked_tables": plugin.tables}


def _row(name: str, enabled: bool, installed: bool, allowed: Sequence[str]) -> dict[str, Any]:
    from crmkit.core.plugins import PluginError, find_plugins

    row: dict[str, Any] = {"name": name, "enabled": enabled, "installed": installed, "problem": None}
    try:
        manifest = find_plugins([name], allowed)[0].manifest
    except PluginError as error:
        return {**row, "version": None, "requires": [], "summary": None, "problem": str(error.facts["reasons"][0])}
    requires = [f"{other} {wanted}".strip() for other, wanted in manifest.requires.items()]
    return {**row, "version": manifest.version, "requires": requires, "summary": translate(manifest.summary)}


@command.command(
    "check",
    help=_("Check that the enabled plugins fit together; with NAME, whether that one would fit, and what it brings."),
)
@click.argument("name", required=False)
@click.pass_obj
def _check(session: Session, name: str | None) -> None:
    from crmkit.cli.plugin_report import conflicts, conflicts_of

    config = attrs.evolve(
        session.settings.config, plugins=[p for p in session.settings.config.plugins if p not in session.left_out]
    )
    if name is None:
        reasons, adds = conflicts(config, config.plugins), None
        edits = [] if reasons else _pending(session)
    else:
        reasons, adds, edits = conflicts_of(config, name), _brought(name, config.trust.plugins), []
    if session.as_json:
        found = [{"code": reason.code, "message": str(reason)} for reason in reasons]
        session.show({"plugin": name, "fits": not reasons, "conflicts": found, "brings": adds, "pending": edits})
    else:
        _tell(session, reasons, adds)
        if edits:
            names = ", ".join(edits)
            session.say(translate(_("Changes of plugins wait for a decision: {names}.")).format(names=names))
    if reasons:
        click.get_current_context().exit(1)


def _pending(session: Session) -> list[str]:
    """Return what was edited here and waits for a decision about what its plugin changed."""
    from crmkit.cli.opening import DatabaseMissingError, check_there
    from crmkit.core.shipped.before_upgrade import edits_before_upgrade

    try:
        check_there(session.loaded.storage)
    except DatabaseMissingError:
        return []
    return [f"{edited.kind} {edited.thing}" for edited in edits_before_upgrade(session.loaded) if edited.pending]


def _brought(name: str, allowed: Sequence[str]) -> Brought | None:
    """Return what the plugin brings; ``None`` where that cannot be found out, as a conflict says."""
    from crmkit.cli.plugin_report import brought
    from crmkit.core.plugins import find_plugins

    try:
        return brought(find_plugins([name], allowed)[0])
    except CrmkitError:
        return None


@command.command("hash", help=_("Print plugins, or the enabled ones, as an allow-list under [trust] names them."))
@click.argument("names", nargs=-1)
@click.pass_obj
def _hash(session: Session, names: tuple[str, ...]) -> None:
    from crmkit.core.plugins import entry_point, installed_plugins
    from crmkit.core.trust import fingerprint

    installed, wanted = installed_plugins(), names or tuple(session.settings.config.plugins)
    found = {name: fingerprint(entry_point(name, installed)) for name in wanted}
    session.show([f"{name}={value}" for name, value in found.items()] if session.as_json else None)
    for name, value in found.items():
        session.say(f"{name}={value}")


@command.command(
    "export",
    help=_(
        "Write a plugin package that declares ENTITIES made at run time, or custom fields of others, and takes over."
    ),
)
@click.argument("entities", nargs=-1, required=True)
@click.option("--name", required=True, help=_("The name of the plugin."))
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path), help=_("A new or empty folder for the package.")
)
@click.pass_obj
def _export(session: Session, entities: tuple[str, ...], name: str, folder: Path) -> None:
    from crmkit.core.packaging.exporting import export_plugin

    with session.reader() as db:
        made = export_plugin(db, session.crm.plugins, entities, name, folder)
    if session.as_json:
        session.show({**attrs.asdict(made), "folder": str(made.folder)})
        return
    for entity in made.entities:
        session.say(translate(_("{entity} keeps its name, and so do its fields")).format(entity=entity))
    for old, new in made.fields.items():
        session.say(f"{old} → {new}")
    for field in made.left:
        session.say(translate(_("{field} stays as it is: it refers to an entity made at run time")).format(field=field))
    for field in made.loosened:
        session.say(translate(_("{field} was required, and may be empty in code")).format(field=field))
    for role, entity in made.uncovered:
        message = _("{role} in code masks all custom fields of {entity}: add masks of the new fields to it")
        session.say(translate(message).format(role=role, entity=entity))
    done = _("Wrote {folder}. Next: pip install {folder} && crmkit plugin add {name}")
    session.say(translate(done).format(folder=made.folder, name=name))


_HEADINGS = {
    "entities": _("Entities"),
    "extensions": _("Extends"),
    "fields": _("Fields added"),
    "roles": _("Roles"),
    "restrictions": _("Restrictions"),
    "pipelines": _("Pipelines"),
    "guards": _("Guards"),
    "sections": _("Sections"),
    "timeline_parts": _("Parts of time lines"),
    "hooks": _("Hooks"),
    "commands": _("Commands"),
}


def _tell(session: Session, reasons: list[CrmkitError], adds: Brought | None) -> None:
    if adds is not None:
        brings = {name: value for name, value in attrs.asdict(adds).items() if value}
        session.show(brings, columns={name: text for name, text in _HEADINGS.items() if name in brings})
        session.say("")
    if not reasons:
        session.say(translate(_("No conflict.")))
    for reason in reasons:
        session.say(f"[{reason.code}] {reason}")


@command.command(
    "add",
    help=_("Enable the plugin NAME: restore what is parked of it, apply its revisions, write it into crm.toml."),
)
@click.argument("name")
@dry_run
@click.pass_obj
def _add(session: Session, name: str, dry_run: bool) -> None:
    from crmkit.cli.commands.db import show_plan
    from crmkit.cli.plugin_changes import add_plugin, adding_preview

    if dry_run:
        show_plan(session, adding_preview(session.settings, name))
        return
    done = add_plugin(session.settings, name, session.say)
    if session.as_json:
        session.show({"plugin": name, "restored": done.restored, "revisions": done.revisions, "erased": done.erased})
        return
    for table in done.restored:
        session.say(translate(_("restored {table}")).format(table=table))
    if done.erased:
        told = translate(_("erased {count:,} records of people who were erased meanwhile"))
        session.say(told.format(count=done.erased))
    session.say(translate(_("{name} is enabled.")).format(name=name))


@command.command(
    "remove",
    help=_("Disable the plugin NAME and park its tables: nothing is deleted, and adding it again restores them."),
)
@click.argument("name")
@dry_run
@yes
@click.pass_obj
def _remove(session: Session, name: str, dry_run: bool, yes: bool) -> None:
    from crmkit.cli.plugin_changes import remove_plugin, removing_preview

    tables = removing_preview(session.settings, name)
    _tell_tables(session, tables)
    if not dry_run:
        confirm(session, yes, translate(_("Disable {name} and park these tables?")).format(name=name))
        remove_plugin(session.settings, name)
        session.say(translate(_("{name} is disabled and its tables are parked.")).format(name=name))
    if session.as_json:
        session.show({"plugin": name, "parked": not dry_run, "tables": tables})


@command.command("purge", help=_("Delete for good what is parked of the plugin NAME."))
@click.argument("name")
@dry_run
@yes
@click.pass_obj
def _purge(session: Session, name: str, dry_run: bool, yes: bool) -> None:
    from crmkit.cli.plugin_changes import parked, purge_plugin

    tables = next((plugin.tables for plugin in parked(session.settings) if plugin.name == name), ())
    _tell_tables(session, tables)
    if not dry_run:
        confirm(session, yes or not tables, translate(_("Delete these tables of {name} for good?")).format(name=name))
        purge_plugin(session.settings, name)
        session.say(translate(_("What was parked of {name} is deleted.")).format(name=name))
    if session.as_json:
        session.show({"plugin": name, "purged": not dry_run, "tables": tables})


def _tell_tables(session: Session, tables: Sequence[CountedTable]) -> None:
    for table in tables:
        session.say(translate(_("{name}: {rows:,} rows")).format(name=table.name, rows=table.rows))
