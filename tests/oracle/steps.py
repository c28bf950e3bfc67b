"""What happens in a world: records are written by anybody, policy is changed by the system. Every step is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from crmkit.core.entity import Record
from crmkit.core.policy import people
from tests.oracle import acts
from tests.oracle.acts import Act
from tests.oracle.credentials_table import draw_credential, draw_grants, rows_of_credential
from tests.oracle.lease_table import draw_work, row_of_work
from tests.oracle.phrases import rule_text
from tests.oracle.play import Play
from tests.oracle.terms import ANY, SYSTEM, Grant, Role
from tests.oracle.worlds import EXTRA, OWN_ENTITIES, ROLES, TEAMS, USERS, Chance, settable

__all__ = ["STEPS", "Steps"]

_SPACE = UUID(int=0x0AC1E)
# How many in a hundred jobs have them.
_SHIPPED = {"core.member": 40, "trade.auditor": 35, "trade.clerk": 15, "core.administrator": 0}
SYSTEMS = ["erp", "shop"]
_LONG_AGO, _TWO = date(2000, 1, 1), Decimal(2)


class Steps:
    """Takes steps in one play, drawn by chance for an actor."""

    def __init__(self, play: Play, random: Random, actor: UUID | None = SYSTEM) -> None:
        self.play, self.world, self.chance, self.actor = play, play.world, Chance(random), actor
        self.policy: dict[str, tuple[dict[UUID, Grant], dict[UUID, Any]]] = {name: ({}, {}) for name in ROLES}
        self.links: dict[tuple[str, Any, Any], UUID] = {}

    # The world before anything happens.

    def build(self) -> None:
        """Make people, teams, roles and records."""
        team_of = [*TEAMS, self.chance.one([TEAMS[2], None])]
        teams = {id: {"name": f"Team {n}", "parent_id": None} for n, id in enumerate(TEAMS)}
        teams[TEAMS[1]]["parent_id"] = TEAMS[0]
        teams[TEAMS[2]]["parent_id"] = TEAMS[0]
        teams[TEAMS[3]]["parent_id"] = TEAMS[1]
        users = {id: {"name": f"User {n}", "team_id": team_of[n]} for n, id in enumerate(USERS)}
        self.together([acts.create("core.team", {id: row}) for id, row in teams.items()])
        self.together([acts.create("core.user", {id: row}) for id, row in users.items()])
        self.system(people.ExchangeRate(currency="USD", valid_from=_LONG_AGO, rate=_TWO))
        self.system(*(people.RoleRecord(id=_role_id(name), name=name, label=name) for name in ROLES))
        # A field is hidden from somebody only if all of that person's roles hide it, so most roles hide the same.
        common = self.chance.masks()
        for name in ROLES:
            grants = list(self.chance.role(self.world))
            masks = self.chance.masks() | (common if self.chance.likely(75) else set())
            self.system(
                *(self.grant(name, grant) for grant in grants), *(self.mask(name, mask) for mask in sorted(masks))
            )
        # People with the same job differ in nothing but who they are.
        jobs = [
            [
                *self.chance.random.sample(ROLES, self.chance.one([1, 1, 2])),
                *(role for role, percent in _SHIPPED.items() if self.chance.likely(percent)),
            ]
            for _ in range(2)
        ]
        for user in USERS:
            for role in self.chance.one(jobs):
                self.link("assignment", user, role)
            if self.chance.likely(20):
                self.link("membership", user, self.chance.one(TEAMS))
        if self.chance.likely(15):
            self.link("assignment", USERS[0], "core.administrator")
        for entity, many in zip(OWN_ENTITIES, (9, 12, 8, 6, 8, 7), strict=True):
            self.together(self._new(entity) for _ in range(many))
        self.together([self._extend(id) for id in list(self.world.records["trade.deal"])[:8]])
        self.together(self.draw_share() for _ in range(self.chance.one([0, 5, 25])))
        self.together(self.draw_delete() for _ in range(6))
        self.together(self.draw_give() for _ in range(3))
        self.together(self.draw_merge() for _ in range(2))
        self.enqueue()
        self.sign_in()

    def sign_in(self) -> None:
        """Let people have sessions and tokens, and roles give rights on those."""
        drawn = {self.chance.new_id(): draw_credential(self.chance, self.world.now()) for _ in range(12)}
        with self.play.crm.storage.writing() as connection:
            for id, each in drawn.items():
                for statement in rows_of_credential(self.play.crm, id, each):
                    connection.execute(statement)
        self.world.credentials |= drawn
        self.system(*(self.grant(name, grant) for name in ROLES for grant in draw_grants(self.chance)))

    def enqueue(self) -> None:
        """Have some work wait, and some be done or parked."""
        drawn = draw_work(self.chance)
        with self.play.crm.storage.writing() as connection:
            for id, work in drawn.items():
                connection.execute(row_of_work(self.play.crm, id, work))
        self.world.work |= drawn

    def together(self, drawn: Iterable[Act]) -> None:
        """Do, as the system and in one transaction, those of *drawn* that the model allows, each before the next."""
        self.play.perform_all(SYSTEM, drawn)

    def system(self, *records: Record) -> None:
        """Store records that the model does not have as records."""
        with self.play.crm.system("oracle") as db:
            for record in records:
                db.create(record)

    # Records.

    def do(self, draw: Callable[[], Act | None]) -> None:
        """Let anybody do what *draw* draws for them."""
        self.actor = self.chance.one([*USERS, SYSTEM, SYSTEM])
        if (act := draw()) is not None:
            self.play.perform(self.actor, act)

    def create(self) -> None:
        self.do(self.draw_create)

    def update(self) -> None:
        self.do(self.draw_update)

    def delete(self) -> None:
        self.do(self.draw_delete)

    def restore(self) -> None:
        self.do(self.draw_restore)

    def transfer(self) -> None:
        self.do(self.draw_transfer)

    def move(self) -> None:
        self.do(self.draw_move)

    def share(self) -> None:
        self.do(self.draw_share)

    def unshare(self) -> None:
        self.do(self.draw_unshare)

    def give(self) -> None:
        self.do(self.draw_give)

    def merge(self) -> None:
        self.do(self.draw_merge)

    def unmerge(self) -> None:
        self.do(self.draw_unmerge)

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

    def imitate(self) -> None:
        """Give somebody the place of somebody else: the same roles, home team and further teams."""
        model, user = self.chance.random.sample(USERS, 2)
        for kind, held in (("assignment", self.world.assignments), ("membership", self.world.memberships)):
            mine, theirs = ({to for holder, to in held if holder == who} for who in (user, model))
            for to in sorted(mine ^ theirs):
                self.link(kind, user, to)
        row = self.world.records["core.user"][user]
        self.play.perform(
            SYSTEM, acts.update("core.user", [(user, row["version"], {"team_id": self.world.home(model)})])
        )

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

    def offboard(self) -> None:
        """Offboard somebody; sometimes they come back at once."""
        leaver, successor = self.chance.one(USERS), self.chance.one(USERS)
        self.actor = self.chance.one([*USERS, SYSTEM, SYSTEM, SYSTEM])
        ended: list[Any] = []
        self.play.perform(self.actor, acts.offboard(leaver, successor, ended))
        if ended and self.chance.likely(60):
            self.play.perform(SYSTEM, acts.take_back(leaver, ended))

    def wait(self) -> None:
        """Do nothing."""

    # How they are drawn.

    def _new(self, entity: str) -> Act:
        return acts.create(entity, {self.chance.new_id(): self.chance.row(self.world, entity)})

    def draw_create(self) -> Act:
        entity, many = self.chance.one(OWN_ENTITIES), self.chance.one([1, 1, 3])
        return acts.create(entity, {self.chance.new_id(): self.chance.row(self.world, entity) for _ in range(many)})

    def _one(self, verb: str, entity: str) -> UUID:
        """Return the id of a record to which the actor may do *verb*, of one that the actor sees, or of any."""
        seen = [id for id in sorted(self.world.records[entity]) if self.world.visible(self.actor, entity, id)]
        allowed = [id for id in seen if self.world.may(self.actor, verb, entity, id)]
        ids = self.chance.one([allowed, seen, []])
        return self.chance.one(ids) if ids else self.chance.id_of(self.world, entity)

    def known(self, verb: str, entity: str, many: int) -> list[tuple[UUID, int]]:
        """Return ids with the versions of somebody who has read them just now, or some time ago."""
        ids = dict.fromkeys(self._one(verb, entity) for _ in range(many))
        versions = {id: self.world.records[entity].get(id, {}).get("version", 1) for id in ids}
        return [(id, version - self.chance.likely(8)) for id, version in versions.items()]

    def draw_update(self) -> Act:
        entity, many = self.chance.one(OWN_ENTITIES), self.chance.one([1, 1, 2, 3])
        changes = [(*known, self.change(entity)) for known in self.known("update", entity, many)]
        # The database compares unique values row by row, so a batch may pass through what it does not end in.
        unique = {name for group in self.world.entities[entity].unique for name in group} if many > 1 else set()
        return acts.update(
            entity, [(*known, {n: v for n, v in row.items() if n not in unique}) for *known, row in changes]
        )

    def change(self, entity: str) -> dict[str, Any]:
        """Return new values for some fields, in some cases also for one that the actor may not write."""
        closed = [n for n in settable(entity) if n not in self.world.writable(self.actor, entity)]
        more = [self.chance.one(closed)] if closed and self.chance.likely(20) else []
        return self.chance.change(self.world, entity) | {n: self.chance.value(self.world, entity, n) for n in more}

    def draw_delete(self) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        return acts.delete(entity, self.known("delete", entity, self.chance.one([1, 1, 1, 2])))

    def _extend(self, deal: UUID) -> Act:
        values = {name: self.chance.value(self.world, "trade.deal", name) for name in self.chance.some(EXTRA, 4)}
        return acts.update("trade.deal", [(deal, 1, values)])

    def draw_restore(self) -> Act:
        entity = self.chance.one(OWN_ENTITIES)
        gone = sorted(id for id, row in self.world.records[entity].items() if row["deleted"])
        id = self.chance.one(gone) if gone and self.chance.likely(85) else self.chance.id_of(self.world, entity)
        return acts.restore(entity, id)

    def draw_merge(self) -> Act:
        return acts.merge(*self.merging())

    def merging(self) -> tuple[str, list[tuple[UUID, int]], dict[str, UUID]]:
        """Return an entity, records of it of which the first is to be the winner, and whose values are chosen."""
        entity = self.chance.one([*OWN_ENTITIES, "trade.firm", "trade.firm", "trade.deal"])
        losers = self.known("delete", entity, self.chance.one([1, 1, 2]))
        winner = next(iter(self.known("update", entity, 1)))
        records = [winner, *losers]
        if self.chance.likely(90):
            records = list({id: (id, version) for id, version in records}.values())
        names = self.chance.some(settable(entity), 2) if self.chance.likely(40) else []
        return entity, records, {name: self.chance.one(records)[0] for name in names}

    def draw_unmerge(self) -> Act:
        merged = sorted(self.world.merged)
        if merged and self.chance.likely(90):
            return acts.unmerge(*self.chance.one(merged))
        entity = self.chance.one(OWN_ENTITIES)
        return acts.unmerge(entity, self.chance.id_of(self.world, entity))

    def draw_transfer(self) -> Act:
        entity = self.chance.one(["trade.deal", "trade.deal", "trade.note", "custom.project"])
        owner, team = self.chance.one([*USERS, None]), self.chance.one([None, None, *TEAMS])
        return acts.transfer(entity, self.known("transfer", entity, self.chance.one([1, 1, 2])), owner, team)

    def draw_move(self) -> Act:
        deals = self.known("move", "trade.deal", self.chance.one([1, 1, 2]))
        here = self.world.records["trade.deal"].get(deals[0][0], {}).get("stage")
        ahead = [to for stage, to in self.world.entities["trade.deal"].moves if stage in (here, ANY)]
        stage = self.chance.one(ahead if self.chance.likely(70) else ["new", "active", "won", "lost", "nowhere"])
        return acts.move("trade.deal", deals, stage)

    def draw_share(self) -> Act:
        entity = self.chance.one([*OWN_ENTITIES, "trade.deal", "trade.deal"])
        user, team = self.chance.one(
            [(user, None) for user in USERS] + [(None, team) for team in TEAMS] + [(None, None)]
        )
        level, minutes = self.chance.one(["read", "write", "write"]), self.chance.one([None, None, 5, 20])
        lasts = None if minutes is None else timedelta(minutes=minutes)
        return acts.share(entity, self._one("share", entity), user, team, level, lasts)

    def draw_unshare(self) -> Act | None:
        shares = sorted(self.world.shares, key=str)
        open_to_actor = [share for share in shares if self.world.may(self.actor, "share", *share[:2])]
        some = open_to_actor if open_to_actor and self.chance.likely(50) else shares
        return acts.unshare(*self.chance.one(some)) if some else None

    def draw_give(self) -> Act:
        entity = self.chance.one(["trade.firm", "trade.deal"])
        name = f"x{self.chance.random.randint(1, 12)}"
        return acts.give(self.chance.one(SYSTEMS), entity, name, self._one("update", entity))

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
    "give", "regrant", "remask", "assign", "imitate", "join", "move_team", "change_user",
    "offboard", "merge", "merge", "unmerge",
]  # fmt: skip
