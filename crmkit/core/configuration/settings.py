"""Reading the settings: flags before the environment, the environment before ``crm.toml``, that before defaults.

Every setting has one name in the file (``url`` in ``[database]``) and one in the environment
(``CRM_DATABASE_URL``). A secret may stand in a file of its own, named by ``CRM_DATABASE_URL_FILE``.
Nothing is guessed: unknown names and values of another type are errors, and all of them are reported at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import msgspec

from crmkit.core.configuration.config import Config, SettingInfo, setting_info
from crmkit.core.configuration.file import FILE, find_file, parse_file
from crmkit.core.configuration.sources import Given, from_environment, from_file
from crmkit.core.errors import ConfigurationError, CrmkitError
from crmkit.core.text import gettext as _

__all__ = ["Setting", "Settings", "SettingsError", "Value", "known_settings", "load_settings", "masked"]

_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)\Z")


@attrs.frozen
class Setting:
    """One setting: *path* is its section and key, *type* the Python type of its value."""

    path: str
    type: Any
    default: Any
    info: SettingInfo

    @property
    def section(self) -> str:
        """The table of ``crm.toml`` in which it stands."""
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        """Its name within the section."""
        return self.path.partition(".")[2]

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that give it; the first that is set wins."""
        return (f"CRM_{self.section}_{self.key}".upper(), *self.info.aliases)


@attrs.frozen
class Value:
    """The value of a setting that counts, and where it came from."""

    setting: Setting
    value: Any
    source: str

    @property
    def shown(self) -> Any:
        """The value as it may be shown: without what is secret in it."""
        if self.setting.info.secret == "whole":
            return self.value and "***"
        return masked(self.value) if self.setting.info.secret and self.value else self.value


@attrs.frozen
class Settings:
    """The configuration, the file it was read from, and where each value came from."""

    config: Config
    file: Path | None
    values: tuple[Value, ...]

    def value(self, path: str) -> Value:
        """Return the value of the setting *path*, such as ``database.url``."""
        return next(value for value in self.values if value.setting.path == path)


class SettingsError(CrmkitError):
    """The configuration cannot be used; every reason is listed, each with the place it concerns."""

    code = "settings"
    template = _("The configuration cannot be used: {summary}")

    def __init__(self, reasons: list[ConfigurationError]) -> None:
        """Keep all *reasons*."""
        super().__init__(reasons=tuple(reasons), summary="; ".join(map(str, reasons)))


@lru_cache(maxsize=1)
def known_settings() -> Mapping[str, Setting]:
    """Return every setting by its path."""
    return {setting.path: setting for setting in _describe()}


def _describe() -> Iterator[Setting]:
    for name, section in _sections():
        if section is None:
            yield Setting(f"{name}.enabled", list[str], [], setting_info(attrs.fields_dict(Config)[name]))
            continue
        for key in attrs.fields(attrs.resolve_types(section)):
            yield Setting(f"{name}.{key.name}", key.type, key.default, setting_info(key))


def _sections() -> Iterator[tuple[str, Any]]:
    """Yield the name and the class of every section; ``None`` for ``[plugins]``, whose one key is a list."""
    for field in attrs.fields(attrs.resolve_types(Config)):
        kind: Any = field.type
        yield field.name, kind if attrs.has(kind) else None


def load_settings(
    file: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Return the settings from *file*, or else from the ``crm.toml`` that *folder* or a folder above it has.

    *flags* maps paths such as ``cli.user`` to the flag's name and its value.

    Raises:
        SettingsError: a name is unknown, or a value is not accepted; all reasons are given.
        ConfigurationError: the file cannot be read, or there is neither a file nor a database in the environment.
    """
    variables = os.environ if environ is None else environ
    found = find_file(file, variables, str(folder) if folder else None)
    path = Path(found) if found else None
    known = known_settings()
    reasons: list[ConfigurationError] = []
    given: dict[str, Given] = {}
    if path is not None:
        given |= from_file(known, parse_file(str(path)), path.name, reasons)
    given |= from_environment(known, variables, reasons)
    given |= {name: Given(value, flag, is_text=True) for name, (flag, value) in (flags or {}).items()}
    if path is None and "database.url" not in given:
        raise ConfigurationError(FILE, _("there is none in this folder or above it; make one with: crmkit init DIR"))
    values = _convert(known, given, reasons)
    config = _assemble(values, path.parent if path else (folder or Path.cwd()), reasons)
    if config is None:
        raise SettingsError(reasons)
    return Settings(config, path, tuple(values.values()))


_TAKES = {int: _("takes a whole number"), bool: _("takes true or false"), list[str]: _("takes a list of texts")}


def _convert(
    known: Mapping[str, Setting], given: Mapping[str, Given], reasons: list[ConfigurationError]
) -> dict[str, Value]:
    values = {}
    for path, setting in known.items():
        found = given.get(path, Given(setting.default, _("default"), is_text=False))
        try:
            value = msgspec.convert(found.parts(setting.type), setting.type, strict=not found.is_text)
        except msgspec.ValidationError:
            # The value is not repeated: it may be secret.
            reasons.append(ConfigurationError(found.source, _TAKES.get(setting.type, _("takes text in quotes"))))
        else:
            values[path] = Value(setting, value, found.source)
    return values


def _assemble(values: dict[str, Value], folder: Path, reasons: list[ConfigurationError]) -> Config | None:
    """Return the configuration, or ``None`` and the *reasons* why there is none."""
    if url := values.get("database.url"):
        values["database.url"] = attrs.evolve(url, value=_anchored(url.value, folder))
    if (place := values.get("files.folder")) and "://" not in place.value:
        values["files.folder"] = attrs.evolve(place, value=str(folder / place.value))
    sections: dict[str, Any] = {}
    for name, section in _sections():
        mine = [value for value in values.values() if value.setting.section == name]
        before = len(reasons)
        if section is not None:
            for value in mine:
                _check(section, value, reasons)
        if len(reasons) == before:
            sections[name] = _section(section, mine)
    return None if reasons else Config(**sections)


def _check(section: type[Any], value: Value, reasons: list[ConfigurationError]) -> None:
    """Make the section with this one value, so that every value is judged and not only the first bad one."""
    try:
        section(**{value.setting.key: value.value})
    except ConfigurationError as error:
        facts = {**error.facts, "where": value.source}
        reasons.append(ConfigurationError(**facts))


def _section(section: Any, values: list[Value]) -> Any:
    if section is None:
        return values[0].value if values else []
    return section(**{value.setting.key: value.value for value in values})


def _anchored(url: str, folder: Path) -> str:
    """Return *url* with a relative SQLite file placed in *folder*, and PostgreSQL under the name SQLAlchemy knows."""
    if url.startswith("postgres://"):
        return f"postgresql://{url.removeprefix('postgres://')}"
    if found := _SQLITE_FILE.match(url):
        return f"{found[1]}{folder / found[2]}{found[3]}"
    return url


_PASSWORD = re.compile(r"(://[^:/?#]*:).*@")
_SECRET_PARAMETER = re.compile(r"([?&][^=&]*(?:password|passwd|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def masked(url: str) -> str:
    """Return *url* with its passwords made unreadable."""
    return _SECRET_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***@", url))
