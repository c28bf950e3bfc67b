"""Shipped things that are records here: what a plugin ships, the record made of it, and the form it is compared in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.core.entity import EntityInfo
from crmkit.core.shipped.entities import LocalEdit
from crmkit.core.shipped.shipping import ShippedKind
from crmkit.core.shipped.three_way import Forms, Waits
from crmkit.core.shipped.trees import ABSENT, Absent, Order, Tree
from crmkit.core.storage.custom import from_json, to_json
from crmkit.core.text import Text, translate

if TYPE_CHECKING:
    from crmkit.core.model import Model
    from crmkit.core.reading.reader import Reader
    from crmkit.core.registry import Registry

__all__ = ["RecordKind", "Tracked", "kind_of_records", "tracked"]

Values = Mapping[str, Any]
_AT_ONCE = 500
_ORDER_OF = "order of "


def _never(_local: Values, _field: str) -> bool:
    return False


@attrs.frozen(eq=False)
class RecordKind:
    """One kind of shipped thing that is kept as records of *entity*.

    *shipped* gives what plugins ship today, by id: the values of *fields* as JSON has them. The record of a thing is
    the one with its id in the field *key*; without a *key* a record is made of every thing that is shipped, and the
    local edit names it. *waits* says of the local values and a field whether a plugin's change of it must be accepted.
    """

    name: str
    entity: str
    fields: tuple[str, ...]
    shipped: Callable[[Model], Mapping[str, Values]]
    words: frozenset[str] = frozenset()
    key: str | None = None
    waits: Callable[[Values, str], bool] = _never

    def values_of(self, info: EntityInfo, values: Values) -> Values:
        """Return the *values* of a record as JSON has them."""
        return {name: to_json(info.fields[name].type)(values.get(name)) for name in self.fields}

    def values_in(self, info: EntityInfo, tree: Tree) -> dict[str, Any]:
        """Return the values of a record that *tree* is."""
        found: dict[str, Any] = {}
        for name in self.fields:
            kept = tree.get(name)
            if name in self.words:
                members = kept if isinstance(kept, Mapping) else {}
                order = dict.fromkeys([*tree.get(_ORDER_OF + name, ()), *members])
                kept = " ".join(word for word in order if word in members) or None
            found[name] = from_json(info.fields[name].type)(kept)
        return found

    def tree(self, values: Values | None) -> Tree | Absent:
        """Return *values* as a tree of their fields, :data:`ABSENT` where there are none."""
        if not values:
            return ABSENT
        found: Tree = {}
        for name in self.fields:
            if name in self.words:
                words = (values.get(name) or "").split()
                found |= {name: dict.fromkeys(words, True), _ORDER_OF + name: Order(dict.fromkeys(words))}
            else:
                found[name] = values.get(name)
        return found

    def plain(self, info: EntityInfo, tree: Tree | Absent) -> Values:
        """Return the values that *tree* is, as JSON has them; nothing where it is :data:`ABSENT`."""
        return {} if isinstance(tree, Absent) else self.values_of(info, self.values_in(info, tree))

    def upstream(self, model: Model, thing: str) -> Tree | Absent:
        """Return what plugins ship as *thing* today."""
        return self.tree(self.shipped(model).get(thing))

    def waits_for(self, local: Values | None) -> Waits:
        """Return what says where a plugin's change waits, of a thing with the values *local*."""
        return lambda path, _local, _upstream: bool(path) and self.waits(local or {}, path[0].removeprefix(_ORDER_OF))


@attrs.frozen
class Tracked:
    """What is kept of a thing that a plugin ships, or shipped: the local edit, and the record if it is there."""

    kind: RecordKind
    edit: LocalEdit
    record: Any
    local: Values | None

    @property
    def thing(self) -> str:
        """The id of the thing."""
        return self.edit.thing

    @property
    def forms(self) -> Forms:
        """The two forms that are kept."""
        return Forms(self.kind.tree(self.edit.base), self.kind.tree(self.local))


def tracked(db: Reader, kind: RecordKind, things: Sequence[str] | None = None) -> Iterator[Tracked]:
    """Yield what is kept of things of *kind*, of all or of those named, by id.

    Those of plugins that are not enabled are left out: they are as they were once the plugin is there again.
    """
    f: Any = LocalEdit.f
    rule = f.kind == kind.name
    edits = db.trusted.find(LocalEdit, rule if things is None else rule & f.thing.in_(list(things)), order_by="thing")
    mine = [edit for edit in edits if edit.thing.partition(".")[0] in db.model.hooks.versions]
    info = db.model.registry.entity(kind.entity)
    records = _records(db, kind, info, mine)
    for edit in mine:
        record = records.get(edit.thing if kind.key else edit.record_id)
        values = None if record is None else {name: getattr(record, name) for name in kind.fields}
        yield Tracked(kind, edit, record, None if values is None else kind.values_of(info, values))


def _records(db: Reader, kind: RecordKind, info: EntityInfo, edits: Sequence[LocalEdit]) -> Mapping[Any, Any]:
    if kind.key is None:
        return db.trusted.get_many(info.cls, {edit.record_id for edit in edits if edit.record_id})
    found: dict[Any, Any] = {}
    key: Any = getattr(info.cls.f, kind.key)
    for start in range(0, len(edits), _AT_ONCE):
        names = [edit.thing for edit in edits[start : start + _AT_ONCE]]
        found |= {getattr(each, kind.key): each for each in db.trusted.find(info.cls, key.in_(names))}
    return found


def kind_of_records(registry: Registry, declared: ShippedKind) -> RecordKind:
    """Return the kind that a plugin has *declared*."""
    info = registry.entity(declared.id)
    defaults = {name: to_json(info.fields[name].type)(info.fields[name].default()) for name in declared.fields}
    defaults |= declared.defaults

    def shipped(model: Model) -> Mapping[str, Values]:
        things = (thing for thing in registry.shipped.values() if thing.kind == declared.id)
        return {thing.id: _told({**defaults, **thing.values}, model.locale) for thing in things}

    return RecordKind(declared.id, declared.id, tuple(declared.fields), shipped, frozenset(declared.words))


def _told(values: Values, locale: str) -> Values:
    return {name: translate(each, locale) if isinstance(each, Text) else each for name, each in values.items()}
