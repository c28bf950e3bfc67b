"""Schemas and parameters that several doors describe alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit.core.text import gettext as _
from crmkit.rest.openapi.operations import Parameter

__all__ = ["FIELDS", "ORDER_BY", "WHERE", "array_of", "object_of"]

#: The conditions of a list.
WHERE = Parameter("filter", _('A rule that holds for the records, such as: stage == "won" && amount >= 1000.'))
ORDER_BY = Parameter("order_by", _("Fields to sort by, with commas between; a hyphen in front of one turns it round."))
FIELDS = Parameter("fields", _("Names of fields, with commas between, such as name,company.name."))


def object_of(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all *properties*."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def array_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}
