"""The settings of one CRM, as values; :mod:`crmkit.core.settings` reads them from ``crm.toml``."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

__all__ = ["Company", "Config", "Database"]


@attrs.frozen
class Company:
    """Whose CRM it is: its name, the currency of totals (ISO 4217), its time zone (IANA) and its language."""

    name: str = "My company"
    currency: str = "EUR"
    time_zone: str = "UTC"
    locale: str = "en"


@attrs.frozen
class Database:
    """Where the records are: a SQLAlchemy URL of SQLite or PostgreSQL, and how many connections stay open."""

    url: str = "sqlite:///crm.db"
    pool_size: int = 8


@attrs.frozen
class Config:
    """Everything that ``crm.toml`` may say."""

    company: Company = attrs.field(factory=Company)
    database: Database = attrs.field(factory=Database)
    plugins: Sequence[str] = attrs.field(factory=list)
