"""A quick look at ``crm.toml``: just enough for help in the company's language that lists its plugins.

It never fails. Whether the settings are right is judged when a command needs them.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from crmkit.core.configuration.file import find_file, parse_file
from crmkit.core.errors import CrmkitError

__all__ = ["Glimpse", "glimpse", "machine_locale"]

_LOCALES = Path(__file__).parent.parent / "locales"


class Glimpse(NamedTuple):
    """The language of the company, the plugins that are enabled, and the allow-list of plugins that may load."""

    locale: str
    plugins: tuple[str, ...]
    allowed: tuple[str, ...] = ()


def glimpse(config_file: str | None) -> Glimpse:
    """Return what *config_file*, or the ``crm.toml`` of this folder, and the environment say."""
    tables = _tables(config_file)
    locale = os.environ.get("CRM_COMPANY_LOCALE") or _get(tables or {}, "company", "locale")
    if tables is None:
        # There is no company yet, whose language it would be.
        locale = locale or machine_locale()
    listed = os.environ.get("CRM_PLUGINS_ENABLED")
    plugins: Any = listed.split(",") if listed else _get(tables or {}, "plugins", "enabled")
    locked = os.environ.get("CRM_TRUST_PLUGINS")
    allowed: Any = locked.split(",") if locked else _get(tables or {}, "trust", "plugins")
    return Glimpse(locale if isinstance(locale, str) else "en", _listed(plugins), _listed(allowed))


def _listed(names: Any) -> tuple[str, ...]:
    return tuple(str(name).strip() for name in names) if isinstance(names, list) else ()


def machine_locale() -> str:
    """Return the language that this machine speaks to whoever sits at it, if crmkit speaks it too; else ``en``."""
    named = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    language = named.partition(".")[0].partition("@")[0]
    return language if language and gettext.find("messages", str(_LOCALES), [language]) else "en"


def _tables(config_file: str | None) -> Mapping[str, Any] | None:
    """Return what the file says; ``None`` where there is none."""
    try:
        path = find_file(config_file, os.environ)
        return parse_file(path) if path else None
    except (CrmkitError, OSError):
        return {}


def _get(tables: Mapping[str, Any], section: str, key: str) -> Any:
    table = tables.get(section)
    return table.get(key) if isinstance(table, dict) else None
