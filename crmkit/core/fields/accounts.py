"""What accounts hold beside names: an address, a time zone, a language. None of them needs more than Python has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from crmkit.core.configuration import checks
from crmkit.core.fields.base import Refused, shortened
from crmkit.core.fields.text import Text
from crmkit.core.text import gettext as _

__all__ = ["Locale", "PlainEmail", "TimeZone"]

_EMAIL = re.compile(r"([^@\s]+)@([^@\s.]+(?:\.[^@\s.]+)*)\Z")


@attrs.frozen
class PlainEmail(Text):
    """What has the form of an e-mail address, its domain in lower case. :class:`Email` checks more and needs more."""

    max: int = 254
    name: ClassVar[str] = "email"
    widget: ClassVar[str] = "email"

    def clean(self, text: str) -> str:
        """Return the address; what has no name before an ``@`` and no domain behind it is refused."""
        found = _EMAIL.match(text)
        if found is None:
            raise Refused(_("{value!r} is no e-mail address such as anna@example.org"), value=shortened(text))
        return f"{found[1]}@{found[2].lower()}"

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``email``."""
        return {**super().json_schema(), "format": "email"}


@attrs.frozen
class TimeZone(Text):
    """A time zone of the IANA database, such as ``Europe/Berlin``."""

    max: int = 64
    name: ClassVar[str] = "time_zone"

    def clean(self, text: str) -> str:
        """Return the name of the zone; what is none is refused."""
        return _accepted(checks.time_zone, text)


@attrs.frozen
class Locale(Text):
    """A language, with a script and a country where they matter: ``en``, ``de_AT``, ``zh_CN``."""

    max: int = 16
    name: ClassVar[str] = "locale"

    def clean(self, text: str) -> str:
        """Return the name of the language; what is none is refused."""
        return _accepted(checks.locale, text)


def _accepted(check: Callable[[str], None], text: str) -> str:
    try:
        check(text)
    except checks.Unacceptable as error:
        raise Refused(error.message, **error.facts) from None
    return text
