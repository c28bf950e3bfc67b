"""A plugin that knows more of contacts: an extension, and invoices that must be kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmkit import Email, Owned, Text, Url, entity, extension, field, ref, translator
from crmkit.testing import plugin

_ = translator("tests")


@extension(of="customers.contact")
class Member:
    nickname: str | None = field(default=None, personal=True, purpose="membership")


@entity("club.invoice", label=_("Invoice"), kept=_("invoices are kept for ten years"))
class Invoice(Owned):
    contact_id: UUID = ref("customers.contact", about=True)
    address: str = field(Text(max=200), personal=True, purpose="billing")
    reply_to: str = field(Email(), personal=True, purpose="billing")
    page: str | None = field(Url(), default=None, personal=True, purpose="billing")
    tax_number: str = field(personal=True, purpose="billing", kept=_("the tax office asks for it"))
    total: int = field()


CLUB: Any = plugin("club", entities=[Member, Invoice], requires=["customers"])
