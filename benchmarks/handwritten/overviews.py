"""A contact from all sides by hand: a statement for each list, each with the same rights, and one for the time line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks.world.customers import Customers

__all__ = ["by_hand"]

# SQLite would rather gather everything of the team.
_SEEN = "(+owner_id = :me OR +team_id = :team)"
_MINE = f"deleted_at IS NULL AND {_SEEN}"
_ABOUT = "regarding_entity = 'customers.contact' AND regarding_id = :id"
_SALES = "SELECT id FROM sales_deal WHERE contact_id = :id AND deleted_at IS NULL AND owner_id = :me"


def _about(table: str) -> str:
    """Return the ids in *table* of what is about the contact or about a deal with them."""
    ids = f"SELECT id FROM {table} WHERE deleted_at IS NULL AND"
    return f"{ids} {_ABOUT} UNION {ids} regarding_entity = 'sales.deal' AND regarding_id IN ({_SALES})"


_TALKS = (
    f"({_about('customers_interaction')} UNION "
    "SELECT interaction_id FROM customers_participant WHERE contact_id = :id AND deleted_at IS NULL)"
)
_TODO = f"id IN ({_about('workspace_task')})"
_COUNTED = "count(*) OVER () AS crm_number"
_LISTS = {
    "customers.interactions": f"SELECT *, {_COUNTED} FROM customers_interaction WHERE id IN {_TALKS} AND {_MINE} "
    "ORDER BY started_at DESC, id DESC LIMIT 5",
    "workspace.open_tasks": f"SELECT *, {_COUNTED} FROM workspace_task WHERE {_TODO} AND NOT is_done AND "
    f"{_MINE} ORDER BY due_on ASC NULLS LAST, id LIMIT 5",
    "sales.open_deals": f"SELECT *, {_COUNTED}, sum(amount_base) OVER () AS total FROM sales_deal "
    "WHERE contact_id = :id AND stage_kind = 'open' AND deleted_at IS NULL AND owner_id = :me "
    "ORDER BY expected_close_on ASC NULLS LAST, id LIMIT 5",
    "sales.won_deals": f"SELECT *, {_COUNTED}, sum(amount_base) OVER () AS total FROM sales_deal "
    "WHERE contact_id = :id AND stage_kind = 'won' AND deleted_at IS NULL AND owner_id = :me "
    "ORDER BY closed_on DESC NULLS LAST, id DESC LIMIT 5",
    "sales.leads": f"SELECT *, {_COUNTED} FROM sales_lead WHERE contact_id = :id AND deleted_at IS NULL "
    "AND owner_id = :me ORDER BY id DESC LIMIT 5",
    "workspace.comments": f"SELECT *, {_COUNTED} FROM workspace_comment WHERE {_ABOUT} AND deleted_at IS NULL "
    "ORDER BY id DESC LIMIT 5",
    "workspace.tags": f"SELECT *, {_COUNTED} FROM workspace_tagging WHERE record_entity = 'customers.contact' "
    "AND record_id = :id AND deleted_at IS NULL ORDER BY id LIMIT 20",
}
_TASKS = f"FROM workspace_task WHERE {_TODO} AND {_MINE}"
_LINE = f"""
SELECT at, id, what, told FROM (
  SELECT started_at AS at, id, 'talk' AS what, subject AS told FROM customers_interaction
    WHERE id IN {_TALKS} AND {_MINE}
  UNION ALL SELECT created_at, id, 'task', title {_TASKS}
  UNION ALL SELECT done_at, id, 'done', title {_TASKS} AND done_at IS NOT NULL
  UNION ALL SELECT created_at, id, 'comment', body FROM workspace_comment WHERE {_ABOUT} AND deleted_at IS NULL
  UNION ALL SELECT v.entered_at, v.record_id, 'move', v.stage FROM core_stage_visit v
    WHERE v.entity = 'sales.deal' AND v.record_id IN ({_SALES})
  UNION ALL SELECT l.at, l.record_id, l.kind, p.changes FROM core_ledger l
    LEFT JOIN core_ledger_payload p ON p.ledger_id = l.id
    WHERE l.entity = 'customers.contact' AND l.record_id = :id
) AS line ORDER BY at DESC LIMIT 20
"""


def by_hand(customers: Customers) -> Callable[[UUID], dict[str, Any]]:
    """Return what reads the contact with an id, its company, its lists and its time line."""
    storage, member = customers.crm.storage, customers.member

    def own(value: UUID) -> Any:
        return value.bytes if storage.is_sqlite else value

    def text(statement: str) -> sa.TextClause:
        return sa.text(statement if storage.is_sqlite else statement.replace("+", ""))

    given = {"me": own(member.id), "team": own(member.team)}
    contact = text(f"SELECT * FROM customers_contact WHERE id = :id AND {_MINE}")
    company = text("SELECT * FROM customers_company WHERE id = :company AND deleted_at IS NULL")
    lists = {name: text(statement) for name, statement in _LISTS.items()}
    line = text(_LINE)

    def read(id_: UUID) -> dict[str, Any]:
        with storage.reading() as connection:
            values = {**given, "id": own(id_)}
            [record] = connection.execute(contact, values).fetchall()
            above = connection.execute(company, {"company": record.company_id}).fetchall()
            found = {name: connection.execute(statement, values).fetchall() for name, statement in lists.items()}
            return {"above": above, "line": connection.execute(line, values).fetchall(), **found}

    return read
