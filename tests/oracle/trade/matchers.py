"""By what firms that are entered twice are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmkit import Matcher, MatchKey


def _tax(values: Mapping[str, Any]) -> Iterator[str]:
    if values["tax"]:
        yield values["tax"]


def _place(values: Mapping[str, Any]) -> Iterator[str]:
    if values["name"] and values["city"]:
        yield f"{values['name']} {values['city']}"


FIRMS = Matcher(
    "trade.firm", [MatchKey("tax", ("tax",), _tax, identifies=True), MatchKey("place", ("name", "city"), _place)]
)
