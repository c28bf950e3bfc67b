"""What a revision does to rows, a batch at a time: the part of crmkit that revisions may import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from crmkit.core.crm import CRM

__all__ = ["Batch", "DataStep", "data_steps", "in_batches"]

_MARK = "__crmkit_in_batches__"


@attrs.frozen
class Batch:
    """Some rows of a table, inside a transaction of their own.

    *table* has the columns that it has at this moment, *ids* are the primary keys as the database keeps them, and
    *rows* is the condition that a row is one of the batch. *crm* is the CRM as its plugins are today.
    """

    connection: Connection
    table: sa.Table
    ids: Sequence[Any]
    rows: sa.ColumnElement[bool]
    crm: CRM


@attrs.frozen
class DataStep:
    """A function that is called with one batch after the other of the rows of *table*."""

    table: str
    run: Callable[[Batch], None]

    @property
    def description(self) -> str:
        """What it does, the first line of its docstring, or else its name."""
        return (self.run.__doc__ or self.run.__name__).strip().partition("\n")[0].rstrip(".")


def in_batches(table: str) -> Callable[[Callable[[Batch], None]], Callable[[Batch], None]]:
    """Mark a function of a revision that changes the rows of *table*.

    It runs after ``upgrade`` and before ``finish``, where the revision has one: once for each batch, in the order of
    the primary key, which must be one column. Each batch is a transaction that also keeps how far it has come, and is
    made as large as a tenth of a second allows, so that other writers wait at most 200 ms. Killed, it goes on with
    the batch that it was at. The function must not commit, and must not count on rows outside of its batch.
    """

    def mark(function: Callable[[Batch], None]) -> Callable[[Batch], None]:
        setattr(function, _MARK, DataStep(table, function))
        return function

    return mark


def data_steps(module: ModuleType) -> tuple[DataStep, ...]:
    """Return the data steps of a revision in the order in which they stand in its file."""
    return tuple(getattr(value, _MARK) for value in vars(module).values() if hasattr(value, _MARK))
