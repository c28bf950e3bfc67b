"""``crmkit plugin``: which plugins there are, and whether they fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import click

from crmkit.cli.root import COMMANDS
from crmkit.cli.session import Session
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.cli.plugin_report import Brought

__all__ = ["command"]


@click.group("plugin", help=COMMANDS["plugin"])
def command() -> None:
    """Group what concerns plugins."""


@command.command("list", help=_("List the installed plugins and those that are enabled."))
@click.pass_obj
def _list(session: Session) -> None:
    from crmkit.core.plugins import installed_plugins

    enabled = list(session.settings.config.plugins)
    installed = installed_plugins()
    rows = [_row(name, name in enabled, name in installed) for name in sorted({*installed, *enabled})]
    columns = {
        "name": _("Plugin"),
        "version": _("Version"),
        "enabled": _("Enabled"),
        "requires": _("Requires"),
        "summary": _("Summary"),
        "problem": _("Problem"),
    }
    if not any(row["problem"] for row in rows):
        del columns["problem"]
    session.show(rows, columns=columns)


def _row(name: str, enabled: bool, installed: bool) -> dict[str, Any]:
    from crmkit.core.plugins import PluginError, find_plugins

    row: dict[str, Any] = {"name": name, "enabled": enabled, "installed": installed, "problem": None}
    try:
        manifest = find_plugins([name])[0].manifest
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
    else:
        reasons, adds = conflicts_of(config, name), _brought(name)
    if session.as_json:
        found = [{"code": reason.code, "message": str(reason)} for reason in reasons]
        session.show({"plugin": name, "fits": not reasons, "conflicts": found, "brings": adds})
    else:
        _tell(session, reasons, adds)
    if reasons:
        click.get_current_context().exit(1)


def _brought(name: str) -> Brought | None:
    """Return what the plugin brings; ``None`` where that cannot be found out, as a conflict says."""
    from crmkit.cli.plugin_report import brought
    from crmkit.core.plugins import find_plugins

    try:
        return brought(find_plugins([name])[0])
    except CrmkitError:
        return None


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
