"""What administrators say about keeping and deleting: entities behind the same wall as all others."""

from __future__ import annotations

from crmkit.core.entity import Record, any_ref, entity, field
from crmkit.core.fields import LongText, Target
from crmkit.core.text import gettext as _

__all__ = ["RETAINING", "LegalHold"]


@entity("core.legal_hold", label=_("Legal hold"))
class LegalHold(Record):
    """Keeps one record, and what is about it, from being deleted, merged or erased. Deleting the hold ends it."""

    record: Target = any_ref(label=_("Record"))
    reason: str = field(LongText(max=2_000), label=_("Reason"), help=_("Such as the case in which it is evidence"))


RETAINING = (LegalHold,)
