"""What contacts allow: each decision is kept, and the newest one counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from crmkit import Problem, Reader, UnknownFieldError, Write, WriteContext, Writer, translator

from ..entities import Consent, Contact
from .interactions import CLOCKS_DIFFER

__all__ = ["Permission", "check_consents", "consents_of", "may_contact", "record_consent"]

_ = translator(__package__.rpartition(".")[0])
_DECIDING = ("contact_id", "purpose", "channel", "status", "decided_at")


@attrs.frozen
class Permission:
    """Whether somebody may be contacted: *consent* is the decision that counts, ``None`` where none is known."""

    is_given: bool
    consent: Consent | None


def record_consent(
    db: Writer,
    contact: Contact,
    purpose: str,
    channel: str,
    status: str,
    *,
    source: str,
    decided_at: datetime | None = None,
    evidence: str | None = None,
    text_version: str | None = None,
) -> Consent:
    """Keep what *contact* has decided, now unless *decided_at* says when, and return it.

    Raises:
        NotFoundError, ForbiddenError, ValidationError, WriteRefusedError: as for creating any record.
    """
    decision = Consent(
        contact_id=contact.id,
        purpose=purpose,
        channel=channel,
        status=status,
        decided_at=decided_at or db.now,
        source=source,
        evidence=evidence,
        text_version=text_version,
    )
    return db.create(decision)


def may_contact(db: Reader, contact: Contact, channel: str, purpose: str) -> Permission:
    """Return whether *contact* may be contacted by *channel* for *purpose*: the newest decision about both allows it.

    Of two decisions of the same moment a withdrawal counts. Who may not read consents is told that none is known, so
    that nothing is sent.

    Raises:
        NotFoundError: the contact is not visible.
    """
    found = db.get(Contact, contact.id)
    if not db.readable_fields(Consent).issuperset(_DECIDING):
        return Permission(False, None)
    about = (Consent.f.contact_id == found.id) & (Consent.f.channel == channel) & (Consent.f.purpose == purpose)
    newest = db.find(Consent, about, order_by=("-decided_at", "-status"), limit=1)
    counting = newest[0] if newest else None
    return Permission(counting is not None and counting.status == "given", counting)


def consents_of(db: Reader, contact: Contact) -> list[Consent]:
    """Return all that *contact* has decided, the newest first.

    Raises:
        UnknownFieldError: the reader may not read when that was.
    """
    if "contact_id" not in db.readable_fields(Consent):
        raise UnknownFieldError("customers.consent", "contact_id")
    return db.find(Consent, Consent.f.contact_id == contact.id, order_by="-decided_at")


def check_consents(context: WriteContext, writes: Sequence[Write]) -> list[Problem]:
    """Return a problem for each of *writes* that changes a decision, or keeps one that nobody can have made yet.

    A merge and its undoing may let a decision follow its contact, and nothing else.
    """
    problems: list[Problem] = []
    for place, write in enumerate(writes):
        if write.entity.id != "customers.consent":
            continue
        changed = {name for name in write.values if write.changes(name)} - {"contact_id" if write.trusted else ""}
        if write.kind == "update" and changed:
            problems.append(Problem(_("a consent is never changed; keep the new decision beside it"), place))
        decided = write.get("decided_at")
        if write.kind == "create" and decided and decided > context.now + CLOCKS_DIFFER:
            problems.append(Problem(_("the decision lies in the future"), place))
    return problems
