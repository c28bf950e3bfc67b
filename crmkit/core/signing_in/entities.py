"""By what users are known, as they and administrators see it. What is secret is in tables that no door reads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crmkit.core.entity import Record, entity, field, ref
from crmkit.core.fields import Choice, Text
from crmkit.core.text import gettext as _

__all__ = ["SIGNING_IN", "Identity", "Passkey", "SignInSession", "Token"]


@entity("core.token", label=_("API token"))
class Token(Record):
    """Lets a program act as a user, within *scopes* that are separated by spaces, until it expires or is ended.

    *prefix* is how the token begins, so that people know it again; the rest of it is known to its holder alone.
    """

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    name: str = field(Text(max=200), label=_("Name"))
    prefix: str = field(Text(max=20), label=_("Begins with"))
    scopes: str = field(Text(max=2000), label=_("Scopes"))
    expires_at: datetime = field(label=_("Expires at"))
    ended_at: datetime | None = field(default=None, label=_("Ended at"))


@entity("core.session", label=_("Session"))
class SignInSession(Record):
    """What somebody who has signed in may go on with, until it expires, is not used for a while, or is ended.

    *assurance* says whether one factor has proved who it is, or more.
    """

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    assurance: str = field(Choice(["single", "multiple"]), label=_("Assurance"))
    address: str | None = field(
        Text(max=45), default=None, personal=True, purpose="security", label=_("Network address")
    )
    agent: str | None = field(Text(max=300), default=None, personal=True, purpose="security", label=_("Program"))
    expires_at: datetime = field(label=_("Expires at"))
    ended_at: datetime | None = field(default=None, label=_("Ended at"))


@entity("core.passkey", label=_("Passkey"))
class Passkey(Record):
    """A key on a device of the user's (W3C WebAuthn), with which they sign in without a password."""

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    name: str = field(Text(max=200), label=_("Name"))


@entity("core.identity", label=_("Identity"), unique=[("issuer", "subject")])
class Identity(Record):
    """Who a user is to a provider of OpenID Connect: its *issuer* vouches for the *subject*."""

    user_id: UUID = ref("core.user", on_delete="cascade", label=_("User"))
    issuer: str = field(Text(max=300), label=_("Provider"))
    subject: str = field(Text(max=255), label=_("Subject"))


SIGNING_IN = (Token, SignInSession, Passkey, Identity)
