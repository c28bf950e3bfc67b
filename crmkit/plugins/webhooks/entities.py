"""Who is told what, what became of each message, and what is to be told again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from crmkit import Choice, File, Integer, Json, LongText, Option, Record, Text, Url, entity, field, ref, translator

__all__ = ["ENTITIES", "Delivery", "Endpoint", "Replay", "Source"]

_ = translator(__package__)

STATES = [
    Option("waiting", _("Waiting")),
    Option("delivered", _("Delivered")),
    Option("dead", _("Given up")),
    Option("withheld", _("Not to be told")),
]
# Who answers may repeat what it was told, of whomever that is about.
_ANSWERS = "telling other programs"


@entity("webhooks.endpoint", label=_("Webhook"))
class Endpoint(Record):
    """A URL at which another program is told what happens, with what the user as whom it acts may read.

    *events* are types of events, such as ``crm.sales.deal.won.v1``, or the beginnings of some (``crm.sales.*``). With
    an *entity* only what happens to its records is told, with a *condition* only of those for which that holds. Nothing
    is told of what stands in the ledger up to the row *since*.
    """

    name: str = field(Text(max=200), search=True, label=_("Name"))
    url: str = field(Url(), label=_("URL"))
    events: Sequence[str] = field(
        Json(),
        factory=lambda: ["*"],
        label=_("Events"),
        help=_("Types of events, or the beginnings of some: crm.sales.*"),
    )
    entity: str | None = field(Text(max=80), default=None, label=_("Entity"))
    condition: str | None = field(LongText(max=10_000), default=None, label=_("Condition"))
    acts_as_id: UUID | None = ref(
        "core.user",
        default=None,
        label=_("Acts as"),
        help=_("The user with whose rights it is told; whoever makes it unless said otherwise"),
    )
    is_active: bool = field(default=True, label=_("Active"))
    secret: str | None = field(
        Text(max=120),
        default=None,
        encrypted=True,
        credential=True,
        label=_("Secret"),
        help=_("By which messages are signed; a new one is made where it is empty"),
    )
    old_secret: str | None = field(
        Text(max=120), default=None, encrypted=True, credential=True, label=_("Secret before")
    )
    old_secret_ends_at: datetime | None = field(default=None, label=_("Secret before ends at"))
    failing_since_at: datetime | None = field(default=None, label=_("Fails since"))
    resumes_at: datetime | None = field(
        default=None, label=_("Resumes at"), help=_("It has asked not to be told before")
    )
    off_reason: str | None = field(LongText(max=2000), default=None, label=_("Why it was switched off"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))
    since: int = field(default=0, label=_("Since row of the ledger"))


@entity(
    "webhooks.delivery",
    label=_("Message of a webhook"),
    indexes=[("endpoint_id", "next_at")],
    tells_of=("entity", "record_id"),
)
class Delivery(Record):
    """What is to be told, or was told, to one endpoint of one event. What is told is made when it is sent."""

    endpoint_id: UUID = ref("webhooks.endpoint", follows=True, on_delete="cascade", label=_("Webhook"))
    event: str = field(Text(max=160), label=_("Event"))
    position: int = field(label=_("Row of the ledger"))
    entity: str = field(Text(max=80), label=_("Entity"))
    record_id: UUID = field(File(), label=_("Record"))
    happened_at: datetime = field(indexed=True, label=_("Happened at"))
    state: str = field(Choice(STATES), default="waiting", label=_("State"))
    next_at: datetime | None = field(default=None, label=_("Is sent at"))
    attempts: int = field(Integer(min=0), default=0, label=_("Attempts"))
    sent_at: datetime | None = field(default=None, label=_("Was sent at"))
    took_ms: int | None = field(Integer(min=0), default=None, label=_("Took (ms)"))
    status: int | None = field(Integer(min=0), default=None, label=_("Status of the answer"))
    response: str | None = field(LongText(max=4000), default=None, personal=True, purpose=_ANSWERS, label=_("Answer"))
    error: str | None = field(LongText(max=2000), default=None, label=_("Error"))


@entity("webhooks.replay", label=_("Messages told again"))
class Replay(Record):
    """Has what was given up told again: one message, or all whose events happened in a span of time.

    With *is_everything* it is also told again what was delivered. *count* is how many messages that were.
    """

    endpoint_id: UUID = ref("webhooks.endpoint", follows=True, on_delete="cascade", label=_("Webhook"))
    delivery_id: UUID | None = ref("webhooks.delivery", default=None, on_delete="cascade", label=_("Message"))
    begins_at: datetime | None = field(default=None, label=_("From"))
    ends_at: datetime | None = field(default=None, label=_("Until"))
    is_everything: bool = field(default=False, label=_("Also what was delivered"))
    count: int | None = field(Integer(min=0), default=None, label=_("Messages"))


@entity("webhooks.source", label=_("Source of messages"))
class Source(Record):
    """Another program that sends messages here, to what a plugin takes: *hook*, such as ``sales.web_leads``.

    They are sent to a URL that ends in the record's id, and signed by *secret*. What comes of them is done by the user
    as whom the source acts.
    """

    name: str = field(Text(max=200), search=True, label=_("Name"))
    hook: str = field(Text(max=100), label=_("Takes"), help=_("What a plugin takes: sales.web_leads"))
    acts_as_id: UUID | None = ref(
        "core.user",
        default=None,
        label=_("Acts as"),
        help=_("The user with whose rights it is taken; whoever makes it unless said otherwise"),
    )
    is_active: bool = field(default=True, label=_("Active"))
    secret: str | None = field(
        Text(max=300),
        default=None,
        encrypted=True,
        credential=True,
        label=_("Secret"),
        help=_("By which messages are signed; a new one is made where it is empty"),
    )
    old_secret: str | None = field(
        Text(max=300), default=None, encrypted=True, credential=True, label=_("Secret before")
    )
    old_secret_ends_at: datetime | None = field(default=None, label=_("Secret before ends at"))
    note: str | None = field(LongText(max=2000), default=None, label=_("Note"))


ENTITIES = (Endpoint, Delivery, Replay, Source)
