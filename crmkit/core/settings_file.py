"""Finding ``crm.toml`` and taking it apart; imports nothing heavy, so that ``crmkit --help`` can afford it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmkit.core.errors import ConfigurationError
from crmkit.core.text import gettext as _

__all__ = ["FILE", "FILE_VARIABLE", "find_file", "parse_file"]

FILE = "crm.toml"
FILE_VARIABLE = "CRM_CONFIG"


def find_file(given: str | Path | None, environ: Mapping[str, str], folder: Path | None = None) -> Path | None:
    """Return the file that is *given*, or named by ``CRM_CONFIG``, or lies in *folder* or above it; or ``None``.

    Raises:
        ConfigurationError: a file that is named does not exist.
    """
    named = given or environ.get(FILE_VARIABLE)
    if named:
        where = "--config" if given else FILE_VARIABLE
        path = Path(named).expanduser().resolve()
        if not path.is_file():
            raise ConfigurationError(where, _("there is no file {path}"), path=str(path))
        return path
    here = (folder or Path.cwd()).resolve()
    return next((place / FILE for place in (here, *here.parents) if (place / FILE).is_file()), None)


def parse_file(path: Path) -> dict[str, Any]:
    """Return the tables of *path*.

    Raises:
        ConfigurationError: it cannot be read, is not UTF-8, or is no TOML; the message has line and column.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(str(path), _("cannot be read: {reason}"), reason=error.strerror) from None
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), _("is not UTF-8")) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(path), _("is no TOML: {reason}"), reason=str(error)) from None
