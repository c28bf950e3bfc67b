"""What a setting accepts, beyond its type."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from crmkit.core.configuration.currencies import CURRENCIES
from crmkit.core.text import Text, gettext as _

__all__ = [
    "Unacceptable",
    "accepts",
    "broker_url",
    "closest",
    "currency",
    "database_url",
    "hashes",
    "locale",
    "name",
    "networks",
    "not_negative",
    "one_of",
    "origin",
    "password_length",
    "port",
    "positive",
    "queue",
    "time_zone",
]

_LOCALE = re.compile(r"([a-z]{2,3})(_[A-Z][a-z]{3})?(_[A-Z]{2})?\Z")
_HASH = re.compile(r"[a-z][a-z0-9_]*=sha256:[0-9a-f]{64}\Z")
_BROKER = re.compile(r"(amqps?|rediss?|redis\+socket|sentinel)://")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?\Z")
_QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_URL = re.compile(r"(sqlite|postgresql)(\+\w+)?://")


class Unacceptable(ValueError):
    """A value that a setting does not accept; the message says what would be accepted."""

    def __init__(self, message: Text, **facts: Any) -> None:
        """Keep *message* (a template) and its *facts*."""
        super().__init__(message, facts)
        self.message, self.facts = message, facts


def accepts(check: Callable[[str], None], value: str) -> bool:
    """Return whether *check*, one of those below, accepts *value*."""
    try:
        check(value)
    except Unacceptable:
        return False
    return True


def closest(word: str, known: Any) -> str | None:
    """Return the one of *known* that *word* was probably meant to be."""
    return next(iter(get_close_matches(word, known, n=1)), None)


def name(value: str) -> None:
    """Return if *value* is a name that shows.

    Raises:
        Unacceptable: it is blank.
    """
    if not value.strip():
        raise Unacceptable(_("is empty; give the name of the company"))


def currency(value: str) -> None:
    """Return if *value* is the code of a currency.

    Raises:
        Unacceptable: ISO 4217 has no such code.
    """
    if value not in CURRENCIES:
        meant = closest(value.upper(), sorted(CURRENCIES))
        raise Unacceptable(
            _("{value!r} is no currency of ISO 4217; did you mean {meant!r}?")
            if meant
            else _("{value!r} is no currency of ISO 4217, such as EUR or CNY"),
            value=value,
            meant=meant,
        )


def time_zone(value: str) -> None:
    """Return if *value* is a time zone.

    Raises:
        Unacceptable: the IANA database has no such zone.
    """
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        meant = closest(value, sorted(available_timezones()))
        raise Unacceptable(
            _("{value!r} is no time zone of the IANA database; did you mean {meant!r}?")
            if meant
            else _("{value!r} is no time zone of the IANA database, such as Europe/Berlin"),
            value=value,
            meant=meant,
        ) from None


def locale(value: str) -> None:
    """Return if *value* names a language, with a script and a country where they matter.

    Raises:
        Unacceptable: it has another form, or there is no such language.
    """
    found = _LOCALE.match(value)
    if not found or found[1] not in _languages():
        meant = _respelled(value)
        raise Unacceptable(
            _("{value!r} is no language; did you mean {meant!r}?")
            if meant
            else _("{value!r} is no language, such as en, de_AT or zh_CN"),
            value=value,
            meant=meant,
        )


@cache
def _languages() -> set[str]:
    from locale import locale_alias

    return {re.split(r"[_.@]", alias)[0] for alias in locale_alias}


def _respelled(value: str) -> str | None:
    """Return what *value* was probably meant to be: ``zh-cn`` is how other systems write ``zh_CN``."""
    language, *country = re.split(r"[-_.]", value)[:2]
    respelled = "_".join([language.lower(), *(part.upper() for part in country)])
    known = _LOCALE.match(respelled)
    return respelled if known and known[1] in _languages() else None


def database_url(value: str) -> None:
    """Return if *value* is the URL of a database that crmkit knows. It may hold a password, so no error repeats it.

    Raises:
        Unacceptable: it is something else.
    """
    if not _URL.match(value):
        raise Unacceptable(_("is no database URL; give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"))


def broker_url(value: str | None) -> None:
    """Return if *value* is the URL of a broker. It may hold a password, so no error repeats it.

    Raises:
        Unacceptable: it is something else.
    """
    if value is not None and not _BROKER.match(value):
        raise Unacceptable(_("is no URL of a broker; give redis://HOST/0 or amqp://USER:PASSWORD@HOST/VHOST"))


def queue(value: str) -> None:
    """Return if *value* is a name that every broker takes.

    Raises:
        Unacceptable: it is not.
    """
    if not _QUEUE.match(value):
        raise Unacceptable(_("is no name of a queue; give 1 to 100 letters, digits, dots, hyphens and underscores"))


def one_of(*words: str) -> Callable[[str], None]:
    """Return a check that accepts *words*.

    Raises:
        Unacceptable: by what is returned, for anything else.
    """

    def check(value: str) -> None:
        if value not in words:
            known = ", ".join(words)
            raise Unacceptable(_("{value!r} is none of {known}"), value=value, known=known)

    return check


def hashes(value: list[str]) -> None:
    """Return if *value* lists names with their hashes.

    Raises:
        Unacceptable: an entry is something else.
    """
    for entry in value:
        if not _HASH.match(entry):
            raise Unacceptable(
                _("{entry!r} is no NAME=sha256:… with 64 digits; crmkit plugin hash prints it"), entry=entry
            )


def networks(value: list[str]) -> None:
    """Return if *value* lists networks.

    Raises:
        Unacceptable: an entry is something else.
    """
    for entry in value:
        try:
            ip_network(entry)
        except ValueError:
            raise Unacceptable(
                _("{entry!r} is no network, such as 10.20.0.0/16 or 127.0.0.1/32"), entry=entry
            ) from None


def encryption_keys(value: str | None) -> None:
    """Return if *value* lists keys of encrypted fields. They are secret, so no error repeats them.

    Raises:
        Unacceptable: it is something else.
    """
    from crmkit.core.encryption.masters import parse_keys

    try:
        if value is not None:
            parse_keys(value)
    except ValueError:
        raise Unacceptable(
            _("lists no keys; give NAME:KEY with spaces between, as crmkit encryption new-key prints it")
        ) from None


def positive(value: int) -> None:
    """Return if *value* is 1 or more.

    Raises:
        Unacceptable: it is less.
    """
    if value < 1:
        raise Unacceptable(_("{value} is too small; give 1 or more"), value=value)


def not_negative(value: int) -> None:
    """Return if *value* is 0 or more.

    Raises:
        Unacceptable: it is less.
    """
    if value < 0:
        raise Unacceptable(_("{value} is too small; give 0 or more"), value=value)


def port(value: int) -> None:
    """Return if *value* is a port.

    Raises:
        Unacceptable: there is no such port.
    """
    if not 0 < value < 65536:
        raise Unacceptable(_("{value} is no port; give 1 to 65535"), value=value)


def origin(value: str | None) -> None:
    """Return if *value* is the origin of a site: a scheme, a host and perhaps a port, with nothing behind.

    Raises:
        Unacceptable: it is something else.
    """
    if value is not None and not _ORIGIN.match(value):
        raise Unacceptable(_("{value!r} is no address such as https://crm.example.org"), value=value)


def password_length(value: int) -> None:
    """Return if passwords of *value* characters are long enough: NIST SP 800-63B asks for 8 beside a second factor.

    Raises:
        Unacceptable: it is less, or more than anybody types.
    """
    if not 8 <= value <= 64:
        raise Unacceptable(_("{value} is no length of passwords; give 8 to 64"), value=value)
