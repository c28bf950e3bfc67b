"""A throw-away plugin for tests of faults: orders in a pipeline, and lists that only ever grow."""

from __future__ import annotations

from collections.abc import Sequence

from crmkit import (
    CRM,
    Config,
    Database,
    Json,
    Move,
    Owned,
    Pipeline,
    Pipelined,
    Principal,
    Record,
    Stage,
    entity,
    field,
    translator,
)
from crmkit.testing import plugin

_ = translator("tests")
SYSTEM = Principal(None, "system", "faults")


@entity("till.order", label=_("Order"))
class Order(Owned, Pipelined):
    name: str = field()
    total: int = field(default=0)


@entity("till.tape", label=_("Tape"))
class Tape(Record):
    lines: Sequence[int] = field(Json(), factory=list)


STAGES = Pipeline(
    "till.orders",
    "till.order",
    _("Orders"),
    [Stage("open", _("Open")), Stage("paid", _("Paid"), kind="won", probability=100)],
    [Move("open", "paid"), Move("paid", "open")],
)
TILL = plugin("till", entities=[Order, Tape], pipelines=[STAGES])


def open_crm(url: str) -> CRM:
    """Return a CRM on a database that has its tables, for a process of its own."""
    return CRM(Config(database=Database(url=url)), plugins=[TILL])


def url_of(crm: CRM) -> str:
    """Return where the database of *crm* is, password and all."""
    return crm.storage.url.render_as_string(hide_password=False)
