"""An export of deals: one statement streamed into one CSV file, for somebody who sees everything."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from crmkit import CRM

__all__ = ["COLUMNS", "export_deals"]

#: What the file has, in this order.
COLUMNS = ("number", "name", "company.name", "stage", "amount", "amount_currency", "expected_close_on", "source")
_FETCHED = 1000
_DEALS = sa.text(
    "SELECT d.number, d.name, c.name, d.stage, d.amount_minor, d.amount_currency, d.expected_close_on, d.source"
    " FROM trade_deal d LEFT JOIN trade_company c ON c.id = d.company_id AND c.deleted_at IS NULL"
    " WHERE d.deleted_at IS NULL ORDER BY d.id DESC"
)
_CENT = Decimal("0.01")


def export_deals(crm: CRM, path: Path) -> int:
    """Write all deals to *path*, newest first, and return how many there are."""
    rows = 0
    with (
        crm.storage.snapshot() as connection,
        path.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        found = connection.execution_options(stream_results=True, max_row_buffer=_FETCHED).execute(_DEALS)
        for number, name, company, stage, minor, currency, close, source in found:
            amount = "" if minor is None else f"{minor * _CENT:f}"
            writer.writerow((number, _safe(name), _safe(company or ""), stage, amount, currency, close, source))
            rows += 1
    return rows


def _safe(text: str) -> str:
    """Return *text* as no spreadsheet runs it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else text
