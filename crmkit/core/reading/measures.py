"""Measures: what is counted or worked out over the records of a group."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from crmkit.core.errors import CrmkitError
from crmkit.core.text import Text, gettext as _

__all__ = [
    "FUNCTIONS",
    "Measure",
    "MeasureError",
    "average",
    "count",
    "greatest",
    "least",
    "total",
    "total_by_currency",
]

Function = Literal["count", "sum", "avg", "min", "max", "sum by currency"]
FUNCTIONS: tuple[Function, ...] = ("count", "sum", "avg", "min", "max", "sum by currency")


@attrs.frozen
class Measure:
    """A function over one field of a group, or over its rows."""

    function: Function
    field: str | None = None


def count(field: str | None = None) -> Measure:
    """Return the measure of how many records there are, or how many have a value of *field*."""
    return Measure("count", field)


def total(field: str) -> Measure:
    """Return the measure of the sum of *field*; of money, in the company's currency."""
    return Measure("sum", field)


def total_by_currency(field: str) -> Measure:
    """Return the measure of the sums of money in *field*: a dict of Money by currency, as it was given."""
    return Measure("sum by currency", field)


def average(field: str) -> Measure:
    """Return the measure of the mean of *field* over the records that have a value."""
    return Measure("avg", field)


def least(field: str) -> Measure:
    """Return the measure of the smallest value of *field*."""
    return Measure("min", field)


def greatest(field: str) -> Measure:
    """Return the measure of the largest value of *field*."""
    return Measure("max", field)


class MeasureError(CrmkitError):
    """Measures that make no sense, such as the sum of a text."""

    code = "measure"
    template = _("{entity} cannot be measured so: {message}")

    def __init__(self, entity: str, message: Text, **facts: Any) -> None:
        """Name the *entity* and why; *facts* fill the message."""
        super().__init__(entity=entity, message=message, **facts)
