"""Where settings come from: the tables of ``crm.toml`` and the variables of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.configuration.checks import closest
from crmkit.core.configuration.file import FILE_VARIABLE
from crmkit.core.errors import ConfigurationError
from crmkit.core.text import gettext as _

if TYPE_CHECKING:
    from crmkit.core.configuration.settings import Setting

__all__ = ["Given", "from_environment", "from_file"]

_PREFIX = "CRM_"
# Kubernetes tells every container about its services in variables of these forms; one may be called crm.
_SERVICE_LINK = re.compile(r"CRM_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)\Z")


@attrs.frozen
class Given:
    """A value as it was given: where, and whether as text that must still be read as another type."""

    value: Any
    source: str
    is_text: bool

    def parts(self, kind: Any) -> Any:
        """Return the value, or its parts where a list is wanted and text was given."""
        if kind == list[str] and self.is_text:
            return [part.strip() for part in self.value.split(",") if part.strip()]
        return self.value


def from_file(
    known: Mapping[str, Setting], tables: Mapping[str, Any], file: str, reasons: list[ConfigurationError]
) -> dict[str, Given]:
    """Return what *tables* give, by path; what they should not contain goes to *reasons*."""
    sections = list(dict.fromkeys(setting.section for setting in known.values()))
    given = {}
    for section, table in tables.items():
        if section not in sections or not isinstance(table, dict):
            reasons.append(_unknown(file, section if isinstance(table, dict) else "", section, sections, table))
            continue
        keys = [setting.key for setting in known.values() if setting.section == section]
        for key, value in table.items():
            if key in keys:
                given[f"{section}.{key}"] = Given(value, f"{file} [{section}] {key}", is_text=False)
            else:
                reasons.append(_misspelt(f"{file} [{section}]", key, keys))
    return given


def _unknown(file: str, section: str, name: str, sections: list[str], value: Any) -> ConfigurationError:
    if section:
        return _misspelt(file, f"[{name}]", [f"[{known}]" for known in sections])
    message = _("{name!r} stands outside every section; the sections are {known}")
    return ConfigurationError(file, message, name=name, known=", ".join(f"[{known}]" for known in sections))


def _misspelt(where: str, name: str, known: Iterable[str]) -> ConfigurationError:
    names = list(known)
    meant = closest(name, names)
    message = _("{name} is unknown. Known: {known}")
    if meant:
        message = _("{name} is unknown; did you mean {meant}? Known: {known}")
    return ConfigurationError(where, message, name=name, meant=meant, known=", ".join(names))


def from_environment(
    known: Mapping[str, Setting], environ: Mapping[str, str], reasons: list[ConfigurationError]
) -> dict[str, Given]:
    """Return what the variables in *environ* give, by path; an empty variable is one that is not set."""
    given: dict[str, Given] = {}
    for path, setting in known.items():
        for found in _variables(setting, environ, reasons):
            given.setdefault(path, found)
    names = {name for setting in known.values() for name in _names(setting)} | {FILE_VARIABLE}
    for name, value in environ.items():
        if name.startswith(_PREFIX) and name not in names and not _is_service_link(name, value):
            reasons.append(_misspelt(_("the environment"), name, sorted(n for n in names if n.startswith(_PREFIX))))
    return given


def _is_service_link(name: str, value: str) -> bool:
    if not _SERVICE_LINK.match(name):
        return False
    return "SERVICE_" in name or re.match(r"(tcp|udp|sctp)://|[\d.:a-f]+\Z|tcp\Z|udp\Z|sctp\Z", value) is not None


def _names(setting: Setting) -> Iterator[str]:
    for name in setting.variables:
        yield name
        if setting.info.secret:
            yield f"{name}_FILE"


def _variables(setting: Setting, environ: Mapping[str, str], reasons: list[ConfigurationError]) -> Iterator[Given]:
    for name in setting.variables:
        in_file = environ.get(f"{name}_FILE") if setting.info.secret else None
        if in_file and environ.get(name):
            reasons.append(ConfigurationError(name, _("{other} is set as well; set one of them"), other=f"{name}_FILE"))
        elif in_file:
            yield from _secret(f"{name}_FILE", in_file, reasons)
        elif environ.get(name):
            yield Given(environ[name], name, is_text=True)


def _secret(variable: str, path: str, reasons: list[ConfigurationError]) -> Iterator[Given]:
    """Yield the text in the file *path*, without the line break that editors put behind it."""
    try:
        yield Given(Path(path).read_text("utf-8").rstrip("\r\n"), variable, is_text=True)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "UTF-8"
        reasons.append(ConfigurationError(variable, _("{path} cannot be read: {reason}"), path=path, reason=reason))
