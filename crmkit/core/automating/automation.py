"""What an automation is, and what a plugin offers to automations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs

from crmkit.core.automating.parts import OnCron, Step, TriggerPart
from crmkit.core.errors import DeclarationError
from crmkit.core.jobs.job import NoArguments
from crmkit.core.jobs.limits import check_work_id
from crmkit.core.jobs.schedule import check_cron
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.rules.rule import Rule
from crmkit.core.text import Text, gettext as _

if TYPE_CHECKING:
    from crmkit.core.entity import Record
    from crmkit.core.writing.writer import Writer

__all__ = ["LOCAL", "Action", "Automation", "Told", "Withdrawn"]

#: With what the ids of automations begin that are made at run time.
LOCAL = "custom"
_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,48}\Z")


@attrs.frozen
class Action:
    """What automations can have a plugin do: *function* is called with the writer, the record and the arguments.

    The writer is that of the user as whom the automation acts, so that the wall holds. *arguments* is an attrs class
    of plain values; a :class:`Template` among them is worked out by the function, for each who reads it. What the
    function raises makes the whole run fail. A :class:`Told` that it returns says whom it tells something.
    """

    id: str = attrs.field(validator=check_work_id)
    label: Text
    function: Callable[[Writer, Record, Any], object]
    arguments: type[Any] = NoArguments


@attrs.frozen
class Told:
    """Whom an action tells something, so that runs and rehearsals can name them."""

    users: Sequence[UUID]


def _check_id(_instance: Any, _attribute: Any, id_: str) -> None:
    if not _ID.match(id_):
        raise DeclarationError(id_, _("the name of an automation is <plugin>.<name> or custom.<name> in lower case"))


def _steps(given: Sequence[Step]) -> Sequence[Step]:
    return tuple(given)


def _rule(given: Rule | str | None) -> Rule | None:
    return Rule.parse(given) if isinstance(given, str) else given


@attrs.frozen
class Automation:
    """Does *actions* with a record of *entity* when *trigger* says so, if the *condition* holds for it then.

    It acts as the user *runs_as*; without one as the system, which only a plugin may declare. Those of one event are
    begun by *position*. Writes up to the row *since* of the ledger do not set it off.
    """

    id: str = attrs.field(validator=_check_id)
    entity: str
    trigger: TriggerPart
    actions: Sequence[Step] = attrs.field(converter=_steps)
    condition: Rule | None = attrs.field(converter=_rule, default=None)
    runs_as: UUID | None = None
    position: int = 0
    is_active: bool = True
    note: str = ""
    since: int = 0

    def __attrs_post_init__(self) -> None:
        if self.entity == EVERY_ENTITY:
            raise DeclarationError(self.id, _("an automation is about the records of one entity"))
        if isinstance(self.trigger, OnCron):
            check_cron(self.id, self.trigger.cron)

    @property
    def does(self) -> tuple[Any, ...]:
        """What it does, and when: two automations with the same do the same."""
        return self.entity, self.trigger, self.actions, self.condition


@attrs.frozen
class Withdrawn:
    """A plugin ships the automation *id*, and it was removed here."""

    id: str
