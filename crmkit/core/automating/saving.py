"""What may be written of an automation: it fits, it gives nobody rights, and it begins with what comes after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.automating.automation import LOCAL, Automation
from crmkit.core.automating.checking import problems_of
from crmkit.core.automating.defining import automation_of
from crmkit.core.automating.parts import Assign, ByRule, Pool
from crmkit.core.errors import DeclarationError, FieldProblem
from crmkit.core.policy.access_cache import InactiveUserError
from crmkit.core.policy.people import Team, User
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.rules.errors import RuleError
from crmkit.core.text import gettext as _
from crmkit.core.writing.changes import Write

if TYPE_CHECKING:
    from crmkit.core.policy.access import Access
    from crmkit.core.writing.writer import Writer

__all__ = ["begin_now", "check_saved"]

_DEFINES = ("name", "entity", "trigger", "condition", "actions", "runs_as_id")


def check_saved(writer: Writer, write: Write) -> Iterator[FieldProblem]:
    """Yield a problem for each value of a ``core.automation`` that makes no sense, or would give somebody rights."""
    if write.entity.id != "core.automation" or write.kind not in ("create", "update", "restore"):
        return
    if None in (write.get(name) for name in ("name", "entity", "trigger", "actions")):
        return  # That a value is missing is told already.
    if write.stored and write.changes("name"):
        yield FieldProblem("name", _("stays as it is; add another automation"), "permanent")
    if write.kind == "update" and not write.get("is_active") and not any(map(write.changes, _DEFINES)):
        return  # What does not fit any more can be switched off, by whoever may change it.
    shipped = writer.model.shipped_automations.get(write.get("name"))
    if shipped is None and not write.get("name").startswith(f"{LOCAL}."):
        yield FieldProblem("name", _("the name of a new automation begins with 'custom.'"))
    try:
        automation = automation_of({name: write.get(name) for name in write.entity.fields})
    except FieldProblem as problem:
        yield problem
    except RuleError as error:
        yield FieldProblem("condition", _("{reason}"), reason=str(error))
    except DeclarationError as error:
        yield FieldProblem(
            "entity" if write.get("entity") == EVERY_ENTITY else "name", _("{reason}"), reason=str(error)
        )
    else:
        yield from _check(writer, automation, shipped)


def _check(writer: Writer, automation: Automation, shipped: Automation | None) -> Iterator[FieldProblem]:
    is_as_shipped = shipped is not None and automation.does == shipped.does and automation.runs_as == shipped.runs_as
    if not (is_as_shipped or writer.access.may_act_as(automation.runs_as)):
        message = _("an automation acts as yourself; as somebody else only administrators let one act")
        yield FieldProblem("runs_as_id", message, "forbidden")
        return
    found = problems_of(writer.model.registry, automation, None if is_as_shipped else writer.access)
    if not found and automation.runs_as not in (None, writer.access.user_id):
        try:
            theirs = _access_of(writer, automation.runs_as)
        except InactiveUserError as error:
            yield FieldProblem("runs_as_id", _("{reason}"), reason=str(error))
            return
        found = problems_of(writer.model.registry, automation, theirs)
    yield from found
    yield from _check_people(writer, automation)


def _access_of(writer: Writer, user: UUID | None) -> Access:
    # The CRM's own cache must never hold what is not committed.
    accesses = writer.model.fresh_accesses(writer.model.registry)
    return accesses.resolve(writer.connection, Principal(user, str(user)))


def _check_people(writer: Writer, automation: Automation) -> Iterator[FieldProblem]:
    """Yield a problem for each user or team to assign to whom the writer does not see."""
    for kind, wanted in ((User, set(_users(automation))), (Team, set(_teams(automation)))):
        info = writer.model.registry.entity(kind)
        for id_ in sorted(wanted - writer.visible_ids(info, sorted(wanted))):
            message = _("there is no {entity} {reference}")
            yield FieldProblem("actions", message, "reference", entity=info.id, reference=str(id_))


def _ways(automation: Automation) -> Iterable[object]:
    for step in automation.actions:
        if isinstance(step, Assign):
            yield step.to
            yield from step.to.choices if isinstance(step.to, ByRule) else ()


def _users(automation: Automation) -> Iterator[UUID]:
    for way in _ways(automation):
        yield from way.users if isinstance(way, Pool) else ()
        if (user := getattr(way, "user", None)) is not None:
            yield user


def _teams(automation: Automation) -> Iterator[UUID]:
    return (team for way in _ways(automation) if (team := getattr(way, "team", None)) is not None)


def begin_now(writer: Writer, write: Write) -> None:
    """Have an automation that is new, or switched on, begin with what is written from now on."""
    if write.entity.id != "core.automation" or write.kind not in ("create", "update", "restore"):
        return
    if write.kind != "update" or (write.changes("is_active") and write.get("is_active")):
        head = writer.model.schema.system.ledger_head
        write.values["since"] = writer.connection.scalar(sa.select(head.c.last_id)) or 0
        write.values["off_reason"] = None if write.get("is_active") else write.get("off_reason")
    elif write.changes("since"):
        write.values["since"] = write.stored["since"]
