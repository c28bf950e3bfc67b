"""Companies, contacts and interactions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crmkit import (
    Choice,
    Email,
    Integer,
    LongText,
    Money,
    Number,
    Option,
    Owned,
    Phone,
    Record,
    Target,
    Text,
    Url,
    any_ref,
    entity,
    field,
    ref,
    translator,
)

__all__ = ["ENTITIES", "Company", "Consent", "Contact", "Interaction", "NotDuplicate", "Participant"]

_ = translator(__package__)

RELATIONSHIPS = [
    Option("prospect", _("Prospect")),
    Option("customer", _("Customer")),
    Option("partner", _("Partner")),
    Option("supplier", _("Supplier")),
    Option("former", _("Former customer")),
]
KINDS = [
    Option("call", _("Call")),
    Option("meeting", _("Meeting")),
    Option("email", _("E-mail")),
    Option("visit", _("Visit")),
    Option("chat", _("Chat")),
    Option("letter", _("Letter")),
    Option("note", _("Note")),
]
DIRECTIONS = [Option("incoming", _("Incoming")), Option("outgoing", _("Outgoing"))]
CHANNELS = [
    Option("email", _("E-mail")),
    Option("phone", _("Phone")),
    Option("text_message", _("Text message")),
    Option("letter", _("Letter")),
    Option("chat", _("Chat")),
    Option("visit", _("Visit")),
]
STATUSES = [Option("given", _("Given")), Option("withdrawn", _("Withdrawn"))]
_CONTACTING = "contacting the person"
_PROVING = "proving what was allowed"


@entity("customers.company", label=_("Company"))
class Company(Owned):
    """An organisation that one deals with; companies form trees of parents and subsidiaries.

    It is no person; who is reached there may be one, and is a contact.
    """

    number: str | None = field(Number(prefix="C"), default=None, search=True, label=_("Number"))
    name: str = field(Text(max=200), search=True, indexed=True, label=_("Name"))
    parent_id: UUID | None = ref("customers.company", default=None, label=_("Parent company"))
    relationship: str | None = field(Choice(RELATIONSHIPS), default=None, label=_("Relationship"))
    sector: str | None = field(
        Text(max=100), default=None, indexed=True, label=_("Sector"), help=_("The trade, such as retail or finance")
    )
    email: str | None = field(Email(), default=None, personal=False, label=_("E-mail"))
    phone: str | None = field(
        Phone(), default=None, personal=False, label=_("Phone"), help=_("With the country code, such as +49 30 123456")
    )
    website: str | None = field(Url(), default=None, label=_("Website"))
    street: str | None = field(Text(max=200), default=None, personal=False, label=_("Street"))
    postal_code: str | None = field(Text(max=20), default=None, label=_("Postal code"))
    city: str | None = field(Text(max=100), default=None, search=True, indexed=True, label=_("City"))
    region: str | None = field(Text(max=100), default=None, label=_("State or province"))
    country: str | None = field(Text(max=100), default=None, label=_("Country"))
    employees: int | None = field(Integer(min=0), default=None, label=_("Employees"))
    revenue: Money | None = field(default=None, label=_("Yearly revenue"))
    founded: int | None = field(Integer(min=1, max=9999), default=None, label=_("Founded in"), help=_("The year"))
    tax_number: str | None = field(Text(max=40), default=None, label=_("Tax number"))
    description: str | None = field(LongText(max=20_000), default=None, search=True, label=_("Description"))


@entity("customers.contact", label=_("Contact"), person=True)
class Contact(Owned):
    """A person that one deals with, in a company or without one.

    The name is kept as the person writes it. Its parts are never guessed from it, nor it from them: which comes first
    depends on the language.
    """

    number: str | None = field(Number(prefix="P"), default=None, search=True, label=_("Number"))
    name: str = field(
        Text(max=200),
        search=True,
        indexed=True,
        personal=True,
        purpose=_CONTACTING,
        label=_("Name"),
        help=_("The whole name, as the person writes it"),
    )
    given_name: str | None = field(
        Text(max=100), default=None, personal=True, purpose=_CONTACTING, label=_("Given name")
    )
    family_name: str | None = field(
        Text(max=100), default=None, personal=True, purpose=_CONTACTING, label=_("Family name")
    )
    company_id: UUID | None = ref("customers.company", default=None, goes_along="true", label=_("Company"))
    job_title: str | None = field(Text(max=150), default=None, personal=True, purpose=_CONTACTING, label=_("Job title"))
    department: str | None = field(
        Text(max=150), default=None, personal=True, purpose=_CONTACTING, label=_("Department")
    )
    email: str | None = field(
        Email(), default=None, search=True, indexed=True, personal=True, purpose=_CONTACTING, label=_("E-mail")
    )
    phone: str | None = field(
        Phone(),
        default=None,
        indexed=True,
        personal=True,
        purpose=_CONTACTING,
        label=_("Phone"),
        help=_("With the country code, such as +49 30 123456"),
    )
    mobile: str | None = field(Phone(), default=None, personal=True, purpose=_CONTACTING, label=_("Mobile phone"))
    street: str | None = field(Text(max=200), default=None, personal=True, purpose=_CONTACTING, label=_("Street"))
    postal_code: str | None = field(
        Text(max=20), default=None, personal=True, purpose=_CONTACTING, label=_("Postal code")
    )
    city: str | None = field(Text(max=100), default=None, personal=True, purpose=_CONTACTING, label=_("City"))
    country: str | None = field(Text(max=100), default=None, personal=True, purpose=_CONTACTING, label=_("Country"))
    language: str | None = field(
        Text(max=16),
        default=None,
        personal=True,
        purpose=_CONTACTING,
        label=_("Language"),
        help=_("The language to write in, such as en or zh_CN"),
    )
    description: str | None = field(
        LongText(max=20_000), default=None, personal=True, purpose=_CONTACTING, label=_("Description")
    )


@entity("customers.interaction", label=_("Interaction"), links={"participants": "customers.participant"})
class Interaction(Owned):
    """A conversation that took place: a call, a meeting, an e-mail and so on, about one record."""

    kind: str = field(Choice(KINDS), label=_("Kind"))
    direction: str | None = field(Choice(DIRECTIONS), default=None, label=_("Direction"))
    subject: str = field(Text(max=300), search=True, personal=True, purpose=_CONTACTING, label=_("Subject"))
    body: str | None = field(
        LongText(), default=None, search=True, personal=True, purpose=_CONTACTING, label=_("What was said")
    )
    started_at: datetime = field(indexed=True, label=_("Started at"))
    minutes: int | None = field(Integer(min=0), default=None, label=_("Duration in minutes"))
    regarding: Target | None = any_ref(
        default=None,
        label=_("Regarding"),
        help=_("The company, person, deal or other record that it was about. Who does not see it sees no interaction."),
    )


@entity("customers.participant", label=_("Participant"), unique=[("interaction_id", "contact_id")])
class Participant(Record):
    """A contact that took part in an interaction; seen by those who see the interaction."""

    interaction_id: UUID = ref("customers.interaction", follows=True, on_delete="cascade", label=_("Interaction"))
    contact_id: UUID = ref("customers.contact", on_delete="cascade", label=_("Contact"))


@entity("customers.not_duplicate", label=_("Not the same"), unique=[("one", "other")])
class NotDuplicate(Record):
    """Somebody has looked at two records of one entity and decided that they are not the same; their order is nothing.

    It is seen by those who see both, and goes when the two are merged all the same.
    """

    one: Target = any_ref(label=_("Record"))
    other: Target = any_ref(label=_("Other record"))
    reason: str | None = field(Text(max=500), default=None, label=_("Reason"))


@entity("customers.consent", label=_("Consent"))
class Consent(Record):
    """What a contact allowed or forbade at a moment. It is never changed: who thinks again gives another one."""

    contact_id: UUID = ref("customers.contact", follows=True, on_delete="cascade", about=True, label=_("Contact"))
    purpose: str = field(
        Text(max=100), indexed=True, label=_("Purpose"), help=_("What for, such as newsletter or offers")
    )
    channel: str = field(Choice(CHANNELS), label=_("Channel"))
    status: str = field(Choice(STATUSES), label=_("Status"))
    decided_at: datetime = field(
        personal=True, purpose=_PROVING, label=_("Decided at"), help=_("When the person said so")
    )
    source: str = field(
        Text(max=200),
        personal=True,
        purpose=_PROVING,
        label=_("Source"),
        help=_("Where the person said so, such as a form or a call"),
    )
    evidence: str | None = field(
        LongText(max=20_000), default=None, personal=True, purpose=_PROVING, label=_("Evidence")
    )
    text_version: str | None = field(
        Text(max=100), default=None, label=_("Version of the text"), help=_("Which privacy notice was shown")
    )


ENTITIES = (Company, Contact, Interaction, Participant, NotDuplicate, Consent)
