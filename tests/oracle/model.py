"""What crmkit promises about who sees and does what, said a second time: plain Python over plain dictionaries.

It imports nothing of crmkit and follows the published rules, not the code. A principal is the id of a user, or
``SYSTEM``. A condition is a tuple: ``("==", "firm.city", "Berlin")``, ``("null", "due")``, ``("not", …)``,
``("and", …, …)``. Asking raises :class:`Denied` where crmkit raises an error. What writing does is in
:mod:`tests.oracle.model_writes`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.oracle.terms import ANY, ME, MY_TEAM, SYSTEM, Cash, Denied, Entity, Restriction, Role

Row = dict[str, Any]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "in": lambda found, wanted: found in wanted, "contains": lambda found, wanted: wanted in found,
}  # fmt: skip


class Sight:
    """Everything that decides an answer. Users and teams are records of ``core.user`` and ``core.team``."""

    def __init__(
        self, entities: dict[str, Entity], restrictions: Iterable[Restriction], roles: dict[str, Role]
    ) -> None:
        self.entities, self.restrictions, self.roles = entities, tuple(restrictions), dict(roles)
        self.records: dict[str, dict[Any, Row]] = {name: {} for name in entities}
        self.memberships: set[tuple[Any, Any]] = set()
        self.assignments: set[tuple[Any, str]] = set()
        self.shares: dict[tuple[str, Any, Any, Any], str] = {}
        self.ends: dict[tuple[str, Any, Any, Any], Any] = {}
        self.now: Callable[[], Any] = lambda: None
        self.externals: dict[tuple[str, str, str], Any] = {}
        # By record that was merged into another, what that merge was.
        self.merged: dict[tuple[str, Any], Any] = {}
        # Counts transactions: what a deletion took along is known by the one it went in.
        self.transaction = 0
        # By record the rows that there were, each with when it came to be.
        self.past: dict[tuple[str, Any], list[tuple[Any, Row]]] = {}
        self.history: dict[tuple[str, Any], list[tuple[str, dict[str, tuple[Any, Any]]]]] = {}

    # Who somebody is.

    def enter(self, p: Any) -> None:
        if p is not SYSTEM and not (self.alive("core.user", p) and self.records["core.user"][p]["is_active"]):
            raise Denied("inactive-user")

    def roles_of(self, p: Any) -> list[Role]:
        return [self.roles[name] for user, name in self.assignments if user == p and name in self.roles]

    def home(self, user: Any) -> Any:
        return self.records["core.user"][user]["team_id"] if user in self.records["core.user"] else None

    def teams(self, p: Any) -> set[Any]:
        return ({team for user, team in self.memberships if user == p} | {self.home(p)}) - {None}

    def subtree(self, p: Any) -> set[Any]:
        found, todo = set[Any](), self.teams(p)
        while todo:
            found |= todo
            todo = {t["id"] for t in self.records["core.team"].values() if t["parent_id"] in todo} - found
        return found

    # Conditions. An atom is true or false, and only ("null", …) holds for nothing. *eyes* see related records.

    def holds(self, condition: Any, entity: str, row: Row, eyes: Any, me: Any) -> bool:
        match condition:
            case ("not", inner):
                return not self.holds(inner, entity, row, eyes, me)
            case ("and", *parts):
                return all(self.holds(part, entity, row, eyes, me) for part in parts)
            case ("or", *parts):
                return any(self.holds(part, entity, row, eyes, me) for part in parts)
            case ("null", path):
                return self.value(entity, row, path, eyes) is None
        op, path, wanted = condition
        wanted = {ME: me, MY_TEAM: self.home(me)}[wanted] if wanted in (ME, MY_TEAM) else wanted
        found = self.plain(entity, row, path, eyes)
        return found is not None and wanted is not None and COMPARE[op](found, wanted)

    def value(self, entity: str, row: Row, path: str, eyes: Any) -> Any:
        if path in self.entities[entity].computed:
            return self.entities[entity].computed[path][1](row)
        if path in row:
            return row[path]
        name, rest = self.step(entity, path)
        to = self.entities[entity].fields[name].to
        if to == ANY:
            return row[name] and row[name][rest == "id"]
        return self.value(to, self.records[to][row[name]], rest, eyes) if self.visible(eyes, to, row[name]) else None

    def step(self, entity: str, path: str) -> tuple[str, str]:
        """Return the reference with which *path* begins, and what comes behind it; no reference without a rest."""
        parts = path.split(".")
        for length in (1, 2):
            stem, rest = ".".join(parts[:length]), ".".join(parts[length:])
            for name in (f"{stem}_id", stem):
                if rest and name in self.entities[entity].fields and self.entities[entity].fields[name].to:
                    return name, rest
        return "", path

    def plain(self, entity: str, row: Row, path: str, eyes: Any = SYSTEM) -> Any:
        """Return a value as it is compared: money in the company's currency."""
        found = self.value(entity, row, path, eyes)
        return found.base if isinstance(found, Cash) else found

    def check(self, p: Any, entity: str, path: str) -> None:
        """Refuse a path if a part of it does not exist for *p*: no such field, or a hidden one."""
        name, rest = self.step(entity, path)
        if (name or path) not in self.readable(p, entity):
            raise Denied("unknown-field")
        if name and (to := self.entities[entity].fields[name].to) != ANY:
            self.check(p, to, rest)

    # Rows.

    def alive(self, entity: Any, id: Any) -> bool:
        return id in self.records[entity] and not self.records[entity][id]["deleted"]

    def visible(self, p: Any, entity: Any, id: Any) -> bool:
        return self.alive(entity, id) and self.sees(p, entity, self.records[entity][id])

    def led_to(self, p: Any, entity: str, id: Any) -> Any:
        """Return the record that *id* finds: itself or, merged, what it went into; nothing if that is not seen."""
        if self.visible(p, entity, id):
            return id
        while (entity, id) in self.merged:
            id = self.merged[entity, id].winner
        return id if self.visible(p, entity, id) else None

    def sees(self, p: Any, entity: str, row: Row) -> bool:
        """Return whether *p* sees the row, or would if it were not deleted."""
        return p is SYSTEM or (
            self.allowed(p, "read", entity, row) and all(self.visible(p, *to) for to in self.followed(entity, row))
        )

    def followed(self, entity: str, row: Row) -> Iterator[tuple[Any, Any]]:
        for name, field in self.entities[entity].fields.items():
            if field.follows and row[name] is not None:
                yield field.to, row[name]
            elif field.to == ANY and row[name] is not None:
                yield row[name]

    def allowed(self, p: Any, verb: str, entity: str, row: Row) -> bool:
        """Return whether a grant or a share gives *verb* on the row, and no restriction forbids it."""
        if p is SYSTEM:
            return True
        given = (g.scope for role in self.roles_of(p) for g in role.grants if g.gives(entity, verb))
        if not (self.shared(p, verb, entity, row["id"]) or any(self.within(p, scope, entity, row) for scope in given)):
            return False
        return not self.forbidden(p, verb, entity, row)

    def forbidden(self, p: Any, verb: str, entity: str, row: Row) -> bool:
        """Return whether a restriction forbids *verb* on the row, whatever is granted."""
        held = {name for user, name in self.assignments if user == p}
        binding = (r for r in self.restrictions if r.entity == entity and verb in r.verbs and not r.unless & held)
        return p is not SYSTEM and not all(self.holds(r.condition, entity, row, SYSTEM, p) for r in binding)

    def within(self, p: Any, scope: Any, entity: str, row: Row) -> bool:
        if isinstance(scope, tuple):
            return self.holds(scope, entity, row, SYSTEM, p)
        teams = {"team": self.teams, "subtree": self.subtree}.get(scope, lambda _: set())
        return scope == "all" or row["owner_id"] == p or row["team_id"] in teams(p)

    def shared(self, p: Any, verb: str, entity: str, id: Any) -> bool:
        levels = {"read": ("read", "write"), "update": ("write",)}.get(verb, ())
        holders = [(p, None), *((None, team) for team in self.teams(p))]
        return any(self.level((entity, id, *holder)) in levels for holder in holders)

    def level(self, share: tuple[str, Any, Any, Any]) -> str | None:
        """Return the level of *share*, unless there is none or it has come to its end."""
        end = self.ends.get(share)
        return None if end is not None and end <= self.now() else self.shares.get(share)

    def may(self, p: Any, verb: str, entity: str, id: Any) -> bool:
        return self.visible(p, entity, id) and self.allowed(p, verb, entity, self.records[entity][id])

    # Fields.

    def readable(self, p: Any, entity: str) -> set[str]:
        computed = self.entities[entity].computed
        found = self.open(p, entity, {"read"}, {"hidden"}) | {"id", "version"}
        return found - {name for name, (needs, _) in computed.items() if not found.issuperset(needs)}

    def writable(self, p: Any, entity: str) -> set[str]:
        return self.readable(p, entity) & self.open(p, entity, {"update", "create"}, {"hidden", "read_only"})

    def open(self, p: Any, entity: str, verbs: set[str], kinds: set[str]) -> set[str]:
        names = {*self.entities[entity].fields, *self.entities[entity].computed}
        roles = [r for r in self.roles_of(p) if any(g.gives(entity, *verbs) for g in r.grants)]
        masked = [{f for e, f, kind in r.masks if e == entity and kind in kinds} for r in roles]
        return names if p is SYSTEM else names - set[str].intersection(*masked) if masked else set()

    # Lists and what is made of them.

    def read(self, p: Any, entity: str, id: Any) -> Row:
        row = self.records[entity][id]
        return {name: self.value(entity, row, name, p) for name in self.readable(p, entity)}

    def find(
        self, p: Any, entity: str, where: Any = None, order: Iterable[str] = (), deleted: bool = False
    ) -> list[Any]:
        keys = list(order) or ["-id"]
        keys = keys if keys[-1] in ("id", "-id") else [*keys, "-id" if keys[-1].startswith("-") else "id"]
        for path in (*paths(where), *(key.lstrip("-") for key in keys)):
            self.check(p, entity, path)
        rows = [r for r in self.records[entity].values() if r["deleted"] == deleted and self.sees(p, entity, r)]
        rows = [r for r in rows if not deleted or self.allowed(p, "delete", entity, r)]
        rows = [r for r in rows if where is None or self.holds(where, entity, r, p, p)]
        for key in reversed(keys):
            values = {r["id"]: self.rank(entity, r, key.lstrip("-")) for r in rows}
            full = [r for r in rows if values[r["id"]] is not None]
            full.sort(key=lambda r: values[r["id"]], reverse=key.startswith("-"))
            rows = full + [r for r in rows if values[r["id"]] is None]
        return [r["id"] for r in rows]

    def rank(self, entity: str, row: Row, path: str) -> Any:
        """Return the value by which a list is sorted. Where an extension was never written, its default has no rank."""
        extension, dot, _ = path.partition(".")
        return None if dot and extension != "custom" and not row.get(f"{extension}.") else self.plain(entity, row, path)

    def aggregate(self, p: Any, entity: str, groups: list[str], measured: str, where: Any = None) -> dict[Any, Any]:
        """Return ``{group: values}`` of the field *measured* of what is visible; without groups there is one."""
        for path in (*groups, measured):
            self.check(p, entity, path)
        found: dict[Any, list[Any]] = {} if groups else {(): []}
        for row in (self.records[entity][id] for id in self.find(p, entity, where)):
            group = tuple(self.plain(entity, row, name) for name in groups)
            found.setdefault(group, []).append(self.plain(entity, row, measured))
        return found

    def expand(self, p: Any, entity: str, ids: Iterable[Any], relation: str) -> dict[Any, Any]:
        link, near, far = self.entities[entity].links.get(relation, (entity, "", f"{relation}_id"))
        if far not in self.readable(p, link) or (near and near not in self.readable(p, link)):
            raise Denied("unknown-field")
        to = self.entities[link].fields[far].to
        if not near:
            return {t: t for id in ids if self.visible(p, to, t := self.records[entity][id][far])}
        rows = [self.records[link][id] for id in self.find(p, link)]
        return {id: sorted(r[far] for r in rows if r[near] == id and self.visible(p, to, r[far])) for id in ids}

    def known(self, p: Any, system: str, entity: str, values: Iterable[str]) -> dict[str, tuple[Any, bool]]:
        """Return ``{value: (record, is deleted)}`` of the external ids whose record *p* sees, or may restore."""
        found = {v: self.externals[system, entity, v] for v in values if (system, entity, v) in self.externals}
        seen = {*self.find(p, entity), *self.find(p, entity, deleted=True)}
        return {v: (id, self.records[entity][id]["deleted"]) for v, id in found.items() if id in seen}


def paths(condition: Any) -> Iterator[str]:
    """Yield every path that *condition* names."""
    if condition and condition[0] in ("not", "and", "or"):
        yield from (path for part in condition[1:] for path in paths(part))
    elif condition:
        yield condition[1]
