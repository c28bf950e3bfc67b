"""Text in its forms: lines, paragraphs, addresses, telephone and human numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from crmkit.core.fields.base import TEXT_OPERATORS, Column, FieldType, Refused, shortened
from crmkit.core.text import gettext as _, is_storable

__all__ = ["ContentHash", "Email", "LongText", "Number", "Phone", "Text", "Url"]


@attrs.frozen
class Text(FieldType):
    """One line of text, at most *max* characters, without leading or trailing space."""

    max: int = 500
    name: ClassVar[str] = "text"
    python: ClassVar[type[Any]] = str
    operators: ClassVar[Sequence[str]] = TEXT_OPERATORS

    def columns(self) -> tuple[Column, ...]:
        """Return one text column."""
        return (Column("", "text", length=self.max),)

    def normalise(self, value: Any) -> str | None:
        """Return *value* stripped; ``None`` for empty text."""
        text: str = FieldType.normalise(self, value).strip()
        if not is_storable(text):
            raise Refused(_("text may not contain NUL or half a character"))
        if len(text) > self.max:
            raise Refused(_("at most {max} characters, got {length}"), max=self.max, length=len(text))
        return self.clean(text) if text else None

    def clean(self, text: str) -> str:
        """Return non-empty *text* in the form that this type keeps."""
        if "\n" in text or "\r" in text:
            raise Refused(_("one line of text; this has several"))
        return text

    def json_schema(self) -> dict[str, Any]:
        """Return ``{"type": "string", "maxLength": …}``."""
        return {"type": "string", "maxLength": self.max}


@attrs.frozen
class LongText(Text):
    """Text of several lines."""

    max: int = 100_000
    name: ClassVar[str] = "long_text"
    widget: ClassVar[str] = "textarea"

    def clean(self, text: str) -> str:
        """Return *text* with every line end made a line feed."""
        return text.replace("\r\n", "\n").replace("\r", "\n")


@attrs.frozen
class ContentHash(Text):
    """The SHA-256 of content that is kept apart from the record, as the content store gave it.

    Content goes along where its record is exported for a person, and is deleted when the last such record is erased.
    """

    max: int = 64


@attrs.frozen
class Email(Text):
    """An e-mail address (RFC 5321), its domain in lower case; needs the extra ``customers``."""

    max: int = 254
    name: ClassVar[str] = "email"
    widget: ClassVar[str] = "email"

    def clean(self, text: str) -> str:
        """Return the address normalised, checked without asking the network."""
        from email_validator import EmailNotValidError, validate_email

        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise Refused(
                _("{value!r} is no e-mail address: {reason}"), value=shortened(text), reason=str(error)
            ) from None

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``email``."""
        return {**super().json_schema(), "format": "email"}


@attrs.frozen
class Phone(Text):
    """A telephone number kept in E.164 form (ITU-T E.164); needs the extra ``customers``.

    *region* (ISO 3166, such as ``DE``) is assumed for numbers written without a country code.
    """

    max: int = 40
    region: str | None = None
    name: ClassVar[str] = "phone"
    widget: ClassVar[str] = "tel"

    def clean(self, text: str) -> str:
        """Return the number as ``+4930123456``, with ``;ext=12`` where it has an extension (RFC 3966)."""
        import phonenumbers

        try:
            number = phonenumbers.parse(text, self.region)
        except phonenumbers.NumberParseException:
            raise Refused(_("{value!r} is no telephone number such as +49 30 123456"), value=shortened(text)) from None
        if not phonenumbers.is_possible_number(number):
            raise Refused(_("{value!r} has too many or too few digits"), value=shortened(text))
        form = phonenumbers.PhoneNumberFormat.E164
        extension = f";ext={number.extension}" if number.extension else ""
        return phonenumbers.format_number(number, form) + extension


_URL = re.compile(r"https?://[^\s/?#]+\S*\Z", re.IGNORECASE)


@attrs.frozen
class Url(Text):
    """A web address with ``http`` or ``https``."""

    max: int = 2000
    name: ClassVar[str] = "url"
    widget: ClassVar[str] = "url"

    def clean(self, text: str) -> str:
        """Return the address; anything that is not http or https is refused."""
        if not _URL.match(text):
            raise Refused(_("{value!r} is no address such as https://example.org"), value=shortened(text))
        return text

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``uri``."""
        return {**super().json_schema(), "format": "uri"}


@attrs.frozen
class Number(Text):
    """A human number such as ``C-000123``: *prefix*, a hyphen, a counter of at least *digits* digits.

    It is given once, at creation, from a sequence of its own; gaps are normal.
    """

    prefix: str = attrs.field(default="N", kw_only=False)
    digits: int = 6
    max: int = 40
    name: ClassVar[str] = "number"

    def render(self, counter: int) -> str:
        """Return the human number of *counter*."""
        return f"{self.prefix}-{counter:0{self.digits}d}"
