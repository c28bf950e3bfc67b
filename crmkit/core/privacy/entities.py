"""What administrators say about keeping and deleting: entities behind the same wall as all others."""

from __future__ import annotations

from crmkit.core.entity import Record, any_ref, entity, field
from crmkit.core.fields import Choice, Integer, LongText, Target, Text
from crmkit.core.text import gettext as _

__all__ = ["RETAINING", "LegalHold", "RetentionRule"]


@entity("core.legal_hold", label=_("Legal hold"))
class LegalHold(Record):
    """Keeps one record, and what is about it, from being deleted, merged or erased. Deleting the hold ends it."""

    record: Target = any_ref(label=_("Record"))
    reason: str = field(LongText(max=2_000), label=_("Reason"), help=_("Such as the case in which it is evidence"))


@entity("core.retention_rule", label=_("Retention rule"), unique=[("name",)])
class RetentionRule(Record):
    """Says when records of *entity* have been kept long enough, and what becomes of them then.

    A record is due when *where*, a rule, holds for it and it was not changed for *days* days. What is deleted goes into
    the bin; what is erased is gone for good.
    """

    name: str = field(Text(max=100), label=_("Name"))
    entity: str = field(Text(max=80), label=_("Entity"))
    where: str | None = field(LongText(max=10_000), default=None, label=_("Rule"))
    days: int = field(Integer(min=1, max=36_500), label=_("Days without a change"))
    action: str = field(Choice(["delete", "erase"]), default="delete", label=_("Action"))
    is_active: bool = field(default=True, label=_("Active"))


RETAINING = (LegalHold, RetentionRule)
