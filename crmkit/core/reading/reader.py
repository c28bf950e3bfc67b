"""The reading half of the wall: everything that leaves the database passes through here, for one principal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Result

from crmkit.core.entity import EntityInfo, ExtensionRecord, Record, entity_info
from crmkit.core.errors import ForbiddenError, NotFoundError
from crmkit.core.fields import Target
from crmkit.core.gate import check_statement
from crmkit.core.jobs.door import Jobs
from crmkit.core.ledger import LedgerEntry, ledger_names, read_history
from crmkit.core.merging.redirects import merged_number, winners_of
from crmkit.core.money import Money
from crmkit.core.pipelines import Pipeline
from crmkit.core.policy.access import Access
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.policy.visibility import Visibility
from crmkit.core.rates import Rates
from crmkit.core.reading.aggregates import Aggregate, Question, count_statement, left_64_bits
from crmkit.core.reading.branches import in_branches
from crmkit.core.reading.extensions import extensions
from crmkit.core.reading.limits import check_limit
from crmkit.core.reading.links import expand
from crmkit.core.reading.listing import Listing, Stretch
from crmkit.core.reading.matches import Matches, find_matches
from crmkit.core.reading.measures import Measure
from crmkit.core.reading.ordering import Order, decode_cursor, encode_cursor, parse_order
from crmkit.core.reading.past_money import money_relation
from crmkit.core.reading.races import Race
from crmkit.core.reading.relations import safe_relation
from crmkit.core.reading.section_lists import SectionList, read_sections
from crmkit.core.reading.shares import SharedWith, read_shares
from crmkit.core.reading.timeline import Timeline, read_timeline
from crmkit.core.reading.visits import Visit, read_visits, visits_relation
from crmkit.core.rules.check import CheckedRule, check, has_constants
from crmkit.core.rules.moment import Moment
from crmkit.core.rules.parameters import RunValues
from crmkit.core.rules.rule import Rule
from crmkit.core.storage.batches import id_parameters, id_values, padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.prepared import Prepared
from crmkit.core.text import is_storable

if TYPE_CHECKING:
    from crmkit.core.model import Model
    from crmkit.core.writing.store import Stored

__all__ = ["Page", "Reader", "as_id"]

R = TypeVar("R", bound=Record)
X = TypeVar("X", bound=ExtensionRecord)
S = TypeVar("S")
Condition = Rule | str | None
Ordering = str | Sequence[str] | None


@attrs.frozen
class Page(Generic[R]):
    """Some records of a list, and the cursor behind the last of them; ``None`` at the end of the list."""

    records: list[R]
    next: str | None


class Reader:
    """Reads for one principal, for life: nothing it returns holds a row or a field that the principal may not read."""

    def __init__(self, model: Model, connection: Connection, access: Access) -> None:
        """Made by :meth:`CRM.read`; *model* is what the CRM consisted of then."""
        self.model, self._connection, self.access = model, connection, access
        # Each with the entity whose rows it has; visits have none.
        self._issued: dict[sa.Subquery, EntityInfo | None] = {}

    @property
    def connection(self) -> Connection:
        """The connection of this transaction, for crmkit's own steps: nothing stands between it and all rows."""
        return self._connection

    @cached_property
    def trusted(self) -> Reader:
        """A reader of everything in the same transaction, for crmkit's own steps, hooks and guards."""
        return Reader(self.model, self._connection, self.model.system_access)

    @property
    def named_visibility(self) -> Visibility:
        """What the principal may see, as SQL that serves everybody with this access's shape."""
        return self._visibility(named=True)

    @cached_property
    def moment(self) -> Moment:
        """What ``now()``, ``today()``, ``me()`` and ``my_team()`` mean in the rules of this reader."""
        return self.model.moment(self.access)

    def find(
        self,
        entity: type[R],
        where: Condition = None,
        *,
        order_by: Ordering = None,
        limit: int | None = None,
        deleted: bool = False,
    ) -> list[R]:
        """Return the visible records of *entity* for which *where* holds, newest first unless told otherwise.

        *order_by* names fields, with ``-`` before those that descend; records without a value come last. With
        *deleted* the records in the bin that the principal may delete are returned instead.

        Raises:
            RuleError: *where* is no rule on this entity.
            UnknownFieldError: a field does not exist, or is hidden.
            LimitError: *limit* is no whole number above zero.
        """
        if limit is not None:
            check_limit(limit)
        records, _order, _values = self._read(self.model.registry.entity(entity), where, order_by, limit, None, deleted)
        return records

    def page(
        self,
        entity: type[R],
        where: Condition = None,
        *,
        order_by: Ordering = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[R]:
        """Return up to *limit* records behind the cursor *after*, as :meth:`find` does, and the next cursor.

        Raises:
            CursorError: *after* is no cursor of this list.
        """
        check_limit(limit)
        info = self.model.registry.entity(entity)
        records, order, values = self._read(info, where, order_by, limit + 1, after, deleted=False)
        if len(records) <= limit:
            return Page(records, None)
        return Page(records[:limit], encode_cursor(order, [*values[limit - 1], records[limit - 1].id]))

    def stream(
        self, entity: type[R], where: Condition = None, *, order_by: Ordering = None, size: int = 1000
    ) -> Iterator[R]:
        """Yield what :meth:`find` returns, a page of *size* records at a time, so that memory stays flat."""
        cursor: str | None = None
        while True:
            page = self.page(entity, where, order_by=order_by, limit=size, after=cursor)
            yield from page.records
            cursor = page.next
            if cursor is None:
                return

    def get(self, entity: type[R], reference: UUID | str) -> R:
        """Return one record by its id or its human number; of a merged one, the record that it went into.

        Raises:
            NotFoundError: it does not exist or is not visible; the words are the same.
        """
        info = self.model.registry.entity(entity)
        id_ = as_id(reference)
        found = self._by_ids(info, [id_]) if id_ else self._by_number(info, reference)
        if not found:
            found = self._by_ids(info, self._merged_into(info, id_, reference))
        if not found:
            raise NotFoundError(info.id, reference)
        return found[0]  # type: ignore[no-any-return]

    def get_many(self, entity: type[R], ids: Iterable[UUID]) -> dict[UUID, R]:
        """Return the visible ones of the records with these *ids*, by id."""
        wanted = list(dict.fromkeys(ids))
        return {record.id: record for record in self._by_ids(self.model.registry.entity(entity), wanted)}

    def count(self, entity: type[Record], where: Condition = None) -> int:
        """Return how many visible records there are for which *where* holds."""
        info = self.model.registry.entity(entity)
        checked = self._checked(info, where)
        key = ("count", info.id, checked and checked.shape)

        def make() -> Prepared:
            statement = count_statement(self._visibility(named=True), info, checked)
            return Prepared(statement, self.model.storage.dialect, by_value=has_constants(checked))

        return int(self.kept(key, make).rows(self._connection, self.given(checked))[0][0])

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
        check_statement(statement, self._issued)
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

    def history(self, record: Record) -> list[LedgerEntry]:
        """Return what happened to *record*, oldest first, with the values of the fields that may be read today.

        Raises:
            NotFoundError: the record is not visible.
        """
        info = self.model.registry.entity(type(record))
        # Of a merged record, the one that it went into: who sees that need not see what was merged.
        found = self.get(type(record), record.id)
        target, names = Target(info.id, found.id), ledger_names(info, self.access.entity(info).readable)
        return read_history(self._connection, self.model.schema, target, names, self._visibility(named=False))

    def shares(self, record: Record) -> list[SharedWith]:
        """Return with whom *record* is shared, oldest first.

        Whoever may share it is told of everybody whom they see; others only of what is shared with them.

        Raises:
            NotFoundError: the record is not visible.
        """
        info = self.model.registry.entity(type(record))
        self.get(type(record), record.id)
        every, target = self.may("share", record), Target(info.id, record.id)
        return read_shares(self._connection, self._visibility(named=False), target, every=every)

    def visits(self, record: Record) -> list[Visit]:
        """Return how long *record* stood in which stages, oldest first; users who are not visible are not named.

        Raises:
            NotFoundError: the record is not visible.
            UnknownFieldError: it has no stage, or that is hidden.
        """
        info = self.model.registry.entity(type(record))
        found = self.get(type(record), record.id)
        return read_visits(self._connection, self._visibility(named=False), info, found.id)

    def visible_visits(self, entity: type[Record]) -> sa.Subquery:
        """Return the safe relation of the visits of all visible records of *entity*, for statements of your own.

        It has ``record_id`` and the columns of :class:`crmkit.Visit`, but for what may not be known.

        Raises:
            UnknownFieldError: the entity has no stage, or that is hidden.
        """
        relation = visits_relation(self._visibility(named=False), self.model.registry.entity(entity))
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

    @cached_property
    def jobs(self) -> Jobs:
        """Deliveries, jobs and schedules, as far as the principal may see them."""
        return Jobs(self)

    def may(self, verb: str, record: Record) -> bool:
        """Return whether the principal may *verb* the stored record, which it can see."""
        info = self.model.registry.entity(type(record))
        return record.id in self.allowed_ids(info, verb, [record.id])

    def allowed_ids(self, info: EntityInfo, verb: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return those of *ids* that are visible and on which *verb* is allowed, in one statement."""
        table = self.model.schema.table(info)
        visibility = self._visibility(named=True)

        def statement(number: int) -> sa.Select[Any]:
            verbs = dict.fromkeys(["read", verb])
            allowed = [visibility.predicate(info, table.c, each) for each in verbs]
            return sa.select(table.c.id).where(_is_one_of(table, number), table.c.deleted_at.is_(None), *allowed)

        return self.ids_by_ids(("allowed", info.id, verb), statement, ids)

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

    def rows_for(
        self, key: tuple[Any, ...], statement: Callable[[], sa.Select[Any]], values: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Return the rows, undecoded, of a statement that takes *values* by name; it is kept under *key* and shape.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        return self._prepared(key, statement).rows(self._connection, self.given(None, values))

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

    def check_export(self, entity: type[Record]) -> None:
        """Return if the principal may export *entity* at all.

        Raises:
            ForbiddenError: no grant has the verb ``export`` for it.
        """
        info = self.model.registry.entity(entity)
        if not self.access.is_system and not self.access.entity(info).scope("export"):
            raise ForbiddenError(info.id, "export", info.label)

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

    # How lists are read.

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

    def given(self, checked: CheckedRule | None, more: Mapping[str, Any] = {}) -> RunValues:
        """Return what a prepared statement takes: who asks and when, the constants of the rule, and *more*.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        constants = checked.constant_values if checked else {}
        return RunValues(lambda: self.moment, {**self.access.parameters, **constants, **more})

    def _listing(self, info: EntityInfo, where: CheckedRule | None, order: Order, deleted: bool) -> Listing:
        columns = self.model.loader(info, self.access).columns
        is_sqlite = self.model.storage.is_sqlite
        return Listing(self._visibility(named=True), info, columns, where, order, is_sqlite, deleted)

    def _read(
        self,
        info: EntityInfo,
        where: Condition,
        order_by: Ordering,
        limit: int | None,
        after: str | None,
        deleted: bool,
    ) -> tuple[list[Any], Order, list[list[Any]]]:
        scope = FieldScope(self.model.registry, info, self.access)
        order = parse_order(scope, info, order_by)
        checked = self._checked(info, where)
        listing = self._listing(info, checked, order, deleted)
        mark = None if after is None else decode_cursor(order, after)
        segments = listing.segments
        if mark is not None and len(segments) == 2 and mark[0] is None:
            segments = segments[1:]
        rows: list[tuple[Any, ...]] = []
        for segment in segments:
            if limit is not None and len(rows) >= limit:
                break
            marked = None if mark is None else tuple(value is not None for value in mark)
            rows += self._stretch(listing, Stretch(segment, limit, marked), mark)
            mark = None
        return self._loaded(info, listing, rows[:limit])

    def _stretch(self, listing: Listing, stretch: Stretch, mark: list[Any] | None) -> list[tuple[Any, ...]]:
        where = listing.where
        key = ("list", listing.info.id, self._shape, where and where.shape, listing.order, listing.deleted, stretch)
        dialect, by_value = self.model.storage.dialect, has_constants(where)
        race = self.model.statements.get(key, lambda: Race(listing.statements(stretch), dialect, by_value))
        given = self.given(where, {f"after_{place}": value for place, value in enumerate(mark or ())})
        return race.rows(self._connection, given, stretch.limit)

    def _loaded(
        self, info: EntityInfo, listing: Listing, rows: list[tuple[Any, ...]]
    ) -> tuple[list[Any], Order, list[list[Any]]]:
        records = self.model.loader(info, self.access).load(rows)
        width = len(listing.columns)
        if not listing.order.keys:
            return records, listing.order, [[] for _row in rows]
        decode = self.model.order_decoder(listing.order)
        return records, listing.order, [decode(row[width:]) for row in rows]

    def _by_ids(self, info: EntityInfo, ids: Sequence[UUID]) -> list[Any]:
        listing = self._listing(info, None, Order((), True), deleted=False)
        return self.model.loader(info, self.access).load(self.rows_by_ids(("get", info.id), listing.by_ids, ids))

    def _by_number(self, info: EntityInfo, number: object) -> list[Any]:
        field = info.number
        if field is None or field.name not in self.access.entity(info).readable:
            return []
        if not isinstance(number, str) or not is_storable(number):
            return []
        listing = self._listing(info, None, Order((), True), deleted=False)
        prepared = self._prepared(("number", info.id), lambda: listing.by_number(field))
        rows = prepared.rows(self._connection, self.given(None, {"number": number}))
        return self.model.loader(info, self.access).load(rows)

    def _merged_into(self, info: EntityInfo, id_: UUID | None, number: object) -> list[UUID]:
        """Return the id of the record that the merged one with this id or human number went into."""
        merged = id_ or merged_number(self, info, number)
        return list(winners_of(self, info, [merged]).values()) if merged else []

    def _prepared(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Prepared:
        return self.kept(key, lambda: Prepared(make(), self.model.storage.dialect))

    def kept(self, key: tuple[Any, ...], make: Callable[[], S]) -> S:
        """Return what *make* gives, kept under *key* for everybody with this access's shape.

        For crmkit's own steps, like :meth:`rows_by_ids`.
        """
        return self.model.statements.get((*key, self._shape), make)


def as_id(reference: UUID | str) -> UUID | None:
    """Return the id that *reference* is; ``None`` if it is none."""
    if isinstance(reference, UUID):
        return reference
    try:
        return UUID(reference)
    except (ValueError, AttributeError, TypeError):
        return None


def _is_one_of(table: sa.Table, number: int) -> sa.ColumnElement[bool]:
    parameters = id_parameters(number)
    return table.c.id == parameters[0] if number == 1 else table.c.id.in_(parameters)
