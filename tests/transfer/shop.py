"""A plugin of the tests: companies in trees, deals in a pipeline, notes on anything."""

from __future__ import annotations

from datetime import date, datetime
from types import ModuleType
from uuid import UUID

from crmkit import (
    Choice,
    Grant,
    Mask,
    Money,
    Move,
    Number,
    Owned,
    Pipeline,
    Pipelined,
    Plugin,
    Problem,
    Record,
    Role,
    Stage,
    Target,
    Text,
    any_ref,
    entity,
    field,
    hookimpl,
    ref,
)
from crmkit.core.text import Text as Sentence


@entity("shop.company", label=Sentence("Company"))
class Company(Owned):
    """A company, with a parent."""

    name: str = field(Text(max=60), unique=True)
    city: str | None = field(default=None, indexed=True)
    founded: int | None = field(default=None)
    rating: str = field(Choice(["low", "high"]), default="low")
    secret: str | None = field(default=None)
    parent_id: UUID | None = ref("shop.company", default=None)


@entity("shop.deal", label=Sentence("Deal"))
class Deal(Owned, Pipelined):
    """A deal with a company."""

    number: str | None = field(Number("D"), default=None)
    name: str = field()
    company_id: UUID | None = ref("shop.company", default=None)
    amount: Money | None = field(default=None)
    closed_on: date | None = field(default=None)
    called_at: datetime | None = field(default=None)


@entity("shop.note", label=Sentence("Note"))
class Note(Record):
    """A note on any record."""

    text: str = field()
    about: Target | None = any_ref(default=None)


PIPELINE = Pipeline(
    "shop.default",
    "shop.deal",
    Sentence("Sales"),
    [
        Stage("new", Sentence("New one")),
        Stage("open", Sentence("Open")),
        Stage("won", Sentence("Won"), "won", required=["amount"]),
        Stage("lost", Sentence("Lost"), "lost"),
    ],
    [Move("new", "open"), Move("open", "won"), Move("open", "lost")],
)
VERBS = ["read", "create", "update", "delete", "move", "transfer", "export"]
CLERK = Role(
    "shop.clerk",
    Sentence("Clerk"),
    [
        Grant("shop.company", ["read", "create", "update", "export"], "own"),
        Grant("shop.deal", VERBS, "own"),
        Grant("shop.note", ["read"], "all"),
    ],
    [Mask("shop.company", ["secret"])],
)
READER = Role("shop.reader", Sentence("Reader"), [Grant("shop.company", ["read"], "all")])


def plugin() -> ModuleType:
    """Return the plugin as a module."""
    module, hooks = ModuleType("shop"), ModuleType("shop.hooks")
    module.PLUGIN = Plugin(name="shop", version="1.0", label=Sentence("Shop"))

    @hookimpl
    def crmkit_register_entities():
        return [Company, Deal, Note]

    @hookimpl
    def crmkit_register_roles():
        return [CLERK, READER]

    @hookimpl
    def crmkit_register_pipelines():
        return [PIPELINE]

    @hookimpl
    def crmkit_check_write(context, writes):
        return [
            Problem("Atlantis has sunk", index=place)
            for place, write in enumerate(writes)
            if write.entity.id == "shop.company" and write.get("city") == "Atlantis"
        ]

    for function in (
        crmkit_register_entities,
        crmkit_register_roles,
        crmkit_register_pipelines,
        crmkit_check_write,
    ):
        setattr(hooks, function.__name__, function)
    module.hooks = hooks
    return module


SHOP = plugin()
