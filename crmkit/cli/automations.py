"""Automations in files: TOML and JSON as people write them, with names of users and teams in the place of ids."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit import Automation, Reader

__all__ = ["read_automation", "told_automation"]

_KEYS = {"name", "entity", "trigger", "condition", "actions", "runs_as", "position", "note", "is_active"}


def read_automation(db: Reader, text: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the values of the automation that *text*, TOML or a JSON object, is.

    Raises:
        BadParameter: it is neither, or has a key that means nothing.
        NotFoundError: the principal sees no such user or team.
    """
    found = _parsed(text)
    if unknown := sorted(found.keys() - _KEYS):
        message = _("there is no key {unknown}; there are {known}")
        raise _misused(translate(message).format(unknown=", ".join(unknown), known=", ".join(sorted(_KEYS))))
    if not isinstance(found.get("name"), str):
        raise _misused(translate(_("the automation has no name")))
    for action in found.get("actions") or ():
        if isinstance(action, dict):
            _name_people(db, action.get("to"))
    runs_as = found.pop("runs_as", None)
    found["runs_as_id"] = db.access.user_id if runs_as is None else UUID(_id(db, "user", runs_as))
    return found.pop("name"), found


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:
        raise _misused(translate(_("neither TOML nor a JSON object: {reason}")).format(reason=error)) from None
    return dict(found)


def _misused(message: str) -> click.BadParameter:
    return click.BadParameter(message)


def _name_people(db: Reader, given: Any) -> None:
    """Put ids into the place of the users and teams that *given*, a way to assign, names."""
    if not isinstance(given, dict):
        return
    for kind in ("user", "team"):
        if isinstance(given.get(kind), str):
            given[kind] = _id(db, kind, given[kind])
    if isinstance(given.get("users"), list):
        given["users"] = [_id(db, "user", user) for user in given["users"]]
    for case in given.get("choices") or ():
        _name_people(db, case)


def _id(db: Reader, kind: str, reference: str) -> str:
    from crmkit.cli.people import find_team, find_user

    return str((find_user if kind == "user" else find_team)(db, reference).id)


def told_automation(automation: Automation) -> dict[str, Any]:
    """Return *automation* as JSON that can be added again."""
    from crmkit.core.automating.keeping import stored_values

    values = {"name": automation.id, **stored_values(automation)}
    runs_as = values.pop("runs_as_id")
    values["runs_as"] = None if runs_as is None else str(runs_as)
    return {name: value for name, value in values.items() if value is not None}
