"""Field types: what a value must be, how it is cleaned, and in which columns it is kept.

A field type is a frozen attrs object without a database in it. Plugins make their own by
subclassing :class:`FieldType`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal
from uuid import UUID

import attrs

from crmkit.core.money import Money
from crmkit.core.text import Text as Sentence, gettext as _

__all__ = [
    "AnyReference",
    "Boolean",
    "Choice",
    "Column",
    "Date",
    "DateTime",
    "Decimals",
    "Email",
    "FieldType",
    "File",
    "Integer",
    "Json",
    "Kind",
    "LongText",
    "MoneyType",
    "MultiChoice",
    "Number",
    "Option",
    "Percent",
    "Phone",
    "Reference",
    "Refused",
    "Target",
    "Text",
    "Url",
]

Kind = Literal["text", "integer", "scaled", "boolean", "date", "datetime", "uuid", "json"]
_TEXT = ("==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith")
_ORDERED = ("==", "!=", "<", "<=", ">", ">=", "in")
_EQUAL = ("==", "!=", "in")


class Refused(ValueError):
    """A value that a field type does not accept; the message says what would be accepted."""

    def __init__(self, message: str, **facts: Any) -> None:
        """Keep *message* (a translatable template) and its *facts*."""
        super().__init__(message, facts)
        self.message, self.facts = message, facts


@attrs.frozen
class Column:
    """One column of a field: the suffix of its name and what it stores."""

    suffix: str
    kind: Kind
    length: int | None = None
    scale: int = 0


@attrs.frozen
class Target:
    """Which record an any-reference points at."""

    entity: str
    id: UUID

    @classmethod
    def of(cls, record: Any) -> Target:
        """Return the target that *record* is."""
        return cls(record.__entity__.id, record.id)


@attrs.frozen
class FieldType:
    """What every field type is. Subclasses say which Python type, operators, widget and columns they have."""

    name: ClassVar[str]
    python: ClassVar[type[Any]]
    operators: ClassVar[Sequence[str]] = _EQUAL
    widget: ClassVar[str] = "text"

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that keep a value."""
        raise NotImplementedError

    def normalise(self, value: Any) -> Any:
        """Return *value* cleaned and checked; ``None`` never arrives here.

        Raises:
            Refused: the value is not acceptable.
        """
        if not isinstance(value, self.python):
            raise Refused(_("expected {expected}, got {value!r}"), expected=self.python.__name__, value=_short(value))
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of a value."""
        raise NotImplementedError

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return what goes into each of :meth:`columns`; *value* may be ``None``."""
        return (value,)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the value that :meth:`split` took apart."""
        return parts[0]


def _short(value: object, limit: int = 80) -> str:
    shown = str(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


@attrs.frozen
class Text(FieldType):
    """One line of text, at most *max* characters, without leading or trailing space."""

    max: int = 500
    name: ClassVar[str] = "text"
    python: ClassVar[type[Any]] = str
    operators: ClassVar[Sequence[str]] = _TEXT

    def columns(self) -> tuple[Column, ...]:
        """Return one text column."""
        return (Column("", "text", length=self.max),)

    def normalise(self, value: Any) -> str | None:
        """Return *value* stripped; ``None`` for empty text."""
        text: str = FieldType.normalise(self, value).strip()
        if "\x00" in text:
            raise Refused(_("text may not contain a NUL character"))
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
                _("{value!r} is no e-mail address: {reason}"), value=_short(text), reason=str(error)
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
            raise Refused(_("{value!r} is no telephone number such as +49 30 123456"), value=_short(text)) from None
        if not phonenumbers.is_possible_number(number):
            raise Refused(_("{value!r} has too many or too few digits"), value=_short(text))
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
            raise Refused(_("{value!r} is no address such as https://example.org"), value=_short(text))
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


@attrs.frozen
class Integer(FieldType):
    """A whole number of at most 64 bits."""

    min: int = -(2**63)
    max: int = 2**63 - 1
    name: ClassVar[str] = "integer"
    python: ClassVar[type[Any]] = int
    operators: ClassVar[Sequence[str]] = _ORDERED
    widget: ClassVar[str] = "number"

    def columns(self) -> tuple[Column, ...]:
        """Return one integer column."""
        return (Column("", "integer"),)

    def normalise(self, value: Any) -> int:
        """Return *value* if it is an int between *min* and *max*; booleans are refused."""
        if isinstance(value, bool):
            raise Refused(_("expected {expected}, got {value!r}"), expected="int", value=value)
        number: int = FieldType.normalise(self, value)
        if not self.min <= number <= self.max:
            raise Refused(_("between {min} and {max}, got {value}"), min=self.min, max=self.max, value=number)
        return number

    def json_schema(self) -> dict[str, Any]:
        """Return an integer with its bounds."""
        return {"type": "integer", "minimum": self.min, "maximum": self.max}


@attrs.frozen
class Decimals(FieldType):
    """An exact decimal with at most *scale* digits after the point, kept as a scaled integer."""

    scale: int = 4
    min: Decimal | None = None
    max: Decimal | None = None
    name: ClassVar[str] = "decimal"
    python: ClassVar[type[Any]] = Decimal
    operators: ClassVar[Sequence[str]] = _ORDERED
    widget: ClassVar[str] = "number"

    def columns(self) -> tuple[Column, ...]:
        """Return one scaled-integer column."""
        return (Column("", "scaled", scale=self.scale),)

    def normalise(self, value: Any) -> Decimal:
        """Return *value* as a Decimal of exactly *scale* digits; floats are refused."""
        if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
            raise Refused(_("expected {expected}, got {value!r}"), expected="Decimal", value=_short(value))
        number = Decimal(value)
        if not number.is_finite():
            raise Refused(_("{value} is no number"), value=str(number))
        try:
            exact = number.quantize(Decimal(1).scaleb(-self.scale))
        except InvalidOperation:
            raise Refused(_("{value} is too large"), value=_short(number)) from None
        if exact != number:
            raise Refused(_("at most {scale} decimal digits, got {value}"), scale=self.scale, value=_short(number))
        self._check_bounds(exact)
        return exact

    def _check_bounds(self, number: Decimal) -> None:
        if abs(number.scaleb(self.scale)) >= 2**63:
            raise Refused(_("{value} is too large"), value=_short(number))
        if self.min is not None and number < self.min:
            raise Refused(_("at least {min}, got {value}"), min=self.min, value=number)
        if self.max is not None and number > self.max:
            raise Refused(_("at most {max}, got {value}"), max=self.max, value=number)

    def json_schema(self) -> dict[str, Any]:
        """Return a decimal string, so that no reader turns it into a float."""
        return {"type": "string", "format": "decimal"}


@attrs.frozen
class Percent(Decimals):
    """A percentage from 0 to 100."""

    scale: int = 2
    min: Decimal | None = Decimal(0)
    max: Decimal | None = Decimal(100)
    name: ClassVar[str] = "percent"
    widget: ClassVar[str] = "percent"


@attrs.frozen
class MoneyType(FieldType):
    """Money in any currency, with its value in the company's currency beside it (*base*).

    Rules, sorting and totals use the base value. It is set by the write, at the rate of the day.
    """

    name: ClassVar[str] = "money"
    python: ClassVar[type[Any]] = Money
    operators: ClassVar[Sequence[str]] = _ORDERED
    widget: ClassVar[str] = "money"

    def columns(self) -> tuple[Column, ...]:
        """Return minor units, currency, and minor units of the company's currency."""
        return (Column("_minor", "integer"), Column("_currency", "text", length=3), Column("_base", "integer"))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return minor units and currency; the base value is the write's to fill in."""
        return (None, None, None) if value is None else (value.minor, value.currency, None)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the money; the base value is no part of it."""
        return None if parts[0] is None else Money(parts[0], parts[1])

    def normalise(self, value: Any) -> Money:
        """Return *value* if it fits into 64 bits of minor units."""
        money: Money = FieldType.normalise(self, value)
        if abs(money.minor) >= 2**63:
            raise Refused(_("{value} is too large"), value=_short(money))
        return money

    def json_schema(self) -> dict[str, Any]:
        """Return ``{amount, currency}`` with the amount as a decimal string."""
        return {
            "type": "object",
            "properties": {
                "amount": {"type": "string", "format": "decimal"},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["amount", "currency"],
        }


@attrs.frozen
class Boolean(FieldType):
    """True or false."""

    name: ClassVar[str] = "boolean"
    python: ClassVar[type[Any]] = bool
    widget: ClassVar[str] = "checkbox"

    def columns(self) -> tuple[Column, ...]:
        """Return one boolean column."""
        return (Column("", "boolean"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}


@attrs.frozen
class Date(FieldType):
    """A calendar day."""

    name: ClassVar[str] = "date"
    python: ClassVar[type[Any]] = date
    operators: ClassVar[Sequence[str]] = _ORDERED
    widget: ClassVar[str] = "date"

    def columns(self) -> tuple[Column, ...]:
        """Return one date column."""
        return (Column("", "date"),)

    def normalise(self, value: Any) -> date:
        """Return *value*; a datetime is refused, because its day depends on the zone."""
        if isinstance(value, datetime):
            raise Refused(_("expected {expected}, got {value!r}"), expected="date", value=_short(value))
        day: date = FieldType.normalise(self, value)
        return day

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``date`` (RFC 3339)."""
        return {"type": "string", "format": "date"}


@attrs.frozen
class DateTime(FieldType):
    """A moment: an aware datetime, kept in UTC."""

    name: ClassVar[str] = "datetime"
    python: ClassVar[type[Any]] = datetime
    operators: ClassVar[Sequence[str]] = _ORDERED
    widget: ClassVar[str] = "datetime"

    def columns(self) -> tuple[Column, ...]:
        """Return one datetime column."""
        return (Column("", "datetime"),)

    def normalise(self, value: Any) -> datetime:
        """Return *value* in UTC; a datetime without a zone is refused."""
        moment: datetime = FieldType.normalise(self, value)
        if moment.tzinfo is None:
            raise Refused(_("{value} has no time zone"), value=moment.isoformat())
        return moment.astimezone(UTC)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``date-time`` (RFC 3339)."""
        return {"type": "string", "format": "date-time"}


@attrs.frozen
class Option:
    """One value of a choice: a permanent slug and a label that may change."""

    slug: str
    label: Sentence


def _options(given: Sequence[Option | str]) -> tuple[Option, ...]:
    return tuple(o if isinstance(o, Option) else Option(o, Sentence(o.replace("_", " ").capitalize())) for o in given)


@attrs.frozen
class Choice(FieldType):
    """One slug out of a closed list: ``Choice(["low", "high"])`` or options with labels."""

    options: tuple[Option, ...] = attrs.field(converter=_options)
    name: ClassVar[str] = "choice"
    python: ClassVar[type[Any]] = str
    operators: ClassVar[Sequence[str]] = _EQUAL
    widget: ClassVar[str] = "select"

    @property
    def slugs(self) -> tuple[str, ...]:
        """The accepted values, in the order in which they were declared."""
        return tuple(option.slug for option in self.options)

    def columns(self) -> tuple[Column, ...]:
        """Return one text column."""
        return (Column("", "text", length=64),)

    def normalise(self, value: Any) -> str:
        """Return *value* if it is one of the slugs."""
        slug: str = FieldType.normalise(self, value)
        if slug not in self.slugs:
            raise Refused(_("one of {accepted}, got {value!r}"), accepted=", ".join(self.slugs), value=_short(slug))
        return slug

    def json_schema(self) -> dict[str, Any]:
        """Return an enumeration of the slugs."""
        return {"type": "string", "enum": list(self.slugs)}


@attrs.frozen
class MultiChoice(Choice):
    """Any number of slugs out of a closed list, kept sorted and without repeats."""

    name: ClassVar[str] = "multi_choice"
    python: ClassVar[type[Any]] = tuple
    operators: ClassVar[Sequence[str]] = ("==", "!=", "contains")
    widget: ClassVar[str] = "multiselect"

    def columns(self) -> tuple[Column, ...]:
        """Return one text column that holds ``|a|b|``, so that one portable test finds a slug."""
        return (Column("", "text"),)

    def normalise(self, value: Any) -> Any:
        """Return the slugs sorted; anything that is no list, tuple or set of them is refused."""
        if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
            raise Refused(_("expected {expected}, got {value!r}"), expected="list", value=_short(value))
        for slug in value:
            Choice(self.options).normalise(slug)
        return tuple(sorted(set(value)))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return ``|a|b|``; an empty choice is ``|``."""
        return (None if value is None else "|" + "".join(f"{slug}|" for slug in value),)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the tuple of slugs."""
        return None if parts[0] is None else tuple(slug for slug in parts[0].split("|") if slug)

    def json_schema(self) -> dict[str, Any]:
        """Return an array of unique slugs."""
        return {"type": "array", "items": super().json_schema(), "uniqueItems": True}


@attrs.frozen
class Reference(FieldType):
    """The id of a record of *entity*.

    With *follows*, the record is visible only to those who see its target. *on_delete* says what deleting the
    target does: refuse (``restrict``), empty this field (``clear``) or delete this record too (``cascade``).
    """

    entity: str
    follows: bool = False
    on_delete: Literal["restrict", "clear", "cascade"] = "restrict"
    name: ClassVar[str] = "reference"
    python: ClassVar[type[Any]] = UUID
    operators: ClassVar[Sequence[str]] = _EQUAL
    widget: ClassVar[str] = "reference"

    def columns(self) -> tuple[Column, ...]:
        """Return one id column."""
        return (Column("", "uuid"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``uuid``."""
        return {"type": "string", "format": "uuid"}


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class AnyReference(FieldType):
    """A record of any entity. Who does not see the target does not see the record that points at it.

    Entities that hang on an any-reference themselves are targets only if *also* names them, so that what is visible
    never depends on itself.
    """

    also: tuple[str, ...] = attrs.field(converter=_names, default=())
    name: ClassVar[str] = "any_reference"
    python: ClassVar[type[Any]] = Target
    operators: ClassVar[Sequence[str]] = ("==", "!=")
    widget: ClassVar[str] = "any_reference"

    def columns(self) -> tuple[Column, ...]:
        """Return the entity's name and the record's id."""
        return (Column("_entity", "text", length=80), Column("_id", "uuid"))

    def split(self, value: Any) -> tuple[Any, ...]:
        """Return entity and id."""
        return (None, None) if value is None else (value.entity, value.id)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the :class:`Target`."""
        return None if parts[0] is None else Target(parts[0], parts[1])

    def json_schema(self) -> dict[str, Any]:
        """Return ``{entity, id}``."""
        properties = {"entity": {"type": "string"}, "id": {"type": "string", "format": "uuid"}}
        return {"type": "object", "properties": properties, "required": ["entity", "id"]}


@attrs.frozen
class Json(FieldType):
    """Any JSON value, checked by *check* where one is given."""

    check: Callable[[Any], None] | None = None
    name: ClassVar[str] = "json"
    python: ClassVar[type[Any]] = object
    operators: ClassVar[Sequence[str]] = ()
    widget: ClassVar[str] = "json"

    def columns(self) -> tuple[Column, ...]:
        """Return one JSON column."""
        return (Column("", "json"),)

    def normalise(self, value: Any) -> Any:
        """Return *value* if it can be written as JSON."""
        from msgspec import json

        try:
            json.encode(value)
        except TypeError as error:
            raise Refused(_("no JSON: {reason}"), reason=str(error)) from None
        if self.check is not None:
            self.check(value)
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the schema that admits everything."""
        return {}


@attrs.frozen
class File(FieldType):
    """The id of a stored file."""

    name: ClassVar[str] = "file"
    python: ClassVar[type[Any]] = UUID
    widget: ClassVar[str] = "file"

    def columns(self) -> tuple[Column, ...]:
        """Return one id column."""
        return (Column("", "uuid"),)

    def json_schema(self) -> dict[str, Any]:
        """Return a string of format ``uuid``."""
        return {"type": "string", "format": "uuid"}
