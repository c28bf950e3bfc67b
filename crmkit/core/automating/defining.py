"""From the rows of ``core.automation`` to automations, and from automations to the work that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.automating.automation import Automation, Withdrawn
from crmkit.core.automating.parts import OnWrite, read_steps, read_trigger
from crmkit.core.definitions import Definitions
from crmkit.core.errors import CrmkitError
from crmkit.core.registry import Claim
from crmkit.core.storage.schema import Schema

__all__ = ["AUTOMATIONS", "automation_of"]


def automation_of(values: Mapping[str, Any]) -> Automation:
    """Return the automation that *values* of a ``core.automation`` are.

    Raises:
        FieldProblem: the trigger or the actions are none.
        RuleError: the condition is no rule.
        DeclarationError: the name or the time of cron is none.
    """
    return Automation(
        values["name"],
        values["entity"],
        read_trigger(values["trigger"]),
        read_steps(values["actions"]),
        values["condition"],
        values["runs_as_id"],
        values["position"],
        values["is_active"],
        values["note"] or "",
        values["since"] or 0,
    )


def _read(connection: Connection, schema: Schema) -> Iterable[Claim]:
    table = schema.tables["core_automation"]
    rows = connection.execute(sa.select(table).where(table.c.deleted_at.is_(None)).order_by(table.c.name))
    names = set[str]()
    for row in rows.mappings().all():
        names.add(row["name"])
        yield from _claims(dict(row))
    edit = schema.tables["core_local_edit"]
    edited = sa.select(edit.c.thing).where(edit.c.kind == "automation", edit.c.deleted_at.is_(None))
    for name in sorted({*connection.scalars(edited)} - names):
        yield Claim(name.partition(".")[0], Withdrawn(name))


def _claims(values: dict[str, Any]) -> Iterator[Claim]:
    try:
        automation = automation_of(values)
    except CrmkitError:
        try:
            # It fits nowhere, so it is left out and reported.
            automation = Automation(values["name"], "", OnWrite(), ())
        except CrmkitError:
            return
    yield Claim(automation.id.partition(".")[0], automation)


AUTOMATIONS = Definitions(frozenset({"core.automation", "core.local_edit"}), _read)
