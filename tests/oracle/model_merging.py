"""What merging records comes to, and telling them apart again: the third part of the model, which imports no crmkit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.model_writes import MOVED, World
from tests.oracle.terms import ANY, Denied, Write

Key = tuple[str, Any]


@dataclass
class Merge:
    """A merge as it is planned, and as it was done: *written* are (kind, entity, id, changes), *names* by loser."""

    winner: Any
    update: Write
    losers: list[Write]
    following: list[Write]
    folded: list[Write]
    letting_go: list[Write] = field(default_factory=list)
    written: list[tuple[str, str, Any, dict[str, tuple[Any, Any]]]] = field(default_factory=list)
    names: dict[Any, list[tuple[str, str, str]]] = field(default_factory=dict)
    transaction: int = 0


class MergingWorld(World):
    """A world in which several records may become one."""

    def fork(self) -> Any:
        """Return a copy on which something may be tried."""
        other = copy.copy(self)
        other.records = {entity: dict(rows) for entity, rows in self.records.items()}
        other.history = {record: list(entries) for record, entries in self.history.items()}
        other.past = {record: list(rows) for record, rows in self.past.items()}
        other.shares, other.ends, other.externals = dict(self.shares), dict(self.ends), dict(self.externals)
        other.merged = dict(self.merged)
        return other

    # Merging.

    def prepare_merge(self, p: Any, entity: str, records: Sequence[tuple[Any, int]], choose: dict[str, Any]) -> Merge:
        """Return the merge of *records*, the winner first, as it would be; whether it may be done is asked later."""
        self.enter(p)
        ids = [id for id, _version in records]
        if len(ids) < 2 or len(set(ids)) < len(ids):
            raise Denied("validation")
        update, *losers = [Write("delete", entity, id, {}, version) for id, version in records]
        update.kind = "update"
        for step in (self.find_stored, self.permit):
            for write in (*losers, update):
                step(p, write)
        self.check_choices(p, entity, ids, choose)
        ends = self.loose_ends(entity, ids)
        kept = self.kept(p, entity, ids, choose)
        update.values = {n: v for n, v in ends.items() if n in self.writable(p, entity)} | kept
        following, folded = self.followers(entity, ids)
        return Merge(ids[0], update, losers, following, folded)

    def plan_merge(self, p: Any, merge: Merge) -> Merge:
        """Return *merge* if it may be done; nothing is changed yet."""
        for w in (*merge.folded, *merge.following):
            if self.forbidden(p, w.kind, w.entity, self.records[w.entity][w.id]):
                raise Denied("conflict")
        update, ids = merge.update, [merge.winner, *(w.id for w in merge.losers)]
        for write in (*merge.losers, update):
            self.accept(p, write)
        self.refer(p, update)
        for w in merge.following:
            # Two references of one record may follow to what the winner's update has taken.
            w.row = self.records[w.entity][w.id] | w.values
        ends = {n: None for n in self.loose_ends(update.entity, ids) if n not in update.values}
        merge.letting_go = [Write("update", update.entity, update.id, row=update.row | ends)] if ends else []
        writes = self.writes_of(merge)
        if self.collides(writes):
            raise Denied("conflict")
        if self.leads_astray(p, update):
            raise Denied("forbidden", instead="conflict")
        if any(self.forbidden(p, "update", w.entity, w.row) for w in (*merge.following, *merge.letting_go)):
            raise Denied("conflict")
        after = self.fork()
        after.commit(writes)
        if any(after.visible(p, w.entity, w.id) > self.visible(p, w.entity, w.id) for w in merge.following):
            raise Denied("conflict")
        return merge

    def writes_of(self, merge: Merge) -> list[Write]:
        own = [merge.update] if merge.update.values else []
        return [*merge.losers, *merge.folded, *own, *merge.following, *merge.letting_go]

    def commit_merge(self, merge: Merge) -> None:
        for w in self.writes_of(merge):
            self.commit([w])
            merge.written.append((w.kind, w.entity, w.id, self.history[w.entity, w.id][-1][1]))
        merge.transaction = self.transaction
        entity = merge.update.entity
        for w in merge.losers:
            merge.names[w.id] = [n for n, id in self.externals.items() if n[1] == entity and id == w.id]
            self.externals |= dict.fromkeys(merge.names[w.id], merge.winner)
            self.merged[entity, w.id] = merge
        for id in (merge.winner, *(w.id for w in merge.losers)):
            self.history[entity, id].append(("merge", {}))

    def target(self, entity: str, name: str, value: Any) -> Key | None:
        """Return the record to which *value* of a field leads."""
        to = self.entities[entity].fields[name].to
        return None if to is None or value is None else value if to == ANY else (to, value)

    def mergeable(self, entity: str) -> list[str]:
        moved = {n for n in MOVED if getattr(self.entities[entity], MOVED[n])}
        return [n for n, f in self.entities[entity].fields.items() if not f.system and n not in moved]

    def check_choices(self, p: Any, entity: str, ids: Sequence[Any], choose: dict[str, Any]) -> None:
        if not set(choose) <= self.readable(p, entity):
            raise Denied("unknown-field")
        merged = {(entity, id) for id in ids}
        for name, id in choose.items():
            if id not in ids or self.target(entity, name, self.records[entity][id][name]) in merged:
                raise Denied("validation")

    def kept(self, p: Any, entity: str, ids: Sequence[Any], choose: dict[str, Any]) -> dict[str, Any]:
        """Return what the winner takes over: what is chosen, and what it lacks and may be set."""
        rows = [self.records[entity][id] for id in ids]
        found: dict[str, Any] = {}
        for name in (n for n in self.mergeable(entity) if n in self.readable(p, entity)):
            if name in choose:
                found[name] = self.records[entity][choose[name]][name]
            elif name in self.writable(p, entity) and lacks(rows[0], name):
                found |= self.first(p, entity, ids, name)
        return {n: v for n, v in found.items() if v != rows[0][n]}

    def first(self, p: Any, entity: str, ids: Sequence[Any], name: str) -> dict[str, Any]:
        """Return the first value of a loser that may be taken over; a place in a tree is not."""
        merged = {(entity, id) for id in ids}
        rows = (self.records[entity][id] for id in ids[1:] if self.entities[entity].fields[name].to != entity)
        for row in rows:
            to = self.target(entity, name, row[name])
            if not lacks(row, name) and (to is None or (to not in merged and self.visible(p, *to))):
                return {name: row[name]}
        return {}

    def loose_ends(self, entity: str, ids: Sequence[Any]) -> dict[str, None]:
        """Return which references of the winner would lead to a loser."""
        gone, row = {(entity, id) for id in ids[1:]}, self.records[entity][ids[0]]
        return {n: None for n in self.entities[entity].fields if self.target(entity, n, row[n]) in gone}

    def followers(self, entity: str, ids: Sequence[Any]) -> tuple[list[Write], list[Write]]:
        """Return what refers to a loser and will refer to the winner, and the links that are not needed any more."""
        merged, gone = {(entity, id) for id in ids}, {(entity, id) for id in ids[1:]}
        following: list[Write] = []
        folded: list[Write] = []
        for kind, declared in self.entities.items():
            standing: set[tuple[Any, ...]] = set()
            rows = [r for _, r in sorted(self.records[kind].items()) if not r["deleted"]]
            turned = {r["id"]: self.turned(kind, r, gone, ids[0]) for r in rows if (kind, r["id"]) not in merged}
            links = [g for g in declared.unique if len(g) > 1 and all(declared.fields[n].to for n in g)]
            for group in links:
                standing |= {tuple(r[n] for n in group) for r in rows if not turned.get(r["id"])}
            for row in rows:
                if not (values := turned.get(row["id"])):
                    continue
                keys = {tuple((row | values)[n] for n in group) for group in links}
                if keys & standing:
                    gone_row = row | {"deleted": True, "taken along": True}
                    folded.append(Write("delete", kind, row["id"], row=gone_row))
                else:
                    following.append(Write("update", kind, row["id"], values, row=row | values))
                standing |= keys
        return following, folded

    def turned(self, kind: str, row: dict[str, Any], gone: set[Key], winner: Any) -> dict[str, Any]:
        """Return what changes in *row* if what led to one of *gone* leads to *winner*."""
        fields = self.entities[kind].fields
        leading = [(n, to) for n in fields if (to := self.target(kind, n, row[n])) in gone]
        return {n: (to[0], winner) if fields[n].to == ANY else winner for n, to in leading}

    # Telling apart again.

    def plan_unmerge(self, p: Any, entity: str, id: Any) -> None:
        """Refuse whoever may not take *id* out of what it was merged into."""
        self.enter(p)
        row = self.records[entity].get(id)
        if row is None or not row["deleted"] or not self.restorable(p, entity, id):
            raise Denied("not-found")
        if (entity, id) not in self.merged:
            raise Denied("not-merged")
        winner = self.merged[entity, id].winner
        if not self.visible(p, entity, winner):
            raise Denied("merged-further")
        if not self.allowed(p, "update", entity, self.records[entity][winner]):
            raise Denied("forbidden")
        self.fork().unmerge(p, entity, id)

    def unmerge(self, p: Any, entity: str, id: Any) -> None:
        """Take *id* out of what it was merged into: what is still as the merge left it is changed back."""
        merge, mine = self.merged.pop((entity, id)), self.records[entity][id]
        alone = not any(other is merge for other in self.merged.values())
        losers = {(entity, w.id) for w in merge.losers}
        changed = [(kind, i, changes) for verb, kind, i, changes in merge.written if verb == "update"]

        def was_taken(kind: str, i: Any, name: str, old: Any, new: Any) -> bool:
            at_winner = (kind, i) == (entity, merge.winner) and self.target(kind, name, old) not in losers
            return at_winner and (alone or mine[name] == new)

        def led_here(kind: str, i: Any, name: str, old: Any, new: Any) -> bool:
            return self.target(kind, name, old) == (entity, id)

        self.revert(p, changed, was_taken)
        restore = Write("restore", entity, id)
        for step in (self.find_stored, self.permit, self.accept, self.refer):
            step(p, restore)
        self.do_all([restore])
        self.do_all(self.unfolded(merge, losers, (entity, id)))
        self.revert(p, changed, led_here)
        for name in merge.names.get(id, ()):
            if self.externals.get(name) == merge.winner:
                self.externals[name] = id
        for i in (id, merge.winner):
            self.history[entity, i].append(("unmerge", {}))

    def do_all(self, writes: list[Write]) -> None:
        if self.collides(writes):
            raise Denied("conflict")
        self.commit(writes)

    def revert(self, p: Any, changed: Iterable[tuple[str, Any, dict[str, Any]]], is_mine: Callable[..., bool]) -> None:
        """Change back what *is_mine* chooses of the changes, where it is sound and nobody has changed it since."""
        writes: list[Write] = []
        for kind, i, changes in changed:
            row, fields = self.records[kind][i], self.entities[kind].fields
            needed = self.entities[kind].stages.get(row.get("stage"), ())
            values: dict[str, Any] = {}
            for name, (old, new) in changes.items():
                if name not in fields or not is_mine(kind, i, name, old, new) or row["deleted"] or row[name] != new:
                    continue
                to = self.target(kind, name, old)
                if not (old is None and name in needed) and (to is None or self.alive(*to)):
                    values[name] = old
            if values:
                writes.append(Write("update", kind, i, values, row=row | values))
        self.do_all(writes)
        if any(self.forbidden(p, "update", w.entity, w.row) for w in writes):
            raise Denied("conflict")

    def unfolded(self, merge: Merge, losers: set[Key], loser: Key) -> list[Write]:
        """Return the links that come back because they are of *loser*, unless what they link is gone."""

        def leads_here(kind: str, row: dict[str, Any]) -> bool:
            return any(self.target(kind, n, row[n]) == loser for n in self.entities[kind].fields)

        found: list[Write] = []
        for verb, kind, i, _changes in merge.written:
            row = self.records[kind][i]
            if verb != "delete" or (kind, i) in losers or not leads_here(kind, row):
                continue
            if row["deleted"] and row["gone in"] == merge.transaction and not self.broken(kind, row):
                found.append(Write("restore", kind, i, row=row | {"deleted": False}))
        return found


def lacks(row: dict[str, Any], name: str) -> bool:
    """Return whether there is no value, or that of an extension which was never written."""
    side, dot, _rest = name.rpartition(".")
    return row[name] is None or (bool(dot) and side != "custom" and not row.get(f"{side}."))
