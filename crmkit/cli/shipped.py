"""What was edited here of what plugins ship, told to people and to programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmkit.core.shipped.trees import told
from crmkit.core.text import gettext as _, translate

if TYPE_CHECKING:
    from crmkit.cli.session import Session
    from crmkit.core.shipped.kinds import Edited

__all__ = ["edit_as_dict", "tell_edit"]

_STATES = {
    "edited": _("edited here"),
    "upgraded": _("changed by the plugin"),
    "waiting": _("waits for acceptance"),
    "conflict": _("CONFLICT"),
}


def edit_as_dict(edited: Edited) -> dict[str, Any]:
    """Return *edited* with every difference, for programs."""
    return {
        "kind": edited.kind,
        "thing": edited.thing,
        "base_version": edited.base_version,
        "version": edited.version,
        "differences": [
            {
                "place": difference.place,
                "state": difference.state,
                "base": told(difference.base),
                "local": told(difference.local),
                "upstream": told(difference.upstream),
            }
            for difference in edited.merged.differences
        ],
    }


def tell_edit(session: Session, edited: Edited) -> None:
    """Print every difference of *edited* for people."""
    title = translate(_("{kind} {thing}: edited here since version {base}; the plugin is at {version}"))
    facts = {"kind": edited.kind, "thing": edited.thing, "base": edited.base_version, "version": edited.version}
    session.say(title.format(**facts))
    rows = [
        {
            "place": difference.place,
            "state": translate(_STATES[difference.state]),
            "base": _shown(difference.base),
            "local": _shown(difference.local),
            "upstream": _shown(difference.upstream),
        }
        for difference in edited.merged.differences
    ]
    columns = {"place": _("Place"), "state": _("State"), "base": _("Was shipped"), "local": _("Here")}
    session.show(rows, columns={**columns, "upstream": _("Is shipped")})


def _shown(value: Any) -> str:
    value = told(value)
    if isinstance(value, Mapping):
        shown = (f"{key}: {_shown(inner)}" for key, inner in value.items() if inner not in ({}, []))
        return "; ".join(shown)
    return ", ".join(map(_shown, value)) if isinstance(value, list) else "—" if value is None else str(value)
