"""What readers ask the database through: statements that are kept for everybody with the same shape of rights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.access import Access
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rules.check import CheckedRule, check
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.parameters import RunValues
from crmkit.core.rules.rule import Rule
from crmkit.core.side_doors import own_step
from crmkit.core.storage.batches import id_parameters, id_values, padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.held import Held
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.model import Model
    from crmkit.core.writing.store import Stored

__all__ = ["Condition", "Transaction"]

S = TypeVar("S")
Condition = Rule | str | None


class Transaction:
    """One transaction of one principal, as crmkit's own steps see it; nothing here is for plugins but the moment."""

    def __init__(self, model: Model, held: Held, access: Access) -> None:
        """Made by :meth:`CRM.read`; *model* is what the CRM consisted of then."""
        self.model, self._held, self._access = model, held, access

    @property
    def access(self) -> Access:
        """What the principal may do, for life."""
        return self._access

    @property
    @own_step
    def connection(self) -> Connection:
        """The connection of this transaction, for crmkit's own steps: nothing stands between it and all rows.

        Raises:
            TransactionOverError: the block has ended, or this is a writer of another thread.
            SideDoorError: who asks is not crmkit.
        """
        return self._held.connection

    @property
    def _connection(self) -> Connection:
        return self._held.connection

    @property
    def named_visibility(self) -> Visibility:
        """What the principal may see, as SQL that serves everybody with this access's shape."""
        return self._visibility(named=True)

    @cached_property
    def moment(self) -> Moment:
        """What ``now()``, ``today()``, ``me()`` and ``my_team()`` mean in the rules of this reader."""
        return self.model.moment(self.access)

    def allowed_ids(self, info: EntityInfo, verb: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* that are visible and on which *verb* is allowed, in one statement."""
        table = self.model.schema.table(info)
        visibility = self._visibility(named=True)

        def statement(number: int) -> sa.Select[Any]:
            verbs = dict.fromkeys(["read", verb])
            allowed = [visibility.predicate(info, table.c, each) for each in verbs]
            return sa.select(table.c.id).where(_is_one_of(table, number), table.c.deleted_at.is_(None), *allowed)

        return self.ids_by_ids(("allowed", info.id, verb), statement, ids)

    @own_step
    def rows_by_ids(
        self, key: tuple[Any, ...], statement: Callable[[int], sa.Select[Any]], ids: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        """Return the rows, undecoded, of a statement made for a number of ids; it is kept under *key* and shape.

        For crmkit's own steps: *statement* builds its conditions from a visibility with named parameters.
        """
        rows: list[tuple[Any, ...]] = []
        # What is no id leads to no record.
        for batch in padded_batches([id_ for id_ in ids if isinstance(id_, UUID)]):
            prepared = self._prepared((*key, len(batch)), partial(statement, len(batch)))
            rows += prepared.rows(self._connection, self.given(None, id_values(batch)))
        return rows

    @own_step
    def rows_for(
        self, key: tuple[Any, ...], statement: Callable[[], sa.Select[Any]], values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Return the rows, undecoded, of a statement that takes *values* by name; it is kept under *key* and shape.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        return self._prepared(key, statement).rows(self._connection, self.given(None, values))

    @own_step
    def ids_by_ids(
        self, key: tuple[Any, ...], statement: Callable[[int], sa.Select[Any]], ids: Sequence[UUID]
    ) -> set[UUID]:
        """Return the ids that a statement like that of :meth:`rows_by_ids` selects."""
        decode = id_decoder(self.model.storage.dialect.name)
        return {decode(row[0]) for row in self.rows_by_ids(key, statement, ids)}

    def stored_rows(self, info: EntityInfo, verb: str, ids: Sequence[UUID]) -> dict[UUID, Stored]:
        """Return the stored values of *ids*, whether each is visible, and whether *verb* is allowed on it.

        For crmkit's own steps: what it returns is masked by nothing.
        """
        store, visibility = self.model.store, self._visibility(named=True)
        statement = partial(store.reading, visibility, info, verb)
        return store.decoded(info, self.rows_by_ids(("stored", info.id, verb), statement, ids))

    def given(self, checked: CheckedRule | None, more: Mapping[str, Any] = {}) -> RunValues:
        """Return what a prepared statement takes: who asks and when, the constants of the rule, and *more*.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        constants = checked.constant_values if checked else {}
        return RunValues(lambda: self.moment, {**self.access.parameters, **constants, **more})

    def kept(self, key: tuple[Any, ...], make: Callable[[], S]) -> S:
        """Return what *make* gives, kept under *key* for everybody with this access's shape.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        return self.model.statements.get((*key, self._shape), make)

    @property
    def _shape(self) -> int:
        return self.model.shape_of(self.access)

    def _visibility(self, *, named: bool) -> Visibility:
        moment = None if named else self.moment
        return Visibility(self.model.registry, self.model.schema, self.access, moment, named)

    def _checked(self, info: EntityInfo, where: Condition) -> CheckedRule | None:
        if where is None:
            return None
        return check(Rule.of(where), FieldScope(self.model.registry, info, self.access))

    def _prepared(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Prepared:
        return self.kept(key, lambda: Prepared(make(), self.model.storage.dialect))


def _is_one_of(table: sa.Table, number: int) -> sa.ColumnElement[bool]:
    parameters = id_parameters(number)
    return table.c.id == parameters[0] if number == 1 else table.c.id.in_(parameters)
