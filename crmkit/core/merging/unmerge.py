"""Telling merged records apart again: the ledger says what the merge changed, and what is still so is changed back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import attrs
import sqlalchemy as sa

from crmkit.core.entity import EntityInfo, Record
from crmkit.core.errors import CrmkitError, ForbiddenError, NotFoundError
from crmkit.core.fields import AnyReference, Reference
from crmkit.core.ledger import Entry, ledger_names
from crmkit.core.merging.recorded import Recorded, is_the_same, read_merge, value_of
from crmkit.core.merging.redirects import merged_number
from crmkit.core.reading.lists import as_id
from crmkit.core.text import Text, gettext as _
from crmkit.core.writing.changes import Write
from crmkit.core.writing.custom import stored_custom
from crmkit.core.writing.restoring import missing_for
from crmkit.core.writing.stages import check_emptied
from crmkit.core.writing.validate import references_in

if TYPE_CHECKING:
    from crmkit.core.writing.writer import Writer

__all__ = ["Leftover", "MergedFurtherError", "NotMergedError", "Unmerged", "unmerge"]

R = TypeVar("R", bound=Record)

_CHANGED = _("was changed since")
_IN_BIN = _("is in the bin")
_ERASED = _("what it was before has been erased")
_GONE = _("what it led to is gone")
_REQUIRED = _("the stage requires a value")
_FOLLOWED = _("leads to what its target was merged into")
_BACK = _("was restored or deleted anew since")


class NotMergedError(CrmkitError):
    """The record lies in the bin because somebody deleted it: no other record took it over."""

    code = "not-merged"
    template = _("{entity}: {reference!r} was not merged; restore it instead.")

    def __init__(self, entity: str, reference: object) -> None:
        """Name the record."""
        super().__init__(entity=entity, reference=str(reference))


class MergedFurtherError(CrmkitError):
    """The record that a merged one went into is not there for the principal: deleted, or merged itself."""

    code = "merged-further"
    template = _("{entity}: what {reference!r} was merged into is not there. Restore or unmerge that first.")

    def __init__(self, entity: str, reference: object) -> None:
        """Name the merged record; the other one may be hidden."""
        super().__init__(entity=entity, reference=str(reference))


@attrs.frozen
class Leftover:
    """Something that unmerging left as it is, and why. *field* is empty where it is the record itself."""

    entity: str
    record_id: UUID
    field: str
    reason: Text


@attrs.frozen
class Unmerged(Generic[R]):
    """The record that is one of its own again, and what was *left* as the merge or somebody after it made it."""

    record: R
    left: tuple[Leftover, ...]


def unmerge(writer: Writer, entity: type[R], reference: UUID | str) -> Unmerged[R]:
    """Take the merged record with this id or human number out of the record that it went into.

    Raises:
        NotFoundError: it is not in the bin, or the principal may not restore it.
        NotMergedError: it was not merged.
        MergedFurtherError: what it went into is not there for the principal.
        ForbiddenError: the principal may not update what it went into.
        ConflictError: a value that must be unique is taken meanwhile.
    """
    info = writer.model.registry.entity(entity)
    id_ = as_id(reference) or merged_number(writer, info, reference)
    if id_ is None:
        raise NotFoundError(info.id, reference)
    with writer.attempt(), writer.because("unmerge"):
        undoing = _Undoing.of(writer, info, id_)
        undoing.perform()
    left = tuple(each for each in undoing.left if _is_told(writer, each))
    return Unmerged(writer.get(entity, id_), left)


def _is_told(writer: Writer, left: Leftover) -> bool:
    """Return whether the principal may know of *left*."""
    info = writer.model.registry.entities[left.entity]
    seen = writer.visible_ids(info, [left.record_id]) | writer.ids_in_bin(info, [left.record_id])
    return bool(seen) and (not left.field or left.field in writer.access.entity(info).readable | {_NAMES})


# The name under which the ledger keeps external ids.
_NAMES = "external_ids"


@attrs.define
class _Undoing:
    """One merge that is being undone for one of its losers."""

    writer: Writer
    info: EntityInfo
    loser: UUID
    winner: UUID
    span: tuple[int, int]
    mine: dict[str, Any]
    left: list[Leftover] = attrs.field(factory=list)

    @classmethod
    def of(cls, writer: Writer, info: EntityInfo, id_: UUID) -> _Undoing:
        """Return it, once the principal is known to have the right to it."""
        stored, visible, allowed = writer.stored_rows(info, "delete", [id_]).get(id_, ({}, False, False))
        if not (visible and allowed and stored.get("deleted_at")):
            raise NotFoundError(info.id, id_)
        table = writer.model.schema.system.merge
        row = writer.connection.execute(
            sa.select(table.c.winner_id, table.c.first_id, table.c.last_id).where(
                table.c.entity == info.id, table.c.record_id == id_
            )
        ).one_or_none()
        if row is None:
            raise NotMergedError(info.id, id_)
        mine = stored | writer.model.store.read_extensions(writer.connection, info, [id_])[id_]
        mine |= stored_custom(info, stored)
        made = cls(writer, info, id_, row.winner_id, (row.first_id, row.last_id), mine)
        winner, seen, changeable = writer.stored_rows(info, "update", [made.winner]).get(
            made.winner, ({}, False, False)
        )
        if not seen or winner.get("deleted_at"):
            raise MergedFurtherError(info.id, id_)
        if not changeable:
            raise ForbiddenError(info.id, "update", made.winner)
        return made

    def perform(self) -> None:
        """Give the winner its values back, restore the loser and its links, then let references lead to it again."""
        recorded = read_merge(self.writer, *self.span)
        changed = [r for r in recorded if r.kind == "update"]
        losers = {r.record_id for r in recorded if r.kind == "merge"} - {self.winner}
        alone = self._forget()
        self._write(
            changed,
            lambda r, name, old, new: self._is_taken(r, name, new, alone) and not self._leads_to(losers, r, name, old),
        )
        self._restore_loser()
        self.writer.take(*self._links([r for r in recorded if r.kind == "delete" and r.record_id not in losers]))
        self._write(changed, lambda r, name, old, _new: self._leads_to({self.loser}, r, name, old))
        for each in recorded:
            if each.kind == "merge" and each.record_id == self.loser:
                self._names_back(each)
        entries = [(self.loser, "unmerged_from", self.winner), (self.winner, "unmerged", self.loser)]
        self.writer.note(
            [Entry(self.info.id, id_, "unmerge", {name: (None, of)}, self.writer.cause, 0) for id_, name, of in entries]
        )

    def _forget(self) -> bool:
        """Forget that the loser went anywhere, and return whether no other one went with it in the same merge."""
        table = self.writer.model.schema.system.merge
        one = (table.c.entity == self.info.id, table.c.record_id == self.loser)
        self.writer.connection.execute(sa.delete(table).where(*one))
        same = (table.c.winner_id == self.winner, table.c.first_id == self.span[0], table.c.entity == self.info.id)
        return not self.writer.connection.scalar(sa.select(sa.func.count()).where(*same))

    # What is changed back.

    def _write(self, recorded: Iterable[Recorded], is_mine: Callable[[Recorded, str, Any, Any], bool]) -> None:
        """Change back those values that are the loser's business and still as the merge made them."""
        for entity, group in _by_entity(recorded):
            info = self.writer.model.registry.entities[entity]
            rows = self._stored(info, [each.record_id for each in group])
            writes = [self._revert(info, each, rows[each.record_id], is_mine) for each in group]
            self.writer.take(*(w for w in writes if w is not None))

    def _stored(self, info: EntityInfo, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
        in_order = sorted(ids)
        sides = self.writer.model.store.read_extensions(self.writer.connection, info, in_order)
        rows = self.writer.stored_rows(info, "update", in_order)
        return {id_: rows[id_][0] | sides[id_] | stored_custom(info, rows[id_][0]) for id_ in in_order}

    def _revert(
        self,
        info: EntityInfo,
        recorded: Recorded,
        stored: dict[str, Any],
        is_mine: Callable[[Recorded, str, Any, Any], bool],
    ) -> Write | None:
        write = Write("update", info, recorded.record_id, {}, stored=stored, version=stored["version"], trusted=True)
        write.depth = 1
        if recorded.changes is None:
            self._leave(recorded, "", _ERASED)
            return None
        fields = self.writer.model.registry.fields(info.id)
        names = ledger_names(fields, frozenset(fields))
        for in_ledger, (old, new) in recorded.changes.items():
            name = names.get(in_ledger, "")
            if name not in fields or not is_mine(recorded, name, old, new):
                continue
            if is_the_same(stored.get(name), old):
                continue
            if stored["deleted_at"] is not None:
                self._leave(recorded, name, _IN_BIN)
            elif not is_the_same(stored.get(name), new):
                self._leave(recorded, name, _CHANGED)
            else:
                write.values[name] = value_of(fields[name].type, old)
        self._keep_sound(recorded, write)
        write.goes_with = self.info.id
        return write if write.values else None

    def _keep_sound(self, recorded: Recorded, write: Write) -> None:
        """Leave what the record's stage requires now, and references to what is gone."""
        registry = self.writer.model.registry
        for problem in list(check_emptied(self.writer, write)):
            self._leave(recorded, problem.facts["field"], _REQUIRED)
            del write.values[problem.facts["field"]]
        for _kind, name, entity, id_ in list(references_in(registry, write.entity, write.values)):
            if not self.writer.known_ids(registry.entities[entity], [id_], is_trusted=True):
                self._leave(recorded, name, _GONE)
                del write.values[name]

    def _leads_to(self, ids: set[UUID], recorded: Recorded, name: str, value: Any) -> bool:
        """Return whether *value*, recorded of a field, is a reference to one of *ids* of the merged entity."""
        kind = self.writer.model.registry.field(recorded.entity, name).type
        known = {str(id_) for id_ in ids}
        if isinstance(kind, Reference):
            return kind.entity == self.info.id and value in known
        is_any = isinstance(kind, AnyReference) and value is not None
        return is_any and value["entity"] == self.info.id and value["id"] in known

    def _is_taken(self, recorded: Recorded, name: str, new: Any, alone: bool) -> bool:
        """Return whether the winner's value *new* is the loser's, or of the caller of the merge and nobody else's."""
        if (recorded.entity, recorded.record_id) != (self.info.id, self.winner):
            return False
        return alone or is_the_same(self.mine.get(name), new)

    # What comes back.

    def _restore_loser(self) -> None:
        write = Write("restore", self.info, self.loser, {})
        self.writer.take(write)
        for name in write.values.keys() & self.mine.keys() - {"deleted_at"}:
            self.left.append(Leftover(self.info.id, self.loser, name, _FOLLOWED))

    def _links(self, recorded: Sequence[Recorded]) -> Iterator[Write]:
        """Yield the restores of the links that the merge folded, as far as what they link is there."""
        for entity, group in _by_entity(recorded):
            info = self.writer.model.registry.entities[entity]
            rows = self._stored(info, [each.record_id for each in group])
            for each in group:
                write = Write("restore", info, each.record_id, {}, stored=rows[each.record_id], trusted=True, depth=1)
                write.version = write.stored["version"]
                if not self._links_loser(write):
                    continue
                _alive, gone_at = (each.changes or {}).get("deleted_at", (None, None))
                if not is_the_same(write.stored["deleted_at"], gone_at):
                    self._leave(each, "", _BACK)
                elif missing_for(self.writer, [write]):
                    self._leave(each, "", _GONE)
                else:
                    yield write

    def _links_loser(self, write: Write) -> bool:
        found = references_in(self.writer.model.registry, write.entity, write.stored)
        return any((entity, id_) == (self.info.id, self.loser) for _kind, _name, entity, id_ in found)

    def _names_back(self, recorded: Recorded) -> None:
        table = self.writer.model.schema.system.external_id
        if recorded.changes is None:
            self._leave(recorded, _NAMES, _ERASED)
            return
        for system, value in recorded.changes[_NAMES][1]:
            name = (table.c.system == system, table.c.entity == self.info.id, table.c.value == value)
            moved = sa.update(table).where(*name, table.c.record_id == self.winner).values(record_id=self.loser)
            if not self.writer.connection.execute(moved).rowcount:
                self._leave(recorded, _NAMES, _CHANGED)

    def _leave(self, recorded: Recorded, field: str, reason: Text) -> None:
        self.left.append(Leftover(recorded.entity, recorded.record_id, field, reason))


def _by_entity(recorded: Iterable[Recorded]) -> list[tuple[str, list[Recorded]]]:
    found: dict[str, list[Recorded]] = {}
    for each in recorded:
        found.setdefault(each.entity, []).append(each)
    return list(found.items())
