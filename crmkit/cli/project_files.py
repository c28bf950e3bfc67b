"""The files of a new CRM, with comments in the company's language."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import attrs

from crmkit.core.configuration.config import Company
from crmkit.core.configuration.file import FILE
from crmkit.core.text import gettext as _, translate

__all__ = ["Project", "files"]


@attrs.frozen
class Project:
    """What a new CRM begins with. *database* is left out where the environment names it."""

    company: Company
    plugins: Sequence[str]
    admin: str
    admin_email: str | None = None
    database: str | None = None


def files(project: Project) -> dict[str, str]:
    """Return what the files of *project* hold, by their names."""
    company, locale = project.company, project.company.locale
    commented = "# " if project.database is None and _in_environment() else ""
    settings = {
        "name": _toml(company.name),
        "currency": _toml(company.currency),
        "time_zone": _toml(company.time_zone),
        "locale": _toml(locale),
        "url": f"{commented}url = {_toml(project.database or 'sqlite:///crm.db')}",
        "plugins": "".join(f"    {_toml(name)},\n" for name in project.plugins),
        "user": _toml(project.admin_email or project.admin),
    }
    return {
        FILE: translate(_SETTINGS, locale).format_map(settings),
        ".gitignore": translate(_IGNORED, locale),
        "README.md": translate(_README, locale).format(company=company.name),
    }


def _in_environment() -> bool:
    names = ("CRM_DATABASE_URL", "CRM_DATABASE_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE")
    return any(os.environ.get(name) for name in names)


def _toml(text: str) -> str:
    # A JSON string is a TOML string, but for the one control character that JSON leaves alone.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


_SETTINGS = _("""\
# Everything that may stand here is described by: crmkit config show
# An environment variable goes before this file: CRM_COMPANY_NAME before name in [company], and so on.

[company]
name = {name}
currency = {currency}
time_zone = {time_zone}
locale = {locale}

[database]
# A password does not belong here: put the URL into CRM_DATABASE_URL, or into a file named by CRM_DATABASE_URL_FILE.
{url}

[plugins]
enabled = [
{plugins}]

[cli]
# Who acts on the command line of this machine unless --as says otherwise.
user = {user}
""")

_IGNORED = _("""\
# The records, and what an import could not take.
*.db
*.db-lock-*
*.db-shm
*.db-wal
*.errors.csv
*.errors.csv.old
*.rejects
/files/
# Secrets
.env
*.secret
""")

_README = _("""\
# {company}

This folder is a CRM made with crmkit: `crm.toml` says how it is set up, `crm.db` holds the records.

    crmkit doctor                   check that all is well
    crmkit user create NAME         let somebody in; --role gives them a role, `crmkit user roles` lists them
    crmkit import --plan PLAN.toml --source DIR
    crmkit export ENTITY -o FILE    CSV, XLSX or JSON Lines
    crmkit explain PERSON VERB RECORD
    crmkit --help                   everything else

Copy `crm.db` only while nothing runs, or with its `-wal` file beside it.
""")
