"""What a write comes to: the second half of the model, on top of who sees what. It, too, imports nothing of crmkit.

A write is planned first and committed after, so that asking what would happen changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tests.oracle.model import Sight
from tests.oracle.terms import ANY, SYSTEM, Denied, Write

VERB_OF = {"restore": "delete"}
# Fields that an update may not change, and what an entity has if it has them in this sense.
MOVED = {"stage": "stages", "pipeline": "stages", "owner_id": "owned", "team_id": "owned"}


class World(Sight):
    """A world that changes. A batch is all or nothing: every record takes a step before any takes the next."""

    def plan(self, p: Any, writes: list[Write]) -> list[Write]:
        """Return the writes that *writes* come to, those that deletions bring included; nothing is changed yet."""
        self.enter(p)
        for step in (self.find_stored, self.permit, self.accept, self.enter_stage, self.refer):
            for write in writes:
                step(p, write)
        if any(self.leads_astray(p, w) for w in writes):
            # Rows as they come to be are judged when they are there, so the database may notice a conflict first.
            raise Denied("forbidden", instead="conflict" if self.collides(writes) else None)
        for write in writes:
            self.check_move(p, write)
        writes = [w for w in writes if w.kind != "update" or w.values]
        taken = self.dependents(p, writes)
        if any(
            self.forbidden(p, w.kind, w.entity, row) for w in taken for row in (self.records[w.entity][w.id], w.row)
        ):
            raise Denied("conflict")
        writes += taken + self.returning(p, writes)
        if self.collides(writes):
            raise Denied("conflict")
        return writes

    def leads_astray(self, p: Any, w: Write) -> bool:
        """Return whether the record may not become what *w* makes of it, though *p* may do that to what it was."""
        if w.kind == "create":
            return not self.allowed(p, "create", w.entity, w.row)
        return w.kind == "update" and bool(w.values) and self.forbidden(p, "update", w.entity, w.row)

    def commit(self, writes: list[Write]) -> None:
        for w in writes:
            old = self.records[w.entity].get(w.id, {})
            fresh = {name: (old.get(name), new) for name, new in w.row.items() if old.get(name) != new}
            self.history.setdefault((w.entity, w.id), []).append((w.kind, fresh))
            gone = self.transaction if w.kind == "delete" else None
            self.past.setdefault((w.entity, w.id), []).append((self.now(), w.row))
            self.records[w.entity][w.id] = {**w.row, "version": old.get("version", 0) + 1, "gone in": gone}

    def find_stored(self, p: Any, w: Write) -> None:
        if w.kind == "create":
            return
        stored = self.records[w.entity].get(w.id)
        if stored is None or stored["deleted"] != (w.kind == "restore") or not self.sees(p, w.entity, stored):
            raise Denied("not-found")
        if w.kind == "restore" and not self.allowed(p, "delete", w.entity, stored):
            raise Denied("not-found")
        if w.version is not None and w.version != stored["version"]:
            raise Denied("stale")

    def permit(self, p: Any, w: Write) -> None:
        """Refuse whoever may not do this to the stored record; a new one needs any grant, the rest is for later."""
        if w.kind == "create":
            allowed = p is SYSTEM or any(g.gives(w.entity, "create") for role in self.roles_of(p) for g in role.grants)
        else:
            allowed = self.allowed(p, VERB_OF.get(w.kind, w.kind), w.entity, self.records[w.entity][w.id])
        if not allowed:
            raise Denied("forbidden")

    def accept(self, p: Any, w: Write) -> None:
        """Refuse fields that do not exist for *p* or that it may not set, and fill in the row."""
        fields = self.entities[w.entity].fields
        if w.kind in ("create", "update"):
            asked = [n for n, v in w.values.items() if w.kind == "update" or v != fields[n].default]
            if not set(asked) <= self.readable(p, w.entity) & fields.keys():
                raise Denied("unknown-field")
            moved = {n for n in MOVED if getattr(self.entities[w.entity], MOVED[n])}
            fixed = {n for n in asked if fields[n].system or (w.kind == "update" and n in moved)}
            if fixed or not set(asked) <= self.writable(p, w.entity):
                raise Denied("validation")
        stored = self.records[w.entity].get(w.id, {})
        w.values = {n: v for n, v in w.values.items() if w.kind != "update" or v != stored[n]}
        if w.kind == "create":
            fresh = {"id": w.id, "version": 0, "deleted": False, "created_by": p}
            stored = {n: f.default for n, f in fields.items()} | fresh
        sides = {name.partition(".")[0] for name in w.values if "." in name} - {"custom"}
        written = {f"{side}.": True for side in sides}
        w.row = stored | w.values | written | {"deleted": w.kind == "delete", "taken along": False}
        if w.kind == "create" and self.entities[w.entity].owned:
            w.row["owner_id"] = w.row["owner_id"] or p
        if w.kind in ("create", "transfer") and self.entities[w.entity].owned:
            w.row["team_id"] = w.values.get("team_id") or self.home(w.row["owner_id"])

    def enter_stage(self, p: Any, w: Write) -> None:
        stages = self.entities[w.entity].stages
        if w.kind == "create" and stages:
            w.row["stage"] = w.row["stage"] or next(iter(stages))
        if w.kind in ("create", "move") and stages:
            if w.row["stage"] not in stages:
                raise Denied("unknown-stage")
            if w.kind == "create" and any(w.row[name] is None for name in stages[w.row["stage"]]):
                raise Denied("move-refused")

    def refer(self, p: Any, w: Write) -> None:
        required = self.entities[w.entity].stages.get(w.row.get("stage"), ())
        if w.kind == "update" and any(name in required and value is None for name, value in w.values.items()):
            raise Denied("validation")
        if w.kind == "restore" and (w.entity, w.id) in self.merged:
            raise Denied("merged")
        if w.kind == "restore":
            w.row = self.redirected(w)
        if w.kind == "restore" and (broken := self.broken(w.entity, w.row)):
            told = any(self.restorable(p, *to) for name, to in broken.items() if name in self.readable(p, w.entity))
            raise Denied("validation" if told else "conflict")
        for name, value in w.values.items():
            field = self.entities[w.entity].fields[name]
            if value is None and field.required:
                raise Denied("validation")
            if value is not None and field.to:
                to, id = value if field.to == ANY else (field.to, value)
                found = self.led_to(p, to, id)
                if found is None or (field.to == ANY and self.entities[to].hangs):
                    raise Denied("validation")
                w.row[name] = (to, found) if field.to == ANY else found

    def check_move(self, p: Any, w: Write) -> None:
        if w.kind != "move":
            return
        stored, moves = self.records[w.entity][w.id], self.entities[w.entity].moves
        move = moves.get((stored["stage"], w.row["stage"])) or moves.get((ANY, w.row["stage"]))
        held = {name for user, name in self.assignments if user == p}
        if (
            move is None or stored["stage"] == w.row["stage"]
            or any(w.row[name] is None for name in self.entities[w.entity].stages[w.row["stage"]])
            or not all(self.holds(guard, w.entity, stored, SYSTEM, p) for guard in move.guards)
            or (move.roles and p is not SYSTEM and not move.roles & held)
        ):  # fmt: skip
            raise Denied("move-refused")

    def dependents(self, p: Any, writes: list[Write]) -> list[Write]:
        """Return what deletions empty or delete; a record that refuses, or that *p* does not see, refuses them all."""
        gone = {(w.entity, w.id) for w in writes if w.kind == "delete"}
        made: dict[tuple[str, Any], Write] = {}
        todo = list(gone)
        while todo:
            target = todo.pop()
            for entity, name, id in self.referring(*target):
                on_delete = self.entities[entity].fields[name].on_delete
                if (entity, id) in gone:
                    continue
                if on_delete == "restrict" or not self.visible(p, entity, id):
                    raise Denied("conflict")
                write = made.setdefault((entity, id), Write("update", entity, id, row=dict(self.records[entity][id])))
                write.row[name] = None
                if on_delete == "cascade":
                    row = self.records[entity][id] | {"deleted": True, "taken along": True}
                    made[entity, id] = Write("delete", entity, id, row=row)
                    gone.add((entity, id))
                    todo.append((entity, id))
        return list(made.values())

    def referring(self, to: str, id: Any, deleted: bool = False) -> Iterator[tuple[str, str, Any]]:
        for entity, declared in self.entities.items():
            for name in (n for n, f in declared.fields.items() if f.to == to):
                yield from (
                    (entity, name, r["id"])
                    for r in self.records[entity].values()
                    if r[name] == id and r["deleted"] == deleted
                )

    def broken(self, entity: str, row: dict[str, Any]) -> dict[str, tuple[str, Any]]:
        """Return by which fields a row refers to records that are not there, and to which."""
        targets = {
            n: row[n] if f.to == ANY else (f.to, row[n]) for n, f in self.entities[entity].fields.items() if f.to
        }
        return {name: to for name, to in targets.items() if row[name] is not None and not self.alive(*to)}

    def redirected(self, w: Write) -> dict[str, Any]:
        """Return the row of *w* with references to what was merged leading to what it went into, if that is there."""
        found = {n: (to[0], self.led_to(SYSTEM, *to)) for n, to in self.broken(w.entity, w.row).items()}
        fields = self.entities[w.entity].fields
        return w.row | {n: to if fields[n].to == ANY else to[1] for n, to in found.items() if to[1] is not None}

    def restorable(self, p: Any, entity: str, id: Any) -> bool:
        row = self.records[entity].get(id)
        return row is not None and self.sees(p, entity, row) and self.allowed(p, "delete", entity, row)

    def returning(self, p: Any, writes: list[Write]) -> list[Write]:
        """Return what comes back with restored records: it went with them, and *p* may restore it.

        What refers to something else that is gone stays where it is.
        """
        made: list[Write] = []
        world, todo = copy.copy(self), [w for w in writes if w.kind == "restore"]
        world.records = {entity: dict(rows) for entity, rows in self.records.items()}
        waiting: set[tuple[str, Any]] = set()
        while todo:
            for w in todo:
                gone_in = world.records[w.entity][w.id]["gone in"]
                world.records[w.entity][w.id] = w.row
                waiting |= {
                    (entity, id)
                    for entity, name, id in world.referring(w.entity, w.id, deleted=True)
                    if self.entities[entity].fields[name].on_delete == "cascade"
                    and (row := world.records[entity][id])["taken along"]
                    and row["gone in"] == gone_in is not None
                }
            todo = []
            for entity, id in waiting:
                row = world.records[entity][id]
                if (
                    world.sees(p, entity, row)
                    and world.allowed(p, "delete", entity, row)
                    and not world.broken(entity, row)
                ):
                    todo.append(Write("restore", entity, id, row=row | {"deleted": False}))
            waiting -= {(w.entity, w.id) for w in todo}
            made += todo
        return made

    def collides(self, writes: list[Write]) -> bool:
        """Return whether values that must be unique would occur twice."""
        for entity in {w.entity for w in writes}:
            rows = self.records[entity] | {w.id: w.row for w in writes if w.entity == entity}
            for group in self.entities[entity].unique:
                values = [tuple(r[name] for name in group) for r in rows.values() if not r["deleted"]]
                values = [v for v in values if None not in v]
                if len(values) != len(set(values)):
                    return True
        return False

    def plan_share(
        self, p: Any, entity: str, id: Any, user: Any, team: Any, level: str | None
    ) -> tuple[str, Any, Any, Any]:
        """Return the key of the share that may be made, or with *level* ``None`` ended."""
        self.enter(p)
        if not self.visible(p, entity, id):
            raise Denied("not-found")
        levels = {level, self.level((entity, id, user, team))}
        if not all(self.may(p, verb, entity, id) for verb in (["share", "update"] if "write" in levels else ["share"])):
            raise Denied("forbidden")
        if level is not None and self.entities[entity].hangs:
            raise Denied("inapplicable-verb")
        if level is not None and (user is None) == (team is None):
            raise Denied("validation")
        if level and not (self.visible(p, "core.user", user) or self.visible(p, "core.team", team)):
            raise Denied("validation")
        return entity, id, user, team

    def plan_offboarding(self, p: Any, leaver: Any, successor: Any) -> list[Write]:
        """Return the writes that give everything that *leaver* owns to *successor*, and stop *leaver*."""
        self.enter(p)
        if not self.visible(p, "core.user", leaver):
            raise Denied("not-found")
        if not (self.may(p, "update", "core.user", leaver) and self.may(p, "transfer", "core.user", leaver)):
            raise Denied("forbidden")
        known = self.visible(p, "core.user", successor) and self.records["core.user"][successor]["is_active"]
        if successor == leaver or not known:
            raise Denied("validation")
        given = {"owner_id": successor, "team_id": self.home(successor)}
        owned = [(e, id, row) for e in self.entities if self.entities[e].owned for id, row in self.records[e].items()]
        writes = [
            Write("transfer", e, id, row=row | given)
            for e, id, row in owned
            if row["owner_id"] == leaver and not row["deleted"]
        ]
        user = self.records["core.user"][leaver]
        return writes + [Write("update", "core.user", leaver, row=user | {"is_active": False})] * user["is_active"]

    def end_rights(self, user: Any) -> Any:
        """End what *user* may and return it, so that it can be given back."""
        ended = (
            [{pair for pair in held if pair[0] == user} for held in (self.memberships, self.assignments)],
            {share: (level, self.ends.get(share)) for share, level in self.shares.items() if share[2] == user},
        )
        self.memberships -= ended[0][0]
        self.assignments -= ended[0][1]
        for share in ended[1]:
            self.shares.pop(share)
            self.ends.pop(share, None)
        return ended

    def return_rights(self, ended: Any) -> None:
        """Give back what :meth:`end_rights` ended; what was shared of a record that is gone stays ended."""
        self.memberships |= ended[0][0]
        self.assignments |= ended[0][1]
        for share, (level, end) in ended[1].items():
            if self.alive(*share[:2]):
                self.shares[share] = level
                self.ends |= {share: end} if end is not None else {}
