"""The reading half of the wall: everything that leaves the database passes through here, for one principal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Result

from crmkit.core.entity import EntityInfo, ExtensionRecord, Record, entity_info
from crmkit.core.errors import ForbiddenError, StatementRefusedError
from crmkit.core.fields import Target
from crmkit.core.gate import check_statement
from crmkit.core.jobs.door import Jobs
from crmkit.core.ledger import LedgerEntry, ledger_names, read_history
from crmkit.core.money import Money
from crmkit.core.network.guard import NetworkGuard
from crmkit.core.pipelines import Pipeline
from crmkit.core.policy.access import Access
from crmkit.core.policy.credentials import credentials_of
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import OPERATIONS
from crmkit.core.rates import Rates
from crmkit.core.reading.aggregates import Aggregate, Question, left_64_bits
from crmkit.core.reading.branches import in_branches
from crmkit.core.reading.extensions import extensions
from crmkit.core.reading.known_events import Audience, KnownEvents
from crmkit.core.reading.limits import check_limit
from crmkit.core.reading.links import expand
from crmkit.core.reading.lists import Lists
from crmkit.core.reading.matches import Matches, find_matches
from crmkit.core.reading.measures import Measure
from crmkit.core.reading.past_money import money_relation
from crmkit.core.reading.relations import safe_relation
from crmkit.core.reading.section_lists import SectionList, read_sections
from crmkit.core.reading.shares import SharedWith, read_shares
from crmkit.core.reading.timeline import Timeline, read_timeline
from crmkit.core.reading.transaction import Condition
from crmkit.core.reading.visits import Visit, read_visits, visits_relation
from crmkit.core.reading.written import read_written
from crmkit.core.searching.finding import search
from crmkit.core.searching.hits import SearchPage
from crmkit.core.side_doors import asking_module, note_tried
from crmkit.core.storage.held import Held

if TYPE_CHECKING:
    from crmkit.core.model import Model

__all__ = ["Reader"]

R = TypeVar("R", bound=Record)
X = TypeVar("X", bound=ExtensionRecord)


class Reader(Lists):
    """Reads for one principal, for life: nothing it returns holds a row or a field that the principal may not read."""

    def __init__(self, model: Model, held: Held, access: Access) -> None:
        """Made by :meth:`CRM.read`; *model* is what the CRM consisted of then."""
        super().__init__(model, held, access)
        # Each with the entity whose rows it has; visits have none.
        self._issued: dict[sa.Subquery, EntityInfo | None] = {}

    @cached_property
    def trusted(self) -> Reader:
        """A reader of everything in the same transaction, for crmkit's own steps, hooks and guards."""
        return Reader(self.model, self._held, self.model.system_access)

    def readers_of(self, users: Iterable[UUID]) -> Iterator[tuple[UUID, Reader]]:
        """Yield a reader in the same transaction for each of *users* who is active, so that nobody is told too much.

        As of :attr:`trusted`: nothing that is read through it may reach anybody but that user.
        """
        from crmkit.core.policy.access_cache import InactiveUserError

        accesses = self.model.fresh_accesses(self.model.registry)
        for user in users:
            try:
                access = accesses.resolve(self._connection, Principal(user, str(user)))
            except InactiveUserError:
                continue
            yield user, Reader(self.model, self._held, access)

    def aggregate(
        self,
        entity: type[Record],
        *,
        group_by: str | Sequence[str] = (),
        measures: Mapping[str, Measure],
        where: Condition = None,
    ) -> list[dict[str, Any]]:
        """Return one dict for each group, with the fields of *group_by* and the *measures* by name.

        Measures are made by :func:`crmkit.count`, ``total``, ``total_by_currency``, ``average``, ``least`` and
        ``greatest``. Money is grouped and measured by its value in the company's currency, but for
        ``total_by_currency``. Fields of extensions are named ``plugin.field``.

        Raises:
            UnknownFieldError: a field does not exist, or is hidden.
            MeasureError: there is no measure, or one that makes no sense for its field.
        """
        info = self.model.registry.entity(entity)
        groups = (group_by,) if isinstance(group_by, str) else tuple(group_by)
        question = Question(info, groups, measures, self._checked(info, where))
        try:
            return self._answer(question, in_halves=False)
        except sa.exc.OperationalError as error:
            if not left_64_bits(error):
                raise
            return self._answer(question, in_halves=True)

    def _answer(self, question: Question, *, in_halves: bool) -> list[dict[str, Any]]:
        def make() -> Aggregate:
            visibility = self._visibility(named=True)
            return Aggregate(question, visibility, self.model.storage.dialect, in_halves=in_halves)

        made = self.kept(("aggregate", question.key, in_halves), make)
        return made.answer(self._connection, self.given(question.where))

    def expand(self, records: Sequence[Record], relation: str) -> dict[UUID, Any]:
        """Return the visible records behind *relation* of all *records*, by id, in one statement.

        *relation* is a reference without its ``_id`` (``company``) or a many-to-many link of the entity
        (then the values are lists, by the id of the record that was asked for).

        Raises:
            UnknownFieldError: there is no such relation, or it is hidden.
        """
        return expand(self, records, relation)

    def sections(self, record: Record) -> list[SectionList]:
        """Return what plugins show with *record*, as far as the principal may know it: one statement, however many.

        A section whose entity, route or condition is hidden is absent, as one that no plugin declares.

        Raises:
            NotFoundError: the record is not visible.
        """
        return read_sections(self, self.model.registry.entity(type(record)), self.get(type(record), record.id).id)

    def timeline(self, record: Record, *, limit: int = 20, after: str | None = None) -> Timeline:
        """Return the newest *limit* of what happened to *record* and around it, behind the cursor *after*.

        Raises:
            NotFoundError: the record is not visible.
            CursorError: *after* is no cursor of a time line.
            LimitError: *limit* is no whole number above zero.
        """
        check_limit(limit)
        found = self.get(type(record), record.id)
        return read_timeline(self, self.model.registry.entity(type(record)), found.id, limit, after)

    def visible(self, entity: type[Any]) -> sa.Subquery:
        """Return the safe relation of *entity*: a subquery of exactly the rows and columns that may be read.

        An extension's relation has ``record_id`` and its fields, for the visible records of its host. Compose any
        SQLAlchemy Core statement of safe relations and give it to :meth:`execute`.

        Raises:
            UnknownEntityError: no enabled plugin declares it.
        """
        registry = self.model.registry
        info = registry.extension(entity) if entity_info(entity).host else registry.entity(entity)
        relation = safe_relation(self._visibility(named=False), info)
        self._issued[relation] = info
        return relation

    def execute(self, statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> Result[Any]:
        """Run a statement built from safe relations of this reader and return its result.

        It takes no parameters: a parameter could be named like a value inside a safe relation and take its place.

        Raises:
            StatementRefusedError: something in it stands outside the safe relations.
        """
        try:
            check_statement(statement, self._issued)
        except StatementRefusedError:
            note_tried(asking_module(), "execute")
            raise
        return self._connection.execute(in_branches(statement, self._issued, self._visibility(named=False)))

    def extension(self, cls: type[X], record: Record) -> X:
        """Return the values of the extension *cls* for *record*; defaults where nothing was written.

        Raises:
            NotFoundError: the record is not visible.
        """
        return self.extensions(cls, [record])[record.id]

    def extensions(self, cls: type[X], records: Sequence[Record]) -> dict[UUID, X]:
        """Return the extension *cls* of each of *records* by the record's id, in one statement.

        Raises:
            NotFoundError: a record is not visible.
        """
        return extensions(self, cls, records)

    def matches(self, record: R) -> Matches[R]:
        """Return the other records that may be the same as *record*, stored or not: those that share a key with it.

        That a hidden one does is told to those who are granted ``see_duplicates`` on it; nothing else of it is.
        """
        info = self.model.registry.entity(type(record))
        return find_matches(self, info, {name: getattr(record, name, None) for name in info.fields}, record.id)

    def history(self, record: Record, *, limit: int | None = None, after: int = 0) -> list[LedgerEntry]:
        """Return what happened to *record*, oldest first, with the values of the fields that may be read today.

        Of a credential is told that it changed; an ellipsis stands for its values. That is all of it, or with *limit*
        as many entries at most, behind the one with the id *after*.

        Raises:
            NotFoundError: the record is not visible.
            LimitError: *limit* is no whole number above zero.
        """
        if limit is not None:
            check_limit(limit)
        info = self.model.registry.entity(type(record))
        # Of a merged record, the one that it went into: who sees that need not see what was merged.
        found = self.get(type(record), record.id)
        fields = self.model.registry.fields(info.id)
        target, names = Target(info.id, found.id), ledger_names(fields, self.access.entity(info).readable)
        return read_history(
            self._connection,
            self.model.schema,
            target,
            names,
            self._visibility(named=False),
            withheld=credentials_of(self.model.registry, info.id),
            limit=limit,
            after=after,
        )

    def events(self, *, after: int | None = None, limit: int = 500) -> KnownEvents:
        """Return what was written behind the position *after*, in the order of commits, as far as one may know today.

        Of the next *limit* writes those are told whose records are visible, or in the bin of whoever may delete them;
        the others are as if they had not happened. Go on behind the ``position`` that is returned, until it stays the
        same. Without *after* nothing is told, and the position is that of the newest write.

        Raises:
            CursorError: *after* is no position.
            LimitError: *limit* is no whole number above zero.
        """
        check_limit(limit)
        written = read_written(self, after, limit)
        return KnownEvents(Audience(written).known_to(self), written.position)

    def shares(self, record: Record, *, limit: int | None = None, after: UUID | None = None) -> list[SharedWith]:
        """Return with whom *record* is shared, oldest first: all of it, or up to *limit* behind the share *after*.

        Whoever may share it is told of everybody whom they see; others only of what is shared with them.

        Raises:
            NotFoundError: the record is not visible.
            LimitError: *limit* is no whole number above zero.
        """
        if limit is not None:
            check_limit(limit)
        info = self.model.registry.entity(type(record))
        found = self.get(type(record), record.id)
        every, target = self.may("share", found), Target(info.id, found.id)
        visibility = self._visibility(named=False)
        return read_shares(self._connection, visibility, target, every=every, limit=limit, after=after)

    def visits(self, record: Record, *, limit: int | None = None, after: int = 0) -> list[Visit]:
        """Return how long *record* stood in which stages, oldest first; users who are not visible are not named.

        That are all of its visits, or with *limit* as many at most, behind the one with the id *after*.

        Raises:
            NotFoundError: the record is not visible.
            UnknownFieldError: it has no stage, or that is hidden.
            LimitError: *limit* is no whole number above zero.
        """
        if limit is not None:
            check_limit(limit)
        info = self.model.registry.entity(type(record))
        found = self.get(type(record), record.id)
        visibility = self._visibility(named=False)
        return read_visits(self._connection, visibility, info, found.id, limit=limit, after=after)

    def visible_visits(self, entity: type[Record], where: Condition = None) -> sa.Subquery:
        """Return the safe relation of the visits of all visible records of *entity*, for statements of your own.

        It has ``record_id`` and the columns of :class:`crmkit.Visit`, but for what may not be known. With *where*, it
        is of those records alone for which that holds today.

        Raises:
            UnknownFieldError: the entity has no stage, or that is hidden; or *where* names such a field.
        """
        info = self.model.registry.entity(entity)
        relation = visits_relation(self._visibility(named=False), info, self._checked(info, where))
        self._issued[relation] = None
        return relation

    def visible_money(self, entity: type[Record], field: str, at: datetime) -> sa.Subquery:
        """Return the safe relation of what *field*, an amount of money, held *at* by the ledger.

        It has ``record_id``, ``minor`` and ``currency``, for visible records whose value was known by then.

        Raises:
            UnknownFieldError: the entity has no such money, or it is hidden.
        """
        info = self.model.registry.entity(entity)
        relation = money_relation(self._visibility(named=False), info, field, at)
        self._issued[relation] = None
        return relation

    def search(
        self,
        text: str,
        *,
        entities: Sequence[type[Record] | str] | None = None,
        limit: int = 20,
        after: str | None = None,
    ) -> SearchPage:
        """Return up to *limit* of the visible records in which all words of *text* stand, behind the cursor *after*.

        Searched are the fields that are declared so, of *entities* or of all, as far as the principal may read them.
        Words are found without case and accents, in any order; the last one may be begun only. Best come those that are
        called so, of equals the newest.

        Raises:
            SearchTextError: *text* is no text, or too long.
            UnknownEntityError: there is no such entity.
            LimitError: *limit* is no whole number above zero.
            CursorError: *after* is no cursor of this search, or its record is not there any more.
        """
        return search(self, text, entities, limit, after)

    @cached_property
    def jobs(self) -> Jobs:
        """Deliveries, jobs and schedules, as far as the principal may see them."""
        return Jobs(self)

    def may(self, verb: str, record: Record) -> bool:
        """Return whether the principal may *verb* the stored record, which it can see."""
        info = self.model.registry.entity(type(record))
        return record.id in self.allowed_ids(info, verb, [record.id])

    def check_export(self, entity: type[Record]) -> None:
        """Return if the principal may export *entity* at all.

        Raises:
            ForbiddenError: no grant has the verb ``export`` for it.
        """
        info = self.model.registry.entity(entity)
        if not self.access.is_system and not self.access.entity(info).scope("export"):
            raise ForbiddenError(info.id, "export", info.label)

    @property
    def network(self) -> NetworkGuard:
        """The guard that says where a request may go."""
        return self.model.network

    def check_operations(self) -> None:
        """Return if the principal may know how the work of the whole company goes: its requests, its jobs, its workers.

        Raises:
            ForbiddenError: no grant has the verb ``read`` for ``core.operations``.
        """
        if not self.access.may("read", OPERATIONS):
            raise ForbiddenError(OPERATIONS, "read", OPERATIONS)

    @property
    def currency(self) -> str:
        """The company's currency (ISO 4217), in which money is summed and compared."""
        return self.model.registry.currency

    def in_base(self, money: Money, day: date) -> Money | None:
        """Return *money* in the company's currency by the rate of *day*; ``None`` if there was none yet."""
        rates = Rates(self.currency, lambda currency: self.model.rates_of(self._connection, currency))
        minor = rates.base_minor(money, day)
        return None if minor is None else Money(minor, self.currency)

    def pipelines(self, entity: type[Record]) -> tuple[Pipeline, ...]:
        """Return the pipelines of *entity* as they stand today; the first is the one of new records.

        Records may pin an older version, and stand in a stage that is retired.
        """
        return self.model.registry.pipelines_of(self.model.registry.entity(entity).id)

    def entity(self, id: str) -> type[Record]:
        """Return the class of the entity with this id.

        Raises:
            UnknownEntityError: no enabled plugin declares it.
        """
        return self.model.registry.entity(id).cls

    def readable_fields(self, entity: type[Record]) -> frozenset[str]:
        """Return the names of the fields of *entity* that exist for the principal."""
        return self.access.entity(self.model.registry.entity(entity)).readable
