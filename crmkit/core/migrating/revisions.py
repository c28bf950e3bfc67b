"""Revision files: where they lie, in which order they run, and what each says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import attrs

import crmkit.core
from crmkit.core.migrating.errors import RevisionError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Revision", "branches", "load_revision", "migrations_folder", "revisions_of"]

CORE = "core"
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.py\Z")


@attrs.frozen
class Revision:
    """One step of one plugin's tables. Its number is its place; ``sales_0003`` follows ``sales_0002``."""

    plugin: str
    number: int
    path: Path

    @property
    def id(self) -> str:
        """The name that the database and other revisions call it by."""
        return revision_id(self.plugin, self.number)


def revision_id(plugin: str, number: int) -> str:
    """Return the id of *plugin*'s revision *number*."""
    return f"{plugin}_{number:04}"


def branches(crm: CRM) -> tuple[str, ...]:
    """Return the core and the plugins of *crm* in the order in which their revisions run."""
    return (CORE, *(plugin.name for plugin in crm.plugins))


def migrations_folder(crm: CRM, plugin: str) -> Path | None:
    """Return the folder of *plugin*'s revisions, which may not exist yet; ``None`` if the plugin is no package.

    Raises:
        RevisionError: *crm* has no such plugin.
    """
    if plugin == CORE:
        return Path(crmkit.core.__path__[0]) / "migrations"
    for loaded in crm.plugins:
        if loaded.name == plugin:
            places = getattr(loaded.module, "__path__", None)
            return Path(places[0]) / "migrations" if places else None
    raise RevisionError(plugin, _("no enabled plugin has this name"))


def revisions_of(crm: CRM, plugin: str) -> tuple[Revision, ...]:
    """Return the revisions of *plugin*, oldest first, without reading any of them.

    Raises:
        RevisionError: a file's name is no ``0001_what_it_does.py``, a number occurs twice or is left out.
    """
    folder = migrations_folder(crm, plugin)
    if folder is None or not folder.is_dir():
        return ()
    found = sorted(_numbered(folder))
    for place, (number, path) in enumerate(found, start=1):
        if number != place:
            message = _(
                "expected the number {expected}; revisions are numbered from 0001, none twice and none left out"
            )
            raise RevisionError(str(path), message, expected=f"{place:04}")
    return tuple(Revision(plugin, number, path) for number, path in found)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("*.py"):
        if path.name == "__init__.py":
            continue
        matched = _FILE.match(path.name)
        if matched is None:
            raise RevisionError(str(path), _("a revision's file is named like 0002_add_region.py"))
        yield int(matched[1]), path


def all_revisions(crm: CRM) -> tuple[Revision, ...]:
    """Return every revision of *crm* in the order in which an empty database takes them."""
    return tuple(revision for plugin in branches(crm) for revision in revisions_of(crm, plugin))


def load_revision(revision: Revision) -> ModuleType:
    """Return the module of *revision*.

    Raises:
        RevisionError: it cannot be imported, or says of itself what its name and place contradict.
    """
    spec = spec_from_file_location(f"crmkit_revision_{revision.id}", revision.path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise RevisionError(str(revision.path), _("cannot be imported: {reason}"), reason=reason) from error
    _check_header(revision, module)
    return module


def _check_header(revision: Revision, module: ModuleType) -> None:
    first = revision.number == 1
    expected = {
        "revision": revision.id,
        "down_revision": None if first else revision_id(revision.plugin, revision.number - 1),
        "branch_labels": (revision.plugin,) if first else None,
    }
    for name, value in expected.items():
        if getattr(module, name, "") != value:
            message = _("expected {name} = {value!r}")
            raise RevisionError(str(revision.path), message, name=name, value=value)


def depends_on(module: ModuleType) -> tuple[str, ...]:
    """Return the revisions of other plugins that must run before the one in *module*."""
    named: str | Sequence[str] | None = getattr(module, "depends_on", None)
    return (named,) if isinstance(named, str) else tuple(named or ())


def description(module: ModuleType) -> str:
    """Return what the revision in *module* does, the first line of its docstring."""
    return (module.__doc__ or "").strip().partition("\n")[0].rstrip(".")
