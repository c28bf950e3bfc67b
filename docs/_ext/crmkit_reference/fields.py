"""The reference of field types: what each takes, keeps and can be asked."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

import crmkit
from crmkit import Choice, FieldType, MultiChoice, Reference
from crmkit_reference.prose import prose

# Types that must be told something to be made at all.
_EXAMPLES: dict[type[FieldType], FieldType] = {
    Choice: Choice(["low", "high"]),
    MultiChoice: MultiChoice(["low", "high"]),
    Reference: Reference("core.user"),
}
_STORED = {
    "text": "text",
    "integer": "integer of 64 bits",
    "scaled": "scaled integer",
    "boolean": "boolean",
    "date": "date",
    "datetime": "moment in UTC",
    "uuid": "UUID",
    "json": "JSON",
}


def render() -> str:
    """Return a Markdown section for every field type of the public API."""
    return "\n".join(map(_section, find_types()))


def find_types() -> Iterator[type[FieldType]]:
    """Yield the field types of the public API, but for the base class."""
    for name in crmkit.__all__:
        found = getattr(crmkit, name)
        if inspect.isclass(found) and issubclass(found, FieldType) and found is not FieldType:
            yield found


def _section(kind: type[FieldType]) -> str:
    example = _EXAMPLES.get(kind) or kind()
    operators = " ".join(f"`{operator}`" for operator in kind.operators) or "none"
    return f"""
## {kind.__name__}

```python
{kind.__name__}{_signature(kind)}
```

{prose(kind)}

- In Python: `{kind.python.__name__}`
- In rules: {operators}
- Kept in: {"; ".join(_columns(example))}
- Widget: `{kind.widget}`
- JSON Schema: `{json.dumps(example.json_schema())}`
"""


def _signature(kind: type[FieldType]) -> str:
    parameters = inspect.signature(kind).parameters.values()
    return f"({', '.join(str(each.replace(annotation=inspect.Parameter.empty)) for each in parameters)})"


def _columns(kind: FieldType) -> Iterator[str]:
    for column in kind.columns():
        length = f" of at most {column.length} characters" if column.length else ""
        scale = f" with {column.scale} decimal digits" if column.kind == "scaled" else ""
        yield f"`…{column.suffix}` {_STORED[column.kind]}{length}{scale}"
