"""Cells become values: by the type of the field, as the plan's formats say, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from crmkit.core.fields import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Decimals,
    FieldType,
    Integer,
    Json,
    MoneyType,
    MultiChoice,
    Refused,
    Text,
)
from crmkit.core.money import Money
from crmkit.core.text import casefold, gettext as _, translate
from crmkit.transfer.cells import Cell, cell_text
from crmkit.transfer.errors import shorten
from crmkit.transfer.plan import Formats

__all__ = ["Converter", "converter"]

#: Gives the value of a cell that is not empty; raises :class:`~crmkit.core.fields.Refused`.
Converter = Callable[[Cell], Any]

_TRUE = frozenset("true yes y 1 t on x 是 真 对 有".split())
_FALSE = frozenset("false no n 0 f off 否 假 错 无".split())
_REMEMBERED = 4096
_EXACT = Context(prec=1000)
_LOCALES = ("en", "zh_CN")


def converter(type: FieldType, formats: Formats) -> Converter:
    """Return what turns the cells of a column into values for a field of *type*.

    The values still pass the field type's own normaliser; this only reads text.
    """
    found = _converter(type, formats)
    return found if isinstance(type, (Text, Json)) else _remembering(found)


def _remembering(convert: Converter) -> Converter:
    """Return *convert* with a memory for texts: a column of dates or amounts has far fewer values than rows."""
    known: dict[str, Any] = {}

    def read(cell: Cell) -> Any:
        if not isinstance(cell, str):
            return convert(cell)
        if cell not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[cell] = convert(cell)
        return known[cell]

    return read


def _converter(type: FieldType, formats: Formats) -> Converter:
    match type:
        case MultiChoice():
            return _multi_choice(type, formats)
        case Choice():
            return _choice(type)
        case Boolean():
            return _boolean
        case Integer():
            return _integer(formats)
        case Decimals():
            return _decimal(formats)
        case MoneyType():
            return _money(formats)
        case DateTime():
            return _datetime(formats)
        case Date():
            return _date(formats)
        case Json():
            return _json
        case Text():
            return cell_text
        case _ if type.python is UUID:
            return _uuid
        case _:
            return cell_text


def _refuse(cell: Cell, expected: Any, example: str) -> Refused:
    message = _("{value!r} is no {expected}, such as {example}")
    return Refused(message, value=shorten(cell_text(cell)), expected=expected, example=example)


_Reader = Callable[[Cell], Decimal]
_SPACES = "[ \u00a0\u202f\u2009]"


def _number(formats: Formats) -> _Reader:
    """Return what reads exact numbers; a separator where none can stand is refused, not skipped."""
    point, mark = re.escape(formats.decimal), formats.thousands
    # Spreadsheets write one of several spaces where a plan says space.
    gap = _SPACES if mark.isspace() else re.escape(mark)
    whole = rf"\d+|\d{{1,3}}(?:{gap}\d{{3}})+" if mark else r"\d+"
    pattern = re.compile(rf"([+-]?)({whole})(?:{point}(\d+))?\Z", re.ASCII)
    example = f"1{mark}200{formats.decimal}50"

    def read(cell: Cell) -> Decimal:
        if isinstance(cell, (int, Decimal)) and not isinstance(cell, bool):
            return _times(Decimal(cell), formats.factor)
        match = pattern.match(cell_text(cell).strip())
        if match is None:
            raise _refuse(cell, _("number"), example)
        sign, digits, rest = match.groups()
        return _times(Decimal(f"{sign}{_NO_DIGIT.sub('', digits)}.{rest or 0}"), formats.factor)

    return read


_NO_DIGIT = re.compile(r"\D", re.ASCII)


def _times(number: Decimal, factor: Decimal) -> Decimal:
    # The usual context rounds to 28 digits.
    return number if factor == 1 else _EXACT.multiply(number, factor)


def _decimal(formats: Formats) -> Converter:
    read = _number(formats)
    # Trailing zeros that only the notation had are not part of the number.
    return lambda cell: _trimmed(read(cell))


def _trimmed(number: Decimal) -> Decimal:
    whole = number.to_integral_value()
    return whole if number == whole else number


def _integer(formats: Formats) -> Converter:
    read = _number(formats)

    def convert(cell: Cell) -> int:
        number = read(cell)
        if number != number.to_integral_value():
            raise _refuse(cell, _("whole number"), f"1{formats.thousands}200")
        return int(number)

    return convert


_AMOUNT = re.compile(r"([+-]?)\s*([A-Z]{3}|[$€£¥￥])?\s*([^A-Z$€£¥￥元]*?)\s*([A-Z]{3}|[$€£¥￥元])?\Z", re.DOTALL)
# A sign alone names no currency; it only agrees with the one that the plan states.
_SIGNS = {
    "$": frozenset("USD CAD AUD NZD HKD SGD TWD MXN ARS CLP COP BRL".split()),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
    **dict.fromkeys("¥￥", frozenset({"JPY", "CNY"})),
    "元": frozenset({"CNY", "TWD", "HKD"}),
}


def _money(formats: Formats) -> Converter:
    read = _number(formats)

    def convert(cell: Cell) -> Money:
        if not isinstance(cell, str):
            return _money_of(read(cell), _currency(cell, None, formats))
        match = _AMOUNT.match(cell.strip())
        if match is None or (match[2] and match[4]):
            raise _refuse(cell, _("amount of money"), "1200.50 EUR")
        return _money_of(read(match[1] + match[3]), _currency(cell, match[2] or match[4], formats))

    return convert


def _currency(cell: Cell, named: str | None, formats: Formats) -> str:
    stated = formats.currency
    if named is not None and named not in _SIGNS:
        return named
    if stated is None or (named is not None and stated not in _SIGNS[named]):
        message = _("{value!r} names no currency; state currency = 'EUR' or the like in the plan")
        raise Refused(message, value=shorten(cell_text(cell)))
    return stated


def _money_of(amount: Decimal, currency: str) -> Money:
    try:
        return Money.of(amount, currency)
    except ValueError as error:
        raise Refused(_("{reason}"), reason=str(error)) from None


def _boolean(cell: Cell) -> bool:
    word = casefold(cell_text(cell).strip())
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _refuse(cell, _("yes or no"), "yes, no, true, false, 1, 0, 是, 否")


def _date(formats: Formats) -> Converter:
    patterns = formats.date

    def convert(cell: Cell) -> date:
        if isinstance(cell, datetime):
            if cell.time() == cell.min.time():
                return cell.date()
            raise _refuse(cell, _("date"), _dates(patterns))
        if isinstance(cell, date):
            return cell
        found = _parsed(cell_text(cell).strip(), patterns, _ISO_DATE)
        if found is None or found.time() != found.min.time():
            raise _refuse(cell, _("date"), _dates(patterns))
        return found.date()

    return convert


_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_ISO_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?\Z", re.ASCII)


def _parsed(text: str, patterns: tuple[str, ...], iso: re.Pattern[str]) -> datetime | None:
    """Return the moment that one of *patterns* or ISO 8601 reads, without deciding about its zone."""
    for pattern in patterns:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text) if iso.match(text) else None
    except ValueError:
        return None


def _dates(patterns: tuple[str, ...]) -> str:
    day = date(2026, 11, 22)
    return ", ".join(dict.fromkeys([*(day.strftime(pattern) for pattern in patterns), day.isoformat()]))


def _datetime(formats: Formats) -> Converter:
    patterns = (*formats.datetime, *formats.date)
    zone = ZoneInfo(formats.timezone) if formats.timezone else None

    def convert(cell: Cell) -> datetime:
        if isinstance(cell, datetime):
            found: datetime | None = cell
        elif isinstance(cell, date):
            found = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the zone follows
        else:
            found = _parsed(cell_text(cell).strip(), patterns, _ISO_DATETIME)
        if found is None:
            raise _refuse(cell, _("date and time"), _moments(patterns))
        return found if found.tzinfo else _in_zone(found, zone)

    return convert


def _moments(patterns: tuple[str, ...]) -> str:
    moment = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    return ", ".join(dict.fromkeys([*(moment.strftime(pattern) for pattern in patterns), moment.isoformat()]))


def _in_zone(moment: datetime, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        raise Refused(_("{value} has no time zone; state timezone in the plan"), value=moment.isoformat())
    return moment.replace(tzinfo=zone)


def _choice(type: Choice) -> Converter:
    known = _words(type)
    slugs = ", ".join(type.slugs)

    def convert(cell: Cell) -> str:
        slug = known.get(casefold(cell_text(cell).strip()))
        if slug is None:
            raise Refused(_("{value!r} is none of {accepted}"), value=shorten(cell_text(cell)), accepted=slugs)
        return slug

    return convert


def _words(type: Choice) -> dict[str, str]:
    """Return what each choice is called: its slug, and its label in every language."""
    known: dict[str, str] = {}
    for option in type.options:
        for locale in _LOCALES:
            known.setdefault(casefold(translate(option.label, locale)), option.slug)
    return known | {casefold(slug): slug for slug in type.slugs}


def _multi_choice(type: MultiChoice, formats: Formats) -> Converter:
    one = _choice(type)

    def convert(cell: Cell) -> tuple[str, ...]:
        parts = [part.strip() for part in cell_text(cell).split(formats.list)]
        return tuple(sorted({one(part) for part in parts if part}))

    return convert


def _uuid(cell: Cell) -> UUID:
    try:
        return UUID(cell_text(cell).strip())
    except ValueError:
        raise _refuse(cell, _("id"), "018f4e1c-6a70-7c3e-9d51-0f2b7a1c9e44") from None


def _json(cell: Cell) -> Any:
    import json

    try:
        return json.loads(cell_text(cell))
    except ValueError:
        raise _refuse(cell, "JSON", '{"a": 1}') from None
