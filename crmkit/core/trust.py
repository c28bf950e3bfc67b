"""Which plugins may be loaded at all: an allow-list with the hash of each, checked before any of their code runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from crmkit.core.errors import CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["PluginNotTrustedError", "fingerprint", "untrusted"]

_ABSENT = "-"


class PluginNotTrustedError(CrmkitError):
    """A plugin is not on the allow-list, or its files are not those that are."""

    code = "plugin-not-trusted"
    template = _("{plugin}: the allow-list under [trust] expects {expected}, found {found}.")

    def __init__(self, plugin: str, expected: str, found: str) -> None:
        """Name the *plugin*, the hash that is *expected* (``-`` if it is not listed), and the one that was *found*."""
        super().__init__(plugin=plugin, expected=expected, found=found)


def untrusted(
    names: Iterable[str], installed: Mapping[str, Sequence[EntryPoint]], allowed: Sequence[str]
) -> Iterator[PluginNotTrustedError]:
    """Yield an error for each of *names* that *allowed* (``NAME=sha256:…``) does not have as it is; none without list.

    None of the plugins is imported. What is not installed is somebody else's to report.
    """
    listed = dict(entry.partition("=")[::2] for entry in allowed)
    for name in names if allowed else ():
        for point in installed.get(name, ()):
            found, expected = fingerprint(point), listed.get(name, _ABSENT)
            if found != expected:
                yield PluginNotTrustedError(name, expected, found)


def fingerprint(point: EntryPoint) -> str:
    """Return ``sha256:…`` over the names and the bytes of all files of a plugin; ``-`` if they are not found.

    What Python makes of them, such as ``__pycache__``, is left out, so that running a plugin does not change it.
    """
    place = _place(point.module)
    if place is None:
        return _ABSENT
    digest = hashlib.sha256()
    for name, file in sorted(_files(place)):
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"sha256:{digest.hexdigest()}"


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    if place.is_file():
        yield place.name, place
        return
    for file in place.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file.relative_to(place).as_posix(), file


def _place(module: str) -> Path | None:
    """Return the folder or the file of *module*; what stands above it is not imported either."""
    top, *below = module.split(".")
    try:
        spec: ModuleSpec | None = find_spec(top)
    except (ImportError, ValueError):
        return None
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if spec and not below and not roots:
        return Path(spec.origin) if spec.origin else None
    for root in roots:
        folder = Path(root, *below)
        for place in (folder, folder.with_suffix(".py")):
            if place.exists():
                return place
    return None
