"""Fields as the code that declares them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from crmkit.core.fields import Choice, FieldType, LongText, Reference, Text
from crmkit.core.packaging.package import Extension, PackagedField

__all__ = ["declared_extension", "labels_of", "literal"]

_LINE = 120


def declared_extension(extension: Extension) -> str:
    """Return the class of *extension*."""
    head = (
        f'@extension(of="{extension.host}", label=_({literal(extension.class_name)}))\nclass {extension.class_name}:\n'
    )
    head += f'    """What was added to ``{extension.host}``."""\n\n'
    return head + "".join(_declared(field) for field in extension.fields)


def labels_of(field: PackagedField) -> Iterator[str]:
    """Yield every text of *field* that people read."""
    yield field.definition.label
    if field.definition.help:
        yield field.definition.help
    if isinstance(field.type, Choice):
        yield from (str(option.label) for option in field.type.options)


def literal(value: Any) -> str:
    """Return *value* as Python, with double quotes."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return f'Decimal("{value}")'
        case datetime():
            return f'datetime.fromisoformat("{value.isoformat()}")'
        case date():
            return f"date({value.year}, {value.month}, {value.day})"
        case tuple():
            return "(" + "".join(f"{literal(each)}, " for each in value).rstrip(" ") + ")"
    return repr(value)


def _declared(field: PackagedField) -> str:
    kind, definition = field.type, field.definition
    said = [_type(kind), f"default={literal(field.default)}", f"label=_({literal(definition.label)})"]
    if definition.help:
        said.append(f"help=_({literal(definition.help)})")
    if definition.indexed or isinstance(kind, Reference):
        said.append("indexed=True")
    if definition.personal:
        said += ["personal=True", f"purpose={literal(definition.purpose)}"]
    elif isinstance(kind, Text):
        # An administrator was asked, and said that it is none.
        said.append("personal=False")
    said.append(f"formerly={literal(field.formerly if len(field.formerly) > 1 else field.formerly[0])}")
    annotation = "tuple[str, ...]" if kind.python is tuple else kind.python.__name__
    start = f"    {field.name}: {annotation} | None = field("
    line = f"{start}{', '.join(said)})\n"
    return line if len(line) <= _LINE else start + "".join(f"\n        {each}," for each in said) + "\n    )\n"


def _type(kind: FieldType) -> str:
    """Return what makes *kind*, with the options that differ from what the type is without them."""
    if isinstance(kind, Choice):
        options = ", ".join(f"Option({literal(o.slug)}, _({literal(str(o.label))}))" for o in kind.options)
        return f"{type(kind).__name__}([{options}])"
    of_text = type(kind) in (Text, LongText)
    given = {a.name: (getattr(kind, a.name), a.default) for a in attrs.fields(type(kind))}
    said = (f"{name}={literal(value)}" for name, (value, default) in given.items() if of_text or value != default)
    return f"{type(kind).__name__}({', '.join(said)})"
