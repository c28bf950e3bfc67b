"""A throw-away plugin for tests of the core: artists, their commissions in a pipeline, and invoices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import ModuleType
from uuid import UUID

from crmkit import (
    Decimals,
    Email,
    Grant,
    Guard,
    LongText,
    Mask,
    Money,
    Move,
    Number,
    Owned,
    Pipeline,
    Pipelined,
    Record,
    Restriction,
    Role,
    Rule,
    Stage,
    computed,
    entity,
    extension,
    field,
    ref,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")
EVERYTHING = ("read", "create", "update", "delete", "move", "transfer", "share", "export")


@entity("atelier.artist", label=_("Artist"))
class Artist(Record):
    name: str = field(search=True, indexed=True)
    email: str | None = field(Email(), default=None, unique=True, personal=True, purpose="contact")
    notes: str | None = field(LongText(), default=None)
    fee: Decimal | None = field(Decimals(scale=2), default=None)


@entity("atelier.commission", label=_("Commission"))
class Commission(Owned, Pipelined):
    number: str = field(Number("K"), init=False)
    title: str = field(search=True)
    artist_id: UUID | None = ref("atelier.artist", default=None)
    price: Money | None = field(default=None, indexed=True)
    due_on: date | None = field(default=None, indexed=True)
    hours: int = field(default=0)

    @computed(Decimals(0), needs=["hours"])
    def days(self) -> int:
        """Return the working days, of eight hours each."""
        return self.hours * 8


@entity("atelier.invoice", label=_("Invoice"))
class Invoice(Owned):
    commission_id: UUID = ref("atelier.commission", on_delete="cascade")
    reviewer_id: UUID | None = ref("atelier.artist", default=None, on_delete="clear")


@extension(of="atelier.artist")
class Rating:
    stars: int | None = field(default=3, indexed=True)
    remark: str | None = field(default=None)


def _has_hours(_reader: object, commission: Commission) -> bool:
    return commission.hours > 0


PIPELINE = Pipeline(
    "atelier.work",
    "atelier.commission",
    _("Work"),
    [
        Stage("asked", _("Asked"), probability=10),
        Stage("sketched", _("Sketched"), probability=50, required=["price"]),
        Stage("delivered", _("Delivered"), "won", 100),
        Stage("dropped", _("Dropped"), "lost"),
    ],
    [
        Move("asked", "sketched", guards=["atelier.has_hours"]),
        Move("sketched", "delivered", guards=[Rule.parse('artist.name != "Nobody"')], roles=["atelier.master"]),
        Move("*", "dropped"),
    ],
)
PIPELINES = [PIPELINE, Guard("atelier.has_hours", _("Hours are planned"), _has_hours, needs=["hours"])]
ENTITIES = [Artist, Commission, Invoice]
ROLES = [
    Role("atelier.painter", _("Painter"), [Grant(e, ("read", "create", "update", "move"), "own") for e in (
        "atelier.commission", "atelier.invoice")] + [Grant("atelier.artist", ("read", "create"), "all")],
        [Mask("atelier.artist", ["notes"]), Mask("atelier.artist", ["fee"], "read_only")]),
    Role("atelier.master", _("Master"), [Grant(e, EVERYTHING, "subtree") for e in (
        "atelier.commission", "atelier.invoice")] + [Grant("atelier.artist", EVERYTHING, "all")]),
    Restriction("atelier.no_secrets", "atelier.commission", 'title != "Secret"', unless=["atelier.master"]),
]  # fmt: skip


def atelier(*more: object, **options: object) -> ModuleType:
    """Return the plugin; *more* are further entities or extensions."""
    given = {"roles": ROLES, "pipelines": PIPELINES}
    return plugin("atelier", entities=[*ENTITIES, *more], **(given | options))
