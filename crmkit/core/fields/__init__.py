"""Field types: what a value must be, how it is cleaned, and in which columns it is kept.

A field type is a frozen attrs object without a database in it. Plugins make their own by subclassing
:class:`FieldType`.
"""

from __future__ import annotations

from crmkit.core.fields.accounts import Locale, PlainEmail, TimeZone
from crmkit.core.fields.base import Column, FieldType, Kind, Refused
from crmkit.core.fields.choices import Choice, MultiChoice, Option
from crmkit.core.fields.documents import Json
from crmkit.core.fields.numbers import Boolean, Decimals, Integer, MoneyType, Percent
from crmkit.core.fields.references import AnyReference, File, Reference, Target
from crmkit.core.fields.text import ContentHash, Email, LongText, Number, Phone, Text, Url
from crmkit.core.fields.times import Date, DateTime

__all__ = [
    "AnyReference",
    "Boolean",
    "Choice",
    "Column",
    "ContentHash",
    "Date",
    "DateTime",
    "Decimals",
    "Email",
    "FieldType",
    "File",
    "Integer",
    "Json",
    "Kind",
    "Locale",
    "LongText",
    "MoneyType",
    "MultiChoice",
    "Number",
    "Option",
    "Percent",
    "Phone",
    "PlainEmail",
    "Reference",
    "Refused",
    "Target",
    "Text",
    "TimeZone",
    "Url",
]
