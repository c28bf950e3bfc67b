"""A plugin of bids in two pipelines, with reasons for losing, roles made at run time, and approvals."""

from __future__ import annotations

from datetime import timedelta

from crmkit import (
    Approval,
    Grant,
    Money,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    Reason,
    Reasons,
    Role,
    Rule,
    Stage,
    Text,
    entity,
    field,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")
VERBS = ("read", "create", "update", "delete", "move", "transfer", "share")


@entity("shop.bid", label=_("Bid"))
class Bid(Owned, Pipelined):
    name: str = field(default="Bid")
    price: Money | None = field(default=None)
    discount: int = field(default=0)
    lost_reason: str | None = field(Text(max=41), default=None)
    lost_note: str | None = field(Text(max=500), default=None)


WHY = Reasons("lost_reason", [Reason("price", _("Price")), Reason("rival", _("Rival"))], note="lost_note")
STAGES = [
    Stage("draft", _("Draft")),
    Stage("offered", _("Offered")),
    Stage("won", _("Won"), "won"),
    Stage("lost", _("Lost"), "lost", reasons=WHY),
]
TWO = Approval(
    needed=2,
    roles=["shop.chief", "Auditor"],
    users=["uma@example.org"],
    team_lead=True,
    manager=True,
    fields=["price", "discount"],
    when=Rule.parse("discount > 10"),
    expires=timedelta(days=5),
)
HOME = Pipeline(
    "shop.home",
    "shop.bid",
    _("Home"),
    STAGES,
    [
        Move("draft", "offered", approval=TWO),
        Move("offered", "draft"),
        Move("offered", "won"),
        Move("*", "lost"),
        Move("won", "draft", roles=["Reopener"]),
    ],
)
ABROAD = Pipeline(
    "shop.abroad",
    "shop.bid",
    _("Abroad"),
    [Stage("start", _("Start")), Stage("sent", _("Sent"), required=["price"]), Stage("signed", _("Signed"), "won")],
    [Move("start", "sent", guards=[Rule.parse("discount < 50")]), Move("sent", "signed", roles=["shop.chief"])],
)
ROLES = [
    Role("shop.seller", _("Seller"), [Grant("shop.bid", VERBS, "team")]),
    Role("shop.chief", _("Chief"), [Grant("shop.bid", VERBS, "all")]),
]
SHOP = plugin("shop", entities=[Bid], roles=ROLES, pipelines=[HOME, ABROAD])
