"""What people and programs may call by its name: who may be contacted, with arguments that fit JSON."""

from __future__ import annotations

import attrs

from crmkit import Verb, translator

from . import services
from .entities import Contact

__all__ = ["VERBS"]

_ = translator(__package__)


@attrs.frozen
class MayContact:
    """Who is to be contacted, by what, and what for."""

    contact: Contact
    channel: str
    purpose: str


VERBS = [
    Verb(
        "customers.may_contact",
        _("Ask whether somebody may be contacted"),
        services.may_contact,
        "customers.contact",
        MayContact,
        services.Permission,
        writes=False,
    ),
]
