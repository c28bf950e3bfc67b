"""Making the folder of a new CRM: all of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.cli.drafts import draft_folder, remove_leftovers
from crmkit.cli.project_files import Project, files
from crmkit.core.clock import Clock
from crmkit.core.configuration.file import FILE
from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.configuration.settings import Settings
    from crmkit.core.crm import CRM

__all__ = [
    "FolderError",
    "Project",
    "first_party_plugins",
    "make_project",
    "plugins_without",
    "system_time_zone",
]


class FolderError(CrmkitError):
    """A new CRM cannot be made in this folder, or with this database."""

    code = "folder"
    template = _("{folder}: {message}")

    def __init__(self, folder: Path | str, message: str) -> None:
        """Name the *folder*."""
        super().__init__(folder=str(folder), message=message)


def first_party_plugins() -> list[str]:
    """Return the names of the plugins that come with crmkit."""
    from crmkit.core.plugins import installed_plugins

    ours = "crmkit.plugins."
    return sorted(name for name, points in installed_plugins().items() if any(p.value.startswith(ours) for p in points))


def plugins_without(names: Iterable[str]) -> list[str]:
    """Return the plugins that a new CRM has by default, but for *names* and those that require them.

    Raises:
        ConfigurationError: one of *names* is none of them.
    """
    from crmkit.cli.opening import left_out
    from crmkit.core.plugins import find_plugins

    offered = [plugin.name for plugin in find_plugins(first_party_plugins()) if plugin.manifest.by_default]
    gone = left_out(offered, names)
    return [name for name in offered if name not in gone]


def system_time_zone() -> str:
    """Return the name of this machine's time zone; ``UTC`` where it has none."""
    from crmkit.core.configuration.checks import Unacceptable, time_zone

    _before, _zoneinfo, linked = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    for name in (os.environ.get("TZ", "").lstrip(":"), linked):
        try:
            if name:
                time_zone(name)
                return name.removeprefix("Etc/")
        except Unacceptable:
            continue
    return "UTC"


def make_project(
    folder: Path, project: Project, *, clock: Clock | None = None, fill: Callable[[CRM], None] | None = None
) -> Settings:
    """Make *folder* with its files, its database and its first administrator, and return the settings.

    *fill* writes what else there shall be from the beginning; what it makes happens at the time of *clock*.

    Raises:
        FolderError: the folder is not empty, or the database holds a CRM already.
        SettingsError, MigrationFailedError: nothing is left behind.
    """
    folder = folder.resolve()
    place = folder if folder.is_dir() else folder.parent
    remove_leftovers(place)
    _check_folder(folder)
    with draft_folder(place) as draft:
        for name, text in files(project).items():
            (draft / name).write_text(text, "utf-8")
        _make_database(draft, project, clock, fill)
        for path in draft.glob("*.db"):
            # It holds everything that the wall protects from other users of this machine.
            path.chmod(0o600)
        _move(draft, folder)
    from crmkit.core.configuration.settings import load_settings

    return load_settings(folder / FILE)


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FolderError(folder, _("is no folder"))
    if folder.exists() and any(folder.iterdir()):
        raise FolderError(folder, _("is not empty; name a new folder"))
    if not folder.parent.is_dir():
        raise FolderError(folder.parent, _("there is no such folder"))


def _move(draft: Path, folder: Path) -> None:
    """Move what *draft* holds into *folder*; the settings last, as they make it a CRM."""
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    moved = []
    try:
        for path in sorted(draft.iterdir(), key=lambda path: path.name == FILE):
            moved.append(path.rename(folder / path.name))
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        if made:
            folder.rmdir()
        raise


def _make_database(draft: Path, project: Project, clock: Clock | None, fill: Callable[[CRM], None] | None) -> None:
    from crmkit.core.configuration.settings import load_settings
    from crmkit.core.crm import CRM
    from crmkit.core.migrating import apply, revert

    crm = CRM(load_settings(draft / FILE).config, clock=clock)
    try:
        _check_empty(crm)
        try:
            apply(crm)
            _create_administrator(crm, project)
            if fill is not None:
                fill(crm)
        except BaseException:
            # A database that lies elsewhere does not go with the draft.
            revert(crm, "core")
            raise
    finally:
        crm.close()


def _check_empty(crm: CRM) -> None:
    from crmkit.core.configuration.settings import masked
    from crmkit.core.migrating.applied import read_state

    with crm.storage.reading() as connection:
        if read_state(connection).applied:
            raise FolderError(masked(crm.config.database.url), _("this database holds a CRM already"))


def _create_administrator(crm: CRM, project: Project) -> None:
    from crmkit.core.policy.people import Assignment, User

    company = project.company
    with crm.system("cli:init") as db:
        user = db.create(
            User(name=project.admin, email=project.admin_email, time_zone=company.time_zone, locale=company.locale)
        )
        db.create_many([Assignment(user_id=user.id, role=role) for role in ("core.administrator", "core.member")])
