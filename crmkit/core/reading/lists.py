"""Lists and single records: found by rules, in orders, page by page, and by id or number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import NotFoundError
from crmkit.core.merging.redirects import merged_number, winners_of
from crmkit.core.policy.rule_sources import FieldScope
from crmkit.core.reading.aggregates import count_statement
from crmkit.core.reading.limits import check_limit
from crmkit.core.reading.listing import Listing, Stretch
from crmkit.core.reading.ordering import Order, decode_cursor, encode_cursor, parse_order
from crmkit.core.reading.races import Race
from crmkit.core.reading.transaction import Condition, Transaction
from crmkit.core.rules.check import CheckedRule, has_constants
from crmkit.core.storage.prepared import Prepared
from crmkit.core.text import is_storable

__all__ = ["Lists", "Page", "as_id", "is_called"]

R = TypeVar("R", bound=Record)
Ordering = str | Sequence[str] | None


@attrs.frozen
class Page(Generic[R]):
    """Some records of a list, and the cursor behind the last of them; ``None`` at the end of the list."""

    records: list[R]
    next: str | None


class Lists(Transaction):
    """Reads records, of which nothing is there that the principal may not read."""

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
        deleted: bool = False,
    ) -> Page[R]:
        """Return up to *limit* records behind the cursor *after*, as :meth:`find` does, and the next cursor.

        Raises:
            CursorError: *after* is no cursor of this list.
        """
        check_limit(limit)
        info = self.model.registry.entity(entity)
        records, order, values = self._read(info, where, order_by, limit + 1, after, deleted)
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


def as_id(reference: UUID | str) -> UUID | None:
    """Return the id that *reference* is; ``None`` if it is none."""
    if isinstance(reference, UUID):
        return reference
    try:
        return UUID(reference)
    except (ValueError, AttributeError, TypeError):
        return None


def is_called(info: EntityInfo, record: Record, reference: UUID | str) -> bool:
    """Return whether *record* of *info* has itself the id or human number *reference* that led to it.

    It has not where it is what the merged record of that name went into.
    """
    id_ = as_id(reference)
    if id_ is None and info.number is not None:
        return bool(getattr(record, info.number.name) == reference)
    return record.id == id_
