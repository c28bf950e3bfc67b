"""Finding ``crm.toml`` and taking it apart; without heavy imports, for the sake of ``crmkit --help``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from crmkit.core.errors import ConfigurationError
from crmkit.core.text import gettext as _

__all__ = ["FILE", "FILE_VARIABLE", "find_file", "parse_file"]

FILE = "crm.toml"
FILE_VARIABLE = "CRM_CONFIG"


def find_file(
    given: str | os.PathLike[str] | None, environ: Mapping[str, str], folder: str | None = None
) -> str | None:
    """Return the file that is *given*, or named by ``CRM_CONFIG``, or lies in *folder* or above it; or ``None``.

    Raises:
        ConfigurationError: a file that is named does not exist.
    """
    named = given or environ.get(FILE_VARIABLE)
    if named:
        path = os.path.realpath(os.path.expanduser(named))
        if not os.path.isfile(path):
            raise ConfigurationError("--config" if given else FILE_VARIABLE, _("there is no file {path}"), path=path)
        return path
    here, above = os.path.realpath(folder or os.curdir), ""
    while here != above:
        if os.path.isfile(os.path.join(here, FILE)):
            return os.path.join(here, FILE)
        here, above = os.path.dirname(here), here
    return None


def parse_file(path: str) -> dict[str, Any]:
    """Return the tables of *path*.

    Raises:
        ConfigurationError: it cannot be read, is not UTF-8, or is no TOML; the message has line and column.
    """
    import tomllib

    try:
        with open(path, encoding="utf-8") as file:
            return tomllib.loads(file.read())
    except OSError as error:
        raise ConfigurationError(path, _("cannot be read: {reason}"), reason=error.strerror) from None
    except UnicodeDecodeError:
        raise ConfigurationError(path, _("is not UTF-8")) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(path, _("is no TOML: {reason}"), reason=str(error)) from None
