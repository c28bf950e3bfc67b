"""Writing into ``crm.toml`` which plugins are enabled; comments, order and everything else stay as they are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.core.errors import ConfigurationError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.configuration.settings import Settings

__all__ = ["disable", "editable_file", "enable"]

_ENABLED = "plugins.enabled"


def editable_file(settings: Settings) -> Path:
    """Return the file in which the plugins are enabled.

    Raises:
        ConfigurationError: there is no file, or the environment says which plugins are enabled.
    """
    source = settings.value(_ENABLED).source
    if settings.file is None:
        raise ConfigurationError("crm.toml", _("there is no such file to write the plugins into"))
    if source != "default" and not source.startswith(settings.file.name):
        raise ConfigurationError(source, _("the plugins are given here and not in {file}"), file=settings.file.name)
    return settings.file


def enable(file: Path, plugin: str) -> None:
    """Add *plugin* to those that *file* enables, if it is not among them."""
    _edit(file, lambda names: names if plugin in names else [*names, plugin])


def disable(file: Path, plugin: str) -> None:
    """Take *plugin* out of those that *file* enables."""
    _edit(file, lambda names: [name for name in names if name != plugin])


def _edit(file: Path, change: Callable[[list[str]], list[str]]) -> None:
    import tomlkit

    document = tomlkit.parse(file.read_text("utf-8"))
    section: Any = document.setdefault("plugins", tomlkit.table())
    listed = section.setdefault("enabled", tomlkit.array())
    before = [str(name) for name in listed]
    after = change(before)
    # One by one, so that what stands beside the others stays.
    for name in before:
        if name not in after:
            listed.remove(name)
    for name in after:
        if name not in before:
            listed.append(name)
    if before != after:
        _replace(file, tomlkit.dumps(document))


def _replace(file: Path, text: str) -> None:
    """Write *text* beside *file* and put it in its place, so that whoever reads it meanwhile reads a whole file."""
    handle, draft = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(draft, file.stat().st_mode & 0o7777)
        os.replace(draft, file)
    except BaseException:
        os.unlink(draft)
        raise
