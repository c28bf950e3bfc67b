"""What was written, in the order of commits, as far as somebody may know it today.

The rows of the ledger are read once, whoever asks. Which of them somebody may know is asked of each entity that they
are about, and once for all for whom the question is the same to the last parameter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo
from crmkit.core.errors import UnknownFieldError
from crmkit.core.events import EventInfo
from crmkit.core.ledger import ledger_names
from crmkit.core.policy.principal import Principal
from crmkit.core.policy.roles import EVERY_ENTITY
from crmkit.core.policy.rule_sources import FieldScope, VisibleSource
from crmkit.core.reading.written import Write, Written
from crmkit.core.rules.check import CheckedRule, check
from crmkit.core.rules.errors import RuleError
from crmkit.core.rules.rule import Rule
from crmkit.core.rules.sql import compile_rule
from crmkit.core.storage.batches import id_parameters, id_values, padded_batches
from crmkit.core.storage.codecs import id_decoder
from crmkit.core.storage.prepared import Prepared

if TYPE_CHECKING:
    from crmkit.core.reading.reader import Reader

__all__ = ["Audience", "Broadcast", "KnownEvent", "KnownEvents"]

_USER = "core.user"


@attrs.frozen
class KnownEvent:
    """A write of one record, as far as a reader may know of it.

    *position* counts in the order of commits. *changed* names the readable fields that it changed, ``None`` once the
    values are erased; *events* are the ids of the declared events that it is told as. *cause* is that of the history.
    """

    position: int
    at: datetime
    entity: str
    record_id: UUID
    kind: str
    principal_id: UUID | None
    cause: str
    depth: int
    changed: tuple[str, ...] | None
    events: tuple[str, ...]


@attrs.frozen
class KnownEvents:
    """Some events in the order of commits, and the *position* behind which those that are not told yet begin."""

    events: list[KnownEvent]
    position: int


@attrs.frozen
class Broadcast:
    """What several principals may know of the same writes, up to *position*; who is no active user is not in it."""

    told: Mapping[Principal, list[KnownEvent]]
    position: int


class Audience:
    """Tells one reader after another what they may know of the same writes."""

    def __init__(self, written: Written) -> None:
        """Sort the writes by what they are about."""
        self._written = written
        self._ids: dict[str, dict[UUID, None]] = defaultdict(dict)
        for write in written.writes:
            self._ids[write.entity][write.record_id] = None
            if write.principal_id is not None:
                self._ids[_USER][write.principal_id] = None
        self._common: dict[tuple[int, str, str], Collection[UUID]] = {}

    def known_to(self, reader: Reader) -> list[KnownEvent]:
        """Return what *reader* may know: writes of records that are visible today, and in the bin if it may delete."""
        entities = reader.model.registry.entities
        shown = {entity: self.shown(reader, entities[entity]) for entity in self._ids if entity in entities}
        seen = [write for write in self._written.writes if write.record_id in shown.get(write.entity, ())]
        if not seen:
            return []
        told = _Told(reader, self, shown.get(_USER, ()))
        return [told.event(write) for write in seen]

    def shown(self, reader: Reader, info: EntityInfo, rule: CheckedRule | None = None) -> Collection[UUID]:
        """Return the ids of the records of *info* that *reader* sees, in the bin too, and for which *rule* holds."""
        key = (reader.model.shape_of(reader.access), info.id, rule.rule.text if rule else "")
        if (common := self._common.get(key)) is not None:
            return common
        found, is_common = _shown_ids(reader, info, list(self._ids[info.id]), rule)
        if is_common:
            self._common[key] = found
        return found


def _shown_ids(
    reader: Reader, info: EntityInfo, ids: Sequence[UUID], rule: CheckedRule | None = None
) -> tuple[set[UUID], bool]:
    """Return those of *ids* that are shown, and whether nothing but the ids decided that.

    Then it is the same for everybody with this shape of access.
    """
    access = reader.access.entity(info)
    if not (access.scope("read") or access.shared):
        return set(), True
    shown, is_common = set[UUID](), True
    decode = id_decoder(reader.model.storage.dialect.name)
    for batch in padded_batches(ids):
        make = partial(_prepared, reader, info, len(batch), rule)
        prepared = reader.kept(("told", info.id, rule and rule.rule.text, len(batch)), make)
        values = id_values(batch)
        shown |= {decode(row[0]) for row in prepared.rows(reader.connection, reader.given(None, values))}
        is_common = is_common and values.keys() >= set(prepared.names)
    return shown, is_common


def _prepared(reader: Reader, info: EntityInfo, number: int, rule: CheckedRule | None) -> Prepared:
    visibility, table = reader.named_visibility, reader.model.schema.table(info)

    def where(deleted: bool) -> sa.ColumnElement[bool]:
        shown = visibility.shown(info, table.c, deleted=deleted)
        if rule is None:
            return shown
        return sa.and_(shown, compile_rule(rule, VisibleSource(visibility, info, table.c, deleted)))

    ids = sa.select(table.c.id).where(table.c.id.in_(id_parameters(number)))
    return Prepared(ids.where(sa.or_(where(False), where(True))), reader.model.storage.dialect)


class _Told:
    """What one reader is told of writes of records that it sees."""

    def __init__(self, reader: Reader, audience: Audience, users: Collection[UUID]) -> None:
        self._reader, self._audience, self._registry = reader, audience, reader.model.registry
        is_named = "name" in reader.access.entity(self._registry.entities[_USER]).readable
        self._known = {reader.access.user_id, *(users if is_named else ())}
        self._names: dict[str, Mapping[str, str]] = {}
        self._matching: dict[str, Collection[UUID]] = {}
        self._events: dict[str, list[EventInfo]] = defaultdict(list)
        for info in self._registry.events.values():
            self._events[info.trigger.entity].append(info)

    def event(self, write: Write) -> KnownEvent:
        """Return the event that tells of *write*."""
        names = self._names_of(write.entity)
        changes = None if write.changes is None else {names[n]: v for n, v in write.changes.items() if n in names}
        changed = None if changes is None else tuple(sorted(changes))
        told = tuple(info.id for info in self._picking(write, changes))
        about = (write.position, write.at, write.entity, write.record_id, write.kind, write.principal_id)
        return KnownEvent(*about, self._cause(write), write.depth, changed, told)

    def _names_of(self, entity: str) -> Mapping[str, str]:
        """Return the names of the readable fields by those that the ledger has."""
        found = self._names.get(entity)
        if found is None:
            readable = self._reader.access.entity(self._registry.entities[entity]).readable
            make = partial(ledger_names, self._registry.fields(entity), readable)
            found = self._names[entity] = self._reader.kept(("told names", entity), make)
        return found

    def _cause(self, write: Write) -> str:
        """Return the cause as far as histories tell it."""
        if self._reader.access.is_system:
            return write.cause
        if write.principal_id is None:
            return "system"
        return write.cause if write.principal_id in self._known else ""

    def _picking(self, write: Write, changes: Mapping[str, Any] | None) -> Iterator[EventInfo]:
        """Yield the declared events that pick *write* by what the reader may know of it: *changes*, and its record."""
        for info in (*self._events.get(write.entity, ()), *self._events.get(EVERY_ENTITY, ())):
            if info.trigger.picks(write.kind, changes) and self._holds(info, write.record_id):
                yield info

    def _holds(self, event: EventInfo, record: UUID) -> bool:
        rule = event.trigger.where
        if rule is None:
            return True
        if event.id not in self._matching:
            info = self._registry.entities[event.trigger.entity]
            checked = self._reader.kept(("told rule", event.id), partial(_checked, self._reader, info, rule))
            self._matching[event.id] = self._audience.shown(self._reader, info, checked) if checked else ()
        return record in self._matching[event.id]


def _checked(reader: Reader, info: EntityInfo, rule: Rule) -> CheckedRule | None:
    """Return *rule* if the reader may know whether it holds: all that it asks for is readable."""
    try:
        return check(rule, FieldScope(reader.model.registry, info, reader.access))
    except (RuleError, UnknownFieldError):
        return None
