"""Fields that are encrypted from now on, or no more, or get a blind index: what a revision does with their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import attrs
import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.engine import Connection

from crmkit.core.migrating.comparing import unclaimed
from crmkit.core.storage.sealing import Token

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Conversion", "conversions"]

_SEALED, _INDEX = "_sealed", "_index"
_STEP = '''@in_batches("{table}")
def {verb}_{field}(batch: Batch) -> None:
    """{told} the values of {field}."""
    {verb}_field(batch, "{field}")
'''


@attrs.frozen
class Conversion:
    """The *field* of *table* whose values *verb* says are encrypted, decrypted or indexed; then the columns *old* go.

    Until then what is *added* may be empty; afterwards it may not if it is *required*.
    """

    table: str
    field: str
    verb: Literal["encrypt", "decrypt", "index"]
    old: tuple[str, ...]
    added: sa.Column[Any]

    @property
    def required(self) -> bool:
        """Whether the field has to have a value in a column of its own."""
        return not self.added.nullable

    @property
    def function(self) -> str:
        """The name of what does it to a batch."""
        return f"{self.verb}_field"

    @property
    def step(self) -> str:
        """The code of the data step."""
        return _STEP.format(table=self.table, field=self.field, verb=self.verb, told=self.verb.capitalize())

    def finish(self) -> Iterator[ops.MigrateOperation]:
        """Yield what is left to do when every row is converted."""
        if self.required:
            name, kind = str(self.added.name), self.added.type
            yield ops.AlterColumnOp(self.table, name, existing_type=kind, modify_nullable=False)
        yield from (ops.DropColumnOp(self.table, name) for name in self.old)


def conversions(
    connection: Connection, crm: CRM, plugin: str, different: Sequence[ops.MigrateOperation]
) -> Iterator[Conversion]:
    """Yield the fields whose old column is there and claimed by nobody while *different* adds the new one."""
    old = {(table, column["name"]) for table, column in unclaimed(connection, crm.schema, {plugin})}
    added = {(each.table_name, str(each.column.name)): each.column for each in different if _adds_column(each)}
    for (table, name), column in added.items():
        plain, indexed = name.removesuffix(_SEALED), name.removesuffix(_INDEX)
        if name != plain and (table, plain) in old:
            yield Conversion(table, plain, "encrypt", (plain,), column)
        elif (table, name + _SEALED) in old:
            there = tuple(name + suffix for suffix in (_SEALED, _INDEX) if (table, name + suffix) in old)
            yield Conversion(table, name, "decrypt", there, column)
        elif isinstance(column.type, Token) and (table, indexed + _SEALED) not in added:
            yield Conversion(table, indexed, "index", (), column)


def _adds_column(operation: ops.MigrateOperation) -> TypeGuard[ops.AddColumnOp]:
    return isinstance(operation, ops.AddColumnOp)
