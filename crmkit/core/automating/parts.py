"""What an automation is written in: what sets it off, what it does, and whom it assigns to; read from JSON and TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from crmkit.core.errors import DeclarationError, FieldProblem
from crmkit.core.jobs.schedule import check_cron
from crmkit.core.pipelines.stages import StageKind
from crmkit.core.text import gettext as _

__all__ = [
    "Assign",
    "ByRule",
    "Case",
    "CreateRecord",
    "LeastBusy",
    "MoveStage",
    "OnCron",
    "OnDue",
    "OnEvent",
    "OnWrite",
    "Pool",
    "RoundRobin",
    "RunAction",
    "SetFields",
    "Step",
    "To",
    "TriggerPart",
    "Way",
    "read_steps",
    "read_trigger",
    "written",
]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class OnWrite(_Part, frozen=True, tag_field="on", tag="write"):
    """Set off by a write on a record of the automation's entity, picked as a :class:`Trigger` does."""

    kinds: list[Literal["create", "update", "restore", "transfer", "move", "merge", "unmerge"]] = []
    changes: list[str] = []
    enters: StageKind | None = None
    stages: list[str] = []


class OnEvent(_Part, frozen=True, tag_field="on", tag="event"):
    """Set off by the event with this id, which must tell of records of the automation's entity."""

    event: str


class OnCron(_Part, frozen=True, tag_field="on", tag="cron"):
    """Set off by the clock, in the company's time zone, for each record for which the condition holds."""

    cron: str


class OnDue(_Part, frozen=True, tag_field="on", tag="due"):
    """Set off for each record once so many days and hours have passed since its date or time *at*."""

    at: str
    days: Annotated[int, msgspec.Meta(ge=-36_500, le=36_500)] = 0
    hours: Annotated[int, msgspec.Meta(ge=-876_000, le=876_000)] = 0


TriggerPart = OnWrite | OnEvent | OnCron | OnDue


class Pool(_Part, frozen=True):
    """Some users: the members of a *team*, or *users*; of these the active ones for whom the rule *where* holds."""

    team: UUID | None = None
    users: list[UUID] = []
    where: str | None = None


class To(_Part, frozen=True, tag_field="by", tag="name"):
    """To this user, or this team, or both."""

    user: UUID | None = None
    team: UUID | None = None


class RoundRobin(Pool, frozen=True, tag_field="by", tag="round_robin"):
    """To each user of the pool in turn."""


class LeastBusy(Pool, frozen=True, tag_field="by", tag="least_busy"):
    """To the user who has the fewest records of the entity: those for which the rule *open* holds, or open ones."""

    open: str | None = None


class Case(_Part, frozen=True):
    """A user or a team, for records for which the rule *when* holds."""

    when: str
    user: UUID | None = None
    team: UUID | None = None


class ByRule(_Part, frozen=True, tag_field="by", tag="rule"):
    """To the first of *choices* whose rule holds; if none does, the record stays whose it is."""

    choices: list[Case]


Way = To | RoundRobin | LeastBusy | ByRule


class SetFields(_Part, frozen=True, tag_field="do", tag="set"):
    """Gives fields of the record these values."""

    values: dict[str, Any]


class CreateRecord(_Part, frozen=True, tag_field="do", tag="create"):
    """Creates a record of *entity* with these values."""

    entity: str
    values: dict[str, Any]


class MoveStage(_Part, frozen=True, tag_field="do", tag="move"):
    """Moves the record to *stage*, unless it stands there already."""

    stage: str
    reason: str | None = None
    note: str | None = None


class Assign(_Part, frozen=True, tag_field="do", tag="assign"):
    """Gives the record to somebody."""

    to: Way


class RunAction(_Part, frozen=True, tag_field="do", tag="run"):
    """Runs the action of a plugin."""

    action: str
    arguments: dict[str, Any] = {}


Step = SetFields | CreateRecord | MoveStage | Assign | RunAction


def read_trigger(given: Any) -> TriggerPart:
    """Return the trigger that *given*, JSON, is.

    Raises:
        FieldProblem: it is none; the place is named.
    """
    found: TriggerPart = _read("trigger", given, TriggerPart)
    if isinstance(found, OnCron):
        try:
            check_cron("cron", found.cron)
        except DeclarationError as error:
            raise FieldProblem("trigger", _("{reason}"), reason=str(error)) from None
    return found


def read_steps(given: Any) -> list[Step]:
    """Return the actions that *given*, a list of JSON objects, are.

    Raises:
        FieldProblem: they are none; the place is named.
    """
    found: list[Step] = _read("actions", given, list[Step])
    if not found:
        raise FieldProblem("actions", _("an automation does at least one thing"), "required")
    return found


def _read(field: str, given: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        reason, _dash, place = str(error).partition(" - at ")
        where = place.strip("`").replace("$", field, 1)
        raise FieldProblem(field, _("{where}: {reason}"), where=where or field, reason=reason) from None


def written(parts: TriggerPart | Sequence[Step]) -> Any:
    """Return *parts* as JSON that is read back as the same."""
    return msgspec.to_builtins(parts if isinstance(parts, Mapping | msgspec.Struct) else list(parts))
