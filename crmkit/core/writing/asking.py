"""What the steps of a write ask the database of ids, beyond what a reader asks for people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.policy.rule_sources import FieldScope, TrustedSource
from crmkit.core.policy.visibility import Visibility
from crmkit.core.reading.reader import Reader
from crmkit.core.rules.check import CheckedRule, check
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.batches import id_parameters, id_values
from crmkit.core.storage.locks import locked

__all__ = ["Asking"]


class Asking(Reader):
    """A reader that also looks at what the principal does not see, for crmkit's own steps."""

    @cached_property
    def visibility(self) -> Visibility:
        """What the principal may see and do, as SQL that takes its values by name."""
        return self._visibility(named=True)

    def known_ids(self, info: EntityInfo, ids: Sequence[UUID], is_trusted: bool) -> set[UUID]:
        """Return those of *ids* that a reference may point at: visible, or for a trusted write any that exist.

        Nobody deletes them before this transaction ends.
        """
        reader = self.trusted if is_trusted else self
        return reader.ids_by_ids(("referred", info.id), partial(self._referred, reader, info), sorted(ids))

    def _referred(self, reader: Reader, info: EntityInfo, number: int) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        shown = reader._visibility(named=True).shown(info, table.c)
        statement = sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), shown)
        return locked(statement, table, self.model.storage.dialect.name, "refer")

    def visible_ids(self, info: EntityInfo, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* that the principal sees."""
        return self.allowed_ids(info, "read", ids)

    def ids_in_bin(self, info: EntityInfo, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* that lie in the bin and that the principal may restore."""
        return self.ids_by_ids(("in bin", info.id), partial(self._in_bin, info), ids)

    def _in_bin(self, info: EntityInfo, number: int) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        shown = self._visibility(named=True).shown(info, table.c, deleted=True)
        return sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), shown)

    def ids_where_allowed(self, info: EntityInfo, verb: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* on whose stored rows a grant of *verb* and its restrictions hold."""
        return self.ids_by_ids(("where", info.id, verb), partial(self._where_allowed, info, verb), ids)

    def _where_allowed(self, info: EntityInfo, verb: str, number: int) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        allowed = self._visibility(named=True).predicate(info, table.c, verb)
        return sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), allowed)

    def unrestricted_ids(self, info: EntityInfo, verb: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* on whose rows no restriction forbids *verb*, whatever is granted."""
        if not self.access.entity(info).restrictions.get(verb):
            return set(ids)
        return self.ids_by_ids(("unrestricted", info.id, verb), partial(self._unrestricted, info, verb), ids)

    def _unrestricted(self, info: EntityInfo, verb: str, number: int) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        free = self._visibility(named=True).unrestricted(info, table.c, verb)
        return sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), free)

    def home_team_of(self, user: Any) -> UUID | None:
        """Return the home team of *user*; what is no id is nobody's."""
        if not isinstance(user, UUID):
            return None
        table = self.model.schema.tables["core_user"]
        found: UUID | None = self._connection.scalar(sa.select(table.c.team_id).where(table.c.id == user))
        return found

    def matches_stored(self, info: EntityInfo, rule: Rule, record: UUID) -> bool:
        """Return whether *rule* holds for the stored row of *record*, seen with trusted eyes."""
        checked = check(rule, FieldScope(self.model.registry, info))
        prepared = self._prepared(("guard", info.id, rule.text), partial(self._where_holds, info, checked))
        return bool(prepared.rows(self._connection, self.given(None, id_values([record]))))

    def matching_ids(self, info: EntityInfo, rule: Rule, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* for whose stored rows *rule* holds, seen with trusted eyes."""
        checked = check(rule, FieldScope(self.model.registry, info))
        return self.ids_by_ids(("matching", info.id, rule.text), partial(self._matching, info, checked), ids)

    def _matching(self, info: EntityInfo, rule: CheckedRule, number: int) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        source = TrustedSource(self.model.registry, self.model.schema, info, table.c)
        return sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)), compile_rule(rule, source))

    def _where_holds(self, info: EntityInfo, rule: CheckedRule) -> sa.Select[Any]:
        table = self.model.schema.table(info)
        source = TrustedSource(self.model.registry, self.model.schema, info, table.c)
        return sa.select(sa.literal(1)).where(table.c.id == id_parameters(1)[0], compile_rule(rule, source))
