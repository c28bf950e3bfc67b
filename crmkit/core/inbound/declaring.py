"""What a plugin takes from other programs, and how they sign it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import attrs

from crmkit.core.errors import DeclarationError
from crmkit.core.jobs.limits import check_work_id
from crmkit.core.text import Text, gettext as _

__all__ = ["HmacSignature", "InboundHook", "InboundMessage", "InboundSource", "StandardSignature"]

_HEADER = re.compile(r"[a-z0-9-]{1,80}\Z")


def _name(given: str | None) -> str | None:
    return given if given is None else given.lower()


def _check_header(_instance: Any, attribute: attrs.Attribute[Any], name: str | None) -> None:
    if name is not None and not _HEADER.match(name):
        raise DeclarationError(f"HmacSignature.{attribute.name}", _("{name!r} is no name of a header"), name=name)


@attrs.frozen
class StandardSignature:
    """Messages are signed as Standard Webhooks says: with an id and a time, by one of several secrets."""


@attrs.frozen
class HmacSignature:
    """Messages are signed by the HMAC of their body, in *header* behind *prefix*, as many programs do it.

    *id_header* is the header with the id that tells a message from all others; without one, a message with the same
    body counts as the same. *time_header* has the seconds since 1970 at which it was sent; where there is none, a
    message may be sent again at any time, and is only known as long as its job is kept. What is signed is then
    ``TIME.BODY``.
    """

    header: str = attrs.field(converter=_name, validator=_check_header)
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    id_header: str | None = attrs.field(default=None, converter=_name, validator=_check_header)
    time_header: str | None = attrs.field(default=None, converter=_name, validator=_check_header)


@attrs.frozen
class InboundHook:
    """Takes messages of other programs, *signed* in one way, and has *job* done with each :class:`InboundMessage`.

    Who may send some is a record that administrators make: a source, with a secret and a user as whom the job acts.
    """

    id: str = attrs.field(validator=check_work_id)
    label: Text
    job: str
    signed: StandardSignature | HmacSignature = attrs.field(factory=StandardSignature)

    @property
    def is_standard(self) -> bool:
        """Whether messages are signed as Standard Webhooks says."""
        return isinstance(self.signed, StandardSignature)


@attrs.frozen
class InboundMessage:
    """A message that was proved to come from *source*: the arguments of the job of an :class:`InboundHook`."""

    hook: str
    source: UUID
    message: str
    received_at: datetime
    content_type: str
    body: bytes


@attrs.frozen
class InboundSource:
    """Who may send messages to *hook*: whoever has one of *secrets*. Their job acts as *user_id*."""

    hook: str
    secrets: tuple[str, ...] = attrs.field(repr=False)
    user_id: UUID
