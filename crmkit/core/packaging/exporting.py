"""Writing a package, with the revision that takes over what is here."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

import attrs

from crmkit.core.configuration.config import Config, Database
from crmkit.core.crm import CRM
from crmkit.core.entity.custom import is_custom
from crmkit.core.migrating import make_revision
from crmkit.core.packaging.catalogues import write_catalogues
from crmkit.core.packaging.files import COMMON, SUMMARY, label_of, package_files
from crmkit.core.packaging.gathering import Gathering, PluginExportError
from crmkit.core.packaging.package import Package
from crmkit.core.packaging.revising import taking_over
from crmkit.core.policy.roles import Role
from crmkit.core.registry import CORE, CUSTOM
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.plugins import LoadedPlugin
    from crmkit.core.reading.reader import Reader

__all__ = ["ExportedPlugin", "PluginExportError", "export_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}\Z")


@attrs.frozen
class ExportedPlugin:
    """A package in *folder*: its *entities*, which keep their names, and the names of *fields* by what they were.

    Fields that are *left* refer to entities made at run time; those that are *loosened* were required. *uncovered* are
    the roles in code, each with its entity, that mask all custom fields: the new ones are not among those.
    """

    folder: Path
    entities: tuple[str, ...]
    fields: Mapping[str, str]
    left: tuple[str, ...]
    loosened: tuple[str, ...]
    uncovered: tuple[tuple[str, str], ...]


def export_plugin(
    db: Reader, plugins: Sequence[LoadedPlugin], entities: Sequence[str], name: str, folder: Path
) -> ExportedPlugin:
    """Write a package into *folder* that declares *entities* in code, as the plugin *name*.

    Of an entity made at run time that is the whole, under the names that it has; of one in code, its custom fields as
    an extension. *plugins* are those of the CRM. Nothing in the database changes: the package's first revision takes
    over what is here, once it is installed and enabled. A field that refers to an entity made at run time, which does
    not come along, is left as it is. A field of an extension that was required may be empty in code, because older
    records may have no value.

    Raises:
        UnknownEntityError: there is no such entity.
        PluginExportError: the name or the folder is taken, there is nothing to export, or an entity follows one that
            does not come along.
    """
    registry = db.model.registry
    for entity in entities:
        registry.entity(entity)
    _check(name, folder, {plugin.name for plugin in plugins})
    gathering = Gathering(db, plugins, entities, name)
    package = gathering.package()
    with TemporaryDirectory(prefix="crmkit-") as made:
        _write(package, plugins, Path(made))
        # Only what is whole is there.
        shutil.copytree(made, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    moved = [(e.host, f.name, f.definition) for e in package.extensions for f in e.fields]
    return ExportedPlugin(
        folder,
        tuple(entity.id for entity in package.entities),
        {f"{host}.custom.{field.key}": f"{name}.{new}" for host, new, field in moved},
        tuple(f"{each.entity}.custom.{each.key}" for each in gathering.fields() if gathering.stays(each)),
        tuple(f"{host}.custom.{field.key}" for host, _new, field in moved if field.required),
        tuple(_uncovered(registry.roles.values(), {extension.host for extension in package.extensions})),
    )


def _uncovered(roles: Iterable[Role], hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    for role in roles:
        for mask in role.masks:
            if mask.entity in hosts and any(is_custom(f"{name}.") for name in mask.fields):
                yield role.id, mask.entity


def _check(name: str, folder: Path, taken: set[str]) -> None:
    if not _NAME.match(name) or name in (CORE, CUSTOM):
        raise PluginExportError(name, _("a name is in lower case, of at most 20 letters, such as 'acme'"))
    if name in taken:
        raise PluginExportError(name, _("there is a plugin of this name"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PluginExportError(name, _("the folder {folder} is not empty"), folder=str(folder))


def _write(package: Package, plugins: Sequence[LoadedPlugin], folder: Path) -> None:
    own = [label_of(package), SUMMARY, *(COMMON if package.entities else ())]
    locales = write_catalogues(package, own, folder / package.module / "locales")
    for path, text in package_files(package, locales).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    with _imported(package.module, folder) as module:
        crm = CRM(Config(database=Database(url="sqlite://")), plugins=[*plugins, module])
        try:
            revision = make_revision(crm, package.name, "what was made at run time")
        finally:
            crm.close()
    revision.write_text(taking_over(package, revision.read_text(encoding="utf-8")), encoding="utf-8")


@contextmanager
def _imported(module: str, folder: Path) -> Iterator[ModuleType]:
    """Import a package that is not installed, and forget it after the block."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(module)
    finally:
        sys.path.remove(str(folder))
        for loaded in [name for name in sys.modules if name.partition(".")[0] == module]:
            del sys.modules[loaded]
