"""What a move may ask beside its guards: that others have approved it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.rules.rule import Rule
from crmkit.core.text import gettext as _

__all__ = ["Approval"]


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _rule(given: Rule | str | None) -> Rule | None:
    return None if given is None else Rule.of(given)


@attrs.frozen
class Approval:
    """Lets a record move only once *needed* people have approved it; a rejection by one of them ends the request.

    Approve may the holders of *roles*, *users* (by e-mail address), with *team_lead* the leads of the record's team or
    of the next one above that has any, with *manager* the manager of the record's owner. Nobody approves what they
    have requested or own. An approval is for one move of one record, and void once one of *fields* has another
    value than when it was requested, or *expires* has passed. With *when* it is needed only where that rule holds.

    Raises:
        DeclarationError: nobody could ever approve, or less than one person is needed.
    """

    needed: int = 1
    roles: tuple[str, ...] = attrs.field(converter=_names, default=())
    users: tuple[str, ...] = attrs.field(converter=_names, default=())
    team_lead: bool = False
    manager: bool = False
    fields: tuple[str, ...] = attrs.field(converter=_names, default=())
    when: Rule | None = attrs.field(converter=_rule, default=None)
    expires: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        named = not (self.roles or self.team_lead or self.manager)
        if self.needed < 1 or (named and self.needed > len(set(self.users))):
            raise DeclarationError("approval", _("name as many people as are needed, one at least"))
        if self.expires is not None and self.expires <= timedelta(0):
            raise DeclarationError("approval", _("it expires after some time"))
