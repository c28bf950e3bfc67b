"""The throw-away plugins once more, in the words of the model: entities, restrictions and shipped roles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.oracle.model_merging import MergingWorld
from tests.oracle.terms import ANY, ME, Cash, Entity, Field, Grant, Move, Restriction, Role, Write

VERBS = frozenset("read create update delete move transfer share export see_duplicates erase".split())
SET_BY_CRMKIT = "id version created_at updated_at created_by deleted_at custom".split()
SESSION, TOKEN = "core.session", "core.token"
STAGE_FIELDS = "pipeline_version stage_kind stage_entered_at".split()
# What a USD is worth in the company's currency; a whole number, so that nothing is rounded.
RATES = {"EUR": 1, "USD": 2}


def cash(minor: int, currency: str = "EUR") -> Cash:
    """Return money with its value in the company's currency."""
    return Cash(minor, currency, minor * RATES[currency])


def _fields(**own: Field) -> dict[str, Field]:
    return {name: Field(system=True) for name in SET_BY_CRMKIT} | own


_owner = {"owner_id": Field(to="core.user"), "team_id": Field(to="core.team")}
_stage = {name: Field(system=True) for name in STAGE_FIELDS} | {
    "pipeline": Field(default=""),
    "stage": Field(default=""),
}
_needed = Field(required=True)


def _area(row: dict[str, Any]) -> int | None:
    return None if row["size"] is None else row["size"] ** 2


ENTITIES = {
    "core.team": Entity(_fields(name=_needed, parent_id=Field(to="core.team")), unique=(("name",),)),
    "core.user": Entity(
        _fields(
            name=_needed, email=Field(), team_id=Field(to="core.team"), is_active=Field(default=True),
            time_zone=Field(default="UTC"), locale=Field(default="en"), kind=Field(default="person"),
        ),
        unique=(("email",),),
    ),
    "trade.firm": Entity(
        _fields(
            name=_needed, city=Field(), secret=Field(), tax=Field(),
            parent_id=Field(to="trade.firm", on_delete="clear"),
        ),
        unique=(("tax",),),
    ),
    "trade.deal": Entity(
        _fields(
            **_owner, **_stage, code=Field(system=True), name=_needed, size=Field(), worth=Field(),
            colour=Field(), due=Field(),
            firm_id=Field(to="trade.firm"), backup_id=Field(to="trade.firm", on_delete="clear"),
        )
        | {
            "extra.points": Field(default=0, required=True), "extra.grade": Field(), "extra.hint": Field(),
            "extra.sponsor_id": Field(to="trade.firm", on_delete="clear"),
            "custom.weight": Field(), "custom.mood": Field(),
            "custom.backer_id": Field(to="trade.firm", on_delete="clear"),
            "custom.project_id": Field(to="custom.project", on_delete="clear"),
        },
        owned=True,
        computed={"area": (("size",), _area)},
        links={"partners": ("trade.partner", "deal_id", "firm_id")},
        stages={"new": (), "active": ("size",), "won": (), "lost": ()},
        moves={
            ("new", "active"): Move(),
            ("active", "won"): Move((("not", ("null", "worth")),)),
            (ANY, "lost"): Move(roles=frozenset({"trade.auditor"})),
            ("lost", "new"): Move(("has_lines",)),
        },
    ),
    "trade.line": Entity(
        _fields(
            deal_id=Field(to="trade.deal", follows=True, on_delete="cascade", required=True), amount=Field(),
            note=Field(), firm_id=Field(to="trade.firm", on_delete="clear"),
        )
    ),
    "trade.partner": Entity(
        _fields(
            deal_id=Field(to="trade.deal", on_delete="cascade", required=True),
            firm_id=Field(to="trade.firm", on_delete="cascade", required=True), part=Field(),
        ),
        unique=(("deal_id", "firm_id"),),
    ),
    "trade.note": Entity(_fields(**_owner, about=Field(to=ANY), body=_needed), owned=True),
    "custom.project": Entity(
        _fields(**_owner, name=_needed, firm_id=Field(to="trade.firm", follows=True))
        | {
            "custom.budget": Field(), "custom.motto": Field(),
            "custom.deal_id": Field(to="trade.deal", on_delete="clear"),
        },
        owned=True,
    ),
}  # fmt: skip

RESTRICTIONS = (
    Restriction("trade.deal", ("not", ("==", "colour", "black")), VERBS, frozenset({"trade.auditor"})),
    Restriction("trade.firm", ("not", ("==", "city", "Frozen")), frozenset({"create", "update", "delete"})),
    Restriction("trade.deal", ("or", ("null", "size"), ("<", "size", 90)), frozenset({"create"})),
    Restriction(
        "trade.firm", ("not", ("==", "parent.city", "Hidden")), frozenset({"read"}), frozenset({"trade.auditor"})
    ),
)


def _reads(entity: str) -> Grant:
    return Grant(entity, frozenset({"read"}), "all")


ROLES = {
    "core.administrator": Role((Grant(ANY, VERBS, "all"),)),
    "core.member": Role(
        (
            _reads("core.user"),
            _reads("core.team"),
            Grant(TOKEN, frozenset({"read", "create", "update"}), ("==", "user_id", ME)),
            Grant(SESSION, frozenset({"read", "update"}), ("==", "user_id", ME)),
        )
    ),
    "trade.auditor": Role((_reads("trade.line"),)),
    "trade.clerk": Role(
        (
            Grant("trade.deal", VERBS, "own"),
            Grant("trade.deal", frozenset({"read"}), "team"),
            Grant("trade.firm", frozenset({"read", "create"}), "all"),
            Grant("trade.line", frozenset({"read", "create", "update", "delete"}), "all"),
            Grant("trade.note", VERBS, "own"),
            Grant("trade.partner", frozenset({"read", "create", "update", "delete"}), "all"),
        ),
        frozenset({("trade.firm", "secret", "hidden"), ("trade.deal", "due", "read_only")}),
    ),
}


@dataclass(frozen=True)
class Work:
    """A row of the lease table: a job, a delivery or a schedule, and whose it is."""

    kind: str
    name: str
    state: str
    principal: Any


@dataclass(frozen=True)
class Credential:
    """A session or a token: whose it is, what it is called, and whether it counts."""

    kind: str
    user: Any
    name: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    ended: bool


class TradeWorld(MergingWorld):
    """The model of the throw-away plugins. A guard that is a function has its twin here."""

    def __init__(self, *declared: Any) -> None:
        super().__init__(*declared)
        self.work: dict[UUID, Work] = {}
        self.credentials: dict[UUID, Credential] = {}

    def fork(self) -> Any:
        """Return a copy on which something may be tried."""
        other = super().fork()
        other.work = dict(self.work)
        other.credentials = dict(self.credentials)
        return other

    def commit(self, writes: list[Write]) -> None:
        users = self.records["core.user"]
        leaving = {w.id for w in writes if w.id in users and users[w.id]["is_active"] and not w.row["is_active"]}
        super().commit(writes)
        # They do not come back with the account.
        ended = {id: replace(each, ended=True) for id, each in self.credentials.items() if each.user in leaving}
        self.credentials |= ended

    def may_know(self, p: Any, verb: str, credential: Credential) -> bool:
        """Return whether a grant gives *verb* on a session or a token: on all, or on one's own."""
        scopes = [g.scope for role in self.roles_of(p) for g in role.grants if g.gives(credential.kind, verb)]
        return "all" in scopes or (bool(scopes) and credential.user == p)

    def is_own(self, p: Any, work: Work) -> bool:
        """Return whether *p* enqueued it; what somebody's writes have others do is not theirs."""
        return work.kind == "job" and work.principal == p

    def may_work(self, p: Any, verb: str) -> bool:
        """Return whether a grant gives *verb* on all work."""
        return any(g.gives("core.job", verb) for role in self.roles_of(p) for g in role.grants)

    def reads_everything(self, p: Any) -> bool:
        """Return whether a role without masks lets *p* read all entities."""
        roles = [role for role in self.roles_of(p) if not role.masks]
        return any(g.entity == ANY and "read" in g.verbs for role in roles for g in role.grants)

    def holds(self, condition: Any, entity: str, row: dict[str, Any], eyes: Any, me: Any) -> bool:
        if condition == "has_lines":
            return any(
                line["deal_id"] == row["id"] and not line["deleted"] for line in self.records["trade.line"].values()
            )
        return super().holds(condition, entity, row, eyes, me)


def new_world() -> TradeWorld:
    """Return a world in which nothing has happened."""
    return TradeWorld(ENTITIES, RESTRICTIONS, ROLES)
