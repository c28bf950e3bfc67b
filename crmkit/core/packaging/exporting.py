"""Writing a package, with the revision that takes the values over."""

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
from crmkit.core.custom_fields.entity import CustomField
from crmkit.core.custom_fields.types import field_type
from crmkit.core.entity.custom import is_custom
from crmkit.core.errors import CrmkitError
from crmkit.core.fields import Reference
from crmkit.core.migrating import make_revision
from crmkit.core.packaging.catalogues import write_catalogues
from crmkit.core.packaging.declaring import literal
from crmkit.core.packaging.files import SUMMARY, label_of, package_files
from crmkit.core.packaging.package import Extension, Package
from crmkit.core.policy.roles import Role
from crmkit.core.registry import CORE
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.plugins import LoadedPlugin
    from crmkit.core.reading.reader import Reader

__all__ = ["ExportedPlugin", "PluginExportError", "export_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}\Z")


class PluginExportError(CrmkitError):
    """What was made at run time cannot become a plugin as asked."""

    code = "plugin-export"
    template = _("No plugin {name!r} can be made: {reason}")

    def __init__(self, name: str, reason: Text, **facts: object) -> None:
        """Say why."""
        super().__init__(name=name, reason=reason, **facts)


@attrs.frozen
class ExportedPlugin:
    """A package in *folder*: the names of *fields* by what they were.

    Fields that are *left* refer to entities made at run time; those that are *loosened* were required. *uncovered* are
    the roles in code, each with its entity, that mask all custom fields: the new ones are not among those.
    """

    folder: Path
    fields: Mapping[str, str]
    left: tuple[str, ...]
    loosened: tuple[str, ...]
    uncovered: tuple[tuple[str, str], ...]


def export_plugin(
    db: Reader, plugins: Sequence[LoadedPlugin], entities: Sequence[str], name: str, folder: Path
) -> ExportedPlugin:
    """Write a package into *folder* that declares the custom fields of *entities* in code, as the plugin *name*.

    *plugins* are those of the CRM. Nothing in the database changes: the package's first revision moves the values,
    once it is installed and enabled. A field that refers to an entity made at run time is left as it is. A field that
    was required may be empty in code, because older records may have no value.

    Raises:
        UnknownEntityError: there is no such entity.
        PluginExportError: the name or the folder is taken, or there is nothing to export.
    """
    registry = db.model.registry
    for entity in entities:
        registry.entity(entity)
    _check(name, folder, {plugin.name for plugin in plugins}, entities)
    found = [each for each in sorted(db.find(CustomField), key=_place) if each.entity in entities]
    moved = [each for each in found if not _stays(each)]
    if not moved:
        raise PluginExportError(name, _("there are no custom fields to export"))
    extensions = [Extension.of(host, mine) for host in dict.fromkeys(entities) if (mine := _of(moved, host))]
    package = Package(name, extensions, _required(moved, plugins))
    with TemporaryDirectory(prefix="crmkit-") as made:
        _write(package, plugins, Path(made))
        # Only what is whole is there.
        shutil.copytree(made, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return ExportedPlugin(
        folder,
        {f"{e.host}.custom.{f.definition.key}": f"{name}.{f.name}" for e in extensions for f in e.fields},
        tuple(f"{each.entity}.custom.{each.key}" for each in found if _stays(each)),
        tuple(f"{each.entity}.custom.{each.key}" for each in moved if each.required),
        tuple(_uncovered(registry.roles.values(), {extension.host for extension in extensions})),
    )


def _uncovered(roles: Iterable[Role], hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    for role in roles:
        for mask in role.masks:
            if mask.entity in hosts and any(is_custom(f"{name}.") for name in mask.fields):
                yield role.id, mask.entity


def _check(name: str, folder: Path, taken: set[str], entities: Sequence[str]) -> None:
    if not _NAME.match(name) or name in (CORE, "custom"):
        raise PluginExportError(name, _("a name is in lower case, of at most 20 letters, such as 'acme'"))
    if name in taken:
        raise PluginExportError(name, _("there is a plugin of this name"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PluginExportError(name, _("the folder {folder} is not empty"), folder=str(folder))
    for entity in entities:
        if entity.startswith("custom."):
            message = _("{entity} was made at run time; only fields of entities in code become a plugin")
            raise PluginExportError(name, message, entity=entity)


def _place(field: CustomField) -> tuple[str, int, str]:
    return field.entity, field.position, field.key


def _of(fields: Sequence[CustomField], host: str) -> list[CustomField]:
    return [field for field in fields if field.entity == host]


def _stays(field: CustomField) -> bool:
    kind = field_type(field.type, field.options)
    return isinstance(kind, Reference) and kind.entity.startswith("custom.")


def _required(fields: Sequence[CustomField], plugins: Sequence[LoadedPlugin]) -> dict[str, str]:
    kinds = [field_type(field.type, field.options) for field in fields]
    entities = [field.entity for field in fields] + [kind.entity for kind in kinds if isinstance(kind, Reference)]
    names = {entity.partition(".")[0] for entity in entities}
    return {plugin.name: f">={plugin.manifest.version}" for plugin in plugins if plugin.name in names}


def _write(package: Package, plugins: Sequence[LoadedPlugin], folder: Path) -> None:
    own = [label_of(package), SUMMARY]
    locales = write_catalogues(package, own, folder / package.module / "locales")
    for path, text in package_files(package, locales).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    with _imported(package.module, folder) as module:
        crm = CRM(Config(database=Database(url="sqlite://")), plugins=[*plugins, module])
        try:
            revision = make_revision(crm, package.name, "fields that were made at run time")
        finally:
            crm.close()
    revision.write_text(_taking_over(package, revision.read_text(encoding="utf-8")), encoding="utf-8")


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


def _taking_over(package: Package, revision: str) -> str:
    """Return *revision* with the calls that move values: behind what makes tables, and before what drops them."""
    before, _down, after = revision.partition("\n\n\ndef downgrade() -> None:\n")
    take, give = (
        "".join(_call(verb, package, each) for each in package.extensions) for verb in ("take_over", "give_back")
    )
    imported = "from alembic import op\nfrom crmkit import give_back_fields, take_over_fields\n"
    text = f"{before}\n{take}\n\ndef downgrade() -> None:\n{give}{after}"
    return text.replace("from alembic import op\n", imported, 1)


def _call(verb: str, package: Package, extension: Extension) -> str:
    slots = "".join(f"        {literal(name)}: {literal(slot)},\n" for name, slot in extension.slots.items())
    return f"    {verb}_fields({literal(extension.host)}, {literal(package.name)}, {{\n{slots}    }})\n"
