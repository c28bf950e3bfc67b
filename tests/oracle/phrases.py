"""Between the model and crmkit: conditions become rules, values are converted, records become plain values."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from crmkit import Money, Target
from crmkit.core.entity import entity_info, loaded_values
from crmkit.core.errors import UnknownFieldError
from tests.oracle.http.remote import Shown
from tests.oracle.mirror import RATES
from tests.oracle.terms import ME, MY_TEAM, Cash

__all__ = ["UNFORESEEN", "expected", "given", "plain", "rule_text", "snapshot"]

# Values that the model does not foresee: moments, and constants that crmkit sets. That they are there is compared.
UNFORESEEN = frozenset(
    "created_at updated_at deleted_at custom code pipeline pipeline_version stage_kind stage_entered_at".split()
)


def rule_text(condition: Any) -> str:
    """Return *condition* as the text of a rule."""
    match condition:
        case ("not", inner):
            return f"!({rule_text(inner)})"
        case ("and" | "or" as word, *parts):
            return {"and": " && ", "or": " || "}[word].join(f"({rule_text(part)})" for part in parts)
        case ("null", path):
            return f"{path} == null"
        case ("contains", path, part):
            return f"{path}.contains({json.dumps(part)})"
    op, path, wanted = condition
    return f"{path} {op} {_literal(path, wanted)}"


def _literal(path: str, value: Any) -> str:
    match value:
        case tuple() if value in (ME, MY_TEAM):
            return f"{value[0]}()"
        case tuple() | list():
            return f"[{', '.join(_literal(path, item) for item in value)}]"
        case int() if path.endswith("worth"):
            return f"{Decimal(value) / 100:.2f}"
        case UUID():
            return json.dumps(str(value))
        case date():
            return f'date("{value.isoformat()}")'
        case Decimal():
            return str(value)
    return json.dumps(value)


def given(value: Any) -> Any:
    """Return a value of the model as crmkit takes it."""
    match value:
        case Cash():
            return Money(value.minor, value.currency)
        case (str() as entity, UUID() as id):
            return Target(entity, id)
    return value


def plain(value: Any) -> Any:
    """Return a value of crmkit as the model has it."""
    match value:
        case Money():
            return Cash(value.minor, value.currency, value.minor * RATES[value.currency])
        case Target():
            return (value.entity, value.id)
    return value


def snapshot(record: Any, prefix: str = "") -> dict[str, Any]:
    """Return every field of *record* that exists for its reader, computed ones included."""
    if isinstance(record, Shown):
        mine = {n: v for n, v in record.values.items() if (n.startswith(prefix) if prefix else _is_own(n))}
        return {name: _foreseen(name, plain(value)) for name, value in mine.items()}
    values = {prefix + name: _foreseen(name, plain(value)) for name, value in loaded_values(record).items()}
    values |= {f"custom.{key}": value for key, value in getattr(record, "custom", {}).items()} if not prefix else {}
    for name in entity_info(type(record)).computed:
        try:
            values[prefix + name] = getattr(record, name)
        except UnknownFieldError:
            continue
    return values


def expected(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return *row* of the model as :func:`snapshot` gives it: the record's own fields, or those of an extension."""
    mine = {
        n: v
        for n, v in row.items()
        if (n.startswith(prefix) and n != prefix if prefix else _is_own(n)) and n != "deleted"
    }
    return {name: _foreseen(name, value) for name, value in mine.items()}


def _is_own(name: str) -> bool:
    return "." not in name or name.startswith("custom.")


def _foreseen(name: str, value: Any) -> Any:
    return "…" if name in UNFORESEEN else value
