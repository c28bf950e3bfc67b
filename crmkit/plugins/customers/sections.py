"""What is shown with companies and contacts: people, subsidiaries, and every conversation."""

from __future__ import annotations

from crmkit import Section, Through, TimelinePart, translator

__all__ = ["SECTIONS"]

_ = translator(__package__)

# What was said to a person of a company, or about one of its deals, was said to the company.
_TALKS = (
    "regarding",
    "regarding.company",
    "regarding.contact",
    Through("customers.participant", "interaction_id", "contact"),
    Through("customers.participant", "interaction_id", "contact.company"),
)

PEOPLE = Section(
    "customers.people",
    _("People"),
    "customers.contact",
    via="company",
    order_by="name",
    limit=10,
    fields=["name", "job_title", "email", "phone"],
    rank=10,
)
SUBSIDIARIES = Section(
    "customers.subsidiaries",
    _("Subsidiaries"),
    "customers.company",
    via="parent",
    order_by="name",
    fields=["name", "city", "relationship"],
    rank=20,
)
INTERACTIONS = Section(
    "customers.interactions",
    _("Interactions"),
    "customers.interaction",
    via=_TALKS,
    order_by="-started_at",
    fields=["kind", "subject", "started_at", "owner_id"],
    rank=30,
)
TALKS = TimelinePart("customers.talks", _("Interactions"), "customers.interaction", via=_TALKS, at="started_at")

SECTIONS = (PEOPLE, SUBSIDIARIES, INTERACTIONS, TALKS)
