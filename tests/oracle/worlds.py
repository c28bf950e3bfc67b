"""Chance: who exists, who may what, and what happens. Everything is drawn from one ``random.Random``.

People, teams and roles have the same ids in every world, so that what crmkit prepares for one serves the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from tests.oracle.mirror import VERBS, cash
from tests.oracle.model import paths
from tests.oracle.model_writes import World
from tests.oracle.terms import ME, MY_TEAM, Grant

__all__ = ["CONDITIONS", "OWN_ENTITIES", "ROLES", "TEAMS", "USERS", "Chance", "settable"]

TEAMS = [UUID(int=0x7EA0000 + n) for n in range(4)]
USERS = [UUID(int=0x05E0000 + n) for n in range(5)]
ROLES = [f"role{n}" for n in range(4)]
OWN_ENTITIES = ["trade.firm", "trade.deal", "trade.line", "trade.partner", "trade.note", "custom.project"]

# What rules may say, in grants and in filters; some differ in nothing but a constant.
CONDITIONS: dict[str, list[Any]] = {
    "core.user": [("==", "team_id", MY_TEAM), ("==", "team.name", "Team 1"), ("==", "is_active", True)],
    "core.team": [("null", "parent_id"), ("==", "parent.name", "Team 0"), ("contains", "name", "1")],
    "trade.firm": [
        ("==", "city", "Berlin"), ("==", "city", "Bonn"), ("contains", "name", "e"), ("==", "parent.city", "Bonn"),
        ("null", "secret"), ("not", ("==", "parent.name", "Ada")), ("==", "parent.secret", "s1"),
        ("==", "created_by", ME),
        ("not", ("null", "parent.parent.city")), ("in", "tax", ("t1", "t2", "t3")), (">", "name", "Zoe"),
    ],
    "trade.deal": [
        ("==", "colour", "red"), ("==", "colour", "green"), ("<", "size", 5), ("<", "size", 50),
        (">=", "worth", 800), ("null", "due"), ("==", "owner_id", ME),
        ("==", "firm.city", "Berlin"), ("==", "firm.secret", "s1"), ("not", ("==", "firm.city", "Bonn")),
        ("==", "team_id", MY_TEAM), ("==", "stage", "active"), ("==", "extra.grade", "a"), (">", "extra.points", 0),
        ("==", "extra.points", 0), ("null", "extra.hint"), ("==", "extra.sponsor.city", "Berlin"),
        ("in", "colour", ("red", "black")), ("not", ("in", "size", (3, 7))), ("<", "due", date(2026, 2, 1)),
        ("==", "custom.weight", 3), (">", "custom.weight", 0), ("null", "custom.mood"), ("==", "custom.mood", "wild"),
        ("==", "custom.backer.city", "Berlin"), ("not", ("==", "custom.backer.secret", "s1")),
        (">", "area", 8), ("==", "firm.parent.city", "Bonn"), ("==", "owner.name", "User 1"),
        ("==", "backup.tax", "t1"), ("==", "custom.project.custom.motto", "on"),
        (">", "custom.project.custom.budget", 5),
        ("==", "owner.team.name", "Team 1"), ("not", ("null", "backup_id")), ("contains", "name", "e"),
    ],
    "trade.line": [
        (">", "amount", Decimal("1.00")), ("==", "deal.colour", "red"), ("==", "deal.firm.city", "Berlin"),
        ("null", "note"), ("==", "firm.secret", "s1"), ("<", "deal.area", 10), ("==", "deal.extra.grade", "a"),
    ],
    "trade.partner": [
        ("==", "part", "buys"), ("==", "part", "sells"), ("==", "deal.owner_id", ME),
        ("not", ("==", "firm.city", "Berlin")),
    ],
    "trade.note": [
        ("==", "owner_id", ME), ("contains", "body", "e"), ("contains", "body", "a"),
        ("==", "about.entity", "trade.firm"), ("null", "about"), ("==", "team_id", MY_TEAM),
    ],
    "custom.project": [
        (">", "custom.budget", 5), ("null", "custom.motto"), ("==", "custom.motto", "on"), ("==", "owner_id", ME),
        ("==", "firm.city", "Berlin"), ("==", "custom.deal.colour", "red"), ("==", "team_id", MY_TEAM),
        ("not", ("==", "custom.deal.firm.city", "Bonn")), ("contains", "name", "e"),
    ],
}  # fmt: skip

_VALUES: dict[str, list[Any]] = {
    "name": ["Ada", "bert", "Čapek", "上海", "Zoe", "zeta"],
    "city": ["Berlin", "Bonn", "Berlin", "Frozen", "Hidden", "Hidden", None],
    "secret": ["s1", "s2", None],
    "tax": [None, None, *(f"t{n}" for n in range(9))],
    "size": [None, 0, 3, 7, 95, 95],
    "worth": [None, cash(1000), cash(250), cash(400, "USD")],
    "colour": ["red", "red", "green", "black", None],
    "due": [None, date(2026, 1, 2), date(2026, 3, 4)],
    "amount": [None, Decimal("1.25"), Decimal("-3.00"), Decimal("10.00")],
    "note": ["hm", "yes", None],
    "part": ["buys", "sells", None],
    "body": ["seen", "called", "ah"],
    "extra.points": [0, 1, 5],
    "extra.grade": ["a", "b", None],
    "extra.hint": ["h1", "h2", None],
    "custom.weight": [None, 0, 3, 7],
    "custom.mood": ["calm", "wild", None],
    "custom.budget": [None, 0, 4, 9, 60],
    "custom.motto": ["on", "off", None],
}
_REFERENCES = {
    "parent_id": "trade.firm", "firm_id": "trade.firm", "backup_id": "trade.firm", "extra.sponsor_id": "trade.firm",
    "deal_id": "trade.deal", "custom.backer_id": "trade.firm", "custom.project_id": "custom.project",
    "custom.deal_id": "trade.deal",
}  # fmt: skip
SETTABLE: dict[str, list[str]] = {
    "trade.firm": ["name", "city", "secret", "tax", "parent_id"],
    "trade.deal": ["name", "size", "worth", "colour", "due", "firm_id", "backup_id"],
    "trade.line": ["deal_id", "amount", "note", "firm_id"],
    "trade.partner": ["deal_id", "firm_id", "part"],
    "trade.note": ["about", "body"],
    "custom.project": ["name", "firm_id", "custom.budget", "custom.motto", "custom.deal_id"],
}
CUSTOM = ["custom.weight", "custom.mood", "custom.backer_id", "custom.project_id"]
EXTRA = ["extra.points", "extra.grade", "extra.hint", "extra.sponsor_id", *CUSTOM]


def settable(entity: str) -> list[str]:
    """Return the names of the fields that may be changed, those of the extension included."""
    return [*SETTABLE[entity], *(EXTRA if entity == "trade.deal" else [])]


_MASKABLE = {
    "core.user": ["email", "team_id", "name"],
    "core.team": ["parent_id"],
    "trade.firm": ["name", "city", "secret", "tax", "parent_id", "created_by"],
    "trade.deal": [
        *["size", "code", "worth"] * 3, "name", "colour", "due", "firm_id", "backup_id", "owner_id", "stage",
        "created_at", "area", *EXTRA,
    ],
    "trade.line": ["deal_id", "amount", "note", "firm_id"],
    "trade.partner": ["firm_id", "part", "deal_id"],
    "trade.note": ["body", "about", "team_id"],
    "custom.project": ["name", "firm_id", "owner_id", "custom.budget", "custom.motto", "custom.deal_id"],
}  # fmt: skip


class Chance:
    """Draws what a world is made of."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.one = random.choice

    def likely(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def some(self, values: list[Any], most: int) -> list[Any]:
        return self.random.sample(values, min(len(values), self.random.randint(0, most)))

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def id_of(self, world: World, entity: str) -> UUID:
        """Return the id of any record, visible or not, deleted or not; rarely of none."""
        ids = sorted(world.records[entity])
        return self.one(ids) if ids and self.likely(97) else self.new_id()

    def living(self, world: World, entity: str) -> UUID | None:
        ids = sorted(id for id, row in world.records[entity].items() if not row["deleted"])
        return self.one(ids) if ids else None

    def value(self, world: World, entity: str, name: str) -> Any:
        if name == "about":
            target = self.one([*OWN_ENTITIES, "trade.firm", "trade.deal", "core.team"])
            return None if self.likely(15) else (target, self.id_of(world, target))
        if name in _REFERENCES:
            needed = world.entities[entity].fields[name].required
            return None if not needed and self.likely(30) else self.id_of(world, _REFERENCES[name])
        return self.one(_VALUES[name])

    def row(self, world: World, entity: str) -> dict[str, Any]:
        """Return the values of a new record."""
        fields = world.entities[entity].fields
        values = {n: self.value(world, entity, n) for n in SETTABLE[entity] if fields[n].required or self.likely(80)}
        if world.entities[entity].owned and self.likely(70):
            values["owner_id"] = self.one([*USERS, None])
        if world.entities[entity].owned and self.likely(20):
            values["team_id"] = self.one([*TEAMS, None])
        if entity == "trade.deal" and self.likely(60):
            values |= {name: self.value(world, entity, name) for name in self.some(CUSTOM, 3)}
        if entity == "trade.deal" and self.likely(50):
            values["stage"] = self.one(["active", "active", "won", "lost", "nowhere"])
        return values

    def change(self, world: World, entity: str) -> dict[str, Any]:
        """Return new values for some fields of a record, rarely for one that cannot be set."""
        names = settable(entity)
        values = {
            n: self.value(world, entity, n) for n in self.random.sample(names, min(len(names), self.one([1, 1, 2, 3])))
        }
        if self.likely(6):
            values[self.one(["version", "created_by", "deleted_at", "custom", "owner_id", "stage", "nosuch"])] = None
        return values

    # Policy.

    def scope(self, entity: str, owned: bool) -> Any:
        kinds = (
            ["own", "own", "team", "team", "subtree", "subtree", "subtree", "all", "rule", "rule", "rule"]
            if owned
            else ["all", "rule", "rule"]
        )
        kind = self.one(kinds)
        return self.rule(entity) if kind == "rule" else kind

    def rule(self, entity: str) -> Any:
        """Return a condition, one that depends on who asks more often than others."""
        personal = [each for each in CONDITIONS[entity] if each[-1] in (ME, MY_TEAM)]
        return self.one(personal if personal and self.likely(50) else CONDITIONS[entity])

    def grants(self, world: World, entity: str) -> Iterator[Grant]:
        owned = world.entities[entity].owned
        if self.likely(85):
            yield Grant(entity, frozenset({"read"}), self.scope(entity, owned))
        for _ in range(self.one([0, 1, 1, 2])):
            verbs = frozenset(self.some(sorted(VERBS - {"read"}), 7))
            if verbs:
                yield Grant(entity, verbs, self.scope(entity, owned))

    def role(self, world: World) -> Iterator[Grant]:
        """Yield the grants of a role."""
        for entity in OWN_ENTITIES:
            yield from self.grants(world, entity)
        for entity in ("core.user", "core.team"):
            if self.likely(85):
                yield Grant(entity, frozenset({"read"}), "all" if self.likely(40) else self.rule(entity))
        if self.likely(30):
            yield Grant("core.job", frozenset({"read", *self.some(["update"], 1)}), "all")

    def masks(self) -> set[tuple[str, str, str]]:
        """Return some masks."""
        return {self.mask() for _ in range(self.one([0, 2, 4, 10]))}

    def mask(self) -> tuple[str, str, str]:
        entity = self.one([*_MASKABLE, "trade.deal", "trade.deal", "trade.firm"])
        return entity, self.one(_MASKABLE[entity]), self.one(["hidden", "hidden", "read_only"])

    # Questions.

    def condition(self, entity: str) -> Any:
        far = [each for each in CONDITIONS[entity] if any("." in path for path in paths(each))]
        drawn = self.one(far if far and self.likely(30) else CONDITIONS[entity])
        match self.random.randrange(6):
            case 0:
                return ("not", drawn)
            case 1:
                return ("and", drawn, self.one(CONDITIONS[entity]))
            case 2:
                return ("or", drawn, self.one(CONDITIONS[entity]))
        return drawn

    def order(self, entity: str) -> tuple[str, ...]:
        keys = {
            "trade.deal": ["name", "size", "worth", "due", "stage", "area", "extra.points", "extra.hint", "colour",
                           "firm_id", "version", "owner_id"],
            "trade.firm": ["name", "city", "secret", "tax"],
            "trade.line": ["amount", "note", "deal_id"],
            "trade.partner": ["part", "firm_id"],
            "trade.note": ["body", "owner_id"],
            "custom.project": ["name", "custom.budget", "custom.motto", "firm_id"],
        }.get(entity, ["name"])  # fmt: skip
        drawn = [("-" if self.likely(50) else "") + key for key in self.some(keys, 2)]
        return (*drawn, self.one(["id", "-id"])) if self.likely(20) else tuple(drawn)
