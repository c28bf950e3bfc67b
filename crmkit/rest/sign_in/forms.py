"""What the doors of signing in take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

__all__ = [
    "Code",
    "Invitation",
    "Link",
    "MadePasskey",
    "Methods",
    "NewPasskey",
    "NewPassword",
    "NewToken",
    "OpenSession",
    "Passkeys",
    "Password",
    "PasswordMethod",
    "RecoveryCodes",
    "SecondFactor",
    "Session",
    "Sessions",
    "Signed",
    "Started",
    "Token",
    "Tokens",
    "Totp",
]

Secret = Annotated[str, msgspec.Meta(max_length=1000)]
Ticket = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class PasswordMethod(msgspec.Struct):
    """What a password must have."""

    least_characters: int


class Methods(msgspec.Struct):
    """How one signs in here; *openid* is what the provider is called, if there is one."""

    password: PasswordMethod
    passkey: bool
    openid: str | None


class Password(msgspec.Struct, forbid_unknown_fields=True):
    """Who somebody is, by e-mail address or name, and the password that proves it."""

    login: Secret
    password: Secret


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The present password, and the one to have instead."""

    password: Secret
    new_password: Secret


class Invitation(msgspec.Struct, forbid_unknown_fields=True):
    """The ticket behind the # of a link, and the password to have."""

    ticket: Ticket
    password: Secret


class Link(msgspec.Struct, omit_defaults=True):
    """A *link* that works once, until it *expires_at*; it is told when it is made, and never again."""

    expires_at: datetime
    link: str | None = None


class Code(msgspec.Struct, forbid_unknown_fields=True):
    """A one-time code, or a recovery code."""

    code: Annotated[str, msgspec.Meta(max_length=100)]


class Totp(msgspec.Struct):
    """The secret that an authenticator shares, and the address that a QR code shows."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct):
    """Codes of which each stands in for a second factor once; they are not told again."""

    recovery_codes: list[str]


class SecondFactor(msgspec.Struct):
    """Whether a second factor has still to be given, and by which methods that is possible."""

    needed: bool
    methods: list[str]


class Session(msgspec.Struct, omit_defaults=True):
    """A session. *csrf_token* is sent in the header X-CSRF-Token with whatever changes something."""

    session_id: UUID
    user_id: UUID
    user_name: str
    csrf_token: str
    assurance: str
    second_factor: SecondFactor
    recovery_codes: list[str] | None = None


class Started(msgspec.Struct):
    """What a browser is asked for, as ``navigator.credentials`` takes it, and the ticket for the next step."""

    options: dict[str, Any]
    ticket: str


class Signed(msgspec.Struct, forbid_unknown_fields=True):
    """What a browser has signed with a passkey."""

    ticket: Ticket
    credential: dict[str, Any]


class NewPasskey(msgspec.Struct, forbid_unknown_fields=True):
    """The passkey that a browser has made, and what its owner calls it."""

    ticket: Ticket
    credential: dict[str, Any]
    name: Name


class MadePasskey(msgspec.Struct):
    """A passkey as its owner sees it."""

    id: UUID
    user_id: UUID
    name: str
    created_at: Moment


class Passkeys(msgspec.Struct):
    """Passkeys, oldest first."""

    items: list[MadePasskey]


class OpenSession(msgspec.Struct):
    """A session that has not ended."""

    id: UUID
    user_id: UUID
    assurance: str
    address: str | None
    agent: str | None
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    is_this_one: bool


class Sessions(msgspec.Struct):
    """Sessions, newest first."""

    items: list[OpenSession]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """What a token is for, what it may do, until when, and as whom, if not as oneself."""

    name: Name
    scopes: list[str]
    expires_at: Moment
    user_id: UUID | None = None


class Token(msgspec.Struct, omit_defaults=True):
    """A token; *token* is its text, which is told when it is made, and never again."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    token: str | None = None


class Tokens(msgspec.Struct):
    """Tokens, newest first."""

    items: list[Token]
