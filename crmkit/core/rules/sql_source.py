"""Where the SQL of a rule takes its columns from."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.sql import ColumnElement

__all__ = ["Source"]


class Source(Protocol):
    """The rows of one entity: a table, an alias, or a relation of visible rows."""

    @property
    def columns(self) -> Any:
        """The columns by the names under which they are stored: ``amount_base``, ``stage``, ``company_id``."""
        ...

    def related(self, entity: str) -> Source:
        """Return all rows of *entity* that a rule may follow a reference to, as a relation of its own at every call."""
        ...

    def extension(self, plugin: str) -> Source:
        """Return the side table of *plugin*, whose key is ``record_id``, as a relation of its own at every call."""
        ...

    def computed(self, name: str) -> ColumnElement[Any]:
        """Return the expression of a computed field, in the form in which a stored field would be kept."""
        ...
