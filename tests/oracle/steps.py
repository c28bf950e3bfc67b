"""What happens in a world: records are written by anybody, policy is changed by the system. Every step is compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from crmkit.core.entity import Record
from crmkit.core.policy import people
from tests.oracle import acts
from tests.oracle.acts import Act
from tests.oracle.phrases import rule_text
from tests.oracle.play import Play
from tests.oracle.terms import SYSTEM, Grant, Role
from tests.oracle.worlds import EXTRA, OWN_ENTITIES, ROLES, TEAMS, USERS, Chance

__all__ = ["STEPS", "Steps"]

_SPACE = UUID(int=0x0AC1E)
_SHIPPED = ["core.member", "core.member", "trade.clerk", "trade.auditor", "core.administrator"]
SYSTEMS = ["erp", "shop"]
_LONG_AGO, _TWO = date(2000, 1, 1), Decimal(2)


class Steps:
    """Takes steps in one play, drawn by chance."""

    def __init__(self, play: Play, random: Random) -> None:
        self.play, self.world, self.chance = play, play.world, Chance(random)
        self.policy: dict[str, tuple[dict[UUID, Grant], dict[UUID, Any]]] = {name: ({}, {}) for name in ROLES}
        self.links: dict[tuple[str, Any, Any], UUID] = {}

    # The world before anything happens.

    def build(self) -> None:
        """Make people, teams, roles and records."""
        team_of = [TEAMS[0], TEAMS[1], TEAMS[2], TEAMS[3], None]
        teams = {id: {"name": f"Team {n}", "parent_id": None} for n, id in enumerate(TEAMS)}
        teams[TEAMS[1]]["parent_id"] = TEAMS[0]
        teams[TEAMS[2]]["parent_id"] = TEAMS[0]
        teams[TEAMS[3]]["parent_id"] = TEAMS[1]
        users = {id: {"name": f"User {n}", "team_id": team_of[n]} for n, id in enumerate(USERS)}
        self.together([acts.create("core.team", {id: row}) for id, row in teams.items()])
        self.together([acts.create("core.user", {id: row}) for id, row in users.items()])
        self.system(people.ExchangeRate(currency="USD", valid_from=_LONG_AGO, rate=_TWO))
        self.system(*(people.RoleRecord(id=_role_id(name), name=name, label=name) for name in ROLES))
        for name in ROLES:
            grants, masks = self.chance.role(self.world)
            self.system(
                *(self.grant(name, grant) for grant in grants), *(self.mask(name, mask) for mask in sorted(masks))
            )
        for user in USERS:
            for role in dict.fromkeys([*self.chance.some(ROLES, 2), *self.chance.some(_SHIPPED[:-1], 1)]):
                self.link("assignment", user, role)
            if self.chance.likely(40):
                self.link("membership", user, self.chance.one(TEAMS))
        if self.chance.likely(15):
            self.link("assignment", USERS[0], "core.administrator")
        for entity, many in zip(OWN_ENTITIES, (6, 11, 8, 5, 8), strict=True):
            self.together([self._new(entity) for _ in range(many)])
        self.together([self._extend(id) for id in list(self.world.records["trade.deal"])[:8]])
        self.together([self.draw_share() for _ in range(8)])
        self.together([self.draw_delete() for _ in range(4)])
        self.together([self.draw_give() for _ in range(3)])

    def together(self, drawn: Iterable[Act]) -> None:
        """Do, as the system and in one transaction, those of *drawn* that the model allows."""
        self.play.perform_all(SYSTEM, drawn)

    def system(self, *records: Record) -> None:
        """Store records that the model does not have as records."""
        with self.play.crm.system("oracle") as db:
            for record in records:
                db.create(record)

    # Records.

    def actor(self) -> UUID | None:
        return self.chance.one([*USERS, *USERS, SYSTEM])

    def do(self, act: Act | None) -> None:
        if act is not None:
            self.play.perform(self.actor(), act)

    def create(self) -> None:
        self.do(self.draw_create(self.chance.one([1, 1, 3])))

    def update(self) -> None:
        self.do(self.draw_update(self.chance.one([1, 1, 3])))

    def delete(self) -> None:
        self.do(self.draw_delete())

    def restore(self) -> None:
        self.do(self.draw_restore())

    def transfer(self) -> None:
        self.do(self.draw_transfer())

    def move(self) -> None:
        self.do(self.draw_move())

    def share(self) -> None:
        self.do(self.draw_share())

    def unshare(self) -> None:
        self.do(self.draw_unshare())

    def give(self) -> None:
        self.do(self.draw_give())

    # Policy.

    def regrant(self) -> None:
        """End one grant of a role and make another."""
        name = self.chance.one(ROLES)
        grants = self.policy[name][0]
        if grants and self.chance.likely(70):
            self.remove(people.GrantRecord, self.chance.one(list(grants)), grants)
        fresh = list(self.chance.grants(self.world, self.chance.one(OWN_ENTITIES)))
        self.system(*(self.grant(name, grant) for grant in fresh))
        self._resolve(name)

    def remask(self) -> None:
        """End one mask of a role and make another."""
        name = self.chance.one(ROLES)
        masks = self.policy[name][1]
        if masks and self.chance.likely(60):
            self.remove(people.MaskRecord, self.chance.one(list(masks)), masks)
        if self.chance.likely(70):
            self.system(self.mask(name, self.chance.mask()))
        self._resolve(name)

    def assign(self) -> None:
        """Give a role to somebody, or take it away."""
        self.link("assignment", self.chance.one(USERS), self.chance.one([*ROLES, *ROLES, *_SHIPPED]))

    def join(self) -> None:
        """Put somebody into a further team, or out of it."""
        self.link("membership", self.chance.one(USERS), self.chance.one(TEAMS))

    def move_team(self) -> None:
        """Hang a team under another one, or under none."""
        team = self.chance.one(TEAMS[1:])
        parent = self.chance.one([t for t in [*TEAMS, None] if t != team])
        version = self.world.records["core.team"][team]["version"]
        self.play.perform(SYSTEM, acts.update("core.team", [(team, version, {"parent_id": parent})]))

    def change_user(self) -> None:
        """Give somebody another home team, or switch the account off or on."""
        user = self.chance.one(USERS)
        row = self.world.records["core.user"][user]
        away = {"is_active": not row["is_active"]}
        values = away if self.chance.likely(40) else {"team_id": self.chance.one([*TEAMS, None])}
        self.play.perform(SYSTEM, acts.update("core.user", [(user, row["version"], values)]))

    # How they are drawn.

    def _new(self, entity: str) -> Act:
        return acts.create(entity, {self.chance.new_id(): self.chance.row(self.world, entity)})

    def draw_create(self, many: int) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        return acts.create(entity, {self.chance.new_id(): self.chance.row(self.world, entity) for _ in range(many)})

    def _known(self, entity: str, many: int) -> list[tuple[UUID, int]]:
        """Return ids with the versions that somebody who has just read them would give."""
        ids = dict.fromkeys(self.chance.id_of(self.world, entity) for _ in range(many))
        versions = {id: self.world.records[entity].get(id, {}).get("version", 1) for id in ids}
        return [(id, version - (version > 1 and self.chance.likely(4))) for id, version in versions.items()]

    def draw_update(self, many: int) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        changes = [(*known, self.chance.change(self.world, entity)) for known in self._known(entity, many)]
        # The database compares unique values row by row, so a batch may pass through what it does not end in.
        unique = {name for group in self.world.entities[entity].unique for name in group} if many > 1 else set()
        return acts.update(
            entity, [(*known, {n: v for n, v in row.items() if n not in unique}) for *known, row in changes]
        )

    def draw_delete(self) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        return acts.delete(entity, self._known(entity, self.chance.one([1, 1, 1, 2])))

    def _extend(self, deal: UUID) -> Act:
        values = {name: self.chance.value(self.world, "trade.deal", name) for name in self.chance.some(EXTRA, 4)}
        return acts.update("trade.deal", [(deal, 1, values)])

    def draw_restore(self) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        gone = sorted(id for id, row in self.world.records[entity].items() if row["deleted"])
        id = self.chance.one(gone) if gone and self.chance.likely(85) else self.chance.id_of(self.world, entity)
        return acts.restore(entity, id)

    def draw_transfer(self) -> Act:
        entity = self.chance.one(["trade.deal", "trade.deal", "trade.note"])
        owner, team = self.chance.one([*USERS, None]), self.chance.one([None, None, *TEAMS])
        return acts.transfer(entity, self._known(entity, self.chance.one([1, 1, 2])), owner, team)

    def draw_move(self) -> Act:
        stage = self.chance.one(["new", "active", "won", "lost", "active", "lost", "nowhere"])
        return acts.move("trade.deal", self._known("trade.deal", self.chance.one([1, 1, 2])), stage)

    def draw_share(self) -> Act:
        entity = self.chance.one([*OWN_ENTITIES, "trade.deal", "trade.deal"])
        user, team = self.chance.one(
            [(user, None) for user in USERS] + [(None, team) for team in TEAMS] + [(None, None)]
        )
        return acts.share(entity, self.chance.id_of(self.world, entity), user, team, self.chance.one(["read", "write"]))

    def draw_unshare(self) -> Act | None:
        shares = sorted(self.world.shares, key=str)
        return acts.unshare(*self.chance.one(shares)) if shares else None

    def draw_give(self) -> Act:
        entity = self.chance.one(["trade.firm", "trade.deal"])
        name = f"x{self.chance.random.randint(1, 12)}"
        return acts.give(self.chance.one(SYSTEMS), entity, name, self.chance.id_of(self.world, entity))

    def grant(self, role: str, grant: Grant) -> people.GrantRecord:
        """Return the record of *grant*, which the model has from now on."""
        is_rule = isinstance(grant.scope, tuple)
        made = people.GrantRecord(
            role_id=_role_id(role), entity=grant.entity, verbs=" ".join(sorted(grant.verbs)),
            scope="rule" if is_rule else grant.scope, rule=rule_text(grant.scope) if is_rule else None,
        )  # fmt: skip
        self.policy[role][0][made.id] = grant
        self._resolve(role)
        return made

    def mask(self, role: str, mask: tuple[str, str, str]) -> people.MaskRecord:
        """Return the record of *mask*, which the model has from now on."""
        entity, field, access = mask
        made = people.MaskRecord(role_id=_role_id(role), entity=entity, field_name=field, access=access)
        self.policy[role][1][made.id] = mask
        self._resolve(role)
        return made

    def _resolve(self, role: str) -> None:
        grants, masks = self.policy[role]
        self.world.roles[role] = Role(tuple(grants.values()), frozenset(masks.values()))

    def remove(self, cls: type[Record], id: UUID, kept: dict[UUID, Any]) -> None:
        """Delete a record of policy."""
        kept.pop(id)
        with self.play.crm.system("oracle") as db:
            db.delete(db.get(cls, id))

    def link(self, kind: str, user: UUID, other: Any) -> None:
        """Make an assignment or a membership, or end it if it is there."""
        held: set[Any] = self.world.assignments if kind == "assignment" else self.world.memberships
        cls: Any = people.Assignment if kind == "assignment" else people.Membership
        if (user, other) in held:
            held.remove((user, other))
            self.remove(cls, self.links[kind, user, other], {self.links[kind, user, other]: None})
            return
        held.add((user, other))
        made = cls(user_id=user, **({"role": other} if kind == "assignment" else {"team_id": other}))
        self.links[kind, user, other] = made.id
        self.system(made)


def _role_id(name: str) -> UUID:
    return uuid5(_SPACE, name)


STEPS = [
    "create", "create", "update", "update", "update", "delete", "restore", "transfer", "move", "share", "unshare",
    "give", "regrant", "remask", "assign", "join", "move_team", "change_user",
]  # fmt: skip
